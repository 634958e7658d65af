/* SPDX-License-Identifier: Apache-2.0 */
/* The table for side libraries; see private.h. */
#include "acl/private.h"

#include "acl/internal.h"
#include "base/alloc.h"

static aclError dvpp_malloc(const char *call, size_t bytes, void **out) {
    ACL_TRY(context_need(call));
    return memory_allocate(call, MEMORY_DVPP, bytes, 128, 0, out);
}

static aclError dvpp_free(const char *call, void *address) {
    ACL_TRY(runtime_need_started(call));
    return memory_release(call, MEMORY_DVPP, address);
}

const struct pk_private _pk_private = {
    .version = PK_PRIVATE_VERSION,
    .bytes = sizeof(struct pk_private),
    .fail = acl_fail,
    .dvpp_malloc = dvpp_malloc,
    .dvpp_free = dvpp_free,
    .mem_fail_after = mem_fail_after,
    .mem_total_allocations = mem_total_allocations,
    .mem_live_allocations = mem_live_allocations,
};
