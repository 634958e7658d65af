/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the taps of one axis into the form the resize kernels read. */
#include "kernels/resize.h"

static int find_factor(const struct resize_axis *a) {
    const int factor = a->n_in > 0 ? a->n_out / a->n_in : 0;
    if (a->n_taps != 1 || a->has_outside || factor < 1 || (int64_t)factor * a->n_in != a->n_out)
        return 0;
    for (int o = 0; o < a->n_out; o++)
        if (a->index[o] != o / factor) return 0;
    return factor;
}

void resize_axis_init(struct resize_axis *a, int n_in, int n_out, int n_taps,
                      const int64_t *from_index, const double *from_weight, const bool *outside,
                      int32_t *index, float *weight) {
    *a = (struct resize_axis){.n_in = n_in, .n_out = n_out, .n_taps = n_taps, .index = index,
                              .weight = weight};
    for (int64_t i = 0; i < (int64_t)n_out * n_taps; i++) {
        index[i] = (int32_t)from_index[i];
        weight[i] = (float)from_weight[i];
    }
    for (int64_t o = 0; outside && o < n_out; o++)
        if (outside[o]) {
            index[o * n_taps] = -1;
            a->has_outside = 1;
        }
    a->factor = find_factor(a);
}
