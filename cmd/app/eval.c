/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik eval: how right a network is on labelled pictures. Pictures go through the same pipeline
 * as in prusik detect; thresholds are those the networks' authors evaluate with.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app.h"
#include "dataset.h"
#include "folder.h"
#include "model.h"
#include "pipeline.h"
#include "progress.h"
#include "report.h"

enum { EXIT_INTERRUPTED = 130, MAX_WORKERS = 64, MAX_MATRIX = 4000, MAX_FOUND = 100000000 };

/* What the authors' evaluation takes: lowest score, overlap of suppression, and whether a box
 * counts for every class it has a score for. */
static const struct {
    float confidence, iou;
    int every_class;
} by_family[PK_FAMILY_COUNT] = {
    [PK_YOLOX] = {0.01f, 0.65f, 0},  [PK_YOLOX_MEANSTD] = {0.01f, 0.65f, 0},
    [PK_YOLOV5] = {0.001f, 0.6f, 1}, [PK_YOLOV8] = {0.001f, 0.7f, 1},
    [PK_NANODET] = {0.05f, 0.6f, 1}, [PK_SSD] = {0.001f, 0.6f, 1},
};

struct evaluation {
    struct model_options model;
    enum dataset_kind kind;
    const char *path, *images, *results, *output;
    int json, quiet, threads, workers;
    struct dataset data;
    struct model m;
    int detects, *map; /* category of a class */
    aclrtContext context;
    struct pk_network *networks[MAX_WORKERS];
    int next; /* picture to read */
    struct ap_found *found;
    int n_found, room;
    struct report_class *classes;
    long *confusion;
    FILE *coco, *predictions;
    long n_coco;
    struct progress progress;
    struct report report;
    char folder[FOLDER_MAX];
};

struct eval_item {
    int image;
    void *bytes;
    size_t n_bytes;
    struct pk_result result;
    double decode_ms;
    int failed;
    char why[512];
};

/* ---- options ---- */

