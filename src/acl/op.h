/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls for single operators share. */
#ifndef PK_ACL_OP_H
#define PK_ACL_OP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "acl/acl_op.h"
#include "acl/private.h"
#include "base/arena.h"
#include "base/status.h"
#include "import/single_op.h"

struct idle;
struct model;

enum op_attr_type {
    OP_ATTR_BOOL,      /* uint8_t, 0 or 1 */
    OP_ATTR_INT,       /* int64_t */
    OP_ATTR_FLOAT,     /* float */
    OP_ATTR_DATA_TYPE, /* aclDataType */
    OP_ATTR_STRING,    /* strings one after another, each with its NUL */
    OP_ATTR_LIST_INT   /* int64_t: the length of each list, then the elements of all */
};

struct op_attr {
    char *name;
    enum op_attr_type type;
    bool is_list;
    size_t n; /* values, or lists */
    void *value;
};

/* Behind an aclopAttr. */
struct op_attrs {
    pthread_mutex_t lock;
    size_t n, cap;
    struct op_attr *entries;
};

/* NULL if absent; with the lock held. */
struct op_attr *op_attr_find(const struct op_attrs *attrs, const char *name);

/* ---- requests; op_request.c ---- */

/* An operator as a call described it, independent of the program's objects. Immutable; shared by a
 * handle and the tasks that run it. */
struct op_request {
    atomic_int n_users;
    struct arena arena;
    struct single_op op;
    uint64_t missing; /* inputs, a bit each, whose elements shape the graph and are not known yet */
    const aclFormat *formats; /* as described: of the inputs, then of the outputs */
    uint64_t on_host; /* inputs in memory of the host, which may be read at once */
};

aclError op_request_create(const char *call, const struct op_arguments *a,
                           struct op_request **out);
struct op_request *op_request_share(struct op_request *r);
void op_request_release(struct op_request *r);

/* ---- operators made ready; op_cache.c ---- */

struct op_model {
    atomic_int n_users; /* the list is one */
    struct op_model *next;
    char *key;
    uint64_t hash, number; /* never given twice, for profiles */
    int device;
    struct model *model;
    pthread_mutex_t lock; /* of idle */
    struct idle *idle;
};

/* From the list, or made now; to be released. */
aclError op_model_get(const char *call, const struct single_op *op, int device,
                      struct op_model **out);
void op_model_release(struct op_model *m); /* NULL is fine */
void op_models_forget(void);             /* empties the list; what runs keeps its own */
aclError op_refuse(const char *call, const char *type, enum status status);

/* ---- offline models of operators; op_files.c ---- */

/* The graph of an operator: from what was loaded where that stands for it, else made. */
enum status op_files_build(const char *call, const struct single_op *op, const char *key,
                           struct graph **out);

/* ---- statistics of what was called; op_args.c ---- */

/* An operator is called: its description is written where aclopStartDumpArgs asked for it. */
void op_args_note(const struct op_request *r);

/* ---- for libacl_op_compiler.so and libacl_cblas.so ---- */

/* Makes an operator ready, as far as values that are not known yet allow. */
aclError op_compile(const char *call, const struct op_arguments *a);
aclError op_create_handle(const char *call, const struct op_arguments *a, aclopHandle **out);
/* descs: outputs' descriptions that are told shapes not described before; NULL: none. */
aclError op_execute(const char *call, const struct op_arguments *a,
                    const aclDataBuffer *const *inputs, aclDataBuffer *const *outputs,
                    aclTensorDesc *const *descs, aclrtStream stream);
/* Writes the graph of an operator as text, to the file `path` or to {path}/{type}.txt. */
aclError op_print_graph(const char *call, const struct op_arguments *a,
                        const aclDataBuffer *const *inputs, const char *path);
/* The text of a compile option: bytes with its NUL, 0 when not set; copied where it fits. */
aclError op_option_set(const char *call, int option, const char *value);
size_t op_option_get(int option, char *to, size_t n_bytes);

#endif
