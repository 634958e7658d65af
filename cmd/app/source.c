/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <jansson.h>

#include "app.h"
#include "video.h"

enum { MAX_LIST_BYTES = 64 << 20 };

static const char *const picture_ends[] = {"jpg", "jpeg", "jpe", "jfif", "png"};
static const char *const video_ends[] = {"mp4", "m4v", "mov", "mkv",  "webm", "avi", "ts",
                                         "mts", "m2ts", "mpg", "mpeg", "wmv", "flv", "3gp",
                                         "ogv", "h264", "264", "h265", "hevc", "265", "mjpeg",
                                         "y4m"};

static const char *end_of(const char *path) {
    const char *name = strrchr(path, '/'), *dot;
    name = name ? name + 1 : path;
    dot = strrchr(name, '.');
    return dot && dot > name ? dot + 1 : "";
}

static int is_one_of(const char *end, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(end, list[i])) return 1;
    return 0;
}
#define ENDS_AS(path, list) is_one_of(end_of(path), list, sizeof(list) / sizeof((list)[0]))

int source_is_picture(const char *path) { return ENDS_AS(path, picture_ends); }

static int starts_with(const char *s, const char *prefix) {
    return !strncmp(s, prefix, strlen(prefix));
}

/* A file whose name says nothing is looked into: a video has one of these marks. */
static int looks_like_video(const char *path) {
    unsigned char b[12] = {0};
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    size_t n = fread(b, 1, sizeof b, f);
    fclose(f);
    return n == sizeof b &&
           (!memcmp(b + 4, "ftyp", 4) || !memcmp(b, "\x1a\x45\xdf\xa3", 4) ||
            (!memcmp(b, "RIFF", 4) && !memcmp(b + 8, "AVI ", 4)) || !memcmp(b, "FLV\1", 4) ||
            !memcmp(b, "YUV4MPEG2", 9));
}

static int add(struct sources *s, enum source_kind kind, const char *path) {
    if (s->n >= SOURCES_MAX) {
        app_fail(s->command, "these are more than %d sources", SOURCES_MAX);
        return -1;
    }
    if ((s->n & (s->n - 1)) == 0) {
        size_t room = s->n ? 2 * (size_t)s->n : 1;
        struct source *items = realloc(s->items, room * sizeof *items);
        if (!items) goto memory;
        s->items = items;
    }
    struct source *to = &s->items[s->n];
    *to = (struct source){.kind = kind, .path = strdup(path)};
    if (!to->path) goto memory;
    s->n++;
    return 0;
memory:
    app_fail(s->command, "out of memory for the list of sources");
    return -1;
}

static int add_file(struct sources *s, const char *path) {
    int video = ENDS_AS(path, video_ends) ||
                (!source_is_picture(path) && looks_like_video(path));
    return add(s, video ? SOURCE_VIDEO : SOURCE_PICTURE, path);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The pictures and videos in a folder, by name; folders below are left out. */
static int add_folder(struct sources *s, const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) {
        app_fail(s->command, "%s cannot be read: %s", folder, strerror(errno));
        return -1;
    }
    char **names = NULL;
    int n = 0, status = 0;
    for (struct dirent *e; !status && (e = readdir(dir));) {
        if (e->d_name[0] == '.' ||
            !(source_is_picture(e->d_name) || ENDS_AS(e->d_name, video_ends)))
            continue;
        if ((n & (n - 1)) == 0) {
            char **wider = realloc(names, (n ? 2 * (size_t)n : 1) * sizeof *wider);
            if (!wider) status = -1;
            else names = wider;
        }
        size_t bytes = strlen(folder) + strlen(e->d_name) + 2;
        char *path = status || n >= SOURCES_MAX ? NULL : malloc(bytes);
        if (!path) {
            status = -1;
            break;
        }
        const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
        snprintf(path, bytes, "%s%s%s", folder, slash, e->d_name);
        names[n++] = path;
    }
    closedir(dir);
    if (status) app_fail(s->command, "%s holds too many files for the memory there is", folder);
    else if (!n) {
        app_fail(s->command, "%s holds no pictures (.jpg, .png) and no videos", folder);
        status = -1;
    }
    if (n) qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        struct stat st;
        if (!status && !(stat(names[i], &st) == 0 && S_ISDIR(st.st_mode)))
            status = add_file(s, names[i]);
        free(names[i]);
    }
    free(names);
    return status;
}

static int add_one(struct sources *s, const char *argument, int in_list);

