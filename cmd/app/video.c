/* SPDX-License-Identifier: Apache-2.0 */
#include "video.h"

#include "module.h"

const struct video_api *video_load(char error[VIDEO_ERROR]) {
    static struct module module = {
        .file = "libprusik_video.so",
        .in_build = "../video",
        .get = "prusik_video_api",
        .table_bytes = sizeof(struct video_api),
        .missing = "this prusik was built without video; install libavformat-dev, libavcodec-dev "
                   "and libswscale-dev, and build it again",
        .unusable = "videos need FFmpeg's libraries (Debian: apt-get install libavformat59 "
                    "libswscale6)",
    };
    return module_load(&module, error, VIDEO_ERROR);
}
