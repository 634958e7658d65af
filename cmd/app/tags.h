/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an offline model says of itself beyond tensors: the network family it belongs to, in the
 * 32 bytes the container's header leaves to its user (om.h: userdefineinfo, offset 120), as
 * "prusik:FAMILY"; and the names of its classes, in a text file beside it: net.om, net.labels.
 */
#ifndef PK_CMD_TAGS_H
#define PK_CMD_TAGS_H

struct model_tags {
    char family[32];    /* "" when it says nothing */
    char labels[4096];  /* path of the labels file; "" when there is none */
};

/* Never fails: a file that cannot be read has no tags. */
void tags_read(const char *om_path, struct model_tags *out);
/* 0, or -1 when the file is no offline model or cannot be written. */
int tags_write_family(const char *om_path, const char *family);

#endif
