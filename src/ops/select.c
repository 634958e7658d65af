/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that choose elements by value: TopK, NonZero, Unique, NonMaxSuppression. */
#include <inttypes.h>
#include <math.h>

#include "base/alloc.h"
#include "ops/boxes.h"
#include "ops/elements.h"

/* -1, 0, 1 as element a of v comes before, with or after element b; NaN is larger than all. */
static int compare(const struct view *v, int64_t a, int64_t b) {
    if (dtype_is_float(v->dtype)) {
        double x = get(v, a), y = get(v, b);
        if (x != x || y != y) return (x != x) - (y != y);
        return (x > y) - (x < y);
    }
    int64_t x = view_get_i64(v, a), y = view_get_i64(v, b);
    bool is_u64 = v->dtype == DT_U64;
    return elements_less(y, x, is_u64) - elements_less(x, y, is_u64);
}

/* ---- TopK ---- */

static enum status infer_top_k(struct op_call *c) {
    struct shape s = c->in[0].shape;
    int64_t k;
    bool known;
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_int(c, 1, &k, &known));
    OP_CHECK(c, !known || k >= 0, STATUS_ARGUMENT, "k is %" PRId64, k);
    if (s.rank >= 0) {
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", -1), s.rank, &axis));
        OP_CHECK(c, !known || s.dim[axis] < 0 || k <= s.dim[axis], STATUS_ARGUMENT,
                 "k is %" PRId64 ", but the axis has %" PRId64 " elements", k, s.dim[axis]);
        s.dim[axis] = known ? k : -1;
    }
    TRY(op_output_bounded(c, 0, c->in[0].dtype, s));
    return op_output_bounded(c, 1, DT_I64, s);
}

struct lane {
    const struct view *x;
    int64_t start, step;
    bool largest;
};

/* Ties go to the lower index, so the order is total. */
static bool lane_before(const void *context, int64_t a, int64_t b) {
    const struct lane *l = context;
    int order = compare(l->x, l->start + a * l->step, l->start + b * l->step);
    if (order == 0) return a < b;
    return l->largest ? order > 0 : order < 0;
}

static enum status run_top_k(struct op_call *c) {
    const struct view *x = &c->in[0];
    int axis;
    TRY(op_confirm_outputs(c));
    TRY(op_axis(c, node_int(c->node, "axis", -1), x->shape.rank, &axis));
    int64_t k = view_get_i64(&c->in[1], 0), size = x->shape.dim[axis];
    int64_t outer = shape_span(&x->shape, 0, axis);
    int64_t inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    struct lane lane = {.x = x, .step = inner, .largest = node_int(c->node, "largest", 1)};
    size_t bytes = dtype_size(x->dtype);
    /* The indices output holds a heap of the best k so far; without it there is memory of ours. */
    int64_t *own = NULL;
    if (!op_has_output(c, 1)) {
        own = mem_calloc((size_t)k + 1, sizeof *own);
        OP_CHECK(c, own, STATUS_MEMORY, "out of memory");
    }
    for (int64_t lane_at = 0; lane_at < outer * inner && k; lane_at++) {
        int64_t o = lane_at / inner, in = lane_at % inner, to = o * k * inner + in;
        int64_t *heap = own ? own : (int64_t *)c->out[1].data + to, step = own ? 1 : inner;
        lane.start = o * size * inner + in;
        for (int64_t i = 0; i < k; i++) heap[i * step] = i;
        for (int64_t i = k / 2 - 1; i >= 0; i--)
            index_heap_sift(heap, step, k, i, lane_before, &lane);
        for (int64_t i = k; i < size; i++) {
            if (!lane_before(&lane, i, heap[0])) continue;
            heap[0] = i;
            index_heap_sift(heap, step, k, 0, lane_before, &lane);
        }
        index_sort(heap, step, k, lane_before, &lane);
        for (int64_t i = 0; i < k && op_has_output(c, 0); i++)
            memcpy((char *)c->out[0].data + (size_t)(to + i * inner) * bytes,
                   (const char *)x->data + (size_t)(lane.start + heap[i * step] * inner) * bytes,
                   bytes);
    }
    mem_free(own);
    return STATUS_OK;
}

