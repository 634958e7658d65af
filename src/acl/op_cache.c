/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single operators made ready to run, kept for the next call that wants the same: type, tensors,
 * attributes and device. The list is bounded; the one not used for longest goes first, and what
 * still runs keeps its own.
 */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/op.h"
#include "base/alloc.h"
#include "exec/model.h"

enum { DEFAULT_OP_MODELS = 1024 };

aclError op_refuse(const char *call, const char *type, enum status status) {
    aclError code = single_op_known(type) ? acl_code(status) : ACL_ERROR_OP_NOT_FOUND;
    return acl_fail(code, call, "%s", status_message());
}

static uint64_t hash_of(const char *text) {
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

void op_model_release(struct op_model *m) {
    if (!m || atomic_fetch_sub_explicit(&m->n_users, 1, memory_order_acq_rel) != 1) return;
    idle_free(&m->idle);
    model_destroy(m->model);
    device_leave(m->device);
    pthread_mutex_destroy(&m->lock);
    mem_free(m->key);
    mem_free(m);
}

/* ---- the list, with its lock held ---- */

static struct op_model *find(const struct op_model *like) {
    for (struct op_model **at = &runtime.op_models; *at; at = &(*at)->next) {
        struct op_model *m = *at;
        if (m->hash != like->hash || m->device != like->device || strcmp(m->key, like->key))
            continue;
        *at = m->next;
        m->next = runtime.op_models;
        runtime.op_models = m;
        atomic_fetch_add_explicit(&m->n_users, 1, memory_order_relaxed);
        return m;
    }
    return NULL;
}

/* What is over the bound, taken out as a list of its own. */
static struct op_model *cut(void) {
    uint64_t max = runtime.max_op_models ? runtime.max_op_models : DEFAULT_OP_MODELS;
    if (runtime.n_op_models <= max) return NULL;
    struct op_model **at = &runtime.op_models;
    for (uint64_t i = 0; i < max; i++) at = &(*at)->next;
    struct op_model *rest = *at;
    *at = NULL;
    runtime.n_op_models = max;
    return rest;
}

/* ---- without it ---- */

static void release_list(struct op_model *m) {
    while (m) {
        struct op_model *next = m->next;
        op_model_release(m);
        m = next;
    }
}

/* Takes key. */
static aclError make(const char *call, const struct single_op *op, int device, char *key,
                     struct op_model **out) {
    struct op_model *m = mem_calloc(1, sizeof *m);
    struct device *pool;
    aclError code = m ? device_join(call, device, &pool)
                      : acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an operator");
    if (code != ACL_SUCCESS) {
        mem_free(m);
        mem_free(key);
        return code;
    }
    m->key = key;
    m->hash = hash_of(key);
    m->device = device;
    m->number = PROFILE_OPERATOR + atomic_fetch_add(&runtime.last_op_number, 1);
    atomic_init(&m->n_users, 1);
    pthread_mutex_init(&m->lock, NULL);
    struct graph *g;
    enum status s = op_files_build(call, op, key, &g);
    if (s == STATUS_OK) s = model_create(g, pool, &m->model);
    if (s != STATUS_OK) {
        code = op_refuse(call, op->type, s);
        op_model_release(m);
        return code;
    }
    *out = m;
    return ACL_SUCCESS;
}

aclError op_model_get(const char *call, const struct single_op *op, int device,
                      struct op_model **out) {
    char *key;
    enum status s = single_op_key(op, &key);
    if (s != STATUS_OK) return op_refuse(call, op->type, s);
    const struct op_model like = {.key = key, .hash = hash_of(key), .device = device};
    pthread_mutex_lock(&runtime.ops_lock);
    *out = find(&like);
    pthread_mutex_unlock(&runtime.ops_lock);
    if (*out) {
        mem_free(key);
        return ACL_SUCCESS;
    }
    struct op_model *made = NULL;
    ACL_TRY(make(call, op, device, key, &made));
    pthread_mutex_lock(&runtime.ops_lock);
    struct op_model *rest = NULL;
    *out = find(made); /* another thread may have been faster */
    if (!*out) {
        *out = made;
        made->next = runtime.op_models;
        runtime.op_models = made;
        atomic_fetch_add_explicit(&made->n_users, 1, memory_order_relaxed);
        runtime.n_op_models++;
        rest = cut();
    }
    pthread_mutex_unlock(&runtime.ops_lock);
    if (*out != made) op_model_release(made);
    release_list(rest);
    return ACL_SUCCESS;
}

void op_models_forget(void) {
    pthread_mutex_lock(&runtime.ops_lock);
    struct op_model *all = runtime.op_models;
    runtime.op_models = NULL;
    runtime.n_op_models = 0;
    pthread_mutex_unlock(&runtime.ops_lock);
    release_list(all);
}

void ops_reset(void) {
    op_models_forget();
    op_files_reset();
    op_args_reset();
    pthread_mutex_lock(&runtime.ops_lock);
    for (int i = 0; i < N_OP_OPTIONS; i++) {
        mem_free(runtime.op_options[i]);
        runtime.op_options[i] = NULL;
    }
    pthread_mutex_unlock(&runtime.ops_lock);
}

aclError aclopSetMaxOpQueueNum(uint64_t maxOpNum) {
    ACL_NEED_STARTED();
    ACL_CHECK(maxOpNum > 0, ACL_ERROR_INVALID_PARAM, "maxOpNum is 0; at least 1 is kept");
    pthread_mutex_lock(&runtime.ops_lock);
    runtime.max_op_models = maxOpNum;
    struct op_model *rest = cut();
    pthread_mutex_unlock(&runtime.ops_lock);
    release_list(rest);
    return ACL_SUCCESS;
}

/* ---- compile options ---- */

aclError op_option_set(const char *call, int option, const char *value) {
    ACL_TRY(runtime_need_started(call));
    char *copy = mem_strdup(value);
    if (!copy) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an option");
    pthread_mutex_lock(&runtime.ops_lock);
    char *old = runtime.op_options[option];
    runtime.op_options[option] = copy;
    pthread_mutex_unlock(&runtime.ops_lock);
    mem_free(old);
    return ACL_SUCCESS;
}

size_t op_option_get(int option, char *to, size_t n_bytes) {
    pthread_mutex_lock(&runtime.ops_lock);
    const char *value = runtime.op_options[option];
    size_t need = value ? strlen(value) + 1 : 0;
    if (need && need <= n_bytes) memcpy(to, value, need);
    pthread_mutex_unlock(&runtime.ops_lock);
    return need;
}
