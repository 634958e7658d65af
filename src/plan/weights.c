/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed weights, each form made once per model however many programs use it.
 *
 * Forms lie side by side in a few blocks, so that large pages are of use to small layers, too. A
 * form gets its place when it is asked for; it is packed when the whole program is planned, by all
 * threads, while the memory that the constants came in is given back: what a load takes at most is
 * little more than what it ends with.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/program.h"

/* MOST_BLOCK bounds what a model may claim to need, SMALL what is not worth waking a thread for,
 * and a chunk is a large page of constants. */
enum { MOST_BLOCK = 64 << 20, SMALL = 256 << 10, CHUNK = 2 << 20, MOST_TILES = 1 << 16 };

struct constant {
    const void *data;
    size_t bytes;
};

struct entry {
    struct entry *next;
    struct constant from[2];
    size_t signature_bytes, packed_bytes;
    void (*pack)(const void *context, void *memory);
    void *packed;
    _Alignas(16) unsigned char signature[]; /* and behind it, aligned as well, the context */
};

struct block {
    struct block *next;
    size_t size, used, filled;
    unsigned char *memory;
};

struct weight_store {
    struct entry *entries;
    struct block *blocks; /* the open one first */
    size_t block_bytes, bytes;
    struct entry **pending; /* not packed yet */
    int n_pending, cap_pending;
    size_t pending_bytes;
};

enum status weight_store_create(size_t expected_bytes, struct weight_store **out) {
    *out = mem_calloc(1, sizeof **out);
    CHECK(*out, STATUS_MEMORY, "out of memory");
    (*out)->block_bytes = expected_bytes < MOST_BLOCK ? expected_bytes : MOST_BLOCK;
    return STATUS_OK;
}

void weight_store_destroy(struct weight_store *s) {
    if (!s) return;
    for (struct entry *e = s->entries, *next; e; e = next) {
        next = e->next;
        mem_free(e);
    }
    for (struct block *b = s->blocks, *next; b; b = next) {
        next = b->next;
        mem_free(b->memory);
        mem_free(b);
    }
    mem_free(s->pending);
    mem_free(s);
}

size_t weight_store_bytes(const struct weight_store *s) { return s->bytes; }

/* ---- places ---- */

