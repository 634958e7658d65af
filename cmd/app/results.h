/* SPDX-License-Identifier: Apache-2.0 */
/* Where findings go: the table or JSON on stdout, and files in a folder of the run. */
#ifndef PK_CMD_RESULTS_H
#define PK_CMD_RESULTS_H

#include <limits.h>
#include <stdio.h>

#include "folder.h"
#include "prusik/vision.h"
#include "source.h"
#include "video.h"

struct results_options {
    int json;               /* JSON on stdout, in the place of the table */
    int draw;               /* pictures and videos with boxes */
    int save_txt, save_conf, save_crop, csv, coco_json;
    const char *output;     /* folder; NULL: runs/COMMAND/expN */
    struct pk_style style;
};

/* One picture or frame, from reading to writing. */
struct item {
    const struct source *source;
    int first, last;     /* of its source: a video begins or ends with it */
    int64_t frame;       /* from 0 in a video; -1: a picture */
    double seconds, fps; /* of a video */
    int live;            /* it is one whose frames may come unevenly */
    void *bytes;         /* of a picture not yet decoded */
    size_t n_bytes;
    struct pk_image image;
    double decode_ms;
    struct pk_result result;
    int failed, saved; /* why[] says what failed; drawn[] names the picture written */
    char why[512], drawn[PATH_MAX];
};
void item_free(struct item *i);

struct results {
    const char *command;
    struct results_options options;
    const struct pk_labels *labels;
    int n_classes;
    char folder[FOLDER_MAX]; /* "" when nothing is written */
    int made;                  /* the folder is new: taken away again if it stays empty */
    int64_t n_json, n_coco;
    FILE *csv, *coco;
    struct video_writer *video;
    char video_path[PATH_MAX];
};

/* Makes the folder and opens the files of the run. 0, or -1 after a sentence on stderr. */
int results_open(struct results *r, const char *command, const struct results_options *options,
                 const struct pk_labels *labels, int n_classes);
/* Draws the item and writes the files that are its own; any number of threads at once. What goes
 * wrong is left in the item. */
void results_save(const struct results *r, struct item *i);
/* Adds the item to what all share, in order; an item that failed is left out. 0 or -1 as above. */
int results_add(struct results *r, struct item *i);
/* Ends all files; 0 or -1 as above. Due after results_open() however it went. */
int results_close(struct results *r);

#endif
