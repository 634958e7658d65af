/* SPDX-License-Identifier: Apache-2.0 */
/* Dumping of models: settings, which tensors of a model, and the files or chunks; see dump.h. */
#include "acl/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/internal.h"
#include "base/alloc.h"
#include "exec/model.h"
#include "ops/op.h"

/* ---- settings ---- */

/* An entry of dump_list. */
struct dump_choice {
    const char *model; /* NULL: every model */
    int n_layers;      /* 0: all of them */
    const char **layers;
};

/* Of one aclInit or aclmdlSetDump; immutable, but for `is_over`. */
struct dump_settings {
    struct dump_settings *next; /* older */
    atomic_int n_users;         /* the list and models */
    atomic_bool is_over;        /* aclmdlFinalizeDump was called: nothing is written any more */
    struct arena arena;
    const char *path, *time; /* the folder {dump_path}/{time} */
    bool inputs, outputs, statistics;
    int n_choices;
    struct dump_choice *choices;
};

static void settings_release(struct dump_settings *s) {
    if (!s || atomic_fetch_sub_explicit(&s->n_users, 1, memory_order_acq_rel) != 1) return;
    arena_deinit(&s->arena);
    mem_free(s);
}

static aclError no_memory(const char *call) {
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for dumping");
}

static aclError read_choice(const char *call, const char *path, struct dump_settings *s,
                            const json_t *item, struct dump_choice *to) {
    const json_t *model = json_object_get(item, "model_name"), *layers, *layer;
    layers = json_object_get(item, "layer");
    if (!json_is_object(item) || (model && !json_is_string(model)) ||
        (layers && !json_is_array(layers)))
        return acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, call,
                        "'%s': an entry of dump.dump_list must be {\"model_name\": \"...\", "
                        "\"layer\": [\"...\"]}, both of which may be left out",
                        path);
    if (model && !(to->model = arena_strdup(&s->arena, json_string_value(model))))
        return no_memory(call);
    to->layers = arena_calloc(&s->arena, json_array_size(layers) + 1, sizeof *to->layers);
    if (!to->layers) return no_memory(call);
    size_t i;
    json_array_foreach(layers, i, layer) {
        if (!json_is_string(layer))
            return acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, call,
                            "'%s': dump.dump_list: an entry of layer must be a text \"...\"", path);
        to->layers[i] = arena_strdup(&s->arena, json_string_value(layer));
        if (!to->layers[i]) return no_memory(call);
        to->n_layers++;
    }
    return ACL_SUCCESS;
}

static aclError read_settings(const char *call, const char *path, const json_t *dump,
                              struct dump_settings *s) {
    const char *folder = config_text(dump, "dump_path", ""), *mode, *data;
    if (!*folder)
        return acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, call,
                        "'%s': dump.dump_list names what to dump, but dump.dump_path not where; "
                        "give a folder that exists",
                        path);
    char here[PATH_MAX];
    if (folder[0] != '/' && getcwd(here, sizeof here))
        s->path = arena_printf(&s->arena, "%s/%s", here, folder);
    else
        s->path = arena_strdup(&s->arena, folder);
    char time_text[32];
    time_t now = time(NULL);
    struct tm date;
    strftime(time_text, sizeof time_text, "%Y%m%d%H%M%S", localtime_r(&now, &date));
    s->time = arena_strdup(&s->arena, time_text);
    mode = config_text(dump, "dump_mode", "output");
    s->inputs = strcmp(mode, "output") != 0;
    s->outputs = strcmp(mode, "input") != 0;
    data = config_text(dump, "dump_data", "tensor");
    s->statistics = strcmp(data, "stats") == 0;
    const json_t *list = json_object_get(dump, "dump_list"), *item;
    s->choices = arena_calloc(&s->arena, json_array_size(list), sizeof *s->choices);
    if (!s->path || !s->time || !s->choices) return no_memory(call);
    size_t i;
    json_array_foreach(list, i, item) {
        ACL_TRY(read_choice(call, path, s, item, &s->choices[i]));
        s->n_choices++;
    }
    return ACL_SUCCESS;
}

