/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik doctor: which preprocessing was a network trained with? Every usual one is tried on a
 * photo. What is right gives confident answers that stay when the photo is mirrored or cut a
 * little, none when it is blurred beyond recognition, and others for other photos; what is wrong
 * gives few, or ones that do not stay, or, where values are far too large, is certain of anything.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "doctor.h"
#include "model.h"
#include "progress.h"

/* Of values 0..255, for R, G, B; turned round for BGR. */
static const struct {
    const char *text;
    float mean[3], deviation[3];
} scales[] = {
    {"0..255", {0, 0, 0}, {1, 1, 1}},
    {"0..1", {0, 0, 0}, {255, 255, 255}},
    {"-1..1", {127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}},
    {"ImageNet mean and deviation", {.485f * 255, .456f * 255, .406f * 255},
     {.229f * 255, .224f * 255, .225f * 255}},
    {"mean 123 117 104", {123, 117, 104}, {1, 1, 1}},
};

static const struct {
    enum pk_geometry geometry;
    int pad;
    const char *text;
    int detects, classifies;
} geometries[] = {
    {PK_TOP_LEFT, 114, "letterbox, top left, grey 114", 1, 0},
    {PK_CENTRED, 114, "letterbox, centred, grey 114", 1, 0},
    {PK_TOP_LEFT, 0, "letterbox, top left, black", 1, 0},
    {PK_CENTRED, 0, "letterbox, centred, black", 1, 1},
    {PK_STRETCH, 0, "stretched", 1, 1},
    {PK_CROP, 0, "short side 256/224, centre cut out", 0, 1},
};

enum {
    N_SCALES = sizeof scales / sizeof scales[0],
    N_GEOMETRIES = sizeof geometries / sizeof geometries[0],
    N_TRIALS = 2 * N_SCALES * N_GEOMETRIES,
    N_VIEWS = 3, /* as it is, mirrored, cut a little on all sides */
    BLURRED = N_VIEWS, /* nothing can be seen on it */
    N_RUNS,
    TOO_MANY = 120, /* boxes; no photo shows so much */
    SHOWN = 6
};

struct doctor {
    struct model_options model;
    const char *output, *expect;
    int threads, all, expected; /* expected: the class; -1: none is named */
    struct model m;
    int detects, has_values;
    struct input_size size;
    struct pk_image views[N_RUNS];
    double *sums;  /* of a classifier's probabilities over the views */
    float *answers; /* of each trial, its probabilities summed over photos, sharp and blurred */
    struct trial trials[N_TRIALS];
    int n_trials, n_photos;
};

/* ---- the views ---- */

static int copy_part(const struct pk_image *from, double cut, int mirror, struct pk_image *out) {
    int dx = (int)(from->width * cut), dy = (int)(from->height * cut);
    *out = (struct pk_image){from->width - 2 * dx, from->height - 2 * dy, NULL};
    size_t w = (size_t)out->width;
    if (!(out->rgb = malloc(w * (size_t)out->height * 3))) return -1;
    for (size_t y = 0; y < (size_t)out->height; y++) {
        const uint8_t *row = from->rgb +
                             3 * ((y + (size_t)dy) * (size_t)from->width + (size_t)dx);
        uint8_t *to = out->rgb + 3 * y * w;
        for (size_t x = 0; x < w; x++) memcpy(to + 3 * x, row + 3 * (mirror ? w - 1 - x : x), 3);
    }
    return 0;
}

static int make_views(struct doctor *d, const char *photo) {
    if (pk_image_read(photo, &d->views[0])) return app_fail("doctor", "%s", pk_error());
    struct pk_image tiny = {0};
    int bad = copy_part(&d->views[0], 0, 1, &d->views[1]) ||
              copy_part(&d->views[0], 0.06, 0, &d->views[2]) ||
              pk_image_resize(&d->views[0], 4, 4, &tiny) ||
              pk_image_resize(&tiny, d->views[0].width, d->views[0].height, &d->views[BLURRED]);
    pk_image_free(&tiny);
    return bad ? app_fail("doctor", "%s: no memory for what is made of it", photo) : 0;
}

/* ---- one trial ---- */

