/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libprusik_draw.so share. */
#ifndef PK_CMD_DRAW_MODULE_H
#define PK_CMD_DRAW_MODULE_H

#include "../app/report.h"

/* Precision over recall, and who was taken for whom, as PNG; 0 or -1. */
int report_draw_curves(const struct report *r, const char *path);
int report_draw_confusion(const struct report *r, const char *path);

#endif
