/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which operators a program calls: a file for each type, shape and set of attributes, in the form
 * atc --singleop reads. The first call of each writes its file.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "acl/dump_internal.h"
#include "acl/internal.h"
#include "acl/op.h"
#include "base/alloc.h"
#include "om/om.h"
#include "ops/op.h"

/* Between aclopStartDumpArgs and aclopStopDumpArgs; guarded by runtime.ops_lock. */
struct op_args {
    char *folder;
    int n; /* files */
    char failure[PATH_MAX + 128]; /* of the first that could not be written */
    struct seen {
        struct seen *next;
        char *key;
    } *seen;
};

static void destroy(struct op_args *a) {
    if (!a) return;
    while (a->seen) {
        struct seen *next = a->seen->next;
        mem_free(a->seen->key);
        mem_free(a->seen);
        a->seen = next;
    }
    mem_free(a->folder);
    mem_free(a);
}

/* ---- as JSON ---- */

static const char *const type_names[DT_COUNT] = {
    [DT_NONE] = "UNDEFINED", [DT_F32] = "float32", [DT_F16] = "float16", [DT_BF16] = "bfloat16",
    [DT_F64] = "double",     [DT_I8] = "int8",     [DT_U8] = "uint8",    [DT_I16] = "int16",
    [DT_U16] = "uint16",     [DT_I32] = "int32",   [DT_U32] = "uint32",  [DT_I64] = "int64",
    [DT_U64] = "uint64",     [DT_BOOL] = "bool",
};

static const char *format_name(aclFormat format) {
    switch ((int)format) {
    case ACL_FORMAT_NCHW: return "NCHW";
    case ACL_FORMAT_NHWC: return "NHWC";
    case ACL_FORMAT_HWCN: return "HWCN";
    case ACL_FORMAT_NCDHW: return "NCDHW";
    case ACL_FORMAT_NC: return "NC";
    case ACL_FORMAT_NCL: return "NCL";
    default: return "ND";
    }
}

static json_t *tensor_json(const struct single_tensor *t, aclFormat format, bool is_value) {
    json_t *json = json_object(), *shape = json_array();
    json_object_set_new(json, "format", json_string(format_name(format)));
    if (t->shape.rank < 0) json_array_append_new(shape, json_integer(-2));
    for (int d = 0; d < t->shape.rank; d++)
        json_array_append_new(shape, json_integer(t->shape.dim[d]));
    json_object_set_new(json, "shape", shape);
    json_object_set_new(json, "type", json_string(type_names[t->dtype]));
    int64_t n = shape_elements(&t->shape);
    if (!is_value || !t->data || n < 0) return json;
    const struct view v = {.dtype = t->dtype, .shape = t->shape, .data = (void *)t->data};
    json_t *values = json_array();
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(values, dtype_is_float(t->dtype)
                                          ? om_float_to_json(view_get_f64(&v, i))
                                          : json_integer(view_get_i64(&v, i)));
    json_object_set_new(json, "is_const", json_true());
    json_object_set_new(json, "const_value", values);
    return json;
}

static json_t *attr_json(const struct attr *a) {
    static const char *const types[] = {[ATTR_INT] = "int", [ATTR_FLOAT] = "float",
                                        [ATTR_STRING] = "string", [ATTR_INTS] = "list_int",
                                        [ATTR_FLOATS] = "list_float"};
    bool is_list = a->type == ATTR_INTS || a->type == ATTR_FLOATS;
    bool is_float = a->type == ATTR_FLOAT || a->type == ATTR_FLOATS;
    json_t *json = json_object(), *list = json_array();
    for (int i = 0; i < a->n && a->type != ATTR_STRING; i++)
        json_array_append_new(list, is_float ? om_float_to_json((double)a->floats[i])
                                             : json_integer(a->ints[i]));
    json_t *value = a->type == ATTR_STRING ? json_string(a->string)
                    : is_list              ? json_incref(list)
                                           : json_incref(json_array_get(list, 0));
    json_decref(list);
    json_object_set_new(json, "name", json_string(a->name));
    json_object_set_new(json, "type", json_string(types[a->type]));
    json_object_set_new(json, "value", value);
    return json;
}

