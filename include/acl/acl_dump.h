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

/* A part of a file, and where it belongs. Memory of the library; gone when the callback returns. */
typedef struct acldumpChunk {
    char fileName[4096];  /* the path the file would have had */
    uint32_t bufLen;      /* bytes of dataBuf; at most 1 MiB */
    uint32_t isLastChunk; /* 1: the file ends with this chunk */
    int64_t offset;       /* of dataBuf in the file; chunks of a file come in order */
    int32_t flag;         /* as given to acldumpRegCallback */
    __extension__ uint8_t dataBuf[0];
} acldumpChunk;

/*
 * From now on what is dumped (see aclmdlSetDump) goes to messageCallback in chunks, and no file is
 * written. The second argument of the callback is the size of the chunk with its data. It is called
 * in the thread that runs the model, from several at once when models run in several; what it
 * returns other than 0 ends the dump of that run, which is said in the log. It may call
 * acldumpUnregCallback. A second callback replaces the first.
 *
 * May be called before aclInit; aclFinalize forgets the callback.
 * Returns     ACL_ERROR_INVALID_PARAM when messageCallback is NULL.
 */
ACL_FUNC_VISIBILITY aclError acldumpRegCallback(
    int32_t (*const messageCallback)(const acldumpChunk *, int32_t), int32_t flag);

/* From the next run on, dumps are files again. A run under way in another thread may still call. */
ACL_FUNC_VISIBILITY void acldumpUnregCallback(void);

#ifdef __cplusplus
}
#endif

#endif
