/* SPDX-License-Identifier: Apache-2.0 */
/* The gears of a network for pictures (gear_table.h); each runs with the one that suits it. */
#ifndef PK_VISION_GEARS_H
#define PK_VISION_GEARS_H

#include "gear_table.h"
#include "internal.h"

enum { PK_MAX_OUTPUTS = 16 };

struct pk_gear {
    int k;                  /* its number in the model */
    int batch;              /* pictures of a run */
    int height, width;      /* of the network's input; 0: the same at every gear */
    aclmdlIODims dims;      /* of the input, as it lies in memory */
    int n_outputs;
    aclmdlIODims outputs[PK_MAX_OUTPUTS];
    char text[64];          /* pk_gear_text() */
};

struct pk_gears {
    struct pk_gear_table table;
    struct pk_gear *items; /* as many as the table has */
};

/* What the model `desc` has; *out is NULL if nothing. 0, or -1 with a sentence that begins with
 * `path`. Outputs are not known yet. */
int pk_gears_read(aclmdlDesc *desc, const char *path, struct pk_gears **out);
/* Fills in the outputs of every gear: before any other thread runs the model. */
int pk_gears_read_outputs(struct pk_gears *g, uint32_t model, aclmdlDesc *desc,
                          aclmdlDataset *inputs, const char *path);
void pk_gears_free(struct pk_gears *g); /* NULL is fine */
/* For the next run with these inputs. */
int pk_gears_set(const struct pk_gears *g, const struct pk_gear *gear, uint32_t model,
                 aclmdlDataset *inputs);
/* The gear for a picture of that size; 0, 0: for one that is as large as can be. The fewest
 * pictures a run; then the one in which the picture is largest, but not larger than it is; then the
 * one of the fewest pixels, which pads the least. */
int pk_gears_choose(const struct pk_gears *g, int width, int height);

#endif
