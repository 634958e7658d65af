/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the list of operators and writing their models; see atc_singleop.h. */
#include "atc_singleop.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/version.h"
#include "import/single_op.h"
#include "om/om.h"
#include "ops/op.h"

enum { MAX_NAME = 128 };
#define NO_MEMORY "out of memory for an operator"

struct reader {
    const char *path, *folder, *soc;
    struct arena *arena;
    struct atc_error *error;
    char where[160]; /* "entry 0 (Add)" */
    bool is_fuzzy;   /* compile_flag 1: every size may be open */
    int index;
};

/* A tensor as the file's name shows it. */
struct shown {
    int type, format;
};

/* ---- words ---- */

static const struct {
    const char *name;
    enum dtype dtype;
    int number; /* of aclDataType */
} types[] = {
    {"float", DT_F32, 0},    {"float32", DT_F32, 0}, {"float16", DT_F16, 1}, {"half", DT_F16, 1},
    {"fp16", DT_F16, 1},     {"int8", DT_I8, 2},     {"int32", DT_I32, 3},   {"uint8", DT_U8, 4},
    {"int16", DT_I16, 6},    {"uint16", DT_U16, 7},  {"uint32", DT_U32, 8},  {"int64", DT_I64, 9},
    {"uint64", DT_U64, 10},  {"double", DT_F64, 11}, {"bool", DT_BOOL, 12},
    {"bfloat16", DT_BF16, 27}, {"bf16", DT_BF16, 27},
};

static const struct {
    const char *name;
    enum single_layout layout;
    int number; /* of aclFormat */
} formats[] = {
    {"NCHW", LAYOUT_PLAIN, 0},   {"NHWC", LAYOUT_NHWC, 1},   {"ND", LAYOUT_PLAIN, 2},
    {"HWCN", LAYOUT_HWCN, 16},   {"NCDHW", LAYOUT_PLAIN, 30}, {"NC", LAYOUT_PLAIN, 35},
    {"NCL", LAYOUT_PLAIN, 47},
};

enum { N_TYPES = sizeof types / sizeof types[0], N_FORMATS = sizeof formats / sizeof formats[0] };

static int find_type(const char *name) {
    if (!strncasecmp(name, "DT_", 3)) name += 3;
    for (int i = 0; i < N_TYPES; i++)
        if (!strcasecmp(name, types[i].name)) return i;
    return -1;
}

/* A number, true or false, or one of the texts of om_float_to_json(). */
static bool number_of(const json_t *x, double *out) {
    static const char *const texts[] = {"nan", "inf", "-inf"};
    static const double values[] = {NAN, INFINITY, -INFINITY};
    const char *text = json_string_value(x);
    *out = json_is_boolean(x) ? json_is_true(x) : json_number_value(x);
    for (int i = 0; text && i < 3; i++)
        if (!strcmp(text, texts[i])) {
            *out = values[i];
            return true;
        }
    return json_is_number(x) || json_is_boolean(x);
}

/* ---- tensors ---- */

static enum status fail_tensor(struct reader *r, bool is_input, int i, const char *why) {
    char index[16];
    snprintf(index, sizeof index, "%d", i);
    return atc_fail(r->error, ATC_E10027, r->where, is_input ? "input" : "output", index, why);
}

#define TENSOR_CHECK(condition, why)                                                               \
    do {                                                                                           \
        if (!(condition)) return fail_tensor(r, is_input, i, (why));                               \
    } while (0)

