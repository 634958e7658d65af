/* SPDX-License-Identifier: Apache-2.0 */
/* What front ends share: files and memory, and the shapes that the caller gives for inputs. */
#include "import/frontend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* ---- files ---- */

enum status import_read_file(const char *path, void **out, size_t *n_bytes) {
    *out = NULL;
    *n_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0, STATUS_FILE, "cannot open '%s': %s", path, strerror(errno));
    struct stat st;
    enum status s = STATUS_OK;
    uint8_t *p = NULL;
    size_t n = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        s = status_set(STATUS_FILE, __FILE__, __LINE__, "'%s' is no plain file", path);
    else if (st.st_size == 0)
        s = status_set(STATUS_FORMAT, __FILE__, __LINE__, "'%s' is empty", path);
    else if (st.st_size > INT32_MAX)
        s = status_set(STATUS_LIMIT, __FILE__, __LINE__,
                       "'%s' has %lld bytes; a model file may have 2 GiB (ONNX can keep big "
                       "weights in external data)", path, (long long)st.st_size);
    else if (!(p = mem_alloc_aligned((size_t)st.st_size)))
        s = status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for '%s'", path);
    while (s == STATUS_OK && n < (size_t)st.st_size) {
        ssize_t k = read(fd, p + n, (size_t)st.st_size - n);
        if (k > 0) n += (size_t)k;
        else if (k == 0 || errno != EINTR)
            s = status_set(STATUS_FILE, __FILE__, __LINE__, "reading '%s' failed after %zu bytes",
                           path, n);
    }
    close(fd);
    if (s != STATUS_OK) mem_free(p);
    else {
        *out = p;
        *n_bytes = n;
    }
    return s;
}

enum status import_folder(const char *path, char **out) {
    const char *slash = strrchr(path, '/');
    *out = mem_strdup(slash == path ? "/" : slash ? path : ".");
    CHECK(*out, STATUS_MEMORY, "out of memory for a path");
    if (slash && slash != path) (*out)[slash - path] = '\0';
    return STATUS_OK;
}

enum status import_open_beside(const char *folder, const char *location, const char *what,
                               int *out) {
    CHECK(location[0] != '/', STATUS_FORMAT,
          "%s at the absolute path '%.100s'; it must be relative to the model's folder", what,
          location);
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(at >= 0, STATUS_FILE, "cannot open the model's folder '%s'", folder);
    for (const char *p = location; *p;) {
        char part[256];
        size_t n = strcspn(p, "/");
        bool last = p[n] == '\0', dots = n == 2 && p[0] == '.' && p[1] == '.';
        if (dots || n >= sizeof part) {
            close(at);
            FAIL(STATUS_FORMAT, "%s at '%.100s' would leave the model's folder", what, location);
        }
        memcpy(part, p, n);
        part[n] = '\0';
        p += n + !last;
        if (n == 0 || (n == 1 && part[0] == '.')) continue;
        int next = openat(at, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
                                        (last ? 0 : O_DIRECTORY));
        close(at);
        at = next;
        CHECK(at >= 0, STATUS_FILE,
              "%s at '%.100s' cannot be opened (it must lie in the model's folder and be no "
              "symbolic link)", what, location);
    }
    *out = at;
    return STATUS_OK;
}

/* ---- from bytes to a graph ---- */

/* `keep` is given to the graph, whatever happens. */
static enum status from_bytes(import_bytes_fn *convert, const void *bytes, size_t n_bytes,
                              const char *folder, void *keep, const struct import_options *options,
                              struct graph **out) {
    struct graph *g = NULL;
    enum status s = graph_create(&g);
    if (s != STATUS_OK) mem_free(keep);
    else if (keep) s = graph_attach(g, keep, mem_free);
    if (s == STATUS_OK) s = convert(g, bytes, n_bytes, folder, options);
    if (s == STATUS_OK) *out = g;
    else graph_destroy(g);
    return s;
}

enum status import_from_memory(import_bytes_fn *convert, const void *bytes, size_t n_bytes,
                               bool copy, const struct import_options *options,
                               struct graph **out) {
    *out = NULL;
    CHECK(n_bytes, STATUS_FORMAT, "the model is empty");
    void *keep = NULL;
    if (copy) {
        keep = mem_alloc_aligned(n_bytes);
        CHECK(keep, STATUS_MEMORY, "out of memory for the model's %zu bytes", n_bytes);
        bytes = memcpy(keep, bytes, n_bytes);
    }
    return from_bytes(convert, bytes, n_bytes, NULL, keep, options, out);
}

enum status import_from_file(import_bytes_fn *convert, const char *path,
                             const struct import_options *options, struct graph **out) {
    *out = NULL;
    void *bytes = NULL;
    size_t n_bytes = 0;
    char *folder = NULL;
    TRY(import_read_file(path, &bytes, &n_bytes));
    enum status s = import_folder(path, &folder);
    if (s == STATUS_OK) s = from_bytes(convert, bytes, n_bytes, folder, bytes, options, out);
    else mem_free(bytes);
    mem_free(folder);
    if (s != STATUS_OK) status_prefix("%s", path);
    return s;
}

/* ---- shapes ---- */

enum status import_override_shape(const struct import_options *o, const char *name,
                                  struct shape *shape) {
    for (int i = 0; o && i < o->n_shapes; i++) {
        if (strcmp(o->shapes[i].name, name)) continue;
        const struct shape *given = &o->shapes[i].shape;
        char a[128], b[128];
        CHECK(shape->rank < 0 || given->rank == shape->rank, STATUS_SHAPE,
              "the shape %s given for input '%s' does not have the rank of the model's %s",
              shape_text(given, a), name, shape_text(shape, b));
        *shape = *given;
    }
    return STATUS_OK;
}

enum status import_check_shapes(const struct graph *g, const struct import_options *o) {
    for (int i = 0; o && i < o->n_shapes; i++) {
        int t = graph_find_tensor(g, o->shapes[i].name);
        if (t >= 0 && graph_is_input(g, t)) continue;
        char names[512] = "";
        for (int k = 0; k < g->n_inputs; k++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s'%s'", k ? ", " : "",
                     g->tensors[g->inputs[k]].name);
        }
        FAIL(STATUS_ARGUMENT, "a shape is given for '%s', but the model's inputs are %s",
             o->shapes[i].name, names);
    }
    return STATUS_OK;
}
