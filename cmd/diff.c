/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik diff: where do two models come apart? A runs as a program would run it; B, by default, as
 * its file says, node by node with the reference kernels. Every tensor that both have, by name, is
 * compared, in the order of B.
 *
 * Exit status, for scripts: 0 equal, 1 they differ, 2 they cannot be compared.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/env.h"
#include "command.h"
#include "diff.h"
#include "model_file.h"

enum { EXIT_ERROR = 2 };

/* How one tensor of A differs from B's. */
struct row {
    const char *layer, *op, *tensor; /* in the arena */
    struct shape shape;              /* B's */
    enum dtype dtype;                /* B's */
    bool compared;                   /* else A has no such tensor */
    bool within;                     /* the tolerance */
    bool shapes_differ;
    double cosine, max_abs, range, relative; /* relative: max_abs / range; NAN: one is not finite */
    int64_t worst;                           /* element of max_abs */
};

struct diff {
    struct diff_side side[2];
    struct diff_options options;
    const char *isa[2]; /* NULL: not said */
    bool onnxruntime, all;
    const char *json;
    double tolerance; /* of the range; negative: not said */
    struct diff_run run;
    struct arena arena;
    struct row *rows;
    int n_rows, cap_rows, n_compared, n_beyond;
    char folder[64]; /* of another process's tensors; "" if none */
    bool said;       /* another process has printed why it failed */
};

/* ---- one tensor ---- */

/* 16-bit floats have 8 or 11 bits; every operator that rounds to them adds its share. */
static double tolerance_of(const struct diff *d, enum dtype t) {
    if (d->tolerance >= 0) return d->tolerance;
    return t == DT_F16 || t == DT_BF16 ? 1e-2 : 1e-3;
}

static void compare(const struct diff *d, struct row *r, const struct view *a,
                    const struct view *b) {
    double dot = 0, aa = 0, bb = 0, low = INFINITY, high = -INFINITY;
    bool broken = false;
    r->compared = true;
    r->shapes_differ = !shape_equal(&a->shape, &b->shape);
    r->cosine = r->max_abs = r->relative = r->range = NAN;
    if (r->shapes_differ) return;
    int64_t n = shape_elements(&b->shape);
    r->max_abs = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = view_get_f64(a, i), y = view_get_f64(b, i);
        if (!isfinite(x) || !isfinite(y)) {
            if (x == y || (isnan(x) && isnan(y))) continue;
            if (!broken) r->worst = i;
            broken = true;
            continue;
        }
        dot += x * y, aa += x * x, bb += y * y;
        low = fmin(low, y), high = fmax(high, y);
        if (!broken && fabs(x - y) > r->max_abs) r->max_abs = fabs(x - y), r->worst = i;
    }
    r->range = high >= low ? high - low : 0;
    /* A constant tensor has no range; its own size stands for it. */
    double scale = r->range > 0 ? r->range : fabs(high >= low ? high : 0);
    r->cosine = aa > 0 && bb > 0 ? dot / sqrt(aa) / sqrt(bb) : aa == bb ? 1 : 0;
    r->relative = r->max_abs == 0 ? 0 : scale > 0 ? r->max_abs / scale : INFINITY;
    if (broken) r->max_abs = r->relative = NAN;
    r->within = r->relative <= tolerance_of(d, b->dtype); /* not so for NaN */
}

/* The tensor of A that stands for B's: of the same name, or the same output. */
static bool find_twin(const struct diff *d, const char *name, int output, struct view *out) {
    if (diff_find(&d->run, name, out)) return true;
    const struct graph *a = d->side[0].graph;
    if (output < 0 || a->n_outputs != d->side[1].graph->n_outputs) return false;
    *out = *diff_output(&d->run, output);
    return true;
}

static int output_number(const struct graph *g, int t) {
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == t) return i;
    return -1;
}

