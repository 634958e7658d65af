/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atc --singleop: offline models of one operator each, from a JSON list.
 *
 *     [{"op": "Add", "name": "add",
 *       "input_desc":  [{"format": "ND", "shape": [2, -1], "shape_range": [[1, 8]],
 *                        "type": "float16"},
 *                       {"format": "ND", "shape": [2, 3], "type": "float16"}],
 *       "output_desc": [{"format": "ND", "shape": [2, -1], "type": "float16"}],
 *       "attr":        [{"name": "axis", "type": "int", "value": 1}]}]
 *
 * "name" is the file's; without it the file is NUMBER_OP and, for each tensor, _TYPE_FORMAT_SIZES
 * with the numbers of aclDataType and aclFormat, cut to 128 characters. An input with "const_value"
 * (a number or a list) whose elements shape the operator (axes, shapes, sizes) is known when the
 * file is written. Every other input is one of the call that runs the operator; where it is one of
 * those that shape it, or a size is open, the operator is made ready by that call.
 * {"compile_flag": 1} lets every size of the entries behind it be open.
 */
#ifndef PK_CMD_ATC_SINGLEOP_H
#define PK_CMD_ATC_SINGLEOP_H

#include "atc_messages.h"
#include "base/arena.h"

/* Writes one file for each entry of the list into `folder`, which is made if it is missing; ""
 * means the current one. */
enum status atc_singleop(const char *path, const char *folder, const char *soc,
                         struct arena *arena, struct atc_error *e);

#endif