/* Keys of `dump` that ask for what there is not. */
static void remark(const char *call, const json_t *dump) {
    static const struct {
        const char *key, *value, *remark; /* value NULL: any */
    } remarks[] = {
        {"dump_op_switch", "on", "operators called alone are not dumped"},
        {"dump_debug", "on", "operators that overflow are not looked for"},
        {"dump_scene", NULL, "dumping of failing operators is not done"},
        {"dump_step", NULL, "every run is dumped"},
    };
    for (size_t i = 0; i < sizeof remarks / sizeof remarks[0]; i++) {
        const char *given = config_text(dump, remarks[i].key, NULL);
        if (given && (!remarks[i].value || !strcmp(given, remarks[i].value)))
            acl_log(ACL_WARNING, "%s: dump.%s is \"%s\": %s by this library", call, remarks[i].key,
                    given, remarks[i].remark);
    }
}

aclError dump_configure(const char *call, const char *path, const json_t *root) {
    const json_t *dump = json_object_get(root, "dump");
    if (!dump) return ACL_SUCCESS;
    remark(call, dump);
    if (!json_array_size(json_object_get(dump, "dump_list"))) return ACL_SUCCESS;
    struct dump_settings *s = mem_calloc(1, sizeof *s);
    if (!s) return no_memory(call);
    atomic_init(&s->n_users, 1);
    arena_init(&s->arena, 0);
    aclError code = read_settings(call, path, dump, s);
    if (code != ACL_SUCCESS) {
        settings_release(s);
        return code;
    }
    pthread_mutex_lock(&runtime.dump_lock);
    s->next = runtime.dump_settings;
    runtime.dump_settings = s;
    runtime.dump_is_on = true;
    pthread_mutex_unlock(&runtime.dump_lock);
    return ACL_SUCCESS;
}

/* With the lock held. */
static void end_dump(void) {
    runtime.dump_is_on = false;
    while (runtime.dump_settings) {
        struct dump_settings *s = runtime.dump_settings;
        runtime.dump_settings = s->next;
        atomic_store(&s->is_over, true);
        settings_release(s);
    }
}

void dump_reset(void) {
    pthread_mutex_lock(&runtime.dump_lock);
    end_dump();
    runtime.dump_callback = NULL;
    pthread_mutex_unlock(&runtime.dump_lock);
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
    settings_release(d->settings);
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

/* The newest settings that choose the model, held. */
static struct dump_settings *find_settings(const char *file, const char *name,
                                           const struct dump_choice **choice) {
    char stem[NAME_MAX + 1];
    const char *slash = file ? strrchr(file, '/') : NULL;
    snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : file ? file : "");
    size_t n = strlen(stem);
    if (n > 3 && !strcmp(stem + n - 3, ".om")) stem[n - 3] = '\0';
    pthread_mutex_lock(&runtime.dump_lock);
    struct dump_settings *s = runtime.dump_settings;
    while (s && !(*choice = find_choice(s, file ? stem : NULL, name))) s = s->next;
    if (s) atomic_fetch_add_explicit(&s->n_users, 1, memory_order_relaxed);
    pthread_mutex_unlock(&runtime.dump_lock);
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

/* At most `most` bytes of a name; those that `allowed` does not have become '_'. */
static const char *fit_name(struct arena *arena, const char *name, const char *allowed, int most) {
    char *fit = arena_strndup(arena, name, strnlen(name, (size_t)most));
    for (char *p = fit; p && *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr(allowed, *p)))
            *p = '_';
    return fit;
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
    const char *name = fit_name(&d->arena, n->name, "_-", 160);
    to->file = name ? arena_printf(&d->arena, "%s.%s", op_name(n->op), name) : NULL;
    to->tensors = arena_calloc(&d->arena, (size_t)(n->n_inputs + n->n_outputs) + 1,
                               sizeof *to->tensors);
    CHECK(to->file && to->tensors, STATUS_MEMORY, "no memory for dumping");
    if (d->settings->inputs) TRY(add_side(g, output_of, n->inputs, n->n_inputs, true, to));
    if (d->settings->outputs) TRY(add_side(g, output_of, n->outputs, n->n_outputs, false, to));
    return STATUS_OK;
}

