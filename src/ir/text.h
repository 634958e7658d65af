/* SPDX-License-Identifier: Apache-2.0 */
/* What print.c and parse.c share; private to them. */
#ifndef PK_IR_TEXT_H
#define PK_IR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a name may stand without quotes. */
bool text_is_identifier(const char *s, size_t n);

#endif
