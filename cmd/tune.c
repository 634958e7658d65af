/* SPDX-License-Identifier: Apache-2.0 */
/* prusik tune: measures the ways to compute each convolution of an offline model on this machine,
 * and writes what wins into the file as hints (ir/tuning.h). */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/progress.h"
#include "base/alloc.h"
#include "base/env.h"
#include "command.h"
#include "ir/dynamic.h"
#include "om/om.h"
#include "plan/hints.h"
#include "tune.h"

struct options {
    const char *model, *output;
    int threads, rounds;
    bool dry_run;
};

/* What is found over all gears. */
struct found {
    struct arena arena;
    struct tuning tuning;
    struct tuning_hint *hints;
    double before_ms, after_ms; /* convolutions */
    int n_layers, n_convs;
};

static double less(double before, double after) {
    return before > 0 ? 100 * (before - after) / before : 0;
}

/* "12.3 ms by the cost model, 11.9 ms with hints (3.3% less)" */
static void print_times(double before, double after) {
    printf("%.3f ms by the cost model, %.3f ms with hints (%.1f%% %s)", before, after,
           fabs(less(before, after)), after > before ? "more" : "less");
}

static void print_layers(const struct tune *t) {
    int width = 12;
    for (int i = 0; i < t->n_layers; i++) {
        int n = (int)strlen(t->layers[i].node);
        if (n > width) width = n < 40 ? n : 40;
    }
    printf("%-*s     %-14s %9s   %-14s %9s  %6s\n", width, "convolution", "before", "ms", "after",
           "ms", "gain");
    for (int i = 0; i < t->n_layers; i++) {
        const struct tune_layer *l = &t->layers[i];
        char before[48], after[48], count[16] = "";
        int skip = (int)strlen(l->node) - width; /* the end of a name tells more */
        if (l->count > 1) snprintf(count, sizeof count, "x%d", l->count);
        printf("%-*s %-3s %-14s %9.3f   %-14s %9.3f  ", width, l->node + (skip > 0 ? skip : 0),
               count, tune_name(l, &l->before, before), l->before_ms,
               l->kept ? tune_name(l, &l->after, after) : "the same", l->after_ms);
        if (l->kept) printf("%5.1f%%\n", less(l->before_ms, l->after_ms));
        else puts("     -");
    }
}

/* Prints what the search found and adds it to what will be written. */
static enum status add_result(const struct tune *t, struct found *f) {
    double before = 0, after = 0;
    int n_kept = 0, n_convs = 0;
    for (int i = 0; i < t->n_layers; i++) {
        before += t->layers[i].before_ms;
        after += t->layers[i].after_ms;
        n_kept += t->layers[i].kept;
        n_convs += t->layers[i].count;
    }
    /* The whole model decides: what wins alone may cost its neighbours their cache. */
    bool wins = n_kept && t->after_ms < t->before_ms;
    print_layers(t);
    printf("%d convolutions of %d kinds, %d hint%s: ", n_convs, t->n_layers, n_kept,
           n_kept == 1 ? "" : "s");
    print_times(before, after);
    printf("\nwhole model, %d thread%s: ", device_threads(t->device),
           device_threads(t->device) == 1 ? "" : "s");
    print_times(t->before_ms, t->after_ms);
    puts("");
    if (t->error > 0)
        printf("largest error of Winograd among the hints: %.1e of the range\n", t->error);
    if (n_kept && !wins) puts("the whole model gains nothing: no hints are kept");
    f->before_ms += before;
    f->after_ms += after;
    f->n_layers += t->n_layers;
    f->n_convs += n_convs;
    if (!wins) return STATUS_OK;
    CHECK(f->tuning.n + n_kept <= TUNING_MOST, STATUS_LIMIT,
          "more than %d hints; a file holds no more", TUNING_MOST);
    for (int i = 0; i < t->n_layers; i++) {
        const struct tune_layer *l = &t->layers[i];
        if (!l->kept || tuning_find(&f->tuning, l->size)) continue;
        struct tuning_hint *h = &f->hints[f->tuning.n++];
        memcpy(h->size, l->size, sizeof h->size);
        h->only = l->after.only;
        h->group = l->after.group;
        h->block = l->after.block;
    }
    return STATUS_OK;
}

static enum status tune_shapes(const struct graph *g, struct device *d, const struct options *o,
                               const struct shape *shapes, struct progress *p, struct found *f) {
    struct tune t = {.graph = g, .device = d, .shapes = shapes, .rounds = o->rounds, .progress = p};
    enum status s = tune_search(&t);
    progress_hide(p);
    if (s == STATUS_OK) s = add_result(&t, f);
    tune_deinit(&t);
    return s;
}

