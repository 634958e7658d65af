/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered list of passes, and the driver that runs it.
 *
 * Both stages run the same list, but for what is marked: a graph that went through it before passes
 * again in next to no time, one whose 16-bit floats were widened or whose shapes are known only now
 * gets the rest of its optimisation at load.
 */
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "ops/op.h"
#include "passes/internal.h"

enum { OFFLINE = 1 << PASSES_OFFLINE, LOAD = 1 << PASSES_LOAD, BOTH = OFFLINE | LOAD };

static const struct {
    struct pass pass;
    int stages;
} passes[] = {
    {{"dead_code", graph_compact}, BOTH},
    {{"widen_half", pass_widen_half}, LOAD},
    {{"fold_constants", pass_fold_constants}, BOTH},
    {{"move_transposes", pass_move_transposes}, OFFLINE},
    {{"remove_identity", pass_remove_identity}, BOTH},
    {{"dedupe", pass_dedupe}, OFFLINE},
    {{"fold_batch_norm", pass_fold_batch_norm}, BOTH},
    {{"fold_pad", pass_fold_pad}, BOTH},
    {{"recognise_activation", pass_recognise_activation}, BOTH},
    {{"recognise_layer_norm", pass_recognise_layer_norm}, BOTH},
    {{"recognise_focus", pass_recognise_focus}, BOTH},
    {{"weighted_sum", pass_weighted_sum}, BOTH},
    {{"split_convs", pass_split_convs}, BOTH},
    {{"fuse_activation", pass_fuse_activation}, BOTH},
    {{"fuse_residual", pass_fuse_residual}, BOTH},
    {{"defer_resize", pass_defer_resize}, BOTH},
    {{"join_convs", pass_join_convs}, BOTH},
    {{"trace_channels", pass_trace_channels}, BOTH},
};
enum { N_PASSES = sizeof passes / sizeof passes[0] };

const struct pass *pass_find(const char *name) {
    for (int i = 0; i < N_PASSES; i++)
        if (!strcmp(passes[i].pass.name, name)) return &passes[i].pass;
    return NULL;
}

/* Whether `name` is one of a comma-separated list. */
static bool is_listed(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *s = list; s; s = strchr(s, ',')) {
        if (*s == ',') s++;
        if (!strncmp(s, name, n) && (!s[n] || s[n] == ',')) return true;
    }
    return false;
}

static enum status dump(const struct graph *g, const char *dir, enum pass_stage stage, int at,
                        const char *name) {
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%s%02d_%s.txt", dir,
                     stage == PASSES_LOAD ? "load_" : "", at, name);
    CHECK(n > 0 && (size_t)n < sizeof path, STATUS_ARGUMENT, "the path in %s is too long",
          env_name(ENV_DUMP));
    FILE *to = fopen(path, "w");
    CHECK(to, STATUS_FILE, "cannot write '%s', which %s asks for", path, env_name(ENV_DUMP));
    enum status s = graph_print(g, to, 16);
    if (fclose(to) && s == STATUS_OK) FAIL(STATUS_FILE, "cannot write '%s'", path);
    return s;
}

static enum status run_pass(struct graph *g, const struct pass *p) {
    enum status s = p->run(g);
#if !defined(NDEBUG) || defined(PK_HOSTILE)
    if (s == STATUS_OK) s = graph_verify(g);
    if (s == STATUS_OK) s = graph_infer(g);
#endif
    if (s != STATUS_OK) status_prefix("pass %s", p->name);
    return s;
}

enum status passes_run(struct graph *g, enum pass_stage stage) {
    const char *dir = env_string(ENV_DUMP), *stop = env_string(ENV_STOP);
    if (*dir) TRY(dump(g, dir, stage, 0, "start"));
    for (int i = 0; i < N_PASSES; i++) {
        const struct pass *p = &passes[i].pass;
        if (!(passes[i].stages & 1 << stage)) continue;
        if (!is_listed(env_string(ENV_SKIP), p->name)) {
            TRY(run_pass(g, p));
            if (*dir) TRY(dump(g, dir, stage, i + 1, p->name));
        }
        if (!strcmp(p->name, stop)) break;
    }
    return STATUS_OK;
}
