/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: JPEG and PNG pictures on the way a program takes, through libacl_dvpp.so. What comes
 * in is decoded into memory of a fixed size, or refused with a sentence. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "acl/ops/acl_dvpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROOM = 1 << 20 };

static acldvppChannelDesc *channel;
static acldvppPicDesc *desc;
static uint8_t *room;

static void start(void) {
    if (aclInit(NULL) || aclrtSetDevice(0) || acldvppMalloc((void **)&room, ROOM)) abort();
    channel = acldvppCreateChannelDesc();
    desc = acldvppCreatePicDesc();
    if (!channel || !desc || acldvppCreateChannel(channel)) abort();
}

static void check(aclError code) {
    if (code != ACL_SUCCESS && strlen(aclGetRecentErrMsg()) < 10) abort();
}

static void decode(const uint8_t *data, uint32_t n, acldvppPixelFormat format) {
    uint32_t width, height, size;
    int32_t components;
    bool is_png = n > 1 && data[0] == 0x89;
    check((is_png ? acldvppPngGetImageInfo : acldvppJpegGetImageInfo)(data, n, &width, &height,
                                                                      &components));
    check((is_png ? acldvppPngPredictDecSize : acldvppJpegPredictDecSize)(data, n, format, &size));
    acldvppSetPicDescData(desc, room);
    acldvppSetPicDescSize(desc, ROOM);
    acldvppSetPicDescFormat(desc, format);
    acldvppSetPicDescWidthStride(desc, 0);
    acldvppSetPicDescHeightStride(desc, 0);
    if ((is_png ? acldvppPngDecodeAsync : acldvppJpegDecodeAsync)(channel, data, n, desc, NULL))
        abort();
    aclError code = aclrtSynchronizeStream(NULL);
    check(code);
    if (acldvppGetPicDescRetCode(desc) != (uint32_t)code) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1 || n > 1 << 20) return 0;
    if (!channel) start();
    decode(data, (uint32_t)n, PIXEL_FORMAT_UNKNOWN);
    decode(data, (uint32_t)n, PIXEL_FORMAT_YUV_SEMIPLANAR_420);
    decode(data, (uint32_t)n, PIXEL_FORMAT_RGB_888);
    return 0;
}
