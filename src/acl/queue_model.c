/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models between queues: a thread of the model's own takes a buffer from each input queue, runs,
 * and puts a buffer into each output queue, until the model is unloaded. What cannot be run is
 * dropped with a line in the log, so that one bad buffer does not end the service.
 */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/tdt_queue.h"
#include "base/alloc.h"

struct queue_model {
    pthread_t thread;
    atomic_bool stop;
    uint32_t id;
    aclrtContext context; /* of the thread that loaded it */
    struct model_info *info; /* lives as long as the model, and so as the thread */
    size_t n_in, n_out;
    uint32_t queues[]; /* inputs, then outputs */
};

/* ---- one run ---- */

static void dataset_end(aclmdlDataset *d) {
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(d); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(d, i));
    aclmdlDestroyDataset(d);
}

static aclmdlDataset *dataset_of(struct parcel *const *parcels, size_t n) {
    aclmdlDataset *d = aclmdlCreateDataset();
    for (size_t i = 0; d && i < n; i++) {
        const struct tdt_part *part = &parcels[i]->parts[0];
        aclDataBuffer *b = aclCreateDataBuffer(part->memory->data, part->length);
        if (!b || aclmdlAddDatasetBuffer(d, b) != ACL_SUCCESS) {
            if (b) aclDestroyDataBuffer(b);
            dataset_end(d);
            return NULL;
        }
    }
    return d;
}

static aclError run(const struct queue_model *q, struct parcel *const *in, struct parcel **out) {
    static const char call[] = "aclmdlLoadFromFileWithQ";
    for (size_t i = 0; i < q->n_in; i++)
        if (in[i]->n != 1)
            return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "a chain of %zu buffers came from queue %u; an input is one buffer",
                            in[i]->n, q->queues[i]);
    for (size_t i = 0; i < q->n_out; i++)
        ACL_TRY(parcel_create(call, q->info->outputs[i].bytes, &out[i]));
    aclmdlDataset *input = dataset_of(in, q->n_in), *output = dataset_of(out, q->n_out);
    check_pause(true); /* a queue's memory is the runtime's */
    aclError code = input && output ? aclmdlExecute(q->id, input, output) : ACL_ERROR_BAD_ALLOC;
    check_pause(false);
    if (input) dataset_end(input);
    if (output) dataset_end(output);
    /* As the user data of the first input says what its buffers belong to, so do the outputs. */
    for (size_t i = 0; code == ACL_SUCCESS && i < q->n_out; i++)
        memcpy(out[i]->parts[0].user, in[0]->parts[0].user, TDT_USER_BYTES);
    return code;
}

/* False when it is time to end. */
static bool serve(struct queue_model *q, struct parcel **parcels) {
    static const char call[] = "aclmdlLoadFromFileWithQ";
    struct parcel **in = parcels, **out = parcels + q->n_in;
    memset(parcels, 0, (q->n_in + q->n_out) * sizeof *parcels);
    bool go_on = true;
    for (size_t i = 0; go_on && i < q->n_in; i++)
        go_on = queue_take(call, q->queues[i], -1, &q->stop, &in[i]) == ACL_SUCCESS;
    aclError code = go_on ? run(q, in, out) : ACL_SUCCESS;
    if (code != ACL_SUCCESS)
        acl_log(ACL_WARNING, "model %u could not run what came from its queues: %s", q->id,
                acl_last_failure());
    for (size_t i = 0; go_on && code == ACL_SUCCESS && i < q->n_out; i++) {
        go_on = queue_put(call, q->queues[q->n_in + i], -1, &q->stop, out[i]) == ACL_SUCCESS;
        if (go_on) out[i] = NULL;
    }
    for (size_t i = 0; i < q->n_in + q->n_out; i++) parcel_destroy(parcels[i]);
    return go_on;
}

static void *thread_main(void *user) {
    struct queue_model *q = user;
    struct parcel **parcels = mem_calloc(q->n_in + q->n_out, sizeof *parcels);
    aclrtSetCurrentContext(q->context); /* a failure shows in the first run */
    while (parcels && serve(q, parcels)) {}
    mem_free(parcels);
    return NULL;
}

/* ---- start and end ---- */

