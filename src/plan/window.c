/* SPDX-License-Identifier: Apache-2.0 */
/* The 2-D window of a convolution or pool, as a node's attributes give it. */
#include <string.h>

#include "plan/plan.h"

bool plan_window(const struct node *n, const struct shape *x, const struct shape *y, int kh, int kw,
                 struct window *w) {
    int64_t v[4];
    *w = (struct window){.kh = kh, .kw = kw, .sh = 1, .sw = 1, .dh = 1, .dw = 1};
    if (node_ints(n, "strides", v, 2) == 2) w->sh = (int)v[0], w->sw = (int)v[1];
    if (node_ints(n, "dilations", v, 2) == 2) w->dh = (int)v[0], w->dw = (int)v[1];
    const char *auto_pad = node_string(n, "auto_pad", "NOTSET");
    if (!strcmp(auto_pad, "VALID")) return true;
    if (!strncmp(auto_pad, "SAME", 4)) {
        int64_t h = (y->dim[2] - 1) * w->sh + (kh - 1) * w->dh + 1 - x->dim[2];
        int64_t c = (y->dim[3] - 1) * w->sw + (kw - 1) * w->dw + 1 - x->dim[3];
        if (h < 0) h = 0;
        if (c < 0) c = 0;
        bool lower = !strcmp(auto_pad, "SAME_LOWER");
        w->pt = (int)(lower ? h - h / 2 : h / 2);
        w->pl = (int)(lower ? c - c / 2 : c / 2);
        w->pb = (int)h - w->pt;
        w->pr = (int)c - w->pl;
        return true;
    }
    if (node_ints(n, "pads", v, 4) == 4) {
        w->pt = (int)v[0], w->pl = (int)v[1], w->pb = (int)v[2], w->pr = (int)v[3];
        return w->pt >= 0 && w->pl >= 0;
    }
    return true;
}
