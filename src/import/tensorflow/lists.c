/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tensors, which loops read from and write to: TensorArrays of TensorFlow 1 and
 * TensorLists of TensorFlow 2. They exist only while importing.
 *
 * An output that is a list has its number, counted down from TF_LIST. A list never changes: writing
 * makes another one. Of a TensorArray it is the flow that counts; the handle is not looked at.
 */
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

enum { MAX_LENGTH = 1 << 16, MAX_LISTS = 1 << 20 };

struct tf_list {
    int n;
    int *item; /* tensors; -1: still in `whole`, or not written yet */
    int whole; /* the tensor that was cut along its first dimension; -1: none */
};

static bool is_array(const struct tf_node *n) { return !strncmp(n->def->op, "TensorArray", 11); }

bool tf_is_list_operator(const struct tf_node *n) {
    return is_array(n) || !strncmp(n->def->op, "TensorList", 10) ||
           !strcmp(n->def->op, "EmptyTensorList");
}

/* A new list as output `output`, with items that are not written yet, or those of `from`. */
static enum status add_list(struct tf_node *n, int output, int length, const struct tf_list *from,
                            struct tf_list **out) {
    struct tf_importer *im = n->im;
    CHECK(length >= 0 && length <= MAX_LENGTH && im->n_lists < MAX_LISTS, STATUS_LIMIT,
          "%s '%s': a list of %d tensors, or more than %d lists", n->def->op, n->def->name, length,
          MAX_LISTS);
    if (im->n_lists == im->cap_lists) {
        int cap = 2 * im->cap_lists + 16;
        struct tf_list *wider = arena_calloc(im->arena, (size_t)cap, sizeof *wider);
        CHECK(wider, STATUS_MEMORY, NO_MEMORY);
        if (im->n_lists) memcpy(wider, im->lists, (size_t)im->n_lists * sizeof *wider);
        im->lists = wider;
        im->cap_lists = cap;
    }
    struct tf_list *l = &im->lists[im->n_lists];
    *l = (struct tf_list){.n = length, .whole = from ? from->whole : -1};
    l->item = arena_calloc(im->arena, (size_t)length + 1, sizeof *l->item);
    CHECK(l->item, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < length; i++) l->item[i] = from && i < from->n ? from->item[i] : -1;
    *out = l;
    return tf_result(n, output, TF_LIST - im->n_lists++);
}

/* The list behind an input; a copy, because adding lists may move them. */
static enum status read_list(struct tf_node *n, int i, struct tf_list *out) {
    TRY(tf_need_inputs(n, i + 1));
    CHECK(n->inputs[i] <= TF_LIST && TF_LIST - n->inputs[i] < n->im->n_lists, STATUS_FORMAT,
          "%s '%s': input %d is no list of tensors", n->def->op, n->def->name, i);
    *out = n->im->lists[TF_LIST - n->inputs[i]];
    return STATUS_OK;
}

/* Input i is a tensor, not a list. */
static enum status need_tensor(struct tf_node *n, int i) {
    TRY(tf_need_inputs(n, i + 1));
    CHECK(n->inputs[i] >= 0, STATUS_FORMAT, "%s '%s': input %d is no tensor", n->def->op,
          n->def->name, i);
    return STATUS_OK;
}

/* The number behind input i. */
static enum status read_number(struct tf_node *n, int i, int64_t *out) {
    int count;
    TRY(need_tensor(n, i));
    TRY(tf_input_ints(n, i, out, 1, &count));
    if (count != 1) return tf_unsupported(n, "an index or a length is no constant");
    return STATUS_OK;
}

/* Item i as a tensor. */
static enum status read_item(struct tf_node *n, const struct tf_list *l, int64_t i, int *out) {
    int in[2] = {l->whole};
    CHECK(i >= 0 && i < l->n, STATUS_FORMAT, "%s '%s': there is no item %lld of %d", n->def->op,
          n->def->name, (long long)i, l->n);
    *out = l->item[i];
    if (*out >= 0) return STATUS_OK;
    if (l->whole < 0)
        return tf_unsupported(n, "item %lld of its list was never written", (long long)i);
    TRY(tf_scalar(n, DT_I64, (double)i, &in[1]));
    return tf_add(n, OP_Gather, 2, in, ATTRS(A_INT("axis", 0)), out);
}

