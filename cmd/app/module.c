/* SPDX-License-Identifier: Apache-2.0 */
/* See module.h. In the build tree a module lies in its own folder, installed in this program's. */
#include "module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "../part.h"

static const void *load(const struct module *m, char *error, size_t error_bytes) {
    const char *const places[] = {".", m->in_build, "../../lib"};
    char path[PATH_MAX];
    if (part_find(places, sizeof places / sizeof places[0], m->file, R_OK, path)) {
        snprintf(error, error_bytes, "%s", m->missing);
        return NULL;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        snprintf(error, error_bytes, "%s: %.300s", m->unusable, dlerror());
        return NULL;
    }
    const size_t *(*get)(void);
    *(void **)&get = dlsym(module, m->get);
    const size_t *table = get ? get() : NULL;
    if (!table || *table != m->table_bytes) {
        snprintf(error, error_bytes, "%.400s is of another version; install prusik again", path);
        dlclose(module);
        return NULL;
    }
    return table;
}

const void *module_load(struct module *m, char *error, size_t error_bytes) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!m->table) m->table = load(m, error, error_bytes);
    const void *table = m->table;
    pthread_mutex_unlock(&lock);
    return table;
}
