/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked mode, PRUSIK_CHECK: mistakes with memory that a card punishes and a CPU forgives, or
 * that show only much later. Each is reported as a line of the log; with PRUSIK_CHECK=2 the call
 * fails, too. Off, it costs one look at the variable per call.
 *
 * Freed blocks are kept back for a while, filled with a pattern, so that their use is recognised
 * instead of hitting whoever got the memory next.
 */
#ifndef PK_ACL_CHECK_H
#define PK_ACL_CHECK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl_rt.h"
#include "base/env.h"

/* Where the program stood when it made a call. */
struct check_place {
    const char *call; /* NULL: not noted */
    void *address;    /* in the program; NULL: not known */
};

struct check {
    pthread_mutex_t lock;
    struct check_freed *oldest, *newest;
    size_t n_bytes; /* of all that is kept back */
    int n_reports;  /* since aclInit */
};

static inline bool check_is_on(void) { return env_int(ENV_CHECK) > 0; }

struct check_place check_place(const char *call);
/* Takes the memory of a block that `call` frees. `base` is what mem_free wants in the end. */
void check_keep(const char *call, void *base, uintptr_t address, size_t bytes,
                struct check_place made);
/* Fails (PRUSIK_CHECK=2) or reports when the range touches a block that was freed. */
aclError check_range(const char *call, const char *what, const void *address, size_t bytes);
/* What there is to say of an address that is to be freed again; false if it is not known. */
bool check_freed_before(const void *address, char *text, size_t room);
/* A copy whose kind says another side than the memory is on. */
aclError check_copy_sides(const char *call, const void *dst, const void *src, aclrtMemcpyKind kind);
/* A model's buffer that did not come from AscendCL. */
aclError check_model_buffer(const char *call, const char *side, const void *address);
void check_leak(const char *what, size_t bytes, const struct check_place *made);
/* Looks at what is kept back, frees it, and says how many mistakes there were. */
void check_finish(void);

#endif
