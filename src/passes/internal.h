/* SPDX-License-Identifier: Apache-2.0 */
/* The passes, one per file; pipeline.c lists them in order. */
#ifndef PK_PASSES_INTERNAL_H
#define PK_PASSES_INTERNAL_H

#include "passes/passes.h"

#endif
