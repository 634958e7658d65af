/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscribers of a model's steps: after each run, a struct profile_op for each goes down a pipe of
 * the program's. A reader that has gone or does not read is given up, so that no run hangs on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/profile.h"
#include "base/alloc.h"
#include "exec/model.h"

#define P (&runtime.profile)

enum { WAIT_MS = 1000, OPS_AT_ONCE = 8 }; /* fewer bytes than PIPE_BUF: written whole or not */

struct profile_subscriber {
    struct profile_subscriber *next;
    uint32_t model;
    bool with_times, is_given_up;
    int fd;
};

/* With the lock held. */
static struct profile_subscriber **find(uint32_t model) {
    struct profile_subscriber **at = &P->subscribers;
    while (*at && (*at)->model != model) at = &(*at)->next;
    return at;
}

static aclError subscribe(const char *call, uint32_t model, bool with_times, int descriptor) {
    if (*find(model))
        return acl_fail(ACL_ERROR_PROF_REPEAT_SUBSCRIBE, call,
                        "model %u is subscribed already; call aclprofModelUnSubscribe first",
                        model);
    int fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "fd is %d, which is no open file: %s",
                        descriptor, strerror(errno));
    struct profile_subscriber *s = mem_alloc(sizeof *s);
    if (!s) {
        close(fd);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a subscription");
    }
    *s = (struct profile_subscriber){.next = P->subscribers, .model = model,
                                     .with_times = with_times, .fd = fd};
    P->subscribers = s;
    atomic_fetch_add(&P->n_subscribers, 1);
    return ACL_SUCCESS;
}

aclError profile_subscribe(const char *call, uint32_t model, bool with_times, int descriptor) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, model, &m, &handle));
    handle_release(handle);
    pthread_mutex_lock(&P->lock);
    bool is_open = P->owner != PROFILE_NOBODY;
    pthread_mutex_unlock(&P->lock);
    if (is_open)
        return acl_fail(ACL_ERROR_PROF_API_CONFLICT, call,
                        "profiling has begun by aclprofInit or the configuration of aclInit; both "
                        "at once is not possible");
    pthread_mutex_lock(&P->pipe_lock);
    aclError code = subscribe(call, model, with_times, descriptor);
    pthread_mutex_unlock(&P->pipe_lock);
    return code;
}

/* With the lock held. */
static void remove_at(struct profile_subscriber **at) {
    struct profile_subscriber *s = *at;
    *at = s->next;
    close(s->fd);
    mem_free(s);
    atomic_fetch_sub(&P->n_subscribers, 1);
}

aclError profile_unsubscribe(const char *call, uint32_t model) {
    ACL_TRY(runtime_need_started(call));
    pthread_mutex_lock(&P->pipe_lock);
    struct profile_subscriber **at = find(model);
    bool found = *at != NULL;
    if (found) remove_at(at);
    pthread_mutex_unlock(&P->pipe_lock);
    if (found) return ACL_SUCCESS;
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, model, &m, &handle));
    handle_release(handle);
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "model %u is not subscribed", model);
}

void profile_unsubscribe_all(void) {
    pthread_mutex_lock(&P->pipe_lock);
    while (P->subscribers) remove_at(&P->subscribers);
    pthread_mutex_unlock(&P->pipe_lock);
}

/* Without SIGPIPE, which would end a program whose reader has gone. */
static bool write_quietly(int fd, const void *data, size_t bytes) {
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    bool ok = poll(&p, 1, WAIT_MS) == 1;
    if (!ok) errno = ETIMEDOUT;
    ok = ok && write(fd, data, bytes) == (ssize_t)bytes;
    int failure = errno;
    if (!ok && failure == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return ok;
}

static void fill(struct profile_op *to, const struct step_time *t, uint32_t model,
                 bool with_times) {
    memset(to, 0, sizeof *to);
    to->model = model;
    if (with_times) {
        to->begin_ns = (uint64_t)t->begin_ns;
        to->end_ns = (uint64_t)t->end_ns;
    }
    snprintf(to->thread, sizeof to->thread, "%u", profile_thread());
    snprintf(to->type, sizeof to->type, "%s", t->op);
    snprintf(to->name, sizeof to->name, "%s", t->node);
}

void profile_publish(uint32_t model, const struct instance *run) {
    const struct step_time *times;
    int n = instance_step_times(run, &times);
    struct profile_op ops[OPS_AT_ONCE];
    pthread_mutex_lock(&P->pipe_lock);
    struct profile_subscriber *s = *find(model);
    for (int i = 0; s && !s->is_given_up && i < n; i += OPS_AT_ONCE) {
        int k = 0;
        for (; k < OPS_AT_ONCE && i + k < n; k++)
            fill(&ops[k], &times[i + k], s->model, s->with_times);
        if (write_quietly(s->fd, ops, (size_t)k * sizeof *ops)) continue;
        s->is_given_up = true;
        acl_log(ACL_ERROR, "profiling: the steps of model %u cannot be written to the program's "
                           "pipe and are dropped from now on: %s",
                s->model, strerror(errno));
    }
    pthread_mutex_unlock(&P->pipe_lock);
}