static enum status add_nodes(struct dump *d, const char *model, struct graph *g,
                             const struct dump_choice *c) {
    int *output_of = arena_calloc(&d->arena, (size_t)g->n_tensors + 1, sizeof *output_of);
    d->nodes = arena_calloc(&d->arena, (size_t)g->n_nodes + 1, sizeof *d->nodes);
    d->folder = fit_name(&d->arena, model, "_-+=@%:,", 200);
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
        settings_release(s);
        return no_memory(call);
    }
    d->settings = s;
    arena_init(&d->arena, 0);
    *out = d; /* the caller's, also on failure */
    enum status status = add_nodes(d, info->name, g, choice);
    return status == STATUS_OK ? ACL_SUCCESS : acl_fail_status(status, call);
}

/* ---- bytes ---- */

struct piece {
    const void *data;
    size_t bytes;
};

/* Where the bytes of one run go: the callback, or files. */
struct target {
    int32_t (*callback)(const acldumpChunk *, int32_t);
    int32_t flag;
    acldumpChunk *chunk; /* with CHUNK_BYTES behind it; only with a callback */
};

enum { CHUNK_BYTES = 1 << 20 };

static bool write_file(const char *path, const struct piece *pieces, int n) {
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL;
    for (int i = 0; i < n && ok; i++)
        ok = fwrite(pieces[i].data, 1, pieces[i].bytes, f) == pieces[i].bytes;
    if (f && fclose(f)) ok = false;
    return ok;
}

static bool call_back(const struct target *to, const char *path, const struct piece *pieces,
                      int n) {
    acldumpChunk *c = to->chunk;
    size_t left = 0, used = 0, at = 0;
    for (int i = 0; i < n; i++) left += pieces[i].bytes;
    snprintf(c->fileName, sizeof c->fileName, "%s", path);
    c->offset = 0;
    c->flag = to->flag;
    for (int i = 0; i < n;) {
        size_t take = pieces[i].bytes - at;
        if (take > CHUNK_BYTES - used) take = CHUNK_BYTES - used;
        memcpy(c->dataBuf + used, (const unsigned char *)pieces[i].data + at, take);
        used += take;
        at += take;
        left -= take;
        if (at == pieces[i].bytes) i++, at = 0;
        if (used < CHUNK_BYTES && i < n) continue;
        c->bufLen = (uint32_t)used;
        c->isLastChunk = left == 0;
        if (to->callback(c, (int32_t)(sizeof *c + used))) {
            errno = ECANCELED;
            return false;
        }
        if (left == 0) break;
        c->offset += (int64_t)used;
        used = 0;
    }
    return true;
}

static bool put(const struct target *to, const char *path, const struct piece *pieces, int n) {
    return to->callback ? call_back(to, path, pieces, n) : write_file(path, pieces, n);
}

/* What NumPy calls an element type; bf16, which it has not, is widened to f32. */
static const char *const npy_types[DT_COUNT] = {
    [DT_F32] = "<f4", [DT_F16] = "<f2", [DT_BF16] = "<f4", [DT_F64] = "<f8", [DT_I8] = "|i1",
    [DT_U8] = "|u1",  [DT_I16] = "<i2", [DT_U16] = "<u2",  [DT_I32] = "<i4", [DT_U32] = "<u4",
    [DT_I64] = "<i8", [DT_U64] = "<u8", [DT_BOOL] = "|b1",
};

