/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include "module.h"

const struct draw_api *draw_load(char error[DRAW_ERROR]) {
    static struct module module = {
        .file = "libprusik_draw.so",
        .in_build = "../draw",
        .get = "prusik_draw_api",
        .table_bytes = sizeof(struct draw_api),
        .missing = "the part that draws, libprusik_draw.so, is missing; install prusik again, or "
                   "draw nothing",
        .unusable = "drawing needs the library Cairo (Debian: apt-get install libcairo2)",
    };
    return module_load(&module, error, DRAW_ERROR);
}
