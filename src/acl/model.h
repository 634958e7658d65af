/* SPDX-License-Identifier: Apache-2.0 */
/* What the model calls share: the description of a model, loaded models, datasets, tensor
 * descriptions. */
#ifndef PK_ACL_MODEL_H
#define PK_ACL_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "acl/acl.h"
#include "acl/handle.h"
#include "base/arena.h"
#include "ir/dynamic.h"
#include "ops/aipp.h"

struct dump;
struct instance;
struct loaded;

/* ---- what a model takes and gives; info.c ---- */

struct model_border {
    const char *name;
    char short_name[ACL_MAX_TENSOR_NAME_LEN]; /* name, or its stand-in when it is too long */
    enum dtype core_type;
    aclDataType type;
    aclFormat format;
    struct shape shape;
    bool is_fixed; /* its size is known before the run; with gears, the largest one's */
    size_t bytes;  /* 0 unless fixed */
    const struct dynamic_range *ranges; /* of each dimension; NULL unless the model has ranges */
    const struct border_aipp *aipp; /* inputs with preprocessing, and that of its parameters */
};

/* Preprocessing behind an input. */
struct border_aipp {
    aclmdlInputAippType type;
    size_t attached;    /* with dynamic AIPP the input of the parameters, and back; or
                           ACL_INVALID_NODE_INDEX */
    struct shape image; /* what aclmdlGetInputDims says: N,H,W,C of the picture, or the model's */
    struct shape made;  /* [N,C,H,W], what the network gets */
    enum dtype made_type;
    struct aipp parameters; /* with static AIPP */
};

/* Immutable; shared by the model, descriptions and remembered failures. */
struct model_info {
    atomic_int n_users;
    struct arena arena;
    uint32_t id; /* 0: described without being loaded */
    const char *name;
    int n_nodes;
    struct model_node {
        const char *name, *origins; /* origins: "[4]conv", what it was made of */
    } *nodes;
    int n_data; /* inputs of the graph: the first ones; gears add one that chooses */
    int n_inputs, n_outputs;
    struct model_border *inputs, *outputs;
    struct dynamic dynamic;
    struct shape *gear_shapes; /* per gear, of n_data inputs and n_outputs outputs */
    atomic_int last_gear;      /* the one last chosen, for aclmdlGetCurOutputDims */
    size_t work_bytes, weight_bytes; /* what aclmdlQuerySize says */
};

enum status model_info_create(const struct graph *g, uint32_t id, struct model_info **out);
struct model_info *model_info_share(struct model_info *info); /* NULL is fine */
void model_info_release(struct model_info *info);             /* NULL is fine */
static inline const struct shape *gear_shapes(const struct model_info *info, int gear) {
    return info->gear_shapes + (size_t)gear * (size_t)(info->n_data + info->n_outputs);
}
aclDataType acl_type(enum dtype t);
enum dtype core_type(aclDataType type); /* DT_NONE: not a type of ours */

/* What a description says, shared; NULL with the failure recorded. desc.c */
struct model_info *model_info_of(const char *call, const aclmdlDesc *desc);

/* The gear that the buffer of a model's last input chooses. gears.c */
aclError gear_read(const char *call, const struct model_info *info, const void *data, size_t bytes,
                   int *gear);

/* ---- loaded models; load.c ---- */

/* The parts of a model file a program may provide memory for beside work and weights, in the order
 * of their attributes and of struct aclmdlExeOMDesc. */
enum { PART_MODEL_DESC, PART_KERNEL, PART_KERNEL_ARGS, PART_STATIC_TASK, PART_DYNAMIC_TASK,
       N_PARTS };

/* Where a model comes from, and memory the program provides for it. */
struct model_source {
    const char *path; /* or */
    const void *bytes;
    size_t n_bytes;
    bool with_memory, is_bundle;
    const void *work, *weights;
    size_t work_bytes, weight_bytes;
    struct {
        const void *address;
        size_t bytes;
    } parts[N_PARTS];
};

