/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a stream of video on the way a program takes, through VDEC. The first byte says
 * which kind; units are cut at each start code. Every unit must have its callback. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "acl/ops/acl_dvpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROOM = 1 << 18, MOST_UNITS = 32 };

static pthread_t reporter;
static aclvdecChannelDesc *channels[2];
static uint8_t room[ROOM];
static atomic_int n_called;

static void *report(void *context) {
    if (aclrtSetCurrentContext(context)) abort();
    for (;;) aclrtProcessReport(1000);
    return NULL;
}

static void called(acldvppStreamDesc *input, acldvppPicDesc *output, void *user) {
    (void)user;
    if (acldvppGetPicDescRetCode(output) && strlen(aclGetRecentErrMsg()) < 10) abort();
    if (acldvppDestroyStreamDesc(input) || acldvppDestroyPicDesc(output)) abort();
    atomic_fetch_add(&n_called, 1);
}

static void start(void) {
    aclrtContext context;
    if (aclInit(NULL) || aclrtSetDevice(0) || aclrtGetCurrentContext(&context)) abort();
    if (pthread_create(&reporter, NULL, report, context)) abort();
    for (int i = 0; i < 2; i++) {
        channels[i] = aclvdecCreateChannelDesc();
        aclvdecSetChannelDescThreadId(channels[i], (uint64_t)reporter);
        aclvdecSetChannelDescCallback(channels[i], called);
        aclvdecSetChannelDescEnType(channels[i], i ? H265_MAIN_LEVEL : H264_HIGH_LEVEL);
        /* Without FFmpeg there is nothing to fuzz. */
        if (aclvdecCreateChannel(channels[i])) exit(0);
    }
}

static void send(aclvdecChannelDesc *channel, const uint8_t *data, size_t n) {
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    acldvppPicDesc *p = acldvppCreatePicDesc();
    acldvppSetStreamDescData(s, (void *)(uintptr_t)data);
    acldvppSetStreamDescSize(s, (uint32_t)n);
    acldvppSetPicDescData(p, room);
    acldvppSetPicDescSize(p, ROOM);
    if (aclvdecSendFrame(channel, s, p, NULL, NULL)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2 || n > 1 << 18) return 0;
    if (!channels[0]) start();
    aclvdecChannelDesc *channel = channels[data[0] & 1];
    int n_sent = 0;
    size_t from = 1;
    atomic_store(&n_called, 0);
    /* Four zeros and a one begin a unit, as encoders write them. */
    for (size_t i = 2; i <= n && n_sent < MOST_UNITS; i++)
        if (i == n || (i + 4 <= n && !memcmp(data + i, "\0\0\0\1", 4) && i > from)) {
            send(channel, data + from, i - from);
            n_sent++;
            from = i;
        }
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    acldvppSetStreamDescEos(s, 1);
    if (aclvdecSendFrame(channel, s, NULL, NULL, NULL)) abort();
    acldvppDestroyStreamDesc(s);
    if (atomic_load(&n_called) != n_sent) abort();
    return 0;
}