/* B's tensor t, with its value, or without where B's process had none. */
static enum status add_row(struct diff *d, const struct graph *g, const struct node *n, int t,
                           const struct view *value) {
    if (d->n_rows == d->cap_rows) {
        int cap = d->cap_rows ? 2 * d->cap_rows : 256;
        struct row *wider = mem_realloc(d->rows, (size_t)cap * sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "out of memory for the table");
        d->rows = wider;
        d->cap_rows = cap;
    }
    struct row *r = &d->rows[d->n_rows];
    const struct tensor *x = &g->tensors[t];
    *r = (struct row){.layer = arena_strdup(&d->arena, n->name), .op = op_name(n->op),
                      .tensor = arena_strdup(&d->arena, x->name), .shape = x->shape};
    CHECK(r->layer && r->tensor, STATUS_MEMORY, "out of memory for the table");
    d->n_rows++;
    struct view a;
    if (!value || !find_twin(d, x->name, output_number(g, t), &a)) return STATUS_OK;
    r->shape = value->shape;
    r->dtype = value->dtype;
    compare(d, r, &a, value);
    d->n_compared++;
    d->n_beyond += !r->within;
    return STATUS_OK;
}

static enum status visit(void *user, const struct graph *g, const struct node *n, int t,
                         const struct view *value) {
    return add_row(user, g, n, t, value);
}

/* ---- B in another process ---- */

static enum status make_folder(struct diff *d) {
    snprintf(d->folder, sizeof d->folder, "%s/prusik-diff-XXXXXX", P_tmpdir);
    if (mkdtemp(d->folder)) return STATUS_OK;
    d->folder[0] = '\0';
    FAIL(STATUS_FILE, "no folder can be made in %s: %s", P_tmpdir, strerror(errno));
}

static void remove_folder(const struct diff *d, int n_files) {
    static const char *const lists[] = {"inputs.txt", "wanted.txt"};
    char path[128];
    if (!*d->folder) return;
    for (int i = 0; i < n_files; i++) {
        snprintf(path, sizeof path, "%s/%d.npy", d->folder, i);
        unlink(path);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", d->folder, lists[i]);
        unlink(path);
    }
    rmdir(d->folder);
}

/* The inputs come first in the folder, then all that nodes compute, in order. */
static int first_file(const struct diff *d) { return d->side[1].n_inputs; }

/* Compares what the other process left. */
static enum status read_rows(struct diff *d, const struct graph *g) {
    int file = first_file(d);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_outputs; k++) {
            int t = g->nodes[i].outputs[k];
            if (t < 0) continue;
            struct view v;
            bool found;
            TRY(diff_read(d->folder, file++, &v, &found));
            enum status s = add_row(d, g, &g->nodes[i], t, found ? &v : NULL);
            if (found) free(v.data);
            TRY(s);
        }
    return STATUS_OK;
}

static int count_files(const struct diff *d, const struct graph *g) {
    int n = first_file(d);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_outputs; k++) n += g->nodes[i].outputs[k] >= 0;
    return n;
}

static enum status wait_for(struct diff *d, pid_t pid, const char *what) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    d->said = WIFEXITED(status) && WEXITSTATUS(status);
    CHECK(status == 0, STATUS_UNSUPPORTED, "%s has not run B: it ended by signal %d", what,
          WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return STATUS_OK;
}

static enum status write_all(const struct diff *d, const struct diff_run *b) {
    int file = first_file(d);
    for (int i = 0; i < b->graph->n_nodes; i++)
        for (int k = 0; k < b->graph->nodes[i].n_outputs; k++) {
            int t = b->graph->nodes[i].outputs[k];
            if (t >= 0) TRY(diff_write(d->folder, file++, diff_output(b, b->output[t])));
        }
    return STATUS_OK;
}

