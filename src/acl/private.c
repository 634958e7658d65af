/* SPDX-License-Identifier: Apache-2.0 */
/* The table for side libraries; see private.h. */
#include "acl/private.h"

#include <stddef.h>
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/op.h"
#include "base/alloc.h"
#include "base/env.h"
#include "exec/model.h"

static aclError dvpp_malloc(const char *call, size_t bytes, void **out) {
    ACL_TRY(context_need(call));
    return memory_allocate(call, MEMORY_DVPP, bytes, 128, 0, out);
}

static aclError dvpp_free(const char *call, void *address) {
    ACL_TRY(runtime_need_started(call));
    return memory_release(call, MEMORY_DVPP, address);
}

static int64_t macs_of(uint32_t model_id) {
    struct loaded *m;
    void *handle;
    if (model_get("bench", model_id, &m, &handle) != ACL_SUCCESS) return 0;
    int64_t macs = model_macs(m->model);
    handle_release(handle);
    return macs;
}

struct closure {
    aclError (*fn)(void *argument);
    void (*drop)(void *argument);
    max_align_t argument[];
};

static aclError run_closure(struct stream *s, struct task *t) {
    (void)s;
    struct closure *c = t->closure;
    return c->fn(c->argument);
}

static void drop_closure(struct task *t) {
    if (t->closure->drop) t->closure->drop(t->closure->argument);
    mem_free(t->closure);
}

static aclError run_on_stream(const char *call, aclrtStream stream, aclError (*fn)(void *argument),
                              void (*drop)(void *argument), const void *argument, size_t n_bytes) {
    struct closure *c = mem_alloc(sizeof *c + n_bytes);
    if (!c) {
        if (drop) drop((void *)argument);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a task of a stream");
    }
    c->fn = fn;
    c->drop = drop;
    memcpy(c->argument, argument, n_bytes);
    struct task t = {.fn = run_closure, .drop = drop_closure, .closure = c};
    struct stream *s;
    void *held;
    aclError code = stream_get(stream, call, &s, &held);
    if (code != ACL_SUCCESS) {
        drop_closure(&t);
        return code;
    }
    code = stream_submit(s, &t, call);
    handle_release(held);
    return code;
}

static const char *strict_chip(void) { return env_string(ENV_STRICT); }

const struct pk_private _pk_private = {
    .version = PK_PRIVATE_VERSION,
    .bytes = sizeof(struct pk_private),
    .fail = acl_fail,
    .log = acl_log,
    .dvpp_malloc = dvpp_malloc,
    .dvpp_free = dvpp_free,
    .model_macs = macs_of,
    .memory_check = memory_check,
    .context_need = context_need,
    .need_started = runtime_need_started,
    .strict_chip = strict_chip,
    .soc_name = aclrtGetSocName,
    .run_on_stream = run_on_stream,
    .handle_create = handle_create,
    .handle_release = handle_release,
    .handle_retire = handle_retire,
    .handle_fail = handle_fail,
    .handle_get = handle_get,
    .profile_open = profile_open,
    .profile_start = profile_start,
    .profile_stop = profile_stop,
    .profile_close = profile_close,
    .profile_set_storage = profile_set_storage,
    .profile_mark = profile_mark,
    .profile_range_begin = profile_range_begin,
    .profile_pop = profile_pop,
    .profile_range_end = profile_range_end,
    .profile_step = profile_step,
    .profile_subscribe = profile_subscribe,
    .profile_unsubscribe = profile_unsubscribe,
    .op_compile = op_compile,
    .op_create_handle = op_create_handle,
    .op_execute = op_execute,
    .op_print_graph = op_print_graph,
    .op_option_set = op_option_set,
    .op_option_get = op_option_get,
    .mem_alloc = mem_alloc,
    .mem_free = mem_free,
    .mem_fail_after = mem_fail_after,
    .mem_total_allocations = mem_total_allocations,
    .mem_live_allocations = mem_live_allocations,
};
