/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL dump: a callback that receives what operators took and gave. See acl.h for the
 * conventions of every call.
 */
#ifndef PRUSIK_ACL_DUMP_H
#define PRUSIK_ACL_DUMP_H

#include "acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACL_DUMP_MAX_FILE_PATH_LENGTH 4096

typedef struct acldumpChunk {
    char fileName[4096];
    uint32_t bufLen;
    uint32_t isLastChunk;
    int64_t offset;
    int32_t flag;
    __extension__ uint8_t dataBuf[0];
} acldumpChunk;

/* ---- declared for compilation; not in this library yet, so linking against them fails ---- */
ACL_FUNC_VISIBILITY aclError acldumpRegCallback(
    int32_t (*const messageCallback)(const acldumpChunk *, int32_t), int32_t flag);
ACL_FUNC_VISIBILITY void acldumpUnregCallback(void);

#ifdef __cplusplus
}
#endif

#endif
