/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik check: would atc convert this model, and how is it called? Everything that is missing is
 * named at once. Open sizes are tried at a likely value, which the suggested command line then has.
 *
 * Exit status, for scripts: 0 it converts, 1 it does not, 2 it cannot be read.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "command.h"
#include "import/frontend.h"
#include "model_file.h"
#include "om/om.h"
#include "passes/passes.h"

enum { EXIT_UNREADABLE = 2 };

struct check {
    struct import_request request;
    struct import_report report;
    struct om_description d; /* of the converted model, if `described` */
    bool described, converts;
    struct arena arena;
    const char *reason;      /* why it does not convert, or NULL */
    const char *shapes;      /* for --input_shape; "" if no size is open */
    char name[256];          /* of the model, without folder and suffix */
};

/* ---- open sizes ---- */

/* Shapes for the inputs whose shape the file leaves open, as --input_shape writes them. An input
 * without even a rank has no likely shape, and stays as it is. */
static enum status choose_shapes(struct check *c) {
    struct import_shape *shapes = arena_calloc(&c->arena, IMPORT_REPORT_INPUTS, sizeof *shapes);
    CHECK(shapes, STATUS_MEMORY, "out of memory for the inputs' shapes");
    int n = 0;
    for (int i = 0; i < c->report.n_inputs && i < IMPORT_REPORT_INPUTS; i++) {
        const struct import_input *in = &c->report.input[i];
        if (shape_known(&in->shape) || in->shape.rank < 0) continue;
        shapes[n] = (struct import_shape){in->name, in->shape};
        struct shape *s = &shapes[n++].shape;
        for (int k = 0; k < s->rank; k++)
            if (s->dim[k] < 0) s->dim[k] = model_file_likely_size(&in->shape, k);
        c->shapes = arena_printf(&c->arena, "%s%s%s:", c->shapes, *c->shapes ? ";" : "", in->name);
        for (int k = 0; c->shapes && k < s->rank; k++)
            c->shapes = arena_printf(&c->arena, "%s%s%lld", c->shapes, k ? "," : "",
                                     (long long)s->dim[k]);
        CHECK(c->shapes, STATUS_MEMORY, "out of memory for the inputs' shapes");
    }
    c->request.options.shapes = shapes;
    c->request.options.n_shapes = n;
    return STATUS_OK;
}

/* ---- the conversion ---- */

static enum status convert(struct check *c) {
    struct graph *g = NULL;
    c->request.options.report = &c->report;
    enum status s = import_model(&c->request, &g);
    if (s == STATUS_OK || c->report.n_inputs) {
        struct import_report first = c->report; /* the file's own shapes */
        TRY(choose_shapes(c));
        if (*c->shapes) {
            struct import_report again = {0};
            graph_destroy(g);
            g = NULL;
            c->request.options.report = &again;
            s = import_model(&c->request, &g);
            c->report.lacks = again.lacks;
        }
        memcpy(c->report.input, first.input, sizeof first.input);
    }
    if (s == STATUS_OK) s = passes_run(g, PASSES_OFFLINE);
    if (s == STATUS_OK) s = om_describe_graph(g, "model", &c->d);
    c->described = s == STATUS_OK;
    graph_destroy(g);
    return s;
}

/* ---- the answer ---- */

static const char *command_line(struct check *c) {
    const struct import_request *r = &c->request;
    const char *weight =
        r->weights ? arena_printf(&c->arena, " --weight=\"%s\"", r->weights) : "";
    const char *shapes =
        *c->shapes ? arena_printf(&c->arena, " --input_shape=\"%s\"", c->shapes) : "";
    if (!weight || !shapes) return "atc --help";
    const char *line = arena_printf(
        &c->arena, "atc --model=\"%s\"%s --framework=%d --output=\"%s\" --soc_version=Ascend310%s",
        r->model, weight, (int)r->framework, c->name, shapes);
    return line ? line : "atc --help";
}

static void print_text(struct check *c) {
    const struct lacks *l = &c->report.lacks;
    char text[128];
    printf("%s: %s\n", c->request.model, c->converts ? "converts" : "does not convert");
    if (c->report.format) printf("  format      %s\n", c->report.format);
    if (c->report.opset) printf("  opset       %d\n", c->report.opset);
    if (c->described) {
        printf("  operators   %lld after optimisation\n", (long long)c->d.n_operators);
        printf("  weights     %.2f MB in %lld tensors\n", (double)c->d.weight_bytes / 1e6,
               (long long)c->d.n_weights);
        if (c->d.macs >= 0) printf("  work        %.3f G multiply-adds\n", (double)c->d.macs / 1e9);
        else puts("  work        depends on shapes that are not known");
    }
    for (int i = 0; i < c->report.n_inputs && i < IMPORT_REPORT_INPUTS; i++) {
        const struct import_input *in = &c->report.input[i];
        printf("  input       %s  %s %s%s\n", in->name, dtype_name(in->dtype),
               shape_text(&in->shape, text), shape_known(&in->shape) ? "" : "  (open)");
    }
    if (l->n_nodes) printf("  %d node%s not supported:\n", l->n_nodes, l->n_nodes == 1 ? "" : "s");
    int listed = 0;
    for (int i = 0; i < l->n_kinds; listed += l->kind[i++].n)
        printf("    %-3d %s: %s\n        %s%s\n", l->kind[i].n, l->kind[i].op, l->kind[i].reason,
               l->kind[i].names, l->kind[i].n > LACKS_NAMES ? ", ..." : "");
    if (listed < l->n_nodes) printf("    and %d more\n", l->n_nodes - listed);
    if (c->reason && !l->n_nodes) printf("  because     %s\n", c->reason);
    if (c->converts) printf("  convert it  %s\n", command_line(c));
    if (c->converts && *c->shapes)
        puts("              (sizes of open inputs are likely ones; choose yours)");
}

