/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of `prusik doctor` share. */
#ifndef PK_CMD_DOCTOR_H
#define PK_CMD_DOCTOR_H

#include "prusik/vision.h"

enum { DOCTOR_NAMED = 4 };

/* One way to prepare a picture, and what came of it. */
struct trial {
    struct pk_recipe recipe;
    const char *scale, *geometry; /* in words; no scale where the model has the values itself */
    enum pk_family family;        /* that is prepared so; or PK_FAMILY_AUTO */
    double score;
    double entropy; /* of classifiers: of all answers, together */
    int n_found;
    struct pk_class found[DOCTOR_NAMED];
};

/* Of the network's input; with gears that the picture chooses from, of the largest. */
struct input_size {
    int width, height, largest;
};

/* Writes aipp.cfg and preprocess.py into the folder (NULL: runs/doctor/expN), and says so, with
 * the command line of atc; for a model that has the values itself only says how to run it. EXIT_OK,
 * or EXIT_FAILED after a sentence on stderr. */
int doctor_write(const char *output, const char *model, const struct trial *t,
                 const struct input_size *size);

#endif
