/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocators that programs register for a stream: operators and models that run there take their
 * working memory from them, one block a run.
 */
#include "acl/allocator.h"

#include "acl/internal.h"
#include "base/alloc.h"

aclrtAllocatorDesc aclrtAllocatorCreateDesc(void) {
    return handle_make(HANDLE_ALLOCATOR, mem_calloc(1, sizeof(struct allocator)), mem_free,
                       __func__);
}

aclError aclrtAllocatorDestroyDesc(aclrtAllocatorDesc allocatorDesc) {
    return handle_end(allocatorDesc, HANDLE_ALLOCATOR, __func__, "allocatorDesc");
}

/* The setters differ in the type and the field alone. */
#define SETTER(function, type, parameter, field)                                                   \
    aclError function(aclrtAllocatorDesc allocatorDesc, type parameter) {                          \
        struct allocator *a = handle_acquire(allocatorDesc, HANDLE_ALLOCATOR);                     \
        if (!a) return handle_fail(allocatorDesc, HANDLE_ALLOCATOR, __func__, "allocatorDesc");    \
        if (parameter) a->field = parameter;                                                       \
        handle_release(allocatorDesc);                                                             \
        ACL_NEED(parameter);                                                                       \
        return ACL_SUCCESS;                                                                        \
    }

SETTER(aclrtAllocatorSetObjToDesc, aclrtAllocator, allocator, object)
SETTER(aclrtAllocatorSetAllocFuncToDesc, aclrtAllocatorAllocFunc, func, alloc)
SETTER(aclrtAllocatorSetFreeFuncToDesc, aclrtAllocatorFreeFunc, func, free)
SETTER(aclrtAllocatorSetAllocAdviseFuncToDesc, aclrtAllocatorAllocAdviseFunc, func, advise)
SETTER(aclrtAllocatorSetGetAddrFromBlockFuncToDesc, aclrtAllocatorGetAddrFromBlockFunc, func,
       address)

/* ---- lending ---- */

static void give_back(void *user) {
    struct allocator_loan *l = user;
    l->allocator.free(l->allocator.object, l->block);
}

static void *take(void *user, size_t bytes) {
    struct allocator_loan *l = user;
    l->block = l->allocator.alloc(l->allocator.object, bytes);
    void *address = l->block ? l->allocator.address(l->block) : NULL;
    if (l->block && !address) give_back(user);
    return address;
}

const struct instance_lender *allocator_lend(struct stream *s, struct allocator_loan *loan) {
    if (!s) return NULL;
    *loan = (struct allocator_loan){.allocator = stream_allocator(s)};
    loan->lender = (struct instance_lender){take, give_back, loan};
    return loan->allocator.alloc ? &loan->lender : NULL;
}

/* ---- registering ---- */

aclError aclrtAllocatorRegister(aclrtStream stream, aclrtAllocatorDesc allocatorDesc) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    struct allocator *a = handle_acquire(allocatorDesc, HANDLE_ALLOCATOR);
    bool complete = a && a->object && a->alloc && a->free && a->address;
    if (complete) stream_set_allocator(s, *a);
    if (a) handle_release(allocatorDesc);
    handle_release(held);
    if (!a) return handle_fail(allocatorDesc, HANDLE_ALLOCATOR, __func__, "allocatorDesc");
    ACL_CHECK(complete, ACL_ERROR_INVALID_PARAM,
              "allocatorDesc lacks its object or its functions to allocate, to free or to get an "
              "address; set them first");
    return ACL_SUCCESS;
}

aclError aclrtAllocatorUnregister(aclrtStream stream) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    bool had = stream_set_allocator(s, (struct allocator){0}).alloc;
    uint32_t id = stream_id(s);
    handle_release(held);
    ACL_CHECK(had, ACL_ERROR_INVALID_PARAM, "no allocator is registered for stream %u", id);
    return ACL_SUCCESS;
}
