/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "convert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <sha2.h>

#include "../part.h"
#include "app.h"

enum { KEY_TEXT = 33, SUM_TEXT = SHA256_DIGEST_STRING_LENGTH };
#define TEMPORARY ".new-"

/* ---- what a conversion depends on ---- */

/* The file in memory, to read; NULL and errno. */
static const uint8_t *map(const char *path, size_t *bytes) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *p = MAP_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    else errno = EINVAL;
    int error = errno;
    close(fd);
    errno = error;
    *bytes = p == MAP_FAILED ? 0 : (size_t)st.st_size;
    return p == MAP_FAILED ? NULL : p;
}

/* Weights may lie in files beside the model: an entry of external_data is the key "location" and
 * a name, two fields of text, which stand so whoever wrote them. What only looks like one names no
 * file, or one that does no harm here. */
static void add_weights(SHA2_CTX *hash, const char *model, const uint8_t *bytes, size_t n) {
    static const char mark[] = "\x0a\x08location\x12";
    char last[256] = "", path[PATH_MAX];
    const char *slash = strrchr(model, '/');
    const uint8_t *end = bytes + n, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        if (at >= end || *at >= 128 || *at == 0 || at + 1 + *at > end) continue;
        char name[128] = "";
        memcpy(name, at + 1, *at);
        if (!strcmp(name, last)) continue; /* thousands of tensors name one file */
        strcpy(last, name);
        size_t weights_bytes;
        int fits = snprintf(path, sizeof path, "%.*s%s",
                            (int)(slash ? slash - model + 1 : 0), model, name) < PATH_MAX;
        const uint8_t *weights = fits ? map(path, &weights_bytes) : NULL;
        SHA256Update(hash, (const uint8_t *)name, strlen(name) + 1);
        if (!weights) continue;
        SHA256Update(hash, weights, weights_bytes);
        munmap((void *)(uintptr_t)weights, weights_bytes);
    }
}

static int make_key(const char *model, const char *atc, const char *shape,
                    char key[static KEY_TEXT]) {
    size_t n;
    struct stat st;
    const uint8_t *bytes = map(model, &n);
    if (!bytes) return -1;
    SHA2_CTX hash;
    SHA256Init(&hash);
    SHA256Update(&hash, bytes, n);
    add_weights(&hash, model, bytes, n);
    munmap((void *)(uintptr_t)bytes, n);
    char text[1200];
    if (stat(atc, &st)) return -1;
    snprintf(text, sizeof text, "%s %lld %lld.%09ld %s", PK_APP_VERSION, (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, shape ? shape : "");
    SHA256Update(&hash, (const uint8_t *)text, strlen(text) + 1);
    char whole[SHA256_DIGEST_STRING_LENGTH];
    SHA256End(&hash, whole);
    snprintf(key, KEY_TEXT, "%.32s", whole);
    return 0;
}

/* ---- the folder ---- */

/* Why the folder cannot be used, in `why`; 0 when it can. */
static int find_cache(char folder[static PATH_MAX], char why[static 256]) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char parent[PATH_MAX / 2];
    int n;
    if (base && *base == '/') n = snprintf(parent, sizeof parent, "%s", base);
    else if (home && *home == '/') n = snprintf(parent, sizeof parent, "%s/.cache", home);
    else return snprintf(why, 256, "HOME is not set"), -1;
    struct stat st;
    if (n >= (int)sizeof parent) return snprintf(why, 256, "its path is too long"), -1;
    mkdir(parent, 0700);
    snprintf(folder, PATH_MAX, "%s/prusik", parent);
    if ((mkdir(folder, 0700) && errno != EEXIST) || stat(folder, &st) ||
        access(folder, W_OK | X_OK))
        return snprintf(why, 256, "%.150s: %s", folder, strerror(errno)), -1;
    /* What lies there is executed as a network: nobody else may put it there. */
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
        return snprintf(why, 256, "%.150s is not a folder only you can write to", folder), -1;
    return 0;
}

