/* SPDX-License-Identifier: Apache-2.0 */
/* How convolutions are cut: rows into register tiles, and steps into tiles for threads. */
#include "support.h"

#include "kernels/conv.h"
#include "kernels/conv_algorithms.h"

/* Every output of a row is in a tile; only the last tile may reach back, and only if it may. */
static void rows_are_covered(void **state) {
    int gains = 0;
    FOR_EACH_ISA(k)
        for (int algorithm = CONV_DIRECT; algorithm <= CONV_PAIRS; algorithm++)
            for (int ocv = 1; ocv <= 4; ocv++)
                for (int overlap = 0; overlap < 2; overlap++) {
                    const struct conv_plan p = {.k = k, .algorithm = (enum conv_algorithm)algorithm,
                                                .pixel_step = k->vl};
                    const struct conv_cuts *c = conv_cuts_for(&p, ocv, overlap);
                    if (!c) continue;
                    assert_ptr_equal(c, conv_cuts_for(&p, ocv, overlap));
                    for (int length = 1; length <= 300; length++) {
                        struct conv_run runs[32];
                        int n = 0, x = 7;
                        const float cost = conv_cut(c, length, 7, runs, &n);
                        assert_true(n > 0 && n <= 20 && cost > 0);
                        for (int i = 0; i < n; i++) {
                            assert_int_equal(runs[i].kernel->ocv, ocv);
                            const int last = overlap && i == n - 1 && runs[i].count == 1;
                            assert_true(runs[i].x == x || (last && runs[i].x < x));
                            assert_true(runs[i].x >= 7);
                            x = runs[i].x + runs[i].count * runs[i].kernel->px;
                        }
                        assert_int_equal(x, 7 + length);
                        if (!overlap) continue;
                        /* What may overlap costs no more than what may not, and can cost less. */
                        const float exact =
                            conv_cut(conv_cuts_for(&p, ocv, 0), length, 0, NULL, NULL);
                        assert_true(cost <= exact + 0.01f);
                        gains += cost < exact - 0.01f;
                    }
                }
    assert_true(gains > 0);
}

/* A step of a few microseconds is work for two threads or four, not for one or three. */
static void short_steps_are_shared(void **state) {
    FOR_EACH_ISA(k) {
        int checked = 0;
        for (int size = 8; size <= 64; size += 4)
            for (int depthwise = 0; depthwise < 2; depthwise++) {
                const struct conv_desc d = {
                    .n = 1, .ic = 64, .ih = size, .iw = size, .oc = 64, .oh = size, .ow = size,
                    .kh = depthwise ? 3 : 1, .kw = depthwise ? 3 : 1, .sh = 1, .sw = 1, .dh = 1,
                    .dw = 1, .pt = depthwise, .pl = depthwise, .groups = depthwise ? 64 : 1};
                struct conv_plan p;
                assert_int_equal(conv_plan_init(k, &d, &p), STATUS_OK);
                if (p.cost_us < 4 || p.cost_us > 9) continue;
                assert_true(p.n_tiles[0] == 2 || p.n_tiles[0] == 4);
                checked++;
            }
        assert_true(checked > 0);
    }
}

/* Winograd in one tile leaves other threads without work: it must be worth that. */
static void a_single_tile_is_worth_it(void **state) {
    FOR_EACH_ISA(k)
        for (int ic = 16; ic <= 512; ic *= 2)
            for (int size = 3; size <= 12; size++) {
                struct conv_desc d = {.n = 1, .ic = ic, .ih = size, .iw = size, .oc = 12,
                                      .oh = size, .ow = size, .kh = 3, .kw = 3, .sh = 1, .sw = 1,
                                      .dh = 1, .dw = 1, .pt = 1, .pl = 1, .groups = 1};
                struct conv_plan chosen, direct;
                assert_int_equal(conv_plan_init(k, &d, &chosen), STATUS_OK);
                d.only = CONV_ONLY_DIRECT;
                assert_int_equal(conv_plan_init(k, &d, &direct), STATUS_OK);
                if (chosen.algorithm == CONV_WINOGRAD && chosen.n_tiles[0] == 1 &&
                    direct.n_tiles[0] > 1)
                    assert_true(chosen.cost_us < direct.cost_us * 0.75);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_covered),
        cmocka_unit_test(short_steps_are_shared),
        cmocka_unit_test(a_single_tile_is_worth_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
