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
#include "import/single_op.h"
#include "om/om.h"
#include "plan/hints.h"

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

/* The file of an operator whose sizes or values are open has no graph to run. */
static aclError refuse_open(const char *call, struct graph **g) {
    if (!graph_get_meta(*g, SINGLE_OP_META_OPEN)) return ACL_SUCCESS;
    aclError code = acl_fail(ACL_ERROR_FEATURE_UNSUPPORTED, call,
                             "the file stands for single operators (%s), whose sizes or values "
                             "only a call tells; load it with aclopSetModelDir or aclopLoad",
                             graph_get_meta(*g, SINGLE_OP_META));
    graph_destroy(*g);
    *g = NULL;
    return code;
}

static aclError read_source(const char *call, const struct model_source *from,
                            struct pool *pool, struct graph **out) {
    if (from->path) {
        if (!from->path[0])
            return acl_fail(ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, call, "the model path is empty");
        enum status s = om_read_file(from->path, pool, out);
        return s == STATUS_OK ? refuse_open(call, out) : fail_read(s, call);
    }
    if (!from->bytes) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "model is NULL");
    if (from->n_bytes == 0) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "modelSize is 0");
    ACL_TRY(memory_check(call, "model", from->bytes, from->n_bytes));
    enum status s = om_read_memory(from->bytes, from->n_bytes, pool, out);
    return s == STATUS_OK ? refuse_open(call, out) : fail_read(s, call);
}

/* Bytes of the parts of a model's file; those a chip would need and a processor does not are 0. */
static aclError measure_parts(const char *call, const struct model_source *from,
                              size_t bytes[N_PARTS]) {
    static const struct {
        int part;
        const char *partition;
    } found_in[] = {{PART_MODEL_DESC, "MODEL_DEF"}, {PART_STATIC_TASK, "TASK_INFO"}};
    struct om_description d;
    enum status s = from->path ? om_describe_file(from->path, &d)
                               : om_describe_memory(from->bytes, from->n_bytes, &d);
    if (s != STATUS_OK) return fail_read(s, call);
    memset(bytes, 0, N_PARTS * sizeof *bytes);
    for (size_t i = 0; i < sizeof found_in / sizeof found_in[0]; i++)
        for (int k = 0; k < d.n_partitions; k++)
            if (!strcmp(d.partitions[k].name, found_in[i].partition))
                bytes[found_in[i].part] = (size_t)d.partitions[k].n;
    om_description_deinit(&d);
    return ACL_SUCCESS;
}

struct part_names {
    const char *address, *size;
};

static aclError check_part(const char *call, const struct model_info *info,
                           const struct part_names *names, const void *address, size_t bytes,
                           size_t needed) {
    if (!address) return ACL_SUCCESS;
    if (bytes < needed)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "%s is %zu; model '%s' needs %zu (aclmdlQuerySize, aclmdlQueryExeOMDesc)",
                        names->size, bytes, info->name, needed);
    if (check_is_on()) ACL_TRY(check_device_buffer(call, names->address, address));
    return memory_check(call, names->address, address, bytes);
}

