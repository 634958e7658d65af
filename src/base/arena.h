/* SPDX-License-Identifier: Apache-2.0 */
/* Many small objects of one lifetime: allocated one after the other, freed all at once.
 * Not thread safe. An optional budget bounds what hostile input can make us allocate. */
#ifndef PK_BASE_ARENA_H
#define PK_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used_bytes;          /* handed out over all blocks */
    size_t budget_bytes;        /* 0 = unlimited */
};

void arena_init(struct arena *a, size_t budget_bytes);
void arena_deinit(struct arena *a);
/* Takes from this memory first, which stays the caller's and lives longer than the arena. */
void arena_lend(struct arena *a, void *memory, size_t bytes);
/* Zeroed, 16-byte aligned; NULL when out of memory or over budget. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_calloc(struct arena *a, size_t count, size_t bytes);
/* 64-byte aligned and NOT zeroed: tensor data. */
void *arena_alloc_data(struct arena *a, size_t bytes);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Moves everything `from` holds into `a`; `from` is empty afterwards. */
void arena_adopt(struct arena *a, struct arena *from);

#endif
