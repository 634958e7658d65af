/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running models. A run reads the datasets once, in the caller's thread, into a run object, so that
 * what is wrong is said at once and a queued run does not depend on the datasets any more. Run
 * objects and instances (arena and scratch) are kept with the model and used again: a run of a
 * shape seen before allocates nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acl/allocator.h"
#include "acl/dump.h"
#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"
#include "exec/model.h"

struct run_border {
    void *data;
    size_t bytes;
    struct shape shape; /* of this run; outputs: as far as it is known before */
    void *buffer;       /* outputs that want memory: the data buffer's handle */
    void *padded;       /* pictures of dynamic AIPP: a copy of the size the model has room for */
    size_t padded_bytes;
};

struct run {
    struct run *next;
    struct loaded *model;
    void *model_handle;    /* acquired */
    void *outputs_dataset; /* acquired where output shapes are to be told; else NULL */
    struct run_border *inputs, *outputs;
};

/* ---- keeping ---- */

static struct run *take_run(struct loaded *m) {
    pthread_mutex_lock(&m->lock);
    struct run *r = m->spare;
    if (r) m->spare = r->next;
    pthread_mutex_unlock(&m->lock);
    if (r) return r;
    size_t n = (size_t)m->info->n_inputs + (size_t)m->info->n_outputs;
    r = mem_calloc(1, sizeof *r + n * sizeof *r->inputs);
    if (!r) return NULL;
    r->inputs = (struct run_border *)(r + 1);
    r->outputs = r->inputs + m->info->n_inputs;
    return r;
}

/* Gives back everything a run holds; the model may go with it. */
static void put_run(struct run *r) {
    struct loaded *m = r->model;
    void *model_handle = r->model_handle;
    if (r->outputs_dataset) handle_release(r->outputs_dataset);
    r->outputs_dataset = NULL;
    pthread_mutex_lock(&m->lock);
    r->next = m->spare;
    m->spare = r;
    pthread_mutex_unlock(&m->lock);
    handle_release(model_handle);
}

void model_free_runs(struct loaded *m) {
    idle_free(&m->idle);
    while (m->spare) {
        struct run *r = m->spare;
        m->spare = r->next;
        for (int i = 0; i < m->info->n_inputs; i++) mem_free(r->inputs[i].padded);
        mem_free(r);
    }
}

/* ---- reading the datasets ---- */

static aclError read_buffer(const char *call, const char *side, size_t index, void *handle,
                            struct run_border *to) {
    struct data_buffer *b = handle_acquire(handle, HANDLE_DATA_BUFFER);
    if (!b)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "%s %zu: its data buffer was destroyed with aclDestroyDataBuffer", side,
                        index);
    pthread_mutex_lock(&b->lock);
    to->data = b->data;
    to->bytes = b->bytes;
    pthread_mutex_unlock(&b->lock);
    handle_release(handle);
    if (!to->data) return ACL_SUCCESS;
    if (check_is_on()) {
        char what[40];
        snprintf(what, sizeof what, "the buffer of %s %zu", side, index);
        ACL_TRY(check_device_buffer(call, what, to->data));
    }
    return memory_check(call, side, to->data, to->bytes);
}

static aclError fail_shape(const char *call, size_t index, const struct model_border *b,
                           const struct run_border *given, const struct shape *wanted) {
    char is[128], should[128];
    return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                    "input %zu ('%s') is described as %s; this run takes %s", index, b->name,
                    shape_text(&given->shape, is), shape_text(wanted, should));
}

static aclError check_ranges(const char *call, size_t index, const struct model_border *b,
                             const struct run_border *to) {
    for (int k = 0; b->ranges && to->shape.rank == b->shape.rank && k < b->shape.rank; k++) {
        const struct dynamic_range *r = &b->ranges[k];
        int64_t n = to->shape.dim[k];
        if (n >= 0 && (n < r->low || (r->high >= 0 && n > r->high)))
            return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                            "dimension %d of input %zu ('%s') is %" PRId64 "; the model was "
                            "converted for %" PRId64 " to %" PRId64 " (-1: no limit)",
                            k, index, b->name, n, r->low, r->high);
    }
    return ACL_SUCCESS;
}

