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

/* The open sizes of the input's dimensions, as text and filled in. */
static void fill(struct pk_gear *g, const aclmdlIODims *open, const int64_t *values) {
    size_t at = 0;
    int next = 0;
    g->dims = *open;
    for (size_t i = 0; i < open->dimCount; i++) {
        if (open->dims[i] >= 0) continue;
        g->dims.dims[i] = values[next];
        if (at + 24 < sizeof g->text)
            at += (size_t)snprintf(g->text + at, sizeof g->text - at, "%s%lld", next ? "," : "",
                                   (long long)values[next]);
        next++;
    }
}

static int read_dims(struct pk_gears *g, aclmdlDesc *desc, const aclmdlIODims *open,
                     const char *path) {
    aclmdlIODims *all = calloc((size_t)g->n, sizeof *all);
    if (!all) return pk_fail("%s: out of memory", path);
    aclError code = aclmdlGetInputDynamicDims(desc, (size_t)-1, all, (size_t)g->n);
    int status = code == ACL_SUCCESS ? 0 : fail(path, "aclmdlGetInputDynamicDims", code);
    for (int i = 0; i < g->n && !status; i++) {
        int64_t values[ACL_MAX_DIM_CNT];
        int n = 0;
        if (all[i].dimCount != open->dimCount) {
            status = pk_fail("%s has several inputs; a detector or classifier has one picture",
                             path);
            break;
        }
        for (size_t k = 0; k < open->dimCount; k++)
            if (open->dims[k] < 0) values[n++] = all[i].dims[k];
        fill(&g->items[i], open, values);
    }
    free(all);
    return status;
}

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

static int read_all(struct pk_gears *g, aclmdlDesc *desc, const char *path) {
    aclmdlBatch batch;
    aclmdlHW hw;
    aclmdlIODims open;
    size_t n = 0;
    aclError code = aclmdlGetDynamicBatch(desc, &batch);
    if (code == ACL_SUCCESS) code = aclmdlGetDynamicHW(desc, (size_t)-1, &hw);
    if (code == ACL_SUCCESS) code = aclmdlGetInputDynamicGearCount(desc, (size_t)-1, &n);
    if (code == ACL_SUCCESS) code = aclmdlGetInputDims(desc, 0, &open);
    if (code != ACL_SUCCESS) return fail(path, "reading its gears", code);
    g->kind = n ? PK_GEAR_DIMS : hw.hwCount ? PK_GEAR_IMAGE : PK_GEAR_BATCH;
    n = n ? n : hw.hwCount ? hw.hwCount : batch.batchCount;
    g->items = n ? calloc(n, sizeof *g->items) : NULL;
    if (!g->items) return pk_fail("%s: out of memory for %zu gears", path, n);
    g->n = (int)n;
    for (int i = 0; i < g->n; i++) g->items[i].k = i;
    if (g->kind == PK_GEAR_DIMS && read_dims(g, desc, &open, path)) return -1;
    for (int i = 0; i < g->n; i++) {
        struct pk_gear *gear = &g->items[i];
        if (g->kind == PK_GEAR_DIMS) {
            if (read_sizes(gear, path)) return -1;
            continue;
        }
        int64_t values[2] = {0, 0};
        if (g->kind == PK_GEAR_BATCH) values[0] = (int64_t)batch.batch[i];
        for (int k = 0; k < 2 && g->kind == PK_GEAR_IMAGE; k++)
            values[k] = (int64_t)hw.hw[i][k];
        fill(gear, &open, values);
        const int64_t pictures = g->kind == PK_GEAR_BATCH ? values[0] : open.dims[0];
        if (pictures < 1 || pictures > 65536 || values[0] > 16384 || values[1] > 16384)
            return pk_fail("%s: its gear %s is out of bounds", path, gear->text);
        gear->batch = (int)pictures;
        if (g->kind == PK_GEAR_IMAGE) {
            gear->height = (int)values[0];
            gear->width = (int)values[1];
        }
    }
    return 0;
}

int pk_gears_read(aclmdlDesc *desc, const char *path, struct pk_gears **out) {
    size_t index;
    *out = NULL;
    if (aclmdlGetInputIndexByName(desc, ACL_DYNAMIC_TENSOR_NAME, &index) != ACL_SUCCESS) return 0;
    struct pk_gears *g = calloc(1, sizeof *g);
    if (!g) return pk_fail("%s: out of memory", path);
    g->input = index;
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
    for (int i = 0; i < g->n; i++) {
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
    free(g->items);
    free(g);
}

/* ---- choosing ---- */

int pk_gears_set(const struct pk_gears *g, const struct pk_gear *gear, uint32_t model,
                 aclmdlDataset *inputs) {
    aclError code;
    aclmdlIODims dims = gear->dims;
    switch (g->kind) {
    case PK_GEAR_BATCH:
        code = aclmdlSetDynamicBatchSize(model, inputs, g->input, (uint64_t)gear->batch);
        break;
    case PK_GEAR_IMAGE:
        code = aclmdlSetDynamicHWSize(model, inputs, g->input, (uint64_t)gear->height,
                                      (uint64_t)gear->width);
        break;
    default: code = aclmdlSetInputDynamicDims(model, inputs, g->input, &dims); break;
    }
    return code == ACL_SUCCESS ? 0 : fail(gear->text, "choosing this gear", code);
}

int pk_gears_find(const struct pk_gears *g, const char *text, const char *path) {
    char all[400] = "";
    for (int i = 0; i < g->n; i++) {
        if (!strcmp(g->items[i].text, text)) return i;
        size_t at = strlen(all);
        if (at + 70 < sizeof all)
            snprintf(all + at, sizeof all - at, "%s%s", i ? "; " : "", g->items[i].text);
    }
    return pk_fail("%s has no gear %s; it has %s", path, text, all);
}

int pk_gears_choose(const struct pk_gears *g, int width, int height) {
    int best = 0;
    double best_scale = -1, best_area = 0;
    for (int i = 0; i < g->n; i++) {
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