static json_t *op_json(const struct op_request *r) {
    const struct single_op *op = &r->op;
    uint64_t values = single_op_values(op);
    json_t *json = json_object(), *in = json_array(), *out = json_array(), *attrs = json_array();
    for (int i = 0; i < op->n_inputs; i++)
        json_array_append_new(in, tensor_json(&op->inputs[i], r->formats[i], values >> i & 1));
    for (int i = 0; i < op->n_outputs; i++)
        json_array_append_new(out, tensor_json(&op->outputs[i], r->formats[op->n_inputs + i],
                                               false));
    for (int i = 0; i < op->n_attrs; i++) json_array_append_new(attrs, attr_json(&op->attrs[i]));
    json_object_set_new(json, "op", json_string(op->type));
    json_object_set_new(json, "input_desc", in);
    json_object_set_new(json, "output_desc", out);
    json_object_set_new(json, "attr", attrs);
    json_t *list = json_array();
    json_array_append_new(list, json);
    return list;
}

/* ---- noting ---- */

static bool was_seen(const struct op_args *a, const char *key) {
    for (const struct seen *s = a->seen; s; s = s->next)
        if (!strcmp(s->key, key)) return true;
    return false;
}

/* With the lock held; takes key. */
static void add(struct op_args *a, const struct op_request *r, char *key) {
    char path[PATH_MAX];
    struct seen *s = mem_alloc(sizeof *s);
    if (!s) {
        mem_free(key);
        return;
    }
    *s = (struct seen){a->seen, key};
    a->seen = s;
    int n = snprintf(path, sizeof path, "%s/%d_%s.json", a->folder, a->n++, r->op.type);
    json_t *list = op_json(r);
    errno = ENAMETOOLONG;
    bool ok = n > 0 && (size_t)n < sizeof path &&
              !json_dump_file(list, path, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!ok && !a->failure[0])
        snprintf(a->failure, sizeof a->failure, "'%s' cannot be written: %s", path,
                 strerror(errno));
    json_decref(list);
}

void op_args_note(const struct op_request *r) {
    char *key;
    if (!atomic_load(&runtime.op_args_on)) return;
    if (single_op_key(&r->op, &key) != STATUS_OK) return;
    pthread_mutex_lock(&runtime.ops_lock);
    if (runtime.op_args && !was_seen(runtime.op_args, key)) add(runtime.op_args, r, key);
    else mem_free(key);
    pthread_mutex_unlock(&runtime.ops_lock);
}

/* ---- the calls ---- */

static struct op_args *take(void) {
    pthread_mutex_lock(&runtime.ops_lock);
    struct op_args *a = runtime.op_args;
    runtime.op_args = NULL;
    atomic_store(&runtime.op_args_on, false);
    pthread_mutex_unlock(&runtime.ops_lock);
    return a;
}

void op_args_reset(void) { destroy(take()); }

static aclError check_type(const char *call, uint32_t type) {
    if (type == ACL_OP_DUMP_OP_AICORE_ARGS) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "dumpType is %u; there is only ACL_OP_DUMP_OP_AICORE_ARGS", type);
}

aclError aclopStartDumpArgs(uint32_t dumpType, const char *path) {
    ACL_NEED(path);
    ACL_NEED_STARTED();
    ACL_TRY(check_type(__func__, dumpType));
    char folders[PATH_MAX];
    int n = snprintf(folders, sizeof folders, "%s/", path);
    ACL_CHECK(*path && n > 0 && (size_t)n < sizeof folders, ACL_ERROR_INVALID_PARAM,
              "path is empty or too long");
    ACL_CHECK(dump_make_folders(folders, 0), ACL_ERROR_WRITE_FILE,
              "the folder '%s' cannot be made: %m", path);
    struct op_args *a = mem_calloc(1, sizeof *a);
    if (a) a->folder = mem_strdup(path);
    if (!a || !a->folder) {
        destroy(a);
        ACL_FAIL(ACL_ERROR_BAD_ALLOC, "no memory for statistics");
    }
    pthread_mutex_lock(&runtime.ops_lock);
    bool was_on = runtime.op_args != NULL;
    if (!was_on) runtime.op_args = a;
    atomic_store(&runtime.op_args_on, true);
    pthread_mutex_unlock(&runtime.ops_lock);
    if (was_on) destroy(a);
    ACL_CHECK(!was_on, ACL_ERROR_DUMP_ALREADY_RUN,
              "the statistics have begun already; end them with aclopStopDumpArgs");
    return ACL_SUCCESS;
}

aclError aclopStopDumpArgs(uint32_t dumpType) {
    ACL_NEED_STARTED();
    ACL_TRY(check_type(__func__, dumpType));
    struct op_args *a = take();
    ACL_CHECK(a, ACL_ERROR_DUMP_NOT_RUN,
              "the statistics have not begun; call aclopStartDumpArgs first");
    aclError code = ACL_SUCCESS;
    if (a->failure[0]) code = acl_fail(ACL_ERROR_WRITE_FILE, __func__, "%s", a->failure);
    destroy(a);
    return code;
}