static enum status tune_gears(const struct graph *g, struct device *d, const struct options *o,
                              struct found *f) {
    struct dynamic dynamic;
    struct progress p;
    char text[128];
    TRY(dynamic_read(g, &f->arena, &dynamic));
    struct shape *shapes = arena_calloc(&f->arena, (size_t)g->n_inputs + 1, sizeof *shapes);
    f->hints = arena_calloc(&f->arena, TUNING_MOST, sizeof *f->hints);
    CHECK(shapes && f->hints, STATUS_MEMORY, "out of memory while tuning");
    f->tuning = (struct tuning){device_threads(d), 0, f->hints};
    const int gears = dynamic.n_gears ? dynamic.n_gears : 1;
    progress_start(&p, "steps", (int64_t)gears * tune_work(o->rounds));
    for (int i = 0; i < gears; i++) {
        if (dynamic.n_gears) dynamic_shapes(&dynamic, g, i, shapes);
        else for (int k = 0; k < g->n_inputs; k++) shapes[k] = g->tensors[g->inputs[k]].shape;
        if (dynamic.n_gears) printf("%sgear %s\n", i ? "\n" : "", dynamic_text(&dynamic, i, text));
        fflush(stdout);
        TRY(tune_shapes(g, d, o, shapes, &p, f));
    }
    if (gears > 1) {
        printf("\nconvolutions of all gears: ");
        print_times(f->before_ms, f->after_ms);
        puts("");
    }
    return STATUS_OK;
}

static enum status keep(struct graph *g, const struct options *o, struct found *f) {
    char key[HINTS_KEY];
    const char *text, *path = o->output ? o->output : o->model;
    hints_key(key);
    if (o->dry_run) {
        puts("nothing is written (--dry-run)");
        return STATUS_OK;
    }
    const char *had = graph_get_meta(g, key);
    if (!f->tuning.n && !had && !o->output) {
        printf("the cost model's choices stand; %s stays as it is\n", path);
        return STATUS_OK;
    }
    if (f->tuning.n || had) {
        TRY(tuning_write(&f->tuning, &f->arena, &text));
        TRY(graph_set_meta(g, key, text));
    }
    TRY(om_write_file(g, path));
    printf("%s: %d hint%s for %s\n", path, f->tuning.n, f->tuning.n == 1 ? "" : "s",
           key + strlen(TUNING_META));
    return STATUS_OK;
}

static enum status tune_file(const struct options *o) {
    CHECK(!*env_string(ENV_ALGO) && !env_int(ENV_REF), STATUS_STATE,
          "%s and %s leave nothing to choose; unset them", env_name(ENV_ALGO), env_name(ENV_REF));
    struct graph *g;
    struct device *d = NULL;
    struct found f = {0};
    TRY(om_read_file(o->model, NULL, &g));
    arena_init(&f.arena, 0);
    enum status s = device_create(o->threads, &d);
    if (s == STATUS_OK) s = tune_gears(g, d, o, &f);
    if (s == STATUS_OK) s = keep(g, o, &f);
    device_destroy(d);
    arena_deinit(&f.arena);
    graph_destroy(g);
    return s;
}

/* The whole of `text` as a number from 1 to `most`; 0 if it is none. */
static int number(const char *text, int most) {
    char *end;
    long v = strtol(text, &end, 10);
    return *text && !*end && v >= 1 && v <= most ? (int)v : 0;
}

int command_tune(int argc, char **argv) {
    static const struct option names[] = {{"output", required_argument, NULL, 'o'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"dry-run", no_argument, NULL, 'd'},
                                          {0}};
    struct options o = {.rounds = 3};
    for (int c; (c = getopt_long(argc, argv, "o:", names, NULL)) != -1;) {
        if (c == 'o') o.output = optarg;
        else if (c == 'd') o.dry_run = true;
        else if (c == 't' && (o.threads = number(optarg, 1024))) continue;
        else if (c == 'r' && (o.rounds = number(optarg, 100))) continue;
        else if (c == '?') return command_usage("tune", NULL, NULL);
        else return command_usage("tune", c == 't' ? "--threads takes 1 to 1024, not"
                                                   : "--rounds takes 1 to 100, not", optarg);
    }
    if (optind != argc - 1)
        return command_usage_of("tune", optind < argc ? argv[optind + 1] : NULL);
    o.model = argv[optind];
    if (o.output && !*o.output) return command_usage("tune", "no file name", "-o");
    if (tune_file(&o) == STATUS_OK) return EXIT_OK;
    fprintf(stderr, "prusik tune: %s\n", status_message());
    return EXIT_FAILED;
}
