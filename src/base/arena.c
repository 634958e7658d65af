/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_BYTES = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* bytes after this header */
    bool lent;
    _Alignas(64) unsigned char data[];
};

void arena_init(struct arena *a, size_t budget_bytes) {
    *a = (struct arena){.budget_bytes = budget_bytes};
}

void arena_deinit(struct arena *a) {
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        if (!b->lent) mem_free(b);
    }
    *a = (struct arena){0};
}

void arena_lend(struct arena *a, void *memory, size_t bytes) {
    const size_t before = (PK_ALIGNMENT - (uintptr_t)memory % PK_ALIGNMENT) % PK_ALIGNMENT;
    if (bytes < before + sizeof(struct arena_block)) return;
    struct arena_block *b = (struct arena_block *)((unsigned char *)memory + before);
    *b = (struct arena_block){.next = a->blocks, .size = bytes - before - sizeof *b, .lent = true};
    a->blocks = b;
}

void arena_adopt(struct arena *a, struct arena *from) {
    struct arena_block **end = &a->blocks;
    while (*end) end = &(*end)->next;
    *end = from->blocks;
    a->used_bytes += from->used_bytes;
    *from = (struct arena){0};
}

static void *take(struct arena *a, size_t bytes, size_t align) {
    if (bytes > SIZE_MAX / 2) return NULL;
    if (a->budget_bytes && bytes > a->budget_bytes - a->used_bytes) return NULL;
    struct arena_block *b = a->blocks;
    size_t at = b ? (b->used + align - 1) / align * align : 0;
    if (!b || at > b->size || bytes > b->size - at) {
        /* A large object gets a block of its own, put second so that the open block stays open. */
        bool own = bytes > BLOCK_BYTES / 4;
        size_t size = own ? bytes : BLOCK_BYTES;
        struct arena_block *fresh = mem_alloc_aligned(sizeof *fresh + size);
        if (!fresh) return NULL;
        *fresh = (struct arena_block){.size = size};
        if (own && b) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            a->blocks = fresh;
        }
        b = fresh;
        at = 0;
    }
    b->used = at + bytes;
    a->used_bytes += bytes;
    return b->data + at;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    void *p = take(a, bytes, 16);
    if (p) memset(p, 0, bytes);
    return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t bytes) {
    size_t all;
    return size_mul(n, bytes, &all) ? arena_alloc(a, all) : NULL;
}

void *arena_alloc_data(struct arena *a, size_t bytes) { return take(a, bytes, PK_ALIGNMENT); }

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    char *p = arena_alloc(a, n + 1);
    if (p && n) memcpy(p, s, n); /* n 0 may come with s NULL */
    return p;
}
char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return p;
}