/* A box as it lies in view 0. */
static struct pk_detection put_back(const struct doctor *d, int view, struct pk_detection b) {
    float w = (float)d->views[0].width;
    if (view == 1) {
        float x1 = w - b.x2;
        b.x2 = w - b.x1;
        b.x1 = x1;
    } else if (view == 2) {
        float dx = (w - (float)d->views[2].width) / 2,
              dy = (float)(d->views[0].height - d->views[2].height) / 2;
        b.x1 += dx, b.x2 += dx, b.y1 += dy, b.y2 += dy;
    }
    return b;
}

/* The lowest score a box has in all views; 0 where it is not found again. */
static double least_score(const struct doctor *d, const struct pk_result r[static N_VIEWS],
                          const struct pk_detection *b) {
    double least = b->score;
    for (int v = 1; v < N_VIEWS; v++) {
        double best = 0;
        for (int k = 0; k < r[v].n_detections; k++) {
            struct pk_detection other = put_back(d, v, r[v].detections[k]);
            if (other.class_id == b->class_id && pk_overlap(b, &other) > 0.5)
                best = fmax(best, other.score);
        }
        least = fmin(least, best);
    }
    return least;
}

/* The sum of squares, so that a few sure boxes count for more than many doubtful ones. One thing
 * that is taken for two counts against. */
static double judge_boxes(const struct doctor *d, const struct pk_result r[static N_RUNS],
                          struct trial *t) {
    double sum = 0, expected = 0, illusion = 0;
    for (int i = 0; i < r[BLURRED].n_detections; i++) {
        const struct pk_detection *b = &r[BLURRED].detections[i];
        sum -= b->score * b->score;
        if (b->class_id == d->expected) illusion = fmax(illusion, b->score);
    }
    for (int v = 0; v < N_RUNS; v++)
        if (r[v].n_detections > TOO_MANY) return 0;
    for (int i = 0; i < r[0].n_detections; i++) {
        const struct pk_detection *b = &r[0].detections[i];
        double least = least_score(d, r, b);
        int doubted = 0;
        for (int k = 0; k < i && !doubted; k++)
            doubted = r[0].detections[k].class_id != b->class_id &&
                      pk_overlap(&r[0].detections[k], b) > 0.6;
        sum += (doubted ? -1 : 1) * least * least;
        if (b->class_id == d->expected) expected = fmax(expected, least);
        if (t->n_found < DOCTOR_NAMED && least > 0)
            t->found[t->n_found++] = (struct pk_class){b->class_id, (float)least};
    }
    return fmax(d->expected >= 0 ? expected - illusion : sum, 0);
}

static double entropy_of(double p) { return p > 0 ? -p * log(p) : 0; }

/* What finish_classes() needs of a photo: its mean answer over the views, and that for the blurred
 * one. */
static void keep_answers(struct doctor *d, const struct pk_result *blurred, struct trial *t) {
    const int n = pk_network_classes(d->m.network);
    float *all = d->answers + (size_t)(t - d->trials) * (size_t)n;
    for (int c = 0; c < n; c++) {
        all[c] += (float)d->sums[c];
        t->entropy += entropy_of(d->sums[c]);
    }
    for (int k = 0; k < blurred->n_classes; k++) {
        all[blurred->classes[k].class_id] += blurred->classes[k].score;
        t->entropy += entropy_of(blurred->classes[k].score);
    }
}

/* How much answers tell of what was seen: the mutual information of pictures and classes, as a part
 * of what it can be. A network whose values are far off is often sure, but of the same few classes
 * for every picture, blurred ones among them. */
static void finish_classes(struct doctor *d) {
    const int n = pk_network_classes(d->m.network), pictures = 2 * d->n_photos;
    for (int i = 0; i < d->n_trials; i++) {
        struct trial *t = &d->trials[i];
        const float *all = d->answers + (size_t)i * (size_t)n;
        double information = -t->entropy / pictures;
        for (int c = 0; c < n; c++) information += entropy_of((double)all[c] / pictures);
        const double score = sqrt(t->score) * information / log(pictures);
        t->score = score > 0 ? score : 0; /* NaN is nothing sensible */
    }
}

/* The mean probability over the views, of the likeliest class or of the expected one; less, the
 * surer the network is of the blurred picture. */
