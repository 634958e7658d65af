/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting rows of outputs into register tiles.
 *
 * All but the end of a long row goes to the tile that takes least for an output; the rest, up to
 * CUT_EXACT outputs, is cut by dynamic programming, where the last tile may also be moved back to
 * overlap what is there already. A run cuts thousands of rows, and a model has hundreds of layers,
 * but there are few sets of tiles, so how each rest is cut is found once in a process.
 */
#include <pthread.h>

#include "kernels/conv_algorithms.h"
#include "kernels/pairs.h"

/* Of each ISA: five distances and pairs, up to four blocks, with and without overlap. A set is
 * known by its first tile. */
enum { MOST_SETS = ISA_COUNT * 6 * 4 * 2 };

static struct {
    pthread_mutex_t mutex;
    int n;
    struct conv_cuts at[MOST_SETS];
} found = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The tiles for this many blocks and this distance; how many. */
static int find_tiles(const struct conv_plan *p, int ocv, const struct conv_tile_kernel **out) {
    const int pairs = p->algorithm == CONV_PAIRS;
    const struct conv_tile_kernel *tiles = pairs ? p->k->pairs->tiles : p->k->conv->tiles;
    const int n_tiles = pairs ? p->k->pairs->n_tiles : p->k->conv->n_tiles;
    for (int any = 0; any < 2; any++) {
        int n = 0;
        for (int i = 0; i < n_tiles; i++)
            if (tiles[i].ocv == ocv && tiles[i].step == (any ? 0 : p->pixel_step) && n < CUT_TILES)
                out[n++] = &tiles[i];
        if (n) return n;
    }
    return 0;
}

static float tile_cost(const struct conv_kernels *k, int ocv, int px) {
    float c = (float)(ocv * px) + k->load_cost * (float)ocv + k->broadcast_cost * (float)px;
    return c < k->least_cost ? k->least_cost : c;
}

static void cut_all(const struct conv_kernels *k, int n, int ocv, struct conv_cuts *c) {
    c->main = 0;
    for (int i = 0; i < n; i++) {
        c->cost[i] = tile_cost(k, ocv, c->tile[i]->px);
        if (c->cost[i] * (float)c->tile[c->main]->px < c->cost[c->main] * (float)c->tile[i]->px)
            c->main = i;
    }
    float least[CUT_EXACT + 1] = {0}; /* of exactly so many outputs */
    for (int length = 1; length <= CUT_EXACT; length++) {
        least[length] = 1e30f;
        for (int j = 0; j < n; j++) {
            const int before = length - c->tile[j]->px;
            if (before < 0 || least[before] + c->cost[j] >= least[length]) continue;
            least[length] = least[before] + c->cost[j];
            c->last[length] = (unsigned char)j;
        }
        float best = least[length];
        c->exact[length] = (unsigned char)length;
        for (int j = 0; c->overlap && j < n; j++) /* `more` outputs, and some there are already */
            for (int more = 1; more < c->tile[j]->px && c->tile[j]->px <= length; more++) {
                if (least[length - more] + c->cost[j] >= best - 0.01f) continue;
                best = least[length - more] + c->cost[j];
                c->exact[length] = (unsigned char)(length - more);
                c->tail[length] = (unsigned char)j;
            }
    }
}

const struct conv_cuts *conv_cuts_for(const struct conv_plan *p, int ocv, int overlap) {
    struct conv_cuts c = {.overlap = overlap};
    const int n = find_tiles(p, ocv, c.tile);
    if (!n) return NULL;
    int i = 0;
    pthread_mutex_lock(&found.mutex);
    while (i < found.n && (found.at[i].tile[0] != c.tile[0] || found.at[i].overlap != overlap)) i++;
    if (i == found.n) {
        cut_all(p->k->conv, n, ocv, &c);
        found.at[found.n++] = c;
    }
    pthread_mutex_unlock(&found.mutex);
    return &found.at[i];
}

float conv_cut(const struct conv_cuts *c, int length, int x, struct conv_run *runs, int *n_runs) {
    float cost = 0;
    const int end = x + length;
#define APPEND(j, at, number)                                                                      \
    do {                                                                                           \
        if (runs) runs[(*n_runs)++] = (struct conv_run){c->tile[j], (at), (number), 0, 0, -1, -1}; \
        cost += c->cost[j] * (float)(number);                                                      \
    } while (0)
    const int px = c->tile[c->main]->px;
    if (length > CUT_EXACT || length % px == 0) {
        const int count = length % px ? (length - CUT_EXACT / 2) / px : length / px;
        APPEND(c->main, x, count);
        x += count * px;
        length -= count * px;
        if (length == 0) return cost;
    }
    for (int left = c->exact[length]; left > 0;) {
        const int j = c->last[left];
        int count = 0;
        for (; left > 0 && c->last[left] == j; left -= c->tile[j]->px) count++;
        APPEND(j, x, count);
        x += count * c->tile[j]->px;
    }
    if (x < end) APPEND(c->tail[length], end - c->tile[c->tail[length]]->px, 1);
#undef APPEND
    return cost;
}
