/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file of aclInit and aclmdlSetDump: reading it, and checking its sections. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "acl/internal.h"
#include "base/alloc.h"

enum { MAX_NESTING = 10, MAX_CONFIG_BYTES = 10 << 20 };

/* Deepest nesting of one kind of bracket, strings left out. */
static int nesting(const char *text, char open, char close) {
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (const char *p = text; *p; p++) {
        if (in_string) {
            if (*p == '\\' && p[1]) p++;
            else if (*p == '"') in_string = false;
        } else if (*p == '"') {
            in_string = true;
        } else if (*p == open) {
            if (++depth > deepest) deepest = depth;
        } else if (*p == close) {
            depth--;
        }
    }
    return deepest;
}

/* The whole file as a string to be freed. */
static aclError read_text(const char *path, const char *call, char **out) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f)
        return acl_fail(ACL_ERROR_INVALID_FILE, call,
                        "the configuration '%s' cannot be read: %s; the path is relative to the "
                        "working directory, and NULL means defaults",
                        path, strerror(errno));
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_CONFIG_BYTES) {
        fclose(f);
        return acl_fail(ACL_ERROR_INVALID_FILE, call,
                        "the configuration '%s' is no regular file of at most 10 MiB", path);
    }
    char *text = mem_alloc((size_t)st.st_size + 1);
    if (!text) {
        fclose(f);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for the configuration '%s'", path);
    }
    size_t n = fread(text, 1, (size_t)st.st_size, f);
    fclose(f);
    text[n] = '\0';
    *out = text;
    return ACL_SUCCESS;
}

/* Keys of the sections `dump` and `profiler`. `values` lists what a text may be, one blank around
 * each; NULL: not a choice. `no_effect` says why a value other than "off" changes nothing. */
static const struct config_key {
    const char *section, *key;
    json_type type;
    const char *values, *no_effect;
} config_keys[] = {
    {"dump", "dump_data", JSON_STRING, " tensor stats "},
    {"dump", "dump_debug", JSON_STRING, " on off "},
    {"dump", "dump_level", JSON_STRING, " op kernel all "},
    {"dump", "dump_list", JSON_ARRAY, NULL},
    {"dump", "dump_mode", JSON_STRING, " input output all "},
    {"dump", "dump_op_switch", JSON_STRING, " on off "},
    {"dump", "dump_path", JSON_STRING, NULL},
    {"dump", "dump_scene", JSON_STRING, NULL},
    {"dump", "dump_step", JSON_STRING, NULL},
    {"profiler", "aic_metrics", JSON_STRING, NULL, "there is no AI Core whose events to count"},
    {"profiler", "aicpu", JSON_STRING, " on off ",
     "all operators run on the processor, and are in op_summary"},
    {"profiler", "ascendcl", JSON_STRING, " on off "},
    {"profiler", "hccl", JSON_STRING, " on off ", "there is no communication between devices"},
    {"profiler", "instr_profiling_freq", JSON_STRING, NULL, "there is no AI Core to sample"},
    {"profiler", "l2", JSON_STRING, " on off ", "there is no AI Core and its cache"},
    {"profiler", "output", JSON_STRING, NULL},
    {"profiler", "runtime_api", JSON_STRING, " on off ",
     "there is no layer below AscendCL; ascendcl records its calls"},
    {"profiler", "storage_limit", JSON_STRING, NULL},
    {"profiler", "switch", JSON_STRING, NULL}, /* whatever is not "on" is off */
    {"profiler", "task_time", JSON_STRING, NULL}, /* on, off, or a level */
};

static const struct config_key *find_key(const char *section, const char *key) {
    for (size_t i = 0; i < sizeof config_keys / sizeof config_keys[0]; i++)
        if (!strcmp(config_keys[i].section, section) && !strcmp(config_keys[i].key, key))
            return &config_keys[i];
    return NULL;
}

static bool is_choice(const char *values, const char *value) {
    size_t n = strlen(value);
    if (n == 0 || strchr(value, ' ')) return false;
    for (const char *p = strstr(values, value); p; p = strstr(p + 1, value))
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}

/* A key we do not know may belong to a newer release, so it is only named in the log. */
static aclError check_section(const char *call, const char *path, const json_t *root,
                              const char *section, aclError code) {
    json_t *object = json_object_get(root, section), *value;
    if (!object) return ACL_SUCCESS;
    if (!json_is_object(object))
        return acl_fail(code, call, "'%s': the value of %s is no object {...}", path, section);
    const char *name;
    bool is_off = !strcmp(section, "profiler") && strcmp(config_text(object, "switch", ""), "on");
    json_object_foreach(object, name, value) {
        const struct config_key *k = find_key(section, name);
        if (!k) {
            acl_log(ACL_WARNING, "%s: '%s': %s.%s is not known here and ignored", call, path,
                    section, name);
            continue;
        }
        if (json_typeof(value) != k->type)
            return acl_fail(code, call, "'%s': %s.%s must be %s", path, section, name,
                            k->type == JSON_ARRAY ? "a list [...]" : "a text \"...\"");
        if (k->values && !is_choice(k->values, json_string_value(value)))
            return acl_fail(code, call, "'%s': %s.%s is \"%s\"; allowed are:%s", path, section,
                            name, json_string_value(value), k->values);
        const char *text = json_string_value(value);
        if (k->no_effect && !is_off && *text && strcmp(text, "off"))
            acl_log(ACL_WARNING, "%s: '%s': %s.%s has no effect: %s", call, path, section, name,
                    k->no_effect);
    }
    return ACL_SUCCESS;
}

