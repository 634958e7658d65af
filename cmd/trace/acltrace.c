/* SPDX-License-Identifier: Apache-2.0 */
/* acltrace: runs a program with libacltrace.so in front of its AscendCL library. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As a shell's: the command was not found, or cannot be run. */
enum { EXIT_USAGE = 2, EXIT_NO_START = 126, EXIT_NOT_FOUND = 127 };

static void print_help(FILE *to) {
    fputs("usage: acltrace [--json] [--summary] [-o FILE] PROGRAM [ARGUMENT...]\n"
          "  write every AscendCL call of a program, with arguments, result and time, to stderr\n\n"
          "  --json     one JSON object a line\n"
          "  --summary  only how often each function was called, and for how long\n"
          "  -o FILE    write there instead of stderr\n",
          to);
}

/* The library lies beside this program in the build tree, in the library folder when installed. */
static int find_shim(char path[static PATH_MAX]) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) return -1;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    static const char *const folders[] = {".", "../lib", "../lib64"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (snprintf(path, PATH_MAX, "%s/%s/libacltrace.so", self, folders[i]) < PATH_MAX &&
            !access(path, R_OK))
            return 0;
    return -1;
}

static int preload(const char *shim) {
    const char *others = getenv("LD_PRELOAD");
    size_t n = strlen(shim) + (others ? strlen(others) : 0) + 2;
    char *list = malloc(n);
    if (!list) return -1;
    snprintf(list, n, "%s%s%s", shim, others && *others ? ":" : "", others ? others : "");
    int failed = setenv("LD_PRELOAD", list, 1);
    free(list);
    return failed;
}

int main(int argc, char **argv) {
    const char *output = NULL;
    int json = 0, summary = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--help")) {
            print_help(stdout);
            return 0;
        }
        if (!strcmp(argv[i], "--json")) {
            json = 1;
        } else if (!strcmp(argv[i], "--summary")) {
            summary = 1;
        } else if (!strcmp(argv[i], "-o") && i + 1 < argc) {
            output = argv[++i];
        } else {
            print_help(stderr);
            return EXIT_USAGE;
        }
    }
    if (i == argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    char shim[PATH_MAX], path[PATH_MAX] = "";
    if (find_shim(shim)) {
        fputs("acltrace: its part libacltrace.so is missing; install prusik again\n", stderr);
        return EXIT_NO_START;
    }
    if (output) { /* emptied now; a path that stays right if the program changes its folder */
        FILE *f = fopen(output, "w");
        if (!f || fclose(f) || !realpath(output, path)) {
            fprintf(stderr, "acltrace: %s cannot be written: %s\n", output, strerror(errno));
            return EXIT_NO_START;
        }
    }
    if (preload(shim) || setenv("ACLTRACE_OUTPUT", path, 1) ||
        setenv("ACLTRACE_OPTIONS", json && summary ? "json,summary" : json ? "json" :
               summary ? "summary" : "", 1)) {
        fputs("acltrace: out of memory\n", stderr);
        return EXIT_NO_START;
    }
    execvp(argv[i], argv + i);
    fprintf(stderr, "acltrace: %s cannot be started: %s\n", argv[i], strerror(errno));
    return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NO_START;
}
