/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik detect and prusik classify: sources in; a table or JSON, drawn pictures and files out.
 * One thread reads, several decode, run the network and draw, one writes (pipeline.h).
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app.h"
#include "draw.h"
#include "frames.h"
#include "model.h"
#include "pipeline.h"
#include "progress.h"
#include "results.h"

enum { EXIT_INTERRUPTED = 130, MAX_WORKERS = 64 };

struct job {
    const char *command; /* "detect" or "classify" */
    struct model_options model;
    struct results_options options;
    struct video_limits limits;
    const char *classes;
    int threads, workers, quiet;
    struct sources sources;
    struct model m;
    aclrtContext context; /* of the device, for all threads */
    struct pk_network *networks[MAX_WORKERS]; /* one a worker; the first is m.network */
    struct frames frames;
    struct ahead {
        pthread_t thread;
        int running, got;
        struct item item;
    } ahead;
    struct results results;
    struct progress progress;
    int64_t n_done, n_failed, n_dropped;
};

/* ---- options ---- */

static int read_options(struct job *j, int argc, char **argv) {
    enum { TYPE = 1, LABELS, JSON, THREADS, OUTPUT, CONF, IOU, MAX_DET, TOP, CLASSES, STRIDE,
           LINE_WIDTH, HIDE_LABELS, HIDE_CONF, SAVE_TXT, SAVE_CONF, SAVE_CROP, COCO_JSON, CSV,
           NO_DRAW, WORKERS, MAX_FRAMES, RECONNECTS, TIMEOUT, INPUT_SHAPE, GEAR, QUIET };
    static const struct option options[] = {
        {"type", 1, 0, TYPE},           {"labels", 1, 0, LABELS},
        {"json", 0, 0, JSON},           {"threads", 1, 0, THREADS},
        {"output", 1, 0, OUTPUT},       {"conf", 1, 0, CONF},
        {"iou", 1, 0, IOU},             {"max-det", 1, 0, MAX_DET},
        {"top", 1, 0, TOP},             {"classes", 1, 0, CLASSES},
        {"stride", 1, 0, STRIDE},       {"line-width", 1, 0, LINE_WIDTH},
        {"hide-labels", 0, 0, HIDE_LABELS}, {"hide-conf", 0, 0, HIDE_CONF},
        {"save-txt", 0, 0, SAVE_TXT},   {"save-conf", 0, 0, SAVE_CONF},
        {"save-crop", 0, 0, SAVE_CROP}, {"coco-json", 0, 0, COCO_JSON},
        {"csv", 0, 0, CSV},             {"no-draw", 0, 0, NO_DRAW},
        {"workers", 1, 0, WORKERS},     {"max-frames", 1, 0, MAX_FRAMES},
        {"reconnects", 1, 0, RECONNECTS}, {"timeout", 1, 0, TIMEOUT},
        {"input-shape", 1, 0, INPUT_SHAPE}, {"gear", 1, 0, GEAR},
        {"quiet", 0, 0, QUIET},         {0}};
    struct pk_network_options *n = &j->model.network;
    const char *c = j->command;
    int no_draw = 0, v, bad = 0;
    for (int o; !bad && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case TYPE:
            if (pk_family_find(optarg, &n->family)) {
                app_fail(c, "%s", pk_error());
                return EXIT_USAGE;
            }
            break;
        case LABELS: j->model.labels_path = optarg; break;
        case INPUT_SHAPE: j->model.input_shape = optarg; break;
        case GEAR: n->gear = optarg; break;
        case JSON: j->options.json = 1; break;
        case OUTPUT: j->options.output = optarg; break;
        case THREADS: bad = app_integer(c, "--threads", optarg, 1, 256, &j->threads); break;
        case WORKERS: bad = app_integer(c, "--workers", optarg, 1, MAX_WORKERS, &j->workers); break;
        case CONF: bad = app_fraction(c, "--conf", optarg, &n->confidence); break;
        case IOU: bad = app_fraction(c, "--iou", optarg, &n->iou); break;
        case MAX_DET:
            bad = app_integer(c, "--max-det", optarg, 1, 100000, &n->max_detections);
            break;
        case TOP: bad = app_integer(c, "--top", optarg, 1, 100000, &n->top); break;
        case CLASSES: j->classes = optarg; break;
        case STRIDE: bad = app_integer(c, "--stride", optarg, 1, 100000, &j->limits.stride); break;
        case LINE_WIDTH:
            bad = app_integer(c, "--line-width", optarg, 1, 100, &j->options.style.line_width);
            break;
        case HIDE_LABELS: j->options.style.hide_labels = 1; break;
        case HIDE_CONF: j->options.style.hide_scores = 1; break;
        case SAVE_TXT: j->options.save_txt = 1; break;
        case SAVE_CONF: j->options.save_conf = j->options.save_txt = 1; break;
        case SAVE_CROP: j->options.save_crop = 1; break;
        case COCO_JSON: j->options.coco_json = 1; break;
        case CSV: j->options.csv = 1; break;
        case NO_DRAW: no_draw = 1; break;
        case QUIET: j->quiet = 1; break;
        case MAX_FRAMES:
            if (!(bad = app_integer(c, "--max-frames", optarg, 1, 2000000000, &v)))
                j->limits.max_frames = v;
            break;
        case RECONNECTS:
            bad = app_integer(c, "--reconnects", optarg, 0, 1000, &j->limits.reconnects);
            break;
        case TIMEOUT:
            bad = app_integer(c, "--timeout", optarg, 1, 3600, &j->limits.timeout_s);
            break;
        default: return app_usage(c, NULL, NULL);
        }
    }
    if (bad) return EXIT_USAGE;
    if (!strcmp(c, "classify") && (j->options.save_crop || j->options.coco_json)) {
        app_fail(c, "--save-crop and --coco-json are about boxes; a classifier has none");
        return EXIT_USAGE;
    }
    /* Detectors draw unless asked for something else; classifiers when given a place for it. */
    int wanted = j->options.output || (!strcmp(c, "detect") && !j->options.json);
    j->options.draw = wanted && !no_draw;
    if (argc - optind < 2)
        return app_usage(c, argc == optind ? "a MODEL and a SOURCE are missing"
                                           : "a SOURCE is missing", NULL);
    return EXIT_OK;
}

