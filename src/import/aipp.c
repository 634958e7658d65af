/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration of --insert_op_conf to operators Aipp in the graph; see import/aipp.h. */
#include "import/aipp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aipp.pb-c.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "import/textformat.h"
#include "ir/dynamic.h"
#include "ops/aipp.h"

typedef Aipp__AippOp config;

/* What reads an input: input `slot` of a node, or, with node -1, output `slot` of the graph. */
struct edge {
    int tensor, node, slot;
    int number; /* among those of the tensor */
    bool moved; /* it reads what an aipp_op makes */
};

struct source {
    enum dtype dtype; /* of the input, as the model has it */
    struct shape shape;
    bool whole, parts; /* an aipp_op stands behind it, for all edges or for some */
    const struct dynamic_range *ranges; /* of the shape; NULL unless the graph has ranges */
};

struct insertion {
    struct graph *g;
    struct arena *arena;
    struct dynamic dynamic; /* what the graph said before */
    struct source *sources; /* of the inputs */
    struct edge *edges;
    int n_edges;
    const struct aipp_options *options;
    const struct text_message *text;
    const config *c;
    int index;    /* of the aipp_op in the file */
    int n_inputs; /* of the graph before */
    int input;    /* which of them */
};

/* ---- where things stand ---- */

/* The line of a field of this aipp_op, or of the aipp_op itself where the field is not given. */
static const struct text_place *place_of(const struct insertion *s, const char *field) {
    const struct text_place *p = field ? text_place(s->text, &s->c->base, field) : NULL;
    if (p) return p;
    const struct text_place *at = s->text->places;
    int behind = 0; /* the last one in the file comes first */
    const int n = (int)((const Aipp__Config *)s->text->message)->n_aipp_op;
    for (; at; at = at->next)
        if (at->message == s->text->message && ++behind == n - s->index) return at;
    return NULL;
}

static bool is_given(const struct insertion *s, const char *field) {
    return text_place(s->text, &s->c->base, field) != NULL;
}

