/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration asks to dump, and the calls that begin and end dumping; see dump.h. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acl/dump.h"
#include "acl/dump_internal.h"
#include "acl/internal.h"
#include "base/alloc.h"

void dump_settings_release(struct dump_settings *s) {
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

/* "0|2|5-9": runs, counted from 0. */
static aclError read_steps(const char *call, const char *path, const char *text,
                           struct dump_settings *s) {
    size_t n = 1;
    for (const char *c = text; *c; c++) n += *c == '|';
    s->steps = arena_calloc(&s->arena, n, sizeof *s->steps);
    if (!s->steps) return no_memory(call);
    for (const char *c = text; *c;) {
        char *end;
        bool ok = *c >= '0' && *c <= '9';
        unsigned long first = strtoul(c, &end, 10), last = first;
        if (ok && *end == '-') {
            c = end + 1;
            ok = *c >= '0' && *c <= '9';
            last = strtoul(c, &end, 10);
        }
        ok = ok && first <= last && last <= UINT32_MAX && (!*end || (*end == '|' && end[1]));
        if (!ok)
            return acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, call,
                            "'%s': dump.dump_step is \"%s\"; write runs, counted from 0, like "
                            "\"0|2|5-9\"",
                            path, text);
        s->steps[s->n_steps++] = (struct dump_steps){(uint32_t)first, (uint32_t)last};
        c = *end ? end + 1 : end;
    }
    return ACL_SUCCESS;
}

bool dump_wants_step(const struct dump_settings *s, uint32_t step) {
    bool wants = s->n_steps == 0;
    for (int i = 0; i < s->n_steps && !wants; i++)
        wants = step >= s->steps[i].first && step <= s->steps[i].last;
    return wants;
}

/* What a processor can tell of a failure is what the operator was given. */
static void read_scene(const char *call, const json_t *dump, struct dump_settings *s) {
    const char *scene = config_text(dump, "dump_scene", "");
    s->failures = !strcmp(scene, "lite_exception");
    if (!*scene || s->failures || !strcmp(scene, "lite_exception:disable")) return;
    acl_log(ACL_WARNING, "%s: dump.dump_scene is \"%s\", which is about the state of an Ascend "
                         "core; there is none, and only \"lite_exception\" has an effect", call,
            scene);
}

static aclError read_path(const char *call, const char *path, const json_t *dump,
                          struct dump_settings *s) {
    const char *folder = config_text(dump, "dump_path", "");
    bool only_failures = s->failures && !s->operators && !s->overflow && !s->n_choices;
    if (!*folder && !only_failures)
        return acl_fail(ACL_ERROR_INVALID_DUMP_CONFIG, call,
                        "'%s': dump says what to dump, but dump.dump_path not where; give a folder "
                        "that exists",
                        path);
    if (!*folder) folder = ".";
    char here[PATH_MAX], time_text[32];
    if (folder[0] != '/' && getcwd(here, sizeof here))
        s->path = arena_printf(&s->arena, "%s/%s", here, folder);
    else
        s->path = arena_strdup(&s->arena, folder);
    time_t now = time(NULL);
    struct tm date;
    strftime(time_text, sizeof time_text, "%Y%m%d%H%M%S", localtime_r(&now, &date));
    s->time = arena_strdup(&s->arena, time_text);
    return s->path && s->time ? ACL_SUCCESS : no_memory(call);
}

static aclError read_settings(const char *call, const char *path, const json_t *dump,
                              struct dump_settings *s) {
    s->operators = !strcmp(config_text(dump, "dump_op_switch", "off"), "on");
    s->overflow = !strcmp(config_text(dump, "dump_debug", "off"), "on");
    read_scene(call, dump, s);
    const char *mode = config_text(dump, "dump_mode", s->overflow ? "all" : "output"), *level;
    s->inputs = strcmp(mode, "output") != 0;
    s->outputs = strcmp(mode, "input") != 0;
    s->statistics = !strcmp(config_text(dump, "dump_data", "tensor"), "stats");
    level = config_text(dump, "dump_level", "op");
    if (!strcmp(level, "kernel"))
        acl_log(ACL_WARNING, "%s: dump.dump_level is \"kernel\": an operator is the smallest thing "
                             "here, and is what is dumped", call);
    ACL_TRY(read_steps(call, path, config_text(dump, "dump_step", ""), s));
    const json_t *list = json_object_get(dump, "dump_list"), *item;
    s->choices = arena_calloc(&s->arena, json_array_size(list) + 1, sizeof *s->choices);
    if (!s->choices) return no_memory(call);
    size_t i;
    json_array_foreach(list, i, item) {
        ACL_TRY(read_choice(call, path, s, item, &s->choices[i]));
        s->n_choices++;
    }
    if (s->overflow && !s->n_choices) s->n_choices = 1; /* every model */
    return ACL_SUCCESS;
}

static aclError keep(const char *call, const char *path, const json_t *dump,
                     struct dump_settings *s) {
    ACL_TRY(read_settings(call, path, dump, s));
    if (!s->operators && !s->failures && !s->n_choices) { /* nothing is asked for */
        dump_settings_release(s);
        return ACL_SUCCESS;
    }
    ACL_TRY(read_path(call, path, dump, s));
    pthread_mutex_lock(&runtime.dump_lock);
    s->next = runtime.dump_settings;
    runtime.dump_settings = s;
    runtime.dump_is_on = true;
    if (s->operators || s->overflow) atomic_store(&runtime.dump_operators, true);
    if (s->failures) atomic_store(&runtime.dump_failures, true);
    pthread_mutex_unlock(&runtime.dump_lock);
    return ACL_SUCCESS;
}

aclError dump_configure(const char *call, const char *path, const json_t *root) {
    const json_t *dump = json_object_get(root, "dump");
    if (!dump) return ACL_SUCCESS;
    struct dump_settings *s = mem_calloc(1, sizeof *s);
    if (!s) return no_memory(call);
    atomic_init(&s->n_users, 1);
    arena_init(&s->arena, 0);
    aclError code = keep(call, path, dump, s);
    if (code != ACL_SUCCESS) dump_settings_release(s);
    return code;
}

struct dump_settings *dump_settings_find(bool (*wants)(const struct dump_settings *s, void *of),
                                         void *of) {
    pthread_mutex_lock(&runtime.dump_lock);
    struct dump_settings *s = runtime.dump_settings;
    while (s && !wants(s, of)) s = s->next;
    if (s) atomic_fetch_add_explicit(&s->n_users, 1, memory_order_relaxed);
    pthread_mutex_unlock(&runtime.dump_lock);
    return s;
}

/* With the lock held. */
static void end_dump(void) {
    runtime.dump_is_on = false;
    atomic_store(&runtime.dump_operators, false);
    atomic_store(&runtime.dump_failures, false);
    while (runtime.dump_settings) {
        struct dump_settings *s = runtime.dump_settings;
        runtime.dump_settings = s->next;
        atomic_store(&s->is_over, true);
        dump_settings_release(s);
    }
}

void dump_reset(void) {
    pthread_mutex_lock(&runtime.dump_lock);
    end_dump();
    runtime.dump_callback = NULL;
    pthread_mutex_unlock(&runtime.dump_lock);
}

/* ---- names ---- */

const char *dump_fit_name(struct arena *arena, const char *name, const char *allowed, int most) {
    char *fit = arena_strndup(arena, name, strnlen(name, (size_t)most));
    for (char *p = fit; p && *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr(allowed, *p)))
            *p = '_';
    return fit;
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
