/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory the program got from us: a map from addresses to blocks, so that freeing twice, freeing
 * what is not ours, and running past the end of a block are recognised.
 */
#ifndef PK_ACL_MEMORY_H
#define PK_ACL_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl_base.h"

struct check_place; /* check.h */

enum memory_kind { MEMORY_DEVICE, MEMORY_HOST, MEMORY_DVPP, MEMORY_CONFIG, MEMORY_KINDS };

struct memory_block;

struct memory_map {
    pthread_rwlock_t lock;
    struct memory_block *root; /* a treap ordered by address */
    size_t n_blocks[MEMORY_KINDS], n_bytes[MEMORY_KINDS];
};

/* `slack` more bytes may be touched than were asked for. */
aclError memory_allocate(const char *call, enum memory_kind kind, size_t bytes, size_t alignment,
                         size_t slack, void **out);
/* `kind` is what the call frees; device and picture memory may stand for each other. */
aclError memory_release(const char *call, enum memory_kind kind, void *address);
/* Fails when address lies in a block of ours and the block ends before address + bytes. `what` says
 * in the sentence what the range is: "dst". */
aclError memory_check(const char *call, const char *what, const void *address, size_t bytes);
/* The kind of the block that an address lies in; MEMORY_KINDS if it is none of ours. */
enum memory_kind memory_kind_at(const void *address);
bool memory_is_block(enum memory_kind kind, const void *address);
/* Frees all blocks; inside aclFinalize. */
void memory_reset(void);
/* Tells of every block the program has; for the end of a process. */
void memory_visit(void (*tell)(const char *what, size_t bytes, const struct check_place *made));

#endif