#define FAIL_FIELD(s, code, field, format, ...)                                                    \
    do {                                                                                           \
        const struct text_place *at_ = place_of(s, field);                                         \
        FAIL(code, "%s:%d:%d: " format, (s)->options->name, at_ ? at_->line : 1,                   \
             at_ ? at_->column : 1, ##__VA_ARGS__);                                                \
    } while (0)
#define CHECK_FIELD(s, condition, field, format, ...)                                              \
    do {                                                                                           \
        if (!(condition)) FAIL_FIELD(s, STATUS_ARGUMENT, field, format, ##__VA_ARGS__);            \
    } while (0)

/* A sentence of ops/aipp.c begins with the field it speaks of. */
static enum status at_field(const struct insertion *s, enum status status) {
    if (status == STATUS_OK) return STATUS_OK;
    char sentence[512], field[64];
    snprintf(sentence, sizeof sentence, "%s", status_message());
    snprintf(field, sizeof field, "%.*s", (int)strcspn(sentence, " :"), sentence);
    FAIL_FIELD(s, status, field, "%s", sentence);
}

/* ---- static ---- */

static int pick(bool given, int value, int fallback) { return given ? value : fallback; }

static void read_matrix(const config *c, struct aipp *a) {
    static const int from_yuv[9] = {298, 516, 0, 298, -100, -208, 298, 0, 409};
    static const int from_rgb[9] = {66, 129, 25, -38, -74, 112, 112, -94, -18};
    const int *d = a->format == AIPP_YUV420SP_U8 ? from_yuv : from_rgb;
    const int given[9][2] = {
        {c->has_matrix_r0c0, c->matrix_r0c0}, {c->has_matrix_r0c1, c->matrix_r0c1},
        {c->has_matrix_r0c2, c->matrix_r0c2}, {c->has_matrix_r1c0, c->matrix_r1c0},
        {c->has_matrix_r1c1, c->matrix_r1c1}, {c->has_matrix_r1c2, c->matrix_r1c2},
        {c->has_matrix_r2c0, c->matrix_r2c0}, {c->has_matrix_r2c1, c->matrix_r2c1},
        {c->has_matrix_r2c2, c->matrix_r2c2}};
    for (int i = 0; i < 9; i++) a->matrix[i] = pick(given[i][0], given[i][1], d[i]);
    a->input_bias[0] = pick(c->has_input_bias_0, c->input_bias_0, 16);
    a->input_bias[1] = pick(c->has_input_bias_1, c->input_bias_1, 128);
    a->input_bias[2] = pick(c->has_input_bias_2, c->input_bias_2, 128);
    a->output_bias[0] = pick(c->has_output_bias_0, c->output_bias_0, 16);
    a->output_bias[1] = pick(c->has_output_bias_1, c->output_bias_1, 128);
    a->output_bias[2] = pick(c->has_output_bias_2, c->output_bias_2, 128);
}

/* The static parameters for an input of c x h x w. What a switch that is off would use is not
 * looked at, as on a card. */
static void read_static(const config *c, int format, int channels, int h, int w, struct aipp *a) {
    aipp_init(a, format, c->src_image_size_w ? c->src_image_size_w : w,
              c->src_image_size_h ? c->src_image_size_h : h);
    if (a->channels == 4 && channels == 3) a->channels = 3;
    a->rbuv_swap = c->rbuv_swap_switch;
    a->ax_swap = c->ax_swap_switch;
    if (c->crop) {
        a->crop_x = c->load_start_pos_w;
        a->crop_y = c->load_start_pos_h;
        a->crop_w = c->crop_size_w ? c->crop_size_w : w;
        a->crop_h = c->crop_size_h ? c->crop_size_h : h;
    }
    a->csc = c->csc_switch;
    if (a->csc) read_matrix(c, a);
    a->resize = c->resize;
    if (a->resize) {
        a->resize_w = c->resize_output_w;
        a->resize_h = c->resize_output_h;
    }
    if (c->padding) {
        a->left = c->left_padding_size;
        a->right = c->right_padding_size;
        a->top = c->top_padding_size;
        a->bottom = c->bottom_padding_size;
        a->padding_value = c->padding_value;
    }
    const int mean[4] = {c->mean_chn_0, c->mean_chn_1, c->mean_chn_2, c->mean_chn_3};
    const float min[4] = {c->min_chn_0, c->min_chn_1, c->min_chn_2, c->min_chn_3};
    const float var[4] = {c->var_reci_chn_0, c->var_reci_chn_1, c->var_reci_chn_2,
                          c->var_reci_chn_3};
    memcpy(a->mean, mean, sizeof mean);
    memcpy(a->min, min, sizeof min);
    memcpy(a->var_reci, var, sizeof var);
}

static enum status check_static(const struct insertion *s, const struct aipp *a, const int chw[3]) {
    const config *c = s->c;
    int w, h;
    CHECK_FIELD(s, !is_given(s, "max_src_image_size"), "max_src_image_size",
                "max_src_image_size belongs to 'aipp_mode: dynamic'; this aipp_op is static");
    CHECK_FIELD(s, !c->single_line_mode, "single_line_mode",
                "single_line_mode is reserved; leave it false");
    CHECK_FIELD(s, chw[0] == aipp_format_channels(a->format) || chw[0] == a->channels,
                "input_format", "input_format %s has %d channels; input '%s' of the model has %d",
                aipp_format_name(a->format), aipp_format_channels(a->format),
                s->g->tensors[s->g->inputs[s->input]].name, chw[0]);
    TRY(at_field(s, aipp_check(a)));
    aipp_output_size(a, &w, &h);
    const char *field = a->resize ? "resize" : c->crop ? "crop" : c->padding ? "padding"
                        : is_given(s, "src_image_size_w") ? "src_image_size_w" : "src_image_size_h";
    CHECK_FIELD(s, w == chw[2] && h == chw[1], field,
                "the pictures made are %d wide and %d high; input '%s' of the model is %d wide and "
                "%d high", w, h, s->g->tensors[s->g->inputs[s->input]].name, chw[2], chw[1]);
    return STATUS_OK;
}

/* ---- the graph ---- */

/* A tensor behind `from`, and the node that makes it. */
static enum status append(struct graph *g, enum op_kind op, const char *suffix, int input,
                          int n_from, const int *from, enum dtype dtype, int *node, int *out) {
    char name[512];
    snprintf(name, sizeof name, "%.400s_%s", g->tensors[input].name, suffix);
    TRY(graph_add_tensor(g, name, dtype, shape_unknown(), out));
    return graph_add_node(g, op, name, n_from, from, 1, out, node);
}

static enum dtype made_type(enum dtype t) { return t == DT_U8 ? DT_U8 : DT_F32; }

struct target {
    int tensor; /* the input */
    enum dtype dtype;
    int64_t batch; /* -1: open */
    int chw[3];    /* height and width -1: open */
};

static bool is_open(const struct target *t) { return t->chw[1] < 0 || t->chw[2] < 0; }

/* Those who read the input, all or those of input_edge_idx, read `to`. */
static enum status move_edges(const struct insertion *s, int t, int to) {
    const config *c = s->c;
    const char *name = s->g->tensors[t].name;
    for (size_t i = 0; i < c->n_input_edge_idx || (!i && !c->n_input_edge_idx); i++) {
        int n = 0;
        for (int k = 0; k < s->n_edges; k++) {
            struct edge *e = &s->edges[k];
            if (e->tensor != t) continue;
            if (c->n_input_edge_idx && (uint32_t)e->number != c->input_edge_idx[i]) continue;
            CHECK_FIELD(s, !e->moved, "input_edge_idx",
                        "input_edge_idx %d of input '%s' has an aipp_op already", e->number, name);
            e->moved = true;
            n++;
            if (e->node < 0) s->g->outputs[e->slot] = to;
            else s->g->nodes[e->node].inputs[e->slot] = to;
        }
        CHECK_FIELD(s, n || !c->n_input_edge_idx, "input_edge_idx",
                    "input_edge_idx is %u; so many nodes do not read input '%s' (counted from 0)",
                    c->input_edge_idx[i], name);
    }
    return STATUS_OK;
}

/* The input becomes the pictures; several aipp_op behind one input must agree on them. */
static enum status set_pictures(const struct insertion *s, int t, struct shape shape) {
    struct source *from = &s->sources[s->input];
    struct tensor *x = &s->g->tensors[t];
    char one[128], other[128];
    CHECK_FIELD(s, !from->parts || shape_equal(&x->shape, &shape), "input_edge_idx",
                "the aipp_op of input '%s' take pictures of different sizes, %s and %s", x->name,
                shape_text(&x->shape, one), shape_text(&shape, other));
    from->parts = s->c->n_input_edge_idx > 0;
    from->whole = !from->parts;
    x->dtype = DT_U8;
    x->shape = shape;
    return STATUS_OK;
}

/* Aipp, and behind it what brings its result to the type and layout the model takes. */
static enum status add_nodes(const struct insertion *s, const struct target *t, int n_from,
                             const int *from, int *node, int *out) {
    struct graph *g = s->g;
    enum dtype made = made_type(t->dtype);
    int other;
    TRY(append(g, OP_Aipp, "aipp", t->tensor, n_from, from, made, node, out));
    TRY(node_set_string(g, *node, "dtype", dtype_name(made)));
    if (s->options->nhwc) {
        TRY(append(g, OP_Transpose, "aipp_nhwc", t->tensor, 1, (int[]){*out}, made, &other, out));
        TRY(node_set_ints(g, other, "perm", 4, (int64_t[]){0, 2, 3, 1}));
    }
    if (t->dtype != made) {
        TRY(append(g, OP_Cast, "aipp_cast", t->tensor, 1, (int[]){*out}, t->dtype, &other, out));
        TRY(node_set_string(g, other, "to", dtype_name(t->dtype)));
    }
    return STATUS_OK;
}

static enum status find_target(struct insertion *s, struct target *t) {
    struct graph *g = s->g;
    const config *c = s->c;
    s->input = (int)c->related_input_rank;
    CHECK_FIELD(s, c->related_input_rank < (uint32_t)s->n_inputs, "related_input_rank",
                "related_input_rank is %u; the model has %d inputs, counted from 0",
                c->related_input_rank, s->n_inputs);
    if (c->related_input_name) {
        int by_name = 0;
        while (by_name < s->n_inputs &&
               strcmp(g->tensors[g->inputs[by_name]].name, c->related_input_name))
            by_name++;
        CHECK_FIELD(s, by_name < s->n_inputs, "related_input_name",
                    "related_input_name '%.200s' is no input of the model (prusik info lists them)",
                    c->related_input_name);
        CHECK_FIELD(s, !c->has_related_input_rank || by_name == s->input, "related_input_name",
                    "related_input_name '%.200s' is input %d; related_input_rank says %d",
                    c->related_input_name, by_name, s->input);
        s->input = by_name;
    }
    t->tensor = g->inputs[s->input];
    const char *name = g->tensors[t->tensor].name;
    const struct source *x = &s->sources[s->input];
    const char *field = c->related_input_name ? "related_input_name" : "related_input_rank";
    char text[128];
    CHECK_FIELD(s, !x->whole && (!x->parts || c->n_input_edge_idx), field,
                "input '%s' has an aipp_op already", name);
    const int *order = s->options->nhwc ? (int[]){3, 1, 2} : (int[]){1, 2, 3};
    bool known = x->shape.rank == 4;
    for (int i = 0; known && i < 3; i++) {
        int64_t n = x->shape.dim[order[i]];
        known = (n > 0 && n <= AIPP_MAX_OUTPUT) || (i > 0 && n == -1);
        t->chw[i] = (int)n;
    }
    CHECK_FIELD(s, known, field,
                "input '%s' is %s; pictures are made for inputs of four sizes, %s, of which height "
                "and width are at most %d", name, shape_text(&x->shape, text),
                s->options->nhwc ? "NHWC" : "NCHW", AIPP_MAX_OUTPUT);
    CHECK_FIELD(s, x->dtype == DT_F32 || x->dtype == DT_F16 || x->dtype == DT_U8, field,
                "input '%s' has type %s; pictures are made as floats or bytes", name,
                dtype_name(x->dtype));
    t->dtype = x->dtype;
    t->batch = x->shape.dim[0];
    return STATUS_OK;
}

/* What CANN allows where a run chooses sizes. */
static enum status check_choice(const struct insertion *s, const struct target *t) {
    const config *c = s->c;
    const char *name = s->g->tensors[t->tensor].name;
    CHECK_FIELD(s, s->dynamic.kind != DYNAMIC_RANGE || (!is_open(t) && t->batch >= 0), NULL,
                "--input_shape_range leaves sizes of input '%s' open, and static AIPP makes "
                "pictures of one size; use 'aipp_mode: dynamic', or give this input fixed sizes",
                name);
    if (!is_open(t)) return STATUS_OK;
    CHECK_FIELD(s, s->dynamic.kind == DYNAMIC_IMAGE, NULL,
                "the height or width of input '%s' is open without --dynamic_image_size", name);
    const struct {
        const char *field;
        bool on;
    } fields[] = {{"crop", c->crop}, {"padding", c->padding}, {"resize", c->resize}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        CHECK_FIELD(s, !fields[i].on, fields[i].field,
                    "%s is on; with --dynamic_image_size static AIPP neither crops, pads nor "
                    "resizes, as the pictures have the size that each run chooses",
                    fields[i].field);
    const char *size = c->src_image_size_w ? "src_image_size_w" : "src_image_size_h";
    CHECK_FIELD(s, !c->src_image_size_w && !c->src_image_size_h, size,
                "%s is given; with --dynamic_image_size the pictures have the size that each run "
                "chooses: leave it out, or write 0", size);
    return STATUS_OK;
}

/* The parameters at each gear, checked; those of the last remain. */
static enum status check_gears(const struct insertion *s, const struct target *t, struct aipp *a) {
    for (int i = 0; i < s->dynamic.n_gears; i++) {
        const int64_t *hw = s->dynamic.values + 2 * i;
        char gear[128];
        CHECK_FIELD(s, hw[0] <= AIPP_MAX_SIZE && hw[1] <= AIPP_MAX_SIZE, NULL,
                    "at the gear %s: pictures have at most %d pixels each way",
                    dynamic_text(&s->dynamic, i, gear), AIPP_MAX_SIZE);
        const int chw[3] = {t->chw[0], (int)hw[0], (int)hw[1]};
        read_static(s->c, s->c->input_format, chw[0], chw[1], chw[2], a);
        TRY(check_static(s, a, chw));
    }
    return STATUS_OK;
}

static enum status insert_static(struct insertion *s, struct target *t) {
    const config *c = s->c;
    struct aipp a;
    CHECK_FIELD(s, c->has_input_format, NULL,
                "input_format is missing; static AIPP needs the format of the pictures");
    const char *format = "";
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&aipp__aipp_op__format__descriptor, c->input_format);
    if (v) format = v->name;
    if (!aipp_format_name(c->input_format))
        FAIL_FIELD(s, STATUS_UNSUPPORTED, "input_format",
                   "input_format %s is not available; pictures have 8 bits: YUV420SP_U8, "
                   "YUV400_U8, RGB888_U8, XRGB8888_U8, ARGB8888_U8, YUYV_U8, YUV422SP_U8, "
                   "AYUV444_U8", format);
    struct shape pictures;
    TRY(check_choice(s, t));
    if (is_open(t)) {
        TRY(check_gears(s, t, &a));
        pictures = aipp_picture_shape(a.format, t->batch, 0, 0);
        pictures.dim[1] = pictures.dim[2] = -1;
        a.src_w = a.src_h = a.crop_w = a.crop_h = 0; /* as each run has them */
    } else {
        read_static(c, c->input_format, t->chw[0], t->chw[1], t->chw[2], &a);
        TRY(check_static(s, &a, t->chw));
        pictures = aipp_picture_shape(a.format, t->batch, a.src_h, a.src_w);
    }
    int node, out;
    TRY(add_nodes(s, t, 1, &t->tensor, &node, &out));
    TRY(aipp_to_node(s->g, node, &a));
    TRY(set_pictures(s, t->tensor, pictures));
    return move_edges(s, t->tensor, out);
}

/* ---- dynamic ---- */

static enum status check_dynamic(const struct insertion *s) {
    static const char *const own[] = {"aipp_mode", "related_input_rank", "related_input_name",
                                      "input_edge_idx", "max_src_image_size", "support_rotation"};
    const config *c = s->c;
    const char *foreign = NULL;
    for (const struct text_place *p = s->text->places; p; p = p->next) {
        bool mine = p->message != &c->base;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) mine |= !strcmp(own[i], p->field);
        if (!mine) foreign = p->field;
    }
    CHECK_FIELD(s, !foreign, foreign,
                "%s belongs to 'aipp_mode: static'; with dynamic AIPP the program sets it before "
                "each run (aclmdlSetInputAIPP)", foreign);
    CHECK_FIELD(s, c->max_src_image_size > 0, "max_src_image_size",
                "max_src_image_size is missing or 0; dynamic AIPP needs the bytes of the largest "
                "pictures to come");
    CHECK_FIELD(s, c->max_src_image_size <= INT32_MAX, "max_src_image_size",
                "max_src_image_size is %u; at most 2 GiB", c->max_src_image_size);
    return STATUS_OK;
}

/* The most pictures of a run. */
static int64_t most_pictures(const struct insertion *s, const struct target *t) {
    const struct dynamic *d = &s->dynamic;
    const struct dynamic_range *r = s->sources[s->input].ranges;
    if (t->batch >= 0) return t->batch;
    if (d->kind == DYNAMIC_BATCH) return d->values[d->largest];
    return r && r->high >= 0 && r->high < AIPP_MAX_IMAGES ? r->high : AIPP_MAX_IMAGES;
}

static enum status insert_dynamic(struct insertion *s, struct target *t) {
    struct graph *g = s->g;
    const bool open = is_open(t) || (s->dynamic.kind == DYNAMIC_RANGE && t->batch < 0);
    int64_t batch = most_pictures(s, t);
    TRY(check_dynamic(s));
    CHECK_FIELD(s, !is_open(t) || s->dynamic.kind == DYNAMIC_IMAGE ||
                s->dynamic.kind == DYNAMIC_RANGE, NULL,
                "the height or width of input '%s' is open without --dynamic_image_size or "
                "--input_shape_range", g->tensors[t->tensor].name);
    CHECK_FIELD(s, batch >= 1 && batch <= AIPP_MAX_IMAGES, NULL,
                "the batch of input '%s' is %lld; dynamic AIPP has parameters for at most %d "
                "pictures", g->tensors[t->tensor].name, (long long)batch, AIPP_MAX_IMAGES);
    CHECK_FIELD(s, t->chw[0] == 1 || t->chw[0] == 3 || t->chw[0] == 4, NULL,
                "input '%s' has %d channels; pictures have 1, 3 or 4", g->tensors[t->tensor].name,
                t->chw[0]);
    int64_t most = s->c->max_src_image_size, each = most / batch;
    CHECK_FIELD(s, each > 0, "max_src_image_size",
                "max_src_image_size is %lld, less than a byte for each of %lld pictures",
                (long long)most, (long long)batch);
    int data, node, out;
    TRY(graph_add_tensor(g, AIPP_DATA_NAME, DT_U8,
                         shape_from(1, (int64_t[]){AIPP_HEAD_BYTES + batch * AIPP_IMAGE_BYTES}),
                         &data));
    TRY(graph_add_input(g, data));
    TRY(add_nodes(s, t, 2, (int[]){t->tensor, data}, &node, &out));
    TRY(node_set_int(g, node, "max_src_image_size", most));
    if (open) {
        const int64_t room[4] = {t->batch, 4, t->chw[1], t->chw[2]};
        TRY(node_set_int(g, node, "channels", t->chw[0]));
        TRY(set_pictures(s, t->tensor, shape_from(4, room)));
    } else {
        TRY(node_set_ints(g, node, "output", 3, (int64_t[]){t->chw[0], t->chw[1], t->chw[2]}));
        TRY(set_pictures(s, t->tensor, shape_from(2, (int64_t[]){t->batch, each})));
    }
    return move_edges(s, t->tensor, out);
}

/* The ranges of all inputs, as those are now. */
static enum status set_ranges(const struct insertion *s) {
    struct graph *g = s->g;
    if (s->dynamic.kind != DYNAMIC_RANGE) return STATUS_OK;
    char *all = arena_strdup(s->arena, "range ");
    for (int i = 0; i < g->n_inputs && all; i++) {
        const struct shape *now = &g->tensors[g->inputs[i]].shape;
        const bool changed = i >= s->n_inputs || s->sources[i].whole || s->sources[i].parts;
        const int *order = changed && s->options->nhwc ? (int[]){0, 3, 1, 2} : (int[]){0, 1, 2, 3};
        if (i) all = arena_printf(s->arena, "%s;", all);
        for (int k = 0; k < now->rank && all; k++) {
            const struct dynamic_range *r =
                i < s->n_inputs && now->dim[k] < 0
                    ? &s->sources[i].ranges[changed ? order[k] : k] : NULL;
            const char *comma = k ? "," : "";
            if (!r) all = arena_printf(s->arena, "%s%s%" PRId64, all, comma, now->dim[k]);
            else if (r->high < 0)
                all = arena_printf(s->arena, "%s%s%" PRId64 "~", all, comma, r->low);
            else all = arena_printf(s->arena, "%s%s%" PRId64 "~%" PRId64, all, comma, r->low,
                                    r->high);
        }
    }
    CHECK(all, STATUS_MEMORY, "out of memory for the ranges of inputs");
    return graph_set_meta(g, DYNAMIC_META, all);
}

/* ---- the file ---- */

static enum status insert(struct insertion *s) {
    const config *c = s->c;
    struct target t;
    CHECK_FIELD(s, c->aipp_mode == AIPP__AIPP_OP__MODE__static ||
                c->aipp_mode == AIPP__AIPP_OP__MODE__dynamic, c->has_aipp_mode ? "aipp_mode" : NULL,
                "aipp_mode is %s; write static or dynamic",
                c->has_aipp_mode ? "undefined" : "missing");
    TRY(find_target(s, &t));
    return c->aipp_mode == AIPP__AIPP_OP__MODE__static ? insert_static(s, &t)
                                                       : insert_dynamic(s, &t);
}

static void add_edge(struct insertion *s, int t, int node, int slot, int number) {
    s->edges[s->n_edges++] = (struct edge){t, node, slot, number, false};
}

static enum status find_edges(struct insertion *s) {
    const struct graph *g = s->g;
    size_t most = (size_t)g->n_outputs + 1;
    for (int i = 0; i < g->n_nodes; i++) most += (size_t)g->nodes[i].n_inputs;
    s->sources = mem_calloc((size_t)g->n_inputs + 1, sizeof *s->sources);
    s->edges = mem_calloc(most, sizeof *s->edges);
    CHECK(s->sources && s->edges, STATUS_MEMORY, "out of memory for preprocessing");
    const struct dynamic_range *ranges = s->dynamic.ranges;
    for (int i = 0; i < g->n_inputs; i++) {
        const int t = g->inputs[i], before = s->n_edges;
        s->sources[i].dtype = g->tensors[t].dtype;
        s->sources[i].shape = g->tensors[t].shape;
        s->sources[i].ranges = ranges;
        if (ranges) ranges += g->tensors[t].shape.rank;
        for (int n = 0; n < g->n_nodes; n++)
            for (int k = 0; k < g->nodes[n].n_inputs; k++)
                if (g->nodes[n].inputs[k] == t)
                    add_edge(s, t, n, k, s->n_edges - before);
        for (int k = 0; k < g->n_outputs; k++)
            if (g->outputs[k] == t)
                add_edge(s, t, -1, k, s->n_edges - before);
    }
    return STATUS_OK;
}

static enum status insert_each(struct insertion *s) {
    const Aipp__Config *all = (const Aipp__Config *)s->text->message;
    CHECK(all->n_aipp_op, STATUS_ARGUMENT, "%s:1:1: there is no aipp_op { ... } in it",
          s->options->name);
    for (size_t i = 0; i < all->n_aipp_op; i++) {
        s->c = all->aipp_op[i];
        s->index = (int)i;
        TRY(insert(s));
    }
    for (int i = 0; i < s->n_edges; i++)
        for (int k = 0; k < s->n_inputs; k++)
            CHECK_FIELD(s, s->edges[i].moved || s->edges[i].tensor != s->g->inputs[k] ||
                           !s->sources[k].parts, "input_edge_idx",
                        "no aipp_op has input_edge_idx %d of input '%s', which would get bare "
                        "pictures", s->edges[i].number, s->g->tensors[s->edges[i].tensor].name);
    TRY(set_ranges(s));
    TRY(graph_sort(s->g));
    TRY(graph_infer(s->g));
    return graph_verify(s->g);
}

enum status aipp_insert(struct graph *g, const char *text, size_t n_bytes,
                        const struct aipp_options *options) {
    struct text_message m;
    enum status status = text_unpack(
        &aipp__config__descriptor, text, n_bytes,
        &(struct text_options){.name = options->name, .max_depth = 4, .max_bytes = 1 << 20,
                               .max_fields = 1 << 14, .keep_places = true}, &m);
    if (status != STATUS_OK) return status == STATUS_FORMAT ? STATUS_ARGUMENT : status;
    struct arena arena;
    arena_init(&arena, 0);
    struct insertion s = {.g = g, .arena = &arena, .options = options, .text = &m,
                          .n_inputs = g->n_inputs};
    status = dynamic_read(g, &arena, &s.dynamic);
    if (status == STATUS_OK) status = find_edges(&s);
    if (status == STATUS_OK) status = insert_each(&s);
    arena_deinit(&arena);
    mem_free(s.sources);
    mem_free(s.edges);
    text_message_deinit(&m);
    return status;
}