static bool is_any_size(const struct model_border *b) {
    return b->aipp && b->aipp->type == ACL_DATA_WITH_DYNAMIC_AIPP;
}

/* Dynamic AIPP behind an input of ranges: what is described is what the network takes. */
static aclError read_pictures(const char *call, size_t index, const struct model_border *b,
                              const struct dataset_entry *e, struct run_border *to) {
    const struct shape *made = &b->aipp->image;
    aclDataType type;
    aclFormat format;
    struct run_border given = {0};
    if (!e->desc || to->shape.rank != 4 || shape_known(&to->shape)) return ACL_SUCCESS;
    ACL_TRY(tensor_read(call, e->desc, &type, &format, &given.shape));
    bool fits = given.shape.rank == 4;
    for (int k = 0; fits && k < 4; k++)
        fits = made->dim[k] < 0 || made->dim[k] == given.shape.dim[k];
    if (!fits) return fail_shape(call, index, b, &given, made);
    for (int k = 0; k < 4; k++)
        if (to->shape.dim[k] < 0) to->shape.dim[k] = given.shape.dim[k];
    return ACL_SUCCESS;
}

/* to->shape is what the model, or its gear, says. */
static aclError check_input(const char *call, size_t index, const struct model_border *b,
                            const struct dataset_entry *e, struct run_border *to) {
    if (e->desc && !is_any_size(b)) {
        aclDataType type;
        aclFormat format;
        struct shape chosen = to->shape;
        ACL_TRY(tensor_read(call, e->desc, &type, &format, &to->shape));
        if (shape_known(&chosen) && !shape_equal(&chosen, &to->shape))
            return fail_shape(call, index, b, to, &chosen);
        bool is_plain = format == ACL_FORMAT_UNDEFINED || format == ACL_FORMAT_ND ||
                        b->format == ACL_FORMAT_ND;
        if (check_is_on() && format != b->format && !is_plain)
            ACL_TRY(check_report(ACL_ERROR_GE_PARAM_INVALID, call,
                                 "input %zu ('%s') is described as format %d; the model takes %d "
                                 "(aclmdlGetInputFormat)",
                                 index, b->name, (int)format, (int)b->format));
        if (type != b->type && type != ACL_DT_UNDEFINED)
            return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                            "input %zu ('%s') is described as data type %d; the model takes %d",
                            index, b->name, (int)type, (int)b->type);
    }
    if (is_any_size(b)) ACL_TRY(read_pictures(call, index, b, e, to));
    ACL_TRY(check_ranges(call, index, b, to));
    int64_t n = shape_elements(&to->shape);
    if (n < 0)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "input %zu ('%s') has no fixed shape; give its shape for this run with "
                        "aclmdlSetDatasetTensorDesc",
                        index, b->name);
    size_t need;
    if (is_any_size(b)) n = 1; /* pad_picture() knows more */
    if (!size_mul((size_t)n, dtype_size(b->core_type), &need) || to->bytes < need)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "input %zu ('%s') needs %zu bytes; its buffer has %zu "
                        "(aclmdlGetInputSizeByIndex tells the size)",
                        index, b->name, need, to->bytes);
    if (!to->data && need > 0)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "input %zu ('%s'): its buffer has no memory (address NULL)", index,
                        b->name);
    return ACL_SUCCESS;
}

