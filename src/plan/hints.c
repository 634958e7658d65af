/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/hints.h"

#include <stdio.h>
#include <string.h>

#include "base/cpu.h"

void hints_key(char key[static HINTS_KEY]) {
    snprintf(key, HINTS_KEY, TUNING_META "%s.%s", isa_name(isa_selected()), cpu_class());
}

enum status hints_read(const struct graph *g, struct arena *arena, struct tuning *out) {
    char key[HINTS_KEY];
    hints_key(key);
    const char *text = graph_get_meta(g, key);
    *out = (struct tuning){0};
    return text ? tuning_read(text, arena, out) : STATUS_OK;
}

void hints_sizes(const struct conv_desc *d, int size[TUNING_SIZES]) {
    const int sizes[TUNING_SIZES] = {
        d->n,  d->ic, d->ih, d->iw, d->oc, d->oh, d->ow, d->kh, d->kw, d->sh, d->sw, d->dh, d->dw,
        d->pt, d->pl, d->groups, (int)d->act, d->residual != CONV_RESIDUAL_NONE, (int)d->src,
        (int)d->dst, d->n_pieces};
    memcpy(size, sizes, sizeof sizes);
}
