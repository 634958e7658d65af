/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running single operators. What a call says is read in the caller's thread, so that what is wrong
 * is said at once; the operator runs in stream order. Where axes or sizes are inputs, only the
 * stream's turn tells them, and the operator is made ready then.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "acl/allocator.h"
#include "acl/dump.h"
#include "acl/internal.h"
#include "acl/model.h"
#include "acl/op.h"
#include "base/alloc.h"
#include "exec/model.h"

struct op_buffer {
    void *data;
    size_t bytes;
    const void *desc; /* an output's, to be told its shape if it still exists; NULL: none */
};

struct op_run {
    const char *call;
    struct op_request *request;
    struct op_model *model; /* NULL: made when its values are known */
    int n_inputs, n_outputs;
    struct op_buffer *inputs, *outputs;
};

/* Behind an aclopHandle. */
struct op_handle {
    struct op_request *request;
    struct op_model *model; /* NULL while values are missing */
};

static void run_destroy(struct op_run *r) {
    op_model_release(r->model);
    op_request_release(r->request);
    mem_free(r);
}

/* ---- in stream order ---- */

/* The operator with the values its buffers have now. */
static aclError get_model(const char *call, const struct op_request *request,
                          const struct op_buffer *buffers, int device, struct op_model **out) {
    struct single_tensor inputs[SINGLE_OP_MAX];
    struct single_op op = request->op;
    if (op.n_inputs) memcpy(inputs, op.inputs, (size_t)op.n_inputs * sizeof *inputs);
    for (int i = 0; i < op.n_inputs; i++)
        if (request->missing >> i & 1) inputs[i].data = buffers[i].data;
    op.inputs = inputs;
    return op_model_get(call, &op, device, out);
}

static enum status run_instance(const struct op_run *r, struct instance *instance) {
    const struct single_op *op = &r->request->op;
    uint64_t values = single_op_values(op);
    int n = 0;
    for (int i = 0; i < op->n_inputs; i++) {
        if (op->inputs[i].dtype == DT_NONE || values >> i & 1) continue;
        TRY(instance_set_input(instance, n++, op->inputs[i].shape, r->inputs[i].data,
                               r->inputs[i].bytes));
    }
    for (int i = 0; i < op->n_outputs; i++)
        TRY(instance_set_output(instance, i, r->outputs[i].data, r->outputs[i].bytes));
    return instance_run(instance, 0);
}

static aclError tell_shapes(const struct op_run *r, const struct instance *instance) {
    for (int i = 0; i < r->n_outputs; i++) {
        const struct view *y = instance_output(instance, i);
        const void *desc = r->outputs[i].desc;
        if (!desc || !handle_acquire(desc, HANDLE_TENSOR_DESC)) continue;
        aclError code = tensor_tell(r->call, desc, acl_type(y->dtype), &y->shape);
        handle_release(desc);
        ACL_TRY(code);
    }
    return ACL_SUCCESS;
}

static void view_inputs(const struct op_run *r, struct view *views) {
    const struct single_op *op = &r->request->op;
    for (int i = 0; i < r->n_inputs; i++)
        views[i] = (struct view){op->inputs[i].dtype, op->inputs[i].shape, r->inputs[i].data, "",
                                 true};
}

/* Runs it, and leaves what was asked for in profiles and dumps. */
static aclError run_model(struct op_run *r, struct instance *instance, int device, uint32_t stream,
                          uint32_t task) {
    const char *type = r->request->op.type;
    const struct profile_subject of = {r->model->number, type, device};
    struct view inputs[SINGLE_OP_MAX];
    const struct view *outputs[SINGLE_OP_MAX];
    struct dump_op dump;
    view_inputs(r, inputs);
    dump_op_begin(&dump, type, device, stream, task, r->n_inputs, inputs);
    bool is_timed = profile_wants_run();
    int64_t begin = is_timed ? profile_now() : 0;
    instance_profile(instance, is_timed);
    enum status s = run_instance(r, instance);
    if (s == STATUS_OK && is_timed) profile_run(&of, instance, stream, task, begin);
    aclError code = s == STATUS_OK ? tell_shapes(r, instance) : op_refuse(r->call, type, s);
    for (int i = 0; i < r->n_outputs; i++) outputs[i] = instance_output(instance, i);
    dump_op_end(&dump, r->n_outputs, s == STATUS_OK ? outputs : NULL);
    return code;
}