static aclError check_output(const char *call, size_t index, const struct model_border *b,
                             const struct dataset_entry *e, struct run_border *to) {
    int64_t n = shape_elements(&to->shape);
    size_t need = n < 0 ? 0 : (size_t)n * dtype_size(b->core_type);
    to->buffer = NULL;
    if (!to->data && to->bytes == 0 && n < 0) {
        to->buffer = e->buffer;
        return ACL_SUCCESS;
    }
    if (to->bytes < need)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "output %zu ('%s') needs %zu bytes; its buffer has %zu "
                        "(aclmdlGetOutputSizeByIndex tells the size)",
                        index, b->name, need, to->bytes);
    if (!to->data && (need > 0 || n < 0))
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "output %zu ('%s'): its buffer has no memory (address NULL)", index,
                        b->name);
    return ACL_SUCCESS;
}

/* Right for a card, but often a picture with a stride that the model knows nothing of. */
static void warn_of_rest(const char *call, size_t index, const struct model_border *b,
                         size_t bytes) {
    char hint[200] = "";
    if (!b->is_fixed || bytes <= b->bytes || is_any_size(b)) return;
    if (b->aipp)
        snprintf(hint, sizeof hint,
                 ": it takes pictures of %" PRId64 " x %" PRId64 " without gaps between the rows; "
                 "for longer rows convert it with src_image_size_w and crop",
                 b->aipp->image.dim[2], b->aipp->image.dim[1]);
    acl_log(ACL_WARNING, "%s: input %zu ('%s') has %zu bytes; the last %zu of its buffer are not "
                         "read%s", call, index, b->name, b->bytes, bytes - b->bytes, hint);
}

/* The shapes of a run: the model's, or those of the gear the last input chooses. */
static aclError read_shapes(const char *call, struct run *r, const struct dataset *d) {
    const struct model_info *info = r->model->info;
    const struct shape *shapes = NULL;
    if (info->dynamic.n_gears) {
        struct run_border chooser = {0};
        int gear = 0;
        ACL_TRY(read_buffer(call, "input", (size_t)info->n_data, d->entries[info->n_data].buffer,
                            &chooser));
        ACL_TRY(gear_read(call, info, chooser.data, chooser.bytes, &gear));
        shapes = gear_shapes(info, gear);
    }
    for (int i = 0; i < info->n_data; i++)
        r->inputs[i].shape = shapes ? shapes[i] : info->inputs[i].shape;
    for (int i = 0; i < info->n_outputs; i++)
        r->outputs[i].shape = shapes ? shapes[info->n_data + i] : info->outputs[i].shape;
    return ACL_SUCCESS;
}

/* With the dataset's lock held. */
static aclError read_entries(const char *call, struct run *r, const struct dataset *d,
                             bool inputs) {
    const char *side = inputs ? "input" : "output";
    const struct model_info *info = r->model->info;
    struct run_border *to = inputs ? r->inputs : r->outputs;
    size_t n = (size_t)(inputs ? info->n_inputs : info->n_outputs);
    if (d->n != n)
        return acl_fail(ACL_ERROR_GE_PARAM_INVALID, call,
                        "the %s dataset has %zu buffers; model '%s' has %zu %ss", side, d->n,
                        info->name, n, side);
    if (inputs) ACL_TRY(read_shapes(call, r, d));
    if (inputs) n = (size_t)info->n_data;
    for (size_t i = 0; i < n; i++) {
        ACL_TRY(read_buffer(call, side, i, d->entries[i].buffer, &to[i]));
        if (inputs) ACL_TRY(check_input(call, i, &info->inputs[i], &d->entries[i], &to[i]));
        if (inputs && !info->dynamic.n_gears)
            warn_of_rest(call, i, &info->inputs[i], to[i].bytes);
        if (!inputs) ACL_TRY(check_output(call, i, &info->outputs[i], &d->entries[i], &to[i]));
    }
    return ACL_SUCCESS;
}

static aclError read_dataset(const char *call, const aclmdlDataset *handle, bool inputs,
                             struct run *r) {
    struct dataset *d = handle_get(handle, HANDLE_DATASET, call, inputs ? "input" : "output");
    if (!d) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&d->lock);
    aclError code = read_entries(call, r, d, inputs);
    pthread_mutex_unlock(&d->lock);
    handle_release(handle);
    return code;
}

