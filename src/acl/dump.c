/* SPDX-License-Identifier: Apache-2.0 */
/* Dumping of models: which tensors of a model, and what its runs write; see dump.h. */
#include "acl/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "acl/dump_internal.h"
#include "acl/internal.h"
#include "base/alloc.h"
#include "exec/model.h"
#include "ops/op.h"

static aclError no_memory(const char *call) {
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for dumping");
}

/* ---- what to dump of a model ---- */

/* A tensor an operator took or gave, and the output of the graph that shows it. */
struct dump_tensor {
    bool is_input;
    int index, output;
};

struct dump_node {
    const char *file; /* "{op_type}.{op_name}" */
    int n_tensors;
    struct dump_tensor *tensors;
};

struct dump {
    struct dump_settings *settings;
    struct arena arena;
    const char *folder; /* the model's name, made fit for a file's */
    atomic_uint n_runs;
    atomic_bool has_failed; /* said once, not for every run */
    int n_nodes;
    struct dump_node *nodes;
};

void dump_destroy(struct dump *d) {
    if (!d) return;
    dump_settings_release(d->settings);
    arena_deinit(&d->arena);
    mem_free(d);
}

/* The entry for a model: one with the name of its file, else of itself, else one without a name. */
static const struct dump_choice *find_choice(const struct dump_settings *s, const char *stem,
                                             const char *name) {
    const char *const wanted[] = {stem, name, NULL};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < s->n_choices && (wanted[k] || k == 2); i++) {
            const char *model = s->choices[i].model;
            if (wanted[k] ? model && !strcmp(model, wanted[k]) : !model) return &s->choices[i];
        }
    return NULL;
}

struct wanted {
    const char *stem, *name; /* stem NULL: from memory */
    const struct dump_choice *choice;
};

static bool chooses(const struct dump_settings *s, void *of) {
    struct wanted *w = of;
    w->choice = find_choice(s, w->stem, w->name);
    return w->choice != NULL;
}

/* The newest settings that choose the model, held. */
static struct dump_settings *find_settings(const char *file, const char *name,
                                           const struct dump_choice **choice) {
    char stem[NAME_MAX + 1];
    const char *slash = file ? strrchr(file, '/') : NULL;
    snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : file ? file : "");
    size_t n = strlen(stem);
    if (n > 3 && !strcmp(stem + n - 3, ".om")) stem[n - 3] = '\0';
    struct wanted w = {.stem = file ? stem : NULL, .name = name};
    struct dump_settings *s = dump_settings_find(chooses, &w);
    *choice = w.choice;
    return s;
}

/* A layer is named by its node, or by a tensor it gives, which is how fused operators are found. */
static bool is_layer(const struct graph *g, const struct node *n, const char *layer) {
    bool is = !strcmp(n->name, layer);
    for (int i = 0; i < n->n_outputs && !is; i++)
        is = n->outputs[i] >= 0 && !strcmp(g->tensors[n->outputs[i]].name, layer);
    return is;
}

static bool is_wanted(const struct graph *g, const struct node *n, const struct dump_choice *c) {
    if (n->op == OP_NONE) return false;
    bool is = c->n_layers == 0;
    for (int i = 0; i < c->n_layers && !is; i++) is = is_layer(g, n, c->layers[i]);
    return is;
}

static void name_missing(const struct graph *g, const struct dump_choice *c, const char *model) {
    for (int i = 0; i < c->n_layers; i++) {
        bool found = false;
        for (int n = 0; n < g->n_nodes && !found; n++)
            found = g->nodes[n].op != OP_NONE && is_layer(g, &g->nodes[n], c->layers[i]);
        if (!found)
            acl_log(ACL_WARNING, "dump: model '%s' has no layer '%s'; the converter has fused it "
                                 "into another or folded it away, or it never had one",
                    model, c->layers[i]);
    }
}

/* output_of[t]: where tensor t stands among the graph's outputs, or -1. */
static enum status add_side(struct graph *g, int *output_of, const int *tensors, int n,
                            bool is_input, struct dump_node *to) {
    for (int i = 0; i < n; i++) {
        int t = tensors[i];
        if (t < 0) continue;
        if (output_of[t] < 0) {
            TRY(graph_add_output(g, t));
            output_of[t] = g->n_outputs - 1;
        }
        to->tensors[to->n_tensors++] = (struct dump_tensor){is_input, i, output_of[t]};
    }
    return STATUS_OK;
}

static enum status add_node(struct dump *d, struct graph *g, int *output_of, int node) {
    struct dump_node *to = &d->nodes[d->n_nodes++];
    const struct node *n = &g->nodes[node];
    const char *name = dump_fit_name(&d->arena, n->name, "_-", 160);
    to->file = name ? arena_printf(&d->arena, "%s.%s", op_name(n->op), name) : NULL;
    to->tensors = arena_calloc(&d->arena, (size_t)(n->n_inputs + n->n_outputs) + 1,
                               sizeof *to->tensors);
    CHECK(to->file && to->tensors, STATUS_MEMORY, "no memory for dumping");
    const struct dump_settings *s = d->settings;
    if (s->inputs || s->overflow) TRY(add_side(g, output_of, n->inputs, n->n_inputs, true, to));
    if (s->outputs || s->overflow)
        TRY(add_side(g, output_of, n->outputs, n->n_outputs, false, to));
    return STATUS_OK;
}

