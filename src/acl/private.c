/* SPDX-License-Identifier: Apache-2.0 */
/* The table for side libraries; see private.h. */
#include "acl/private.h"

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"
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

const struct pk_private _pk_private = {
    .version = PK_PRIVATE_VERSION,
    .bytes = sizeof(struct pk_private),
    .fail = acl_fail,
    .dvpp_malloc = dvpp_malloc,
    .dvpp_free = dvpp_free,
    .model_macs = macs_of,
    .mem_fail_after = mem_fail_after,
    .mem_total_allocations = mem_total_allocations,
    .mem_live_allocations = mem_live_allocations,
};
