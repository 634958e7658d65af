/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person names as SOURCE: pictures, folders, globs, lists of paths, videos, streams, cameras
 * and `-` for stdin, spread out into single sources in a fixed order.
 */
#ifndef PK_CMD_SOURCE_H
#define PK_CMD_SOURCE_H

#include <stddef.h>

enum source_kind {
    SOURCE_PICTURE, /* a file: JPEG or PNG, or one that will be said to be neither */
    SOURCE_VIDEO,   /* a file with frames */
    SOURCE_STREAM,  /* rtsp://, http:// and their kin */
    SOURCE_CAMERA,  /* /dev/videoN */
    SOURCE_STDIN    /* a picture or a video, told from its first bytes */
};

struct source {
    enum source_kind kind;
    char *path; /* as given, or found in a folder */
    char *stem; /* its name without folder and ending, made different from all others' */
};

struct sources {
    int n;
    struct source *items;
    const char *command; /* for sentences */
};

/* At most so many; a folder with more is refused. */
enum { SOURCES_MAX = 1000000 };

/* Whether a file's name ends as a picture's does. */
int source_is_picture(const char *path);
/* Spreads out the arguments. 0, or -1 after a sentence on stderr (nothing named anything, a folder
 * that cannot be read, an unknown protocol). A single name that does not exist is a source
 * nevertheless: reading it fails and the others go on. sources_close() is due either way. */
int sources_open(const char *command, char **arguments, int n, struct sources *out);
void sources_close(struct sources *s);

#endif
