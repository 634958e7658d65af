/* SPDX-License-Identifier: Apache-2.0 */
/* What `prusik eval` says at the end: a table or JSON on stdout, tables and curves in files. */
#ifndef PK_CMD_REPORT_H
#define PK_CMD_REPORT_H

#include "ap.h"
#include "dataset.h"

/* A classifier's right answers of one class. */
struct report_class {
    long pictures, top1, top5;
};

struct report {
    const char *model, *labelled; /* as given */
    const struct dataset *data;
    int detects;
    const struct ap_result *ap;         /* of a detector */
    const struct report_class *classes; /* of a classifier: data->n_categories of them */
    const long *confusion; /* (found, true), n_categories + 1 squared, the last for nothing;
                            * NULL when there are too many for a table */
    double confusion_score, confusion_overlap;
    /* Sums over all pictures, and of the whole; pictures 0: nothing was run. */
    long pictures, failed;
    double decode_ms, preprocess_ms, infer_ms, postprocess_ms, seconds;
    int workers;
};

void report_print(const struct report *r);
/* 0, or -1 when stdout or memory is full. */
int report_print_json(const struct report *r);
/* report.json, classes.csv, confusion.csv, confusion.png and, of a detector, curves.png. 0, or -1
 * after a sentence on stderr. */
int report_write(const struct report *r, const char *folder);

#endif