static double judge_classes(struct doctor *d, const struct pk_result r[static N_RUNS],
                            struct trial *t) {
    int n = pk_network_classes(d->m.network);
    memset(d->sums, 0, (size_t)n * sizeof *d->sums);
    for (int v = 0; v < N_VIEWS; v++)
        for (int k = 0; k < r[v].n_classes; k++)
            d->sums[r[v].classes[k].class_id] += (double)r[v].classes[k].score / N_VIEWS;
    if (d->expected < 0) keep_answers(d, &r[BLURRED], t);
    double score = 0, sure = r[BLURRED].n_classes ? r[BLURRED].classes[0].score : 0;
    for (int c = 0; c < n; c++)
        if (d->expected < 0 ? d->sums[c] > score : c == d->expected) score = d->sums[c];
    for (int i = 0; i < DOCTOR_NAMED && i < n && t->n_found < DOCTOR_NAMED; i++) {
        int best = 0;
        for (int c = 1; c < n; c++)
            if (d->sums[c] > d->sums[best]) best = c;
        t->found[t->n_found++] = (struct pk_class){best, (float)d->sums[best]};
        d->sums[best] = -1; /* taken */
    }
    return score * (1 - sure);
}

static int try(struct doctor *d, struct trial *t) {
    struct pk_result r[N_RUNS] = {{0}};
    int status = 0;
    pk_network_prepare_as(d->m.network, &t->recipe);
    for (int v = 0; v < N_RUNS && !status; v++)
        if (pk_network_run(d->m.network, &d->views[v], &r[v]))
            status = app_fail("doctor", "%s", pk_error());
    double score = status ? 0 : d->detects ? judge_boxes(d, r, t) : judge_classes(d, r, t);
    if (score > 0) t->score += score / d->n_photos; /* NaN is nothing sensible either */
    for (int v = 0; v < N_RUNS; v++) pk_result_free(&r[v]);
    return status;
}

/* ---- all trials ---- */

static int same_recipe(const struct pk_recipe *a, const struct pk_recipe *b, int values) {
    int same = a->bgr == b->bgr && a->geometry == b->geometry &&
               (a->pad == b->pad || a->geometry == PK_STRETCH || a->geometry == PK_CROP);
    for (int c = 0; c < 3 && values; c++)
        same = same && fabsf(a->mean[c] - b->mean[c]) < 1e-3f &&
               fabsf(a->deviation[c] - b->deviation[c]) < 1e-3f;
    return same;
}

/* A family with the same outputs that is prepared so; PK_FAMILY_AUTO when there is none. */
static enum pk_family family_of(const struct doctor *d, const struct pk_recipe *r) {
    enum pk_family is = pk_network_family(d->m.network);
    for (int f = PK_FAMILY_AUTO + 1; f < PK_FAMILY_COUNT; f++) {
        int yolox = (f == PK_YOLOX || f == PK_YOLOX_MEANSTD) &&
                    (is == PK_YOLOX || is == PK_YOLOX_MEANSTD);
        int classifier = f >= PK_IMAGENET && is >= PK_IMAGENET;
        if ((f == (int)is || yolox || classifier) &&
            same_recipe(pk_recipe_of((enum pk_family)f), r, !d->has_values))
            return (enum pk_family)f;
    }
    return PK_FAMILY_AUTO;
}

static void add_trial(struct doctor *d, int bgr, int scale, int geometry) {
    struct trial *t = &d->trials[d->n_trials++];
    *t = (struct trial){.recipe = {.bgr = bgr, .geometry = geometries[geometry].geometry,
                                   .pad = geometries[geometry].pad},
                        .scale = d->has_values ? NULL : scales[scale].text,
                        .geometry = geometries[geometry].text};
    for (int c = 0; c < 3; c++) {
        t->recipe.mean[c] = scales[scale].mean[bgr ? 2 - c : c];
        t->recipe.deviation[c] = scales[scale].deviation[bgr ? 2 - c : c];
    }
    t->family = family_of(d, &t->recipe);
}

/* Ways that belong to a known family are likelier beforehand: between two kinds of letterbox, or
 * 0..1 with and without deviation, a photo often can hardly tell. */
