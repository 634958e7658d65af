/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handles: no value that is not a live handle of the right kind finds an object, and
 * an object lives until its last user lets go. */
#include "acl_check.h"

#include "acl/handle.h"

static atomic_int destroyed;
static void count_destroyed(void *object) {
    (void)object;
    atomic_fetch_add(&destroyed, 1);
}

static void only_live_handles_are_found(void **state) {
    (void)state;
    int object;
    atomic_store(&destroyed, 0);
    void *h = handle_create(HANDLE_EVENT, &object, count_destroyed);
    assert_non_null(h);
    assert_ptr_equal(handle_acquire(h, HANDLE_EVENT), &object);
    handle_release(h);
    assert_null(handle_acquire(h, HANDLE_STREAM));
    assert_null(handle_acquire(NULL, HANDLE_EVENT));
    assert_null(handle_acquire(&object, HANDLE_EVENT));
    assert_null(handle_acquire((void *)-1, HANDLE_EVENT));
    assert_false(handle_retire(h, HANDLE_STREAM));
    assert_true(handle_retire(h, HANDLE_EVENT));
    assert_int_equal(atomic_load(&destroyed), 1);
    assert_null(handle_acquire(h, HANDLE_EVENT));
    assert_false(handle_retire(h, HANDLE_EVENT));
}

/* Every bit of a handle matters. */
static void altered_handles_are_refused(void **state) {
    (void)state;
    int object;
    void *h = handle_create(HANDLE_EVENT, &object, count_destroyed);
    for (int bit = 0; bit < 64; bit++) {
        void *wrong = (void *)((uintptr_t)h ^ (uintptr_t)1 << bit);
        assert_null(handle_acquire(wrong, HANDLE_EVENT));
    }
    assert_true(handle_retire(h, HANDLE_EVENT));
}

static void old_handles_never_meet_new_objects(void **state) {
    (void)state;
    int object;
    void *old[64], *now = NULL;
    for (int i = 0; i < 20000; i++) {
        now = handle_create(HANDLE_EVENT, &object, count_destroyed);
        assert_non_null(now);
        for (int k = 0; k < 64 && k < i; k++) assert_null(handle_acquire(old[k], HANDLE_EVENT));
        assert_true(handle_retire(now, HANDLE_EVENT));
        old[i % 64] = now;
    }
}

static void retirement_waits_for_users(void **state) {
    (void)state;
    int object;
    atomic_store(&destroyed, 0);
    void *h = handle_create(HANDLE_EVENT, &object, count_destroyed);
    assert_non_null(handle_acquire(h, HANDLE_EVENT));
    assert_non_null(handle_acquire(h, HANDLE_EVENT));
    assert_true(handle_retire(h, HANDLE_EVENT));
    assert_null(handle_acquire(h, HANDLE_EVENT));
    handle_release(h);
    assert_int_equal(atomic_load(&destroyed), 0);
    handle_release(h);
    assert_int_equal(atomic_load(&destroyed), 1);
}

enum { ROUNDS = 3000 };
static _Atomic(void *) shared;

static void *use_shared(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS * 4; i++) {
        void *h = atomic_load(&shared);
        int *object = handle_acquire(h, HANDLE_EVENT);
        if (!object) continue;
        if (*object != 42) return (void *)1;
        handle_release(h);
    }
    return NULL;
}

static void poison(void *object) {
    *(int *)object = 0;
    mem_free(object);
    atomic_fetch_add(&destroyed, 1);
}

static void threads_never_see_a_dead_object(void **state) {
    (void)state;
    pthread_t threads[3];
    atomic_store(&destroyed, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_shared, 0), 0);
    for (int i = 0; i < ROUNDS; i++) {
        int *object = mem_alloc(sizeof *object);
        assert_non_null(object);
        *object = 42;
        void *h = handle_create(HANDLE_EVENT, object, poison);
        atomic_store(&shared, h);
        assert_true(handle_retire(h, HANDLE_EVENT));
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(atomic_load(&destroyed), ROUNDS);
}

static void many_live_handles(void **state) {
    (void)state;
    enum { MANY = 5000 };
    static void *handles[MANY];
    static int objects[MANY];
    for (int i = 0; i < MANY; i++) {
        handles[i] = handle_create(HANDLE_EVENT, &objects[i], count_destroyed);
        assert_non_null(handles[i]);
    }
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(handle_acquire(handles[i], HANDLE_EVENT), &objects[i]);
        handle_release(handles[i]);
        assert_true(handle_retire(handles[i], HANDLE_EVENT));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_live_handles_are_found),
        cmocka_unit_test(altered_handles_are_refused),
        cmocka_unit_test(old_handles_never_meet_new_objects),
        cmocka_unit_test(retirement_waits_for_users),
        cmocka_unit_test(threads_never_see_a_dead_object),
        cmocka_unit_test(many_live_handles),
    };
    return cmocka_run_group_tests_name("handles", tests, NULL, NULL);
}