static aclError run_now(struct op_run *r, struct stream *s, uint32_t task) {
    struct idle *idle;
    struct allocator_loan loan;
    const int device = stream_device(s);
    if (!r->model) ACL_TRY(get_model(r->call, r->request, r->inputs, device, &r->model));
    struct op_model *m = r->model;
    enum status status = idle_take(&m->lock, &m->idle, m->model, &idle);
    if (status != STATUS_OK) return op_refuse(r->call, r->request->op.type, status);
    instance_borrow(idle->instance, allocator_lend(s, &loan));
    aclError code = run_model(r, idle->instance, device, stream_id(s), task);
    instance_borrow(idle->instance, NULL);
    idle_put(&m->lock, &m->idle, idle);
    return code;
}

static void dump_inputs(const struct op_run *r, int device, uint32_t stream, uint32_t task) {
    struct view inputs[SINGLE_OP_MAX];
    const char *type = r->request->op.type;
    if (!atomic_load(&runtime.dump_failures)) return;
    view_inputs(r, inputs);
    for (int i = 0; i < r->n_inputs; i++)
        dump_failure(type, type, device, stream, task, i, &inputs[i]);
}

static aclError run_task(struct stream *s, struct task *t) {
    int device = stream_device(s);
    aclError code = run_now(t->op_run, s, t->id);
    if (code == ACL_SUCCESS) return code;
    dump_inputs(t->op_run, device, stream_id(s), t->id);
    exception_raise(device, stream_id(s), t->id, code, NULL);
    return code;
}

static void drop_task(struct task *t) { run_destroy(t->op_run); }

/* ---- in the caller's thread ---- */

/* Bytes of a tensor; 0 where its shape is not known yet. */
static size_t tensor_bytes(const struct shape *shape, enum dtype dtype) {
    int64_t n = shape_elements(shape);
    return n > 0 ? (size_t)n * dtype_size(dtype) : 0;
}

static aclError check_room(const char *call, const char *side, int i, const struct op_buffer *b,
                           size_t need) {
    if (b->bytes >= need && (b->data || !need)) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s %d needs %zu bytes; its buffer has %zu%s",
                    side, i, need, b->bytes, b->data ? "" : " and no address");
}

static aclError read_buffers(const char *call, const char *side, int n,
                             const struct single_tensor *tensors,
                             const aclDataBuffer *const *buffers, struct op_buffer *to) {
    if (n > 0 && !buffers) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%ss is NULL", side);
    for (int i = 0; i < n; i++) {
        if (!buffer_read(call, buffers[i], &to[i].data, &to[i].bytes))
            return ACL_ERROR_INVALID_PARAM;
        size_t need = tensor_bytes(&tensors[i].shape, tensors[i].dtype);
        /* Programs that call aclSetTensorConst pass no memory beside it. */
        if (tensors[i].data && !to[i].data) {
            to[i].data = (void *)(uintptr_t)tensors[i].data;
            to[i].bytes = need;
        }
        ACL_TRY(check_room(call, side, i, &to[i], need));
    }
    return ACL_SUCCESS;
}

static aclError check_outputs(const struct op_run *r) {
    const struct graph *g = model_graph(r->model->model);
    for (int i = 0; i < r->n_outputs; i++) {
        const struct tensor *y = &g->tensors[g->outputs[i]];
        if (!r->outputs[i].data && !shape_known(&y->shape))
            return acl_fail(ACL_ERROR_INVALID_PARAM, r->call,
                            "output %d has a size that only the run tells; its buffer has no "
                            "address", i);
        ACL_TRY(check_room(r->call, "output", i, &r->outputs[i],
                           tensor_bytes(&y->shape, y->dtype)));
    }
    return ACL_SUCCESS;
}