/* The header of a .npy file, version 1.0; its length, a multiple of 64. */
static size_t npy_header(const struct view *v, char to[static 512]) {
    char shape[256];
    int n = 0;
    for (int i = 0; i < v->shape.rank; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%" PRId64 ",%s", v->shape.dim[i],
                      i + 1 < v->shape.rank ? " " : "");
    shape[n] = '\0';
    memcpy(to, "\x93NUMPY\x01\x00", 8);
    int end = 10 + snprintf(to + 10, 500,
                            "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                            npy_types[v->dtype], shape);
    size_t bytes = ((size_t)end + 1 + 63) / 64 * 64;
    memset(to + end, ' ', bytes - (size_t)end);
    to[bytes - 1] = '\n';
    to[8] = (char)(bytes - 10);
    to[9] = (char)((bytes - 10) >> 8);
    return bytes;
}

static bool put_tensor(const struct target *to, const char *path, const struct view *v) {
    char header[512];
    size_t n = (size_t)shape_elements(&v->shape);
    struct piece pieces[2] = {{header, npy_header(v, header)},
                              {v->data, n * dtype_size(v->dtype)}};
    float *wide = NULL;
    if (v->dtype == DT_BF16) {
        if (!(wide = mem_alloc(n * sizeof *wide + 1))) return false;
        for (size_t i = 0; i < n; i++) wide[i] = bf16_to_f32(((const uint16_t *)v->data)[i]);
        pieces[1] = (struct piece){wide, n * sizeof *wide};
    }
    bool ok = put(to, path, pieces, n > 0 ? 2 : 1);
    mem_free(wide);
    return ok;
}

/* ---- statistics ---- */

static double element(const struct view *v, int64_t i) {
    switch (v->dtype) {
    case DT_F32: return ((const float *)v->data)[i];
    case DT_F16: return f16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_BF16: return bf16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_F64: return ((const double *)v->data)[i];
    case DT_I8: return ((const int8_t *)v->data)[i];
    case DT_U8:
    case DT_BOOL: return ((const uint8_t *)v->data)[i];
    case DT_I16: return ((const int16_t *)v->data)[i];
    case DT_U16: return ((const uint16_t *)v->data)[i];
    case DT_I32: return ((const int32_t *)v->data)[i];
    case DT_U32: return ((const uint32_t *)v->data)[i];
    case DT_I64: return (double)((const int64_t *)v->data)[i];
    case DT_U64: return (double)((const uint64_t *)v->data)[i];
    case DT_NONE:
    case DT_COUNT: break;
    }
    return NAN;
}

enum { ROW_BYTES = 512 };

/* A line of the table; a NaN among the elements makes all four values NaN. */
static int statistics_row(const struct dump_tensor *t, const struct view *v, char to[ROW_BYTES]) {
    int64_t n = shape_elements(&v->shape);
    double least = n ? INFINITY : NAN, most = -least, sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = element(v, i);
        if (x < least || isnan(x)) least = x;
        if (x > most || isnan(x)) most = x;
        sum += x;
        squares += x * x;
    }
    if (isnan(sum)) least = most = sum;
    char shape[128];
    shape_text(&v->shape, shape);
    for (char *p = shape; *p; p++)
        if (*p == ',') *p = 'x';
    return snprintf(to, ROW_BYTES, "%s,%d,%zu,%s,%s,%s,%.9g,%.9g,%.9g,%.9g\n",
                    t->is_input ? "Input" : "Output", t->index,
                    (size_t)n * dtype_size(v->dtype), dtype_name(v->dtype),
                    v->shape.rank == 4 ? "NCHW" : "ND", shape, most, least, sum / (double)n,
                    sqrt(squares));
}

static bool put_statistics(const struct target *to, const char *path, const struct dump_node *node,
                           const struct instance *run) {
    char *text = mem_alloc((size_t)(node->n_tensors + 1) * ROW_BYTES);
    if (!text) return false;
    int n = snprintf(text, ROW_BYTES, "Input/Output,Index,Data Size,Data Type,Format,Shape,"
                                      "Max Value,Min Value,Avg Value,L2 Norm\n");
    for (int i = 0; i < node->n_tensors; i++)
        n += statistics_row(&node->tensors[i], instance_output(run, node->tensors[i].output),
                            text + n);
    bool ok = put(to, path, &(struct piece){text, (size_t)n}, 1);
    mem_free(text);
    return ok;
}

/* ---- a run ---- */

/* Makes the folders of `path` behind its first `from` bytes. */
static bool make_folders(char *path, size_t from) {
    for (char *p = strchr(path + from, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        bool ok = p == path + from || mkdir(path, 0777) == 0 || errno == EEXIST;
        *p = '/';
        if (!ok) return false;
    }
    return true;
}

/* Microseconds since 1970, which have 16 digits; never the same twice in a run. */
static uint64_t time_stamp(uint64_t last) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return now > last ? now : last + 1;
}

/* `path` holds the folder with its '/', and gets each file's name; it names the one that failed. */
static bool put_run(const struct dump *d, const struct target *to, const struct instance *run,
                    uint32_t stream, uint32_t task, char path[PATH_MAX]) {
    char *name = path + strlen(path);
    size_t room = (size_t)(path + PATH_MAX - name);
    uint64_t stamp = 0;
    for (int i = 0; i < d->n_nodes; i++) {
        const struct dump_node *node = &d->nodes[i];
        stamp = time_stamp(stamp);
        size_t n = (size_t)snprintf(name, room, "%s.%u.%u.%" PRIu64, node->file, task, stream,
                                    stamp);
        if (n + 32 > room) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (d->settings->statistics) {
            snprintf(name + n, room - n, ".csv");
            if (!put_statistics(to, path, node, run)) return false;
            continue;
        }
        for (int k = 0; k < node->n_tensors; k++) {
            const struct dump_tensor *t = &node->tensors[k];
            snprintf(name + n, room - n, ".%s.%d.npy", t->is_input ? "input" : "output", t->index);
            if (!put_tensor(to, path, instance_output(run, t->output))) return false;
        }
    }
    return true;
}

