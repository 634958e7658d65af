/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include <pthread.h>

#include "module.h"

const struct draw_api *draw_load(char error[DRAW_ERROR]) {
    static const struct module module = {
        .file = "libprusik_draw.so",
        .in_build = "../draw",
        .get = "prusik_draw_api",
        .table_bytes = sizeof(struct draw_api),
        .missing = "the part that draws, libprusik_draw.so, is missing; install prusik again, or "
                   "draw nothing",
        .unusable = "drawing needs the library Cairo (Debian: apt-get install libcairo2)",
    };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const struct draw_api *loaded;
    pthread_mutex_lock(&lock);
    if (!loaded) loaded = module_load(&module, error, DRAW_ERROR);
    const struct draw_api *api = loaded;
    pthread_mutex_unlock(&lock);
    return api;
}
