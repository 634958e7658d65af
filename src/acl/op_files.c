/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offline models of single operators, as atc --singleop writes them. What is loaded is used for
 * every operator its pattern stands for; every other operator is made ready when it is first
 * wanted, so a program without such files works as well.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "acl/acl_op.h"
#include "acl/internal.h"
#include "acl/op.h"
#include "base/alloc.h"
#include "om/om.h"

enum { MAX_LEVELS = 3 };

struct op_file {
    struct op_file *next;
    char *pattern, *name;
    struct graph *graph; /* NULL: an open pattern, whose graph is made from the call */
};

static void destroy(struct op_file *f) {
    if (!f) return;
    graph_destroy(f->graph);
    mem_free(f->pattern);
    mem_free(f->name);
    mem_free(f);
}

static void destroy_list(struct op_file *f) {
    while (f) {
        struct op_file *next = f->next;
        destroy(f);
        f = next;
    }
}

/* ---- reading ---- */

/* What is no operator of ours may lie beside them: only said. Takes g. */
static aclError take_graph(const char *call, const char *name, struct graph *g,
                           struct op_file **list) {
    const char *pattern = graph_get_meta(g, SINGLE_OP_META);
    if (!pattern) {
        acl_log(ACL_WARNING, "%s: '%s' is a model, not one operator (atc --singleop); it is not "
                             "used", call, name);
        graph_destroy(g);
        return ACL_SUCCESS;
    }
    struct op_file *f = mem_calloc(1, sizeof *f);
    if (f) f->pattern = mem_strdup(pattern);
    if (f) f->name = mem_strdup(name);
    bool is_open = graph_get_meta(g, SINGLE_OP_META_OPEN);
    if (f && !is_open) f->graph = g;
    else graph_destroy(g);
    if (!f || !f->pattern || !f->name) {
        destroy(f);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an operator");
    }
    f->next = *list;
    *list = f;
    return ACL_SUCCESS;
}

/* A whole file of CANN's is fine. */
static void remark_foreign(const char *call, const char *name) {
    acl_log(ACL_INFO, "%s: '%s' was made for a chip; its operator is made ready here when it is "
                      "called", call, name);
}

static aclError read_file(const char *call, const char *path, struct op_file **list) {
    struct graph *g;
    enum status s = om_read_file(path, NULL, &g);
    if (s == STATUS_OK) return take_graph(call, path, g, list);
    if (om_last_fault() != OM_FAULT_FOREIGN) return acl_fail_status(s, call);
    struct om_description d;
    enum status described = om_describe_file(path, &d);
    if (described == STATUS_OK) {
        om_description_deinit(&d);
        remark_foreign(call, path);
        return ACL_SUCCESS;
    }
    return acl_fail_status(described, call);
}

static aclError read_folder(const char *call, const char *folder, int level,
                            struct op_file **list);

static aclError read_entry(const char *call, const char *folder, const char *name, int level,
                           struct op_file **list) {
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "the path of '%s' is too long", name);
    if (stat(path, &st)) return ACL_SUCCESS; /* gone, or a link to nothing */
    if (S_ISDIR(st.st_mode))
        return level < MAX_LEVELS ? read_folder(call, path, level + 1, list) : ACL_SUCCESS;
    size_t length = strlen(name);
    if (!S_ISREG(st.st_mode) || length < 4 || strcmp(name + length - 3, ".om")) return ACL_SUCCESS;
    return read_file(call, path, list);
}

static aclError read_folder(const char *call, const char *folder, int level,
                            struct op_file **list) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0)
        return acl_fail(ACL_ERROR_INVALID_FILE, call, "'%s' cannot be read as a folder: %m",
                        folder);
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < n; i++) {
        if (code == ACL_SUCCESS && entries[i]->d_name[0] != '.')
            code = read_entry(call, folder, entries[i]->d_name, level, list);
        free(entries[i]);
    }
    free(entries);
    return code;
}

/* ---- the list ---- */

/* Puts what was read in front of what there is, so that the newest file of a pattern is used, and
 * forgets what is ready: it may have been made without the files. */
static void publish(struct op_file *list) {
    struct op_file **end = &list;
    if (!list) return;
    while (*end) end = &(*end)->next;
    pthread_mutex_lock(&runtime.ops_lock);
    *end = runtime.op_files;
    runtime.op_files = list;
    pthread_mutex_unlock(&runtime.ops_lock);
    op_models_forget();
}