static enum status add_nodes(struct dump *d, const char *model, struct graph *g,
                             const struct dump_choice *c) {
    int *output_of = arena_calloc(&d->arena, (size_t)g->n_tensors + 1, sizeof *output_of);
    d->nodes = arena_calloc(&d->arena, (size_t)g->n_nodes + 1, sizeof *d->nodes);
    d->folder = dump_fit_name(&d->arena, model, "_-+=@%:,", 200);
    CHECK(output_of && d->nodes && d->folder, STATUS_MEMORY, "no memory for dumping");
    for (int t = 0; t < g->n_tensors; t++) output_of[t] = -1;
    for (int i = 0; i < g->n_outputs; i++) output_of[g->outputs[i]] = i;
    for (int n = 0; n < g->n_nodes; n++)
        if (is_wanted(g, &g->nodes[n], c)) TRY(add_node(d, g, output_of, n));
    name_missing(g, c, model);
    return STATUS_OK;
}

aclError dump_select(const char *call, const char *file, const struct model_info *info,
                     struct graph *g, struct dump **out) {
    const struct dump_choice *choice = NULL;
    struct dump_settings *s = find_settings(file, info->name, &choice);
    if (!s) return ACL_SUCCESS;
    struct dump *d = mem_calloc(1, sizeof *d);
    if (!d) {
        dump_settings_release(s);
        return no_memory(call);
    }
    d->settings = s;
    arena_init(&d->arena, 0);
    *out = d; /* the caller's, also on failure */
    enum status status = add_nodes(d, info->name, g, choice);
    return status == STATUS_OK ? ACL_SUCCESS : acl_fail_status(status, call);
}

/* ---- a run ---- */

static bool is_shown(const struct dump_settings *s, const struct dump_tensor *t) {
    return t->is_input ? s->inputs : s->outputs;
}

static bool put_statistics(const struct dump_settings *s, const struct dump_target *to,
                           const char *path, const struct dump_node *node,
                           const struct instance *run) {
    char *text = mem_alloc((size_t)(node->n_tensors + 1) * DUMP_ROW_BYTES);
    if (!text) return false;
    int n = snprintf(text, DUMP_ROW_BYTES, DUMP_STATISTICS_HEAD);
    for (int i = 0; i < node->n_tensors; i++) {
        const struct dump_tensor *t = &node->tensors[i];
        if (is_shown(s, t))
            n += dump_statistics_row(t->is_input, t->index, instance_output(run, t->output),
                                     text + n);
    }
    bool ok = dump_put(to, path, &(struct dump_piece){text, (size_t)n}, 1);
    mem_free(text);
    return ok;
}

/* Whether an operator makes an infinity or NaN of what was finite. */
static bool overflows(const struct dump_node *node, const struct instance *run) {
    bool finite[2] = {true, true};
    for (int i = 0; i < node->n_tensors; i++) {
        const struct dump_tensor *t = &node->tensors[i];
        if (finite[t->is_input])
            finite[t->is_input] = dump_is_finite(instance_output(run, t->output));
    }
    return finite[true] && !finite[false];
}

/* `path` holds the folder with its '/', and gets each file's name; it names the one that failed. */
static bool put_run(const struct dump *d, const struct dump_target *to, const struct instance *run,
                    uint32_t stream, uint32_t task, char path[PATH_MAX]) {
    char *name = path + strlen(path);
    size_t room = (size_t)(path + PATH_MAX - name);
    uint64_t stamp = 0;
    for (int i = 0; i < d->n_nodes; i++) {
        const struct dump_node *node = &d->nodes[i];
        if (d->settings->overflow && !overflows(node, run)) continue;
        stamp = dump_time_stamp(stamp);
        size_t n = (size_t)snprintf(name, room, "%s.%u.%u.%" PRIu64, node->file, task, stream,
                                    stamp);
        if (n + 32 > room) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (d->settings->statistics) {
            snprintf(name + n, room - n, ".csv");
            if (!put_statistics(d->settings, to, path, node, run)) return false;
            continue;
        }
        for (int k = 0; k < node->n_tensors; k++) {
            const struct dump_tensor *t = &node->tensors[k];
            if (!is_shown(d->settings, t)) continue;
            snprintf(name + n, room - n, ".%s.%d.npy", t->is_input ? "input" : "output", t->index);
            if (!dump_put_tensor(to, path, instance_output(run, t->output))) return false;
        }
    }
    return true;
}

void dump_run(struct dump *d, const struct model_info *info, int device,
              const struct instance *run, uint32_t stream, uint32_t task) {
    const struct dump_settings *s = d->settings;
    if (atomic_load(&s->is_over)) return;
    uint32_t step = atomic_fetch_add(&d->n_runs, 1);
    if (!dump_wants_step(s, step)) return;
    char path[PATH_MAX];
    struct dump_target to = {0};
    size_t n = (size_t)snprintf(path, sizeof path, "%s/%s/%d/%s/%u/%u/", s->path, s->time, device,
                                d->folder, info->id, step);
    bool ok = n < sizeof path;
    if (!ok) errno = ENAMETOOLONG;
    ok = ok && dump_target_open(&to, path, strlen(s->path));
    ok = ok && put_run(d, &to, run, stream, task, path);
    dump_target_close(&to);
    if (ok || atomic_exchange(&d->has_failed, true)) return;
    acl_log(ACL_ERROR, "dump: model '%s': '%s': %s; %s. The model runs on, this is said once",
            info->name, path, strerror(errno), dump_remedy(&to));
}
