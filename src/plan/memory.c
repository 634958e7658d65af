/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where buffers lie in the arena: greedy by size. Each buffer, largest first, takes the lowest
 * offset at which it overlaps no buffer that is alive at the same time. A step's inputs and outputs
 * are alive together, so no step ever works in place by accident.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "plan/plan.h"

enum status plan_add_buffer(struct plan *s, size_t bytes, int *out) {
    if (s->n_buffers == s->cap_buffers) {
        int cap = s->cap_buffers ? 2 * s->cap_buffers : 64;
        struct buffer *wider = mem_realloc(s->buffers, (size_t)cap * sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "out of memory while planning");
        s->buffers = wider;
        s->cap_buffers = cap;
    }
    size_t padded;
    CHECK(size_add(bytes, 2 * PK_ALIGNMENT - 1, &padded), STATUS_LIMIT, "a tensor is too large");
    s->buffers[s->n_buffers] = (struct buffer){.place = PLACE_ARENA, .first_step = -1};
    s->buffers[s->n_buffers].bytes = padded / PK_ALIGNMENT * PK_ALIGNMENT;
    *out = s->n_buffers++;
    return STATUS_OK;
}

enum status plan_ref(struct plan *s, const struct value *v, struct ref *ref) {
    if (v->buffer < 0) {
        *ref = (struct ref){.place = PLACE_CONSTANT, .constant = v->constant};
        return STATUS_OK;
    }
    struct buffer *b = &s->buffers[v->buffer];
    *ref = (struct ref){.place = b->place, .index = b->border, .offset = v->offset};
    if (b->place != PLACE_ARENA) return STATUS_OK;
    int step = s->p->n_steps - 1;
    if (b->first_step < 0) b->first_step = step;
    b->last_step = step;
    if (s->n_fixups == s->cap_fixups) {
        int cap = s->cap_fixups ? 2 * s->cap_fixups : 256;
        struct ref **wider = mem_realloc(s->fixups, (size_t)cap * sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "out of memory while planning");
        s->fixups = wider;
        s->cap_fixups = cap;
    }
    ref->index = v->buffer;
    s->fixups[s->n_fixups++] = ref;
    return STATUS_OK;
}

static int larger_first(const void *a, const void *b) {
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int by_offset(const void *a, const void *b) {
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

enum status plan_layout_memory(struct plan *s) {
    struct buffer **order = mem_alloc(((size_t)s->n_buffers * 2 + 1) * sizeof *order);
    CHECK(order, STATUS_MEMORY, "out of memory while planning");
    struct buffer **near = order + s->n_buffers;
    int n = 0;
    for (int i = 0; i < s->n_buffers; i++)
        if (s->buffers[i].place == PLACE_ARENA && s->buffers[i].first_step >= 0)
            order[n++] = &s->buffers[i];
    qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) {
        int n_near = 0;
        for (int j = 0; j < i; j++)
            if (order[j]->first_step <= order[i]->last_step &&
                order[i]->first_step <= order[j]->last_step)
                near[n_near++] = order[j];
        qsort(near, (size_t)n_near, sizeof *near, by_offset);
        size_t at = 0;
        for (int j = 0; j < n_near; j++) {
            if (at + order[i]->bytes <= near[j]->offset) break;
            size_t end = near[j]->offset + near[j]->bytes;
            if (end > at) at = end;
        }
        order[i]->offset = at;
        if (at + order[i]->bytes > s->p->arena_bytes) s->p->arena_bytes = at + order[i]->bytes;
    }
    mem_free(order);
    for (int i = 0; i < s->n_fixups; i++)
        s->fixups[i]->offset += s->buffers[s->fixups[i]->index].offset;
    return STATUS_OK;
}
