/* SPDX-License-Identifier: Apache-2.0 */
#include "gear_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int fail(const char *path, const char *call, aclError code) {
    const char *why = aclGetRecentErrMsg();
    return pk_fail("%s: %s failed with %d: %s", path, call, (int)code,
                   why && *why ? why : "no more is known");
}

/* Where the inputs' own dimensions are open, a gear's have its sizes. */
static int read_dims(struct pk_gear_table *t, aclmdlDesc *desc, const char *path) {
    aclmdlIODims *all = calloc((size_t)t->n, sizeof *all), open;
    if (!all) return pk_fail("%s: out of memory", path);
    aclError code = aclmdlGetInputDynamicDims(desc, (size_t)-1, all, (size_t)t->n);
    size_t at = 0;
    for (size_t i = 0; i < t->input && code == ACL_SUCCESS; i++) {
        code = aclmdlGetInputDims(desc, i, &open);
        for (size_t k = 0; code == ACL_SUCCESS && k < open.dimCount; k++, at++) {
            if (open.dims[k] >= 0 || at >= ACL_MAX_DIM_CNT) continue;
            for (int g = 0; g < t->n; g++) t->values[g][t->n_values] = all[g].dims[at];
            t->n_values++;
        }
    }
    free(all);
    return code == ACL_SUCCESS ? 0 : fail(path, "reading the sizes of its gears", code);
}

static int read_table(struct pk_gear_table *t, aclmdlDesc *desc, const char *path) {
    aclmdlBatch batch;
    aclmdlHW hw;
    size_t n = 0;
    aclError code = aclmdlGetDynamicBatch(desc, &batch);
    if (code == ACL_SUCCESS) code = aclmdlGetDynamicHW(desc, (size_t)-1, &hw);
    if (code == ACL_SUCCESS) code = aclmdlGetInputDynamicGearCount(desc, (size_t)-1, &n);
    if (code != ACL_SUCCESS) return fail(path, "reading its gears", code);
    t->kind = n ? PK_GEAR_DIMS : hw.hwCount ? PK_GEAR_IMAGE : PK_GEAR_BATCH;
    n = n ? n : hw.hwCount ? hw.hwCount : batch.batchCount;
    t->values = n ? calloc(n, sizeof *t->values) : NULL;
    if (!t->values) return pk_fail("%s: out of memory for %zu gears", path, n);
    t->n = (int)n;
    if (t->kind == PK_GEAR_DIMS) return read_dims(t, desc, path);
    t->n_values = t->kind == PK_GEAR_IMAGE ? 2 : 1;
    for (int g = 0; g < t->n; g++)
        for (int k = 0; k < t->n_values; k++)
            t->values[g][k] =
                (int64_t)(t->kind == PK_GEAR_IMAGE ? hw.hw[g][k] : batch.batch[g]);
    return 0;
}

int pk_gear_table_read(aclmdlDesc *desc, const char *path, struct pk_gear_table *out) {
    *out = (struct pk_gear_table){0};
    if (aclmdlGetInputIndexByName(desc, ACL_DYNAMIC_TENSOR_NAME, &out->input) != ACL_SUCCESS)
        return 0;
    if (!read_table(out, desc, path)) return 0;
    pk_gear_table_free(out);
    return -1;
}

void pk_gear_table_free(struct pk_gear_table *t) {
    free(t->values);
    *t = (struct pk_gear_table){0};
}

void pk_gear_text(const struct pk_gear_table *t, int gear, char *buf, size_t size) {
    size_t at = 0;
    buf[0] = '\0';
    for (int k = 0; k < t->n_values && at < size; k++)
        at += (size_t)snprintf(buf + at, size - at, "%s%lld", k ? "," : "",
                               (long long)t->values[gear][k]);
}

int pk_gear_find(const struct pk_gear_table *t, const char *text, const char *path) {
    char all[400] = "", one[ACL_MAX_DIM_CNT * 21];
    for (int i = 0; i < t->n; i++) {
        pk_gear_text(t, i, one, sizeof one);
        if (!strcmp(one, text)) return i;
        const size_t at = strlen(all);
        if (at + 70 < sizeof all)
            snprintf(all + at, sizeof all - at, "%s%.64s", i ? "; " : "", one);
    }
    return pk_fail("%s has no gear %s; it has %s", path, text, all);
}

void pk_gear_fill(const struct pk_gear_table *t, int gear, aclmdlIODims *dims, int *at) {
    if (t->kind != PK_GEAR_DIMS) *at = 0;
    for (size_t k = 0; k < dims->dimCount; k++)
        if (dims->dims[k] < 0 && *at < t->n_values) dims->dims[k] = t->values[gear][(*at)++];
}

int pk_gear_set(const struct pk_gear_table *t, int gear, const aclmdlIODims *all, uint32_t model,
                aclmdlDataset *inputs) {
    const int64_t *values = t->values[gear];
    char text[64];
    aclError code;
    aclmdlIODims dims = *all;
    switch (t->kind) {
    case PK_GEAR_BATCH:
        code = aclmdlSetDynamicBatchSize(model, inputs, t->input, (uint64_t)values[0]);
        break;
    case PK_GEAR_IMAGE:
        code = aclmdlSetDynamicHWSize(model, inputs, t->input, (uint64_t)values[0],
                                      (uint64_t)values[1]);
        break;
    default: code = aclmdlSetInputDynamicDims(model, inputs, t->input, &dims); break;
    }
    if (code == ACL_SUCCESS) return 0;
    pk_gear_text(t, gear, text, sizeof text);
    return fail(text, "choosing this gear", code);
}