static aclError prepare(struct op_run *r, const aclDataBuffer *const *inputs,
                        aclDataBuffer *const *outputs, aclTensorDesc *const *descs, int device) {
    const struct op_request *request = r->request;
    const struct single_op *op = &request->op;
    ACL_TRY(read_buffers(r->call, "input", op->n_inputs, op->inputs, inputs, r->inputs));
    ACL_TRY(read_buffers(r->call, "output", op->n_outputs, op->outputs,
                         (const aclDataBuffer *const *)outputs, r->outputs));
    if (!r->model && (request->missing & ~request->on_host) == 0)
        ACL_TRY(get_model(r->call, request, r->inputs, device, &r->model));
    if (r->model) ACL_TRY(check_outputs(r));
    for (int i = 0; descs && i < op->n_outputs; i++)
        if (!shape_known(&op->outputs[i].shape)) r->outputs[i].desc = descs[i];
    return ACL_SUCCESS;
}

/* For the checked mode. Inputs said to be the host's are read when the operator is asked for. */
static aclError check_uses(const char *call, const struct op_run *r, const struct stream *s) {
    struct check_use uses[2 * SINGLE_OP_MAX];
    int n = 0;
    for (int i = 0; i < r->n_inputs; i++) {
        if (r->request->on_host >> i & 1) continue;
        if (r->inputs[i].data == r->request->op.inputs[i].data) continue; /* aclSetTensorConst */
        ACL_TRY(check_device_buffer(call, "an input's buffer", r->inputs[i].data));
        uses[n++] = (struct check_use){"an input", r->inputs[i].data, r->inputs[i].bytes, false,
                                       0, 0};
    }
    for (int i = 0; i < r->n_outputs; i++) {
        ACL_TRY(check_device_buffer(call, "an output's buffer", r->outputs[i].data));
        uses[n++] = (struct check_use){"an output", r->outputs[i].data, r->outputs[i].bytes, true,
                                       0, 0};
    }
    return check_stream_uses(call, stream_id(s), uses, n);
}

/* descs: outputs' descriptions that are told shapes not described before; NULL: none. */
static aclError submit(const char *call, struct op_request *request, struct op_model *model,
                       const aclDataBuffer *const *inputs, aclDataBuffer *const *outputs,
                       aclTensorDesc *const *descs, aclrtStream stream) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, call, &s, &held));
    const struct single_op *op = &request->op;
    size_t n = (size_t)op->n_inputs + (size_t)op->n_outputs;
    struct op_run *r = mem_calloc(1, sizeof *r + n * sizeof *r->inputs);
    aclError code = ACL_ERROR_BAD_ALLOC;
    if (r) {
        r->call = call;
        r->request = op_request_share(request);
        r->n_inputs = op->n_inputs;
        r->n_outputs = op->n_outputs;
        r->inputs = (struct op_buffer *)(r + 1);
        r->outputs = r->inputs + r->n_inputs;
        if (model && model->device == stream_device(s)) {
            atomic_fetch_add_explicit(&model->n_users, 1, memory_order_relaxed);
            r->model = model;
        }
        code = prepare(r, inputs, outputs, descs, stream_device(s));
        if (code == ACL_SUCCESS && check_is_on()) code = check_uses(call, r, s);
        if (code == ACL_SUCCESS) op_args_note(request);
        if (code == ACL_SUCCESS)
            code = stream_submit(s, &(struct task){.fn = run_task, .drop = drop_task, .op_run = r},
                                 call);
        else run_destroy(r);
    } else {
        acl_fail(code, call, "no memory for a task of a stream");
    }
    handle_release(held);
    return code;
}

aclError op_execute(const char *call, const struct op_arguments *a,
                    const aclDataBuffer *const *inputs, aclDataBuffer *const *outputs,
                    aclTensorDesc *const *descs, aclrtStream stream) {
    struct op_request *request;
    ACL_TRY(context_need(call));
    ACL_TRY(op_request_create(call, a, &request));
    aclError code = submit(call, request, NULL, inputs, outputs, descs, stream);
    op_request_release(request);
    return code;
}

aclError aclopExecute(const char *opType, int numInputs, const aclTensorDesc *const inputDesc[],
                      const aclDataBuffer *const inputs[], int numOutputs,
                      const aclTensorDesc *const outputDesc[], aclDataBuffer *const outputs[],
                      const aclopAttr *attr, aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    const struct op_arguments a = {opType, numInputs, numOutputs, inputDesc, outputDesc, attr};
    return op_execute(__func__, &a, inputs, outputs, NULL, stream);
}

