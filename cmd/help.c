/* SPDX-License-Identifier: Apache-2.0 */
/* See help.h. */
#include "help.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LEAST = 20, USUAL = 80, MOST = 100, NARROW = 60 };

int help_columns(void) {
    struct winsize size;
    const char *text = getenv("COLUMNS");
    int n = text ? atoi(text) : 0;
    if (n < 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) n = size.ws_col;
    return n < LEAST ? USUAL : n > MOST ? MOST : n;
}

/* The words from text to end, starting in column `at`, other lines indented. */
static void print_wrapped(FILE *to, const char *text, const char *end, int at, int indent,
                          int width) {
    int first = 1;
    while (text < end) {
        const char *stop = memchr(text, ' ', (size_t)(end - text));
        int n = (int)((stop ? stop : end) - text);
        if ((first && at >= width) || (!first && at + 1 + n > width)) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (first) {
            for (; at < indent; at++) fputc(' ', to);
        } else {
            fputc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", n, text);
        at += n;
        first = 0;
        text += n + (stop != NULL);
    }
    fputc('\n', to);
}

static void print_line(FILE *to, const char *line, const char *end, int width) {
    static const char usage[] = "usage: ";
    const char *text = line + strspn(line, " "), *gap = strstr(text, "  ");
    int indent = (int)(text - line), at = 0;
    if (gap && gap < end) { /* two columns */
        at = fprintf(to, "%.*s", (int)(gap - line), line);
        text = gap + strspn(gap, " ");
        indent = width < NARROW ? 6 : (int)(text - line);
        if (width < NARROW) at = width; /* the text begins on the next line */
    } else if (!strncmp(text, usage, strlen(usage))) {
        at = fprintf(to, "%s", usage);
        indent = at;
        text += at;
    }
    print_wrapped(to, text, end, at, indent, width);
}

void help_print(FILE *to, const char *text) {
    int width = help_columns();
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        print_line(to, text, end, width);
        text = end + (*end != '\0');
    }
}

void help_wrong(const char *command, const char *arguments, const char *why, const char *what) {
    char usage[1024];
    if (why) fprintf(stderr, "%s: %s%s%s%s\n", command, why, what ? " '" : "", what ? what : "",
                     what ? "'" : "");
    snprintf(usage, sizeof usage, "usage: %s %s\n%s --help says more\n", command, arguments,
             command);
    help_print(stderr, usage);
}

int help_end(const char *command, int code, int failed) {
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return code;
    fprintf(stderr, "%s: the output cannot be written%s%s\n", command, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return failed;
}
