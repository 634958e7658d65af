/* SPDX-License-Identifier: Apache-2.0 */
#include "gears.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *path, const char *call, aclError code) {
    const char *why = aclGetRecentErrMsg();
    return pk_fail("%s: %s failed with %d: %s", path, call, (int)code, why ? why : "");
}

/* ---- reading ---- */

/* Pictures a run, height and width out of the dimensions (N,3,H,W) or (N,H,W,3). */
static int read_sizes(struct pk_gear *g, const char *path) {
    const int64_t *d = g->dims.dims;
    const int nhwc = d[1] != 3 && d[3] == 3;
    const int64_t h = d[nhwc ? 1 : 2], w = d[nhwc ? 2 : 3];
    if (g->dims.dimCount != 4 || (!nhwc && d[1] != 3) || d[0] < 1 || d[0] > 65536 || h < 1 ||
        w < 1 || h > 16384 || w > 16384)
        return pk_fail("%s: its input at the gear %s is no RGB picture (N,3,height,width) or "
                       "(N,height,width,3)", path, g->text);
    g->batch = (int)d[0];
    g->height = (int)h;
    g->width = (int)w;
    return 0;
}

/* Gear g->items[i]: what the table says of it, and what that makes of the picture. */
static int read_gear(struct pk_gears *g, int i, const aclmdlIODims *open, const char *path) {
    const struct pk_gear_table *t = &g->table;
    struct pk_gear *gear = &g->items[i];
    int at = 0;
    *gear = (struct pk_gear){.k = i, .dims = *open};
    pk_gear_text(t, i, gear->text, sizeof gear->text);
    pk_gear_fill(t, i, &gear->dims, &at);
    if (t->kind == PK_GEAR_DIMS && at < t->n_values)
        return pk_fail("%s has several inputs; a detector or classifier has one picture", path);
    if (t->kind == PK_GEAR_DIMS) return read_sizes(gear, path);
    const int64_t *values = t->values[i];
    const int64_t pictures = t->kind == PK_GEAR_BATCH ? values[0] : open->dims[0];
    if (pictures < 1 || pictures > 65536 || values[0] > 16384 || values[1] > 16384)
        return pk_fail("%s: its gear %s is out of bounds", path, gear->text);
    gear->batch = (int)pictures;
    if (t->kind == PK_GEAR_IMAGE) {
        gear->height = (int)values[0];
        gear->width = (int)values[1];
    }
    return 0;
}

static int read_all(struct pk_gears *g, aclmdlDesc *desc, const char *path) {
    aclmdlIODims open;
    aclError code = aclmdlGetInputDims(desc, 0, &open);
    if (code != ACL_SUCCESS) return fail(path, "aclmdlGetInputDims", code);
    g->items = calloc((size_t)g->table.n, sizeof *g->items);
    if (!g->items) return pk_fail("%s: out of memory for %d gears", path, g->table.n);
    for (int i = 0; i < g->table.n; i++)
        if (read_gear(g, i, &open, path)) return -1;
    return 0;
}

int pk_gears_read(aclmdlDesc *desc, const char *path, struct pk_gears **out) {
    struct pk_gear_table table;
    *out = NULL;
    if (pk_gear_table_read(desc, path, &table)) return -1;
    if (!table.n) return 0;
    struct pk_gears *g = calloc(1, sizeof *g);
    if (!g) {
        pk_gear_table_free(&table);
        return pk_fail("%s: out of memory", path);
    }
    g->table = table;
    if (read_all(g, desc, path)) {
        pk_gears_free(g);
        return -1;
    }
    *out = g;
    return 0;
}

int pk_gears_read_outputs(struct pk_gears *g, uint32_t model, aclmdlDesc *desc,
                          aclmdlDataset *inputs, const char *path) {
    const size_t n = aclmdlGetNumOutputs(desc);
    for (int i = 0; i < g->table.n; i++) {
        struct pk_gear *gear = &g->items[i];
        gear->n_outputs = (int)(n < PK_MAX_OUTPUTS ? n : PK_MAX_OUTPUTS);
        if (pk_gears_set(g, gear, model, inputs)) return -1;
        for (int k = 0; k < gear->n_outputs; k++) {
            aclmdlIODims *d = &gear->outputs[k];
            aclError code = aclmdlGetCurOutputDims(desc, (size_t)k, d);
            if (code != ACL_SUCCESS) return fail(path, "aclmdlGetCurOutputDims", code);
            /* The first picture's part of an output is its front. */
            if (gear->batch > 1 && (!d->dimCount || d->dims[0] != gear->batch))
                return pk_fail("%s: output %d at the gear %s does not begin with %d pictures", path,
                               k, gear->text, gear->batch);
            if (gear->batch > 1) d->dims[0] = 1;
        }
    }
    return 0;
}

void pk_gears_free(struct pk_gears *g) {
    if (!g) return;
    pk_gear_table_free(&g->table);
    free(g->items);
    free(g);
}

/* ---- choosing ---- */

int pk_gears_set(const struct pk_gears *g, const struct pk_gear *gear, uint32_t model,
                 aclmdlDataset *inputs) {
    return pk_gear_set(&g->table, gear->k, &gear->dims, model, inputs);
}

int pk_gears_choose(const struct pk_gears *g, int width, int height) {
    int best = 0;
    double best_scale = -1, best_area = 0;
    for (int i = 0; i < g->table.n; i++) {
        const struct pk_gear *gear = &g->items[i];
        const int fewer = gear->batch < g->items[best].batch;
        if (i && !fewer && gear->batch > g->items[best].batch) continue;
        double scale = 1, area = (double)gear->width * gear->height;
        if (width > 0 && height > 0) {
            double x = (double)gear->width / width, y = (double)gear->height / height;
            scale = x < y ? x : y;
            if (scale > 1) scale = 1;
        } else {
            scale = area;
        }
        if (i && !fewer && (scale < best_scale || (scale == best_scale && area >= best_area)))
            continue;
        best = i;
        best_scale = scale;
        best_area = area;
    }
    return best;
}
