/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of operators: every type is kept as given, independent of the program's memory, and
 * wrong arguments are refused. */
#include "acl_check.h"

#include "acl/acl_op.h"
#include "acl/handle.h"
#include "acl/op.h"

static void assert_attr(aclopAttr *attr, const char *name, enum op_attr_type type, bool is_list,
                        size_t n, const void *value, size_t bytes) {
    struct op_attrs *attrs = handle_acquire(attr, HANDLE_OP_ATTR);
    assert_non_null(attrs);
    const struct op_attr *a = op_attr_find(attrs, name);
    assert_non_null(a);
    assert_int_equal(a->type, type);
    assert_int_equal(a->is_list, is_list);
    assert_int_equal(a->n, n);
    if (bytes) assert_memory_equal(a->value, value, bytes);
    handle_release(attr);
}

static void values_are_kept(void **state) {
    (void)state;
    aclopAttr *a = aclopCreateAttr();
    assert_non_null(a);
    int64_t ints[] = {3, -1, INT64_MAX};
    const int64_t *const lists[] = {ints, NULL, ints + 1};
    const int lengths[] = {1, 0, 2};
    float floats[] = {0.5f, -2};
    aclDataType types[] = {ACL_FLOAT16, ACL_INT8};
    char text[] = "SAME";
    const char *strings[] = {"a", "", text};
    assert_acl(aclopSetAttrBool(a, "bool", 7));
    assert_acl(aclopSetAttrInt(a, "int", ints[2]));
    assert_acl(aclopSetAttrFloat(a, "float", floats[1]));
    assert_acl(aclopSetAttrString(a, "string", text));
    assert_acl(aclopSetAttrDataType(a, "type", types[1]));
    assert_acl(aclopSetAttrListBool(a, "bools", 2, (const uint8_t[]){0, 9}));
    assert_acl(aclopSetAttrListInt(a, "ints", 3, ints));
    assert_acl(aclopSetAttrListFloat(a, "floats", 2, floats));
    assert_acl(aclopSetAttrListString(a, "strings", 3, strings));
    assert_acl(aclopSetAttrListDataType(a, "types", 2, types));
    assert_acl(aclopSetAttrListListInt(a, "lists", 3, lengths, lists));
    assert_acl(aclopSetAttrListInt(a, "none", 0, NULL));
    memset(text, 'x', 4);
    ints[0] = 0;
    assert_attr(a, "bool", OP_ATTR_BOOL, false, 1, "\1", 1);
    assert_attr(a, "int", OP_ATTR_INT, false, 1, &ints[2], sizeof ints[2]);
    assert_attr(a, "float", OP_ATTR_FLOAT, false, 1, &floats[1], sizeof floats[1]);
    assert_attr(a, "string", OP_ATTR_STRING, false, 1, "SAME", 5);
    assert_attr(a, "type", OP_ATTR_DATA_TYPE, false, 1, &types[1], sizeof types[1]);
    assert_attr(a, "bools", OP_ATTR_BOOL, true, 2, "\0\1", 2);
    assert_attr(a, "ints", OP_ATTR_INT, true, 3, (int64_t[]){3, -1, INT64_MAX}, sizeof ints);
    assert_attr(a, "floats", OP_ATTR_FLOAT, true, 2, floats, sizeof floats);
    assert_attr(a, "strings", OP_ATTR_STRING, true, 3, "a\0\0SAME", 8);
    assert_attr(a, "types", OP_ATTR_DATA_TYPE, true, 2, types, sizeof types);
    int64_t flat[] = {1, 0, 2, 3, -1, INT64_MAX};
    assert_attr(a, "lists", OP_ATTR_LIST_INT, true, 3, flat, sizeof flat);
    assert_attr(a, "none", OP_ATTR_INT, true, 0, NULL, 0);
    assert_acl(aclopSetAttrInt(a, "string", 4)); /* replaces */
    assert_attr(a, "string", OP_ATTR_INT, false, 1, (int64_t[]){4}, sizeof(int64_t));
    aclopDestroyAttr(a);
}

static void misuse_is_explained(void **state) {
    (void)state;
    aclopAttr *a = aclopCreateAttr();
    assert_acl_fails(aclopSetAttrInt(NULL, "n", 1), ACL_ERROR_INVALID_PARAM, "attr is NULL");
    assert_acl_fails(aclopSetAttrInt(a, NULL, 1), ACL_ERROR_INVALID_PARAM, "attrName");
    assert_acl_fails(aclopSetAttrInt(a, "", 1), ACL_ERROR_INVALID_PARAM, "attrName");
    assert_acl_fails(aclopSetAttrString(a, "s", NULL), ACL_ERROR_INVALID_PARAM, "'s'");
    assert_acl_fails(aclopSetAttrListInt(a, "l", -1, NULL), ACL_ERROR_INVALID_PARAM, "-1");
    assert_acl_fails(aclopSetAttrListFloat(a, "l", 1, NULL), ACL_ERROR_INVALID_PARAM, "NULL");
    assert_acl_fails(aclopSetAttrListListInt(a, "l", 1, (const int[]){2},
                                             (const int64_t *const[]){NULL}),
                     ACL_ERROR_INVALID_PARAM, "NULL");
    aclopDestroyAttr(NULL);
    aclopDestroyAttr(a);
    assert_acl_fails(aclopSetAttrInt(a, "n", 1), ACL_ERROR_INVALID_PARAM, "destroyed already");
    aclopDestroyAttr(a);
}

static void no_memory_leaves_the_old_value(void **state) {
    (void)state;
    aclopAttr *a = aclopCreateAttr();
    assert_acl(aclopSetAttrInt(a, "n", 1));
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_after(n, true);
        aclError code = aclopSetAttrInt(a, "n", 2);
        mem_fail_after(0, false);
        assert_int_equal(code, ACL_ERROR_BAD_ALLOC);
        assert_attr(a, "n", OP_ATTR_INT, false, 1, (int64_t[]){1}, sizeof(int64_t));
    }
    aclopDestroyAttr(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(misuse_is_explained),
        cmocka_unit_test(no_memory_leaves_the_old_value),
    };
    return cmocka_run_group_tests_name("op_attr", tests, start, end);
}
