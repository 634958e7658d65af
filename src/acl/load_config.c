/* SPDX-License-Identifier: Apache-2.0 */
/* Loading by settings: what aclmdlSetConfigOpt collects and aclmdlLoadWithConfig uses. */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

enum { MAX_PRIORITY = 7 };

struct load_config {
    pthread_mutex_t lock;
    size_t type; /* ACL_MDL_LOAD_*; 0: not set */
    char *path;
    struct model_source source; /* .path is not used */
    struct queue_ids inputs, outputs;
};

static void config_destroy(void *object) {
    struct load_config *c = object;
    pthread_mutex_destroy(&c->lock);
    mem_free(c->path);
    mem_free(c);
}

aclmdlConfigHandle *aclmdlCreateConfigHandle(void) {
    struct load_config *c = mem_calloc(1, sizeof *c);
    if (c) pthread_mutex_init(&c->lock, NULL);
    return handle_make(HANDLE_LOAD_CONFIG, c, config_destroy, __func__);
}

aclError aclmdlDestroyConfigHandle(aclmdlConfigHandle *handle) {
    return handle_end(handle, HANDLE_LOAD_CONFIG, __func__, "handle");
}

static aclError set_path(const char *call, struct load_config *c, const void *value) {
    const char *path;
    memcpy(&path, value, sizeof path);
    if (!path) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "the path is NULL");
    char *copy = mem_strdup(path);
    if (!copy) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a path");
    mem_free(c->path);
    c->path = copy;
    return ACL_SUCCESS;
}

/* Programs set it for every model, whether its weights are outside or not. */
static aclError note_weight_path(const char *call, const void *value) {
    const char *path;
    memcpy(&path, value, sizeof path);
    if (!path) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "the path of weights is NULL");
    acl_log(ACL_WARNING, "%s: ACL_MDL_WEIGHT_PATH_PTR '%s' is not looked at: models of this "
                         "library hold their weights", call, path);
    return ACL_SUCCESS;
}

/* A number that changes nothing here, but has a range all the same. */
static aclError check_number(const char *call, const char *name, int64_t value, int64_t most) {
    if (value >= 0 && value <= most) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s is %lld; it is 0 to %lld", name,
                    (long long)value, (long long)most);
}

/* Bytes of an attribute's value; 0 for none we know. */
static size_t value_bytes(aclmdlConfigAttr attr) {
    if (attr == ACL_MDL_PRIORITY_INT32) return sizeof(int32_t);
    if ((int)attr < 0 || attr > ACL_MDL_DYNAMIC_TASK_SIZET) return 0;
    return sizeof(size_t); /* sizes and addresses alike */
}

static aclError set_option(const char *call, struct load_config *c, aclmdlConfigAttr attr,
                           const void *value, size_t bytes) {
    struct model_source *s = &c->source;
    void *to = NULL;
    int32_t priority;
    size_t number;
    switch (attr) {
    case ACL_MDL_LOAD_TYPE_SIZET: to = &c->type; break;
    case ACL_MDL_PATH_PTR: return set_path(call, c, value);
    case ACL_MDL_MEM_ADDR_PTR: to = &s->bytes; break;
    case ACL_MDL_MEM_SIZET: to = &s->n_bytes; break;
    case ACL_MDL_WEIGHT_ADDR_PTR: to = &s->weights; break;
    case ACL_MDL_WEIGHT_SIZET: to = &s->weight_bytes; break;
    case ACL_MDL_WORKSPACE_ADDR_PTR: to = &s->work; break;
    case ACL_MDL_WORKSPACE_SIZET: to = &s->work_bytes; break;
    case ACL_MDL_PRIORITY_INT32:
        memcpy(&priority, value, sizeof priority);
        return check_number(call, "ACL_MDL_PRIORITY_INT32", priority, MAX_PRIORITY);
    case ACL_MDL_WORKSPACE_MEM_OPTIMIZE:
        memcpy(&number, value, sizeof number);
        return check_number(call, "ACL_MDL_WORKSPACE_MEM_OPTIMIZE",
                            number > INT64_MAX ? -1 : (int64_t)number,
                            ACL_WORKSPACE_MEM_OPTIMIZE_INPUTOUTPUT);
    case ACL_MDL_INPUTQ_NUM_SIZET: to = &c->inputs.n; break;
    case ACL_MDL_INPUTQ_ADDR_PTR: to = &c->inputs.ids; break;
    case ACL_MDL_OUTPUTQ_NUM_SIZET: to = &c->outputs.n; break;
    case ACL_MDL_OUTPUTQ_ADDR_PTR: to = &c->outputs.ids; break;
    case ACL_MDL_WEIGHT_PATH_PTR: return note_weight_path(call, value);
    case ACL_MDL_MODEL_DESC_PTR:
    case ACL_MDL_MODEL_DESC_SIZET:
    case ACL_MDL_KERNEL_PTR:
    case ACL_MDL_KERNEL_SIZET:
    case ACL_MDL_KERNEL_ARGS_PTR:
    case ACL_MDL_KERNEL_ARGS_SIZET:
    case ACL_MDL_STATIC_TASK_PTR:
    case ACL_MDL_STATIC_TASK_SIZET:
    case ACL_MDL_DYNAMIC_TASK_PTR:
    case ACL_MDL_DYNAMIC_TASK_SIZET: {
        /* The attributes alternate: address, size. */
        int part = (attr - ACL_MDL_MODEL_DESC_PTR) / 2;
        bool is_size = (attr - ACL_MDL_MODEL_DESC_PTR) % 2;
        to = is_size ? (void *)&s->parts[part].bytes : (void *)&s->parts[part].address;
        break;
    }
    }
    memcpy(to, value, bytes);
    return ACL_SUCCESS;
}