void queue_model_stop(struct loaded *m) {
    pthread_mutex_lock(&m->lock);
    struct queue_model *q = m->queues;
    m->queues = NULL;
    pthread_mutex_unlock(&m->lock);
    if (!q) return;
    atomic_store(&q->stop, true);
    queues_wake();
    pthread_join(q->thread, NULL);
    mem_free(q);
}

static void stop_one(void *handle, void *object, void *user) {
    (void)handle;
    (void)user;
    queue_model_stop(object);
}

void queue_models_stop(void) { handle_visit(HANDLE_MODEL, stop_one, NULL); }

static aclError check(const char *call, const struct loaded *m, const struct queue_ids *in,
                      const struct queue_ids *out) {
    const struct model_info *info = m->info;
    if (in->n != (size_t)info->n_inputs || out->n != (size_t)info->n_outputs)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "%zu input and %zu output queues were given; model '%s' has %d inputs and "
                        "%d outputs",
                        in->n, out->n, info->name, info->n_inputs, info->n_outputs);
    for (size_t i = 0; i < in->n + out->n; i++)
        ACL_TRY(queue_need(call, i < in->n ? in->ids[i] : out->ids[i - in->n],
                           (aclError)ACL_ERROR_GE_EXEC_MODEL_QUEUE_ID_INVALID));
    for (size_t i = 0; i < out->n; i++)
        if (!info->outputs[i].is_fixed)
            return acl_fail(ACL_ERROR_FEATURE_UNSUPPORTED, call,
                            "output %zu ('%s') has a size known only after running; queues need "
                            "fixed sizes",
                            i, info->outputs[i].name);
    return ACL_SUCCESS;
}

static aclError start(const char *call, struct loaded *m, const struct queue_ids *in,
                      const struct queue_ids *out) {
    ACL_TRY(check(call, m, in, out));
    struct queue_model *q = mem_calloc(1, sizeof *q + (in->n + out->n) * sizeof *q->queues);
    if (!q) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a model between queues");
    q->id = m->info->id;
    aclrtGetCurrentContext(&q->context); /* there is one: the model was loaded with it */
    q->info = m->info;
    q->n_in = in->n;
    q->n_out = out->n;
    memcpy(q->queues, in->ids, in->n * sizeof *q->queues);
    memcpy(q->queues + in->n, out->ids, out->n * sizeof *q->queues);
    if (pthread_create(&q->thread, NULL, thread_main, q)) {
        mem_free(q);
        return acl_fail(ACL_ERROR_FAILURE, call, "no thread for a model between queues");
    }
    pthread_mutex_lock(&m->lock);
    m->queues = q;
    pthread_mutex_unlock(&m->lock);
    return ACL_SUCCESS;
}

aclError queue_model_load(const char *call, const struct model_source *from,
                          const struct queue_ids *in, const struct queue_ids *out, uint32_t *id) {
    ACL_TRY(context_need(call));
    if (!in->ids || !in->n || !out->ids || !out->n)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "give the ids of at least one input and one output queue");
    struct loaded *m;
    void *handle;
    uint32_t loaded;
    ACL_TRY(model_load(call, from, &loaded));
    ACL_TRY(model_get(call, loaded, &m, &handle));
    aclError code = start(call, m, in, out);
    handle_release(handle);
    if (code == ACL_SUCCESS) *id = loaded;
    else model_unload(call, loaded);
    return code;
}

aclError aclmdlLoadFromFileWithQ(const char *modelPath, uint32_t *modelId, const uint32_t *inputQ,
                                 size_t inputQNum, const uint32_t *outputQ, size_t outputQNum) {
    ACL_NEED(modelPath);
    ACL_NEED(modelId);
    return queue_model_load(__func__, &(struct model_source){.path = modelPath},
                            &(struct queue_ids){inputQ, inputQNum},
                            &(struct queue_ids){outputQ, outputQNum}, modelId);
}

aclError aclmdlLoadFromMemWithQ(const void *model, size_t modelSize, uint32_t *modelId,
                                const uint32_t *inputQ, size_t inputQNum, const uint32_t *outputQ,
                                size_t outputQNum) {
    ACL_NEED(model);
    ACL_NEED(modelId);
    return queue_model_load(__func__,
                            &(struct model_source){.bytes = model, .n_bytes = modelSize},
                            &(struct queue_ids){inputQ, inputQNum},
                            &(struct queue_ids){outputQ, outputQNum}, modelId);
}
