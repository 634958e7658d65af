/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls for single operators share. */
#ifndef PK_ACL_OP_H
#define PK_ACL_OP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

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

#endif
