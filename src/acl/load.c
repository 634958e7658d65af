/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading and unloading of models. An id is a number that is never given out twice in a process; it
 * leads to a handle, and the handle keeps the model while somebody runs it.
 */
#include <string.h>

#include "acl/dump.h"
#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"
#include "exec/model.h"
#include "om/om.h"

/* ---- codes ---- */

static aclError fail_read(enum status s, const char *call) {
    aclError code = ACL_ERROR_GE_LOAD_MODEL;
    switch (om_last_fault()) {
    case OM_FAULT_MISSING: code = ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID; break;
    case OM_FAULT_HEADER: code = ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID; break;
    case OM_FAULT_PARTITION: code = ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED; break;
    case OM_FAULT_WEIGHTS: code = ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED; break;
    case OM_FAULT_TASK: code = ACL_ERROR_GE_EXEC_LOAD_TASK_PARTITION_FAILED; break;
    case OM_FAULT_FOREIGN: code = ACL_ERROR_FEATURE_UNSUPPORTED; break;
    case OM_FAULT_MODEL:
    case OM_FAULT_NONE:
    case OM_FAULT_OTHER: break;
    }
    if (s == STATUS_MEMORY) code = ACL_ERROR_GE_MEMORY_ALLOCATION;
    if (s == STATUS_UNSUPPORTED) code = ACL_ERROR_FEATURE_UNSUPPORTED;
    return acl_fail(code, call, "%s", status_message());
}

static aclError fail_create(enum status s, const char *call) {
    aclError code = ACL_ERROR_GE_LOAD_MODEL;
    if (s == STATUS_MEMORY) code = ACL_ERROR_GE_MEMORY_ALLOCATION;
    if (s == STATUS_UNSUPPORTED) code = ACL_ERROR_FEATURE_UNSUPPORTED;
    return acl_fail(code, call, "%s", status_message());
}

/* ---- sources ---- */

/* Where a model comes from, and memory the program provides for it. */
struct source {
    const char *path; /* or */
    const void *bytes;
    size_t n_bytes;
    bool with_memory;
    const void *work, *weights;
    size_t work_bytes, weight_bytes;
};

static aclError read_source(const char *call, const struct source *from, struct graph **out) {
    if (from->path) {
        if (!from->path[0])
            return acl_fail(ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, call, "the model path is empty");
        enum status s = om_read_file(from->path, out);
        return s == STATUS_OK ? ACL_SUCCESS : fail_read(s, call);
    }
    if (!from->bytes) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "model is NULL");
    if (from->n_bytes == 0) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "modelSize is 0");
    ACL_TRY(memory_check(call, "model", from->bytes, from->n_bytes));
    enum status s = om_read_memory(from->bytes, from->n_bytes, out);
    return s == STATUS_OK ? ACL_SUCCESS : fail_read(s, call);
}

/* The program's memory is not used, but elsewhere it would be, so it has to do. */
static aclError check_memory(const char *call, const struct source *from,
                             const struct model_info *info) {
    if (!from->with_memory) return ACL_SUCCESS;
    if (from->work && from->work_bytes < info->work_bytes)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "workSize is %zu; model '%s' needs %zu (aclmdlQuerySize)",
                        from->work_bytes, info->name, info->work_bytes);
    if (from->weights && from->weight_bytes < info->weight_bytes)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "weightSize is %zu; model '%s' needs %zu (aclmdlQuerySize)",
                        from->weight_bytes, info->name, info->weight_bytes);
    if (from->work) ACL_TRY(memory_check(call, "workPtr", from->work, from->work_bytes));
    if (from->weights)
        ACL_TRY(memory_check(call, "weightPtr", from->weights, from->weight_bytes));
    return ACL_SUCCESS;
}

/* ---- the list of models ---- */