static bool has_fixed_outputs(const struct model_info *info) {
    for (int i = 0; i < info->n_outputs; i++)
        if (!info->outputs[i].is_fixed) return false;
    return true;
}

static aclError prepare(const char *call, uint32_t id, const aclmdlDataset *input,
                        aclmdlDataset *output, struct run **out) {
    struct context *c;
    struct loaded *m;
    void *handle;
    ACL_TRY(context_current(call, &c, &handle));
    int device = c->device;
    handle_release(handle);
    ACL_TRY(model_get(call, id, &m, &handle));
    if (m->device != device) {
        aclError code = acl_fail(ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, call,
                                 "model %u is on device %d, this thread's context on device %d; "
                                 "load and run a model in one context",
                                 id, m->device, device);
        handle_release(handle);
        return code;
    }
    struct run *r = take_run(m);
    if (!r) {
        handle_release(handle);
        return acl_fail(ACL_ERROR_GE_MEMORY_ALLOCATION, call, "no memory for a run");
    }
    r->model = m;
    r->model_handle = handle;
    r->outputs_dataset = NULL;
    aclError code = read_dataset(call, input, true, r);
    if (code == ACL_SUCCESS) code = read_dataset(call, output, false, r);
    if (code == ACL_SUCCESS && !has_fixed_outputs(m->info) &&
        handle_get(output, HANDLE_DATASET, call, "output"))
        r->outputs_dataset = output;
    if (code != ACL_SUCCESS) {
        put_run(r);
        return code;
    }
    *out = r;
    return ACL_SUCCESS;
}

/* ---- the checked mode ---- */

enum { MOST_USES = 64 }; /* of one run; of larger models the rest is not looked at */

static int uses_of(const struct run *r, struct check_use uses[MOST_USES]) {
    const struct model_info *info = r->model->info;
    int n = 0;
    for (int i = 0; i < info->n_data && n < MOST_USES; i++)
        uses[n++] = (struct check_use){"an input", r->inputs[i].data, r->inputs[i].bytes, false,
                                       0, 0};
    for (int i = 0; i < info->n_outputs && n < MOST_USES; i++)
        uses[n++] = (struct check_use){"an output", r->outputs[i].data, r->outputs[i].bytes, true,
                                       0, 0};
    return n;
}

/* An output may share its memory with nothing: a card works on several operators at once. */
static aclError check_sharing(const char *call, const struct check_use *uses, int n, int n_inputs) {
    for (int o = n_inputs; o < n; o++)
        for (int k = 0; k < o; k++) {
            uintptr_t a = (uintptr_t)uses[o].address, b = (uintptr_t)uses[k].address;
            if (!a || !b || !(a < b ? b - a < uses[o].bytes : a - b < uses[k].bytes)) continue;
            ACL_TRY(check_report(ACL_ERROR_GE_PARAM_INVALID, call,
                                 "output %d and %s %d share memory (%p); give each a buffer of its "
                                 "own",
                                 o - n_inputs, k < n_inputs ? "input" : "output",
                                 k < n_inputs ? k : k - n_inputs, uses[k].address));
        }
    return ACL_SUCCESS;
}

/* s: the stream it is queued on; NULL: it runs at once, until check_host_ends(). */
static aclError check_run(const char *call, const struct run *r, const struct stream *s) {
    struct check_use uses[MOST_USES];
    if (!check_is_on()) return ACL_SUCCESS;
    int n = uses_of(r, uses), n_data = r->model->info->n_data;
    ACL_TRY(check_sharing(call, uses, n, n_data < n ? n_data : n));
    return s ? check_stream_uses(call, stream_id(s), uses, n)
             : check_host_uses(call, uses, n, true);
}

/* ---- running ---- */

/* Memory for an output that came without: as aclrtMalloc gives, handed over in its buffer. */
static aclError give_memory(const char *call, void *buffer, const void *from, size_t bytes) {
    void *to = NULL;
    if (bytes > 0) {
        ACL_TRY(memory_allocate(call, MEMORY_DEVICE, bytes, 64, 32, &to));
        memcpy(to, from, bytes);
    }
    return aclUpdateDataBuffer(buffer, to, bytes);
}

