/* SPDX-License-Identifier: Apache-2.0 */
/* prusik run and prusik bench: any model, any tensors. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "acl/private.h"
#include "app.h"
#include "folder.h"
#include "progress.h"
#include "session.h"

/* ---- run ---- */

static int load_input(struct session *s, int i, const char *path) {
    struct npy a;
    char error[512], have[256], want[256];
    if (npy_read(path, &a, error)) return app_fail("run", "%s", error);
    aclmdlIODims dims = s->in_dims[i], given = {.dimCount = (size_t)a.rank};
    aclDataType type = aclmdlGetInputDataType(s->desc, (size_t)i);
    for (int d = 0; d < a.rank; d++) given.dims[d] = a.dim[d];
    int status = EXIT_OK;
    if (a.type != type || !session_agrees(&dims, &given))
        status = app_fail("run", "%s is %s; input %d ('%s') of the model is %s", path,
                          session_text(a.type, &given, have), i,
                          aclmdlGetInputNameByIndex(s->desc, (size_t)i),
                          session_text(type, &dims, want));
    else if (session_shape_input("run", s, i, &given))
        status = EXIT_FAILED;
    else if (a.bytes > s->in_bytes[i])
        status = app_fail("run", "%s has %zu bytes; input %d takes %zu", path, a.bytes, i,
                          s->in_bytes[i]);
    else
        memcpy(s->in[i], a.data, a.bytes);
    free(a.data);
    return status;
}

/* DIR/00_NAME.npy; what a file name cannot hold becomes _. */
static int save_output(struct session *s, int i, const char *dir) {
    char path[4096], name[128], error[512];
    const char *from = aclmdlGetOutputNameByIndex(s->desc, (size_t)i);
    size_t n = 0;
    for (; from && *from && n + 1 < sizeof name; from++)
        name[n++] = isalnum((unsigned char)*from) || strchr("._-", *from) ? *from : '_';
    name[n] = '\0';
    aclmdlIODims dims;
    session_output_dims(s, i, &dims);
    struct npy a = {.type = aclmdlGetOutputDataType(s->desc, (size_t)i), .rank = (int)dims.dimCount,
                    .bytes = s->out_bytes[i], .data = s->out[i]};
    size_t bytes = aclDataTypeSize(a.type);
    for (int d = 0; d < a.rank && d < 16; d++) bytes *= (size_t)(a.dim[d] = dims.dims[d]);
    if (bytes < a.bytes) a.bytes = bytes; /* the buffer holds the largest gear's */
    if (snprintf(path, sizeof path, "%s/%02d_%s.npy", dir, i, name) >= (int)sizeof path)
        return app_fail("run", "%s: the path is too long", dir);
    if (npy_write(path, &a, error)) return app_fail("run", "%s", error);
    return EXIT_OK;
}

struct run_options {
    const char *inputs[SESSION_MAX], *output, *gear, *shape;
    int n_inputs, threads;
    uint64_t seed;
    struct app_record record;
};

static int run_model(const char *model, const struct run_options *o, struct session *s) {
    char text[256];
    if (session_open("run", model, o->shape, s) || session_choose("run", s, model, o->gear) ||
        (o->shape && session_shape("run", s, o->shape)) ||
        (!o->n_inputs && session_need_shapes("run", s)))
        return EXIT_FAILED;
    if (o->n_inputs > s->n_inputs)
        return app_fail("run", "%d inputs are given; %s has %d", o->n_inputs, model, s->n_inputs);
    if (o->n_inputs && o->n_inputs < s->n_inputs)
        return app_fail("run", "%d of the model's %d inputs are given; give all or none",
                        o->n_inputs, s->n_inputs);
    for (int i = 0; i < s->n_inputs; i++) {
        if (i < o->n_inputs) {
            int status = load_input(s, i, o->inputs[i]);
            if (status != EXIT_OK) return status;
        } else {
            session_fill(s, i, o->seed);
        }
    }
    double start = progress_now_ms();
    if (session_execute("run", s)) return EXIT_FAILED;
    printf("%.3f ms\n", progress_now_ms() - start);
    for (int i = 0; i < s->n_outputs; i++) {
        aclmdlIODims dims;
        session_output_dims(s, i, &dims);
        printf("output %d  %s  %s\n", i, aclmdlGetOutputNameByIndex(s->desc, (size_t)i),
               session_text(aclmdlGetOutputDataType(s->desc, (size_t)i), &dims, text));
        if (o->output) {
            int status = save_output(s, i, o->output);
            if (status != EXIT_OK) return status;
        }
    }
    return EXIT_OK;
}

