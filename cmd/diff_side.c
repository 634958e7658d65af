/* SPDX-License-Identifier: Apache-2.0 */
/* Two models that shall take the same inputs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/npy.h"
#include "base/alloc.h"
#include "diff.h"
#include "ir/dynamic.h"
#include "model_file.h"
#include "om/om.h"
#include "passes/passes.h"
#include "prusik/vision.h"

/* ---- reading ---- */

static enum status read_side(struct diff_side *s, const struct import_options *options) {
    if (model_file_is_offline(s->path)) return om_read_file(s->path, NULL, &s->graph);
    struct import_request r = {.framework = model_file_framework(s->path), .model = s->path,
                               .weights = s->weights};
    if (options) r.options = *options;
    return import_model(&r, &s->graph);
}

static struct tensor *input_of(const struct diff_side *s, int i) {
    return &s->graph->tensors[s->graph->inputs[i]];
}

/* The input of `s` that stands for input i of `other`: of the same name, or at the same place. */
static int twin(const struct diff_side *s, const struct diff_side *other, int i) {
    for (int k = 0; k < s->n_inputs; k++)
        if (!strcmp(input_of(s, k)->name, input_of(other, i)->name)) return k;
    return i;
}

/* The input of A that an option NAME=FILE names, with *file behind the name; -1: it names none. */
static int named_input(const struct diff_side *a, const char *option, const char **file) {
    for (int i = 0; i < a->n_inputs; i++) {
        const char *name = input_of(a, i)->name;
        size_t n = strlen(name);
        if (!strncmp(option, name, n) && option[n] == '=') {
            *file = option + n + 1;
            return i;
        }
    }
    return -1;
}

/* The file of each input; NULL: random. Options without a name go to the inputs in order. */
static enum status assign_files(const struct diff_side *a, const struct diff_options *o,
                                const char **files) {
    int next = 0;
    for (int i = 0; i < o->n_inputs; i++) {
        const char *file = o->input[i];
        int k = named_input(a, o->input[i], &file);
        if (k < 0) {
            while (next < a->n_inputs && files[next]) next++;
            k = next++;
        }
        CHECK(k < a->n_inputs, STATUS_ARGUMENT, "--input '%s' is one too many: %s has %d input%s",
              o->input[i], a->path, a->n_inputs, a->n_inputs == 1 ? "" : "s");
        CHECK(!files[k], STATUS_ARGUMENT, "input '%s' is given twice", input_of(a, k)->name);
        files[k] = file;
    }
    for (int i = 0; i < a->n_inputs; i++)
        if (files[i] && !strcmp(files[i], "random")) files[i] = NULL;
    return STATUS_OK;
}

/* ---- shapes ---- */

static enum status merge_shape(const char *name, struct shape *to,
                               const struct shape *from, const char *what) {
    char x[128], y[128];
    if (from->rank < 0) return STATUS_OK;
    if (to->rank < 0) {
        *to = *from;
        return STATUS_OK;
    }
    bool fits = to->rank == from->rank;
    for (int d = 0; fits && d < to->rank; d++)
        fits = to->dim[d] < 0 || from->dim[d] < 0 || to->dim[d] == from->dim[d];
    CHECK(fits, STATUS_SHAPE, "input '%s' is %s, but %s is %s", name, shape_text(to, x), what,
          shape_text(from, y));
    for (int d = 0; d < to->rank; d++)
        if (to->dim[d] < 0) to->dim[d] = from->dim[d];
    return STATUS_OK;
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && !strcmp(s + n - k, end);
}

/* What an input's file says of its shape. */
static enum status shape_of_file(const char *path, struct npy *array, struct shape *out) {
    char error[512];
    *out = shape_unknown();
    if (!path || !ends_with(path, ".npy")) return STATUS_OK;
    CHECK(!npy_read(path, array, error), STATUS_FILE, "%s", error);
    CHECK(array->rank <= SHAPE_MAX_RANK, STATUS_LIMIT, "%s has %d dimensions; at most %d are "
          "possible", path, array->rank, SHAPE_MAX_RANK);
    *out = shape_from(array->rank, array->dim);
    return STATUS_OK;
}

/* Sizes of a model with gears that nothing else decides are those of the largest. */
static enum status gear_shapes_of(const struct diff_side *s, struct shape *shapes) {
    struct arena arena;
    struct dynamic d;
    arena_init(&arena, 0);
    enum status status = dynamic_read(s->graph, &arena, &d);
    if (status == STATUS_OK && d.n_gears) dynamic_shapes(&d, s->graph, d.largest, shapes);
    arena_deinit(&arena);
    return status;
}