/* The instruction set is chosen once in a process: B gets one of its own. */
static enum status start_b(struct diff *d, struct diff_run *b, pid_t *pid) {
    TRY(make_folder(d));
    TRY(diff_plan(&d->side[1], b));
    fflush(NULL);
    *pid = fork();
    CHECK(*pid >= 0, STATUS_MEMORY, "no process for B: %s", strerror(errno));
    if (*pid) return STATUS_OK;
    env_override(ENV_ISA, d->isa[1]);
    enum status s = diff_run(&d->side[1], b);
    if (s == STATUS_OK) s = write_all(d, b);
    if (s != STATUS_OK) fprintf(stderr, "prusik diff: B: %s\n", status_message());
    fflush(stderr);
    _exit(s != STATUS_OK);
}

/* A name a line; one that a line cannot hold stays empty, and matches nothing. */
static bool put_name(FILE *to, const char *name) {
    return fprintf(to, "%s\n", strpbrk(name, "\r\n") ? "" : name) > 0;
}

static enum status write_request(const struct diff *d) {
    const struct diff_side *b = &d->side[1];
    const struct graph *g = b->graph;
    char path[128];
    snprintf(path, sizeof path, "%s/inputs.txt", d->folder);
    FILE *f = fopen(path, "w");
    CHECK(f, STATUS_FILE, "%s cannot be written", path);
    bool ok = true;
    for (int i = 0; i < b->n_inputs; i++) ok &= put_name(f, b->inputs[i].name);
    ok &= !fclose(f);
    snprintf(path, sizeof path, "%s/wanted.txt", d->folder);
    CHECK(ok && (f = fopen(path, "w")), STATUS_FILE, "%s cannot be written", path);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_outputs; k++) {
            int t = g->nodes[i].outputs[k];
            struct view a;
            if (t < 0) continue;
            bool wanted = find_twin(d, g->tensors[t].name, output_number(g, t), &a);
            ok &= put_name(f, wanted ? g->tensors[t].name : "");
        }
    ok &= !fclose(f);
    CHECK(ok, STATUS_FILE, "%s cannot be written", path);
    for (int i = 0; i < b->n_inputs; i++) TRY(diff_write(d->folder, i, &b->inputs[i]));
    return STATUS_OK;
}

static enum status run_onnxruntime(struct diff *d) {
    char script[4096];
    TRY(make_folder(d));
    TRY(write_request(d));
    CHECK(!command_find_part("diff_onnxruntime.py", script), STATUS_FILE, "a part is missing");
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0, STATUS_MEMORY, "no process for onnxruntime: %s", strerror(errno));
    if (!pid) {
        execlp("python3", "python3", script, d->side[1].path, d->folder, (char *)NULL);
        fprintf(stderr, "prusik diff: python3 cannot be started: %s\n", strerror(errno));
        _exit(1);
    }
    return wait_for(d, pid, "onnxruntime");
}

/* ---- all of it ---- */

static enum status work(struct diff *d) {
    struct diff_side *a = &d->side[0], *b = &d->side[1];
    struct diff_run planned = {0};
    pid_t pid = 0;
    TRY(diff_open(d->side, &d->options));
    enum status s = d->isa[1] ? start_b(d, &planned, &pid) : STATUS_OK;
    if (d->isa[0]) env_override(ENV_ISA, d->isa[0]);
    if (s == STATUS_OK) {
        s = diff_plan(a, &d->run);
        if (s == STATUS_OK) s = diff_run(a, &d->run);
        if (s != STATUS_OK) status_prefix("A");
    }
    if (pid) {
        if (s == STATUS_OK) s = wait_for(d, pid, "the process of --isa-b");
        else waitpid(pid, NULL, 0);
        if (s == STATUS_OK) s = read_rows(d, planned.graph);
    } else if (s == STATUS_OK && d->onnxruntime) {
        s = run_onnxruntime(d);
        if (s == STATUS_OK) s = read_rows(d, b->graph);
    } else if (s == STATUS_OK) {
        s = graph_evaluate(b->graph, b->inputs, visit, d);
    }
    remove_folder(d, count_files(d, planned.graph ? planned.graph : b->graph));
    diff_run_deinit(&planned);
    TRY(s);
    CHECK(d->n_compared, STATUS_UNSUPPORTED,
          "no tensor of A has the name of one of B, and they have different outputs");
    return STATUS_OK;
}

