/* SPDX-License-Identifier: Apache-2.0 */
/* Packed weights, each form made once per model however many programs use it. */
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/program.h"

struct entry {
    struct entry *next;
    const void *source, *second;
    size_t signature_bytes, packed_bytes;
    void *packed;
    unsigned char signature[];
};

struct weight_store {
    pthread_mutex_t mutex;
    struct entry *entries;
    size_t bytes;
};

enum status weight_store_create(struct weight_store **out) {
    *out = mem_calloc(1, sizeof **out);
    CHECK(*out, STATUS_MEMORY, "out of memory");
    pthread_mutex_init(&(*out)->mutex, NULL);
    return STATUS_OK;
}

void weight_store_destroy(struct weight_store *s) {
    if (!s) return;
    for (struct entry *e = s->entries, *next; e; e = next) {
        next = e->next;
        mem_free(e->packed);
        mem_free(e);
    }
    pthread_mutex_destroy(&s->mutex);
    mem_free(s);
}

size_t weight_store_bytes(const struct weight_store *s) { return s->bytes; }

static enum status find_or_make(struct weight_store *s, const void *source, const void *second,
                                const void *signature, size_t signature_bytes, size_t packed_bytes,
                                void (*pack)(void *, void *), void *context, const void **out) {
    for (struct entry *e = s->entries; e; e = e->next)
        if (e->source == source && e->second == second && e->packed_bytes == packed_bytes &&
            e->signature_bytes == signature_bytes &&
            !memcmp(e->signature, signature, signature_bytes)) {
            *out = e->packed;
            return STATUS_OK;
        }
    struct entry *e = mem_calloc(1, sizeof *e + signature_bytes);
    void *packed = mem_alloc_aligned(packed_bytes);
    if (!e || !packed) {
        mem_free(e);
        mem_free(packed);
        FAIL(STATUS_MEMORY, "out of memory for %zu bytes of packed weights", packed_bytes);
    }
    pack(context, packed);
    *e = (struct entry){s->entries, source, second, signature_bytes, packed_bytes, packed};
    memcpy(e->signature, signature, signature_bytes);
    s->entries = e;
    s->bytes += packed_bytes;
    *out = packed;
    return STATUS_OK;
}

enum status weight_store_get(struct weight_store *s, const void *source, const void *second,
                             const void *signature, size_t signature_bytes, size_t packed_bytes,
                             void (*pack)(void *, void *), void *context, const void **out) {
    pthread_mutex_lock(&s->mutex);
    enum status r = find_or_make(s, source, second, signature, signature_bytes, packed_bytes, pack,
                                 context, out);
    pthread_mutex_unlock(&s->mutex);
    return r;
}
