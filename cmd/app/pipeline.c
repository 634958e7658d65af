/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Items are numbered as they are read; item k lies in slot k % capacity from read() to write(). */
struct ring {
    const struct pipeline *p;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *items, *done;           /* done[slot]: worked on */
    long n_read, n_taken, n_written;
    int ended;  /* no more items will be read */
    int failed; /* give up: read no more, write no more */
    int begun;  /* workers ready */
};

static void *item_of(struct ring *r, long k) {
    return r->items + (size_t)(k % r->p->capacity) * r->p->item_bytes;
}

static void *read_all(void *context) {
    struct ring *r = context;
    const struct pipeline *p = r->p;
    char *fresh = malloc(p->item_bytes);
    for (int more = fresh != NULL; more;) {
        memset(fresh, 0, p->item_bytes);
        more = p->read(p->context, fresh);
        if (!more) break;
        pthread_mutex_lock(&r->lock);
        int full = r->n_read - r->n_written >= p->capacity;
        int lost = r->failed || (full && p->may_drop && p->may_drop(p->context, fresh));
        while (!lost && !r->failed && r->n_read - r->n_written >= p->capacity)
            pthread_cond_wait(&r->changed, &r->lock);
        lost = lost || r->failed;
        more = !r->failed;
        if (!lost) {
            memcpy(item_of(r, r->n_read), fresh, p->item_bytes);
            r->done[r->n_read++ % p->capacity] = 0;
            pthread_cond_broadcast(&r->changed);
        }
        pthread_mutex_unlock(&r->lock);
        if (lost) p->drop(p->context, fresh);
    }
    pthread_mutex_lock(&r->lock);
    r->ended = 1;
    if (!fresh) r->failed = 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    free(fresh);
    return NULL;
}

struct worker {
    struct ring *ring;
    int number;
    pthread_t thread;
};

static void *work_all(void *context) {
    struct worker *w = context;
    struct ring *r = w->ring;
    const struct pipeline *p = r->p;
    int bad = p->begin ? p->begin(p->context, w->number) : 0;
    pthread_mutex_lock(&r->lock);
    r->begun++;
    if (bad) r->failed = 1;
    pthread_cond_broadcast(&r->changed);
    while (!bad) {
        while (!r->failed && !r->ended && r->n_taken == r->n_read)
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->failed || r->n_taken == r->n_read) break;
        long k = r->n_taken++;
        pthread_mutex_unlock(&r->lock);
        p->work(p->context, w->number, item_of(r, k));
        pthread_mutex_lock(&r->lock);
        r->done[k % p->capacity] = 1;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void write_all(struct ring *r) {
    const struct pipeline *p = r->p;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->failed && !(r->n_written < r->n_read && r->done[r->n_written % p->capacity]) &&
               !(r->ended && r->n_written == r->n_read))
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->failed || (r->ended && r->n_written == r->n_read)) break;
        pthread_mutex_unlock(&r->lock);
        int bad = p->write(p->context, item_of(r, r->n_written));
        pthread_mutex_lock(&r->lock);
        r->n_written++;
        if (bad) r->failed = 1;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
}

int pipeline_run(const struct pipeline *p) {
    struct ring r = {.p = p, .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    struct worker *workers = calloc((size_t)p->workers, sizeof *workers);
    r.items = calloc((size_t)p->capacity, p->item_bytes);
    r.done = calloc((size_t)p->capacity, 1);
    int started = 0, reading = 0;
    pthread_t reader;
    r.failed = !workers || !r.items || !r.done;
    for (; !r.failed && started < p->workers; started++) {
        workers[started] = (struct worker){&r, started, 0};
        if (pthread_create(&workers[started].thread, NULL, work_all, &workers[started])) break;
    }
    pthread_mutex_lock(&r.lock);
    if (started < p->workers) r.failed = 1;
    pthread_cond_broadcast(&r.changed);
    while (r.begun < started) pthread_cond_wait(&r.changed, &r.lock);
    int go = !r.failed;
    pthread_mutex_unlock(&r.lock);
    if (go) {
        reading = pthread_create(&reader, NULL, read_all, &r) == 0;
        if (reading) write_all(&r);
    }
    pthread_mutex_lock(&r.lock);
    if (go && !reading) r.failed = 1;
    pthread_cond_broadcast(&r.changed);
    pthread_mutex_unlock(&r.lock);
    for (int i = 0; i < started; i++) pthread_join(workers[i].thread, NULL);
    if (reading) pthread_join(reader, NULL);
    for (long k = r.n_written; r.items && k < r.n_read; k++) p->drop(p->context, item_of(&r, k));
    free(workers);
    free(r.items);
    free(r.done);
    return r.failed ? -1 : 0;
}