static enum status agree(struct diff_side *a, struct diff_side *b, const char *const *files,
                         struct npy *arrays, struct shape *shapes) {
    struct shape gears[DIFF_INPUTS], given;
    for (int i = 0; i < a->n_inputs; i++) {
        const char *name = input_of(a, i)->name;
        int k = twin(b, a, i);
        shapes[i] = input_of(a, i)->shape;
        TRY(merge_shape(name, &shapes[i], &input_of(b, k)->shape, "that of B"));
        TRY(shape_of_file(files[i], &arrays[i], &given));
        TRY(merge_shape(name, &shapes[i], &given, files[i]));
        gears[i] = shape_unknown();
    }
    TRY(gear_shapes_of(a, gears));
    for (int i = 0; i < a->n_inputs; i++) {
        for (int d = 0; d < shapes[i].rank; d++) {
            if (shapes[i].dim[d] >= 0) continue;
            bool gear = gears[i].rank == shapes[i].rank && gears[i].dim[d] >= 0;
            shapes[i].dim[d] = gear ? gears[i].dim[d] : model_file_likely_size(&shapes[i], d);
        }
        CHECK(shapes[i].rank >= 0, STATUS_SHAPE, "input '%s' has an unknown shape; give it as .npy",
              input_of(a, i)->name);
    }
    return STATUS_OK;
}

/* Reads a side anew, where its file leaves sizes open, with the shapes agreed on. */
static enum status settle(struct diff_side *s, const struct diff_side *a,
                          const struct shape *shapes) {
    struct import_shape list[DIFF_INPUTS];
    bool open = false;
    for (int i = 0; i < s->n_inputs; i++) {
        int k = s == a ? i : twin(a, s, i);
        list[i] = (struct import_shape){arena_strdup(&s->arena, input_of(s, i)->name), shapes[k]};
        CHECK(list[i].name, STATUS_MEMORY, "out of memory for a name");
        open |= !shape_known(&input_of(s, i)->shape);
    }
    if (open && !model_file_is_offline(s->path)) {
        graph_destroy(s->graph);
        s->graph = NULL;
        TRY(read_side(s, &(struct import_options){.n_shapes = s->n_inputs, .shapes = list}));
        CHECK(s->graph->n_inputs == s->n_inputs, STATUS_INTERNAL, "%s has changed", s->path);
    }
    if (s->optimise) TRY(passes_run(s->graph, PASSES_OFFLINE));
    return STATUS_OK;
}

/* ---- values ---- */

/* As `prusik run` does it: floats from 0 up to 1, integers 0 or 1. */
static void fill_random(struct view *v, uint64_t seed) {
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    int64_t n = shape_elements(&v->shape);
    for (int64_t i = 0; i < n; i++) {
        uint64_t z = state += 0x9E3779B97F4A7C15u; /* splitmix64 */
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        if (dtype_is_float(v->dtype)) view_set_f64(v, i, (double)(z >> 40) * 0x1p-24);
        else view_set_i64(v, i, (int64_t)(z & 1));
    }
}

/* A picture, stretched: red, green and blue planes (or pixels, where the last of four dimensions
 * is 3), 0 to 255 in integers, 0 to 1 in floats. */
static enum status fill_picture(struct view *v, const char *path) {
    const struct shape *s = &v->shape;
    bool last = s->rank == 4 && s->dim[3] == 3 && s->dim[1] != 3;
    CHECK(s->rank == 4 && (last || s->dim[1] == 3), STATUS_SHAPE,
          "%s is a picture, but input '%s' takes none: it has not 3 channels", path, v->name);
    int64_t h = s->dim[last ? 1 : 2], w = s->dim[last ? 2 : 3], pixels = h * w;
    struct pk_image image, fit;
    CHECK(h > 0 && w > 0 && pixels <= PK_MAX_PIXELS, STATUS_SHAPE,
          "input '%s' is no picture's size", v->name);
    CHECK(!pk_image_read(path, &image), STATUS_FILE, "%s", pk_error());
    int failed = pk_image_resize(&image, (int)w, (int)h, &fit);
    pk_image_free(&image);
    CHECK(!failed, STATUS_MEMORY, "%s", pk_error());
    for (int64_t n = 0; n < s->dim[0]; n++)
        for (int64_t p = 0; p < pixels; p++)
            for (int c = 0; c < 3; c++) {
                int64_t at = n * 3 * pixels + (last ? p * 3 + c : c * pixels + p);
                if (dtype_is_float(v->dtype)) view_set_f64(v, at, fit.rgb[p * 3 + c] / 255.0);
                else view_set_i64(v, at, fit.rgb[p * 3 + c]);
            }
    pk_image_free(&fit);
    return STATUS_OK;
}

static enum status fill_bytes(struct view *v, const char *path, size_t bytes) {
    FILE *f = fopen(path, "rb");
    CHECK(f, STATUS_FILE, "%s cannot be opened: %s", path, strerror(errno));
    size_t got = fread(v->data, 1, bytes, f);
    bool more = fgetc(f) != EOF;
    fclose(f);
    CHECK(got == bytes && !more, STATUS_SHAPE, "%s has %s than the %zu bytes of input '%s'", path,
          more ? "more" : "less", bytes, v->name);
    return STATUS_OK;
}

