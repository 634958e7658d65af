/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prusik conformance: runs cases of a model set and compares with their expected outputs.
 *
 * A case is ROOT/ID/model.onnx with ROOT/ID/test_data_set_0/input_K.pb and output_K.pb. The index
 * is a CSV file with at least the columns id, tier, rtol and atol, and perhaps form and scored.
 * Each case runs in a child process with a time limit, so that a crash costs one case only. stdout
 * gets one line a case, `id TAB status TAB detail`; stderr, at the end, the score per tier: one
 * vote per test, the form with baked operands where there is one.
 *
 * Dimensions the model leaves open are taken from the case's inputs. PRUSIK_REF=1 runs the plain
 * reference kernels instead of the fast ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/env.h"
#include "command.h"
#include "exec/model.h"
#include "import/import.h"
#include "ops/op.h"
#include "passes/passes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LIMIT_MS = 60000 }; /* whole networks take a while when every access is checked */
#else
enum { LIMIT_MS = 10000 };
#endif
enum { REF_LIMIT_MS = 60000, MAX_TENSORS = 64 };
enum { LINE_BYTES = 4096, DETAIL_BYTES = 1024 };

struct row {
    char *id;
    char tier[8];
    bool scored, baked, passed;
    double rtol, atol;
};

struct index {
    int n, cap;
    struct row *rows;
};

/* ---- the index ---- */

static int split(char *line, char **field, int max) {
    int n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; p && n < max;) {
        field[n++] = p;
        p = strchr(p, ',');
        if (p) *p++ = '\0';
    }
    return n;
}

static int column(char **names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static enum status read_index(const char *path, struct index *out) {
    char head[LINE_BYTES], line[LINE_BYTES];
    char *names[64], *field[64];
    FILE *f = fopen(path, "r");
    CHECK(f, STATUS_FILE, "cannot open '%s': %s", path, strerror(errno));
    enum status s = STATUS_OK;
    int n_names = fgets(head, sizeof head, f) ? split(head, names, 64) : 0;
    int id = column(names, n_names, "id"), tier = column(names, n_names, "tier");
    int rtol = column(names, n_names, "rtol"), atol = column(names, n_names, "atol");
    int scored = column(names, n_names, "scored"), form = column(names, n_names, "form");
    if (id < 0 || tier < 0 || rtol < 0 || atol < 0)
        s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                       "'%s' lacks one of the columns id, tier, rtol, atol", path);
    while (s == STATUS_OK && fgets(line, sizeof line, f)) {
        int n = split(line, field, 64);
        if (n <= id || n <= tier || n <= rtol || n <= atol) continue;
        if (out->n == out->cap) {
            int cap = out->cap ? 2 * out->cap : 256;
            struct row *wider = mem_realloc(out->rows, (size_t)cap * sizeof *wider);
            if (!wider) {
                s = status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for '%s'", path);
                break;
            }
            out->rows = wider;
            out->cap = cap;
        }
        struct row *r = &out->rows[out->n++];
        *r = (struct row){.id = mem_strdup(field[id]),
                          .scored = scored < 0 || scored >= n || strcmp(field[scored], "0"),
                          .baked = form >= 0 && form < n && !strcmp(field[form], "baked"),
                          .rtol = strtod(field[rtol], NULL),
                          .atol = strtod(field[atol], NULL)};
        snprintf(r->tier, sizeof r->tier, "%s", field[tier]);
    }
    fclose(f);
    return s;
}

/* ---- one case ---- */

static enum status read_bytes(const char *path, void **out, size_t *n_bytes) {
    FILE *f = fopen(path, "rb");
    CHECK(f, STATUS_FILE, "cannot open '%s': %s", path, strerror(errno));
    size_t n = 0, cap = 1 << 16;
    char *p = mem_alloc(cap);
    while (p) {
        n += fread(p + n, 1, cap - n, f);
        if (n < cap) break;
        char *wider = mem_realloc(p, cap *= 2);
        if (!wider) mem_free(p);
        p = wider;
    }
    fclose(f);
    CHECK(p, STATUS_MEMORY, "out of memory for '%s'", path);
    *out = p;
    *n_bytes = n;
    return STATUS_OK;
}

/* *found: the file exists. */
static enum status read_tensor(const char *folder, const char *kind, int i, struct view *v,
                               bool *found) {
    char path[LINE_BYTES];
    void *bytes = NULL;
    size_t n = 0, data_bytes;
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", folder, kind, i);
    *found = access(path, R_OK) == 0;
    if (!*found) return STATUS_OK;
    TRY(read_bytes(path, &bytes, &n));
    enum status s = import_onnx_tensor(bytes, n, &v->dtype, &v->shape, &v->data, &data_bytes);
    mem_free(bytes);
    if (s != STATUS_OK) status_prefix("%s_%d.pb", kind, i);
    return s;
}

static bool close_to(double got, double want, double rtol, double atol) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return want == got;
    return fabs(got - want) <= atol + rtol * fabs(want);
}