/* The program's memory is not used, but elsewhere it would be, so it has to do. */
static aclError check_memory(const char *call, const struct model_source *from,
                             const struct model_info *info) {
    static const struct part_names work = {"workPtr", "workSize"};
    static const struct part_names weights = {"weightPtr", "weightSize"};
    static const struct part_names names[N_PARTS] = {
        [PART_MODEL_DESC] = {"ACL_MDL_MODEL_DESC_PTR", "ACL_MDL_MODEL_DESC_SIZET"},
        [PART_KERNEL] = {"ACL_MDL_KERNEL_PTR", "ACL_MDL_KERNEL_SIZET"},
        [PART_KERNEL_ARGS] = {"ACL_MDL_KERNEL_ARGS_PTR", "ACL_MDL_KERNEL_ARGS_SIZET"},
        [PART_STATIC_TASK] = {"ACL_MDL_STATIC_TASK_PTR", "ACL_MDL_STATIC_TASK_SIZET"},
        [PART_DYNAMIC_TASK] = {"ACL_MDL_DYNAMIC_TASK_PTR", "ACL_MDL_DYNAMIC_TASK_SIZET"},
    };
    if (!from->with_memory) return ACL_SUCCESS;
    ACL_TRY(check_part(call, info, &work, from->work, from->work_bytes, info->work_bytes));
    ACL_TRY(check_part(call, info, &weights, from->weights, from->weight_bytes,
                       info->weight_bytes));
    bool any = false;
    for (int i = 0; i < N_PARTS; i++) any |= from->parts[i].address != NULL;
    if (!any) return ACL_SUCCESS;
    size_t needed[N_PARTS];
    ACL_TRY(measure_parts(call, from, needed));
    for (int i = 0; i < N_PARTS; i++)
        ACL_TRY(check_part(call, info, &names[i], from->parts[i].address, from->parts[i].bytes,
                           needed[i]));
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

/* Hints that cannot be read are no reason not to run. */
static void warn_of_hints(const char *call, const struct graph *g) {
    struct arena arena;
    struct tuning hints;
    arena_init(&arena, 0);
    if (hints_read(g, &arena, &hints) != STATUS_OK)
        acl_log(ACL_WARNING, "%s: model '%s' runs without its hints: %s", call, g->name,
                status_message());
    arena_deinit(&arena);
}

/* Takes g and the caller's place on the device, also on failure. */
static aclError make_model(const char *call, const struct model_source *from, struct graph *g,
                           int device, struct device *pool, struct loaded **out) {
    struct loaded *m = mem_calloc(1, sizeof *m);
    if (!m) {
        graph_destroy(g);
        device_leave(device);
        return acl_fail(ACL_ERROR_GE_MEMORY_ALLOCATION, call, "no memory for a model");
    }
    enum status s = model_info_create(g, take_id(), &m->info);
    aclError code = s == STATUS_OK ? check_memory(call, from, m->info) : fail_create(s, call);
    if (code == ACL_SUCCESS) code = dump_select(call, from->path, m->info, g, &m->dump);
    if (code != ACL_SUCCESS) {
        graph_destroy(g);
        device_leave(device);
        dump_destroy(m->dump);
        model_info_release(m->info);
        mem_free(m);
        return code;
    }
    m->device = device;
    m->is_bundle = from->is_bundle;
    pthread_mutex_init(&m->lock, NULL);
    warn_of_hints(call, g);
    s = model_create(g, pool, &m->model);
    if (s != STATUS_OK) {
        code = fail_create(s, call);
        loaded_destroy(m);
        return code;
    }
    *out = m;
    return ACL_SUCCESS;
}

aclError model_load(const char *call, const struct model_source *from, uint32_t *id) {
    PROFILE_SCOPE(call);
    struct context *c;
    void *context;
    ACL_TRY(context_current(call, &c, &context));
    int device = c->device;
    handle_release(context);
    struct device *pool;
    ACL_TRY(device_join(call, device, &pool));
    struct graph *g = NULL;
    struct loaded *m = NULL;
    aclError read = read_source(call, from, device_pool(pool), &g);
    if (read != ACL_SUCCESS) {
        device_leave(device);
        return read;
    }
    ACL_TRY(make_model(call, from, g, device, pool, &m));
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
    return model_load(__func__, &(struct model_source){.path = modelPath}, modelId);
}

aclError aclmdlLoadFromMem(const void *model, size_t modelSize, uint32_t *modelId) {
    ACL_NEED(modelId);
    return model_load(__func__, &(struct model_source){.bytes = model, .n_bytes = modelSize},
                      modelId);
}

aclError aclmdlLoadFromFileWithMem(const char *modelPath, uint32_t *modelId, void *workPtr,
                                   size_t workSize, void *weightPtr, size_t weightSize) {
    ACL_NEED(modelPath);
    ACL_NEED(modelId);
    return model_load(__func__,
                &(struct model_source){.path = modelPath,
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
    return model_load(__func__,
                &(struct model_source){.bytes = model,
                                 .n_bytes = modelSize,
                                 .with_memory = true,
                                 .work = workPtr,
                                 .work_bytes = workSize,
                                 .weights = weightPtr,
                                 .weight_bytes = weightSize},
                modelId);
}

aclError model_unload(const char *call, uint32_t id) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, id, &m, &handle));
    queue_model_stop(m);
    handle_release(handle);
    handle = unlist(id);
    return handle && handle_retire(handle, HANDLE_MODEL) ? ACL_SUCCESS : no_such_model(call, id);
}

aclError aclmdlUnload(uint32_t modelId) {
    PROFILE_SCOPE(__func__);
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(__func__, modelId, &m, &handle));
    bool is_bundle = m->is_bundle;
    handle_release(handle);
    ACL_CHECK(!is_bundle, ACL_ERROR_INVALID_PARAM,
              "model %u belongs to a bundle; unload that with aclmdlBundleUnload", modelId);
    return model_unload(__func__, modelId);
}

/* ---- asking without loading ---- */

static aclError describe(const char *call, const struct model_source *from,
                         struct model_info **out) {
    struct graph *g;
    ACL_TRY(read_source(call, from, NULL, &g));
    enum status s = model_info_create(g, 0, out);
    graph_destroy(g);
    return s == STATUS_OK ? ACL_SUCCESS : fail_create(s, call);
}

static aclError query_size(const char *call, const struct model_source *from, size_t *work,
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
    return query_size(__func__, &(struct model_source){.path = fileName}, workSize, weightSize);
}

aclError aclmdlQuerySizeFromMem(const void *model, size_t modelSize, size_t *workSize,
                                size_t *weightSize) {
    ACL_NEED(workSize);
    ACL_NEED(weightSize);
    return query_size(__func__, &(struct model_source){.bytes = model, .n_bytes = modelSize},
                      workSize, weightSize);
}

aclError aclmdlQueryExeOMDesc(const char *fileName, aclmdlExeOMDesc *mdlPartitionSize) {
    ACL_NEED(fileName);
    ACL_NEED(mdlPartitionSize);
    const struct model_source from = {.path = fileName};
    aclmdlExeOMDesc sizes = {0};
    size_t parts[N_PARTS];
    ACL_TRY(query_size(__func__, &from, &sizes.workSize, &sizes.weightSize));
    ACL_TRY(measure_parts(__func__, &from, parts));
    sizes.modelDescSize = parts[PART_MODEL_DESC];
    sizes.kernelSize = parts[PART_KERNEL];
    sizes.kernelArgsSize = parts[PART_KERNEL_ARGS];
    sizes.staticTaskSize = parts[PART_STATIC_TASK];
    sizes.dynamicTaskSize = parts[PART_DYNAMIC_TASK];
    *mdlPartitionSize = sizes;
    return ACL_SUCCESS;
}

aclError model_describe_file(const char *call, const char *path, struct model_info **out) {
    return describe(call, &(struct model_source){.path = path}, out);
}

aclError model_describe_memory(const char *call, const void *bytes, size_t n_bytes,
                               struct model_info **out) {
    return describe(call, &(struct model_source){.bytes = bytes, .n_bytes = n_bytes}, out);
}
