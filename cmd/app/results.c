/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <jansson.h>

#include "app.h"
#include "draw.h"

void item_free(struct item *i) {
    free(i->bytes);
    pk_image_free(&i->image);
    pk_result_free(&i->result);
    i->bytes = NULL;
}

/* The numbers COCO's annotations use for its 80 classes. */
static const unsigned char coco_numbers[80] = {
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 27, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65,
    67, 70, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90};

int results_open(struct results *r, const char *command, const struct results_options *options,
                 const struct pk_labels *labels, int n_classes) {
    *r = (struct results){.command = command, .options = *options, .labels = labels,
                          .n_classes = n_classes};
    const struct results_options *o = &r->options;
    char error[DRAW_ERROR];
    if (o->draw && !draw_load(error))
        return app_fail(command, "%s; --no-draw does without", error), -1;
    if (o->json) fputs("[", stdout);
    if (!(o->draw || o->save_txt || o->save_crop || o->csv || o->coco_json)) return 0;
    if (folder_open(command, o->output, r->folder, &r->made)) return -1;
    if (o->save_txt && folder_below(command, r->folder, "labels")) return -1;
    if (o->save_crop && folder_below(command, r->folder, "crops")) return -1;
    if (o->csv && !(r->csv = folder_file(command, r->folder, "results.csv"))) return -1;
    if (o->coco_json && !(r->coco = folder_file(command, r->folder, "coco.json"))) return -1;
    if (r->csv)
        fputs("source,frame,seconds,class_id,label,score,left,top,right,bottom\r\n", r->csv);
    if (r->coco) fputs("[", r->coco);
    return 0;
}

/* ---- an item's own files ---- */

