/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepares N-d copies: reorders and merges dimensions until what is left is the real difference
 * between source and destination, then cuts the work into units.
 */
#include "kernels/move.h"

#include <string.h>

#include "base/alloc.h"

enum { UNIT_ELEMENTS = 8192, TILE = 16 };

static int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

/* Adds a dimension inside those already there, merged with the last one if it continues it. */
static void append(struct move_copy *c, int64_t n, int64_t ss, int64_t ds) {
    const int p = c->rank - 1;
    if (c->rank && c->src_stride[p] == ss * n && c->dst_stride[p] == ds * n) {
        c->dim[p] *= n;
        c->src_stride[p] = ss;
        c->dst_stride[p] = ds;
        return;
    }
    c->dim[c->rank] = n;
    c->src_stride[c->rank] = ss;
    c->dst_stride[c->rank] = ds;
    c->rank++;
}

static void choose_strips(struct move_copy *c) {
    const int row = c->rank - 1;
    const int64_t n = c->dim[row];
    c->strip_dim = row;
    if (c->dst_stride[row] == 1 && magnitude(c->src_stride[row]) != 1 && c->src_stride[row] != 0)
        for (int d = 0; d < row; d++)
            if (c->src_stride[d] == 1) {
                c->transpose = 1;
                c->strip_dim = d;
            }
    if (c->transpose) {
        c->strip = UNIT_ELEMENTS / n / TILE * TILE;
        if (c->strip < TILE) c->strip = TILE;
    } else if (row > 0 && n < UNIT_ELEMENTS) {
        c->strip_dim = row - 1;
        c->strip = UNIT_ELEMENTS / n;
    } else {
        c->strip = UNIT_ELEMENTS;
    }
    c->n_strips = (c->dim[c->strip_dim] + c->strip - 1) / c->strip;
    c->n_units = c->n_strips;
    for (int d = 0; d < row; d++)
        if (d != c->strip_dim) c->n_units *= c->dim[d];
}

/* Rows of two, four or eight bytes' worth of elements move as one: boxes are cut into pairs. */
static void widen_elements(struct move_copy *c) {
    for (int p = c->rank - 1; p > 0 && c->element_bytes < 8; p = c->rank - 1) {
        if (c->dim[p] % 2 || c->dim[p] * c->element_bytes > 16 || c->src_stride[p] != 1 ||
            c->dst_stride[p] != 1)
            return;
        for (int d = 0; d < p; d++)
            if (c->src_stride[d] % 2 || c->dst_stride[d] % 2) return;
        for (int d = 0; d < p; d++) {
            c->src_stride[d] /= 2;
            c->dst_stride[d] /= 2;
        }
        c->element_bytes *= 2;
        c->dim[p] /= 2;
        if (c->dim[p] == 1) c->rank--;
    }
}

enum status move_copy_init(struct move_copy *c, int element_bytes, int rank, const int64_t *dims,
                           const int64_t *src_strides, const int64_t *dst_strides) {
    int order[MOVE_MAX_RANK];
    CHECK(rank >= 0 && rank <= MOVE_MAX_RANK, STATUS_LIMIT,
          "a copy of %d dimensions, at most %d are supported", rank, MOVE_MAX_RANK);
    CHECK(element_bytes == 1 || element_bytes == 2 || element_bytes == 4 || element_bytes == 8,
          STATUS_ARGUMENT, "a copy of elements of %d bytes", element_bytes);
    memset(c, 0, sizeof *c);
    c->element_bytes = element_bytes;
    int n = 0;
    for (int d = 0; d < rank; d++) {
        if (dims[d] == 0) return STATUS_OK; /* no units */
        if (dims[d] == 1) continue;
        int at = n++;
        for (; at > 0 && magnitude(dst_strides[order[at - 1]]) < magnitude(dst_strides[d]); at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    for (int i = 0; i < n; i++)
        append(c, dims[order[i]], src_strides[order[i]], dst_strides[order[i]]);
    if (!c->rank) append(c, 1, 1, 1);
    widen_elements(c);
    choose_strips(c);
    return STATUS_OK;
}

enum status move_permute_init(struct move_copy *c, int element_bytes, int rank, const int64_t *dims,
                              const int *perm) {
    int64_t src[MOVE_MAX_RANK], to[MOVE_MAX_RANK], from[MOVE_MAX_RANK], dst[MOVE_MAX_RANK];
    CHECK(rank >= 0 && rank <= MOVE_MAX_RANK, STATUS_LIMIT,
          "a transpose of %d dimensions, at most %d are supported", rank, MOVE_MAX_RANK);
    int64_t step = 1;
    for (int d = rank - 1; d >= 0; d--) {
        src[d] = step;
        CHECK(i64_mul(step, dims[d], &step), STATUS_LIMIT, "a transpose of too many elements");
    }
    step = 1;
    for (int k = rank - 1; k >= 0; k--) {
        CHECK(perm[k] >= 0 && perm[k] < rank, STATUS_ARGUMENT, "transpose takes axis %d of %d",
              perm[k], rank);
        to[k] = dims[perm[k]];
        from[k] = src[perm[k]];
        dst[k] = step;
        step *= to[k];
    }
    return move_copy_init(c, element_bytes, rank, to, from, dst);
}

enum status move_depth_to_space_init(struct move_copy *c, int element_bytes, int64_t n, int64_t ch,
                                     int64_t h, int64_t w, int64_t block, int crd) {
    CHECK(block > 0 && ch % (block * block) == 0, STATUS_SHAPE,
          "depth to space: %lld channels do not divide into blocks of %lld", (long long)ch,
          (long long)block);
    const int64_t depth = ch / (block * block);
    if (crd)
        return move_permute_init(c, element_bytes, 6, (int64_t[]){n, depth, block, block, h, w},
                                 (int[]){0, 1, 4, 2, 5, 3});
    return move_permute_init(c, element_bytes, 6, (int64_t[]){n, block, block, depth, h, w},
                             (int[]){0, 3, 4, 1, 5, 2});
}

enum status move_space_to_depth_init(struct move_copy *c, int element_bytes, int64_t n, int64_t ch,
                                     int64_t h, int64_t w, int64_t block) {
    CHECK(block > 0 && h % block == 0 && w % block == 0, STATUS_SHAPE,
          "space to depth: %lldx%lld does not divide into blocks of %lld", (long long)h,
          (long long)w, (long long)block);
    return move_permute_init(c, element_bytes, 6,
                             (int64_t[]){n, ch, h / block, block, w / block, block},
                             (int[]){0, 3, 5, 1, 2, 4});
}
