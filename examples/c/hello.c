/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest AscendCL program: starts, looks round, ends.
 *
 *     cc hello.c -o hello -I$DDK_PATH/runtime/include -L$NPU_HOST_LIB -lascendcl
 */
#include <stdio.h>

#include "acl/acl.h"

static int failed(const char *what) {
    fprintf(stderr, "%s failed: %s\n", what, aclGetRecentErrMsg());
    return 1;
}

int main(void) {
    int32_t major, minor, patch;
    uint32_t devices;
    size_t free_bytes, total_bytes;
    aclrtRunMode mode;
    aclrtContext context;
    aclrtStream stream;

    if (aclInit(NULL)) return failed("aclInit");
    if (aclrtGetVersion(&major, &minor, &patch)) return failed("aclrtGetVersion");
    if (aclrtGetDeviceCount(&devices)) return failed("aclrtGetDeviceCount");
    if (aclrtGetRunMode(&mode)) return failed("aclrtGetRunMode");
    printf("AscendCL %d.%d.%d, soc %s, %u device%s, running %s\n", major, minor, patch,
           aclrtGetSocName(), devices, devices == 1 ? "" : "s",
           mode == ACL_HOST ? "beside the device" : "on the device");

    if (aclrtSetDevice(0)) return failed("aclrtSetDevice");
    if (aclrtCreateContext(&context, 0)) return failed("aclrtCreateContext");
    if (aclrtCreateStream(&stream)) return failed("aclrtCreateStream");
    if (aclrtGetMemInfo(ACL_DDR_MEM, &free_bytes, &total_bytes)) return failed("aclrtGetMemInfo");
    printf("device 0: %zu of %zu MiB of memory free\n", free_bytes >> 20, total_bytes >> 20);

    if (aclrtDestroyStream(stream)) return failed("aclrtDestroyStream");
    if (aclrtDestroyContext(context)) return failed("aclrtDestroyContext");
    if (aclrtResetDevice(0)) return failed("aclrtResetDevice");
    if (aclFinalize()) return failed("aclFinalize");
    return 0;
}