/* Upstream's oldest bfloat16 cases store the bits as uint16 (and cut them off, not rounded). */
static bool same_type(enum dtype file, enum dtype model) {
    return file == model || (file == DT_U16 && model == DT_BF16);
}

/* Writes why they differ; empty if they do not. */
static void compare(const struct row *r, int i, const struct view *got, struct view *want,
                    char *detail) {
    char a[128], b[128];
    double rtol = r->rtol;
    if (want->dtype != got->dtype && same_type(want->dtype, got->dtype)) {
        want->dtype = got->dtype;
        rtol = 1.0 / 128;
    }
    if (got->dtype != want->dtype) {
        snprintf(detail, DETAIL_BYTES, "output %d is %s instead of %s", i, dtype_name(got->dtype),
                 dtype_name(want->dtype));
        return;
    }
    if (!shape_equal(&got->shape, &want->shape)) {
        snprintf(detail, DETAIL_BYTES, "output %d has shape %s instead of %s", i,
                 shape_text(&got->shape, a), shape_text(&want->shape, b));
        return;
    }
    int64_t n = shape_elements(&want->shape), wrong = 0, first = -1;
    for (int64_t k = 0; k < n; k++) {
        bool ok = dtype_is_float(want->dtype)
                      ? close_to(view_get_f64(got, k), view_get_f64(want, k), rtol, r->atol)
                      : view_get_i64(got, k) == view_get_i64(want, k);
        if (!ok && !wrong++) first = k;
    }
    if (wrong)
        snprintf(detail, DETAIL_BYTES,
                 "output %d: %" PRId64 " of %" PRId64 " elements differ, first [%" PRId64
                 "]: %.9g instead of %.9g", i, wrong, n, first, view_get_f64(got, first),
                 view_get_f64(want, first));
}

static enum status run_case(const struct row *r, const char *root, char *detail) {
    char folder[LINE_BYTES / 2], path[LINE_BYTES];
    snprintf(folder, sizeof folder, "%s/%s", root, r->id);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    struct graph *g;
    TRY(import_onnx_file(path, NULL, &g));
    struct view in[MAX_TENSORS] = {0};
    int n_in = 0;
    bool found = true;
    while (n_in < MAX_TENSORS) {
        TRY(read_tensor(folder, "input", n_in, &in[n_in], &found));
        if (!found) break;
        n_in++;
    }
    CHECK(n_in <= g->n_inputs, STATUS_FORMAT, "the case has %d inputs, the model %d", n_in,
          g->n_inputs);
    struct import_shape shapes[MAX_TENSORS]; /* their names live as long as the process */
    bool open = false;
    for (int i = 0; i < n_in; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        shapes[i] = (struct import_shape){mem_strdup(t->name), in[i].shape};
        open |= !shape_known(&t->shape);
    }
    if (open) {
        graph_destroy(g);
        TRY(import_onnx_file(path, &(struct import_options){n_in, shapes, NULL}, &g));
    }
    struct device *device;
    struct model *model;
    struct instance *run;
    int n_out = g->n_outputs;
    for (int i = 0; i < n_in; i++) {
        char a[128], b[128];
        const struct tensor *t = &g->tensors[g->inputs[i]];
        CHECK(same_type(in[i].dtype, t->dtype) && shape_equal(&t->shape, &in[i].shape),
              STATUS_UNSUPPORTED, "the case's input %d is %s %s, but the model expects %s %s", i,
              dtype_name(in[i].dtype), shape_text(&in[i].shape, a), dtype_name(t->dtype),
              shape_text(&t->shape, b));
    }
    TRY(passes_run(g, PASSES_OFFLINE));
    TRY(device_create(0, &device));
    TRY(model_create(g, device, &model));
    TRY(instance_create(model, &run));
    for (int i = 0; i < n_in; i++)
        TRY(instance_set_input(run, i, in[i].shape, in[i].data,
                               (size_t)shape_elements(&in[i].shape) * dtype_size(in[i].dtype)));
    TRY(instance_run(run, 0));
    for (int i = 0; i < n_out && !*detail; i++) {
        struct view want = {0};
        TRY(read_tensor(folder, "output", i, &want, &found));
        if (!found) snprintf(detail, DETAIL_BYTES, "the model has output %d, the case has not", i);
        else compare(r, i, instance_output(run, i), &want, detail);
    }
    struct view more = {0};
    if (!*detail) TRY(read_tensor(folder, "output", n_out, &more, &found));
    if (!*detail && found)
        snprintf(detail, DETAIL_BYTES, "the model has %d outputs, the case more", n_out);
    instance_destroy(run);
    model_destroy(model);
    device_destroy(device);
    return STATUS_OK;
}