aclError aclmdlSetConfigOpt(aclmdlConfigHandle *handle, aclmdlConfigAttr attr,
                            const void *attrValue, size_t valueSize) {
    ACL_NEED(attrValue);
    size_t bytes = value_bytes(attr);
    ACL_CHECK(bytes, ACL_ERROR_INVALID_PARAM, "attr is %d; use a value of aclmdlConfigAttr",
              (int)attr);
    ACL_CHECK(valueSize == bytes, ACL_ERROR_INVALID_PARAM,
              "valueSize is %zu; attribute %d has %zu bytes", valueSize, (int)attr, bytes);
    struct load_config *c = handle_get(handle, HANDLE_LOAD_CONFIG, __func__, "handle");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&c->lock);
    aclError code = set_option(__func__, c, attr, attrValue, bytes);
    pthread_mutex_unlock(&c->lock);
    handle_release(handle);
    return code;
}

static aclError load_with(const char *call, const struct load_config *c, uint32_t *id) {
    struct model_source from = c->source;
    bool with_queues = c->type == ACL_MDL_LOAD_FROM_FILE_WITH_Q ||
                       c->type == ACL_MDL_LOAD_FROM_MEM_WITH_Q;
    bool from_file = c->type == ACL_MDL_LOAD_FROM_FILE ||
                     c->type == ACL_MDL_LOAD_FROM_FILE_WITH_MEM ||
                     c->type == ACL_MDL_LOAD_FROM_FILE_WITH_Q;
    from.with_memory = c->type == ACL_MDL_LOAD_FROM_FILE_WITH_MEM ||
                       c->type == ACL_MDL_LOAD_FROM_MEM_WITH_MEM;
    if (!from_file && !with_queues && !from.with_memory && c->type != ACL_MDL_LOAD_FROM_MEM)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "ACL_MDL_LOAD_TYPE_SIZET is %zu; set it to one of ACL_MDL_LOAD_*", c->type);
    if (from_file && !c->path)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "ACL_MDL_PATH_PTR is not set");
    from.path = from_file ? c->path : NULL;
    if (with_queues) return queue_model_load(call, &from, &c->inputs, &c->outputs, id);
    return model_load(call, &from, id);
}

aclError aclmdlLoadWithConfig(const aclmdlConfigHandle *handle, uint32_t *modelId) {
    ACL_NEED_STARTED();
    ACL_NEED(modelId);
    struct load_config *c = handle_get(handle, HANDLE_LOAD_CONFIG, __func__, "handle");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&c->lock);
    aclError code = load_with(__func__, c, modelId);
    pthread_mutex_unlock(&c->lock);
    handle_release(handle);
    return code;
}