const struct op_def op_def_TopK = {
    .name = "TopK", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 2,
    .infer = infer_top_k, .run = run_top_k,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {"largest", ATTR_INT},
                                        {"sorted", ATTR_INT}, {0}},
};

/* ---- NonZero ---- */

static enum status infer_non_zero(struct op_call *c) {
    struct shape s = {.rank = 2, .dim = {c->in[0].shape.rank, -1}};
    op_output(c, 0, DT_I64, s);
    return STATUS_OK;
}

static bool is_zero(const struct view *v, int64_t i) {
    return dtype_is_float(v->dtype) ? get(v, i) == 0 : view_get_i64(v, i) == 0;
}

static enum status run_non_zero(struct op_call *c) {
    const struct view *x = &c->in[0];
    int64_t n = shape_elements(&x->shape), count = 0, index[SHAPE_MAX_RANK] = {0};
    int rank = x->shape.rank;
    for (int64_t i = 0; i < n; i++) count += !is_zero(x, i);
    TRY(op_set_output_shape(c, 0, (struct shape){.rank = 2, .dim = {rank, count}}));
    int64_t *y = c->out[0].data, to = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!is_zero(x, i)) {
            for (int d = 0; d < rank; d++) y[d * count + to] = index[d];
            to++;
        }
        for (int d = rank - 1; d >= 0 && ++index[d] == x->shape.dim[d]; d--) index[d] = 0;
    }
    return STATUS_OK;
}

const struct op_def op_def_NonZero = {
    .name = "NonZero", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .flags = OP_LATE_SHAPE, .infer = infer_non_zero, .run = run_non_zero,
};

/* ---- Unique ---- */

static enum status infer_unique(struct op_call *c) {
    struct shape s = {.rank = 1, .dim = {-1}}, list = s;
    if (node_attr(c->node, "axis")) {
        s = c->in[0].shape;
        int axis;
        if (s.rank >= 0) {
            TRY(op_axis(c, node_int(c->node, "axis", 0), s.rank, &axis));
            s.dim[axis] = -1;
        }
    }
    op_output(c, 0, c->in[0].dtype, s);
    for (int i = 1; i < 4; i++) op_output(c, i, DT_I64, list);
    return STATUS_OK;
}

/* Slices of a tensor along an axis, compared element by element. */
struct slices {
    const struct view *x;
    int64_t outer, size, inner;
};

static int slice_compare(const struct slices *s, int64_t a, int64_t b) {
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int64_t row = o * s->size;
            int order = compare(s->x, (row + a) * s->inner + i, (row + b) * s->inner + i);
            if (order) return order;
        }
    return 0;
}

static bool slice_before(const void *context, int64_t a, int64_t b) {
    int order = slice_compare(context, a, b);
    return order ? order < 0 : a < b;
}

static bool first_before(const void *context, int64_t a, int64_t b) {
    const int64_t *first = context;
    return first[a] < first[b];
}

/* Writes the outputs from the groups: group g has its first slice at first[g], rank[g] in the
 * output, count[g] members; group_of[i] is slice i's. */
static enum status write_unique(struct op_call *c, const struct slices *s, struct shape shape,
                                int axis, int64_t n, const int64_t *first, const int64_t *order,
                                const int64_t *rank, const int64_t *count,
                                const int64_t *group_of) {
    shape.dim[axis] = n;
    TRY(op_set_output_shape(c, 0, shape));
    TRY(op_set_output_shape(c, 1, shape_from(1, &n)));
    TRY(op_set_output_shape(c, 2, shape_from(1, &s->size)));
    TRY(op_set_output_shape(c, 3, shape_from(1, &n)));
    size_t bytes = (size_t)s->inner * dtype_size(s->x->dtype);
    for (int64_t o = 0; op_has_output(c, 0) && o < s->outer && bytes; o++)
        for (int64_t k = 0; k < n; k++)
            memcpy((char *)c->out[0].data + (size_t)(o * n + k) * bytes,
                   (const char *)s->x->data + (size_t)(o * s->size + first[order[k]]) * bytes,
                   bytes);
    for (int64_t k = 0; k < n; k++) {
        if (op_has_output(c, 1)) ((int64_t *)c->out[1].data)[k] = first[order[k]];
        if (op_has_output(c, 3)) ((int64_t *)c->out[3].data)[k] = count[order[k]];
    }
    for (int64_t i = 0; op_has_output(c, 2) && i < s->size; i++)
        ((int64_t *)c->out[2].data)[i] = rank[group_of[i]];
    return STATUS_OK;
}