static enum status read_ranges(struct reader *r, const json_t *json, bool is_input, int i,
                               struct single_tensor *to) {
    const json_t *ranges = json_object_get(json, "shape_range");
    size_t n = json_array_size(ranges), k = 0;
    TENSOR_CHECK(!ranges || json_is_array(ranges), "shape_range is no list of [low, high]");
    struct dynamic_range *range = arena_calloc(r->arena, SHAPE_MAX_RANK, sizeof *range);
    CHECK(range, STATUS_MEMORY, NO_MEMORY);
    for (int d = 0; d < to->shape.rank; d++) {
        range[d] = (struct dynamic_range){0, -1};
        if (to->shape.dim[d] >= 0 || !n) continue;
        TENSOR_CHECK(k < n, "shape_range has fewer pairs than the shape has sizes -1");
        const json_t *pair = json_array_get(ranges, k++), *low, *high;
        low = json_array_get(pair, 0);
        high = json_array_get(pair, 1);
        TENSOR_CHECK(json_array_size(pair) == 2 && json_is_integer(low) && json_is_integer(high),
                     "an entry of shape_range is not [low, high]");
        range[d] = (struct dynamic_range){json_integer_value(low), json_integer_value(high)};
        TENSOR_CHECK(range[d].low >= 0 && (range[d].high == -1 || range[d].high >= range[d].low),
                     "an entry of shape_range has a low above its high (-1: no limit)");
    }
    TENSOR_CHECK(k == n, "shape_range has more pairs than the shape has sizes -1");
    if (n) to->ranges = range;
    return STATUS_OK;
}

static enum status read_shape(struct reader *r, const json_t *json, bool is_input, int i,
                              struct single_tensor *to) {
    const json_t *shape = json_object_get(json, "shape"), *size;
    TENSOR_CHECK(json_is_array(shape), "its shape is missing, or no list");
    size_t n = json_array_size(shape), d;
    TENSOR_CHECK(n <= SHAPE_MAX_RANK, "its shape has more than 8 sizes");
    to->shape = (struct shape){.rank = (int)n};
    int64_t elements = 1;
    json_array_foreach(shape, d, size) {
        TENSOR_CHECK(json_is_integer(size), "a size of its shape is no whole number");
        int64_t v = json_integer_value(size);
        TENSOR_CHECK(v >= -1 || (v == -2 && n == 1),
                     "a size is negative; -1 is one that is open, [-2] a shape that is");
        to->shape.dim[d] = v;
        TENSOR_CHECK(v <= 0 || !__builtin_mul_overflow(elements, v, &elements),
                     "it is larger than memory");
        TENSOR_CHECK(elements <= INT64_MAX / 16, "it is larger than memory");
    }
    if (n == 1 && to->shape.dim[0] == -2) {
        TENSOR_CHECK(!json_object_get(json, "shape_range"),
                     "shape_range has no meaning where the whole shape is open");
        to->shape = shape_unknown();
        return STATUS_OK;
    }
    return read_ranges(r, json, is_input, i, to);
}

/* The elements of a constant: a number, or a list of as many as the shape says. */
static enum status read_value(struct reader *r, const json_t *value, int i,
                              struct single_tensor *to) {
    const bool is_input = true;
    int64_t n = shape_elements(&to->shape);
    TENSOR_CHECK(n >= 0, "const_value needs a shape without open sizes");
    TENSOR_CHECK(n <= SINGLE_OP_MAX_VALUES, "const_value has more than 1024 elements");
    double f;
    TENSOR_CHECK(json_is_array(value) ? json_array_size(value) == (size_t)n
                                      : n == 1 && number_of(value, &f),
                 "const_value has not as many elements as its shape");
    void *data = arena_calloc(r->arena, (size_t)n + 1, 8);
    CHECK(data, STATUS_MEMORY, NO_MEMORY);
    const struct view v = {.dtype = to->dtype, .shape = to->shape, .data = data};
    for (int64_t k = 0; k < n; k++) {
        const json_t *x = json_is_array(value) ? json_array_get(value, (size_t)k) : value;
        bool is_whole = json_is_integer(x) || json_is_boolean(x);
        TENSOR_CHECK(number_of(x, &f), "const_value has what is no number");
        TENSOR_CHECK(dtype_is_float(to->dtype) || is_whole,
                     "const_value has what is no whole number, as its type asks for");
        if (dtype_is_float(to->dtype)) view_set_f64(&v, k, f);
        else view_set_i64(&v, k, json_is_boolean(x) ? json_is_true(x) : json_integer_value(x));
    }
    to->data = data;
    return STATUS_OK;
}