/* Tells shapes, and hands over memory, of outputs that only the run could size. */
static aclError deliver(const char *call, const struct run *r, const struct instance *instance) {
    struct dataset *d = handle_acquire(r->outputs_dataset, HANDLE_DATASET);
    const struct model_info *info = r->model->info;
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < info->n_outputs && code == ACL_SUCCESS; i++) {
        const struct view *y = instance_output(instance, i);
        const struct model_border *b = &info->outputs[i];
        size_t bytes = (size_t)shape_elements(&y->shape) * dtype_size(y->dtype);
        if (r->outputs[i].buffer) code = give_memory(call, r->outputs[i].buffer, y->data, bytes);
        if (d && code == ACL_SUCCESS)
            code = dataset_describe(call, d, (size_t)i, b->type, b->format, &y->shape);
    }
    if (d) handle_release(r->outputs_dataset);
    return code;
}

/* With dynamic AIPP a program's buffer is as large as its pictures, which may be more or less than
 * the model has room for. What reads whole inputs, like dumping, must not read beyond it. */
static enum status pad_picture(const struct run *r, int i) {
    struct run_border *x = &r->inputs[i];
    const struct run_border *block = &r->inputs[r->model->info->inputs[i].aipp->attached];
    const struct shape *made = &r->model->info->inputs[i].aipp->made;
    const size_t room = (size_t)shape_elements(&x->shape);
    if (x->bytes >= room) return STATUS_OK;
    size_t need = 0;
    for (int n = 0; n < x->shape.dim[0]; n++) {
        struct aipp a;
        TRY(aipp_from_block(block->data, block->bytes, n, (int)made->dim[1], &a));
        struct shape one = aipp_picture_shape(a.format, 1, a.src_h, a.src_w);
        need += (size_t)shape_elements(&one);
    }
    CHECK(x->bytes >= need, STATUS_ARGUMENT,
          "input %d ('%s') needs %zu bytes for the pictures that its parameters describe; its "
          "buffer has %zu", i, r->model->info->inputs[i].name, need, x->bytes);
    if (x->padded_bytes < room) {
        mem_free(x->padded);
        x->padded = mem_calloc(room, 1);
        x->padded_bytes = x->padded ? room : 0;
    }
    CHECK(x->padded, STATUS_MEMORY, "out of memory for input %d", i);
    memcpy(x->padded, x->data, x->bytes);
    x->data = x->padded;
    x->bytes = room;
    return STATUS_OK;
}

static enum status run_instance(const struct run *r, struct instance *instance) {
    const struct model_info *info = r->model->info;
    for (int i = 0; i < info->n_data; i++)
        if (is_any_size(&info->inputs[i])) TRY(pad_picture(r, i));
    for (int i = 0; i < info->n_data; i++)
        TRY(instance_set_input(instance, i, r->inputs[i].shape, r->inputs[i].data,
                               r->inputs[i].bytes));
    for (int i = 0; i < info->n_outputs; i++)
        TRY(instance_set_output(instance, i, r->outputs[i].data, r->outputs[i].bytes));
    int64_t limit_s = atomic_load(&runtime.op_execute_timeout_s);
    instance_limit_steps(instance, limit_s * 1000000000);
    return instance_run(instance, 0);
}

/* Of a run that failed. */
static void dump_inputs(const struct run *r, uint32_t stream, uint32_t task) {
    const struct model_info *info = r->model->info;
    if (!atomic_load(&runtime.dump_failures)) return;
    for (int i = 0; i < info->n_data; i++) {
        const struct run_border *x = &r->inputs[i];
        const int64_t bytes = (int64_t)x->bytes;
        const struct shape shape = is_any_size(&info->inputs[i]) ? shape_from(1, &bytes) : x->shape;
        dump_failure("Model", info->name, r->model->device, stream, task, i,
                     &(struct view){info->inputs[i].core_type, shape, x->data, "", true});
    }
}