aclError aclopExecuteV2(const char *opType, int numInputs, aclTensorDesc *inputDesc[],
                        aclDataBuffer *inputs[], int numOutputs, aclTensorDesc *outputDesc[],
                        aclDataBuffer *outputs[], aclopAttr *attr, aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    const struct op_arguments a = {opType, numInputs, numOutputs,
                                   (const aclTensorDesc *const *)inputDesc,
                                   (const aclTensorDesc *const *)outputDesc, attr};
    return op_execute(__func__, &a, (const aclDataBuffer *const *)inputs, outputs, outputDesc,
                      stream);
}

static aclError check_truncate(const char *call, uint8_t truncate) {
    if (truncate <= 1) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "truncate is %d; it is 0 or 1", truncate);
}

aclError aclopCast(const aclTensorDesc *srcDesc, const aclDataBuffer *srcBuffer,
                   const aclTensorDesc *dstDesc, aclDataBuffer *dstBuffer, uint8_t truncate,
                   aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_TRY(check_truncate(__func__, truncate));
    const struct op_arguments a = {"Cast", 1, 1, &srcDesc, &dstDesc, NULL};
    return op_execute(__func__, &a, &srcBuffer, &dstBuffer, NULL, stream);
}

/* ---- handles ---- */

static void handle_clear(struct op_handle *h) {
    op_model_release(h->model);
    if (h->request) op_request_release(h->request);
}

static void handle_destroy(void *object) {
    handle_clear(object);
    mem_free(object);
}

static aclError fill_handle(const char *call, const struct op_arguments *a, struct op_handle *h) {
    struct context *c;
    void *context;
    ACL_TRY(context_current(call, &c, &context));
    int device = c->device;
    handle_release(context);
    ACL_TRY(op_request_create(call, a, &h->request));
    if (h->request->missing) return ACL_SUCCESS;
    return op_model_get(call, &h->request->op, device, &h->model);
}

aclError op_compile(const char *call, const struct op_arguments *a) {
    struct op_handle h = {0};
    aclError code = fill_handle(call, a, &h);
    handle_clear(&h);
    return code;
}

aclError op_create_handle(const char *call, const struct op_arguments *a, aclopHandle **out) {
    if (!out) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "handle is NULL");
    struct op_handle *h = mem_calloc(1, sizeof *h);
    if (!h) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an operator");
    aclError code = fill_handle(call, a, h);
    if (code != ACL_SUCCESS) {
        handle_destroy(h);
        return code;
    }
    void *handle = handle_make(HANDLE_OP, h, handle_destroy, call);
    if (!handle) return ACL_ERROR_BAD_ALLOC;
    *out = handle;
    return ACL_SUCCESS;
}

aclError aclopCreateHandle(const char *opType, int numInputs,
                           const aclTensorDesc *const inputDesc[], int numOutputs,
                           const aclTensorDesc *const outputDesc[], const aclopAttr *opAttr,
                           aclopHandle **handle) {
    const struct op_arguments a = {opType, numInputs, numOutputs, inputDesc, outputDesc, opAttr};
    return op_create_handle(__func__, &a, handle);
}

aclError aclopCreateHandleForCast(aclTensorDesc *srcDesc, aclTensorDesc *dstDesc, uint8_t truncate,
                                  aclopHandle **handle) {
    ACL_TRY(check_truncate(__func__, truncate));
    const aclTensorDesc *src = srcDesc, *dst = dstDesc;
    const struct op_arguments a = {"Cast", 1, 1, &src, &dst, NULL};
    return op_create_handle(__func__, &a, handle);
}

void aclopDestroyHandle(aclopHandle *handle) {
    if (handle) handle_end(handle, HANDLE_OP, __func__, "handle");
}

aclError aclopExecWithHandle(aclopHandle *handle, int numInputs,
                             const aclDataBuffer *const inputs[], int numOutputs,
                             aclDataBuffer *const outputs[], aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    struct op_handle *h = handle_get(handle, HANDLE_OP, __func__, "handle");
    if (!h) return ACL_ERROR_INVALID_PARAM;
    const struct single_op *op = &h->request->op;
    aclError code;
    if (numInputs != op->n_inputs || numOutputs != op->n_outputs)
        code = acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
                        "%d inputs and %d outputs; the handle was made for %d and %d", numInputs,
                        numOutputs, op->n_inputs, op->n_outputs);
    else code = submit(__func__, h->request, h->model, inputs, outputs, NULL, stream);
    handle_release(handle);
    return code;
}

