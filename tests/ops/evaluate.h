/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators tested as text: a graph of constants is run node by node with the reference kernels,
 * and its tensor `y` compared with its constant `want`.
 *
 *     assert_gives("const x f32[2] = {-1, 2}\n"
 *                  "y = Relu(x)\n"
 *                  "const want f32[2] = {0, 2}\n");
 *     assert_infers("input x f32[?,3]\n y = Shape(x)\n", "i64[2]");
 *     assert_refuses("const x f32[2] = {1, 2}\n y = Softmax(x) {axis=7}\n", STATUS_SHAPE,
                      "axis 7");
 *
 * assert_gives also runs each node's shape rule without the operands' values, and then without
 * their dimensions: what it says then must not contradict what comes out.
 */
#ifndef PK_TESTS_OPS_EVALUATE_H
#define PK_TESTS_OPS_EVALUATE_H

#include "../check.h"

void assert_gives(const char *lines);
/* dtype and shape of `y` after shape inference, as the text form writes them. */
void assert_infers(const char *lines, const char *type);
/* Shape inference or a kernel fails with this code and a sentence with `part` in it. */
void assert_refuses(const char *lines, enum status code, const char *part);

#endif