static void loaded_destroy(void *object) {
    struct loaded *m = object;
    model_free_runs(m);
    model_destroy(m->model);
    device_leave(m->device);
    dump_destroy(m->dump);
    model_info_release(m->info);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static uint32_t take_id(void) {
    pthread_rwlock_wrlock(&runtime.models_lock);
    uint32_t id = ++runtime.last_model_id;
    pthread_rwlock_unlock(&runtime.models_lock);
    return id;
}

static aclError list_model(const char *call, uint32_t id, void *handle) {
    aclError code = ACL_SUCCESS;
    pthread_rwlock_wrlock(&runtime.models_lock);
    if (runtime.n_models == runtime.cap_models) {
        int cap = runtime.cap_models ? runtime.cap_models * 2 : 16;
        struct loaded_model *wider =
            mem_realloc(runtime.models, (size_t)cap * sizeof *runtime.models);
        if (wider) {
            runtime.models = wider;
            runtime.cap_models = cap;
        } else {
            code = ACL_ERROR_GE_MEMORY_ALLOCATION;
        }
    }
    if (code == ACL_SUCCESS) {
        /* Ids grow, but the loads of two threads may end in the other order. */
        int at = runtime.n_models++;
        while (at > 0 && runtime.models[at - 1].id > id) {
            runtime.models[at] = runtime.models[at - 1];
            at--;
        }
        runtime.models[at] = (struct loaded_model){.id = id, .handle = handle};
    }
    pthread_rwlock_unlock(&runtime.models_lock);
    return code == ACL_SUCCESS ? code : acl_fail(code, call, "no memory for a model");
}

/* With the lock held: where id stands, or -1. */
static int find(uint32_t id) {
    int low = 0, high = runtime.n_models;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (runtime.models[mid].id < id) low = mid + 1;
        else high = mid;
    }
    return low < runtime.n_models && runtime.models[low].id == id ? low : -1;
}

static aclError no_such_model(const char *call, uint32_t id) {
    return acl_fail(ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, call,
                    "no model has the id %u; it was unloaded, or never loaded in this process", id);
}

aclError model_get(const char *call, uint32_t id, struct loaded **out, void **handle) {
    ACL_TRY(runtime_need_started(call));
    pthread_rwlock_rdlock(&runtime.models_lock);
    int at = find(id);
    *handle = at >= 0 ? runtime.models[at].handle : NULL;
    pthread_rwlock_unlock(&runtime.models_lock);
    *out = *handle ? handle_acquire(*handle, HANDLE_MODEL) : NULL;
    return *out ? ACL_SUCCESS : no_such_model(call, id);
}

static void *unlist(uint32_t id) {
    void *handle = NULL;
    pthread_rwlock_wrlock(&runtime.models_lock);
    int at = find(id);
    if (at >= 0) {
        handle = runtime.models[at].handle;
        runtime.n_models--;
        memmove(runtime.models + at, runtime.models + at + 1,
                (size_t)(runtime.n_models - at) * sizeof *runtime.models);
    }
    if (runtime.n_models == 0) {
        mem_free(runtime.models);
        runtime.models = NULL;
        runtime.cap_models = 0;
    }
    pthread_rwlock_unlock(&runtime.models_lock);
    return handle;
}

void models_reset(void) {
    for (;;) {
        pthread_rwlock_rdlock(&runtime.models_lock);
        uint32_t id = runtime.n_models ? runtime.models[0].id : 0;
        pthread_rwlock_unlock(&runtime.models_lock);
        if (!id) return;
        acl_log(ACL_WARNING, "aclFinalize: the program left the model %u", id);
        void *handle = unlist(id);
        if (handle) handle_retire(handle, HANDLE_MODEL);
    }
}

/* ---- loading ---- */

/* Takes g. */
static aclError make_model(const char *call, const struct source *from, struct graph *g, int device,
                           struct loaded **out) {
    struct loaded *m = mem_calloc(1, sizeof *m);
    if (!m) {
        graph_destroy(g);
        return acl_fail(ACL_ERROR_GE_MEMORY_ALLOCATION, call, "no memory for a model");
    }
    enum status s = model_info_create(g, take_id(), &m->info);
    aclError code = s == STATUS_OK ? check_memory(call, from, m->info) : fail_create(s, call);
    struct device *pool = NULL;
    if (code == ACL_SUCCESS) code = dump_select(call, from->path, m->info, g, &m->dump);
    if (code == ACL_SUCCESS) code = device_join(call, device, &pool);
    if (code != ACL_SUCCESS) {
        graph_destroy(g);
        dump_destroy(m->dump);
        model_info_release(m->info);
        mem_free(m);
        return code;
    }
    m->device = device;
    pthread_mutex_init(&m->lock, NULL);
    s = model_create(g, pool, &m->model);
    if (s != STATUS_OK) {
        code = fail_create(s, call);
        loaded_destroy(m);
        return code;
    }
    *out = m;
    return ACL_SUCCESS;
}

