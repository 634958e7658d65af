/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL allocators: memory of a stream's operators from the program's own pool. See acl.h for
 * the conventions of every call.
 */
#ifndef PRUSIK_ACL_RT_ALLOCATOR_H
#define PRUSIK_ACL_RT_ALLOCATOR_H

#include "acl_base.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void *(*aclrtAllocatorAllocFunc)(aclrtAllocator allocator, size_t size);
typedef void (*aclrtAllocatorFreeFunc)(aclrtAllocator allocator, aclrtAllocatorBlock block);
typedef void *(*aclrtAllocatorAllocAdviseFunc)(aclrtAllocator allocator, size_t size,
                                     aclrtAllocatorAddr addr);
typedef void *(*aclrtAllocatorGetAddrFromBlockFunc)(aclrtAllocatorBlock block);

/*
 * A description is made, filled by one thread, registered for a stream, and may be destroyed then.
 * Registering wants the object and the functions to allocate, to free and to get an address from a
 * block (ACL_ERROR_INVALID_PARAM without); the one with advice may be absent.
 *
 * Operators and models that run on the stream from then on take their working memory from the
 * allocator, one block for each run, in the stream's own thread, and give it back when the run has
 * ended. Memory that the program may keep, as of outputs that came without, is never taken from it;
 * nor is that of aclmdlExecute, which runs on no stream. A run for which the allocator has nothing
 * (NULL) fails with ACL_ERROR_BAD_ALLOC, or ACL_ERROR_GE_MEMORY_ALLOCATION for a model. Synchronise
 * the stream before its allocator goes away. The function with advice is never called.
 */
ACL_FUNC_VISIBILITY aclrtAllocatorDesc aclrtAllocatorCreateDesc(void);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorDestroyDesc(aclrtAllocatorDesc allocatorDesc);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorRegister(aclrtStream stream,
    aclrtAllocatorDesc allocatorDesc);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorSetAllocAdviseFuncToDesc(
    aclrtAllocatorDesc allocatorDesc, aclrtAllocatorAllocAdviseFunc func);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorSetAllocFuncToDesc(aclrtAllocatorDesc allocatorDesc,
    aclrtAllocatorAllocFunc func);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorSetFreeFuncToDesc(aclrtAllocatorDesc allocatorDesc,
    aclrtAllocatorFreeFunc func);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorSetGetAddrFromBlockFuncToDesc(
    aclrtAllocatorDesc allocatorDesc, aclrtAllocatorGetAddrFromBlockFunc func);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorSetObjToDesc(aclrtAllocatorDesc allocatorDesc,
    aclrtAllocator allocator);
ACL_FUNC_VISIBILITY aclError aclrtAllocatorUnregister(aclrtStream stream);

#ifdef __cplusplus
}
#endif

#endif