int app_run(int argc, char **argv) {
    enum { INPUT = 1, OUTPUT, SEED, THREADS, GEAR, SHAPE, PROFILE, DUMP };
    static const struct option options[] = {{"input", 1, 0, INPUT}, {"output", 1, 0, OUTPUT},
                                            {"seed", 1, 0, SEED}, {"threads", 1, 0, THREADS},
                                            {"gear", 1, 0, GEAR}, {"profile", 1, 0, PROFILE},
                                            {"shape", 1, 0, SHAPE}, {"dump", 1, 0, DUMP}, {0}};
    struct run_options o = {0};
    double v;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case INPUT:
            if (o.n_inputs == SESSION_MAX) return app_fail("run", "too many inputs");
            o.inputs[o.n_inputs++] = optarg;
            break;
        case OUTPUT: o.output = optarg; break;
        case GEAR: o.gear = optarg; break;
        case SHAPE: o.shape = optarg; break;
        case PROFILE: o.record.profile = optarg; break;
        case DUMP: o.record.dump = optarg; break;
        case SEED:
            if (app_number("run", "--seed", optarg, 0, 1e15, &v)) return EXIT_USAGE;
            o.seed = (uint64_t)v;
            break;
        case THREADS:
            if (app_integer("run", "--threads", optarg, 1, 256, &o.threads)) return EXIT_USAGE;
            break;
        default: return app_usage("run", NULL, NULL);
        }
    }
    if (argc == optind) return app_usage("run", "a MODEL is missing", NULL);
    if (argc - optind > 1)
        return app_usage("run", "one argument too many:", argv[optind + 1]);
    if (o.output && folder_make(o.output))
        return app_fail("run", "%s cannot be made a folder: %s", o.output, strerror(errno));
    if (app_start_recording("run", o.threads, &o.record)) return EXIT_FAILED;
    struct session s;
    memset(&s, 0, sizeof s);
    int status = run_model(argv[optind], &o, &s);
    session_close(&s);
    app_end();
    return status;
}

/* ---- bench ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_options {
    int runs, warmup, threads, json;
    const char *gear, *shape;
    struct app_record record; /* without a dump */
};

static int bench_model(const char *model, const struct bench_options *o, struct session *s) {
    double start = progress_now_ms();
    if (session_open("bench", model, o->shape, s) || session_choose("bench", s, model, o->gear) ||
        (o->shape && session_shape("bench", s, o->shape)) || session_need_shapes("bench", s))
        return EXIT_FAILED;
    double load = progress_now_ms() - start;
    for (int i = 0; i < s->n_inputs; i++) session_fill(s, i, 0);
    double *ms = malloc((size_t)o->runs * sizeof *ms);
    if (!ms) return app_fail("bench", "out of memory");
    for (int i = -o->warmup; i < o->runs; i++) {
        start = progress_now_ms();
        if (session_execute("bench", s)) {
            free(ms);
            return EXIT_FAILED;
        }
        if (i >= 0) ms[i] = progress_now_ms() - start;
    }
    qsort(ms, (size_t)o->runs, sizeof *ms, by_value);
    double least = ms[0], median = ms[o->runs / 2], p99 = ms[(o->runs - 1) * 99 / 100];
    free(ms);
    /* Counted for the largest gear; of another, none is better than a wrong one. */
    double macs = o->gear ? 0 : (double)_pk_private.model_macs(s->model);
    if (o->json) {
        json_t *j = json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f}", "model", model, "runs",
                              o->runs, "load_ms", load, "min_ms", least, "median_ms", median,
                              "p99_ms", p99, "gflops", macs * 2e-6 / least);
        json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(j);
    } else {
        printf("load    %9.3f ms\nmin     %9.3f ms\nmedian  %9.3f ms\np99     %9.3f ms\n", load,
               least, median, p99);
        if (macs > 0)
            printf("        %9.1f GFLOP/s (%.0f M multiply-adds)\n", macs * 2e-6 / least,
                   macs * 1e-6);
    }
    return EXIT_OK;
}

int app_bench(int argc, char **argv) {
    enum { RUNS = 1, WARMUP, THREADS, JSON, GEAR, SHAPE, PROFILE };
    static const struct option options[] = {{"runs", 1, 0, RUNS}, {"warmup", 1, 0, WARMUP},
                                            {"threads", 1, 0, THREADS}, {"json", 0, 0, JSON},
                                            {"gear", 1, 0, GEAR}, {"profile", 1, 0, PROFILE},
                                            {"shape", 1, 0, SHAPE}, {0}};
    struct bench_options o = {.runs = 100, .warmup = 10};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case RUNS:
            if (app_integer("bench", "--runs", optarg, 1, 1000000, &o.runs)) return EXIT_USAGE;
            break;
        case WARMUP:
            if (app_integer("bench", "--warmup", optarg, 0, 1000000, &o.warmup)) return EXIT_USAGE;
            break;
        case THREADS:
            if (app_integer("bench", "--threads", optarg, 1, 256, &o.threads)) return EXIT_USAGE;
            break;
        case JSON: o.json = 1; break;
        case PROFILE: o.record.profile = optarg; break;
        case GEAR: o.gear = optarg; break;
        case SHAPE: o.shape = optarg; break;
        default: return app_usage("bench", NULL, NULL);
        }
    }
    if (argc == optind) return app_usage("bench", "a MODEL is missing", NULL);
    if (argc - optind > 1)
        return app_usage("bench", "one argument too many:", argv[optind + 1]);
    if (app_start_recording("bench", o.threads, &o.record)) return EXIT_FAILED;
    struct session s;
    memset(&s, 0, sizeof s);
    int status = bench_model(argv[optind], &o, &s);
    session_close(&s);
    app_end();
    return status;
}