static aclError load(const char *call, const struct source *from, uint32_t *id) {
    struct context *c;
    void *context;
    ACL_TRY(context_current(call, &c, &context));
    int device = c->device;
    handle_release(context);
    struct graph *g;
    ACL_TRY(read_source(call, from, &g));
    struct loaded *m = NULL;
    ACL_TRY(make_model(call, from, g, device, &m));
    uint32_t new_id = m->info->id;
    void *handle = handle_create(HANDLE_MODEL, m, loaded_destroy);
    if (!handle) {
        loaded_destroy(m);
        return acl_fail(ACL_ERROR_GE_MEMORY_ALLOCATION, call, "no memory for a model");
    }
    aclError code = list_model(call, new_id, handle);
    if (code != ACL_SUCCESS) {
        handle_retire(handle, HANDLE_MODEL);
        return code;
    }
    *id = new_id;
    return ACL_SUCCESS;
}

aclError aclmdlLoadFromFile(const char *modelPath, uint32_t *modelId) {
    ACL_NEED(modelPath);
    ACL_NEED(modelId);
    return load(__func__, &(struct source){.path = modelPath}, modelId);
}

aclError aclmdlLoadFromMem(const void *model, size_t modelSize, uint32_t *modelId) {
    ACL_NEED(modelId);
    return load(__func__, &(struct source){.bytes = model, .n_bytes = modelSize}, modelId);
}

aclError aclmdlLoadFromFileWithMem(const char *modelPath, uint32_t *modelId, void *workPtr,
                                   size_t workSize, void *weightPtr, size_t weightSize) {
    ACL_NEED(modelPath);
    ACL_NEED(modelId);
    return load(__func__,
                &(struct source){.path = modelPath,
                                 .with_memory = true,
                                 .work = workPtr,
                                 .work_bytes = workSize,
                                 .weights = weightPtr,
                                 .weight_bytes = weightSize},
                modelId);
}

aclError aclmdlLoadFromMemWithMem(const void *model, size_t modelSize, uint32_t *modelId,
                                  void *workPtr, size_t workSize, void *weightPtr,
                                  size_t weightSize) {
    ACL_NEED(modelId);
    return load(__func__,
                &(struct source){.bytes = model,
                                 .n_bytes = modelSize,
                                 .with_memory = true,
                                 .work = workPtr,
                                 .work_bytes = workSize,
                                 .weights = weightPtr,
                                 .weight_bytes = weightSize},
                modelId);
}

aclError aclmdlUnload(uint32_t modelId) {
    ACL_NEED_STARTED();
    void *handle = unlist(modelId);
    if (!handle || !handle_retire(handle, HANDLE_MODEL)) return no_such_model(__func__, modelId);
    return ACL_SUCCESS;
}

/* ---- asking without loading ---- */

static aclError describe(const char *call, const struct source *from, struct model_info **out) {
    struct graph *g;
    ACL_TRY(read_source(call, from, &g));
    enum status s = model_info_create(g, 0, out);
    graph_destroy(g);
    return s == STATUS_OK ? ACL_SUCCESS : fail_create(s, call);
}

static aclError query_size(const char *call, const struct source *from, size_t *work,
                           size_t *weights) {
    struct model_info *info;
    ACL_TRY(describe(call, from, &info));
    *work = info->work_bytes;
    *weights = info->weight_bytes;
    model_info_release(info);
    return ACL_SUCCESS;
}

aclError aclmdlQuerySize(const char *fileName, size_t *workSize, size_t *weightSize) {
    ACL_NEED(fileName);
    ACL_NEED(workSize);
    ACL_NEED(weightSize);
    return query_size(__func__, &(struct source){.path = fileName}, workSize, weightSize);
}

aclError aclmdlQuerySizeFromMem(const void *model, size_t modelSize, size_t *workSize,
                                size_t *weightSize) {
    ACL_NEED(workSize);
    ACL_NEED(weightSize);
    return query_size(__func__, &(struct source){.bytes = model, .n_bytes = modelSize}, workSize,
                      weightSize);
}

