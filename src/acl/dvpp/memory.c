/* SPDX-License-Identifier: Apache-2.0 */
/* libacl_dvpp.so: memory for picture functions. Reaches the core through _pk_private only. */
#include "acl/ops/acl_dvpp.h"
#include "acl/private.h"

static aclError check(const char *call) {
    if (_pk_private.version == PK_PRIVATE_VERSION) return ACL_SUCCESS;
    return _pk_private.fail(ACL_ERROR_RESOURCE_NOT_MATCH, call,
                            "libacl_dvpp.so and libascendcl.so are of different versions; install "
                            "both from one build");
}

aclError acldvppMalloc(void **devPtr, size_t size) {
    aclError code = check(__func__);
    if (code != ACL_SUCCESS) return code;
    if (!devPtr) return _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__, "devPtr is NULL");
    return _pk_private.dvpp_malloc(__func__, size, devPtr);
}

aclError acldvppFree(void *devPtr) {
    aclError code = check(__func__);
    return code == ACL_SUCCESS ? _pk_private.dvpp_free(__func__, devPtr) : code;
}