aclError model_load(const char *call, const struct model_source *from, uint32_t *id);
aclError model_unload(const char *call, uint32_t id);

/* A model between queues; queue_model.c */
struct queue_ids {
    const uint32_t *ids;
    size_t n;
};
struct queue_model;
aclError queue_model_load(const char *call, const struct model_source *from,
                          const struct queue_ids *in, const struct queue_ids *out, uint32_t *id);
/* Ends its thread, if it has one. */
void queue_model_stop(struct loaded *m);

struct loaded {
    int device;
    bool is_bundle; /* aclmdlBundleUnload unloads it */
    struct model *model;
    struct model_info *info;
    pthread_mutex_t lock; /* of the two lists */
    struct idle *idle;    /* instances no run uses */
    struct run *spare;    /* run objects, used again */
    struct dump *dump;    /* NULL: its runs are not dumped */
    struct queue_model *queues; /* NULL: the program runs it */
};

/* Instances no run uses, kept with what they are of; idle.c. */
struct idle {
    struct idle *next;
    struct instance *instance;
};

/* One of the list, which `lock` guards, or a new one. */
enum status idle_take(pthread_mutex_t *lock, struct idle **list, struct model *m,
                      struct idle **out);
void idle_put(pthread_mutex_t *lock, struct idle **list, struct idle *i);
void idle_free(struct idle **list); /* all of them; nobody else may use the list */

/* The model behind an id, acquired; release *handle. */
aclError model_get(const char *call, uint32_t id, struct loaded **out, void **handle);
void model_free_runs(struct loaded *m); /* run.c */
/* What a model takes and gives, without loading it. */
aclError model_describe_file(const char *call, const char *path, struct model_info **out);
aclError model_describe_memory(const char *call, const void *bytes, size_t n_bytes,
                               struct model_info **out);

/* The model that failed, shared; NULL when it is not remembered. */
struct model_info *exception_find(uint32_t device, uint32_t stream, uint32_t task);

/* ---- data buffers and tensor descriptions; data.c, tensor.c ---- */

/* False with the failure recorded. */
bool buffer_read(const char *call, const aclDataBuffer *handle, void **data, size_t *bytes);

struct data_buffer {
    pthread_mutex_t lock;
    void *data;
    size_t bytes;
};

struct dims {
    int n;
    int64_t *value; /* NULL when n is 0 */
};

struct tensor_desc {
    pthread_mutex_t lock;
    aclDataType type;
    aclFormat format, origin_format, storage_format;
    struct dims dims, origin, storage;
    int64_t (*ranges)[2]; /* one per dimension, or NULL */
    int64_t (*values)[2];
    size_t n_values;
    char *name, *dynamic_input;
    void *constant; /* of aclSetTensorConst */
    size_t constant_bytes;
    aclMemType placement;
    void **row; /* handles of a row of descriptions, this one first; NULL if alone */
    size_t n_row;
};

/* A description of a shape, as a handle; NULL with the failure recorded. */
aclTensorDesc *tensor_create(const char *call, aclDataType type, aclFormat format, int n,
                             const int64_t *dims);
/* Makes handles[0] the first of a row; on failure nothing has changed. */
aclError tensor_make_row(const char *call, void **handles, size_t n);
/* Type and shape of a description; fails for more dimensions than models have. */
aclError tensor_read(const char *call, const aclTensorDesc *desc, aclDataType *type,
                     aclFormat *format, struct shape *shape);

/* A run tells what shape it gave, and the type where the description has none. */
aclError tensor_tell(const char *call, const aclTensorDesc *desc, aclDataType type,
                     const struct shape *shape);

/* ---- datasets; dataset.c ---- */

struct dataset {
    pthread_mutex_t lock;
    size_t n, cap;
    struct dataset_entry {
        void *buffer; /* aclDataBuffer */
        void *desc;   /* aclTensorDesc of our own; NULL until set */
    } *entries;
};

/* Replaces the description of an entry. */
aclError dataset_describe(const char *call, struct dataset *d, size_t index, aclDataType type,
                          aclFormat format, const struct shape *shape);

#endif