/* ---- the table ---- */

static const struct row *first_beyond(const struct diff *d) {
    for (int i = 0; i < d->n_rows; i++)
        if (d->rows[i].compared && !d->rows[i].within) return &d->rows[i];
    return NULL;
}

static const struct row *largest(const struct diff *d) {
    const struct row *most = NULL;
    for (int i = 0; i < d->n_rows; i++)
        if (d->rows[i].compared && (!most || d->rows[i].relative > most->relative))
            most = &d->rows[i];
    return most;
}

/* Cut in the middle, where names differ least; counts bytes, which is a little early for names
 * beyond ASCII, and never cuts a character of UTF-8 in two. */
static const char *shorten(const char *name, int width, char *to) {
    int n = (int)strlen(name), head = (width - 2) / 2, tail = width - 2 - head;
    if (n <= width) return name;
    while (head > 0 && ((unsigned char)name[head] & 0xC0) == 0x80) head--;
    const char *end = name + n - tail;
    while (((unsigned char)*end & 0xC0) == 0x80) end++;
    snprintf(to, (size_t)width + 1, "%.*s..%s", head, name, end);
    return to;
}

struct columns {
    int layer, op, shape; /* widths; 0: left out */
};

enum { NUMBERS = 3 * 11, LEAST_LAYER = 16, WIDEST = 1000 };

static int terminal_width(void) {
    struct winsize w;
    if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col) return w.ws_col;
    return WIDEST;
}

/* What is too wide for the terminal goes: first the shapes, then the operators. */
static struct columns choose_columns(const struct diff *d) {
    struct columns c = {5, 8, 5};
    char text[128];
    for (int i = 0; i < d->n_rows; i++) {
        const struct row *r = &d->rows[i];
        if (!r->compared && !d->all) continue;
        int layer = (int)strlen(r->layer), op = (int)strlen(r->op),
            shape = (int)strlen(shape_text(&r->shape, text));
        if (layer > c.layer) c.layer = layer;
        if (op > c.op) c.op = op;
        if (shape > c.shape) c.shape = shape;
    }
    int width = terminal_width();
    if (width < LEAST_LAYER + c.op + 1 + c.shape + 1 + NUMBERS) c.shape = 0;
    if (width < LEAST_LAYER + c.op + 1 + NUMBERS) c.op = 0;
    int room = width - NUMBERS - (c.op ? c.op + 1 : 0) - (c.shape ? c.shape + 1 : 0);
    if (room < 8) room = 8;
    if (c.layer > room) c.layer = room;
    return c;
}

static void print_line(const struct columns *c, const char *layer, const char *op,
                       const char *shape, const char *cosine, const char *max_abs,
                       const char *relative) {
    char text[WIDEST + 1];
    printf("%-*s", c->layer, shorten(layer, c->layer, text));
    if (c->op) printf(" %-*s", c->op, op);
    if (c->shape) printf(" %-*s", c->shape, shape);
    printf(" %10s %10s %10s\n", cosine, max_abs, relative);
}