/* ---- operators ---- */

/* TensorArrayV3(size), TensorListReserve(shape, size), EmptyTensorList(shape, most) */
enum status tf_list_reserve(struct tf_node *n) {
    int64_t size = 0;
    struct tf_list *l;
    if (strcmp(n->def->op, "EmptyTensorList")) TRY(read_number(n, is_array(n) ? 0 : 1, &size));
    if (tf_failed(n)) return STATUS_OK;
    CHECK(size >= 0 && size <= MAX_LENGTH, STATUS_LIMIT, "%s '%s' has %lld items", n->def->op,
          n->def->name, (long long)size);
    TRY(add_list(n, 0, (int)size, NULL, &l));
    return is_array(n) ? tf_result(n, 1, n->outputs[0]) : STATUS_OK;
}

/* TensorListFromTensor(x, shape), TensorArrayScatterV3(handle, indices, x, flow) */
enum status tf_list_fill(struct tf_node *n) {
    int x = is_array(n) ? 2 : 0, count = 0;
    struct tf_list *l, old;
    TRY(need_tensor(n, x));
    const struct shape *s = &tf_input(n, x)->shape;
    if (s->rank < 1 || s->dim[0] < 0)
        return tf_unsupported(n, "how many items its tensor has is not known");
    CHECK(s->dim[0] <= MAX_LENGTH, STATUS_LIMIT, "%s '%s' has %lld items", n->def->op, n->def->name,
          (long long)s->dim[0]);
    int length = (int)s->dim[0];
    struct tf_list whole = {.whole = n->inputs[x]};
    if (!is_array(n)) return add_list(n, 0, length, &whole, &l);
    TRY(read_list(n, 3, &old));
    TRY(need_tensor(n, 1));
    int64_t *index = arena_calloc(n->im->arena, (size_t)length + 1, sizeof *index);
    CHECK(index, STATUS_MEMORY, NO_MEMORY);
    TRY(tf_input_ints(n, 1, index, length, &count));
    if (count != length) return tf_unsupported(n, "its indices are no constants");
    bool in_order = old.n <= length;
    int longest = old.n;
    for (int i = 0; i < length; i++) {
        CHECK(index[i] >= 0 && index[i] < MAX_LENGTH, STATUS_FORMAT, "%s '%s' writes item %lld",
              n->def->op, n->def->name, (long long)index[i]);
        in_order &= index[i] == i;
        if (index[i] >= longest) longest = (int)index[i] + 1;
    }
    if (in_order) return add_list(n, 0, length, &whole, &l);
    TRY(add_list(n, 0, longest, &old, &l));
    int made = n->im->n_lists - 1;
    whole.n = length;
    whole.item = arena_calloc(n->im->arena, (size_t)length + 1, sizeof *whole.item);
    CHECK(whole.item, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < length; i++) {
        whole.item[i] = -1;
        TRY(read_item(n, &whole, i, &n->im->lists[made].item[index[i]]));
    }
    return STATUS_OK;
}

/* TensorListGetItem(list, i, shape), TensorArrayReadV3(handle, i, flow) */
enum status tf_list_get(struct tf_node *n) {
    struct tf_list l;
    int64_t i;
    int t;
    TRY(read_list(n, is_array(n) ? 2 : 0, &l));
    TRY(read_number(n, 1, &i));
    if (tf_failed(n)) return STATUS_OK;
    TRY(read_item(n, &l, i, &t));
    return tf_failed(n) ? STATUS_OK : tf_result(n, 0, t);
}

/* TensorListSetItem(list, i, x), TensorArrayWriteV3(handle, i, x, flow), TensorListPushBack(list,
 * x)
 */