static enum status read_format(struct reader *r, const json_t *json, bool is_input, int i,
                               struct single_tensor *to, struct shown *shown) {
    const char *format = json_string_value(json_object_get(json, "format"));
    TENSOR_CHECK(format, "its format is missing");
    for (int k = 0; k < N_FORMATS; k++) {
        if (strcasecmp(format, formats[k].name)) continue;
        to->layout = formats[k].layout;
        shown->format = formats[k].number;
        return STATUS_OK;
    }
    char why[256];
    snprintf(why, sizeof why, "its format is [%.64s]; a processor has no layouts of a chip, and "
                              "ND, NCHW, NHWC, HWCN, NCDHW, NC and NCL are possible", format);
    return fail_tensor(r, is_input, i, why);
}

static enum status read_tensor(struct reader *r, const json_t *json, bool is_input, int i,
                               struct single_tensor *to, struct shown *shown) {
    TENSOR_CHECK(json_is_object(json), "it is no object {...}");
    const char *type = json_string_value(json_object_get(json, "type"));
    TENSOR_CHECK(type, "its type is missing");
    *shown = (struct shown){28, -1}; /* what ACL_DT_UNDEFINED and ACL_FORMAT_UNDEFINED are to GE */
    if (is_input && !strcasecmp(type, "UNDEFINED")) {
        *to = (struct single_tensor){.dtype = DT_NONE, .shape = shape_of(0)};
        return STATUS_OK;
    }
    int found = find_type(type);
    char why[160];
    snprintf(why, sizeof why, "its type [%.64s] is none; float16, float32, int32, ... are", type);
    TENSOR_CHECK(found >= 0, why);
    to->dtype = types[found].dtype;
    shown->type = types[found].number;
    TRY(read_format(r, json, is_input, i, to, shown));
    TRY(read_shape(r, json, is_input, i, to));
    const json_t *value = json_object_get(json, "const_value");
    if (!is_input) TENSOR_CHECK(!value, "an output has no const_value");
    else TENSOR_CHECK(value || !json_is_true(json_object_get(json, "is_const")),
                      "is_const is true, but const_value is missing");
    return value ? read_value(r, value, i, to) : STATUS_OK;
}

static enum status read_tensors(struct reader *r, const json_t *entry, bool is_input,
                                struct single_op *op, struct shown *shown) {
    const char *key = is_input ? "input_desc" : "output_desc";
    const json_t *list = json_object_get(entry, key), *item;
    size_t n = json_array_size(list), i;
    if (list && !json_is_array(list)) {
        char why[256];
        snprintf(why, sizeof why, "%s: %s is no list", r->where, key);
        return atc_fail(r->error, ATC_E10032, r->path, why);
    }
    if (n > SINGLE_OP_MAX) return fail_tensor(r, is_input, (int)n - 1, "more than 64 are too many");
    struct single_tensor *to = arena_calloc(r->arena, n + 1, sizeof *to);
    CHECK(to, STATUS_MEMORY, NO_MEMORY);
    json_array_foreach(list, i, item) TRY(read_tensor(r, item, is_input, (int)i, &to[i],
                                                      &shown[i]));
    *(is_input ? &op->inputs : &op->outputs) = to;
    *(is_input ? &op->n_inputs : &op->n_outputs) = (int)n;
    return STATUS_OK;
}

/* ---- attributes ---- */

static enum status fail_attr(struct reader *r, const char *name, const char *why) {
    return atc_fail(r->error, ATC_E10030, r->where, name, why);
}

