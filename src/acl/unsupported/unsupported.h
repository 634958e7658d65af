/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that can be linked and say why they do nothing. A file of this folder is a table:
 *
 *     WHY("what is missing; what to do instead")
 *     CODE(function, (parameters))          returns ACL_ERROR_FEATURE_UNSUPPORTED
 *     MAKE(type, function, (parameters))    returns NULL or 0
 *
 * scripts/make_docs.py reads the tables too. Parameters go by their order, not by name.
 */
#ifndef PK_ACL_UNSUPPORTED_H
#define PK_ACL_UNSUPPORTED_H

#include "acl/private.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define WHY(sentence)                                                                              \
    static aclError refuse(const char *call) {                                                     \
        return _pk_private.fail(ACL_ERROR_FEATURE_UNSUPPORTED, call, "%s", sentence);              \
    }
#define CODE(function, parameters)                                                                 \
    ACL_FUNC_VISIBILITY aclError function parameters;                                              \
    aclError function parameters { return refuse(__func__); }
#define MAKE(type, function, parameters)                                                           \
    ACL_FUNC_VISIBILITY type function parameters;                                                  \
    type function parameters {                                                                     \
        refuse(__func__);                                                                          \
        return 0;                                                                                  \
    }

#endif
