/* SPDX-License-Identifier: Apache-2.0 */
/* Finds libprusik_video.so: beside this program's libraries, in the build tree or installed. */
#include "video.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {".", "../video", "../../lib"};

const struct video_api *video_load(char error[VIDEO_ERROR]) {
    static const struct video_api *loaded;
    if (loaded) return loaded;
    char self[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *slash;
    self[n > 0 ? n : 0] = '\0';
    if (n > 0 && (slash = strrchr(self, '/'))) self[slash - self] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s/%s/libprusik_video.so", self, places[i]);
        if (access(path, R_OK)) continue;
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
            snprintf(error, VIDEO_ERROR, "%.400s is of another version; install prusik again",
                     path);
            dlclose(module);
            return NULL;
        }
        return loaded = api;
    }
    snprintf(error, VIDEO_ERROR,
             "this prusik was built without video; install libavformat-dev, libavcodec-dev and "
             "libswscale-dev, and build it again");
    return NULL;
}
