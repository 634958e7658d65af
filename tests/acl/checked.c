/* SPDX-License-Identifier: Apache-2.0 */
/* One deliberate mistake, named by the first argument; test_checked.py looks at what is said of it.
 * Prints the code of the call that makes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"

enum { BYTES = 100 };

static void *device(void) {
    void *p = NULL;
    aclrtMalloc(&p, BYTES, ACL_MEM_MALLOC_HUGE_FIRST);
    return p;
}

static aclError make_mistake(const char *name) {
    char host[BYTES] = "";
    void *p = device();
    if (!strcmp(name, "none")) {
        aclrtMemcpy(p, BYTES, host, BYTES, ACL_MEMCPY_HOST_TO_DEVICE);
        aclError code = aclrtMemcpy(host, BYTES, p, BYTES, ACL_MEMCPY_DEVICE_TO_HOST);
        aclrtFree(p);
        return code;
    }
    if (!strcmp(name, "leak")) return ACL_SUCCESS;
    if (!strcmp(name, "kind")) {
        aclError code = aclrtMemcpy(p, BYTES, host, BYTES, ACL_MEMCPY_DEVICE_TO_HOST);
        aclrtFree(p);
        return code;
    }
    aclrtFree(p);
    if (!strcmp(name, "use")) return aclrtMemset((char *)p + 8, BYTES - 8, 0, 16);
    if (!strcmp(name, "free")) return aclrtFree(p);
    if (!strcmp(name, "write")) ((char *)p)[7] = 1;
    return ACL_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc != 2 || aclInit(NULL) || aclrtSetDevice(0)) return 1;
    printf("%d\n", make_mistake(argv[1]));
    aclrtResetDevice(0);
    return aclFinalize();
}
