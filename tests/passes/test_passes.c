/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the text tests of the passes.
 *
 *     test_passes [--update] FILE.txt...
 *
 * A file holds cases:
 *
 *     === what it shows
 *     graph ...            before
 *     --- pass NAME        or several, with commas; or "offline" or "load" for a whole stage
 *     graph ...            after
 *
 * Besides comparing the text, each case runs both graphs with the reference kernels on the same
 * random inputs (unknown dimensions become 2) and compares the outputs: a pass must not change what
 * a graph computes. --update rewrites the files with what the passes do now.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"
#include "passes/passes.h"
#include "reference.h"

struct text {
    char *at;
    size_t n;
};

static int n_cases, n_failed;
static const char *file_name, *case_name;

static void complain(const char *what, const char *detail) {
    printf("%s: %s: %s\n%s\n", file_name, case_name, what, detail);
    n_failed++;
}

static char *print(const struct graph *g) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    if (!to || graph_print(g, to, -1) != STATUS_OK) exit(2);
    fclose(to);
    return text;
}

static enum status run_passes(struct graph *g, char *names) {
    for (char *name = strtok(names, ", \n"); name; name = strtok(NULL, ", \n")) {
        if (!strcmp(name, "offline")) {
            TRY(passes_run(g, PASSES_OFFLINE));
        } else if (!strcmp(name, "load")) {
            TRY(passes_run(g, PASSES_LOAD));
        } else {
            const struct pass *p = pass_find(name);
            CHECK(p, STATUS_ARGUMENT, "there is no pass '%s'", name);
            TRY(p->run(g));
        }
        TRY(graph_verify(g));
        TRY(graph_infer(g));
    }
    return STATUS_OK;
}

/* Prints the first line that differs. */
static void show_difference(const char *want, const char *got) {
    while (*want && *got) {
        size_t nw = strcspn(want, "\n"), ng = strcspn(got, "\n");
        if (nw != ng || memcmp(want, got, nw)) break;
        want += nw + (want[nw] != 0);
        got += ng + (got[ng] != 0);
    }
    printf("  expected: %.*s\n  got:      %.*s\n", (int)strcspn(want, "\n"), want,
           (int)strcspn(got, "\n"), got);
}

/* One case; returns the text that should stand after the pass line. */
static char *run_case(const char *before, size_t n_before, const char *names, const char *after) {
    struct graph *g = NULL, *original = NULL;
    char list[256];
    snprintf(list, sizeof list, "%s", names);
    enum status s = graph_parse(before, n_before, &g);
    if (s == STATUS_OK) s = graph_sort(g);
    if (s == STATUS_OK) s = graph_infer(g);
    if (s == STATUS_OK) s = graph_verify(g);
    if (s == STATUS_OK) s = graph_clone(g, false, &original);
    if (s == STATUS_OK) s = run_passes(g, list);
    char *got = NULL;
    if (s != STATUS_OK) {
        complain("failed", status_message());
    } else {
        got = print(g);
        if (after && strcmp(got, after)) {
            complain("another graph", "");
            show_difference(after, got);
        }
        char problem[256] = "";
        if (!reference_compare(original, g, problem)) complain("computes something else", problem);
    }
    graph_destroy(original);
    graph_destroy(g);
    return got;
}

static struct text read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    struct text t = {NULL, 0};
    FILE *to = open_memstream(&t.at, &t.n);
    for (int c; (c = fgetc(f)) != EOF;) fputc(c, to);
    fclose(to);
    fclose(f);
    return t;
}

/* The end of the section that starts at s: the next line beginning with the mark, or the end. */
static char *section_end(char *s, const char *mark) {
    char *found = strncmp(s, mark, 4) ? NULL : s;
    for (char *p = s; !found && (p = strchr(p, '\n')); p++)
        if (!strncmp(p + 1, mark, 4)) found = p + 1;
    return found ? found : s + strlen(s);
}

static void run_file(const char *path, bool update) {
    struct text t = read_file(path), rewritten = {NULL, 0};
    FILE *to = open_memstream(&rewritten.at, &rewritten.n);
    file_name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char *p = section_end(t.at, "=== ");
    fwrite(t.at, 1, (size_t)(p - t.at), to);
    while (*p) {
        char title[128], names[256];
        char *next = section_end(p + 4, "=== "), kept = *next;
        *next = '\0';
        char *before = p + strcspn(p, "\n"), *pass = section_end(before, "--- ");
        snprintf(title, sizeof title, "%.*s", (int)strcspn(p + 4, "\n"), p + 4);
        case_name = title;
        char *after = *pass ? pass + strcspn(pass, "\n") : pass;
        if (strncmp(pass, "--- pass ", 9)) {
            complain("has no line '--- pass NAME'", "");
        } else {
            snprintf(names, sizeof names, "%.*s", (int)strcspn(pass + 9, "\n"), pass + 9);
            if (*after) after++;
            n_cases++;
            /* Blank lines between cases are no part of the graph. */
            size_t n_after = strlen(after);
            char *trimmed = strdup(after);
            while (n_after && trimmed[n_after - 1] == '\n') trimmed[--n_after] = '\0';
            if (n_after) strcat(trimmed, after[n_after] ? "\n" : "");
            char *got = run_case(before, (size_t)(pass - before), names, update ? NULL : trimmed);
            fwrite(p, 1, (size_t)(after - p), to);
            fputs(got ? got : after, to);
            if (kept) fputc('\n', to);
            free(trimmed);
            free(got);
        }
        *next = kept;
        p = next;
    }
    fclose(to);
    if (update) {
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(rewritten.at, 1, rewritten.n, f) != rewritten.n || fclose(f)) {
            perror(path);
            exit(2);
        }
    }
    free(rewritten.at);
    free(t.at);
}

int main(int argc, char **argv) {
    bool update = argc > 1 && !strcmp(argv[1], "--update");
    for (int i = update ? 2 : 1; i < argc; i++) run_file(argv[i], update);
    printf("%d cases, %d failures\n", n_cases, n_failed);
    return n_failed || !n_cases;
}
