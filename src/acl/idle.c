/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that wait for the next run of their model or operator. */
#include "acl/model.h"
#include "base/alloc.h"
#include "exec/model.h"

enum status idle_take(pthread_mutex_t *lock, struct idle **list, struct model *m,
                      struct idle **out) {
    pthread_mutex_lock(lock);
    struct idle *i = *list;
    if (i) *list = i->next;
    pthread_mutex_unlock(lock);
    if (!i) {
        i = mem_calloc(1, sizeof *i);
        CHECK(i, STATUS_MEMORY, "no memory for an execution");
        enum status s = instance_create(m, &i->instance);
        if (s != STATUS_OK) {
            mem_free(i);
            return s;
        }
    }
    *out = i;
    return STATUS_OK;
}

void idle_put(pthread_mutex_t *lock, struct idle **list, struct idle *i) {
    pthread_mutex_lock(lock);
    i->next = *list;
    *list = i;
    pthread_mutex_unlock(lock);
}

void idle_free(struct idle **list) {
    while (*list) {
        struct idle *i = *list;
        *list = i->next;
        instance_destroy(i->instance);
        mem_free(i);
    }
}