aclError model_describe_file(const char *call, const char *path, struct model_info **out) {
    return describe(call, &(struct source){.path = path}, out);
}

aclError model_describe_memory(const char *call, const void *bytes, size_t n_bytes,
                               struct model_info **out) {
    return describe(call, &(struct source){.bytes = bytes, .n_bytes = n_bytes}, out);
}

/* ---- loading by settings ---- */

struct load_config {
    pthread_mutex_t lock;
    size_t type; /* ACL_MDL_LOAD_*; 0: not set */
    char *path;
    struct source source; /* .path is not used */
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
    void *handle = c ? handle_create(HANDLE_LOAD_CONFIG, c, config_destroy) : NULL;
    if (handle) return handle;
    if (c) config_destroy(c);
    acl_fail(ACL_ERROR_BAD_ALLOC, __func__, "no memory for load settings");
    return NULL;
}

aclError aclmdlDestroyConfigHandle(aclmdlConfigHandle *handle) {
    if (handle_retire(handle, HANDLE_LOAD_CONFIG)) return ACL_SUCCESS;
    return handle_fail(handle, HANDLE_LOAD_CONFIG, __func__, "handle");
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

/* Bytes of an attribute's value; 0 for none we know. Those that make no difference here are
 * accepted. */
static size_t value_bytes(aclmdlConfigAttr attr) {
    if (attr == ACL_MDL_PRIORITY_INT32) return sizeof(int32_t);
    if ((int)attr < 0 || attr > ACL_MDL_DYNAMIC_TASK_SIZET) return 0;
    return sizeof(size_t); /* sizes and addresses alike */
}

static aclError set_option(const char *call, struct load_config *c, aclmdlConfigAttr attr,
                           const void *value, size_t bytes) {
    void *to = NULL;
    switch (attr) {
    case ACL_MDL_LOAD_TYPE_SIZET: to = &c->type; break;
    case ACL_MDL_PATH_PTR: return set_path(call, c, value);
    case ACL_MDL_MEM_ADDR_PTR: to = &c->source.bytes; break;
    case ACL_MDL_MEM_SIZET: to = &c->source.n_bytes; break;
    case ACL_MDL_WEIGHT_ADDR_PTR: to = &c->source.weights; break;
    case ACL_MDL_WEIGHT_SIZET: to = &c->source.weight_bytes; break;
    case ACL_MDL_WORKSPACE_ADDR_PTR: to = &c->source.work; break;
    case ACL_MDL_WORKSPACE_SIZET: to = &c->source.work_bytes; break;
    default: return ACL_SUCCESS;
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
    struct source from = c->source;
    bool from_file = c->type == ACL_MDL_LOAD_FROM_FILE || c->type == ACL_MDL_LOAD_FROM_FILE_WITH_MEM;
    bool from_memory = c->type == ACL_MDL_LOAD_FROM_MEM || c->type == ACL_MDL_LOAD_FROM_MEM_WITH_MEM;
    from.with_memory = c->type == ACL_MDL_LOAD_FROM_FILE_WITH_MEM ||
                       c->type == ACL_MDL_LOAD_FROM_MEM_WITH_MEM;
    if (c->type == ACL_MDL_LOAD_FROM_FILE_WITH_Q || c->type == ACL_MDL_LOAD_FROM_MEM_WITH_Q)
        return acl_fail(ACL_ERROR_FEATURE_UNSUPPORTED, call,
                        "loading with queues is not supported; use ACL_MDL_LOAD_FROM_FILE or "
                        "ACL_MDL_LOAD_FROM_MEM");
    if (!from_file && !from_memory)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "ACL_MDL_LOAD_TYPE_SIZET is %zu; set it to one of ACL_MDL_LOAD_*", c->type);
    if (from_file && !c->path)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "ACL_MDL_PATH_PTR is not set");
    from.path = from_file ? c->path : NULL;
    return load(call, &from, id);
}

aclError aclmdlLoadWithConfig(const aclmdlConfigHandle *handle, uint32_t *modelId) {
    ACL_NEED(modelId);
    struct load_config *c = handle_get(handle, HANDLE_LOAD_CONFIG, __func__, "handle");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&c->lock);
    aclError code = load_with(__func__, c, modelId);
    pthread_mutex_unlock(&c->lock);
    handle_release(handle);
    return code;
}
