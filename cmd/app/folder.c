/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

int folder_make(const char *path) {
    struct stat st;
    if (mkdir(path, 0777) == 0) return 0;
    if (errno != EEXIST) return -1;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return 0;
    errno = ENOTDIR;
    return -1;
}

static int number(const char *command, char folder[static FOLDER_MAX]) {
    char parent[64];
    snprintf(parent, sizeof parent, "runs/%s", command);
    if (folder_make("runs") || folder_make(parent)) return -1;
    for (int i = 1; i < 1000000; i++) {
        snprintf(folder, FOLDER_MAX, i > 1 ? "%s/exp%d" : "%s/exp", parent, i);
        if (mkdir(folder, 0777) == 0) return 0;
        if (errno != EEXIST) return -1;
    }
    return -1;
}

int folder_open(const char *command, const char *wanted, char folder[static FOLDER_MAX],
                int *made) {
    struct stat st;
    *made = 1;
    if (!wanted) {
        if (!number(command, folder)) return 0;
        return app_fail(command, "no folder runs/%s/expN can be made here (%s); name another "
                        "with --output DIR, or write nothing with --no-draw", command,
                        strerror(errno)), -1;
    }
    if (strlen(wanted) >= FOLDER_MAX)
        return app_fail(command, "%.60s...: the path is too long", wanted), -1;
    strcpy(folder, wanted);
    *made = stat(wanted, &st) != 0;
    if (!folder_make(wanted)) return 0;
    return app_fail(command, "%s cannot be made a folder: %s", wanted,
                    strerror(errno)), -1;
}

int folder_below(const char *command, const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!folder_make(path)) return 0;
    return app_fail(command, "%s cannot be made a folder: %s", path, strerror(errno)), -1;
}

FILE *folder_file(const char *command, const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) app_fail(command, "%s cannot be written: %s", path, strerror(errno));
    return f;
}

void folder_csv_text(FILE *f, const char *text) {
    if (!strpbrk(text, "\",\r\n")) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"') fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}
