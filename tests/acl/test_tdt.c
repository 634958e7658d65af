/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor transfer: items, datasets, channels between threads, time-outs, misuse, the end. */
#include "acl_check.h"

#include "acl/acl_tdt.h"

static int init(void **state) {
    (void)state;
    assert_acl(aclInit(NULL));
    return 0;
}

static int finalize(void **state) {
    (void)state;
    assert_acl(aclFinalize());
    return 0;
}

static void send_number(acltdtChannelHandle *c, int32_t number, aclError expected) {
    const int64_t dims[] = {1, 1};
    acltdtDataset *d = acltdtCreateDataset();
    acltdtDataItem *t =
        acltdtCreateDataItem(ACL_TENSOR_DATA_TENSOR, dims, 2, ACL_INT32, &number, sizeof number);
    assert_acl(acltdtAddDataItem(d, t));
    assert_int_equal(acltdtSendTensor(c, d, expected ? 20 : -1), expected);
    number = -1; /* what was sent is a copy */
    assert_acl(acltdtDestroyDataItem(t));
    assert_acl(acltdtDestroyDataset(d));
}

static int32_t number_of(acltdtDataset *d) {
    assert_int_equal(acltdtGetDatasetSize(d), 1);
    acltdtDataItem *t = acltdtGetDataItem(d, 0);
    int64_t dims[2] = {0};
    assert_int_equal(acltdtGetTensorTypeFromItem(t), ACL_TENSOR_DATA_TENSOR);
    assert_int_equal(acltdtGetDataTypeFromItem(t), ACL_INT32);
    assert_int_equal(acltdtGetDataSizeFromItem(t), 4);
    assert_int_equal(acltdtGetDimNumFromItem(t), 2);
    assert_acl(acltdtGetDimsFromItem(t, dims, 2));
    assert_true(dims[0] == 1 && dims[1] == 1);
    assert_acl_fails(acltdtGetDimsFromItem(t, dims, 1), ACL_ERROR_INVALID_PARAM, "room for 1");
    assert_acl_fails(acltdtDestroyDataItem(t), ACL_ERROR_INVALID_PARAM, "goes with its dataset");
    return *(int32_t *)acltdtGetDataAddrFromItem(t);
}

enum { MANY = 2000 };

static void *send_many(void *handle) {
    for (int32_t i = 0; i < MANY; i++) send_number(handle, i, ACL_SUCCESS);
    return NULL;
}

static void order_across_threads(void **state) {
    (void)state;
    acltdtChannelHandle *to = acltdtCreateChannelWithCapacity(0, "numbers", 3);
    acltdtChannelHandle *from = acltdtCreateChannel(0, "numbers");
    assert_true(to && from && to != from);
    pthread_t sender;
    pthread_create(&sender, NULL, send_many, to);
    acltdtDataset *d = acltdtCreateDataset();
    assert_string_equal(acltdtGetDatasetName(d), "");
    for (int32_t i = 0; i < MANY; i++) {
        assert_acl(acltdtReceiveTensor(from, d, -1));
        assert_int_equal(number_of(d), i);
    }
    pthread_join(sender, NULL);
    assert_string_equal(acltdtGetDatasetName(d), "numbers");
    assert_acl(acltdtDestroyDataset(d));
    assert_acl(acltdtDestroyChannel(to));
    assert_acl(acltdtDestroyChannel(from));
}

static void bounds_and_misuse(void **state) {
    (void)state;
    size_t n = 9;
    acltdtChannelHandle *c = acltdtCreateChannelWithCapacity(0, "two", 2);
    acltdtDataset *d = acltdtCreateDataset();
    assert_acl_fails(acltdtReceiveTensor(c, d, 0), ACL_ERROR_RT_QUEUE_EMPTY, "nothing was sent");
    assert_acl_fails(acltdtReceiveTensor(c, d, 20), ACL_ERROR_RT_QUEUE_EMPTY, "20 ms");
    assert_acl_fails(acltdtReceiveTensor(c, d, -2), ACL_ERROR_INVALID_PARAM, "timeout");
    send_number(c, 1, ACL_SUCCESS);
    send_number(c, 2, ACL_SUCCESS);
    send_number(c, 3, ACL_ERROR_RT_QUEUE_FULL);
    assert_acl(acltdtQueryChannelSize(c, &n));
    assert_int_equal(n, 2);
    assert_acl(acltdtCleanChannel(c));
    assert_acl(acltdtQueryChannelSize(c, &n));
    assert_int_equal(n, 0);
    send_number(c, 4, ACL_SUCCESS);
    assert_acl(acltdtReceiveTensor(c, d, 0));
    assert_int_equal(number_of(d), 4);
    assert_null(acltdtGetDataItem(d, 1));

    assert_null(acltdtCreateChannelWithCapacity(0, "two", 5));
    assert_non_null(strstr(aclGetRecentErrMsg(), "capacity of 2"));
    assert_null(acltdtCreateChannelWithCapacity(0, "none", 0));
    assert_null(acltdtCreateChannel(77, "far"));
    assert_null(acltdtCreateChannel(0, ""));
    assert_null(acltdtCreateChannel(0, NULL));
    int64_t negative = -1;
    assert_null(acltdtCreateDataItem(ACL_TENSOR_DATA_TENSOR, &negative, 1, ACL_INT8, NULL, 0));
    assert_null(acltdtCreateDataItem(ACL_TENSOR_DATA_TENSOR, NULL, 0, ACL_INT8, NULL, 1));
    assert_acl_fails(acltdtAddDataItem(d, (acltdtDataItem *)d), ACL_ERROR_INVALID_PARAM,
                     "acltdtDataset");
    assert_acl(acltdtStopChannel(c));
    assert_acl_fails(acltdtReceiveTensor(c, d, -1), ACL_ERROR_FAILURE, "stopped");
    assert_acl(acltdtDestroyChannel(c));
    assert_acl_fails(acltdtDestroyChannel(c), ACL_ERROR_INVALID_PARAM, "destroyed already");
    assert_acl(acltdtDestroyDataset(d));
}

static void *receive_for_ever(void *handle) {
    acltdtDataset *d = acltdtCreateDataset();
    aclError code = acltdtReceiveTensor(handle, d, -1);
    acltdtDestroyDataset(d);
    return (void *)(intptr_t)code;
}

static void waiting_ends(aclError (*end_it)(acltdtChannelHandle *)) {
    pthread_t waiter;
    void *code;
    acltdtChannelHandle *c = acltdtCreateChannel(0, "idle");
    pthread_create(&waiter, NULL, receive_for_ever, c);
    usleep(20000); /* so that it waits; the outcome is the same when it does not yet */
    if (end_it) assert_acl(end_it(c));
    else assert_acl(aclFinalize());
    pthread_join(waiter, &code);
    assert_int_not_equal((intptr_t)code, ACL_SUCCESS);
}

static void stop_ends_waiting(void **state) {
    (void)state;
    waiting_ends(acltdtStopChannel);
}

static void destroy_ends_waiting(void **state) {
    (void)state;
    waiting_ends(acltdtDestroyChannel);
}

static void finalize_ends_waiting(void **state) {
    (void)state;
    waiting_ends(NULL);
    assert_acl(aclInit(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_across_threads, init, finalize),
        cmocka_unit_test_setup_teardown(bounds_and_misuse, init, finalize),
        cmocka_unit_test_setup_teardown(stop_ends_waiting, init, finalize),
        cmocka_unit_test_setup_teardown(destroy_ends_waiting, init, finalize),
        cmocka_unit_test_setup_teardown(finalize_ends_waiting, init, finalize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