/* The sections are checked whatever becomes of them. */
static aclError check_root(const char *call, const char *path, json_t *root) {
    static const char known[] = " defaultDevice dump err_msg_mode max_opqueue_num profiler ";
    const char *name;
    json_t *value;
    if (!json_is_object(root))
        return acl_fail(ACL_ERROR_PARSE_FILE, call,
                        "the configuration '%s' is JSON, but no object {...}", path);
    json_object_foreach(root, name, value)
        if (!is_choice(known, name))
            acl_log(ACL_WARNING, "%s: '%s': %s is not known here and ignored", call, path, name);
    ACL_TRY(check_section(call, path, root, "dump", ACL_ERROR_INVALID_DUMP_CONFIG));
    return check_section(call, path, root, "profiler", ACL_ERROR_INVALID_PROFILING_CONFIG);
}

aclError config_read(const char *call, const char *path, json_t **out) {
    char *text = NULL;
    ACL_TRY(read_text(path, call, &text));
    if (nesting(text, '{', '}') > MAX_NESTING || nesting(text, '[', ']') > MAX_NESTING) {
        mem_free(text);
        return acl_fail(ACL_ERROR_PARSE_FILE, call,
                        "the configuration '%s' nests more than %d levels deep", path, MAX_NESTING);
    }
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    mem_free(text);
    if (!root)
        return acl_fail(ACL_ERROR_PARSE_FILE, call,
                        "the configuration '%s' is no JSON object: line %d: %s", path, error.line,
                        error.text);
    aclError code = check_root(call, path, root);
    if (code == ACL_SUCCESS) *out = root;
    else json_decref(root);
    return code;
}

/* ---- what is of the process as a whole ---- */

/* Digits alone, as a text or a number. False for anything else. */
static bool read_number(const json_t *value, uint64_t most, uint64_t *out) {
    if (json_is_integer(value)) {
        *out = (uint64_t)json_integer_value(value);
        return json_integer_value(value) >= 0 && *out <= most;
    }
    const char *text = json_string_value(value);
    size_t n = text ? strspn(text, "0123456789") : 0;
    if (n == 0 || text[n] || n > 18) return false;
    *out = strtoull(text, NULL, 10);
    return *out <= most;
}

aclError config_process(const char *call, const char *path, const json_t *root) {
    uint64_t number;
    const json_t *most = json_object_get(root, "max_opqueue_num");
    if (most) {
        if (!read_number(most, UINT64_MAX, &number) || !number)
            return acl_fail(ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG, call,
                            "'%s': max_opqueue_num must be a positive number in quotes", path);
        pthread_mutex_lock(&runtime.ops_lock);
        runtime.max_op_models = number;
        pthread_mutex_unlock(&runtime.ops_lock);
    }
    const json_t *mode = json_object_get(root, "err_msg_mode");
    if (mode) {
        if (!read_number(mode, 1, &number))
            return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "'%s': err_msg_mode must be \"0\", for each thread's own failures, or "
                            "\"1\", for those of the process", path);
        atomic_store(&runtime.sentences_are_shared, number == 1);
    }
    const json_t *section = json_object_get(root, "defaultDevice");
    if (!section) return ACL_SUCCESS;
    if (!json_is_object(section) ||
        !read_number(json_object_get(section, "default_device"), INT32_MAX - 1, &number))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "'%s': defaultDevice must be {\"default_device\": \"NUMBER\"}", path);
    if (number >= (uint64_t)runtime.n_devices)
        return acl_fail(ACL_ERROR_RT_INVALID_DEVICEID, call,
                        "'%s': there is no device %d; ids are 0 to %d", path, (int)number,
                        runtime.n_devices - 1);
    atomic_store(&runtime.default_device, (int)number + 1);
    return ACL_SUCCESS;
}

void config_reset(void) {
    atomic_store(&runtime.default_device, 0);
    atomic_store(&runtime.sentences_are_shared, false);
    pthread_mutex_lock(&runtime.ops_lock);
    runtime.max_op_models = 0;
    pthread_mutex_unlock(&runtime.ops_lock);
}

const char *config_text(const json_t *section, const char *key, const char *fallback) {
    const char *s = json_string_value(json_object_get(section, key));
    return s ? s : fallback;
}
