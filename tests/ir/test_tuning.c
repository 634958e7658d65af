/* SPDX-License-Identifier: Apache-2.0 */
/* Hints as text: what is written reads the same, and nothing else reads. */
#include "../check.h"

#include "base/alloc.h"
#include "ir/tuning.h"

#define SIZES "1 3 9 7 20 9 7 3 3 1 1 1 1 1 1 1 7 0 1 0 0 "

static void round_trip(void **unused) {
    struct arena a;
    struct tuning t, again;
    const char *text;
    arena_init(&a, 0);
    assert_ok(tuning_read("1 2\n" SIZES ": 4 2 13\n1" SIZES ": 1 0 0\n", &a, &t));
    assert_int_equal(t.threads, 2);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.hints[0].only, 4);
    assert_int_equal(t.hints[0].group, 2);
    assert_int_equal(t.hints[0].block, 13);
    assert_ptr_equal(tuning_find(&t, t.hints[1].size), &t.hints[1]);
    int other[TUNING_SIZES] = {0};
    assert_null(tuning_find(&t, other));
    assert_ok(tuning_write(&t, &a, &text));
    assert_ok(tuning_read(text, &a, &again));
    assert_memory_equal(t.hints, again.hints, 2 * sizeof *t.hints);
    assert_ok(tuning_read("1 0\n", &a, &t));
    assert_int_equal(t.n, 0);
    arena_deinit(&a);
}

static void hostile(void **unused) {
    static const char *const texts[] = {
        "1 2\n" SIZES ": 4 2\n",              /* a number short */
        "1 2\n" SIZES ": 4 2 13",             /* cut off */
        "1 2\n" SIZES ": 4 2 13 5\n",         /* a number more */
        "1 2\n" SIZES ": 0 2 13\n",           /* no algorithm */
        "1 2\n" SIZES ": -4 2 13\n",
        "1 2\n" SIZES ": 4 99999999999 13\n", /* no int */
        "1 2\n" SIZES "4 2 13\n",
        "1 2\n3 " SIZES ": 4 2 13\n",
        "1 2\n\n",
        "1 2\nx\n",
        "1 2\n" SIZES ": 4 2 13\nx",
    };
    struct arena a;
    struct tuning t;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_fails(tuning_read(texts[i], &a, &t), STATUS_FORMAT, "line ");
    assert_fails(tuning_read("1 2\n" SIZES ": 4 2 13\nx", &a, &t), STATUS_FORMAT, "line 3");
    assert_int_equal(t.n, 0);
    assert_fails(tuning_read("", &a, &t), STATUS_FORMAT, "version");
    assert_fails(tuning_read("2 1\n", &a, &t), STATUS_FORMAT, "of version 2; this version reads 1");
    assert_fails(tuning_read("1\n", &a, &t), STATUS_FORMAT, "version");
    assert_fails(tuning_read("1 x\n", &a, &t), STATUS_FORMAT, "line 1");
    char *many = mem_calloc(TUNING_MOST + 8, 1);
    assert_non_null(many);
    memset(many, '\n', TUNING_MOST + 5);
    memcpy(many, "1 2", 3);
    assert_fails(tuning_read(many, &a, &t), STATUS_LIMIT, "at most");
    mem_free(many);
    arena_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
