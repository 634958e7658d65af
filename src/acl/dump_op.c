/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumping of operators called alone, and of what a run that fails was given; see dump.h.
 *
 *     {dump_path}/{time}/{device}/{type}.{type}.{task}.{stream}.{microseconds}.input.0.npy
 *     {dump_path}/extra-info/data-dump/{device}/{type}.{name}.{task}.{stream}....input.0.npy
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "acl/dump.h"
#include "acl/dump_internal.h"
#include "acl/internal.h"
#include "base/alloc.h"

/* ---- files ---- */

/* Where a file belongs that is called `end` behind the operator's name. */
static bool make_path(char path[PATH_MAX], const char *folder, const char *type, const char *name,
                      const struct dump_op *d, const char *end) {
    int n = snprintf(path, PATH_MAX, "%s/%d/%s.%s.%u.%u.%" PRIu64 ".%s", folder, d->device, type,
                     name, d->task, d->stream, d->stamp, end);
    if (n > 0 && n < PATH_MAX) return true;
    errno = ENAMETOOLONG;
    return false;
}

static void complain(const struct dump_op *d, const char *what, const struct dump_target *to) {
    int failure = errno;
    if (atomic_exchange(&d->settings->has_failed, true)) return;
    acl_log(ACL_ERROR, "dump: %s of operator '%s' cannot be written below '%s': %s; %s. This is "
                       "said once", what, d->type, d->settings->path, strerror(failure),
            dump_remedy(to));
}

static void put_tensor(struct dump_op *d, const char *folder, const char *name, bool is_input,
                       int index, const struct view *v) {
    char path[PATH_MAX], end[32];
    struct dump_target to = {0};
    if (v->dtype == DT_NONE) return; /* left out */
    snprintf(end, sizeof end, "%s.%d.npy", is_input ? "input" : "output", index);
    bool ok = make_path(path, folder, d->type, name, d, end) &&
              dump_target_open(&to, path, strlen(d->settings->path)) &&
              dump_put_tensor(&to, path, v);
    if (!ok) complain(d, end, &to);
    dump_target_close(&to);
}

/* ---- tables ---- */

static void add_row(struct dump_op *d, bool is_input, int index, const struct view *v) {
    if (v->dtype == DT_NONE) return;
    size_t used = d->rows ? strlen(d->rows) : 0;
    char *wider = mem_realloc(d->rows, used + 2 * (size_t)DUMP_ROW_BYTES);
    if (!wider) return;
    if (!d->rows) used = (size_t)snprintf(wider, DUMP_ROW_BYTES, DUMP_STATISTICS_HEAD);
    dump_statistics_row(is_input, index, v, wider + used);
    d->rows = wider;
}

static void put_rows(struct dump_op *d, const char *folder) {
    char path[PATH_MAX];
    struct dump_target to = {0};
    if (!d->rows) return;
    const struct dump_piece piece = {d->rows, strlen(d->rows)};
    bool ok = make_path(path, folder, d->type, d->type, d, "csv") &&
              dump_target_open(&to, path, strlen(d->settings->path)) &&
              dump_put(&to, path, &piece, 1);
    if (!ok) complain(d, "the figures", &to);
    dump_target_close(&to);
}

/* ---- a run ---- */

static bool wants_operators(const struct dump_settings *s, void *of) {
    (void)of;
    return s->operators || s->overflow;
}

static void put_one(struct dump_op *d, bool is_input, int index, const struct view *v) {
    char folder[PATH_MAX];
    const struct dump_settings *s = d->settings;
    snprintf(folder, sizeof folder, "%s/%s", s->path, s->time);
    if (s->statistics) add_row(d, is_input, index, v);
    else put_tensor(d, folder, d->type, is_input, index, v);
}

static void put_inputs(struct dump_op *d) {
    for (int i = 0; i < d->n_inputs && d->settings->inputs; i++) put_one(d, true, i, &d->inputs[i]);
}

void dump_op_begin(struct dump_op *d, const char *type, int device, uint32_t stream, uint32_t task,
                   int n_inputs, const struct view *inputs) {
    *d = (struct dump_op){.type = type, .device = device, .stream = stream, .task = task,
                          .n_inputs = n_inputs, .inputs = inputs, .were_finite = true};
    if (!atomic_load(&runtime.dump_operators)) return;
    d->settings = dump_settings_find(wants_operators, NULL);
    if (!d->settings) return;
    if (!dump_wants_step(d->settings, atomic_fetch_add(&d->settings->n_op_runs, 1))) {
        dump_settings_release(d->settings);
        d->settings = NULL;
        return;
    }
    d->stamp = dump_time_stamp(0);
    for (int i = 0; i < n_inputs && d->settings->overflow && d->were_finite; i++)
        d->were_finite = inputs[i].dtype == DT_NONE || dump_is_finite(&inputs[i]);
    if (!d->settings->overflow) put_inputs(d);
}

static bool overflowed(const struct dump_op *d, int n, const struct view *const *outputs) {
    bool finite = true;
    for (int i = 0; i < n && finite; i++) finite = dump_is_finite(outputs[i]);
    return d->were_finite && !finite;
}

void dump_op_end(struct dump_op *d, int n_outputs, const struct view *const *outputs) {
    struct dump_settings *s = d->settings;
    if (!s) return;
    bool is_wanted = outputs && (!s->overflow || overflowed(d, n_outputs, outputs));
    if (is_wanted && s->overflow) put_inputs(d);
    for (int i = 0; i < n_outputs && is_wanted && s->outputs; i++)
        put_one(d, false, i, outputs[i]);
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/%s", s->path, s->time);
    if (is_wanted) put_rows(d, folder);
    mem_free(d->rows);
    dump_settings_release(s);
    d->settings = NULL;
}

/* ---- failures ---- */

static bool wants_failures(const struct dump_settings *s, void *of) {
    (void)of;
    return s->failures;
}

void dump_failure(const char *type, const char *name, int device, uint32_t stream, uint32_t task,
                  int index, const struct view *input) {
    if (!atomic_load(&runtime.dump_failures)) return;
    struct dump_op d = {.settings = dump_settings_find(wants_failures, NULL), .type = type,
                        .device = device, .stream = stream, .task = task,
                        .stamp = dump_time_stamp(0)};
    if (!d.settings) return;
    struct arena arena;
    arena_init(&arena, 0);
    const char *fit = dump_fit_name(&arena, name, "_-", 160);
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/extra-info/data-dump", d.settings->path);
    if (fit) put_tensor(&d, folder, fit, true, index, input);
    arena_deinit(&arena);
    dump_settings_release(d.settings);
}
