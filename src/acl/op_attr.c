/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of single operators: values by name, copied when they are set. */
#include "acl/op.h"

#include <string.h>

#include "acl/acl_op.h"
#include "acl/internal.h"
#include "base/alloc.h"

static void entry_deinit(struct op_attr *a) {
    mem_free(a->name);
    mem_free(a->value);
}

static void attrs_destroy(void *object) {
    struct op_attrs *attrs = object;
    for (size_t i = 0; i < attrs->n; i++) entry_deinit(&attrs->entries[i]);
    mem_free(attrs->entries);
    pthread_mutex_destroy(&attrs->lock);
    mem_free(attrs);
}

aclopAttr *aclopCreateAttr(void) {
    struct op_attrs *attrs = mem_calloc(1, sizeof *attrs);
    if (attrs) pthread_mutex_init(&attrs->lock, NULL);
    return handle_make(HANDLE_OP_ATTR, attrs, attrs_destroy, __func__);
}

void aclopDestroyAttr(const aclopAttr *attr) {
    if (attr) handle_end(attr, HANDLE_OP_ATTR, __func__, "attr");
}

struct op_attr *op_attr_find(const struct op_attrs *attrs, const char *name) {
    for (size_t i = 0; i < attrs->n; i++)
        if (strcmp(attrs->entries[i].name, name) == 0) return &attrs->entries[i];
    return NULL;
}

/* Takes the name and value of `a` when it succeeds; a second value of a name replaces the first. */
static bool attrs_put(struct op_attrs *attrs, const struct op_attr *a) {
    struct op_attr *old = op_attr_find(attrs, a->name);
    if (old) {
        entry_deinit(old);
        *old = *a;
        return true;
    }
    if (attrs->n == attrs->cap) {
        size_t cap = attrs->cap ? 2 * attrs->cap : 8;
        struct op_attr *grown = mem_alloc(cap * sizeof *grown);
        if (!grown) return false;
        if (attrs->n) memcpy(grown, attrs->entries, attrs->n * sizeof *grown);
        mem_free(attrs->entries);
        attrs->entries = grown;
        attrs->cap = cap;
    }
    attrs->entries[attrs->n++] = *a;
    return true;
}

/* Takes `value`, also on failure; NULL stands for memory that ran out. */
static aclError set(const char *call, aclopAttr *handle, const char *name, enum op_attr_type type,
                    bool is_list, size_t n, void *value) {
    struct op_attr a = {value ? mem_strdup(name) : NULL, type, is_list, n, value};
    struct op_attrs *attrs = handle_get(handle, HANDLE_OP_ATTR, call, "attr");
    bool done = false;
    if (attrs && a.name) {
        pthread_mutex_lock(&attrs->lock);
        done = attrs_put(attrs, &a);
        pthread_mutex_unlock(&attrs->lock);
    }
    if (attrs) handle_release(handle);
    if (done) return ACL_SUCCESS;
    entry_deinit(&a);
    if (!attrs) return ACL_ERROR_INVALID_PARAM;
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for the attribute '%s'", name);
}

static aclError check(const char *call, const char *name, int n, const void *values) {
    if (!name || !name[0])
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "attrName is NULL or empty");
    if (n < 0)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "attribute '%s' has %d values", name, n);
    if (n > 0 && !values)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "attribute '%s': its values are NULL", name);
    return ACL_SUCCESS;
}

/* A list may be empty, its block of memory not. */
static void *copy_of(const void *values, size_t bytes) {
    void *copy = mem_alloc(bytes + 1);
    if (copy && bytes) memcpy(copy, values, bytes);
    return copy;
}

static aclError set_values(const char *call, aclopAttr *attr, const char *name,
                           enum op_attr_type type, bool is_list, int n, const void *values,
                           size_t size) {
    ACL_TRY(check(call, name, n, values));
    return set(call, attr, name, type, is_list, (size_t)n, copy_of(values, (size_t)n * size));
}

static aclError set_bools(const char *call, aclopAttr *attr, const char *name, bool is_list, int n,
                          const uint8_t *values) {
    ACL_TRY(check(call, name, n, values));
    uint8_t *copy = copy_of(values, (size_t)n);
    for (int i = 0; copy && i < n; i++) copy[i] = values[i] != 0;
    return set(call, attr, name, OP_ATTR_BOOL, is_list, (size_t)n, copy);
}

