/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, working and writing at once. One thread reads items in order, several work on them, the
 * caller writes them in the order they were read. A ring of `capacity` items bounds what is under
 * way: who is ahead waits.
 */
#ifndef PK_CMD_PIPELINE_H
#define PK_CMD_PIPELINE_H

#include <stddef.h>

struct pipeline {
    int workers;       /* >= 1 */
    int capacity;      /* items under way, > workers */
    size_t item_bytes; /* items are zeroed before read() */
    void *context;
    /* 1: an item; 0: there are no more. In the reading thread. */
    int (*read)(void *context, void *item);
    /* Returns 0, or -1 when this thread cannot work at all; then nothing runs. May be NULL. */
    int (*begin)(void *context, int worker);
    void (*work)(void *context, int worker, void *item);
    /* 0, or -1: stop. Frees what the item holds either way. In the caller's thread. */
    int (*write)(void *context, void *item);
    /* Whether an item may be lost when the ring is full, instead of waiting; drop() then frees it.
     * NULL: never. */
    int (*may_drop)(void *context, const void *item);
    void (*drop)(void *context, void *item);
};

/* 0, or -1 when a thread could not begin or write() said so; what was read is freed. */
int pipeline_run(const struct pipeline *p);

#endif