/* An entry of that key that is whole; others of it are taken away. */
static int find_entry(const char *folder, const char *key, char path[static PATH_MAX]) {
    DIR *dir = opendir(folder);
    int found = 0;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        char sum[SUM_TEXT];
        size_t length = KEY_TEXT - 1 + 1 + SUM_TEXT - 1;
        if (strncmp(e->d_name, key, KEY_TEXT - 1) || strlen(e->d_name) != length + 3) continue;
        if (snprintf(path, PATH_MAX, "%s/%s", folder, e->d_name) >= PATH_MAX) continue;
        found = SHA256File(path, sum) && !strncmp(sum, e->d_name + KEY_TEXT, SUM_TEXT - 1);
        if (!found) unlink(path);
    }
    if (dir) closedir(dir);
    /* Used now: what was not used for longest goes first. */
    if (found) utimensat(AT_FDCWD, path, NULL, 0);
    return found ? 0 : -1;
}

static void remove_folder(const char *path) {
    char inner[PATH_MAX + 300];
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) unlink(inner);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

static int oldest_first(const void *a, const void *b) {
    struct stat x = {0}, y = {0};
    stat(*(char *const *)a, &x);
    stat(*(char *const *)b, &y);
    return (x.st_mtim.tv_sec > y.st_mtim.tv_sec) - (x.st_mtim.tv_sec < y.st_mtim.tv_sec);
}

/* With the lock held: leftovers of programs that died, and the oldest beyond CACHE_BYTES. */
static void tidy(const char *folder) {
    char pattern[PATH_MAX + 16];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/" TEMPORARY "*", folder);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) remove_folder(found.gl_pathv[i]);
        globfree(&found);
    }
    snprintf(pattern, sizeof pattern, "%s/*.om", folder);
    if (glob(pattern, 0, NULL, &found)) return;
    long long total = 0;
    struct stat st;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (!stat(found.gl_pathv[i], &st)) total += st.st_size;
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, oldest_first);
    for (size_t i = 0; i < found.gl_pathc && total > CACHE_BYTES; i++) {
        if (stat(found.gl_pathv[i], &st) || unlink(found.gl_pathv[i])) continue;
        total -= st.st_size;
    }
    globfree(&found);
}

/* ---- converting ---- */

/* atc and prusik: in the build tree one folder up, installed in bin. */
static int find_program(const char *name, char path[static PATH_MAX]) {
    static const char *const folders[] = {"..", "../../bin"};
    return part_find(folders, 2, name, X_OK, path);
}

/* Runs a program with its output to a file (stderr too, if asked). Its exit status, or -1. */
static int run_program(char *const argv[], const char *output, int errors_too) {
    pid_t child = fork();
    if (child == 0) {
        int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600),
            null = open("/dev/null", O_RDWR);
        if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 ||
            dup2(errors_too ? fd : null, 2) < 0)
            _exit(126);
        execv(argv[0], argv);
        _exit(127);
    }
    int status = -1;
    if (child > 0)
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR) return -1;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The sizes prusik check proposes for a model that leaves some open; "" for others. */
static void propose_shape(const char *model, const char *folder, char shape[static 1024]) {
    char prusik[PATH_MAX], report[PATH_MAX + 16];
    shape[0] = '\0';
    if (find_program("prusik", prusik)) return;
    snprintf(report, sizeof report, "%s/check.json", folder);
    char *argv[] = {prusik, "check", "--json", (char *)(uintptr_t)model, NULL};
    if (run_program(argv, report, 0)) return;
    json_t *root = json_load_file(report, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "input_shape"));
    if (text && strlen(text) < 1024) strcpy(shape, text);
    json_decref(root);
}

/* What atc said that matters: its first line of an error, and what follows. */
static void print_reason(const char *command, const char *model, const char *log) {
    char line[1000], text[1500] = "";
    FILE *f = fopen(log, "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        const char *from = line + strspn(line, " \t");
        size_t at = strlen(text);
        if (!*from || strstr(line, "ATC start") || strstr(line, "ATC run failed")) continue;
        snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", from);
    }
    if (f) fclose(f);
    app_fail(command, "%s cannot be converted: %s", model, *text ? text : "atc failed");
}