static double rank(const struct trial *t) {
    return t->score * (t->family != PK_FAMILY_AUTO ? 1.2 : 1);
}

static int best_first(const void *a, const void *b) {
    const struct trial *x = a, *y = b;
    double p = rank(x), q = rank(y);
    return (p < q) - (p > q);
}

static void make_trials(struct doctor *d) {
    for (int bgr = 0; bgr < 2; bgr++)
        for (int s = 0; s < (d->has_values ? 1 : N_SCALES); s++)
            for (int g = 0; g < N_GEOMETRIES; g++)
                if (d->detects ? geometries[g].detects : geometries[g].classifies)
                    add_trial(d, bgr, s, g);
}

static int try_all(struct doctor *d, char **photos) {
    struct progress progress;
    int status = 0;
    make_trials(d);
    d->answers = calloc((size_t)d->n_trials * (size_t)pk_network_classes(d->m.network),
                        sizeof *d->answers);
    if (!d->answers) return app_fail("doctor", "out of memory");
    progress_start(&progress, "ways", (int64_t)d->n_trials * d->n_photos);
    for (int p = 0; p < d->n_photos && !status; p++) {
        status = make_views(d, photos[p]);
        for (int i = 0; i < d->n_trials && !status; i++) {
            status = try(d, &d->trials[i]);
            progress_step(&progress);
        }
        for (int v = 0; v < N_RUNS; v++) pk_image_free(&d->views[v]);
    }
    progress_hide(&progress);
    if (!d->detects && d->expected < 0) finish_classes(d);
    qsort(d->trials, (size_t)d->n_trials, sizeof *d->trials, best_first);
    return status;
}

/* ---- what is said ---- */

/* "BGR, 0..1" */
static const char *values_text(const struct trial *t, char buf[static 64]) {
    snprintf(buf, 64, "%s%s%s", t->recipe.bgr ? "BGR" : "RGB", t->scale ? ", " : "",
             t->scale ? t->scale : "");
    return buf;
}

static void print_trial(const struct doctor *d, const struct trial *t) {
    char text[64];
    printf("  %6.3f  %s, %s\n          ", t->score, values_text(t, text), t->geometry);
    for (int i = 0; i < t->n_found; i++)
        printf("%s%s %.2f", i ? ", " : "", pk_label(d->m.labels, t->found[i].class_id),
               t->found[i].score);
    printf("%s\n", t->n_found ? "" : "nothing that stays when the photo is mirrored or cut");
}

/* The best of those whose colours or values are others than the first's. */
static const struct trial *rival(const struct doctor *d) {
    const struct trial *first = &d->trials[0];
    for (int i = 1; i < d->n_trials; i++) {
        const struct trial *t = &d->trials[i];
        if (t->recipe.bgr != first->recipe.bgr || t->scale != first->scale) return t;
    }
    return NULL;
}

static int report(const struct doctor *d, const char *model, char **photos) {
    const struct trial *best = &d->trials[0], *other = rival(d);
    char text[64];
    printf("%s%s through %s (%s, %d x %d): %d ways to prepare it, best first\n", photos[0],
           d->n_photos > 1 ? " and more" : "", model, d->detects ? "detector" : "classifier",
           d->size.width, d->size.height, d->n_trials);
    for (int i = 0; i < d->n_trials && (d->all || i < SHOWN); i++) print_trial(d, &d->trials[i]);
    if (!(best->score > 0.1)) {
        fflush(stdout);
        return app_fail("doctor", "no way gives anything sensible; try a photo that shows plainly "
                                  "what the network knows%s",
                        d->expected >= 0 ? ", or without --expect" : ", and --expect");
    }
    printf("\nbest: %s, %s", values_text(best, text), best->geometry);
    if (best->family != PK_FAMILY_AUTO) printf("; that is --type %s", pk_family_name(best->family));
    printf("\n");
    if (other && other->score > 0.95 * best->score)
        printf("the photos hardly tell it from: %s; try others, or --expect\n",
               values_text(other, text));
    return doctor_write(d->output, model, best, &d->size);
}

/* ---- the whole ---- */

