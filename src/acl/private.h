/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libascendcl.so offers its own side libraries (libacl_dvpp.so and others), so that a process
 * has one set of handles, one map of memory and one worker pool: a table behind the one private
 * symbol, _pk_private. It is no interface for programs and may change with every version; a side
 * library checks the version before it uses anything else.
 */
#ifndef PK_ACL_PRIVATE_H
#define PK_ACL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl_base.h"

enum { PK_PRIVATE_VERSION = 2 };

struct pk_private {
    uint32_t version;
    uint32_t bytes; /* of this struct */
    /* For calls that fail: records the sentence and returns the code. */
    aclError (*fail)(aclError code, const char *call, const char *format, ...);
    /* Picture memory: needs a current context. */
    aclError (*dvpp_malloc)(const char *call, size_t bytes, void **out);
    aclError (*dvpp_free)(const char *call, void *address);
    /* Multiply-adds of one run of a loaded model; 0 when its shapes decide. */
    int64_t (*model_macs)(uint32_t model_id);
    /* Fails when the range starts in a block of ours and runs past its end. */
    aclError (*memory_check)(const char *call, const char *what, const void *address, size_t bytes);
    /* Queues fn on a stream (NULL: the default one), with a copy of n_bytes at argument. */
    aclError (*run_on_stream)(const char *call, aclrtStream stream, aclError (*fn)(void *argument),
                              const void *argument, size_t n_bytes);
    void *(*mem_alloc)(size_t bytes);
    void (*mem_free)(void *p);
    /* Allocations of the core, for tests: see base/alloc.h. */
    void (*mem_fail_after)(uint64_t n, bool forever);
    uint64_t (*mem_total_allocations)(void);
    uint64_t (*mem_live_allocations)(void);
};

ACL_FUNC_VISIBILITY extern const struct pk_private _pk_private;

#endif
