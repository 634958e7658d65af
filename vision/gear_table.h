/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sizes that a model leaves open for a choice at each run: atc's --dynamic_batch_size,
 * --dynamic_image_size and --dynamic_dims, whatever its inputs are.
 */
#ifndef PK_VISION_GEAR_TABLE_H
#define PK_VISION_GEAR_TABLE_H

#include <acl/acl.h>

enum pk_gear_kind { PK_GEAR_BATCH, PK_GEAR_IMAGE, PK_GEAR_DIMS };

struct pk_gear_table {
    enum pk_gear_kind kind;
    size_t input; /* the model's input that says which; those before it take data */
    int n, n_values; /* gears, 0 if the model has none; sizes of each */
    int64_t (*values)[ACL_MAX_DIM_CNT];
};

/* 0, or -1 with a sentence for pk_error() that begins with `path`. */
int pk_gear_table_read(aclmdlDesc *desc, const char *path, struct pk_gear_table *out);
void pk_gear_table_free(struct pk_gear_table *t);
/* As --gear names it, "4" or "416,416"; cut at the size of buf. */
void pk_gear_text(const struct pk_gear_table *t, int gear, char *buf, size_t size);
/* The gear of that text; -1 with a sentence. */
int pk_gear_find(const struct pk_gear_table *t, const char *text, const char *path);
/* Puts the gear's sizes where an input's are open. `*at`, 0 for the first input, goes on for the
 * next; with gears of batches and image sizes all inputs take the same. */
void pk_gear_fill(const struct pk_gear_table *t, int gear, aclmdlIODims *dims, int *at);
/* Chooses for the next run with these inputs; `all` are the dimensions of the data inputs, one
 * behind the other. 0, or -1 with a sentence. */
int pk_gear_set(const struct pk_gear_table *t, int gear, const aclmdlIODims *all, uint32_t model,
                aclmdlDataset *inputs);

#endif