void dump_run(struct dump *d, const struct model_info *info, int device,
              const struct instance *run, uint32_t stream, uint32_t task) {
    const struct dump_settings *s = d->settings;
    if (atomic_load(&s->is_over)) return;
    pthread_mutex_lock(&runtime.dump_lock);
    struct target to = {.callback = runtime.dump_callback, .flag = runtime.dump_flag};
    pthread_mutex_unlock(&runtime.dump_lock);
    char path[PATH_MAX];
    size_t n = (size_t)snprintf(path, sizeof path, "%s/%s/%d/%s/%u/%u/", s->path, s->time, device,
                                d->folder, info->id, atomic_fetch_add(&d->n_runs, 1));
    bool ok = n < sizeof path;
    if (!ok) errno = ENAMETOOLONG;
    if (to.callback) ok = ok && (to.chunk = mem_alloc(sizeof *to.chunk + CHUNK_BYTES));
    else ok = ok && make_folders(path, strlen(s->path));
    ok = ok && put_run(d, &to, run, stream, task, path);
    mem_free(to.chunk);
    if (ok || atomic_exchange(&d->has_failed, true)) return;
    acl_log(ACL_ERROR, "dump: model '%s': '%s': %s; %s. The model runs on, this is said once",
            info->name, path, strerror(errno),
            to.callback ? "the callback has to return 0"
                        : "dump_path has to be a folder that exists and can be written to");
}

/* ---- the calls ---- */

aclError aclmdlInitDump(void) {
    ACL_NEED_STARTED();
    pthread_mutex_lock(&runtime.dump_lock);
    bool was_on = runtime.dump_is_on;
    runtime.dump_is_on = true;
    pthread_mutex_unlock(&runtime.dump_lock);
    ACL_CHECK(!was_on, ACL_ERROR_DUMP_ALREADY_RUN,
              "dumping has begun already, by aclmdlInitDump or the configuration of aclInit");
    return ACL_SUCCESS;
}

static aclError need_dump(const char *call) {
    ACL_TRY(runtime_need_started(call));
    pthread_mutex_lock(&runtime.dump_lock);
    bool is_on = runtime.dump_is_on;
    pthread_mutex_unlock(&runtime.dump_lock);
    return is_on ? ACL_SUCCESS : acl_fail(ACL_ERROR_DUMP_NOT_RUN, call,
                                          "dumping has not begun; call aclmdlInitDump first");
}

aclError aclmdlSetDump(const char *dumpCfgPath) {
    ACL_NEED(dumpCfgPath);
    ACL_TRY(need_dump(__func__));
    json_t *root;
    ACL_TRY(config_read(__func__, dumpCfgPath, &root));
    aclError code = ACL_SUCCESS;
    if (json_object_get(root, "dump")) code = dump_configure(__func__, dumpCfgPath, root);
    else code = acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, __func__, "'%s' has no section \"dump\"",
                         dumpCfgPath);
    json_decref(root);
    return code;
}

aclError aclmdlFinalizeDump(void) {
    ACL_TRY(need_dump(__func__));
    pthread_mutex_lock(&runtime.dump_lock);
    end_dump();
    pthread_mutex_unlock(&runtime.dump_lock);
    return ACL_SUCCESS;
}

aclError acldumpRegCallback(int32_t (*const messageCallback)(const acldumpChunk *, int32_t),
                            int32_t flag) {
    ACL_NEED(messageCallback);
    pthread_mutex_lock(&runtime.dump_lock);
    runtime.dump_callback = messageCallback;
    runtime.dump_flag = flag;
    pthread_mutex_unlock(&runtime.dump_lock);
    return ACL_SUCCESS;
}

void acldumpUnregCallback(void) {
    pthread_mutex_lock(&runtime.dump_lock);
    runtime.dump_callback = NULL;
    pthread_mutex_unlock(&runtime.dump_lock);
}
