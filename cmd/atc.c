/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atc: converts a trained model to an offline model, under the option names, messages and exit
 * statuses of CANN's atc.
 *
 *     read options -> import (import/) -> borders (atc_model.c) -> passes (passes/) -> write (om/)
 *
 * Messages go to stdout, as CANN's do; only what gflags says of a bad command line, and the
 * progress line on a terminal, go to stderr. The status is 0, 255 for a failure, 1 for a bad
 * command line and --help.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atc_dynamic.h"
#include "atc_model.h"
#include "atc_options.h"
#include "atc_singleop.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/version.h"
#include "import/aipp.h"
#include "import/frontend.h"
#include "om/om.h"
#include "ops/op.h"
#include "passes/passes.h"

enum { EXIT_FAILURE_STATUS = 255, EXIT_FLAGS = 1 };

struct atc {
    int argc;
    char **argv;
    struct atc_options o;
    struct atc_error error;
    struct arena arena;
    bool progress; /* stderr is a terminal */
};

#define OPT(a, name) ATC_OPTION(&(a)->o, name)

static void say_progress(const struct atc *a, const char *what) {
    if (a->progress) fprintf(stderr, "\r\033[Katc: %s", what);
}

/* ---- files ---- */

static enum status check_readable(const char *path, struct atc_error *e) {
    struct stat st;
    if (stat(path, &st)) return atc_fail(e, ATC_E19000, path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return atc_fail(e, ATC_E19001, path, "it is not a file");
    return STATUS_OK;
}

/* The folder of the output, before minutes are spent on the conversion. */
static enum status check_writable(const char *path, struct atc_error *e) {
    char folder[PATH_MAX];
    struct stat st;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    if (stat(folder, &st)) return atc_fail(e, ATC_E19004, path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return atc_fail(e, ATC_E19004, path, "its folder is no folder");
    if (access(folder, W_OK)) return atc_fail(e, ATC_E19004, path, strerror(errno));
    return STATUS_OK;
}

/* ---- model ---- */

static enum status read_shapes(struct atc *a, struct import_options *out) {
    if (*OPT(a, input_shape_range))
        return atc_parse_ranges(OPT(a, input_shape_range), &a->arena, out, &a->error);
    return atc_parse_shapes(OPT(a, input_shape), atc_has_gears(&a->o), &a->arena, out, &a->error);
}

static enum status read_model(struct atc *a, const char *path, struct graph **out) {
    struct import_request request = {
        .framework = (enum framework)atoi(OPT(a, framework)),
        .model = path,
        .weights = *OPT(a, weight) ? OPT(a, weight) : NULL,
    };
    TRY(read_shapes(a, &request.options));
    TRY(atc_parse_list(OPT(a, out_nodes), &a->arena, &request.options.out_nodes, &a->error));
    TRY(check_readable(path, &a->error));
    if (*OPT(a, weight)) TRY(check_readable(OPT(a, weight), &a->error));
    say_progress(a, "reading the model");
    enum status s = import_model(&request, out);
    if (s == STATUS_ARGUMENT)
        return atc_fail(&a->error, ATC_E10016, status_message(),
                        *OPT(a, out_nodes) && *OPT(a, input_shape) ? "--input_shape or --out_nodes"
                        : *OPT(a, out_nodes)                       ? "--out_nodes"
                                                                   : "--input_shape");
    return atc_fail_status(&a->error, s, path);
}

static enum status insert_aipp(struct atc *a, struct graph *g) {
    const char *path = OPT(a, insert_op_conf);
    if (!*path) return STATUS_OK;
    struct aipp_options options = {.name = path, .nhwc = atc_is_nhwc(&a->o)};
    void *text;
    size_t n_bytes;
    enum status s = import_read_file(path, &text, &n_bytes);
    if (s == STATUS_FILE) return atc_fail(&a->error, ATC_E19001, path, status_message());
    if (s == STATUS_OK) {
        s = aipp_insert(g, text, n_bytes, &options);
        mem_free(text);
    }
    if (s == STATUS_OK) return s;
    if (s == STATUS_MEMORY) return atc_fail_status(&a->error, s, path);
    return atc_fail(&a->error, ATC_E10052, status_message());
}

static enum status set_borders(struct atc *a, struct graph *g) {
    const char *const *fp16;
    struct import_options named = {0};
    if (*OPT(a, input_shape_range) || atc_has_gears(&a->o)) TRY(read_shapes(a, &named));
    TRY(atc_check_inputs(g, &named, &a->error));
    TRY(atc_set_dynamic(g, &a->o, &a->arena, &a->error));
    TRY(insert_aipp(a, g));
    TRY(atc_parse_list(OPT(a, input_fp16_nodes), &a->arena, &fp16, &a->error));
    TRY(atc_set_fp16_inputs(g, fp16, &a->error));
    return atc_set_output_types(g, OPT(a, output_type), &a->arena, &a->error);
}

/* What CANN's files say of their making, and what a runtime may want to know of it. */
static enum status set_meta(struct atc *a, struct graph *g) {
    const char *line = "atc";
    for (int i = 1; i < a->argc; i++) {
        line = arena_printf(&a->arena, "%s %s", line, a->argv[i]);
        CHECK(line, STATUS_MEMORY, "out of memory for the command line");
    }
    TRY(graph_set_meta(g, "atc_cmdline", line));
    TRY(graph_set_meta(g, "atc_version", "prusik " PK_VERSION));
    TRY(graph_set_meta(g, "prusik.soc_version", OPT(a, soc_version)));
    const char *format = OPT(a, input_format);
    if (!*format && atc_is_nhwc(&a->o)) format = "NHWC";
    if (*format) TRY(graph_set_meta(g, "prusik.input_format", format));
    return STATUS_OK;
}

static enum status write_model(struct atc *a, const struct graph *g, const char *suffix) {
    const char *path = arena_printf(&a->arena, "%s%s", OPT(a, output), suffix);
    CHECK(path, STATUS_MEMORY, "out of memory for a path");
    enum status s = om_write_file(g, path);
    if (s == STATUS_FILE) return atc_fail(&a->error, ATC_E19004, path, status_message());
    return atc_fail_status(&a->error, s, path);
}

static enum status convert(struct atc *a, struct graph *g) {
    TRY(set_borders(a, g));
    TRY(set_meta(a, g));
    if (!strcmp(OPT(a, save_original_model), "true")) TRY(write_model(a, g, "_original.om"));
    say_progress(a, "optimising the model");
    TRY(passes_run(g, PASSES_OFFLINE));
    TRY(atc_plan_gears(g, &a->arena, &a->error));
    say_progress(a, "writing the offline model");
    TRY(write_model(a, g, ".om"));
    if (strcmp(OPT(a, display_model_info), "1")) return STATUS_OK;
    struct om_description d;
    TRY(om_describe_graph(g, "offline model", &d));
    enum status s = om_description_print(&d, false, stdout);
    om_description_deinit(&d);
    return s;
}

/* ---- modes ---- */

static enum status mode_convert(struct atc *a) {
    const char *path = arena_printf(&a->arena, "%s.om", OPT(a, output));
    CHECK(path, STATUS_MEMORY, "out of memory for a path");
    TRY(check_writable(path, &a->error));
    struct graph *g;
    TRY(read_model(a, OPT(a, model), &g));
    enum status s = convert(a, g);
    graph_destroy(g);
    return s;
}

static json_t *json_text(const char *s) {
    json_t *text = json_string(s); /* NULL unless it is UTF-8 */
    return text ? text : json_string("(no text)");
}

static json_t *error_json(const struct atc_error *e) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    if (!to) return NULL;
    atc_print_error(e, to);
    fclose(to);
    json_t *json = json_text(text);
    free(text);
    return json;
}

/* Whether the model can be converted, node by node where it can be read; the file is written either
 * way. */
static enum status mode_check(struct atc *a) {
    const char *report = OPT(a, check_report);
    TRY(check_writable(report, &a->error));
    struct graph *g = NULL;
    enum status s = read_model(a, OPT(a, model), &g);
    json_t *ops = json_array(), *root = json_object();
    for (int i = 0; g && i < g->n_nodes; i++) {
        json_t *op = json_object();
        json_object_set_new(op, "op_name", json_text(g->nodes[i].name));
        json_object_set_new(op, "op_type", json_text(op_def(g->nodes[i].op)->name));
        json_object_set_new(op, "result", json_string("success"));
        json_array_append_new(ops, op);
    }
    json_object_set_new(root, "model_name", json_text(OPT(a, model)));
    json_object_set_new(root, "result", json_string(s == STATUS_OK ? "success" : "failed"));
    if (s != STATUS_OK) json_object_set_new(root, "cause", error_json(&a->error));
    json_object_set_new(root, "op", ops);
    int failed = json_dump_file(root, report, JSON_INDENT(2));
    json_decref(root);
    graph_destroy(g);
    TRY(s);
    if (failed) return atc_fail(&a->error, ATC_E19004, report, "the report cannot be written");
    return STATUS_OK;
}

static enum status write_json(struct atc *a, FILE *to) {
    const char *path = OPT(a, om);
    enum status s;
    if (a->o.given[ATC_OPT_framework]) {
        struct graph *g;
        TRY(read_model(a, path, &g));
        s = om_graph_to_json(g, to);
        graph_destroy(g);
    } else {
        s = om_file_to_json(path, to);
    }
    if (s != STATUS_OK && ferror(to))
        return atc_fail(&a->error, ATC_E19004, OPT(a, json), "the disk is full or failing");
    return atc_fail_status(&a->error, s, path);
}

static enum status mode_json(struct atc *a) {
    const char *path = OPT(a, json);
    TRY(check_readable(OPT(a, om), &a->error));
    TRY(check_writable(path, &a->error));
    FILE *to = fopen(path, "w");
    if (!to) return atc_fail(&a->error, ATC_E19004, path, strerror(errno));
    struct stat st;
    bool regular = !fstat(fileno(to), &st) && S_ISREG(st.st_mode); /* not /dev/stdout */
    enum status s = write_json(a, to);
    if (fclose(to) && s == STATUS_OK) s = atc_fail(&a->error, ATC_E19004, path, strerror(errno));
    if (s != STATUS_OK && regular) unlink(path);
    return s;
}

static enum status mode_describe(struct atc *a) {
    const char *path = OPT(a, om);
    TRY(check_readable(path, &a->error));
    struct om_description d;
    TRY(atc_fail_status(&a->error, om_describe_file(path, &d), path));
    enum status s = om_description_print(&d, false, stdout);
    om_description_deinit(&d);
    return s;
}

static enum status run(struct atc *a) {
    TRY(atc_options_check(&a->o, &a->error));
    if (*OPT(a, singleop))
        return atc_singleop(OPT(a, singleop), OPT(a, output), OPT(a, soc_version), &a->arena,
                            &a->error);
    switch (atoi(OPT(a, mode))) {
    case 1: return mode_json(a);
    case 3: return mode_check(a);
    case 6: return mode_describe(a);
    default: return mode_convert(a);
    }
}

static void set_log(const char *level) {
    if (!strcmp(level, "debug")) env_override(ENV_DEBUG, "2");
    if (!strcmp(level, "info")) env_override(ENV_DEBUG, "1");
}

int main(int argc, char **argv) {
    static struct atc a; /* large for a stack */
    a = (struct atc){.argc = argc, .argv = argv, .progress = isatty(STDERR_FILENO)};
    puts(ATC_START_LINE);
    fflush(stdout);
    if (!atc_options_parse(argc, argv, &a.o)) return EXIT_FLAGS;
    if (!strcmp(OPT(&a, help), "true") || !strcmp(OPT(&a, h), "true")) {
        atc_options_help(stdout);
        return EXIT_FLAGS;
    }
    set_log(OPT(&a, log));
    arena_init(&a.arena, 0);
    enum status s = run(&a);
    if (a.progress) fputs("\r\033[K", stderr);
    if (s == STATUS_OK) {
        puts(ATC_SUCCESS_LINE);
        atc_options_remark(&a.o, stdout);
    } else {
        /* Whatever had no code of its own. */
        atc_fail_status(&a.error, s, OPT(&a, model));
        puts(ATC_FAILURE_LINE);
        atc_print_error(&a.error, stdout);
    }
    arena_deinit(&a.arena);
    return fflush(stdout) || s != STATUS_OK ? EXIT_FAILURE_STATUS : 0;
}
