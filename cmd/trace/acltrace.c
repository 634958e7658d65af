/* SPDX-License-Identifier: Apache-2.0 */
/* acltrace: runs a program with libacltrace.so in front of its AscendCL library. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../help.h"
#include "../part.h"

/* As a shell's: the command was not found, or cannot be run. */
enum { EXIT_USAGE = 2, EXIT_NO_START = 126, EXIT_NOT_FOUND = 127 };

static const char arguments[] = "[options] PROGRAM [ARGUMENT...]";
static const char help[] =
    "usage: acltrace [options] PROGRAM [ARGUMENT...]\n"
    "       acltrace --replay LOG [--data DIR] [--library FILE]\n"
    "  write every AscendCL call of a program, with arguments, result and time, to stderr\n"
    "  --json          one JSON object a line\n"
    "  --summary       only how often each function was called, and for how long\n"
    "  -o FILE         write there instead of stderr\n"
    "  --data DIR      with --json: keep what calls read and write, so that a replay computes the "
    "same\n"
    "  --replay LOG    make the calls of a log of --json again, and compare what they give\n"
    "  --library FILE  the AscendCL library to call; default: the one beside acltrace\n"
    "Exit status: the program's; 126 when it cannot be started, 127 when it is not found; of "
    "--replay 0 when nothing differs, 1 when something does; 2 for wrong usage and logs that "
    "cannot be read.\n";

static int wrong(const char *why, const char *what) {
    help_wrong("acltrace", arguments, why, what);
    return EXIT_USAGE;
}

/* A part lies beside this program in the build tree, in a folder of its own when installed. */
static int find_part(const char *name, char path[static PATH_MAX]) {
    static const char *const folders[] = {".", "../lib", "../lib64", "../libexec/prusik",
                                          "../../src/acl"};
    return part_find(folders, sizeof folders / sizeof folders[0], name, R_OK, path);
}

/* Calling functions by their prototypes is what Python's ctypes is for. */
static int replay(const char *log, const char *data, const char *library) {
    char script[PATH_MAX], shim[PATH_MAX], prototypes[PATH_MAX], beside[PATH_MAX];
    if (find_part("replay.py", script) || find_part("acl_prototypes.json", prototypes) ||
        find_part("libacltrace.so", shim)) {
        fputs("acltrace: a part is missing; install prusik again\n", stderr);
        return EXIT_NO_START;
    }
    if (!library) library = find_part("libascendcl.so", beside) ? "libascendcl.so" : beside;
    execlp("python3", "python3", script, prototypes, shim, library, log, data ? data : "",
           (char *)NULL);
    fprintf(stderr, "acltrace: python3 cannot be started: %s\n", strerror(errno));
    return EXIT_NO_START;
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
    const char *output = NULL, *data = NULL, *log = NULL, *library = NULL;
    int json = 0, summary = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const struct {
            const char *name, **to;
        } takes[] = {{"-o", &output}, {"--data", &data}, {"--replay", &log},
                     {"--library", &library}};
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help_print(stdout, help);
            return help_end("acltrace", 0, 1);
        }
        if (!strcmp(argv[i], "--json")) {
            json = 1;
            continue;
        }
        if (!strcmp(argv[i], "--summary")) {
            summary = 1;
            continue;
        }
        size_t k = 0;
        while (k < sizeof takes / sizeof takes[0] && strcmp(argv[i], takes[k].name)) k++;
        if (k == sizeof takes / sizeof takes[0]) return wrong("no option", argv[i]);
        if (i + 1 == argc) return wrong("a value is missing after", argv[i]);
        *takes[k].to = argv[++i];
    }
    if (log && i < argc) return wrong("a replay runs no program:", argv[i]);
    if (log && (json || summary || output))
        return wrong("--json, --summary and -o do not go with --replay", NULL);
    if (log) return replay(log, data, library);
    if (library) return wrong("--library goes with --replay only", NULL);
    if (data && (!json || summary))
        return wrong("--data goes with --json, without --summary", NULL);
    if (i == argc) return wrong("a PROGRAM is missing", NULL);
    char shim[PATH_MAX], path[PATH_MAX] = "", folder[PATH_MAX] = "";
    if (find_part("libacltrace.so", shim)) {
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
    if (data && ((mkdir(data, 0777) && errno != EEXIST) || !realpath(data, folder))) {
        fprintf(stderr, "acltrace: %s cannot be made a folder: %s\n", data, strerror(errno));
        return EXIT_NO_START;
    }
    if (preload(shim) || setenv("ACLTRACE_DATA", folder, 1) || setenv("ACLTRACE_OUTPUT", path, 1) ||
        setenv("ACLTRACE_OPTIONS", json && summary ? "json,summary" : json ? "json" :
               summary ? "summary" : "", 1)) {
        fputs("acltrace: out of memory\n", stderr);
        return EXIT_NO_START;
    }
    execvp(argv[i], argv + i);
    fprintf(stderr, "acltrace: %s cannot be started: %s\n", argv[i], strerror(errno));
    return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NO_START;
}