static int find_expected(struct doctor *d) {
    char *end;
    d->expected = -1;
    if (!d->expect) return 0;
    long number = strtol(d->expect, &end, 10);
    d->expected = pk_label_find(d->m.labels, d->expect);
    if (d->expected < 0 && end != d->expect && !*end && number >= 0 && number < 1000000)
        d->expected = (int)number;
    if (d->expected >= 0 && d->expected < pk_network_classes(d->m.network)) return 0;
    const int classes = pk_network_classes(d->m.network);
    if (!d->m.labels_path[0] && classes != 80)
        return app_fail("doctor", "--expect %s: nothing says what the network's %d classes are "
                                  "called; name it by number, 0 to %d, or give --labels FILE with "
                                  "a name a line",
                        d->expect, classes, classes - 1);
    return app_fail("doctor", "--expect %s: the network has no such class among its %d%s%s",
                    d->expect, classes, d->m.labels_path[0] ? "; their names are in " : "",
                    d->m.labels_path);
}

static int examine(struct doctor *d, const char *model, char **photos) {
    struct pk_network_options *n = &d->model.network;
    d->m.command = "doctor";
    if (model_open(&d->m, model, &d->model) || find_expected(d)) return EXIT_FAILED;
    n->top = pk_network_classes(d->m.network);
    pk_network_set(d->m.network, n);
    d->detects = pk_network_family(d->m.network) < PK_IMAGENET;
    d->has_values = pk_network_has_values(d->m.network);
    pk_network_input_size(d->m.network, &d->size.width, &d->size.height);
    d->size.largest = pk_network_sizes_vary(d->m.network);
    d->sums = calloc((size_t)n->top + 1, sizeof *d->sums);
    if (!d->sums) return app_fail("doctor", "out of memory");
    if (pk_network_family(d->m.network) == PK_SSD)
        return app_fail("doctor", "%s is an SSD, which scales its pictures itself: there is "
                                  "nothing to find out", model);
    return try_all(d, photos) ? EXIT_FAILED : report(d, model, photos);
}

int app_doctor(int argc, char **argv) {
    enum { TYPE = 1, LABELS, INPUT_SHAPE, EXPECT, OUTPUT, THREADS, CONF, GEAR, ALL };
    static const struct option options[] = {
        {"type", 1, 0, TYPE},     {"labels", 1, 0, LABELS}, {"input-shape", 1, 0, INPUT_SHAPE},
        {"expect", 1, 0, EXPECT}, {"output", 1, 0, OUTPUT}, {"threads", 1, 0, THREADS},
        {"conf", 1, 0, CONF},     {"all", 0, 0, ALL},       {"gear", 1, 0, GEAR},
        {0}};
    struct doctor *d = calloc(1, sizeof *d);
    int bad = 0, status;
    if (!d) return app_fail("doctor", "out of memory");
    for (int o; !bad && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case TYPE:
            if (pk_family_find(optarg, &d->model.network.family))
                app_fail("doctor", "%s", pk_error()), bad = EXIT_USAGE;
            break;
        case LABELS: d->model.labels_path = optarg; break;
        case GEAR: d->model.network.gear = optarg; break;
        case INPUT_SHAPE: d->model.input_shape = optarg; break;
        case EXPECT: d->expect = optarg; break;
        case OUTPUT: d->output = optarg; break;
        case THREADS: bad = app_integer("doctor", "--threads", optarg, 1, 256, &d->threads); break;
        case CONF:
            bad = app_fraction("doctor", "--conf", optarg, &d->model.network.confidence);
            break;
        case ALL: d->all = 1; break;
        default: bad = app_usage("doctor", NULL, NULL);
        }
    }
    if (!bad && argc - optind < 2)
        bad = app_usage("doctor", argc == optind ? "a MODEL and a PHOTO are missing"
                                                 : "a PHOTO is missing", NULL);
    status = bad ? EXIT_USAGE : app_start(d->threads) ? EXIT_FAILED : EXIT_OK;
    if (!status) {
        d->n_photos = argc - optind - 1;
        status = examine(d, argv[optind], argv + optind + 1);
        model_close(&d->m);
        app_end();
    }
    free(d->sums);
    free(d->answers);
    free(d);
    return status;
}
