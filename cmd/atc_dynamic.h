/* SPDX-License-Identifier: Apache-2.0 */
/* Options of atc that leave sizes open: gears and ranges. */
#ifndef PK_CMD_ATC_DYNAMIC_H
#define PK_CMD_ATC_DYNAMIC_H

#include "atc_options.h"
#include "import/import.h"

/* Whether one of the options with gears is given. */
bool atc_has_gears(const struct atc_options *o);
/* What can be said of the options' values without the model. */
enum status atc_check_dynamic(const struct atc_options *o, struct atc_error *e);
/* --input_shape_range: the shapes to import with; what is open in them is -1. */
enum status atc_parse_ranges(const char *text, struct arena *arena, struct import_options *out,
                             struct atc_error *e);
/* Writes the choice of the options into an imported graph, after checking it against the inputs. */
enum status atc_set_dynamic(struct graph *g, const struct atc_options *o, struct arena *arena,
                            struct atc_error *e);
/* Plans the model at every gear; an error names the gear that does not work. */
enum status atc_plan_gears(const struct graph *g, struct arena *arena, struct atc_error *e);

#endif
