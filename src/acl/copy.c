/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies and fills, at once and on streams. Host and devices share memory, so the kind of a copy
 * only has to be one that exists.
 */
#include <string.h>

#include "acl/internal.h"

/* Up to this size a copy on an idle stream is done by the caller: waking a thread takes longer. */
enum { SHORT_COPY_BYTES = 64 * 1024 };

static aclError check_kind(const char *call, aclrtMemcpyKind kind) {
    if ((int)kind >= ACL_MEMCPY_HOST_TO_HOST && (int)kind <= ACL_MEMCPY_DEFAULT) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "kind is %d; use a value of aclrtMemcpyKind",
                    (int)kind);
}

static aclError check_copy(const char *call, void *dst, size_t dest_max, const void *src,
                           size_t count, aclrtMemcpyKind kind) {
    if (!dst) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "dst is NULL");
    if (!src) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "src is NULL");
    if (count == 0) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "count is 0");
    if (count > dest_max)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "count is %zu but destMax only %zu; make the destination larger or copy "
                        "less",
                        count, dest_max);
    ACL_TRY(check_kind(call, kind));
    if (check_is_on()) ACL_TRY(check_copy_sides(call, dst, src, kind));
    ACL_TRY(memory_check(call, "dst", dst, count));
    return memory_check(call, "src", src, count);
}

static aclError check_fill(const char *call, void *to, size_t max_count, size_t count) {
    if (!to) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "devPtr is NULL");
    if (count == 0) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "count is 0");
    if (count > max_count)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "count is %zu but maxCount only %zu", count,
                        max_count);
    return memory_check(call, "devPtr", to, count);
}

static aclError check_copy_2d(const char *call, void *dst, size_t dpitch, const void *src,
                              size_t spitch, size_t width, size_t height, aclrtMemcpyKind kind) {
    size_t to_bytes, from_bytes;
    if (!dst) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "dst is NULL");
    if (!src) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "src is NULL");
    if (width == 0 || height == 0)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "width is %zu and height %zu; neither may "
                                                       "be 0",
                        width, height);
    if (width > dpitch || width > spitch)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "width is %zu, more than dpitch %zu or spitch %zu", width, dpitch, spitch);
    if (__builtin_mul_overflow(dpitch, height - 1, &to_bytes) ||
        __builtin_add_overflow(to_bytes, width, &to_bytes) ||
        __builtin_mul_overflow(spitch, height - 1, &from_bytes) ||
        __builtin_add_overflow(from_bytes, width, &from_bytes))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%zu rows are more than memory can hold",
                        height);
    ACL_TRY(check_kind(call, kind));
    if (check_is_on()) ACL_TRY(check_copy_sides(call, dst, src, kind));
    ACL_TRY(memory_check(call, "dst", dst, to_bytes));
    return memory_check(call, "src", src, from_bytes);
}

static void copy_rows(const struct task *t) {
    if (t->copy.height == 1) {
        memmove(t->copy.to, t->copy.from, t->copy.width);
        return;
    }
    for (size_t y = 0; y < t->copy.height; y++)
        memmove((char *)t->copy.to + y * t->copy.to_pitch,
                (const char *)t->copy.from + y * t->copy.from_pitch, t->copy.width);
}

static aclError run_copy(struct stream *s, struct task *t) {
    (void)s;
    copy_rows(t);
    return ACL_SUCCESS;
}

static aclError run_fill(struct stream *s, struct task *t) {
    (void)s;
    memset(t->fill.to, t->fill.value, t->fill.count);
    return ACL_SUCCESS;
}

static struct check_use use_of(const char *what, const void *address, size_t pitch, size_t width,
                               size_t height, bool write) {
    return (struct check_use){what, address, height > 1 ? pitch * (height - 1) + width : width,
                              write, height > 1 ? pitch : 0, width};
}

/* What a copy or a fill touches, for the checked mode: how many uses. */
static int uses_of(const struct task *t, struct check_use uses[2]) {
    if (t->fn == run_fill) {
        uses[0] = use_of("devPtr", t->fill.to, 0, t->fill.count, 1, true);
        return 1;
    }
    uses[0] = use_of("src", t->copy.from, t->copy.from_pitch, t->copy.width, t->copy.height, false);
    uses[1] = use_of("dst", t->copy.to, t->copy.to_pitch, t->copy.width, t->copy.height, true);
    return 2;
}

static aclError check_now(const char *call, const struct task *t) {
    struct check_use uses[2];
    if (!check_is_on()) return ACL_SUCCESS;
    int n = uses_of(t, uses);
    return check_host_uses(call, uses, n, false);
}

static aclError submit(const char *call, aclrtStream stream, const struct task *t) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, call, &s, &held));
    aclError code = ACL_SUCCESS;
    if (check_is_on()) {
        struct check_use uses[2];
        int n = uses_of(t, uses);
        code = check_stream_uses(call, stream_id(s), uses, n);
    }
    if (code == ACL_SUCCESS) code = stream_submit(s, t, call);
    handle_release(held);
    return code;
}

aclError aclrtMemcpy(void *dst, size_t destMax, const void *src, size_t count,
                     aclrtMemcpyKind kind) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_copy(__func__, dst, destMax, src, count, kind));
    ACL_TRY(check_now(__func__, &(struct task){.copy = {.to = dst, .from = src, .width = count,
                                                        .height = 1}}));
    memmove(dst, src, count);
    return ACL_SUCCESS;
}

aclError aclrtMemcpyAsync(void *dst, size_t destMax, const void *src, size_t count,
                          aclrtMemcpyKind kind, aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_copy(__func__, dst, destMax, src, count, kind));
    struct task t = {.fn = run_copy,
                     .short_enough = count <= SHORT_COPY_BYTES,
                     .copy = {.to = dst, .from = src, .width = count, .height = 1}};
    return submit(__func__, stream, &t);
}

aclError aclrtMemcpy2d(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                       size_t height, aclrtMemcpyKind kind) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_copy_2d(__func__, dst, dpitch, src, spitch, width, height, kind));
    struct task t = {.copy = {dst, src, dpitch, spitch, width, height}};
    ACL_TRY(check_now(__func__, &t));
    copy_rows(&t);
    return ACL_SUCCESS;
}

aclError aclrtMemcpy2dAsync(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                            size_t height, aclrtMemcpyKind kind, aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_copy_2d(__func__, dst, dpitch, src, spitch, width, height, kind));
    struct task t = {.fn = run_copy,
                     .short_enough = width <= SHORT_COPY_BYTES / height,
                     .copy = {dst, src, dpitch, spitch, width, height}};
    return submit(__func__, stream, &t);
}

aclError aclrtMemset(void *devPtr, size_t maxCount, int32_t value, size_t count) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_fill(__func__, devPtr, maxCount, count));
    ACL_TRY(check_now(__func__, &(struct task){.fn = run_fill,
                                               .fill = {.to = devPtr, .count = count}}));
    memset(devPtr, value, count);
    return ACL_SUCCESS;
}

aclError fill_on_stream(const char *call, void *to, int value, size_t count, aclrtStream stream) {
    struct task t = {.fn = run_fill,
                     .short_enough = count <= SHORT_COPY_BYTES,
                     .fill = {.to = to, .value = value, .count = count}};
    return submit(call, stream, &t);
}

aclError aclrtMemsetAsync(void *devPtr, size_t maxCount, int32_t value, size_t count,
                          aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_fill(__func__, devPtr, maxCount, count));
    return fill_on_stream(__func__, devPtr, value, count, stream);
}
