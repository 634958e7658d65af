/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/alloc.h"
#include "base/arena.h"

static void aligned_zeroed_and_freed(void **state) {
    (void)state;
    uint64_t live = mem_live_allocations();
    struct arena a;
    arena_init(&a, 0);
    for (size_t n = 1; n < 100000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(&a, n), *d = arena_alloc_data(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_int_equal((uintptr_t)d % 64, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 1, n);
        memset(d, 2, n);
        assert_int_equal(p[n - 1], 1);
    }
    arena_deinit(&a);
    assert_int_equal(mem_live_allocations(), live);
}

static void budget(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    assert_non_null(arena_alloc(&a, 900));
    assert_null(arena_alloc(&a, 101));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    arena_deinit(&a);
}

/* What is lent is used first, and neither freed nor left by a step. */
static void lent_memory(void **state) {
    (void)state;
    static unsigned char memory[4096 + 1];
    const uint64_t live = mem_live_allocations();
    struct arena a;
    arena_init(&a, 0);
    arena_lend(&a, NULL, 0);
    arena_lend(&a, memory, 1);
    arena_lend(&a, memory + 1, sizeof memory - 1);
    memset(memory + 512, 3, sizeof memory - 512);
    unsigned char *first = arena_alloc(&a, 1000);
    assert_true(first > memory && first + 1000 <= memory + sizeof memory);
    assert_int_equal((uintptr_t)first % 16, 0);
    for (int i = 0; i < 1000; i++) assert_int_equal(first[i], 0);
    assert_int_equal(mem_live_allocations(), live);
    unsigned char *second = arena_alloc(&a, 4000);
    assert_true(second + 4000 <= memory || second >= memory + sizeof memory);
    struct arena b;
    arena_init(&b, 0);
    assert_non_null(arena_alloc(&b, 10));
    arena_adopt(&b, &a);
    arena_deinit(&b);
    assert_int_equal(mem_live_allocations(), live);
}

static void nth_allocation_fails(void **state) {
    (void)state;
    mem_fail_after(2, false);
    void *first = mem_alloc(1), *second = mem_alloc(1), *third = mem_alloc(1);
    mem_fail_after(0, false);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    mem_free(first);
    mem_free(third);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_zeroed_and_freed),
        cmocka_unit_test(budget),
        cmocka_unit_test(lent_memory),
        cmocka_unit_test(nth_allocation_fails),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