static enum status run_unique(struct op_call *c) {
    const struct view *x = &c->in[0];
    struct slices s = {.x = x, .outer = 1, .size = shape_elements(&x->shape), .inner = 1};
    struct shape shape = {.rank = 1};
    int axis = 0;
    if (node_attr(c->node, "axis")) {
        TRY(op_axis(c, node_int(c->node, "axis", 0), x->shape.rank, &axis));
        shape = x->shape;
        s.outer = shape_span(&shape, 0, axis);
        s.size = shape.dim[axis];
        s.inner = shape_span(&shape, axis + 1, shape.rank);
    }
    size_t room;
    OP_CHECK(c, size_mul((size_t)s.size + 1, 6, &room), STATUS_LIMIT, "the axis is too long");
    int64_t *sorted = mem_calloc(room, sizeof *sorted);
    OP_CHECK(c, sorted, STATUS_MEMORY, "out of memory for %" PRId64 " indices", s.size);
    int64_t *first = sorted + s.size + 1, *order = first + s.size + 1, *rank = order + s.size + 1;
    int64_t *count = rank + s.size + 1, *group_of = count + s.size + 1, n = 0;
    for (int64_t i = 0; i < s.size; i++) sorted[i] = i;
    index_sort(sorted, 1, s.size, slice_before, &s);
    for (int64_t i = 0; i < s.size; i++) {
        if (i == 0 || slice_compare(&s, sorted[i - 1], sorted[i]) != 0) {
            first[n] = sorted[i];
            order[n] = n;
            n++;
        }
        count[n - 1]++;
        group_of[sorted[i]] = n - 1;
    }
    if (!node_int(c->node, "sorted", 1)) index_sort(order, 1, n, first_before, first);
    for (int64_t k = 0; k < n; k++) rank[order[k]] = k;
    enum status status =
        write_unique(c, &s, shape, axis, n, first, order, rank, count, group_of);
    mem_free(sorted);
    return status;
}

const struct op_def op_def_Unique = {
    .name = "Unique", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 4,
    .flags = OP_LATE_SHAPE, .infer = infer_unique, .run = run_unique,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {"sorted", ATTR_INT}, {0}},
};

/* ---- NonMaxSuppression ---- */

static enum status infer_nms(struct op_call *c) {
    const struct shape *boxes = &c->in[0].shape, *scores = &c->in[1].shape;
    char a[128], b[128];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_dtype(c, 1, DTYPES_FLOAT));
    OP_CHECK(c, (boxes->rank < 0 || boxes->rank == 3) && (scores->rank < 0 || scores->rank == 3),
             STATUS_SHAPE, "boxes are %s and scores %s; both need rank 3", shape_text(boxes, a),
             shape_text(scores, b));
    if (boxes->rank == 3 && scores->rank == 3) {
        bool fits = (boxes->dim[2] < 0 || boxes->dim[2] == 4) &&
                    (boxes->dim[0] < 0 || scores->dim[0] < 0 || boxes->dim[0] == scores->dim[0]) &&
                    (boxes->dim[1] < 0 || scores->dim[2] < 0 || boxes->dim[1] == scores->dim[2]);
        OP_CHECK(c, fits, STATUS_SHAPE,
                 "boxes %s and scores %s are not [batch, n, 4] and [batch, classes, n]",
                 shape_text(boxes, a), shape_text(scores, b));
    }
    op_output(c, 0, DT_I64, shape_of(2, -1, 3));
    return STATUS_OK;
}

static struct box read_box(const struct view *boxes, int64_t i, bool center) {
    float v[4];
    for (int k = 0; k < 4; k++) v[k] = (float)get(boxes, i * 4 + k);
    if (center) {
        float x = v[0], y = v[1], w = v[2] / 2, h = v[3] / 2;
        return (struct box){x - w, y - h, x + w, y + h};
    }
    return (struct box){fminf(v[1], v[3]), fminf(v[0], v[2]), fmaxf(v[1], v[3]),
                        fmaxf(v[0], v[2])};
}