/* What the child writes: status TAB detail. Its memory goes with it. */
static void child(const struct row *r, const char *root, int to) {
    char detail[DETAIL_BYTES] = "", line[DETAIL_BYTES + 64];
    enum status s = run_case(r, root, detail);
    bool failed = s != STATUS_OK || *detail;
    const char *status = s == STATUS_UNSUPPORTED ? "unsupported" : failed ? "fail" : "pass";
    if (s == STATUS_UNSUPPORTED) {
        /* The importer puts the path first, which the line has already. */
        const char *text = strstr(status_message(), "model.onnx: ");
        snprintf(detail, sizeof detail, "%.1000s", text ? text + 12 : status_message());
    }
    else if (s != STATUS_OK)
        snprintf(detail, sizeof detail, "%s: %.900s", status_name(s), status_message());
    for (char *p = detail; *p; p++)
        if (*p == '\t' || *p == '\n') *p = ' ';
    int n = snprintf(line, sizeof line, "%s\t%s", status, detail);
    ssize_t written = write(to, line, (size_t)n);
    _exit(written == n ? 0 : 1);
}

static void run_row(struct row *r, const char *root) {
    char text[DETAIL_BYTES + 64] = "";
    int ends[2];
    fflush(stdout);
    if (pipe(ends) != 0) {
        printf("%s\tcrash\tno pipe\n", r->id);
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(r, root, ends[1]);
    }
    close(ends[1]);
    size_t n = 0;
    struct pollfd wait = {ends[0], POLLIN, 0};
    int limit_ms = env_int(ENV_REF) ? REF_LIMIT_MS : LIMIT_MS;
    bool late = pid > 0 && poll(&wait, 1, limit_ms) == 0;
    if (late) kill(pid, SIGKILL);
    else
        for (ssize_t k; (k = read(ends[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)k;
    close(ends[0]);
    int status = 0;
    if (pid > 0) waitpid(pid, &status, 0);
    r->passed = !strncmp(text, "pass\t", 5);
    if (late) printf("%s\tcrash\ttook longer than %d s\n", r->id, limit_ms / 1000);
    else if (pid < 0) printf("%s\tcrash\tno process\n", r->id);
    else if (n) printf("%s\t%s\n", r->id, text);
    else if (WIFSIGNALED(status)) printf("%s\tcrash\tsignal %d\n", r->id, WTERMSIG(status));
    else printf("%s\tcrash\tended with code %d\n", r->id, WEXITSTATUS(status));
}

/* ---- the score ---- */

static int by_id(const void *a, const void *b) {
    return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

static void print_score(struct index *x) {
    char tiers[16][8];
    int n_tiers = 0;
    qsort(x->rows, (size_t)x->n, sizeof *x->rows, by_id);
    for (int i = 0; i < x->n && n_tiers < 16; i++) {
        int k = 0;
        while (k < n_tiers && strcmp(tiers[k], x->rows[i].tier)) k++;
        if (k == n_tiers) memcpy(tiers[n_tiers++], x->rows[i].tier, sizeof tiers[0]);
    }
    qsort(tiers, (size_t)n_tiers, sizeof tiers[0], (int (*)(const void *, const void *))strcmp);
    for (int k = 0; k < n_tiers; k++) {
        int primary = 0, primary_passed = 0, all = 0, all_passed = 0;
        for (int i = 0; i < x->n; i++) {
            const struct row *r = &x->rows[i];
            if (!r->scored || strcmp(r->tier, tiers[k])) continue;
            all++;
            all_passed += r->passed;
            char baked[LINE_BYTES];
            snprintf(baked, sizeof baked, "%s__baked", r->id);
            struct row key = {.id = baked};
            const struct row *b =
                r->baked ? NULL : bsearch(&key, x->rows, (size_t)x->n, sizeof key, by_id);
            if (r->baked || (b && b->scored)) {
                if (!r->baked) continue;
            }
            primary++;
            primary_passed += r->passed;
        }
        fprintf(stderr, "tier %s: primary %d/%d, all %d/%d\n", tiers[k], primary_passed, primary,
                all_passed, all);
    }
}

int command_conformance(int argc, char **argv) {
    const char *filter = "", *root = NULL, *index_path = NULL;
    bool list = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) list = true;
        else if (!strcmp(argv[i], "--filter") && i + 1 < argc) filter = argv[++i];
        else if (argv[i][0] == '-' || index_path) return command_usage_of("conformance", argv[i]);
        else if (root) index_path = argv[i];
        else root = argv[i];
    }
    if (!index_path) return command_usage_of("conformance", NULL);
    struct index x = {0};
    if (read_index(index_path, &x) != STATUS_OK) {
        fprintf(stderr, "prusik conformance: %s\n", status_message());
        return EXIT_USAGE;
    }
    int n = 0;
    for (int i = 0; i < x.n; i++) {
        if (!strstr(x.rows[i].id, filter)) {
            mem_free(x.rows[i].id);
            continue;
        }
        x.rows[n++] = x.rows[i];
    }
    x.n = n;
    for (int i = 0; i < n; i++)
        if (list) printf("%s\ttier %s\n", x.rows[i].id, x.rows[i].tier);
        else run_row(&x.rows[i], root);
    if (!list) print_score(&x);
    for (int i = 0; i < n; i++) mem_free(x.rows[i].id);
    mem_free(x.rows);
    return EXIT_OK;
}
