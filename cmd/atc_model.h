/* SPDX-License-Identifier: Apache-2.0 */
/* Options of atc that speak of the model's own inputs, outputs and nodes. */
#ifndef PK_CMD_ATC_MODEL_H
#define PK_CMD_ATC_MODEL_H

#include "atc_messages.h"
#include "import/import.h"

/* --input_shape: "NAME:1,3,224,224;NAME2:8", a name ending at the last colon before its sizes;
 * "NAME:" is a scalar, and -1, where sizes may be `open`, one to choose later. Everything lies in
 * `arena`. */
enum status atc_parse_shapes(const char *text, bool open, struct arena *arena,
                             struct import_options *out, struct atc_error *e);
/* --out_nodes, --input_fp16_nodes: "A;B" as a NULL-terminated list; NULL for "". */
enum status atc_parse_list(const char *text, struct arena *arena, const char *const **out,
                           struct atc_error *e);
/* Fails, with a proposal, if an input has a size that nobody said, nor left open in `open`. */
enum status atc_check_inputs(const struct graph *g, const struct import_options *open,
                             struct atc_error *e);
/* These float32 inputs become float16, widened before their first use. NULL: none. */
enum status atc_set_fp16_inputs(struct graph *g, const char *const *names, struct atc_error *e);
/* --output_type: one type for every float output, or "NODE:INDEX:TYPE;..." for those named. */
enum status atc_set_output_types(struct graph *g, const char *text, struct arena *arena,
                                 struct atc_error *e);

#endif