static void fail_item(struct item *i, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fail_item(struct item *i, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(i->why, sizeof i->why, format, args);
    va_end(args);
    i->failed = 1;
}

/* "dog", or "clip_17" of a video; 0 when that and the folder fit into a path. */
static int item_path(const struct results *r, const struct item *i, const char *part,
                     const char *end, char path[static PATH_MAX]) {
    char frame[24] = "";
    if (i->frame >= 0) snprintf(frame, sizeof frame, "_%lld", (long long)i->frame);
    int n = snprintf(path, PATH_MAX, "%s/%s%s%s%s", r->folder, part, i->source->stem, frame, end);
    return n < 0 || n >= PATH_MAX ? -1 : 0;
}

/* YOLO: class, centre, size in parts of the picture, and the score if wanted; a classifier's
 * score and name. A picture on which nothing was found gets an empty file. */
static void save_txt(const struct results *r, struct item *i) {
    char path[PATH_MAX];
    FILE *f = item_path(r, i, "labels/", ".txt", path) ? NULL : fopen(path, "wb");
    if (!f) {
        fail_item(i, "%s cannot be written: %s", path, strerror(errno));
        return;
    }
    double w = i->image.width, h = i->image.height;
    for (int k = 0; k < i->result.n_detections; k++) {
        const struct pk_detection *d = &i->result.detections[k];
        fprintf(f, "%d %.6g %.6g %.6g %.6g", d->class_id, (d->x1 + d->x2) / 2 / w,
                (d->y1 + d->y2) / 2 / h, (d->x2 - d->x1) / w, (d->y2 - d->y1) / h);
        if (r->options.save_conf) fprintf(f, " %.6g", d->score);
        fputc('\n', f);
    }
    for (int k = 0; k < i->result.n_classes; k++)
        fprintf(f, "%.4f %s\n", i->result.classes[k].score,
                pk_label(r->labels, i->result.classes[k].class_id));
    int bad = ferror(f);
    if (fclose(f) || bad) fail_item(i, "%s cannot be written; is the disk full?", path);
}

static void save_crops(const struct results *r, struct item *i) {
    for (int k = 0; k < i->result.n_detections && !i->failed; k++) {
        const struct pk_detection *d = &i->result.detections[k];
        int x1 = (int)d->x1, y1 = (int)d->y1, x2 = (int)ceilf(d->x2), y2 = (int)ceilf(d->y2);
        if (x2 > i->image.width) x2 = i->image.width;
        if (y2 > i->image.height) y2 = i->image.height;
        if (x1 < 0 || y1 < 0 || x2 <= x1 || y2 <= y1) continue;
        char part[200], end[32], path[PATH_MAX];
        snprintf(part, sizeof part, "crops/%.150s", pk_label(r->labels, d->class_id));
        for (char *c = part + 6; *c; c++)
            if (*c == '/' || (*c == '.' && c == part + 6)) *c = '_';
        if (snprintf(path, sizeof path, "%s/%s", r->folder, part) >= PATH_MAX ||
            folder_make(path)) {
            fail_item(i, "%s cannot be made a folder", path);
            return;
        }
        strcat(part, "/");
        snprintf(end, sizeof end, "_%d.jpg", k + 1);
        struct pk_image crop = {x2 - x1, y2 - y1, NULL};
        size_t row = (size_t)crop.width * 3;
        crop.rgb = malloc(row * (size_t)crop.height);
        if (!crop.rgb || item_path(r, i, part, end, path)) {
            fail_item(i, "no memory for a part of %s", i->source->path);
        } else {
            for (int y = 0; y < crop.height; y++)
                memcpy(crop.rgb + row * (size_t)y,
                       i->image.rgb +
                           3 * ((size_t)(y1 + y) * (size_t)i->image.width + (size_t)x1), row);
            if (pk_image_write(path, &crop)) fail_item(i, "%s", pk_error());
        }
        pk_image_free(&crop);
    }
}

static int draw_results(const struct results *r, struct item *i, char error[DRAW_ERROR]) {
    const struct pk_result *found = &i->result;
    if (!found->n_classes && !found->n_detections) return 0;
    const struct draw_api *draw = draw_load(error);
    if (!draw) return -1;
    if (found->n_classes)
        return draw->classes(&i->image, found->classes, found->n_classes, r->labels,
                             &r->options.style, error);
    return draw->detections(&i->image, found->detections, found->n_detections, r->labels,
                            &r->options.style, error);
}

static void draw(const struct results *r, struct item *i) {
    char error[DRAW_ERROR];
    if (draw_results(r, i, error)) {
        fail_item(i, "%s: %s", i->source->path, error);
        return;
    }
    if (i->frame >= 0) return; /* into the video, in order */
    /* DIR/NAME.png, or with the picture's own ending where that can be written. */
    const char *dot = strrchr(i->source->path, '.'), *end = ".png";
    if (dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"))) end = dot;
    if (item_path(r, i, "", end, i->drawn))
        fail_item(i, "%s: the path is too long", i->source->path);
    else if (pk_image_write(i->drawn, &i->image)) fail_item(i, "%s", pk_error());
}

void results_save(const struct results *r, struct item *i) {
    if (r->options.save_txt && !i->failed) save_txt(r, i);
    if (r->options.save_crop && !i->failed) save_crops(r, i);
    if (r->options.draw && !i->failed) draw(r, i);
}

/* ---- what all share ---- */

static void print_table(const struct results *r, const struct item *i) {
    const struct pk_result *found = &i->result;
    if (i->frame >= 0) {
        /* One line a frame: the classes and how many of each. */
        printf("%s  frame %lld  %.2f s ", i->source->path, (long long)i->frame, i->seconds);
        for (int k = 0; k < found->n_detections; k++) {
            int n = 0, seen = 0, id = found->detections[k].class_id;
            for (int m = 0; m < found->n_detections; m++)
                if (found->detections[m].class_id == id) n++, seen |= m < k;
            if (!seen) printf(" %d %s", n, pk_label(r->labels, id));
        }
        if (found->n_classes)
            printf(" %s %.2f", pk_label(r->labels, found->classes[0].class_id),
                   found->classes[0].score);
        printf("\n");
        return;
    }
    printf("%s  %d x %d  decode %.1f ms, preprocess %.1f, infer %.1f, postprocess %.1f\n",
           i->source->path, i->image.width, i->image.height, i->decode_ms,
           found->timing.preprocess_ms, found->timing.infer_ms, found->timing.postprocess_ms);
    if (found->n_detections)
        printf("  %-16s score  %6s %6s %6s %6s\n", "class", "left", "top", "right", "bottom");
    for (int k = 0; k < found->n_detections; k++) {
        const struct pk_detection *d = &found->detections[k];
        printf("  %-16s %.3f  %6.0f %6.0f %6.0f %6.0f\n", pk_label(r->labels, d->class_id),
               d->score, d->x1, d->y1, d->x2, d->y2);
    }
    for (int k = 0; k < found->n_classes; k++)
        printf("  %.4f  %s\n", found->classes[k].score,
               pk_label(r->labels, found->classes[k].class_id));
    if (!found->n_detections && !found->n_classes) printf("  nothing found\n");
    if (i->drawn[0]) printf("  drawn to %s\n", i->drawn);
}

static json_t *as_json(const struct results *r, const struct item *i) {
    const struct pk_result *found = &i->result;
    json_t *list = json_array();
    int detects = !strcmp(r->command, "detect");
    for (int k = 0; k < found->n_detections; k++) {
        const struct pk_detection *d = &found->detections[k];
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:f, s:[f,f,f,f]}", "class_id", d->class_id, "label",
                            pk_label(r->labels, d->class_id), "score", (double)d->score, "box",
                            (double)d->x1, (double)d->y1, (double)d->x2, (double)d->y2));
    }
    for (int k = 0; k < found->n_classes; k++)
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:f}", "class_id", found->classes[k].class_id, "label",
                            pk_label(r->labels, found->classes[k].class_id), "score",
                            (double)found->classes[k].score));
    json_t *e = json_pack("{s:s%}", "image", i->source->path, strlen(i->source->path));
    /* A path need not be UTF-8, as JSON must be. */
    if (!e) e = json_pack("{s:s}", "image", i->source->stem);
    if (!e) e = json_pack("{s:n}", "image");
    if (i->frame >= 0)
        json_object_update_new(e, json_pack("{s:I, s:f}", "frame", (json_int_t)i->frame, "seconds",
                                            i->seconds));
    json_object_update_new(
        e, json_pack("{s:i, s:i, s:o, s:{s:f, s:f, s:f, s:f}}", "width", i->image.width, "height",
                     i->image.height, detects ? "detections" : "classes", list, "timing_ms",
                     "decode", i->decode_ms, "preprocess", found->timing.preprocess_ms, "infer",
                     found->timing.infer_ms, "postprocess", found->timing.postprocess_ms));
    return e;
}