static json_t *text_or_null(const char *s) {
    json_t *text = s ? json_string(s) : NULL; /* NULL unless it is UTF-8 */
    return text ? text : json_null();
}

static int print_json(struct check *c) {
    json_t *root = json_object(), *inputs = json_array(), *lacks = json_array();
    for (int i = 0; i < c->report.n_inputs && i < IMPORT_REPORT_INPUTS; i++) {
        const struct import_input *in = &c->report.input[i];
        json_t *o = json_object(), *dims = json_array();
        for (int k = 0; k < in->shape.rank; k++)
            json_array_append_new(dims, json_integer(in->shape.dim[k]));
        json_object_set_new(o, "name", text_or_null(in->name));
        json_object_set_new(o, "dtype", json_string(dtype_name(in->dtype)));
        json_object_set_new(o, "shape", dims);
        json_object_set_new(o, "open", json_boolean(!shape_known(&in->shape)));
        json_array_append_new(inputs, o);
    }
    for (int i = 0; i < c->report.lacks.n_kinds; i++) {
        const struct lack *l = &c->report.lacks.kind[i];
        json_t *o = json_object();
        json_object_set_new(o, "op", text_or_null(l->op));
        json_object_set_new(o, "reason", text_or_null(l->reason));
        json_object_set_new(o, "count", json_integer(l->n));
        json_object_set_new(o, "nodes", text_or_null(l->names));
        json_array_append_new(lacks, o);
    }
    json_object_set_new(root, "model", text_or_null(c->request.model));
    json_object_set_new(root, "converts", json_boolean(c->converts));
    json_object_set_new(root, "reason", text_or_null(c->reason));
    json_object_set_new(root, "format", text_or_null(c->report.format));
    json_object_set_new(root, "opset", json_integer(c->report.opset));
    json_object_set_new(root, "inputs", inputs);
    json_object_set_new(root, "input_shape", *c->shapes ? text_or_null(c->shapes) : json_null());
    json_object_set_new(root, "unsupported", lacks);
    json_object_set_new(root, "unsupported_nodes", json_integer(c->report.lacks.n_nodes));
    if (c->described) {
        json_object_set_new(root, "operators", json_integer(c->d.n_operators));
        json_object_set_new(root, "weight_bytes", json_integer(c->d.weight_bytes));
        json_object_set_new(root, "multiply_adds",
                            c->d.macs < 0 ? json_null() : json_integer(c->d.macs));
    }
    json_object_set_new(root, "atc", c->converts ? text_or_null(command_line(c)) : json_null());
    int failed = json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
    return failed;
}

static int parse(struct check *c, int argc, char **argv, bool *json) {
    bool given = false;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--json")) {
            *json = true;
        } else if (model_file_option(a, &c->request, &given)) {
            continue;
        } else if (!strncmp(a, "--framework=", 12)) {
            return command_usage(
                "check", "0 (Caffe), 3 (TensorFlow) or 5 (ONNX) is a framework, not", a + 12);
        } else if (*a == '-' || c->request.model) {
            return command_usage_of("check", a);
        } else {
            c->request.model = a;
        }
    }
    if (!c->request.model) return command_usage_of("check", NULL);
    if (!given) c->request.framework = model_file_framework(c->request.model);
    return EXIT_OK;
}

int command_check(int argc, char **argv) {
    static struct check c; /* large for a stack */
    bool json = false;
    c = (struct check){.shapes = ""};
    int code = parse(&c, argc, argv, &json);
    if (code != EXIT_OK) return code;
    arena_init(&c.arena, 0);
    const char *base = strrchr(c.request.model, '/');
    snprintf(c.name, sizeof c.name, "%s", base ? base + 1 : c.request.model);
    char *dot = strrchr(c.name, '.');
    if (dot && dot != c.name) *dot = '\0';
    enum status s = convert(&c);
    c.converts = s == STATUS_OK;
    code = c.converts ? EXIT_OK : EXIT_FAILED;
    if (s == STATUS_FILE || s == STATUS_FORMAT || s == STATUS_LIMIT || s == STATUS_MEMORY)
        code = EXIT_UNREADABLE;
    if (!c.converts) c.reason = arena_strdup(&c.arena, status_message());
    if (json && print_json(&c) && !ferror(stdout)) {
        c.reason = "out of memory";
        code = EXIT_UNREADABLE;
    }
    if (!json && code != EXIT_UNREADABLE) print_text(&c);
    if (code == EXIT_UNREADABLE) fprintf(stderr, "prusik check: %s\n", c.reason ? c.reason : "");
    if (c.described) om_description_deinit(&c.d);
    arena_deinit(&c.arena);
    return code;
}
