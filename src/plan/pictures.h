/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures an Aipp node takes, for steps that make rows of them: its own, or a convolution's
 * that reads them as they are made. */
#ifndef PK_PLAN_PICTURES_H
#define PK_PLAN_PICTURES_H

#include "base/aipp.h"
#include "plan/plan.h"

struct pictures {
    struct aipp fixed;      /* static: the parameters */
    bool dynamic, is_input; /* is_input: the pictures come from the caller */
    struct ref src, block;
    struct shape made;
    int64_t room;  /* bytes of all pictures, as the shape has it */
    int64_t bytes; /* static: of a picture */
    size_t block_bytes;
    const char *node;
    const struct aipp_kernels *k;
};

/* What the last step appended needs to make rows of node n's pictures; `out` must lie in its
 * params. The step takes aipp_scratch_bytes() of scratch. */
enum status plan_pictures(struct plan *s, const struct node *n, struct pictures *out);
/* How picture `image` is made and where it is; fails when a program's parameters are no good. */
enum status pictures_find(const struct pictures *p, const struct run_env *env, int image,
                          struct aipp *a, const uint8_t **src);

#endif