static void print_json(struct results *r, const struct item *i) {
    json_t *e = as_json(r, i);
    fputs(r->n_json++ ? ",\n" : "\n", stdout);
    json_dumpf(e, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(e);
}

static void csv_row(const struct results *r, const struct item *i, int class_id, float score) {
    folder_csv_text(r->csv, i->source->path);
    if (i->frame >= 0) fprintf(r->csv, ",%lld,%.3f,", (long long)i->frame, i->seconds);
    else fputs(",,,", r->csv);
    fprintf(r->csv, "%d,", class_id);
    folder_csv_text(r->csv, pk_label(r->labels, class_id));
    fprintf(r->csv, ",%.6f", score);
}

static void add_csv(const struct results *r, const struct item *i) {
    for (int k = 0; k < i->result.n_detections; k++) {
        const struct pk_detection *d = &i->result.detections[k];
        csv_row(r, i, d->class_id, d->score);
        fprintf(r->csv, ",%.3f,%.3f,%.3f,%.3f\r\n", d->x1, d->y1, d->x2, d->y2);
    }
    for (int k = 0; k < i->result.n_classes; k++) {
        csv_row(r, i, i->result.classes[k].class_id, i->result.classes[k].score);
        fputs(",,,,\r\n", r->csv);
    }
}

/* image_id is the file's name as a number, as COCO's own pictures have it, else its name. */
static void add_coco(struct results *r, const struct item *i) {
    const char *stem = i->source->stem;
    char *end, name[300];
    long long number = strtoll(stem, &end, 10);
    int numeric = i->frame < 0 && *stem >= '0' && *stem <= '9' && !*end;
    if (i->frame >= 0) snprintf(name, sizeof name, "%s_%lld", stem, (long long)i->frame);
    else snprintf(name, sizeof name, "%s", stem);
    for (int k = 0; k < i->result.n_detections; k++) {
        const struct pk_detection *d = &i->result.detections[k];
        int category = r->n_classes == 80 ? coco_numbers[d->class_id] : d->class_id;
        json_t *id = numeric ? json_integer(number) : json_string(name);
        json_t *e = json_pack("{s:o, s:i, s:[f,f,f,f], s:f}", "image_id", id ? id : json_null(),
                              "category_id", category, "bbox", (double)d->x1, (double)d->y1,
                              (double)(d->x2 - d->x1), (double)(d->y2 - d->y1), "score",
                              (double)d->score);
        fputs(r->n_coco++ ? ",\n" : "\n", r->coco);
        json_dumpf(e, r->coco, JSON_COMPACT | JSON_REAL_PRECISION(7));
        json_decref(e);
    }
}

static int end_video(struct results *r) {
    char error[VIDEO_ERROR];
    if (!r->video) return 0;
    int bad = video_load(error)->finish(r->video, error);
    r->video = NULL;
    if (bad) return app_fail(r->command, "%s: %s", r->video_path, error), -1;
    if (!r->options.json) printf("drawn to %s\n", r->video_path);
    return 0;
}

static int add_frame(struct results *r, const struct item *i) {
    char error[VIDEO_ERROR];
    const struct video_api *video = video_load(error);
    if (!r->video) {
        if (snprintf(r->video_path, sizeof r->video_path, "%s/%s.mp4", r->folder,
                     i->source->stem) >= (int)sizeof r->video_path)
            return app_fail(r->command, "%s: the path is too long", i->source->path), -1;
        if (video->create(r->video_path, i->fps, 0, &r->video, error))
            return app_fail(r->command, "%s", error), -1;
    }
    if (!video->write(r->video, &i->image, i->live ? i->seconds : -1, error)) return 0;
    app_fail(r->command, "%s: %s", r->video_path, error);
    end_video(r);
    return -1;
}

int results_add(struct results *r, struct item *i) {
    int status = 0;
    if (!i->failed && i->image.rgb) {
        if (r->options.json) print_json(r, i);
        else print_table(r, i);
        if (r->csv) add_csv(r, i);
        if (r->coco) add_coco(r, i);
        if (r->options.draw && i->frame >= 0) status = add_frame(r, i);
        if (i->live) { /* who reads along wants it while it is news */
            fflush(stdout);
            if (r->csv) fflush(r->csv);
        }
        if (ferror(stdout) || (r->csv && ferror(r->csv)) || (r->coco && ferror(r->coco)))
            return app_fail(r->command, "results cannot be written; is the disk full?"), -1;
    }
    if (i->last && end_video(r)) status = -1;
    return status;
}

int results_close(struct results *r) {
    int status = end_video(r), bad = 0;
    if (r->options.json && r->command) fputs("\n]\n", stdout);
    if (r->coco) fputs("\n]\n", r->coco);
    if (r->csv) bad |= fclose(r->csv);
    if (r->coco) bad |= fclose(r->coco);
    bad |= fflush(stdout);
    r->csv = r->coco = NULL;
    if (bad) {
        app_fail(r->command, "results cannot be written; is the disk full?");
        status = -1;
    }
    /* A run that found nothing to write leaves nothing behind; a folder with files stays. */
    if (r->made && r->folder[0] && rmdir(r->folder) == 0) r->folder[0] = '\0';
    return status;
}