enum status tf_list_set(struct tf_node *n) {
    struct tf_list old, *l;
    bool push = !strcmp(n->def->op, "TensorListPushBack");
    TRY(read_list(n, is_array(n) ? 3 : 0, &old));
    int64_t i = old.n;
    if (!push) TRY(read_number(n, 1, &i));
    TRY(need_tensor(n, push ? 1 : 2));
    if (tf_failed(n)) return STATUS_OK;
    CHECK(i >= 0 && i < MAX_LENGTH, STATUS_FORMAT, "%s '%s' writes item %lld", n->def->op,
          n->def->name, (long long)i);
    TRY(add_list(n, 0, i >= old.n ? (int)i + 1 : old.n, &old, &l));
    l->item[i] = n->inputs[push ? 1 : 2];
    return STATUS_OK;
}

/* TensorListLength(list), TensorArraySizeV3(handle, flow) */
enum status tf_list_length(struct tf_node *n) {
    struct tf_list l;
    int t;
    TRY(read_list(n, is_array(n) ? 1 : 0, &l));
    TRY(tf_scalar(n, DT_I32, l.n, &t));
    return tf_result(n, 0, t);
}

/* All items, or those that are asked for, behind each other: TensorListStack(list, shape),
 * TensorListGather(list, indices, shape), TensorArrayGatherV3(handle, indices, flow), and without a
 * dimension of their own TensorListConcatV2(list, ..), TensorArrayConcatV3(handle, flow). */
enum status tf_list_join(struct tf_node *n) {
    bool gather = strstr(n->def->op, "Gather"), concat = strstr(n->def->op, "Concat");
    struct tf_list l;
    int axes, count;
    TRY(read_list(n, !is_array(n) ? 0 : gather ? 2 : 1, &l));
    if (gather) TRY(need_tensor(n, 1));
    int64_t zero = 0, wanted = gather ? shape_elements(&tf_input(n, 1)->shape) : l.n;
    if (wanted < 0 || wanted > MAX_LENGTH)
        return tf_unsupported(n, "its indices are no constants, or too many");
    int length = (int)wanted;
    int64_t *index = arena_calloc(n->im->arena, (size_t)length + 1, sizeof *index);
    CHECK(index, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < length; i++) index[i] = i;
    if (gather) {
        TRY(tf_input_ints(n, 1, index, length, &count));
        if (count != length) return tf_unsupported(n, "its indices are no constants");
    }
    bool whole = l.whole >= 0 && length == l.n && !concat;
    for (int i = 0; i < length && whole; i++) whole = index[i] == i && l.item[i] < 0;
    if (whole) return tf_finish(n, OP_Identity, 1, &l.whole, NULL);
    if (!length) return tf_unsupported(n, "its list is empty");
    int *parts = arena_calloc(n->im->arena, (size_t)length, sizeof *parts);
    CHECK(parts, STATUS_MEMORY, NO_MEMORY);
    TRY(tf_ints(n, 1, &zero, &axes));
    for (int i = 0; i < length; i++) {
        TRY(read_item(n, &l, index[i], &parts[i]));
        if (tf_failed(n)) return STATUS_OK;
        if (!concat) TRY(tf_add(n, OP_Unsqueeze, 2, (int[]){parts[i], axes}, NULL, &parts[i]));
    }
    TRY(tf_finish(n, OP_Concat, length, parts, ATTRS(A_INT("axis", 0))));
    if (!concat || tf_failed(n)) return STATUS_OK;
    int64_t *rows = arena_calloc(n->im->arena, (size_t)length, sizeof *rows);
    CHECK(rows, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < length; i++) {
        const struct shape *s = &n->im->g->tensors[parts[i]].shape;
        rows[i] = s->rank > 0 ? s->dim[0] : -1;
        if (rows[i] < 0) return STATUS_OK; /* the second output is not there to be read */
    }
    int t;
    TRY(tf_ints(n, length, rows, &t));
    return tf_result(n, 1, t);
}
