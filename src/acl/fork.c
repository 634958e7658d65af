/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork(). A child has none of the threads of its parent, so streams and worker pools are dead in it
 * and any object's lock may be held by a thread that is not there. A child of a process that has
 * started AscendCL therefore gets an empty table of handles and a runtime that cannot start:
 * acl_fail gives every failure the sentence that says so. Any other child starts anew as it likes.
 *
 * The locks of the runtime object itself are held while the process forks, so what they guard is
 * whole in the child.
 */
#include "acl/internal.h"

/* Outer ones first, as elsewhere. */
static void lock_all(void) {
    pthread_mutex_lock(&runtime.lock);
    pthread_rwlock_wrlock(&runtime.models_lock);
    pthread_mutex_lock(&runtime.ops_lock);
    pthread_mutex_lock(&runtime.sync_lock);
    pthread_mutex_lock(&runtime.tdt.lock);
    pthread_mutex_lock(&runtime.exceptions_lock);
    pthread_mutex_lock(&runtime.dump_lock);
    pthread_mutex_lock(&runtime.profile.pipe_lock);
    pthread_mutex_lock(&runtime.profile.lock);
    pthread_mutex_lock(&runtime.vmm_lock);
    pthread_rwlock_wrlock(&runtime.memory.lock);
    pthread_mutex_lock(&runtime.handles.lock);
    pthread_mutex_lock(&runtime.check.lock);
    pthread_mutex_lock(&runtime.sentence_lock);
}

static void unlock_all(void) {
    pthread_mutex_unlock(&runtime.sentence_lock);
    pthread_mutex_unlock(&runtime.check.lock);
    pthread_mutex_unlock(&runtime.handles.lock);
    pthread_rwlock_unlock(&runtime.memory.lock);
    pthread_mutex_unlock(&runtime.vmm_lock);
    pthread_mutex_unlock(&runtime.profile.lock);
    pthread_mutex_unlock(&runtime.profile.pipe_lock);
    pthread_mutex_unlock(&runtime.dump_lock);
    pthread_mutex_unlock(&runtime.exceptions_lock);
    pthread_mutex_unlock(&runtime.tdt.lock);
    pthread_mutex_unlock(&runtime.sync_lock);
    pthread_mutex_unlock(&runtime.ops_lock);
    pthread_rwlock_unlock(&runtime.models_lock);
    pthread_mutex_unlock(&runtime.lock);
}

/* A read-write lock knows its writer by thread id, so unlocking it in the child is not enough. */
static void unlock_in_child(void) {
    unlock_all();
    pthread_rwlock_init(&runtime.models_lock, NULL);
    pthread_rwlock_init(&runtime.memory.lock, NULL);
    cond_init_monotonic(&runtime.sync_changed); /* nobody waits any more */
    cond_init_monotonic(&runtime.tdt.changed);
}

static bool was_in_use(void) {
    bool in_use = atomic_load(&runtime.started) || atomic_load(&runtime.ending);
    /* aclFinalize leaves a pool to a model that still runs. */
    for (int i = 0; i < runtime.n_devices; i++) in_use |= runtime.devices[i].exec != NULL;
    return in_use;
}

static void in_child(void) {
    unlock_in_child();
    if (!runtime.forked && !was_in_use()) return;
    runtime.forked = true;
    atomic_store(&runtime.started, false);
    atomic_store(&runtime.sentences_are_shared, false);
    atomic_store(&runtime.handles.n_slots, 0);
    atomic_store(&runtime.profile.types, 0); /* what is recorded is the parent's */
}

void runtime_watch_forks(void) { pthread_atfork(lock_all, unlock_all, in_child); }
