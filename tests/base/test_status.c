/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

static enum status inner(int x) {
    CHECK(x > 0, STATUS_ARGUMENT, "x is %d; it must be positive", x);
    return STATUS_OK;
}
static enum status outer(int x) {
    TRY(inner(x));
    return STATUS_OK;
}

static void sentence_and_prefix(void **state) {
    (void)state;
    assert_ok(outer(1));
    assert_fails(outer(-3), STATUS_ARGUMENT, "x is -3; it must be positive");
    status_prefix("node '%s'", "conv1");
    assert_string_equal(status_message(), "node 'conv1': x is -3; it must be positive");
    status_clear();
    assert_string_equal(status_message(), "");
}

/* A sentence longer than the buffer is cut, not written past it. */
static void long_sentences(void **state) {
    (void)state;
    char text[9000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    status_set(STATUS_FORMAT, __FILE__, __LINE__, "%s", text);
    size_t n = strlen(status_message());
    assert_true(n > 1000 && n < 5000);
    status_prefix("%s", text);
    assert_true(strlen(status_message()) < 5000);
    status_prefix("head");
    assert_int_equal(strncmp(status_message(), "head: aaa", 9), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentence_and_prefix),
        cmocka_unit_test(long_sentences),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