struct nms {
    const struct view *boxes, *scores;
    int64_t n_boxes, max_boxes;
    float iou, score;
    bool scored, center;
    int64_t *order;   /* candidates of one class, n_boxes */
    struct box *kept; /* boxes selected in it, n_boxes */
    int64_t *chosen;  /* triples found so far */
    int64_t n_chosen, capacity;
};

/* Selects within one class of one batch item; false when out of memory. */
static bool nms_class(struct nms *s, int64_t batch, int64_t class, int64_t n_classes) {
    int64_t first = (batch * n_classes + class) * s->n_boxes, n = 0, n_kept = 0;
    for (int64_t i = 0; i < s->n_boxes; i++)
        if (!s->scored || get(s->scores, first + i) > s->score) s->order[n++] = i;
    struct lane lane = {.x = s->scores, .start = first, .step = 1, .largest = true};
    index_sort(s->order, 1, n, lane_before, &lane);
    for (int64_t k = 0; k < n && n_kept < s->max_boxes; k++) {
        struct box box = read_box(s->boxes, batch * s->n_boxes + s->order[k], s->center);
        bool free_of_others = true;
        for (int64_t i = 0; i < n_kept && free_of_others; i++)
            free_of_others = box_overlap(&box, &s->kept[i], 0) <= s->iou;
        if (!free_of_others) continue;
        s->kept[n_kept++] = box;
        if (s->n_chosen == s->capacity) {
            int64_t wider = s->capacity ? 2 * s->capacity : 64;
            int64_t *more = mem_realloc(s->chosen, (size_t)wider * 3 * sizeof *more);
            if (!more) return false;
            s->chosen = more;
            s->capacity = wider;
        }
        int64_t *triple = s->chosen + 3 * s->n_chosen++;
        triple[0] = batch;
        triple[1] = class;
        triple[2] = s->order[k];
    }
    return true;
}

static enum status run_nms(struct op_call *c) {
    struct nms s = {.boxes = &c->in[0], .scores = &c->in[1], .n_boxes = c->in[0].shape.dim[1],
                    .center = node_int(c->node, "center_point_box", 0)};
    double iou = 0, score = 0;
    bool known;
    TRY(op_known_int(c, 2, &s.max_boxes, &known));
    TRY(op_known_f64(c, 3, &iou, &known));
    TRY(op_known_f64(c, 4, &score, &s.scored));
    OP_CHECK(c, iou >= 0 && iou <= 1, STATUS_ARGUMENT, "iou_threshold %g is outside 0..1", iou);
    s.iou = (float)iou;
    s.score = (float)score;
    int64_t n_batch = s.scores->shape.dim[0], n_classes = s.scores->shape.dim[1];
    s.order = mem_calloc((size_t)s.n_boxes + 1, sizeof *s.order);
    s.kept = mem_calloc((size_t)s.n_boxes + 1, sizeof *s.kept);
    bool enough = s.order && s.kept;
    for (int64_t b = 0; b < n_batch && enough && s.max_boxes > 0 && s.n_boxes; b++)
        for (int64_t k = 0; k < n_classes && enough; k++) enough = nms_class(&s, b, k, n_classes);
    enum status status = STATUS_OK;
    if (!enough) {
        status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for %" PRId64 " boxes",
                   s.n_boxes);
        status = op_fail(c, STATUS_MEMORY);
    } else {
        status = op_set_output_shape(c, 0, (struct shape){.rank = 2, .dim = {s.n_chosen, 3}});
        if (status == STATUS_OK && s.n_chosen && op_has_output(c, 0))
            memcpy(c->out[0].data, s.chosen, (size_t)s.n_chosen * 3 * sizeof *s.chosen);
    }
    mem_free(s.chosen);
    mem_free(s.kept);
    mem_free(s.order);
    return status;
}

const struct op_def op_def_NonMaxSuppression = {
    .name = "NonMaxSuppression", .min_inputs = 2, .max_inputs = 5, .min_outputs = 1,
    .max_outputs = 1, .flags = OP_LATE_SHAPE, .infer = infer_nms, .run = run_nms,
    .attrs = (const struct attr_spec[]){{"center_point_box", ATTR_INT}, {0}},
};
