/* SPDX-License-Identifier: Apache-2.0 */
/* See part.h. */
#include "part.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int part_home(char folder[static PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (n <= 0) return -1;
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

int part_find(const char *const *folders, size_t n, const char *name, int mode,
              char path[static PATH_MAX]) {
    char home[PATH_MAX];
    if (part_home(home)) return -1;
    for (size_t i = 0; i < n; i++)
        if (snprintf(path, PATH_MAX, "%s/%s/%s", home, folders[i], name) < PATH_MAX &&
            !access(path, mode))
            return 0;
    return -1;
}
