/* SPDX-License-Identifier: Apache-2.0 */
/* prusik detect and prusik classify: pictures in, a table or JSON out. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>

#include "app.h"
#include "prusik/vision.h"
#include "tags.h"

struct job {
    const char *command; /* "detect" or "classify" */
    struct pk_network_options options;
    const char *labels_path, *output;
    int json, threads;
    struct pk_network *network;
    struct pk_labels *labels;
    json_t *results;
};

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int read_options(struct job *j, int argc, char **argv) {
    enum { TYPE = 1, LABELS, JSON, THREADS, OUTPUT, CONF, IOU, MAX_DET, TOP };
    static const struct option options[] = {
        {"type", 1, 0, TYPE},       {"labels", 1, 0, LABELS}, {"json", 0, 0, JSON},
        {"threads", 1, 0, THREADS}, {"output", 1, 0, OUTPUT}, {"conf", 1, 0, CONF},
        {"iou", 1, 0, IOU},         {"max-det", 1, 0, MAX_DET}, {"top", 1, 0, TOP}, {0}};
    double v;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case TYPE:
            if (pk_family_find(optarg, &j->options.family)) {
                app_fail(j->command, "%s", pk_error());
                return EXIT_USAGE;
            }
            break;
        case LABELS: j->labels_path = optarg; break;
        case JSON: j->json = 1; break;
        case OUTPUT: j->output = optarg; break;
        case THREADS:
            if (app_integer(j->command, "--threads", optarg, 1, 256, &j->threads))
                return EXIT_USAGE;
            break;
        case CONF:
            if (app_number(j->command, "--conf", optarg, 0.0001, 1, &v)) return EXIT_USAGE;
            j->options.confidence = (float)v;
            break;
        case IOU:
            if (app_number(j->command, "--iou", optarg, 0.0001, 1, &v)) return EXIT_USAGE;
            j->options.iou = (float)v;
            break;
        case MAX_DET:
            if (app_integer(j->command, "--max-det", optarg, 1, 100000, &j->options.max_detections))
                return EXIT_USAGE;
            break;
        case TOP:
            if (app_integer(j->command, "--top", optarg, 1, 100000, &j->options.top))
                return EXIT_USAGE;
            break;
        default: return app_usage(j->command);
        }
    }
    return argc - optind < 2 ? app_usage(j->command) : EXIT_OK;
}

/* ---- output ---- */

static void print_table(const struct job *j, const char *path, const struct pk_image *image,
                        const struct pk_result *r, double decode_ms) {
    printf("%s  %d x %d  decode %.1f ms, preprocess %.1f, infer %.1f, postprocess %.1f\n", path,
           image->width, image->height, decode_ms, r->timing.preprocess_ms, r->timing.infer_ms,
           r->timing.postprocess_ms);
    if (r->n_detections)
        printf("  %-16s score  %6s %6s %6s %6s\n", "class", "left", "top", "right", "bottom");
    for (int i = 0; i < r->n_detections; i++) {
        const struct pk_detection *d = &r->detections[i];
        printf("  %-16s %.3f  %6.0f %6.0f %6.0f %6.0f\n", pk_label(j->labels, d->class_id),
               d->score, d->x1, d->y1, d->x2, d->y2);
    }
    for (int i = 0; i < r->n_classes; i++)
        printf("  %.4f  %s\n", r->classes[i].score, pk_label(j->labels, r->classes[i].class_id));
    if (!r->n_detections && !r->n_classes) printf("  nothing found\n");
}

static json_t *as_json(const struct job *j, const char *path, const struct pk_image *image,
                       const struct pk_result *r, double decode_ms) {
    json_t *list = json_array();
    int detects = !strcmp(j->command, "detect");
    for (int i = 0; i < r->n_detections; i++) {
        const struct pk_detection *d = &r->detections[i];
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:f, s:[f,f,f,f]}", "class_id", d->class_id, "label",
                            pk_label(j->labels, d->class_id), "score", (double)d->score, "box",
                            (double)d->x1, (double)d->y1, (double)d->x2, (double)d->y2));
    }
    for (int i = 0; i < r->n_classes; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:f}", "class_id", r->classes[i].class_id, "label",
                            pk_label(j->labels, r->classes[i].class_id), "score",
                            (double)r->classes[i].score));
    return json_pack("{s:s%, s:i, s:i, s:o, s:{s:f, s:f, s:f, s:f}}", "image", path, strlen(path),
                     "width", image->width, "height", image->height,
                     detects ? "detections" : "classes", list, "timing_ms", "decode", decode_ms,
                     "preprocess", r->timing.preprocess_ms, "infer", r->timing.infer_ms,
                     "postprocess", r->timing.postprocess_ms);
}

