/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: runs a fuzz target over the files and folders given, so that corpora are
 * replayed by the ordinary checks with any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay(const char *path) {
    DIR *dir = opendir(path);
    if (dir) {
        int n = 0;
        for (struct dirent *e; (e = readdir(dir));) {
            char inner[4096];
            if (e->d_name[0] == '.') continue;
            snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
            n += replay(inner);
        }
        closedir(dir);
        return n;
    }
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    /* Exactly as many bytes as the file has, so that the address sanitizer sees a read beyond. */
    uint8_t *data = malloc(n > 0 ? (size_t)n : 1);
    if (!data || n < 0 || fread(data, 1, (size_t)n, f) != (size_t)n) {
        perror(path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, (size_t)n);
    free(data);
    return 1;
}

int main(int argc, char **argv) {
    int n = 0;
    for (int i = 1; i < argc; i++) n += replay(argv[i]);
    printf("%d inputs replayed\n", n);
    return n ? 0 : 1;
}