/* on: the stream whose task it is; NULL: none, as the caller waits. */
static aclError run_now(const char *call, const struct run *r, struct stream *on, uint32_t task) {
    const uint32_t stream = on ? stream_id(on) : 0;
    struct allocator_loan loan;
    struct idle *idle = NULL;
    struct loaded *m = r->model;
    enum status s = idle_take(&m->lock, &m->idle, m->model, &idle);
    if (s != STATUS_OK) return acl_fail(ACL_ERROR_GE_MEMORY_ALLOCATION, call, "%s",
                                        status_message());
    bool is_timed = profile_wants_run();
    int64_t begin = is_timed ? profile_now() : 0;
    instance_profile(idle->instance, is_timed);
    instance_borrow(idle->instance, allocator_lend(on, &loan));
    s = run_instance(r, idle->instance);
    instance_borrow(idle->instance, NULL);
    aclError code = ACL_SUCCESS;
    if (s == STATUS_OK) {
        const struct profile_subject of = {m->info->id, m->info->name, m->device};
        if (is_timed) profile_run(&of, idle->instance, stream, task, begin);
        if (m->dump) dump_run(m->dump, m->info, m->device, idle->instance, stream, task);
        if (r->outputs_dataset) code = deliver(call, r, idle->instance);
        idle_put(&m->lock, &m->idle, idle);
        return code;
    }
    const struct model_info *info = r->model->info;
    if (s == STATUS_MEMORY) code = ACL_ERROR_GE_MEMORY_ALLOCATION;
    else if (s == STATUS_ARGUMENT || s == STATUS_SHAPE) code = ACL_ERROR_GE_PARAM_INVALID;
    else if (s == STATUS_TIMEOUT) code = ACL_ERROR_RT_AICORE_TIMEOUT;
    else code = ACL_ERROR_RT_MODEL_EXECUTE;
    acl_fail(code, call, "model '%s': %s", info->name, status_message());
    idle_put(&m->lock, &m->idle, idle);
    dump_inputs(r, stream, task);
    exception_raise(r->model->device, stream, task, code, r->model->info);
    return code;
}

static uint32_t take_task_id(void) { return atomic_fetch_add(&runtime.next_task_id, 1) + 1; }

aclError aclmdlExecute(uint32_t modelId, const aclmdlDataset *input, aclmdlDataset *output) {
    PROFILE_SCOPE(__func__);
    struct run *r;
    ACL_TRY(prepare(__func__, modelId, input, output, &r));
    aclError code = check_run(__func__, r, NULL);
    if (code == ACL_SUCCESS) code = run_now(__func__, r, NULL, take_task_id());
    if (check_is_on()) check_host_ends();
    put_run(r);
    return code;
}

static aclError run_task(struct stream *s, struct task *t) {
    return run_now("aclmdlExecuteAsync", t->run, s, t->id);
}

static void drop_task(struct task *t) { put_run(t->run); }

static aclError queue(const char *call, uint32_t id, const aclmdlDataset *input,
                      aclmdlDataset *output, struct stream *s) {
    struct run *r;
    ACL_TRY(prepare(call, id, input, output, &r));
    aclError code = check_run(call, r, s);
    if (code != ACL_SUCCESS) {
        put_run(r);
        return code;
    }
    return stream_submit(s, &(struct task){.fn = run_task, .drop = drop_task, .run = r}, call);
}

static aclError queue_on(const char *call, uint32_t id, const aclmdlDataset *input,
                         aclmdlDataset *output, aclrtStream stream) {
    PROFILE_SCOPE(call);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, call, &s, &held));
    aclError code = queue(call, id, input, output, s);
    handle_release(held);
    return code;
}

aclError aclmdlExecuteAsync(uint32_t modelId, const aclmdlDataset *input, aclmdlDataset *output,
                            aclrtStream stream) {
    return queue_on(__func__, modelId, input, output, stream);
}

