/* SPDX-License-Identifier: Apache-2.0 */
/* Reads sources one after the other: the files of pictures, the frames of videos, as items. */
#ifndef PK_CMD_FRAMES_H
#define PK_CMD_FRAMES_H

#include <stdatomic.h>

#include "results.h"
#include "source.h"
#include "video.h"

struct frames {
    const struct sources *sources;
    struct video_limits limits;
    int next; /* the next source */
    struct video_reader *video;
    struct video_info info;
    int64_t frame;
    atomic_llong expected; /* frames of the one video that is all there is; 0: not known */
    int live;          /* the video's frames may be dropped */
    int64_t damaged;   /* frames passed over in all videos so far */
    unsigned char *peek; /* stdin's first bytes, given back to the video's reader */
    size_t n_peek, peeked;
};

void frames_open(struct frames *f, const struct sources *sources,
                 const struct video_limits *limits);
/* 1: an item, perhaps one that failed and says why; 0: there are no more, or progress_stop is set.
 * A picture is not decoded yet. After a video's last frame comes an item without a picture. */
int frames_read(struct frames *f, struct item *out);
void frames_close(struct frames *f);

/* Decodes what frames_read() left to do; what goes wrong is left in the item. */
void item_decode(struct item *i);

#endif
