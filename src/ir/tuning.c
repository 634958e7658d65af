/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/tuning.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "out of memory for tuning hints"

/* Decimal digits and the character behind them; -1 for anything else. */
static int read_number(const char **s, char behind) {
    const char *c = *s;
    int64_t v = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        v = 10 * v + (*c - '0');
        if (v > INT_MAX) return -1;
    }
    if (c == *s || *c != behind) return -1;
    *s = c + 1;
    return (int)v;
}

static bool read_hint(const char **s, struct tuning_hint *h) {
    for (int i = 0; i < TUNING_SIZES; i++)
        if ((h->size[i] = read_number(s, ' ')) < 0) return false;
    if (strncmp(*s, ": ", 2)) return false;
    *s += 2;
    h->only = read_number(s, ' ');
    h->group = h->only > 0 ? read_number(s, ' ') : -1;
    h->block = h->group >= 0 ? read_number(s, '\n') : -1;
    return h->block >= 0;
}

enum status tuning_read(const char *text, struct arena *arena, struct tuning *out) {
    *out = (struct tuning){0};
    int version = read_number(&text, ' '), n = 0;
    CHECK(version == TUNING_VERSION, STATUS_FORMAT,
          "tuning hints of version %d; this version reads %d", version, TUNING_VERSION);
    int threads = read_number(&text, '\n');
    CHECK(threads >= 0, STATUS_FORMAT, "tuning hints, line 1: no number of threads");
    for (const char *c = text; *c; c++) n += *c == '\n';
    CHECK(n <= TUNING_MOST, STATUS_LIMIT, "%d tuning hints; at most %d are read", n, TUNING_MOST);
    struct tuning_hint *hints = arena_calloc(arena, (size_t)n + 1, sizeof *hints);
    CHECK(hints, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; *text; i++)
        CHECK(i < n && read_hint(&text, &hints[i]), STATUS_FORMAT,
              "tuning hints, line %d: not readable", i + 2);
    *out = (struct tuning){threads, n, hints};
    return STATUS_OK;
}

enum status tuning_write(const struct tuning *t, struct arena *arena, const char **out) {
    char *text = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);
    CHECK(to, STATUS_MEMORY, NO_MEMORY);
    fprintf(to, "%d %d\n", TUNING_VERSION, t->threads);
    for (int i = 0; i < t->n; i++) {
        const struct tuning_hint *h = &t->hints[i];
        for (int k = 0; k < TUNING_SIZES; k++) fprintf(to, "%d ", h->size[k]);
        fprintf(to, ": %d %d %d\n", h->only, h->group, h->block);
    }
    bool failed = ferror(to);
    failed |= fclose(to) != 0;
    *out = failed ? NULL : arena_strdup(arena, text);
    free(text);
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

const struct tuning_hint *tuning_find(const struct tuning *t, const int size[TUNING_SIZES]) {
    for (int i = 0; i < t->n; i++)
        if (!memcmp(t->hints[i].size, size, sizeof t->hints[i].size)) return &t->hints[i];
    return NULL;
}