static size_t aligned(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

static void *take(struct weight_store *s, size_t bytes) {
    struct block *b = s->blocks;
    if (!b || bytes > b->size - b->used) {
        const bool own = bytes >= s->block_bytes;
        struct block *fresh = mem_calloc(1, sizeof *fresh);
        if (!fresh) return NULL;
        fresh->size = mem_rounded(own ? bytes : s->block_bytes);
        fresh->memory = mem_reserve(fresh->size);
        if (!fresh->memory) {
            mem_free(fresh);
            return NULL;
        }
        /* A block for one form goes second, so that the open one stays open. */
        struct block **place = own && b ? &b->next : &s->blocks;
        fresh->next = *place;
        *place = fresh;
        b = fresh;
    }
    void *p = b->memory + b->used;
    b->used += bytes;
    return p;
}

static bool same(const struct entry *e, const struct constant *from, const struct packing *how) {
    return e->from[0].data == from[0].data && e->from[1].data == from[1].data &&
           e->packed_bytes == how->packed_bytes && e->signature_bytes == how->signature_bytes &&
           !memcmp(e->signature, how->signature, how->signature_bytes);
}

static enum status grow_pending(struct weight_store *s) {
    if (s->n_pending < s->cap_pending) return STATUS_OK;
    int wider = s->cap_pending ? 2 * s->cap_pending : 64;
    struct entry **fresh = mem_realloc(s->pending, (size_t)wider * sizeof(struct entry *));
    CHECK(fresh, STATUS_MEMORY, "out of memory while planning");
    s->pending = fresh;
    s->cap_pending = wider;
    return STATUS_OK;
}

enum status weight_store_get(struct weight_store *s, const struct tensor *source,
                             const struct tensor *second, const struct packing *how,
                             const void **out) {
    const struct constant from[2] = {
        {source->data, source->data_bytes},
        {second ? second->data : NULL, second ? second->data_bytes : 0},
    };
    for (struct entry *e = s->entries; e; e = e->next)
        if (same(e, from, how)) {
            *out = e->packed;
            return STATUS_OK;
        }
    TRY(grow_pending(s));
    const size_t context_at = aligned(how->signature_bytes, 16);
    struct entry *e = mem_calloc(1, sizeof *e + context_at + how->context_bytes);
    const size_t room = how->packed_bytes < SIZE_MAX / 2 ? aligned(how->packed_bytes, PK_ALIGNMENT)
                                                         : SIZE_MAX / 2;
    void *packed = e ? take(s, room) : NULL;
    if (!packed) {
        mem_free(e);
        FAIL(STATUS_MEMORY, "out of memory for %zu bytes of packed weights", how->packed_bytes);
    }
    *e = (struct entry){.next = s->entries, .from = {from[0], from[1]}, .pack = how->pack,
                        .signature_bytes = how->signature_bytes,
                        .packed_bytes = how->packed_bytes, .packed = packed};
    memcpy(e->signature, how->signature, how->signature_bytes);
    memcpy(e->signature + context_at, how->context, how->context_bytes);
    s->entries = e;
    s->pending[s->n_pending++] = e;
    s->pending_bytes += how->packed_bytes;
    s->bytes += how->packed_bytes;
    *out = packed;
    return STATUS_OK;
}

/* ---- packing ---- */

struct filling {
    struct weight_store *store;
    int n_tiles;
    unsigned char *lent;
    size_t lent_bytes;
    atomic_int *readers; /* of each chunk of the lent memory; NULL: none is given back */
};

static int chunks(size_t bytes) { return (int)((bytes + CHUNK - 1) / CHUNK); }

static void give_back(const struct filling *f, int chunk) {
    const size_t at = (size_t)chunk * CHUNK, left = f->lent_bytes - at;
    mem_will_not_read(f->lent + at, left < CHUNK ? left : CHUNK);
}

/* Adds `change` to the readers of the chunks that the constants of e lie in. */
static void count_readers(const struct filling *f, const struct entry *e, int change) {
    for (int i = 0; i < 2; i++) {
        const size_t at = (uintptr_t)e->from[i].data - (uintptr_t)f->lent;
        const size_t bytes = e->from[i].bytes;
        if (!e->from[i].data || !bytes || at >= f->lent_bytes) continue;
        for (size_t k = at / CHUNK; k <= (at + bytes - 1) / CHUNK; k++)
            if (atomic_fetch_add(&f->readers[k], change) == -change) give_back(f, (int)k);
    }
}

static int tiles_of(void *context, int step) {
    (void)step;
    return ((const struct filling *)context)->n_tiles;
}

static void pack_some(void *context, int step, int tile, int worker) {
    (void)step;
    (void)worker;
    const struct filling *f = context;
    const int64_t n = f->store->n_pending;
    for (int64_t i = n * tile / f->n_tiles; i < n * (tile + 1) / f->n_tiles; i++) {
        struct entry *e = f->store->pending[i];
        e->pack(e->signature + aligned(e->signature_bytes, 16), e->packed);
        if (f->readers) count_readers(f, e, -1);
    }
}

void weight_store_fill(struct weight_store *s, struct pool *pool, void *lent, size_t lent_bytes) {
    struct filling f = {.store = s, .lent = lent, .lent_bytes = lent ? lent_bytes : 0,
                        .n_tiles = s->n_pending < MOST_TILES ? s->n_pending : MOST_TILES};
    for (struct block *b = s->blocks; b; b = b->next) {
        const size_t end = mem_rounded(b->used) <= b->size ? mem_rounded(b->used) : b->used;
        if (b->used > b->filled) mem_will_fill(b->memory + b->filled, end - b->filled);
        b->filled = b->used;
    }
    /* Without memory for the counts the lent memory goes later, as a whole. */
    if (f.lent_bytes && f.lent_bytes / CHUNK < INT32_MAX)
        f.readers = mem_calloc((size_t)chunks(f.lent_bytes), sizeof *f.readers);
    if (f.readers) {
        for (int i = 0; i < s->n_pending; i++) count_readers(&f, s->pending[i], 1);
        for (int k = 0; k < chunks(f.lent_bytes); k++)
            if (atomic_load(&f.readers[k]) == 0) give_back(&f, k);
    }
    pool_run(pool, 1, tiles_of, pack_some, &f, s->pending_bytes < SMALL ? 1 : 0);
    mem_free(f.readers);
    s->n_pending = 0;
    s->pending_bytes = 0;
}
