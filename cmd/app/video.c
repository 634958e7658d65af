/* SPDX-License-Identifier: Apache-2.0 */
/* Finds libprusik_video.so: beside this program's libraries, in the build tree or installed. */
#include "video.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "../part.h"

static const char *const places[] = {".", "../video", "../../lib"};

const struct video_api *video_load(char error[VIDEO_ERROR]) {
    static const struct video_api *loaded;
    if (loaded) return loaded;
    char path[PATH_MAX];
    if (part_find(places, sizeof places / sizeof places[0], "libprusik_video.so", R_OK, path)) {
        snprintf(error, VIDEO_ERROR,
                 "this prusik was built without video; install libavformat-dev, libavcodec-dev and "
                 "libswscale-dev, and build it again");
        return NULL;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        snprintf(error, VIDEO_ERROR,
                 "videos need FFmpeg's libraries (Debian: apt-get install libavformat59 "
                 "libswscale6): %.300s",
                 dlerror());
        return NULL;
    }
    const struct video_api *(*get)(void);
    *(void **)&get = dlsym(module, "prusik_video_api");
    const struct video_api *api = get ? get() : NULL;
    if (!api || api->size != sizeof *api) {
        snprintf(error, VIDEO_ERROR, "%.400s is of another version; install prusik again", path);
        dlclose(module);
        return NULL;
    }
    return loaded = api;
}