/* "0,16" or "dog,traffic light". */
static int choose_classes(struct job *j) {
    if (!j->classes) return 0;
    int chosen[1024], n = 0, status = 0;
    char *text = strdup(j->classes), *save = NULL;
    for (char *part = text ? strtok_r(text, ",", &save) : NULL; part && !status;
         part = strtok_r(NULL, ",", &save)) {
        char *end;
        long number = strtol(part, &end, 10);
        if (end == part || *end) number = pk_label_find(j->m.labels, part);
        if (number < 0 || number > 1000000)
            status = app_fail(j->command, "--classes: there is no class '%s'", part);
        else if (n == 1024) status = app_fail(j->command, "--classes: at most 1024 can be named");
        else chosen[n++] = (int)number;
    }
    free(text);
    if (!status && !n) status = app_fail(j->command, "--classes names no class");
    if (!status && pk_network_choose(j->m.network, chosen, n))
        status = app_fail(j->command, "%s", pk_error());
    return status ? -1 : 0;
}

/* ---- the first picture, and what draws, while the model is loaded ---- */

static void *read_ahead(void *context) {
    struct job *j = context;
    struct frames first;
    if (j->sources.items[0].kind == SOURCE_PICTURE) {
        frames_open(&first, &j->sources, &j->limits);
        j->ahead.got = frames_read(&first, &j->ahead.item);
        if (j->ahead.got) item_decode(&j->ahead.item);
        frames_close(&first);
    }
    char later[DRAW_ERROR]; /* who needs it asks again, and says why not */
    if (j->options.draw) draw_load(later);
    return NULL;
}