void op_files_reset(void) {
    pthread_mutex_lock(&runtime.ops_lock);
    struct op_file *list = runtime.op_files;
    runtime.op_files = NULL;
    pthread_mutex_unlock(&runtime.ops_lock);
    destroy_list(list);
}

static enum status check_border(const struct op_file *f, const struct tensor *t,
                                const struct single_tensor *want, const char *side, int i) {
    char is[128], should[128];
    bool same = (want->dtype == DT_NONE || t->dtype == want->dtype) &&
                (shape_elements(&want->shape) < 0 ||
                 shape_elements(&t->shape) == shape_elements(&want->shape));
    CHECK(same, STATUS_FORMAT, "'%s' says that it is the operator, but its %s %d is %s%s, not %s%s",
          f->name, side, i, dtype_name(t->dtype), shape_text(&t->shape, is),
          dtype_name(want->dtype), shape_text(&want->shape, should));
    return STATUS_OK;
}

/* A file may say one thing and hold another. */
static enum status check_graph(const struct op_file *f, const struct single_op *op) {
    const struct graph *g = f->graph;
    uint64_t values = single_op_values(op);
    int n = 0;
    for (int i = 0; i < op->n_inputs; i++) {
        if (op->inputs[i].dtype == DT_NONE || values >> i & 1) continue;
        CHECK(n < g->n_inputs, STATUS_FORMAT, "'%s' has %d inputs; the operator has more", f->name,
              g->n_inputs);
        TRY(check_border(f, &g->tensors[g->inputs[n++]], &op->inputs[i], "input", i));
    }
    CHECK(n == g->n_inputs && g->n_outputs == op->n_outputs, STATUS_FORMAT,
          "'%s' has %d inputs and %d outputs; the operator has %d and %d", f->name, g->n_inputs,
          g->n_outputs, n, op->n_outputs);
    for (int i = 0; i < op->n_outputs; i++)
        TRY(check_border(f, &g->tensors[g->outputs[i]], &op->outputs[i], "output", i));
    return STATUS_OK;
}

enum status op_files_build(const char *call, const struct single_op *op, const char *key,
                           struct graph **out) {
    enum status s = STATUS_OK;
    *out = NULL;
    pthread_mutex_lock(&runtime.ops_lock);
    const struct op_file *f = runtime.op_files;
    while (f && !single_op_matches(f->pattern, key)) f = f->next;
    if (f) acl_log(ACL_INFO, "%s: operator '%s' is taken from '%s'", call, op->type, f->name);
    if (f && f->graph) {
        s = check_graph(f, op);
        if (s == STATUS_OK) s = graph_clone(f->graph, false, out);
    }
    pthread_mutex_unlock(&runtime.ops_lock);
    if (s == STATUS_OK && !*out) s = single_op_build(op, out);
    return s;
}

/* ---- the calls ---- */

aclError aclopSetModelDir(const char *modelDir) {
    ACL_NEED(modelDir);
    ACL_NEED_STARTED();
    struct op_file *list = NULL;
    aclError code = read_folder(__func__, modelDir, 1, &list);
    if (code == ACL_SUCCESS) publish(list);
    else destroy_list(list);
    return code;
}

aclError aclopLoad(const void *model, size_t modelSize) {
    ACL_NEED(model);
    ACL_NEED_STARTED();
    ACL_CHECK(modelSize > 0, ACL_ERROR_INVALID_PARAM, "modelSize is 0");
    ACL_TRY(memory_check(__func__, "model", model, modelSize));
    struct op_file *list = NULL;
    struct graph *g;
    struct om_description d;
    enum status s = om_read_memory(model, modelSize, NULL, &g);
    if (s == STATUS_OK) {
        ACL_TRY(take_graph(__func__, "the model of aclopLoad", g, &list));
        publish(list);
        return ACL_SUCCESS;
    }
    if (om_last_fault() != OM_FAULT_FOREIGN) return acl_fail_status(s, __func__);
    s = om_describe_memory(model, modelSize, &d);
    if (s != STATUS_OK) return acl_fail_status(s, __func__);
    om_description_deinit(&d);
    remark_foreign(__func__, "the model of aclopLoad");
    return ACL_SUCCESS;
}