static enum status set_data_type(struct reader *r, const json_t *value, struct attr *to,
                                 int64_t *ints) {
    to->type = ATTR_INT;
    to->n = 1;
    int found = json_is_string(value) ? find_type(json_string_value(value)) : -1;
    if (!json_is_integer(value) && found < 0)
        return fail_attr(r, to->name, "it must be a type like \"DT_FLOAT16\", or its number");
    ints[0] = found >= 0 ? types[found].number : json_integer_value(value);
    return STATUS_OK;
}

static enum status set_number(struct reader *r, const json_t *x, bool is_float, size_t i,
                              struct attr *to) {
    double f;
    if (is_float && !json_is_boolean(x) && number_of(x, &f)) ((float *)to->floats)[i] = (float)f;
    else if (!is_float && json_is_integer(x)) ((int64_t *)to->ints)[i] = json_integer_value(x);
    else if (!is_float && json_is_boolean(x)) ((int64_t *)to->ints)[i] = json_is_true(x);
    else
        return fail_attr(r, to->name, is_float ? "it must be numbers" : "it must be whole numbers");
    return STATUS_OK;
}

static enum status read_attr(struct reader *r, const json_t *json, struct attr *to) {
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *value = json_object_get(json, "value"), *x;
    if (!name || !*name) return atc_fail(r->error, ATC_E10029, r->where);
    to->name = arena_strdup(r->arena, name);
    CHECK(to->name, STATUS_MEMORY, NO_MEMORY);
    if (!type) return fail_attr(r, name, "its type is missing");
    if (!value) return fail_attr(r, name, "its value is missing");
    bool is_list = !strncmp(type, "list_", 5);
    const char *of = is_list ? type + 5 : type;
    bool is_float = !strcmp(of, "float"), is_int = !strcmp(of, "int") || !strcmp(of, "bool");
    size_t n = is_list ? json_array_size(value) : 1, i;
    int64_t *room = arena_calloc(r->arena, n + 1, sizeof *room);
    CHECK(room, STATUS_MEMORY, NO_MEMORY);
    if (is_float) to->floats = (float *)room;
    else to->ints = room;
    if (!strcmp(type, "data_type")) return set_data_type(r, value, to, room);
    if (!strcmp(type, "string")) {
        if (!json_is_string(value)) return fail_attr(r, name, "it must be a text \"...\"");
        to->type = ATTR_STRING;
        to->n = (int)json_string_length(value);
        to->string = arena_strdup(r->arena, json_string_value(value));
        CHECK(to->string, STATUS_MEMORY, NO_MEMORY);
        return STATUS_OK;
    }
    if (!is_float && !is_int)
        return fail_attr(r, name, "its type must be bool, int, float, string, data_type, "
                                  "list_bool, list_int or list_float; no operator here takes "
                                  "another");
    if (is_list && !json_is_array(value)) return fail_attr(r, name, "it must be a list");
    if (n > INT_MAX) return fail_attr(r, name, "the list is too long");
    to->n = (int)n;
    to->type = is_list ? (is_float ? ATTR_FLOATS : ATTR_INTS) : is_float ? ATTR_FLOAT : ATTR_INT;
    if (!is_list) return set_number(r, value, is_float, 0, to);
    json_array_foreach(value, i, x) TRY(set_number(r, x, is_float, i, to));
    return STATUS_OK;
}

static enum status read_attrs(struct reader *r, const json_t *entry, struct single_op *op) {
    const json_t *list = json_object_get(entry, "attr"), *item;
    size_t n = json_array_size(list), i;
    if ((list && !json_is_array(list)) || n >= SINGLE_OP_MAX) {
        char why[256];
        snprintf(why, sizeof why, "%s: attr must be a list of fewer than %d", r->where,
                 SINGLE_OP_MAX);
        return atc_fail(r->error, ATC_E10032, r->path, why);
    }
    struct attr *to = arena_calloc(r->arena, n + 1, sizeof *to);
    CHECK(to, STATUS_MEMORY, NO_MEMORY);
    json_array_foreach(list, i, item) TRY(read_attr(r, item, &to[i]));
    op->attrs = to;
    op->n_attrs = (int)n;
    return STATUS_OK;
}