/* One path a line; relative ones count from here or, if not there, from the list's folder. */
static int add_list(struct sources *s, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        app_fail(s->command, "%s cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    const char *slash = strrchr(path, '/');
    char *line = NULL;
    size_t room = 0, total = 0;
    int status = 0, before = s->n;
    for (ssize_t n; !status && (n = getline(&line, &room, f)) >= 0;) {
        total += (size_t)n;
        if (total > MAX_LIST_BYTES || memchr(line, 0, (size_t)n)) {
            app_fail(s->command, "%s is no list of paths, one a line", path);
            status = -1;
            break;
        }
        while (n > 0 && strchr("\r\n \t", line[n - 1])) line[--n] = '\0';
        if (!n || line[0] == '#') continue;
        char near[4096];
        struct stat st;
        if (slash && line[0] != '/' && !strstr(line, "://") && stat(line, &st) &&
            snprintf(near, sizeof near, "%.*s/%s", (int)(slash - path), path, line) <
                (int)sizeof near &&
            !stat(near, &st))
            status = add_one(s, near, 1);
        else status = add_one(s, line, 1);
    }
    free(line);
    fclose(f);
    if (!status && s->n == before) {
        app_fail(s->command, "%s names no pictures; a list has one path a line", path);
        status = -1;
    }
    return status;
}

static int add_glob(struct sources *s, const char *pattern) {
    glob_t found;
    int code = glob(pattern, 0, NULL, &found);
    if (code) {
        app_fail(s->command, code == GLOB_NOMATCH ? "%s matches nothing" : "%s cannot be searched",
                 pattern);
        return -1;
    }
    int status = 0;
    for (size_t i = 0; !status && i < found.gl_pathc; i++)
        status = add_file(s, found.gl_pathv[i]);
    globfree(&found);
    return status;
}

static int add_one(struct sources *s, const char *argument, int in_list) {
    static const char *const protocols[] = {"rtsp://", "rtsps://", "http://", "https://"};
    struct stat st;
    if (!strcmp(argument, "-") && !in_list) return add(s, SOURCE_STDIN, argument);
    if (strstr(argument, "://")) {
        for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
            if (starts_with(argument, protocols[i])) return add(s, SOURCE_STREAM, argument);
        app_fail(s->command, "%s: streams come by rtsp, rtsps, http or https", argument);
        return -1;
    }
    if (video_is_camera(argument)) return add(s, SOURCE_CAMERA, argument);
    if (stat(argument, &st)) {
        if (strpbrk(argument, "*?[")) return add_glob(s, argument);
        return add_file(s, argument);
    }
    if (S_ISDIR(st.st_mode)) return add_folder(s, argument);
    if (!strcasecmp(end_of(argument), "txt")) {
        if (!in_list) return add_list(s, argument);
        app_fail(s->command, "%s: a list names pictures, not lists", argument);
        return -1;
    }
    return add_file(s, argument);
}

/* "dog" of a/dog.jpg; of b/dog.png, coming later, "dog_2". */
static int name_all(struct sources *s) {
    json_t *taken = json_object();
    int status = taken ? 0 : -1;
    for (int i = 0; !status && i < s->n; i++) {
        struct source *of = &s->items[i];
        const char *name = strrchr(of->path, '/');
        name = name ? name + 1 : of->path;
        const char *end = end_of(of->path);
        /* What stands behind a dot in an address need not be an ending. */
        int ending = *end && (of->kind != SOURCE_STREAM || ENDS_AS(of->path, video_ends) ||
                              source_is_picture(of->path));
        int n = (int)(ending ? (size_t)(end - 1 - name) : strlen(name));
        if (of->kind == SOURCE_STDIN) name = "stdin", n = 5;
        if (n < 1) name = "stream", n = 6;
        if (n > 180) n = 180;
        char base[192], stem[224];
        snprintf(base, sizeof base, "%.*s", n, name);
        for (char *c = base; *c; c++)
            if (of->kind == SOURCE_STREAM && strchr("?&=:%#*\"<>|\\", *c)) *c = '_';
        json_t *last = json_object_getn(taken, base, strlen(base));
        json_int_t k = last ? json_integer_value(last) : 1;
        snprintf(stem, sizeof stem, "%s", base);
        while (last && k < SOURCES_MAX && json_object_getn(taken, stem, strlen(stem)))
            snprintf(stem, sizeof stem, "%s_%lld", base, (long long)++k);
        of->stem = strdup(stem);
        if (!of->stem || json_object_setn_new_nocheck(taken, base, strlen(base), json_integer(k)) ||
            json_object_setn_new_nocheck(taken, stem, strlen(stem), json_integer(1)))
            status = -1;
    }
    json_decref(taken);
    if (status) app_fail(s->command, "out of memory for the list of sources");
    return status;
}

int sources_open(const char *command, char **arguments, int n, struct sources *out) {
    *out = (struct sources){.command = command};
    for (int i = 0; i < n; i++)
        if (add_one(out, arguments[i], 0)) return -1;
    return name_all(out);
}

void sources_close(struct sources *s) {
    for (int i = 0; i < s->n; i++) {
        free(s->items[i].path);
        free(s->items[i].stem);
    }
    free(s->items);
    *s = (struct sources){0};
}