/* DIR/NAME.png, or with the picture's own extension where that can be written. */
static int write_drawn(struct job *j, const char *path, struct pk_image *image,
                       const struct pk_result *r) {
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    const char *dot = strrchr(name, '.');
    int jpeg = dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
    char to[4096];
    int n = snprintf(to, sizeof to, "%s/%.*s%s", j->output,
                     (int)(dot ? dot - name : (int)strlen(name)), name, jpeg ? dot : ".png");
    if (n < 0 || (size_t)n >= sizeof to)
        return app_fail(j->command, "%s: the path is too long", path);
    if (pk_draw(image, r->detections, r->n_detections, j->labels) || pk_image_write(to, image))
        return app_fail(j->command, "%s", pk_error());
    if (!j->json) printf("  drawn to %s\n", to);
    return EXIT_OK;
}

static int do_picture(struct job *j, const char *path) {
    struct pk_image image;
    struct pk_result r;
    double start = now_ms();
    if (pk_image_read(path, &image)) return app_fail(j->command, "%s", pk_error());
    double decode_ms = now_ms() - start;
    int status = EXIT_OK;
    if (pk_network_run(j->network, &image, &r)) {
        status = app_fail(j->command, "%s: %s", path, pk_error());
    } else {
        if (j->json) json_array_append_new(j->results, as_json(j, path, &image, &r, decode_ms));
        else print_table(j, path, &image, &r, decode_ms);
        if (j->output) status = write_drawn(j, path, &image, &r);
        pk_result_free(&r);
    }
    pk_image_free(&image);
    return status;
}

/* Some families have the same shapes and differ in what they were trained on. */
static void say_ambiguity(const struct job *j, const char *model) {
    enum pk_family f = pk_network_family(j->network);
    const char *other = NULL;
    if (f == PK_YOLOX) other = "yolox-meanstd";
    if (f == PK_IMAGENET) other = "imagenet-caffe";
    if (other)
        fprintf(stderr, "prusik %s: %s is taken for %s; it could also be --type %s\n", j->command,
                model, pk_family_name(f), other);
}

static int do_pictures(struct job *j, const char *model, char **paths, int n) {
    struct model_tags tags;
    tags_read(model, &tags);
    int guess = j->options.family == PK_FAMILY_AUTO && !tags.family[0];
    if (j->options.family == PK_FAMILY_AUTO && tags.family[0] &&
        pk_family_find(tags.family, &j->options.family))
        return app_fail(j->command, "%s says of itself that %s", model, pk_error());
    if (pk_network_open(model, &j->options, &j->network))
        return app_fail(j->command, "%s", pk_error());
    int is_detector = pk_network_family(j->network) < PK_IMAGENET;
    if (is_detector != !strcmp(j->command, "detect"))
        return app_fail(j->command, "%s is a %s (%s); use prusik %s", model,
                        is_detector ? "detector" : "classifier",
                        pk_family_name(pk_network_family(j->network)),
                        is_detector ? "detect" : "classify");
    if (!j->labels_path && tags.labels[0]) j->labels_path = tags.labels;
    if (!j->labels_path && pk_network_classes(j->network) != 80) j->labels_path = "";
    if (pk_labels_open(j->labels_path, &j->labels)) return app_fail(j->command, "%s", pk_error());
    if (j->output && mkdir(j->output, 0777) && errno != EEXIST)
        return app_fail(j->command, "%s cannot be made a folder: %s", j->output, strerror(errno));
    if (guess) say_ambiguity(j, model);
    int status = EXIT_OK;
    for (int i = 0; i < n; i++)
        if (do_picture(j, paths[i]) != EXIT_OK) status = EXIT_FAILED;
    if (j->json) {
        json_dumpf(j->results, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    return status;
}

static int main_of(const char *command, int argc, char **argv) {
    struct job j = {.command = command};
    int status = read_options(&j, argc, argv);
    if (status != EXIT_OK) return status;
    if (app_start(j.threads)) return EXIT_FAILED;
    j.results = json_array();
    status = do_pictures(&j, argv[optind], argv + optind + 1, argc - optind - 1);
    json_decref(j.results);
    pk_labels_close(j.labels);
    pk_network_close(j.network);
    app_end();
    return status;
}

int app_detect(int argc, char **argv) { return main_of("detect", argc, argv); }
int app_classify(int argc, char **argv) { return main_of("classify", argc, argv); }