static void print_table(const struct diff *d) {
    struct columns c = choose_columns(d);
    print_line(&c, "layer", "operator", "shape", "cosine", "max error", "of range");
    for (int i = 0; i < d->n_rows; i++) {
        const struct row *r = &d->rows[i];
        char shape[128], cosine[24] = "-", max_abs[24] = "-", relative[24] = "-";
        if (!r->compared && !d->all) continue;
        if (r->shapes_differ) {
            snprintf(relative, sizeof relative, "shape");
        } else if (r->compared) {
            snprintf(cosine, sizeof cosine, "%.7f", r->cosine);
            snprintf(max_abs, sizeof max_abs, "%.2e", r->max_abs);
            snprintf(relative, sizeof relative, "%.2e%s", r->relative, r->within ? "" : "!");
        }
        print_line(&c, r->layer, r->op, shape_text(&r->shape, shape), cosine, max_abs, relative);
    }
    const struct row *first = first_beyond(d), *most = largest(d);
    if (first && first->shapes_differ)
        printf("\ndiffers first in '%s' (%s, tensor '%s'): the shapes are different\n",
               first->layer, first->op, first->tensor);
    else if (first)
        printf("\ndiffers first in '%s' (%s, tensor '%s'): off by %.3g, %.2e of the range, at "
               "element %lld\n",
               first->layer, first->op, first->tensor, first->max_abs, first->relative,
               (long long)first->worst);
    else
        printf("\nequal; most, %.2e of the range, in '%s' (%s)\n", most->relative, most->layer,
               most->op);
    printf("%d tensors compared, %d beyond %g of their range, %d of B's not in A\n", d->n_compared,
           d->n_beyond, tolerance_of(d, first ? first->dtype : most->dtype),
           d->n_rows - d->n_compared);
}

/* ---- JSON ---- */

static json_t *real(double v) { return isfinite(v) ? json_real(v) : json_null(); }

static json_t *text(const char *s) {
    json_t *t = s ? json_string(s) : NULL; /* NULL unless it is UTF-8 */
    return t ? t : json_null();
}

static int write_json(const struct diff *d) {
    json_t *root = json_object(), *layers = json_array();
    for (int i = 0; i < d->n_rows; i++) {
        const struct row *r = &d->rows[i];
        json_t *o = json_object(), *dims = json_array();
        for (int k = 0; k < r->shape.rank; k++)
            json_array_append_new(dims, json_integer(r->shape.dim[k]));
        json_object_set_new(o, "layer", text(r->layer));
        json_object_set_new(o, "operator", text(r->op));
        json_object_set_new(o, "tensor", text(r->tensor));
        json_object_set_new(o, "shape", dims);
        json_object_set_new(o, "compared", json_boolean(r->compared));
        if (r->compared) {
            json_object_set_new(o, "within", json_boolean(r->within));
            json_object_set_new(o, "tolerance", json_real(tolerance_of(d, r->dtype)));
            json_object_set_new(o, "shapes_differ", json_boolean(r->shapes_differ));
            json_object_set_new(o, "cosine", real(r->cosine));
            json_object_set_new(o, "max_error", real(r->max_abs));
            json_object_set_new(o, "range", real(r->range));
            json_object_set_new(o, "relative", real(r->relative));
            json_object_set_new(o, "element", json_integer(r->worst));
        }
        json_array_append_new(layers, o);
    }
    const struct row *first = first_beyond(d);
    json_object_set_new(root, "a", text(d->side[0].path));
    json_object_set_new(root, "b", text(d->side[1].path));
    json_object_set_new(root, "compared", json_integer(d->n_compared));
    json_object_set_new(root, "beyond", json_integer(d->n_beyond));
    json_object_set_new(root, "first", first ? text(first->layer) : json_null());
    json_object_set_new(root, "layers", layers);
    int failed;
    if (!strcmp(d->json, "-")) {
        failed = json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        failed = json_dump_file(root, d->json, JSON_INDENT(2));
    }
    json_decref(root);
    if (failed) fprintf(stderr, "prusik diff: %s cannot be written\n", d->json);
    return failed;
}

/* ---- the command ---- */

static bool parse_number(const char *text, double high, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out <= high;
}

