/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include <math.h>

#include "base/dtype.h"

/* Every half converts to float and back to itself. */
static void f16_round_trip(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = f16_to_f32((uint16_t)h);
        if (isnan(f)) assert_true(isnan(f16_to_f32(f32_to_f16(f))));
        else assert_int_equal(f32_to_f16(f), h);
    }
}

static void f16_rounds_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7bff; h++) {
        float a = f16_to_f32((uint16_t)h), b = f16_to_f32((uint16_t)(h + 1));
        float middle = (float)(((double)a + b) / 2);
        assert_int_equal(f32_to_f16(middle), h + (h & 1));
        assert_int_equal(f32_to_f16(nextafterf(middle, 0)), h);
        assert_int_equal(f32_to_f16(nextafterf(middle, INFINITY)), h + 1);
    }
    assert_int_equal(f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(f32_to_f16(65519.0f), 0x7bff);
    assert_int_equal(f32_to_f16(-INFINITY), 0xfc00);
}

static void names(void **state) {
    (void)state;
    for (int t = DT_F32; t < DT_COUNT; t++) {
        assert_int_equal(dtype_from_name(dtype_name((enum dtype)t)), t);
        assert_true(dtype_size((enum dtype)t) > 0);
    }
    assert_int_equal(dtype_from_name("f31"), DT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_round_trip),
        cmocka_unit_test(f16_rounds_to_nearest_even),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("dtype", tests, NULL, NULL);
}
