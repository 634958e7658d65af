/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *fallback, *sentence;
} table[ENV_COUNT] = {
#define ENV(id, name, fallback, sentence) [ENV_##id] = {name, fallback, sentence},
    ENV_TABLE(ENV)
#undef ENV
};

/* Copied at first use: a program may change its environment while we run. */
static char values[ENV_COUNT][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_all(void) {
    for (int i = 0; i < ENV_COUNT; i++) {
        const char *v = getenv(table[i].name);
        snprintf(values[i], sizeof values[i], "%s", v ? v : table[i].fallback);
    }
}

const char *env_string(enum env_variable v) {
    pthread_once(&once, read_all);
    return values[v];
}
int env_int(enum env_variable v) { return atoi(env_string(v)); }
const char *env_name(enum env_variable v) { return table[v].name; }
const char *env_default(enum env_variable v) { return table[v].fallback; }
const char *env_sentence(enum env_variable v) { return table[v].sentence; }

void env_override(enum env_variable v, const char *value) {
    pthread_once(&once, read_all);
    snprintf(values[v], sizeof values[v], "%s", value);
}