static bool is_isa(const char *name) {
    for (int i = 0; i < ISA_COUNT; i++)
        if (!strcmp(name, isa_name((enum isa)i)) && isa_supported((enum isa)i)) return true;
    fprintf(stderr, "prusik diff: '%s' is no instruction set of this machine; it has", name);
    for (int i = 0; i < ISA_COUNT; i++)
        if (isa_supported((enum isa)i)) fprintf(stderr, " %s", isa_name((enum isa)i));
    fputc('\n', stderr);
    return false;
}

static int wrong(const char *what) {
    fprintf(stderr, "prusik diff: %s\n", what);
    return EXIT_ERROR;
}

static int parse(struct diff *d, int argc, char **argv) {
    enum { INPUT = 1, SEED, TOLERANCE, ONNXRUNTIME, JSON, ALL, ISA_A, ISA_B, WEIGHT_A, WEIGHT_B };
    static const struct option options[] = {
        {"input", 1, 0, INPUT}, {"seed", 1, 0, SEED}, {"tolerance", 1, 0, TOLERANCE},
        {"onnxruntime", 0, 0, ONNXRUNTIME}, {"json", 1, 0, JSON}, {"all", 0, 0, ALL},
        {"isa-a", 1, 0, ISA_A}, {"isa-b", 1, 0, ISA_B}, {"weight-a", 1, 0, WEIGHT_A},
        {"weight-b", 1, 0, WEIGHT_B}, {0}};
    double v;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case INPUT:
            if (d->options.n_inputs == DIFF_INPUTS) return wrong("too many inputs");
            d->options.input[d->options.n_inputs++] = optarg;
            break;
        case SEED:
            if (!parse_number(optarg, 1e15, &v)) return wrong("--seed takes a whole number");
            d->options.seed = (uint64_t)v;
            break;
        case TOLERANCE:
            if (!parse_number(optarg, 1e9, &d->tolerance))
                return wrong("--tolerance takes a share of the range, such as 1e-3");
            break;
        case ONNXRUNTIME: d->onnxruntime = true; break;
        case JSON: d->json = optarg; break;
        case ALL: d->all = true; break;
        case ISA_A:
        case ISA_B:
            if (!is_isa(optarg)) return EXIT_ERROR;
            d->isa[c == ISA_B] = optarg;
            break;
        case WEIGHT_A: d->side[0].weights = optarg; break;
        case WEIGHT_B: d->side[1].weights = optarg; break;
        default: return command_usage("diff", NULL, NULL);
        }
    }
    if (argc - optind < 2) return command_usage_of("diff", NULL);
    if (argc - optind > 2) return command_usage_of("diff", argv[optind + 2]);
    d->side[0].path = argv[optind];
    d->side[1].path = argv[optind + 1];
    if (d->onnxruntime && d->isa[1]) return wrong("--onnxruntime and --isa-b exclude each other");
    if (d->onnxruntime && (model_file_is_offline(d->side[1].path) ||
                           model_file_framework(d->side[1].path) != FRAMEWORK_ONNX))
        return wrong("--onnxruntime runs ONNX models; B is none");
    return EXIT_OK;
}

int command_diff(int argc, char **argv) {
    struct diff d = {.side = {{.letter = "A", .optimise = true}, {.letter = "B"}},
                     .tolerance = -1};
    int code = parse(&d, argc, argv);
    if (code != EXIT_OK) return code;
    d.side[1].optimise = d.isa[1] != NULL;
    arena_init(&d.arena, 0);
    if (work(&d) != STATUS_OK) {
        code = d.said ? EXIT_ERROR : wrong(status_message());
    } else {
        bool quiet = d.json && !strcmp(d.json, "-");
        if (!quiet) print_table(&d);
        code = d.n_beyond ? EXIT_FAILED : EXIT_OK;
        if (d.json && write_json(&d)) code = EXIT_ERROR;
    }
    diff_run_deinit(&d.run);
    diff_close(&d.side[0]);
    diff_close(&d.side[1]);
    mem_free(d.rows);
    arena_deinit(&d.arena);
    return code;
}
