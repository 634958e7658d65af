/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures as bytes, for models with preprocessing in them (AIPP, docs/aipp.md): a picture is
 * scaled and placed as the network's recipe says, at the size AIPP takes it with, and written in
 * AIPP's format with the colours from which AIPP makes the network's. With static AIPP means and
 * deviations lie in the model; with dynamic AIPP the recipe's are set.
 */
#ifndef PK_VISION_PICTURES_H
#define PK_VISION_PICTURES_H

#include <acl/acl.h>

#include "gears.h"

struct pk_pictures;

/* Of input 0 of a model, at a gear unless that is NULL; *out is NULL where it has no AIPP. `width`
 * and `height` are what the network gets. 0, or -1 with a sentence that begins with `path`. */
int pk_pictures_open(uint32_t model, aclmdlDesc *desc, const struct pk_gear *gear,
                     const char *path, struct pk_pictures **out, int *width, int *height);
void pk_pictures_close(struct pk_pictures *p); /* NULL is fine */
/* Dynamic AIPP, whose parameters are the input *block of the model. */
int pk_pictures_are_dynamic(const struct pk_pictures *p, size_t *block);
/* Writes the recipe's parameters into the dataset's buffer of that input. */
int pk_pictures_set(const struct pk_pictures *p, const struct pk_recipe *r, aclmdlDataset *inputs);
/* The bytes, *bytes of them, until the next call; NULL with a sentence. */
const uint8_t *pk_pictures_make(struct pk_pictures *p, const struct pk_recipe *r,
                                const struct pk_image *image, struct pk_placement *placement,
                                size_t *bytes);

#endif