/* ---- files ---- */

static int show_tensors(char *to, int used, int n, const struct single_tensor *t,
                        const struct shown *shown) {
    for (int i = 0; i < n && used <= MAX_NAME; i++) {
        used += snprintf(to + used, 64, "_%d_%d", shown[i].type, shown[i].format);
        if (t[i].shape.rank < 0) used += snprintf(to + used, 64, "_-2");
        for (int d = 0; d < t[i].shape.rank && used <= MAX_NAME; d++)
            used += snprintf(to + used, 64, "_%" PRId64, t[i].shape.dim[d]);
    }
    return used;
}

/* Before open sizes are let in: the name is what the file says. */
static enum status name_file(struct reader *r, const json_t *entry, const struct single_op *op,
                             const struct shown *in, const struct shown *out, const char **path) {
    char name[MAX_NAME + 256];
    const json_t *given = json_object_get(entry, "name");
    if (given) {
        const char *s = json_string_value(given);
        if (!s || !*s || strlen(s) > MAX_NAME || strchr(s, '/') || s[0] == '.')
            return atc_fail(r->error, ATC_E10032, r->path,
                            "name must be a file's name without folder, of at most 128 bytes");
        snprintf(name, sizeof name, "%s", s);
    } else {
        int n = snprintf(name, 200, "%d_%.100s", r->index, op->type);
        n = show_tensors(name, n, op->n_inputs, op->inputs, in);
        show_tensors(name, n, op->n_outputs, op->outputs, out);
        name[MAX_NAME] = '\0';
    }
    *path = arena_printf(r->arena, "%s%s%s.om", r->folder, *r->folder ? "/" : "", name);
    CHECK(*path, STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

/* compile_flag 1: every size of a tensor that is not known element by element. */
static void open_sizes(struct single_op *op) {
    for (int i = 0; i < op->n_inputs + op->n_outputs; i++) {
        struct single_tensor *t =
            i < op->n_inputs ? &op->inputs[i] : &op->outputs[i - op->n_inputs];
        if (t->data) continue;
        t->ranges = NULL;
        for (int d = 0; d < t->shape.rank; d++) t->shape.dim[d] = -1;
    }
}

/* What can be known of an operator whose sizes are open, at the smallest sizes: whether it exists
 * in that form at all. */
static enum status try_smallest(const struct reader *r, const struct single_op *op) {
    struct single_op small = *op;
    struct graph *g;
    if (r->is_fuzzy) return STATUS_OK;
    small.inputs = arena_calloc(r->arena, (size_t)op->n_inputs + 1, sizeof *small.inputs);
    CHECK(small.inputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < op->n_inputs; i++) {
        struct single_tensor *t = &small.inputs[i];
        *t = op->inputs[i];
        for (int d = 0; d < t->shape.rank; d++)
            if (t->shape.dim[d] < 0)
                t->shape.dim[d] = t->ranges && t->ranges[d].low > 0 ? t->ranges[d].low : 1;
    }
    if (!single_op_is_closed(&small)) return STATUS_OK;
    TRY(single_op_build(&small, &g));
    graph_destroy(g);
    return STATUS_OK;
}

static enum status write_op(struct reader *r, struct single_op *op, const char *path) {
    struct graph *g;
    if (r->is_fuzzy) open_sizes(op);
    enum status s = single_op_is_closed(op) ? STATUS_OK : try_smallest(r, op);
    if (s == STATUS_OK) s = single_op_model(op, &g);
    if (s != STATUS_OK) {
        status_prefix("%s", r->where);
        return atc_fail_status(r->error, s, r->path);
    }
    g->name = op->type;
    s = graph_set_meta(g, "atc_version", "prusik " PK_VERSION);
    if (s == STATUS_OK) s = graph_set_meta(g, "prusik.soc_version", r->soc);
    if (s == STATUS_OK) s = om_write_file(g, path);
    graph_destroy(g);
    if (s == STATUS_FILE) return atc_fail(r->error, ATC_E19004, path, status_message());
    return atc_fail_status(r->error, s, path);
}

/* ---- the list ---- */

static void remark_constants(const struct reader *r, const struct single_op *op) {
    uint64_t values = single_op_values(op);
    for (int i = 0; i < op->n_inputs; i++)
        if (op->inputs[i].data && !(values >> i & 1))
            printf("W: %s: const_value of input %d does not shape the operator; the input stays "
                   "one of the call that runs it\n", r->where, i);
}

static enum status read_entry(struct reader *r, const json_t *entry) {
    const json_t *flag = json_object_get(entry, "compile_flag");
    const char *type = json_string_value(json_object_get(entry, "op"));
    snprintf(r->where, sizeof r->where, "entry %d%s%.100s%s", r->index, type ? " (" : "",
             type ? type : "", type ? ")" : "");
    if (!json_is_object(entry)) {
        char why[200];
        snprintf(why, sizeof why, "%s is no object {...}", r->where);
        return atc_fail(r->error, ATC_E10032, r->path, why);
    }
    if (flag) {
        json_int_t v = json_integer_value(flag);
        if (!json_is_integer(flag) || (v != 0 && v != 1))
            return atc_fail(r->error, ATC_E10032, r->path, "compile_flag must be 0 or 1");
        r->is_fuzzy = v == 1;
        if (!json_object_get(entry, "op")) return STATUS_OK;
    }
    char index[16];
    snprintf(index, sizeof index, "%d", r->index);
    if (!type || !*type) return atc_fail(r->error, ATC_E10026, index);
    for (const char *c = type; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_') {
            char why[200];
            snprintf(why, sizeof why, "%s: op is no operator's name", r->where);
            return atc_fail(r->error, ATC_E10032, r->path, why);
        }
    struct single_op op = {.type = type};
    struct shown shown[2][SINGLE_OP_MAX];
    const char *path = NULL;
    TRY(read_tensors(r, entry, true, &op, shown[0]));
    TRY(read_tensors(r, entry, false, &op, shown[1]));
    TRY(read_attrs(r, entry, &op));
    TRY(name_file(r, entry, &op, shown[0], shown[1], &path));
    remark_constants(r, &op);
    r->index++;
    return write_op(r, &op, path);
}

static enum status read_list(struct reader *r, const json_t *root) {
    const json_t *entry;
    size_t i;
    if (!json_is_array(root))
        return atc_fail(r->error, ATC_E10032, r->path, "it must be a list [{...}, ...]");
    json_array_foreach(root, i, entry) TRY(read_entry(r, entry));
    if (r->index == 0) return atc_fail(r->error, ATC_E10032, r->path, "it lists no operator");
    return STATUS_OK;
}

enum status atc_singleop(const char *path, const char *folder, const char *soc,
                         struct arena *arena, struct atc_error *e) {
    struct reader r = {.path = path, .folder = folder, .soc = soc, .arena = arena, .error = e};
    struct stat st;
    if (*folder && mkdir(folder, 0777) && errno != EEXIST)
        return atc_fail(e, ATC_E19004, folder, strerror(errno));
    if (*folder && (stat(folder, &st) || !S_ISDIR(st.st_mode)))
        return atc_fail(e, ATC_E19004, folder, "with --singleop it must be a folder");
    FILE *f = fopen(path, "r");
    if (!f) return atc_fail(e, ATC_E10024, path, strerror(errno));
    json_error_t error;
    json_t *root = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
    fclose(f);
    if (!root) {
        char why[JSON_ERROR_TEXT_LENGTH + 64];
        snprintf(why, sizeof why, "line %d, column %d: %s", error.line, error.column, error.text);
        return atc_fail(e, ATC_E10025, path, why);
    }
    enum status s = read_list(&r, root);
    json_decref(root);
    return s;
}