static int read_options(struct evaluation *e, int argc, char **argv) {
    enum { TYPE = 1, LABELS, INPUT_SHAPE, COCO, YOLO, IMAGENET, IMAGES, RESULTS, OUTPUT, JSON, CONF,
           IOU, MAX_DET, THREADS, WORKERS, GEAR, QUIET };
    static const struct option options[] = {
        {"type", 1, 0, TYPE},       {"labels", 1, 0, LABELS},   {"input-shape", 1, 0, INPUT_SHAPE},
        {"coco", 1, 0, COCO},       {"yolo", 1, 0, YOLO},       {"imagenet", 1, 0, IMAGENET},
        {"images", 1, 0, IMAGES},   {"results", 1, 0, RESULTS}, {"output", 1, 0, OUTPUT},
        {"json", 0, 0, JSON},       {"conf", 1, 0, CONF},       {"iou", 1, 0, IOU},
        {"max-det", 1, 0, MAX_DET}, {"threads", 1, 0, THREADS}, {"workers", 1, 0, WORKERS},
        {"gear", 1, 0, GEAR},       {"quiet", 0, 0, QUIET},     {0}};
    struct pk_network_options *n = &e->model.network;
    int bad = 0, kinds = 0;
    for (int o; !bad && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case TYPE:
            if (pk_family_find(optarg, &n->family)) bad = app_fail("eval", "%s", pk_error());
            break;
        case LABELS: e->model.labels_path = optarg; break;
        case GEAR: n->gear = optarg; break;
        case INPUT_SHAPE: e->model.input_shape = optarg; break;
        case COCO: e->kind = DATASET_COCO, e->path = optarg, kinds++; break;
        case YOLO: e->kind = DATASET_YOLO, e->path = optarg, kinds++; break;
        case IMAGENET: e->kind = DATASET_IMAGENET, e->path = optarg, kinds++; break;
        case IMAGES: e->images = optarg; break;
        case RESULTS: e->results = optarg; break;
        case OUTPUT: e->output = optarg; break;
        case JSON: e->json = 1; break;
        case CONF: bad = app_fraction("eval", "--conf", optarg, &n->confidence); break;
        case IOU: bad = app_fraction("eval", "--iou", optarg, &n->iou); break;
        case MAX_DET:
            bad = app_integer("eval", "--max-det", optarg, 1, 100000, &n->max_detections);
            break;
        case THREADS: bad = app_integer("eval", "--threads", optarg, 1, 256, &e->threads); break;
        case WORKERS:
            bad = app_integer("eval", "--workers", optarg, 1, MAX_WORKERS, &e->workers);
            break;
        case QUIET: e->quiet = 1; break;
        default: return app_usage("eval", NULL, NULL);
        }
    }
    if (bad) return EXIT_USAGE;
    if (kinds != 1)
        return app_usage("eval", kinds ? "one of --coco, --yolo and --imagenet is enough"
                                       : "--coco, --yolo or --imagenet is missing", NULL);
    if (argc - optind < (e->results ? 0 : 1)) return app_usage("eval", "a MODEL is missing", NULL);
    if (argc - optind > (e->results ? 0 : 1))
        return app_usage("eval", "one argument too many:", argv[argc - 1]);
    if (e->results && e->kind != DATASET_COCO) {
        app_fail("eval", "--results goes with --coco");
        return EXIT_USAGE;
    }
    if (e->images && e->kind != DATASET_COCO) {
        app_fail("eval", "--images goes with --coco; the others hold their pictures");
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

/* ---- detections ---- */

static int add_found(struct evaluation *e, const struct ap_found *f) {
    if (e->n_found == e->room) {
        int room = e->room ? 2 * e->room : 4096;
        struct ap_found *wider = room > MAX_FOUND ? NULL
                                                  : realloc(e->found, (size_t)room * sizeof *wider);
        if (!wider)
            return app_fail("eval", "more than %d detections, or out of memory", e->n_found);
        e->found = wider;
        e->room = room;
    }
    e->found[e->n_found++] = *f;
    return 0;
}

static int by_image(const void *a, const void *b) {
    const struct ap_found *x = a, *y = b;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    return x->category - y->category; /* holds the place in the file until sorted */
}

/* Detections of another program, as pycocotools' loadRes takes them. */
static int read_results(struct evaluation *e) {
    json_error_t error;
    json_t *root = json_load_file(e->results, 0, &error);
    if (!root) return dataset_fail_json(e->results, &error);
    int status = json_is_array(root) ? 0 : app_fail("eval", "%s is not a list", e->results);
    int *category_of = malloc((json_array_size(root) + 1) * sizeof *category_of);
    if (!category_of) status = app_fail("eval", "out of memory");
    size_t i;
    const json_t *o;
    json_array_foreach(root, i, o) {
        if (status) break;
        const json_t *box = json_object_get(o, "bbox"), *score = json_object_get(o, "score");
        int64_t image = json_integer_value(json_object_get(o, "image_id")),
                category = json_integer_value(json_object_get(o, "category_id"));
        struct ap_found f = {.image = dataset_find_image(&e->data, image), .category = (int)i,
                             .score = (float)json_number_value(score)};
        double *const v[4] = {&f.x, &f.y, &f.w, &f.h};
        category_of[i] = dataset_find_category(&e->data, category);
        int whole = json_array_size(box) == 4 && json_is_number(score);
        for (size_t k = 0; whole && k < 4; k++) {
            *v[k] = json_number_value(json_array_get(box, k));
            whole = json_is_number(json_array_get(box, k)) && isfinite(*v[k]);
        }
        if (!whole || f.image < 0)
            status = app_fail("eval", "%s: entry %zu needs an image_id of the annotations, a bbox "
                                      "of 4 numbers and a score", e->results, i);
        else if (category_of[i] >= 0) status = add_found(e, &f);
    }
    if (!status && e->n_found) {
        qsort(e->found, (size_t)e->n_found, sizeof *e->found, by_image);
        for (int k = 0; k < e->n_found; k++)
            e->found[k].category = category_of[e->found[k].category];
    }
    free(category_of);
    json_decref(root);
    return status;
}

/* ---- the pipeline's parts ---- */

static int read_item(void *context, void *item) {
    struct evaluation *e = context;
    struct eval_item *i = item;
    if (e->next >= e->data.n_images || atomic_load(&progress_stop)) return 0;
    i->image = e->next++;
    if (pk_file_read(e->data.images[i->image].path, &i->bytes, &i->n_bytes)) {
        snprintf(i->why, sizeof i->why, "%s", pk_error());
        i->failed = 1;
    }
    return 1;
}

static int begin_worker(void *context, int worker) {
    struct evaluation *e = context;
    if (aclrtSetCurrentContext(e->context) == ACL_SUCCESS) return 0;
    return app_fail("eval", "a thread has no device: %s", aclGetRecentErrMsg()), -1;
}

static void work_on_item(void *context, int worker, void *item) {
    struct evaluation *e = context;
    struct eval_item *i = item;
    struct pk_image image = {0};
    const char *path = e->data.images[i->image].path;
    if (i->failed) return;
    double start = progress_now_ms();
    i->failed = pk_image_decode(i->bytes, i->n_bytes, path, &image) != 0;
    i->decode_ms = progress_now_ms() - start;
    if (i->failed) {
        snprintf(i->why, sizeof i->why, "%s", pk_error());
    } else {
        dataset_scale(&e->data, i->image, image.width, image.height);
        if ((i->failed = pk_network_run(e->networks[worker], &image, &i->result) != 0))
            snprintf(i->why, sizeof i->why, "%s: %.400s", path, pk_error());
    }
    pk_image_free(&image);
    free(i->bytes);
    i->bytes = NULL;
}

static int add_boxes(struct evaluation *e, const struct eval_item *i) {
    const struct dataset_image *of = &e->data.images[i->image];
    for (int k = 0; k < i->result.n_detections; k++) {
        const struct pk_detection *d = &i->result.detections[k];
        if (e->map[d->class_id] < 0) continue;
        struct ap_found f = {i->image, e->map[d->class_id], d->score, d->x1, d->y1,
                             (double)d->x2 - d->x1, (double)d->y2 - d->y1};
        if (add_found(e, &f)) return -1;
        if (!e->coco) continue;
        fprintf(e->coco, "%s{\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
                         "\"score\":%.9g}", e->n_coco++ ? ",\n" : "\n", (long long)of->id,
                (long long)e->data.categories[f.category].id, f.x, f.y, f.w, f.h, f.score);
    }
    return 0;
}

static void add_answer(struct evaluation *e, const struct eval_item *i) {
    const struct dataset_image *of = &e->data.images[i->image];
    int n = e->data.n_categories, top = i->result.n_classes ? i->result.classes[0].class_id : n;
    if (of->label < 0) return;
    struct report_class *k = &e->classes[of->label];
    k->pictures++;
    k->top1 += top == of->label;
    for (int c = 0; c < i->result.n_classes && c < 5; c++)
        k->top5 += i->result.classes[c].class_id == of->label;
    if (e->confusion) e->confusion[(size_t)top * (size_t)(n + 1) + (size_t)of->label]++;
    if (!e->predictions) return;
    folder_csv_text(e->predictions, of->path);
    fprintf(e->predictions, ",%d,%d,%.6f\r\n", of->label, top,
            i->result.n_classes ? i->result.classes[0].score : 0);
}

static int write_item(void *context, void *item) {
    struct evaluation *e = context;
    struct eval_item *i = item;
    struct report *r = &e->report;
    int status = 0;
    if (i->failed) {
        progress_hide(&e->progress);
        app_fail("eval", "%s", i->why);
        r->failed++;
    } else {
        r->pictures++;
        r->decode_ms += i->decode_ms;
        r->preprocess_ms += i->result.timing.preprocess_ms;
        r->infer_ms += i->result.timing.infer_ms;
        r->postprocess_ms += i->result.timing.postprocess_ms;
    }
    /* A picture that failed counts as one on which nothing was found. */
    if (e->detects) status = add_boxes(e, i);
    else add_answer(e, i);
    progress_step(&e->progress);
    pk_result_free(&i->result);
    free(i->bytes);
    return status;
}

static void drop_item(void *context, void *item) {
    struct eval_item *i = item;
    pk_result_free(&i->result);
    free(i->bytes);
}

static int run_pipeline(struct evaluation *e) {
    struct pipeline p = {.workers = e->workers, .capacity = 2 * e->workers + 1,
                         .item_bytes = sizeof(struct eval_item), .context = e, .read = read_item,
                         .begin = begin_worker, .work = work_on_item, .write = write_item,
                         .drop = drop_item};
    if (aclrtGetCurrentContext(&e->context) != ACL_SUCCESS)
        return app_fail("eval", "no device: %s", aclGetRecentErrMsg());
    e->networks[0] = e->m.network;
    int opened = 1, status = 0;
    for (; opened < e->workers && !status; opened++)
        if (pk_network_share(e->m.network, &e->networks[opened]))
            status = app_fail("eval", "%s", pk_error());
    progress_catch();
    double start = progress_now_ms();
    progress_start(&e->progress, "pictures", e->data.n_images);
    if (e->quiet) e->progress.shown = 0;
    if (!status) status = pipeline_run(&p);
    progress_hide(&e->progress);
    e->report.seconds = (progress_now_ms() - start) / 1e3;
    e->report.workers = e->workers;
    for (int i = 1; i < opened; i++) pk_network_close(e->networks[i]);
    return status ? EXIT_FAILED : EXIT_OK;
}

/* ---- the whole ---- */

/* Thresholds as the family's authors have them, now that the family is known. */
static int open_model(struct evaluation *e, const char *path) {
    struct pk_network_options *n = &e->model.network;
    struct pk_network_options given = *n;
    e->m.command = "eval";
    if (model_open(&e->m, path, &e->model)) return -1;
    enum pk_family f = pk_network_family(e->m.network);
    e->detects = f < PK_IMAGENET;
    if (given.confidence <= 0) given.confidence = by_family[f].confidence;
    if (given.iou <= 0) given.iou = by_family[f].iou;
    given.every_class = by_family[f].every_class;
    pk_network_set(e->m.network, &given);
    if (e->detects == (e->kind != DATASET_IMAGENET)) return 0;
    return app_fail("eval", "%s is a %s (%s): it goes with %s", path,
                    e->detects ? "detector" : "classifier", pk_family_name(f),
                    e->detects ? "--coco or --yolo" : "--imagenet"), -1;
}

static int open_files(struct evaluation *e) {
    int made;
    if (e->json && !e->output) return 0;
    if (folder_open("eval", e->output, e->folder, &made)) return -1;
    if (e->results) return 0;
    if (e->detects) {
        if (!(e->coco = folder_file("eval", e->folder, "coco.json"))) return -1;
        fputs("[", e->coco);
    } else {
        if (!(e->predictions = folder_file("eval", e->folder, "predictions.csv"))) return -1;
        fputs("file,label,found,score\r\n", e->predictions);
    }
    return 0;
}

static int close_files(struct evaluation *e) {
    int bad = 0;
    if (e->coco) fputs("\n]\n", e->coco), bad |= ferror(e->coco) | fclose(e->coco);
    if (e->predictions) bad |= ferror(e->predictions) | fclose(e->predictions);
    e->coco = e->predictions = NULL;
    return bad ? app_fail("eval", "%s cannot be written; is the disk full?", e->folder) : 0;
}

static int finish(struct evaluation *e) {
    struct ap_result ap = {0};
    struct report *r = &e->report;
    const struct dataset *d = &e->data;
    int status = EXIT_OK;
    r->data = d;
    r->detects = e->detects;
    r->classes = e->classes;
    if (e->detects) {
        long *confusion = NULL;
        int bad = ap_compute(d->truths, d->n_truths, e->found, e->n_found, d->n_categories, &ap);
        if (!bad && d->n_categories <= MAX_MATRIX)
            bad = ap_confusion(d->truths, d->n_truths, e->found, e->n_found, d->n_categories,
                               0.25, 0.45, &confusion);
        if (bad) status = app_fail("eval", "out of memory");
        e->confusion = confusion;
        r->ap = &ap;
    }
    r->confusion = e->confusion;
    if (!status && e->folder[0] && report_write(r, e->folder)) status = EXIT_FAILED;
    if (!status && e->json && report_print_json(r)) status = EXIT_FAILED;
    if (!status && !e->json) report_print(r);
    if (!status && !e->json && fflush(stdout)) status = app_fail("eval", "stdout is full");
    if (!status && e->folder[0] && !e->quiet)
        fprintf(stderr, "prusik eval: results in %s\n", e->folder);
    ap_free(&ap);
    return status;
}

static int prepare(struct evaluation *e) {
    size_t n = (size_t)(e->results ? 0 : pk_network_classes(e->m.network));
    e->map = malloc((n + 1) * sizeof *e->map);
    if (!e->map) return app_fail("eval", "out of memory");
    if (!e->results && dataset_match(&e->data, e->m.labels, (int)n, e->map)) return EXIT_FAILED;
    if (e->detects) return open_files(e) ? EXIT_FAILED : EXIT_OK;
    e->classes = calloc(n + 1, sizeof *e->classes);
    if (n <= MAX_MATRIX) e->confusion = calloc((n + 1) * (n + 1), sizeof *e->confusion);
    if (!e->classes || (n <= MAX_MATRIX && !e->confusion)) return app_fail("eval", "out of memory");
    return open_files(e) ? EXIT_FAILED : EXIT_OK;
}

static int evaluate(struct evaluation *e, const char *model) {
    if (e->results) {
        e->detects = 1;
        e->report.model = e->results;
        int status = prepare(e);
        if (!status) status = read_results(e) ? EXIT_FAILED : EXIT_OK;
        return status ? status : finish(e);
    }
    e->report.model = model;
    if (!e->workers) {
        int cores = e->threads ? e->threads : app_cores();
        e->workers = cores > MAX_WORKERS ? MAX_WORKERS : cores;
        e->threads = 1;
    } else if (!e->threads) {
        e->threads = app_cores();
    }
    int status = app_start(e->threads);
    if (status) return EXIT_FAILED;
    if (open_model(e, model)) status = EXIT_FAILED;
    if (!status) status = prepare(e);
    if (!status) status = run_pipeline(e);
    if (close_files(e)) status = EXIT_FAILED;
    if (!status && atomic_load(&progress_stop)) {
        app_fail("eval", "interrupted after %ld of %d pictures; figures of a part would mislead",
                 e->report.pictures + e->report.failed, e->data.n_images);
        status = EXIT_INTERRUPTED;
    }
    if (!status) status = finish(e);
    if (!status && e->report.failed) status = EXIT_FAILED;
    model_close(&e->m);
    app_end();
    return status;
}

int app_eval(int argc, char **argv) {
    struct evaluation *e = calloc(1, sizeof *e);
    if (!e) return app_fail("eval", "out of memory");
    int status = read_options(e, argc, argv);
    if (status == EXIT_OK &&
        dataset_open(e->kind, e->path, e->results && !e->images ? "" : e->images, &e->data))
        status = EXIT_FAILED;
    e->report.labelled = e->path;
    if (status == EXIT_OK) status = evaluate(e, argv[optind]);
    dataset_close(&e->data);
    free(e->map), free(e->found), free(e->classes), free(e->confusion);
    free(e);
    return status;
}