static enum status fill(struct view *v, const char *path, const struct npy *array, uint64_t seed) {
    size_t bytes = (size_t)shape_elements(&v->shape) * dtype_size(v->dtype);
    if (!path) {
        fill_random(v, seed);
    } else if (ends_with(path, ".npy")) {
        CHECK(diff_dtype((int)array->type) == v->dtype, STATUS_SHAPE,
              "%s has elements of type %s, but input '%s' takes %s", path,
              npy_type_name(array->type), v->name, dtype_name(v->dtype));
        memcpy(v->data, array->data, bytes);
    } else if (ends_with(path, ".bin")) {
        TRY(fill_bytes(v, path, bytes));
    } else {
        TRY(fill_picture(v, path));
    }
    return STATUS_OK;
}

static enum status make_inputs(struct diff_side *s) {
    s->inputs = mem_calloc((size_t)s->n_inputs + 1, sizeof *s->inputs);
    CHECK(s->inputs, STATUS_MEMORY, "out of memory for the inputs");
    for (int i = 0; i < s->n_inputs; i++) s->inputs[i].wanted = true;
    return STATUS_OK;
}

static enum status set_input(struct diff_side *s, int i, struct shape shape) {
    struct view *v = &s->inputs[i];
    size_t bytes;
    *v = (struct view){input_of(s, i)->dtype, shape, NULL, input_of(s, i)->name, true};
    CHECK(size_mul((size_t)shape_elements(&shape), dtype_size(v->dtype), &bytes), STATUS_LIMIT,
          "input '%s' is too large", v->name);
    v->data = mem_alloc_aligned(bytes ? bytes : 1);
    CHECK(v->data, STATUS_MEMORY, "out of memory for input '%s'", v->name);
    return STATUS_OK;
}

/* B's input i gets the values of A's input k, in its own type. */
static enum status copy_input(struct diff_side *b, int i, const struct diff_side *a, int k) {
    const struct view *from = &a->inputs[k];
    TRY(set_input(b, i, from->shape));
    struct view *to = &b->inputs[i];
    CHECK(to->dtype == from->dtype ||
              (dtype_is_float(to->dtype) && dtype_is_float(from->dtype)),
          STATUS_UNSUPPORTED,
          "input '%s' is %s in A and %s in B; models that take different inputs (AIPP puts an "
          "operator in front) cannot be compared",
          from->name, dtype_name(from->dtype), dtype_name(to->dtype));
    int64_t n = shape_elements(&from->shape);
    if (to->dtype == from->dtype) memcpy(to->data, from->data, (size_t)n * dtype_size(to->dtype));
    else
        for (int64_t e = 0; e < n; e++) view_set_f64(to, e, view_get_f64(from, e));
    return STATUS_OK;
}

static enum status open_both(struct diff_side *a, struct diff_side *b,
                             const struct diff_options *o, const char **files,
                             struct npy *arrays) {
    struct shape shapes[DIFF_INPUTS];
    for (struct diff_side *s = a; s; s = s == a ? b : NULL) {
        TRY(read_side(s, NULL));
        s->n_inputs = s->graph->n_inputs;
        CHECK(s->n_inputs <= DIFF_INPUTS, STATUS_LIMIT, "%s has more than %d inputs", s->path,
              DIFF_INPUTS);
    }
    CHECK(a->n_inputs == b->n_inputs, STATUS_SHAPE, "%s has %d inputs, %s has %d", a->path,
          a->n_inputs, b->path, b->n_inputs);
    TRY(assign_files(a, o, files));
    TRY(agree(a, b, files, arrays, shapes));
    TRY(settle(b, a, shapes));
    TRY(settle(a, a, shapes));
    TRY(make_inputs(a));
    TRY(make_inputs(b));
    for (int i = 0; i < a->n_inputs; i++) {
        TRY(set_input(a, i, shapes[i]));
        TRY(fill(&a->inputs[i], files[i], &arrays[i], o->seed * DIFF_INPUTS + (uint64_t)i));
    }
    for (int i = 0; i < b->n_inputs; i++) TRY(copy_input(b, i, a, twin(a, b, i)));
    return STATUS_OK;
}

enum status diff_open(struct diff_side side[2], const struct diff_options *o) {
    const char *files[DIFF_INPUTS] = {0};
    struct npy arrays[DIFF_INPUTS] = {0};
    arena_init(&side[0].arena, 0);
    arena_init(&side[1].arena, 0);
    enum status s = open_both(&side[0], &side[1], o, files, arrays);
    for (int i = 0; i < DIFF_INPUTS; i++) free(arrays[i].data);
    return s;
}

void diff_close(struct diff_side *s) {
    for (int i = 0; s->inputs && i < s->n_inputs; i++) mem_free(s->inputs[i].data);
    mem_free(s->inputs);
    graph_destroy(s->graph);
    arena_deinit(&s->arena);
}