/* Into `folder`: net.om. */
static int convert(const char *command, const char *model, const char *input_shape, const char *atc,
                   const char *folder) {
    char shape[1024] = "", model_option[PATH_MAX + 16], output[PATH_MAX + 32], log[PATH_MAX + 32];
    char shape_option[1100];
    if (input_shape) snprintf(shape, sizeof shape, "%s", input_shape);
    else propose_shape(model, folder, shape);
    fprintf(stderr, "prusik %s: converting %s%s%s\n", command, model,
            *shape && !input_shape ? " with open sizes taken as --input-shape " : "",
            input_shape ? "" : shape);
    snprintf(model_option, sizeof model_option, "--model=%s", model);
    snprintf(output, sizeof output, "--output=%s/net", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    snprintf(shape_option, sizeof shape_option, "--input_shape=%s", shape);
    char *argv[] = {(char *)(uintptr_t)atc, model_option, "--framework=5", output,
                    "--soc_version=Ascend310", *shape ? shape_option : NULL, NULL};
    if (!run_program(argv, log, 1)) return 0;
    print_reason(command, model, log);
    return -1;
}

int converted_is_onnx(const char *path) {
    char head[4] = "";
    const char *dot = strrchr(path, '.');
    FILE *f = dot && !strcasecmp(dot, ".onnx") ? fopen(path, "rb") : NULL;
    if (!f) return 0;
    int offline = fread(head, 1, 4, f) == 4 && !memcmp(head, "IMOD", 4);
    fclose(f);
    return !offline;
}

/* Converts in a folder of its own below `parent`, which is left in out->temporary. */
static int convert_below(const char *parent, const char *command, const char *model,
                         const char *input_shape, const char *atc, struct converted *out) {
    if (snprintf(out->temporary, sizeof out->temporary, "%s/" TEMPORARY "XXXXXX", parent) >=
            PATH_MAX - 16 || !mkdtemp(out->temporary)) {
        out->temporary[0] = '\0';
        return app_fail(command, "%s: no folder can be made in %s: %s", model, parent,
                        strerror(errno)), -1;
    }
    snprintf(out->path, sizeof out->path, "%.*s/net.om", PATH_MAX - 16, out->temporary);
    if (!convert(command, model, input_shape, atc, out->temporary)) return 0;
    converted_close(out);
    return -1;
}

/* With the lock, if there can be one: two who want the same convert it once. */
static int convert_into(const char *folder, const char *key, const char *command, const char *model,
                        const char *input_shape, const char *atc, struct converted *out) {
    char sum[SUM_TEXT], path[PATH_MAX];
    if (!find_entry(folder, key, out->path)) return 0;
    tidy(folder);
    if (convert_below(folder, command, model, input_shape, atc, out)) return -1;
    if (!SHA256File(out->path, sum) ||
        snprintf(path, sizeof path, "%s/%s-%s.om", folder, key, sum) >= PATH_MAX ||
        rename(out->path, path))
        return 0; /* it stays where it is, for this once */
    strcpy(out->path, path);
    converted_close(out);
    return 0;
}

int converted_open(const char *command, const char *model, const char *input_shape,
                   struct converted *out) {
    char atc[PATH_MAX], key[KEY_TEXT], folder[PATH_MAX], why[256];
    *out = (struct converted){0};
    if (!converted_is_onnx(model)) {
        if (input_shape)
            return app_fail(command, "--input-shape is for converting an .onnx; %s has its sizes",
                            model), -1;
        if (snprintf(out->path, sizeof out->path, "%s", model) < PATH_MAX) return 0;
        return app_fail(command, "%.60s...: the path is too long", model), -1;
    }
    if (input_shape && strlen(input_shape) >= 1024)
        return app_fail(command, "--input-shape is too long"), -1;
    if (find_program("atc", atc))
        return app_fail(command, "atc is missing; install prusik again, or convert %s elsewhere",
                        model), -1;
    if (make_key(model, atc, input_shape, key))
        return app_fail(command, "%s cannot be read: %s", model, strerror(errno)), -1;
    if (find_cache(folder, why)) {
        const char *temporary = getenv("TMPDIR");
        fprintf(stderr, "prusik %s: what is converted cannot be kept (%s)\n", command, why);
        return convert_below(temporary && *temporary ? temporary : "/tmp", command, model,
                             input_shape, atc, out);
    }
    if (!find_entry(folder, key, out->path)) return 0;
    char lock[PATH_MAX + 8];
    snprintf(lock, sizeof lock, "%s/.lock", folder);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        while (flock(fd, LOCK_EX) && errno == EINTR) continue;
    int status = convert_into(folder, key, command, model, input_shape, atc, out);
    if (fd >= 0) close(fd);
    return status;
}

void converted_close(struct converted *c) {
    if (c->temporary[0]) remove_folder(c->temporary);
    c->temporary[0] = '\0';
}