/* Without a thread for it, or a core, all that is done in its turn. */
static void start_ahead(struct job *j) {
    if ((j->sources.items[0].kind != SOURCE_PICTURE && !j->options.draw) || app_cores() < 2) return;
    j->ahead.running = pthread_create(&j->ahead.thread, NULL, read_ahead, j) == 0;
}

/* True when there is one, which is the caller's. */
static int take_ahead(struct job *j, struct item *out) {
    if (!j->ahead.running) return 0;
    pthread_join(j->ahead.thread, NULL);
    j->ahead.running = 0;
    if (j->ahead.got) *out = j->ahead.item;
    return j->ahead.got;
}

/* ---- the pipeline's three parts ---- */

static int read_item(void *context, void *item) {
    struct job *j = context;
    if (!take_ahead(j, item)) return frames_read(&j->frames, item);
    j->frames.next = 1;
    return 1;
}

static int begin_worker(void *context, int worker) {
    struct job *j = context;
    aclError code = aclrtSetCurrentContext(j->context);
    if (code != ACL_SUCCESS)
        return app_fail(j->command, "a thread has no device: %s", aclGetRecentErrMsg()), -1;
    return 0;
}

static void work_on_item(void *context, int worker, void *item) {
    struct job *j = context;
    struct item *i = item;
    item_decode(i);
    if (i->failed || !i->image.rgb) return;
    if (pk_network_run(j->networks[worker], &i->image, &i->result)) {
        snprintf(i->why, sizeof i->why, "%s: %.400s", i->source->path, pk_error());
        i->failed = 1;
        return;
    }
    results_save(&j->results, i);
}

static int write_item(void *context, void *item) {
    struct job *j = context;
    struct item *i = item;
    if (i->failed) {
        progress_hide(&j->progress);
        app_fail(j->command, "%s", i->why);
        j->n_failed++;
    }
    if (!j->options.json && j->progress.shown) progress_hide(&j->progress);
    int status = results_add(&j->results, i);
    if (!i->last || i->failed) {
        j->n_done += !i->failed;
        if (!j->progress.total) j->progress.total = atomic_load(&j->frames.expected);
        progress_step(&j->progress);
    }
    item_free(i);
    return status;
}

static int may_drop(void *context, const void *item) {
    const struct job *j = context;
    const struct item *i = item;
    return j->frames.live && !i->last && !i->failed;
}

static void drop_item(void *context, void *item) {
    ((struct job *)context)->n_dropped++;
    item_free(item);
}

/* ---- the whole ---- */

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* What is to be done, as far as known before: pictures count; the frames of one video are asked
 * for when it is opened. */
static int64_t count(const struct job *j) {
    for (int i = 0; i < j->sources.n; i++)
        if (j->sources.items[i].kind != SOURCE_PICTURE) return 0;
    return j->sources.n;
}

static void say_end(const struct job *j, int cores, double seconds, double cpu) {
    int pictures = count(j) > 0;
    if (j->quiet || (j->n_done + j->n_failed < 2 && !j->frames.damaged)) return;
    fprintf(stderr, "prusik %s: %lld %s in %.1f s (%.1f/s, cores %.0f %% busy)", j->command,
            (long long)j->n_done, pictures ? "pictures" : "pictures and frames", seconds,
            seconds > 0 ? (double)j->n_done / seconds : 0,
            seconds > 0 ? 100 * cpu / seconds / cores : 0);
    if (j->n_failed) fprintf(stderr, "; %lld failed", (long long)j->n_failed);
    if (j->frames.damaged)
        fprintf(stderr, "; %lld damaged frames skipped", (long long)j->frames.damaged);
    if (j->n_dropped) fprintf(stderr, "; %lld frames dropped to keep up", (long long)j->n_dropped);
    if (atomic_load(&progress_stop)) fputs("; interrupted", stderr);
    if (j->results.folder[0]) fprintf(stderr, "; results in %s", j->results.folder);
    fputc('\n', stderr);
}

