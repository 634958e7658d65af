/* SPDX-License-Identifier: Apache-2.0 */
/* Runs graphs node by node with their reference kernels, to compare what two of them compute. */
#ifndef PK_TESTS_PASSES_REFERENCE_H
#define PK_TESTS_PASSES_REFERENCE_H

#include "ops/op.h"

/* Runs both graphs on the same random inputs. False, with a sentence, when an output's name, dtype,
 * shape or values differ: values by more than 1e-5 of the output's range (1e-2 for 16-bit). */
bool reference_compare(const struct graph *a, const struct graph *b, char problem[static 256]);

#endif
