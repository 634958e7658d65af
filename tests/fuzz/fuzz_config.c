/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the configuration file of aclInit. What is taken must leave nothing behind when it
 * is reset; what is refused must be refused with a sentence. No run begins, so nothing is
 * written. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acl/dump.h"
#include "acl/internal.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static aclError configure(const char *path) {
    json_t *root;
    ACL_TRY(config_read("fuzz", path, &root));
    pthread_mutex_lock(&runtime.lock);
    aclError code = config_process("fuzz", path, root);
    pthread_mutex_unlock(&runtime.lock);
    if (code == ACL_SUCCESS) code = dump_configure("fuzz", path, root);
    if (code == ACL_SUCCESS) code = profile_configure("fuzz", path, root);
    json_decref(root);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char path[40];
    uint64_t before = mem_live_allocations();
    int fd = memfd_create("acl.json", 0);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    runtime.n_devices = 2;
    if (configure(path) != ACL_SUCCESS && !*acl_last_failure()) abort();
    config_reset();
    dump_reset();
    profile_reset();
    close(fd);
    if (mem_live_allocations() != before) abort();
    return 0;
}
