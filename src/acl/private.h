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
#include "acl/acl_op.h"
#include "acl/handle.h"
#include "acl/profile.h"

enum { PK_PRIVATE_VERSION = 7 };

enum { N_OP_OPTIONS = 17 }; /* values of aclCompileOpt */

/* The arguments most calls of single operators have in common. */
struct op_arguments {
    const char *type;
    int n_inputs, n_outputs;
    const aclTensorDesc *const *inputs, *const *outputs;
    const aclopAttr *attr;
};

struct pk_private {
    uint32_t version;
    uint32_t bytes; /* of this struct */
    /* For calls that fail: records the sentence and returns the code. */
    aclError (*fail)(aclError code, const char *call, const char *format, ...);
    void (*log)(aclLogLevel level, const char *format, ...);
    /* Picture memory: needs a current context. */
    aclError (*dvpp_malloc)(const char *call, size_t bytes, void **out);
    aclError (*dvpp_free)(const char *call, void *address);
    /* Multiply-adds of one run of a loaded model; 0 when its shapes decide. */
    int64_t (*model_macs)(uint32_t model_id);
    /* Fails when the range starts in a block of ours and runs past its end. */
    aclError (*memory_check)(const char *call, const char *what, const void *address, size_t bytes);
    aclError (*context_need)(const char *call);
    aclError (*need_started)(const char *call);
    /* PRUSIK_STRICT and PRUSIK_SOC. */
    const char *(*strict_chip)(void);
    const char *(*soc_name)(void);
    /* Queues fn on a stream (NULL: the default one), with a copy of n_bytes at argument. drop, if
     * any, is called once with the copy, after fn or instead of it; when queueing fails, too. */
    aclError (*run_on_stream)(const char *call, aclrtStream stream, aclError (*fn)(void *argument),
                              void (*drop)(void *argument), const void *argument, size_t n_bytes);
    /* Handles; see handle.h. */
    void *(*handle_create)(enum handle_kind kind, void *object, void (*destroy)(void *object));
    void (*handle_release)(const void *handle);
    bool (*handle_retire)(const void *handle, enum handle_kind kind);
    aclError (*handle_fail)(const void *handle, enum handle_kind kind, const char *call,
                            const char *argument);
    void *(*handle_get)(const void *handle, enum handle_kind kind, const char *call,
                        const char *argument);
    /* Profiling; see profile.h. */
    aclError (*profile_open)(const char *call, const char *path);
    aclError (*profile_start)(const char *call, uint64_t types, uint64_t devices);
    aclError (*profile_stop)(const char *call, uint64_t types, uint64_t devices);
    aclError (*profile_close)(const char *call);
    aclError (*profile_set_storage)(const char *call, uint64_t megabytes);
    aclError (*profile_mark)(const char *call, const char *message);
    aclError (*profile_range_begin)(const char *call, enum profile_kind kind, const char *message,
                                    uint32_t *number);
    aclError (*profile_pop)(const char *call);
    aclError (*profile_range_end)(const char *call, uint32_t number);
    aclError (*profile_step)(const char *call, uint32_t number, bool is_end, aclrtStream stream);
    aclError (*profile_subscribe)(const char *call, uint32_t model, bool with_times,
                                  int descriptor);
    aclError (*profile_unsubscribe)(const char *call, uint32_t model);
    /* Single operators; see op.h. */
    aclError (*op_compile)(const char *call, const struct op_arguments *a);
    aclError (*op_create_handle)(const char *call, const struct op_arguments *a, aclopHandle **out);
    aclError (*op_execute)(const char *call, const struct op_arguments *a,
                           const aclDataBuffer *const *inputs, aclDataBuffer *const *outputs,
                           aclTensorDesc *const *descs, aclrtStream stream);
    aclError (*op_print_graph)(const char *call, const struct op_arguments *a,
                               const aclDataBuffer *const *inputs, const char *path);
    aclError (*op_option_set)(const char *call, int option, const char *value);
    size_t (*op_option_get)(int option, char *to, size_t n_bytes);
    void *(*mem_alloc)(size_t bytes);
    void (*mem_free)(void *p);
    /* Allocations of the core, for tests: see base/alloc.h. */
    void (*mem_fail_after)(uint64_t n, bool forever);
    uint64_t (*mem_total_allocations)(void);
    uint64_t (*mem_live_allocations)(void);
};

ACL_FUNC_VISIBILITY extern const struct pk_private _pk_private;

#endif