static aclError set_strings(const char *call, aclopAttr *attr, const char *name, bool is_list,
                            int n, const char *const *values) {
    ACL_TRY(check(call, name, n, values));
    size_t bytes = 0;
    for (int i = 0; i < n; i++) {
        if (!values[i])
            return acl_fail(ACL_ERROR_INVALID_PARAM, call, "attribute '%s': string %d is NULL",
                            name, i);
        bytes += strlen(values[i]) + 1;
    }
    char *copy = mem_alloc(bytes + 1), *to = copy;
    for (int i = 0; copy && i < n; i++) to = stpcpy(to, values[i]) + 1;
    return set(call, attr, name, OP_ATTR_STRING, is_list, (size_t)n, copy);
}

aclError aclopSetAttrBool(aclopAttr *attr, const char *attrName, uint8_t attrValue) {
    return set_bools(__func__, attr, attrName, false, 1, &attrValue);
}

aclError aclopSetAttrInt(aclopAttr *attr, const char *attrName, int64_t attrValue) {
    return set_values(__func__, attr, attrName, OP_ATTR_INT, false, 1, &attrValue,
                      sizeof attrValue);
}

aclError aclopSetAttrFloat(aclopAttr *attr, const char *attrName, float attrValue) {
    return set_values(__func__, attr, attrName, OP_ATTR_FLOAT, false, 1, &attrValue,
                      sizeof attrValue);
}

aclError aclopSetAttrString(aclopAttr *attr, const char *attrName, const char *attrValue) {
    return set_strings(__func__, attr, attrName, false, 1, &attrValue);
}

aclError aclopSetAttrDataType(aclopAttr *attr, const char *attrName, aclDataType attrValue) {
    return set_values(__func__, attr, attrName, OP_ATTR_DATA_TYPE, false, 1, &attrValue,
                      sizeof attrValue);
}

aclError aclopSetAttrListBool(aclopAttr *attr, const char *attrName, int numValues,
                              const uint8_t *values) {
    return set_bools(__func__, attr, attrName, true, numValues, values);
}

aclError aclopSetAttrListInt(aclopAttr *attr, const char *attrName, int numValues,
                             const int64_t *values) {
    return set_values(__func__, attr, attrName, OP_ATTR_INT, true, numValues, values,
                      sizeof *values);
}

aclError aclopSetAttrListFloat(aclopAttr *attr, const char *attrName, int numValues,
                               const float *values) {
    return set_values(__func__, attr, attrName, OP_ATTR_FLOAT, true, numValues, values,
                      sizeof *values);
}

aclError aclopSetAttrListDataType(aclopAttr *attr, const char *attrName, int numValues,
                                  const aclDataType values[]) {
    return set_values(__func__, attr, attrName, OP_ATTR_DATA_TYPE, true, numValues, values,
                      sizeof *values);
}

aclError aclopSetAttrListString(aclopAttr *attr, const char *attrName, int numValues,
                                const char **values) {
    return set_strings(__func__, attr, attrName, true, numValues, (const char *const *)values);
}

aclError aclopSetAttrListListInt(aclopAttr *attr, const char *attrName, int numLists,
                                 const int *numValues, const int64_t *const values[]) {
    ACL_TRY(check(__func__, attrName, numLists, numValues));
    ACL_TRY(check(__func__, attrName, numLists, values));
    size_t n = (size_t)numLists;
    for (int i = 0; i < numLists; i++) {
        ACL_TRY(check(__func__, attrName, numValues[i], values[i]));
        n += (size_t)numValues[i];
    }
    int64_t *copy = mem_alloc(n * sizeof *copy + 1), *to = copy ? copy + numLists : NULL;
    for (int i = 0; copy && i < numLists; i++) {
        copy[i] = numValues[i];
        if (numValues[i]) memcpy(to, values[i], (size_t)numValues[i] * sizeof *to);
        to += numValues[i];
    }
    return set(__func__, attr, attrName, OP_ATTR_LIST_INT, true, (size_t)numLists, copy);
}
