/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { USER_OFFSET = 120, USER_BYTES = 32, HEADER_BYTES = 256 };
static const char prefix[] = "prusik:";

static int read_header(FILE *f, char header[static HEADER_BYTES]) {
    return fread(header, 1, HEADER_BYTES, f) == HEADER_BYTES && !memcmp(header, "IMOD", 4);
}

void tags_read(const char *om_path, struct model_tags *out) {
    memset(out, 0, sizeof *out);
    char header[HEADER_BYTES];
    FILE *f = fopen(om_path, "rb");
    if (!f) return;
    if (read_header(f, header) && !memcmp(header + USER_OFFSET, prefix, sizeof prefix - 1))
        memcpy(out->family, header + USER_OFFSET + sizeof prefix - 1, USER_BYTES - sizeof prefix);
    fclose(f);
    const char *dot = strrchr(om_path, '.');
    int stem = (int)(dot ? (size_t)(dot - om_path) : strlen(om_path));
    int n = snprintf(out->labels, sizeof out->labels, "%.*s.labels", stem, om_path);
    if (n < 0 || (size_t)n >= sizeof out->labels || access(out->labels, R_OK))
        out->labels[0] = '\0';
}

int tags_write_family(const char *om_path, const char *family) {
    char header[HEADER_BYTES], user[USER_BYTES] = {0};
    FILE *f = fopen(om_path, "r+b");
    if (!f) return -1;
    int ok = read_header(f, header) &&
             snprintf(user, sizeof user, "%s%s", prefix, family) < (int)sizeof user &&
             fseek(f, USER_OFFSET, SEEK_SET) == 0 &&
             fwrite(user, 1, sizeof user, f) == sizeof user;
    return fclose(f) == 0 && ok ? 0 : -1;
}
