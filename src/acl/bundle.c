/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: several models in one file. The files of this library hold one model each, so a bundle
 * has one model, and that model's id is the bundle's. */
#include "acl/internal.h"
#include "acl/model.h"

aclError aclmdlBundleLoadFromFile(const char *modelPath, uint32_t *bundleId) {
    ACL_NEED(modelPath);
    ACL_NEED(bundleId);
    return model_load(__func__, &(struct model_source){.path = modelPath, .is_bundle = true},
                      bundleId);
}

aclError aclmdlBundleLoadFromMem(const void *model, size_t modelSize, uint32_t *bundleId) {
    ACL_NEED(bundleId);
    return model_load(
        __func__,
        &(struct model_source){.bytes = model, .n_bytes = modelSize, .is_bundle = true}, bundleId);
}

/* Fails unless the id is that of a bundle. */
static aclError need_bundle(const char *call, uint32_t id) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, id, &m, &handle));
    bool is_bundle = m->is_bundle;
    handle_release(handle);
    if (is_bundle) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "bundleId is %u, a model that was not loaded as a bundle; take the id from "
                    "aclmdlBundleLoadFromFile",
                    id);
}

aclError aclmdlBundleGetModelNum(uint32_t bundleId, size_t *modelNum) {
    ACL_NEED(modelNum);
    ACL_TRY(need_bundle(__func__, bundleId));
    *modelNum = 1;
    return ACL_SUCCESS;
}

aclError aclmdlBundleGetModelId(uint32_t bundleId, size_t index, uint32_t *modelId) {
    ACL_NEED(modelId);
    ACL_TRY(need_bundle(__func__, bundleId));
    ACL_CHECK(index == 0, ACL_ERROR_INVALID_PARAM, "index is %zu; the bundle has 1 model", index);
    *modelId = bundleId;
    return ACL_SUCCESS;
}

aclError aclmdlBundleUnload(uint32_t bundleId) {
    ACL_TRY(need_bundle(__func__, bundleId));
    return model_unload(__func__, bundleId);
}
