/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the offline model: header, table, MODEL_DEF, constants, TASK_INFO, in that order and
 * straight from where they lie.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "om/container.h"
#include "om/taskdef.pb-c.h"

/* Everything but the constants, which are written from the graph. */
struct image {
    unsigned char head[OM_OWN_HEAD_BYTES];
    unsigned char *model, *task;
    uint32_t bytes[3]; /* of each partition */
};

struct sink {
    int fd;                /* or -1 and: */
    unsigned char *memory; /* as large as needed */
    size_t at;
    const char *path;
};

static enum status put(struct sink *s, const void *bytes, size_t n) {
    if (s->fd < 0) {
        if (n) memcpy(s->memory + s->at, bytes, n);
        s->at += n;
        return STATUS_OK;
    }
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(s->fd, (const char *)bytes + done, n - done);
        if (wrote < 0 && errno == EINTR) continue;
        CHECK(wrote > 0, STATUS_FILE, "cannot write '%s': %s", s->path,
              wrote < 0 ? strerror(errno) : "nothing was taken");
        done += (size_t)wrote;
    }
    s->at += n;
    return STATUS_OK;
}

static enum status image_make(const struct graph *g, struct arena *arena, struct image *out) {
    Ge__Proto__ModelDef *m;
    uint64_t weight_bytes;
    TRY(om_model_build(g, arena, &m, &weight_bytes));
    Domi__ModelTaskDef task = DOMI__MODEL_TASK_DEF__INIT;
    int64_t activation = om_activation_bytes(g);
    task.memory_size = activation < 0 ? 0 : (uint64_t)activation;
    task.weight_size = weight_bytes;
    task.stream_num = 1;
    uint64_t model_bytes = ge__proto__model_def__get_packed_size(m);
    uint64_t task_bytes = domi__model_task_def__get_packed_size(&task);
    uint64_t file_bytes = OM_OWN_HEAD_BYTES + model_bytes + weight_bytes + task_bytes;
    CHECK(file_bytes <= UINT32_MAX, STATUS_LIMIT,
          "the offline model would have %.2f GiB, and its format ends at 4 GiB; the weights alone "
          "have %.2f GiB: use a smaller or a quantised model",
          (double)file_bytes / (1u << 30), (double)weight_bytes / (1u << 30));
    out->bytes[0] = (uint32_t)model_bytes;
    out->bytes[1] = (uint32_t)weight_bytes;
    out->bytes[2] = (uint32_t)task_bytes;
    out->model = arena_alloc(arena, (size_t)model_bytes + 1);
    out->task = arena_alloc(arena, (size_t)task_bytes + 1);
    CHECK(out->model && out->task, STATUS_MEMORY, "out of memory while writing the offline model");
    ge__proto__model_def__pack(m, out->model);
    domi__model_task_def__pack(&task, out->task);
    om_container_write(out->head, g->name, out->bytes);
    return STATUS_OK;
}

/* Walks the constants in the order and to the places om_model_build gave them. */
static enum status put_weights(struct sink *s, const struct graph *g) {
    static const unsigned char zeros[64];
    uint64_t at = 0;
    for (int t = 0; t < g->n_tensors; t++) {
        if (!g->tensors[t].data || graph_is_input(g, t)) continue;
        uint64_t place = om_weight_place(at);
        TRY(put(s, zeros, (size_t)(place - at)));
        TRY(put(s, g->tensors[t].data, g->tensors[t].data_bytes));
        at = place + g->tensors[t].data_bytes;
    }
    return STATUS_OK;
}

static enum status put_image(struct sink *s, const struct graph *g, const struct image *image) {
    TRY(put(s, image->head, sizeof image->head));
    TRY(put(s, image->model, image->bytes[0]));
    TRY(put_weights(s, g));
    return put(s, image->task, image->bytes[2]);
}

enum status om_write_memory(const struct graph *g, void **bytes, size_t *n_bytes) {
    *bytes = NULL;
    *n_bytes = 0;
    struct arena arena;
    arena_init(&arena, 0);
    struct image image;
    enum status status = image_make(g, &arena, &image);
    if (status == STATUS_OK) {
        size_t n = OM_OWN_HEAD_BYTES + (size_t)image.bytes[0] + image.bytes[1] + image.bytes[2];
        struct sink s = {.fd = -1, .memory = mem_alloc(n)};
        if (!s.memory) {
            status = status_set(STATUS_MEMORY, __FILE__, __LINE__,
                                "out of memory for an offline model of %zu bytes", n);
        } else {
            status = put_image(&s, g, &image);
            *bytes = s.memory;
            *n_bytes = n;
        }
    }
    arena_deinit(&arena);
    return status;
}

/* ---- files ---- */

/* A new file beside `path`. Its name is short, so that every name that is possible for the model
 * is also possible while it is written. */
static enum status open_beside(const char *path, char **name, int *fd) {
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, room = folder + 64;
    *name = mem_alloc(room);
    CHECK(*name, STATUS_MEMORY, "out of memory while writing '%s'", path);
    memcpy(*name, path, folder);
    for (int i = 0; i < 1000; i++) {
        snprintf(*name + folder, room - folder, ".prusik-%ld-%d.tmp", (long)getpid(), i);
        /* Refuses to follow or replace whatever stands there. */
        *fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0) return STATUS_OK;
        if (errno != EEXIST) break;
    }
    enum status status = status_set(
        STATUS_FILE, __FILE__, __LINE__, "cannot write into the folder of '%s': %s%s", path,
        strerror(errno), errno == ENOENT ? "; create the folder first" : "");
    mem_free(*name);
    return status;
}

/* A rename is on disk only when its folder is. */
static void sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strdup(path) : mem_strdup(".");
    if (!folder) return;
    if (slash) folder[slash == path ? 1 : slash - path] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    mem_free(folder);
}

enum status om_write_file(const struct graph *g, const char *path) {
    struct arena arena;
    arena_init(&arena, 0);
    struct image image;
    char *temporary = NULL;
    struct sink s = {.fd = -1, .path = path};
    enum status status = image_make(g, &arena, &image);
    if (status == STATUS_OK) status = open_beside(path, &temporary, &s.fd);
    if (status == STATUS_OK) {
        status = put_image(&s, g, &image);
        if (status == STATUS_OK && fsync(s.fd) && errno != EINVAL)
            status = status_set(STATUS_FILE, __FILE__, __LINE__, "cannot write '%s': %s", path,
                                strerror(errno));
        if (close(s.fd) && status == STATUS_OK)
            status = status_set(STATUS_FILE, __FILE__, __LINE__, "cannot write '%s': %s", path,
                                strerror(errno));
        if (status == STATUS_OK && rename(temporary, path))
            status = status_set(STATUS_FILE, __FILE__, __LINE__, "cannot write '%s': %s", path,
                                strerror(errno));
        if (status == STATUS_OK) sync_folder(path);
        else unlink(temporary);
        mem_free(temporary);
    }
    arena_deinit(&arena);
    return status;
}