/* ---- settings of a run ---- */

struct run_config {
    pthread_mutex_t lock;
    int32_t sync_timeout; /* milliseconds; -1: for ever */
};

static void config_destroy(void *object) {
    struct run_config *c = object;
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

aclmdlExecConfigHandle *aclmdlCreateExecConfigHandle(void) {
    struct run_config *c = mem_alloc(sizeof *c);
    if (c) {
        *c = (struct run_config){.sync_timeout = -1};
        pthread_mutex_init(&c->lock, NULL);
    }
    return handle_make(HANDLE_EXEC_CONFIG, c, config_destroy, __func__);
}

aclError aclmdlDestroyExecConfigHandle(const aclmdlExecConfigHandle *handle) {
    return handle_end(handle, HANDLE_EXEC_CONFIG, __func__, "handle");
}

aclError aclmdlSetExecConfigOpt(aclmdlExecConfigHandle *handle, aclmdlExecConfigAttr attr,
                                const void *attrValue, size_t valueSize) {
    ACL_NEED(attrValue);
    ACL_CHECK((int)attr >= ACL_MDL_STREAM_SYNC_TIMEOUT && attr <= ACL_MDL_MEC_TIMETHR_SIZET,
              ACL_ERROR_INVALID_PARAM, "attr is %d; use a value of aclmdlExecConfigAttr",
              (int)attr);
    bool is_time = attr == ACL_MDL_STREAM_SYNC_TIMEOUT || attr == ACL_MDL_EVENT_SYNC_TIMEOUT;
    size_t bytes = is_time ? sizeof(int32_t) : sizeof(size_t);
    ACL_CHECK(valueSize == bytes, ACL_ERROR_INVALID_PARAM,
              "valueSize is %zu; attribute %d has %zu bytes", valueSize, (int)attr, bytes);
    int32_t ms = -1;
    if (is_time) memcpy(&ms, attrValue, sizeof ms);
    ACL_CHECK(ms >= -1, ACL_ERROR_INVALID_PARAM,
              "the timeout is %d; it is in milliseconds, or -1 for no limit", ms);
    struct run_config *c = handle_get(handle, HANDLE_EXEC_CONFIG, __func__, "handle");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&c->lock);
    if (attr == ACL_MDL_STREAM_SYNC_TIMEOUT) c->sync_timeout = ms;
    pthread_mutex_unlock(&c->lock);
    handle_release(handle);
    return ACL_SUCCESS;
}

/* NULL means defaults. */
static aclError read_config(const char *call, const aclmdlExecConfigHandle *handle,
                            int32_t *timeout) {
    *timeout = -1;
    if (!handle) return ACL_SUCCESS;
    struct run_config *c = handle_get(handle, HANDLE_EXEC_CONFIG, call, "handle");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&c->lock);
    *timeout = c->sync_timeout;
    pthread_mutex_unlock(&c->lock);
    handle_release(handle);
    return ACL_SUCCESS;
}

aclError aclmdlExecuteV2(uint32_t modelId, const aclmdlDataset *input, aclmdlDataset *output,
                         aclrtStream stream, const aclmdlExecConfigHandle *handle) {
    PROFILE_SCOPE(__func__);
    int32_t timeout;
    ACL_TRY(read_config(__func__, handle, &timeout));
    ACL_TRY(stream_need_other_thread(__func__));
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    aclError code = queue(__func__, modelId, input, output, s);
    if (code == ACL_SUCCESS) code = stream_wait(s, timeout, __func__);
    handle_release(held);
    return code;
}

aclError aclmdlExecuteAsyncV2(uint32_t modelId, const aclmdlDataset *input, aclmdlDataset *output,
                              aclrtStream stream, const aclmdlExecConfigHandle *handle) {
    int32_t timeout;
    ACL_TRY(read_config(__func__, handle, &timeout));
    return queue_on(__func__, modelId, input, output, stream);
}