static int run_pipeline(struct job *j) {
    struct pipeline p = {.workers = j->workers, .capacity = 2 * j->workers + 1,
                         .item_bytes = sizeof(struct item), .context = j, .read = read_item,
                         .begin = begin_worker, .work = work_on_item, .write = write_item,
                         .may_drop = may_drop, .drop = drop_item};
    if (aclrtGetCurrentContext(&j->context) != ACL_SUCCESS)
        return app_fail(j->command, "no device: %s", aclGetRecentErrMsg());
    j->networks[0] = j->m.network;
    for (int i = 1; i < j->workers; i++)
        if (pk_network_share(j->m.network, &j->networks[i]))
            return app_fail(j->command, "%s", pk_error());
    int status = results_open(&j->results, j->command, &j->options, j->m.labels,
                              pk_network_classes(j->m.network));
    double start = progress_now_ms(), cpu = cpu_seconds();
    if (!status) {
        progress_catch();
        frames_open(&j->frames, &j->sources, &j->limits);
        progress_start(&j->progress, count(j) ? "pictures" : "frames", count(j));
        status = pipeline_run(&p);
        progress_hide(&j->progress);
        frames_close(&j->frames);
    }
    double seconds = (progress_now_ms() - start) / 1e3;
    cpu = cpu_seconds() - cpu;
    if (results_close(&j->results)) status = -1;
    say_end(j, app_cores(), seconds, cpu);
    for (int i = 1; i < j->workers; i++) pk_network_close(j->networks[i]);
    if (atomic_load(&progress_stop)) return EXIT_INTERRUPTED;
    return status || j->n_failed ? EXIT_FAILED : EXIT_OK;
}

/* With several pictures each thread works on one by itself, which keeps all cores busier than all
 * of them on one picture; a single picture gets them all. docs/detect.md has the figures. */
static void plan_threads(struct job *j) {
    int cores = j->threads ? j->threads : app_cores();
    int64_t n = count(j);
    if (!j->workers) {
        j->workers = n && n < cores ? (int)n : cores;
        if (j->workers > MAX_WORKERS) j->workers = MAX_WORKERS;
        j->threads = j->workers == 1 ? cores : 1;
    } else if (!j->threads) {
        j->threads = cores;
    }
    j->limits.threads = cores > 16 ? 16 : cores;
}

static int main_of(const char *command, int argc, char **argv) {
    struct job *j = calloc(1, sizeof *j);
    if (!j) return app_fail(command, "out of memory");
    j->command = command;
    j->limits = (struct video_limits){.max_pixels = VIDEO_MAX_PIXELS, .max_frames = INT64_MAX,
                                      .reconnects = 5, .timeout_s = 10, .stride = 1};
    int status = read_options(j, argc, argv);
    if (status == EXIT_OK && sources_open(command, argv + optind + 1, argc - optind - 1,
                                          &j->sources))
        status = EXIT_FAILED;
    if (status == EXIT_OK) {
        plan_threads(j);
        status = app_start(j->threads);
        if (status == EXIT_OK) {
            j->m.command = command;
            start_ahead(j);
            if (model_open(&j->m, argv[optind], &j->model) || choose_classes(j))
                status = EXIT_FAILED;
            else status = run_pipeline(j);
            struct item unused;
            if (take_ahead(j, &unused)) item_free(&unused); /* the model was none */
            model_close(&j->m);
            app_end();
        }
    }
    sources_close(&j->sources);
    free(j);
    return status;
}

int app_detect(int argc, char **argv) { return main_of("detect", argc, argv); }
int app_classify(int argc, char **argv) { return main_of("classify", argc, argv); }
