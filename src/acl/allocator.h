/* SPDX-License-Identifier: Apache-2.0 */
/* Allocators of programs, and the working memory that runs take from them; acl_rt_allocator.h. */
#ifndef PK_ACL_ALLOCATOR_H
#define PK_ACL_ALLOCATOR_H

#include "acl/acl_rt_allocator.h"
#include "exec/model.h"

struct stream;

struct allocator {
    aclrtAllocator object;
    aclrtAllocatorAllocFunc alloc; /* NULL: there is none */
    aclrtAllocatorFreeFunc free;
    aclrtAllocatorAllocAdviseFunc advise; /* may be NULL; never called: we have no advice */
    aclrtAllocatorGetAddrFromBlockFunc address;
};
/* Sets what tasks of the stream use from now on, and returns what was set before. */
struct allocator stream_set_allocator(struct stream *s, struct allocator allocator);
struct allocator stream_allocator(struct stream *s);

/* An allocator lends the working memory of one run at a time. */
struct allocator_loan {
    struct allocator allocator;
    void *block;
    struct instance_lender lender;
};
/* Of the allocator set for a stream (NULL: no stream), for instance_borrow; NULL without one. */
const struct instance_lender *allocator_lend(struct stream *s, struct allocator_loan *loan);

#endif