/* ---- shapes ---- */

/* Values are read at once: there is no stream to wait for. */
static aclError build_now(const char *call, const struct op_request *request,
                          const aclDataBuffer *const *buffers, bool with_outputs,
                          struct graph **out) {
    struct single_tensor inputs[SINGLE_OP_MAX], outputs[SINGLE_OP_MAX];
    struct single_op op = request->op;
    for (int i = 0; i < op.n_inputs; i++) {
        inputs[i] = op.inputs[i];
        if (!(request->missing >> i & 1)) continue;
        struct op_buffer b;
        if (!buffers)
            return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "inputs is NULL; the values of input %d decide the shape", i);
        ACL_TRY(read_buffers(call, "input", 1, &op.inputs[i], &buffers[i], &b));
        inputs[i].data = b.data;
    }
    for (int i = 0; i < op.n_outputs; i++) {
        outputs[i] = op.outputs[i];
        if (!with_outputs) outputs[i].shape = shape_unknown();
    }
    op.inputs = inputs;
    op.outputs = outputs;
    enum status s = single_op_build(&op, out);
    return s == STATUS_OK ? ACL_SUCCESS : op_refuse(call, op.type, s);
}

/* What the descriptions say now is not what they are asked for. */
static aclError infer(const char *call, const struct op_request *request,
                      const aclDataBuffer *const *buffers, aclTensorDesc *const *descs) {
    struct graph *g;
    ACL_TRY(build_now(call, request, buffers, false, &g));
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < request->op.n_outputs && code == ACL_SUCCESS; i++) {
        const struct tensor *y = &g->tensors[g->outputs[i]];
        code = tensor_tell(call, descs[i], acl_type(y->dtype), &y->shape);
    }
    graph_destroy(g);
    return code;
}

static aclError print_to(const char *call, const struct graph *g, const char *type,
                         const char *path) {
    char file[PATH_MAX];
    struct stat st;
    bool is_folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    int n = snprintf(file, sizeof file, "%s%s%s%s", path, is_folder ? "/" : "",
                     is_folder ? type : "", is_folder ? ".txt" : "");
    if (n < 0 || (size_t)n >= sizeof file)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "graphDumpPath is too long");
    FILE *to = fopen(file, "w");
    if (!to) return acl_fail(ACL_ERROR_WRITE_FILE, call, "'%s' cannot be written: %m", file);
    enum status s = graph_print(g, to, SINGLE_OP_MAX_VALUES);
    if (fclose(to) && s == STATUS_OK)
        return acl_fail(ACL_ERROR_WRITE_FILE, call, "'%s' cannot be written: %m", file);
    return s == STATUS_OK ? ACL_SUCCESS : acl_fail_status(s, call);
}

aclError op_print_graph(const char *call, const struct op_arguments *a,
                        const aclDataBuffer *const *inputs, const char *path) {
    struct op_request *request;
    struct graph *g;
    ACL_TRY(runtime_need_started(call));
    if (!path || !*path)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "graphDumpPath is %s", path ? "empty"
                                                                                   : "NULL");
    ACL_TRY(op_request_create(call, a, &request));
    aclError code = build_now(call, request, inputs, true, &g);
    if (code == ACL_SUCCESS) {
        code = print_to(call, g, request->op.type, path);
        graph_destroy(g);
    }
    op_request_release(request);
    return code;
}

aclError aclopInferShape(const char *opType, int numInputs, aclTensorDesc *inputDesc[],
                         aclDataBuffer *inputs[], int numOutputs, aclTensorDesc *outputDesc[],
                         aclopAttr *attr) {
    ACL_NEED_STARTED();
    const struct op_arguments a = {opType, numInputs, numOutputs,
                                   (const aclTensorDesc *const *)inputDesc,
                                   (const aclTensorDesc *const *)outputDesc, attr};
    struct op_request *request;
    ACL_TRY(op_request_create(__func__, &a, &request));
    aclError code = infer(__func__, request, (const aclDataBuffer *const *)inputs, outputDesc);
    op_request_release(request);
    return code;
}
