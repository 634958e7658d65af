/* SPDX-License-Identifier: Apache-2.0 */
/* prusik explain: what an error code means, what usually causes it, and what to do. Knows the codes
 * of AscendCL by number or name and those of atc; a group is named by how its codes begin. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acl/acl.h"
#include "atc_messages.h"
#include "command.h"

static const struct entry {
    const char *atc; /* a code of atc, or NULL */
    int number;
    const char *name; /* "" for codes of atc */
    const char *meaning, *cause, *remedy;
} entries[] = {
#define ERROR(name, meaning, cause, remedy)                                                        \
    {NULL, ACL_ERROR_##name, "ACL_ERROR_" #name, meaning, cause, remedy},
#include "acl/errors.def"
#undef ERROR
#define CODE(code, n_args, text, cause, remedy) {#code, 0, "", text, cause, remedy},
    ATC_CODES(CODE)
#undef CODE
#define FOREIGN(code, meaning, remedy)                                                             \
    {#code, 0, "", meaning, "CANN's own atc or runtime; Prusik never raises it.", remedy},
#include "atc_foreign.def"
#undef FOREIGN
};
enum { N_ENTRIES = sizeof entries / sizeof entries[0], N_NEAREST = 3 };

static const struct {
    const char *prefix, *sentence;
} groups[] = {
    {"100", "AscendCL: a call was given or asked for something wrong"},
    {"107", "runtime: devices, contexts, streams, events and memory used wrongly"},
    {"145", "model executor: models, inputs and gears used wrongly"},
    {"148", "AscendCL: profiling, operators and pictures used wrongly"},
    {"200", "AscendCL: memory, or something this version does not have"},
    {"207", "runtime: resources ran out"},
    {"245", "model executor: memory ran out"},
    {"300", "AscendCL: limits"},
    {"345", "model executor: services on several cards"},
    {"500", "AscendCL: failures inside"},
    {"507", "runtime: time-outs, and failures of a card"},
    {"545", "model executor: models that cannot be loaded or run"},
    {"E1", "atc: options and models"},
    {"E2", "CANN's fusion of operators"},
    {"E4", "CANN's kernel compiler"},
    {"E7", "CANN's kernel library, older"},
    {"E9", "CANN's kernel compiler"},
    {"EB", "CANN's Python interface"},
    {"EE", "CANN's runtime"},
    {"EH", "CANN's AscendCL"},
    {"EN", "CANN's media"},
    {"EZ", "CANN's kernel library"},
    {"W1", "CANN's atc: warnings"},
    {"W4", "CANN's kernel compiler: warnings"},
};
enum { N_GROUPS = sizeof groups / sizeof groups[0] };

/* As people type it; valid until the next call. */
static const char *code_of(const struct entry *e) {
    static char digits[16];
    if (e->atc) return e->atc;
    snprintf(digits, sizeof digits, "%d", e->number);
    return digits;
}

/* The name as people shorten it: RT_CONTEXT_NULL. */
static const char *short_name(const char *name) {
    static const char prefix[] = "ACL_ERROR_";
    return strncasecmp(name, prefix, sizeof prefix - 1) ? name : name + sizeof prefix - 1;
}

static bool is_called(const struct entry *e, const char *what) {
    return !strcasecmp(code_of(e), what) ||
           (*e->name && !strcasecmp(short_name(e->name), short_name(what)));
}

/* What a message of atc has {0}, {1} for is known only when it is raised. */
static void print_text(const char *label, const char *text) {
    printf("  %-10s", label);
    for (const char *c = text; *c; c++) {
        if (*c == '{' && isdigit((unsigned char)c[1]) && c[2] == '}') fputs("...", stdout), c += 2;
        else putchar(*c);
    }
    putchar('\n');
}

static void print_entry(const struct entry *e) {
    printf("%s%s%s\n", code_of(e), *e->name ? "  " : "", e->name);
    print_text("Meaning:", e->meaning);
    print_text("Causes:", e->cause);
    print_text("To do:", e->remedy);
}

static int print_group(int group) {
    printf("%s...  %s\n", groups[group].prefix, groups[group].sentence);
    for (int i = 0; i < N_ENTRIES; i++)
        if (!strncmp(code_of(&entries[i]), groups[group].prefix, strlen(groups[group].prefix)))
            printf("  %s  %s\n", code_of(&entries[i]),
                   *entries[i].name ? entries[i].name
                   : strstr(entries[i].cause, "never raises") ? entries[i].meaning
                                                              : entries[i].cause);
    return EXIT_OK;
}

static int print_groups(void) {
    puts("Codes begin with their group; prusik explain GROUP lists one.\n");
    for (int g = 0; g < N_GROUPS; g++) printf("  %-5s%s\n", groups[g].prefix, groups[g].sentence);
    return EXIT_OK;
}

/* How many letters must be put in, left out or replaced (Levenshtein), without regard to case. */
static int distance(const char *a, const char *b) {
    enum { ROOM = 64 };
    int row[ROOM + 1], n = (int)strnlen(b, ROOM);
    for (int k = 0; k <= n; k++) row[k] = k;
    for (int i = 0; a[i] && i < ROOM; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (int k = 0; k < n; k++) {
            int same = corner + (toupper((unsigned char)a[i]) != toupper((unsigned char)b[k]));
            corner = row[k + 1];
            int other = (row[k] < corner ? row[k] : corner) + 1;
            row[k + 1] = same < other ? same : other;
        }
    }
    return row[n];
}

static int print_nearest(const char *what) {
    int nearest[N_NEAREST], far[N_NEAREST], n = 0;
    for (int i = 0; i < N_ENTRIES; i++) {
        const struct entry *e = &entries[i];
        int d = distance(what, code_of(e));
        if (*e->name) {
            int by_name = distance(short_name(what), short_name(e->name));
            if (by_name < d) d = by_name;
        }
        int at = n;
        while (at > 0 && far[at - 1] > d) at--;
        if (at == N_NEAREST) continue;
        if (n < N_NEAREST) n++;
        for (int k = n - 1; k > at; k--) nearest[k] = nearest[k - 1], far[k] = far[k - 1];
        nearest[at] = i, far[at] = d;
    }
    /* Half of the letters wrong is another word. */
    while (n && (size_t)far[n - 1] * 2 > strnlen(short_name(what), 64)) n--;
    if (!n) {
        fprintf(stderr,
                "prusik explain: no code is like '%.60s'; prusik explain lists the groups\n", what);
        return EXIT_FAILED;
    }
    fprintf(stderr, "prusik explain: no code '%.60s'; nearest are\n", what);
    for (int k = 0; k < n; k++)
        fprintf(stderr, "  %s  %s\n", code_of(&entries[nearest[k]]),
                entries[nearest[k]].name);
    return EXIT_FAILED;
}

int command_explain(int argc, char **argv) {
    if (argc == 1) return print_groups();
    if (argc > 2 || argv[1][0] == '-')
        return command_usage_of("explain", argv[argc > 2 ? 2 : 1]);
    const char *what = argv[1];
    if (!strcmp(what, "0") || !strcasecmp(what, "ACL_SUCCESS") ||
        !strcasecmp(short_name(what), "NONE")) {
        puts("0  ACL_SUCCESS\n  Meaning:  The call did what it was asked to do.");
        return EXIT_OK;
    }
    for (int g = 0; g < N_GROUPS; g++)
        if (!strcasecmp(groups[g].prefix, what)) return print_group(g);
    for (int i = 0; i < N_ENTRIES; i++)
        if (is_called(&entries[i], what)) {
            print_entry(&entries[i]);
            return EXIT_OK;
        }
    return print_nearest(what);
}
