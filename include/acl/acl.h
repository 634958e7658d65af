/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL: the header most programs include. It brings in acl_base.h (types, error codes, tensor
 * descriptions), acl_rt.h (devices, contexts, streams, events, memory), acl_mdl.h (models) and
 * acl_op.h (single operators), and declares what starts and ends a process's use of AscendCL.
 *
 * The walk of a program that runs one model:
 *
 *     aclInit(NULL);
 *     aclrtSetDevice(0);
 *     aclrtCreateContext(&context, 0);
 *     aclmdlLoadFromFile("net.om", &modelId);
 *     ... aclmdlCreateDesc, aclmdlGetDesc, buffers, datasets (see acl_mdl.h) ...
 *     aclmdlExecute(modelId, input, output);
 *     aclmdlUnload(modelId);
 *     aclrtDestroyContext(context);
 *     aclrtResetDevice(0);
 *     aclFinalize();
 *
 * Conventions of this implementation, valid for every call:
 *
 * - A call that returns aclError returns ACL_SUCCESS (0) or a code of acl_base.h. After a failure
 *   aclGetRecentErrMsg() says, for the calling thread, what was wrong, where, and what to do.
 * - Handles (aclrtContext, aclrtStream, aclrtEvent, aclDataBuffer, aclTensorDesc, aclmdlDesc,
 *   aclmdlDataset, ...) are values that are looked up, never addresses that are followed. A handle
 *   that was destroyed, or never came from here, gives an error and no crash.
 * - Memory addresses are checked against what the aclrtMalloc family gave out: a size that runs
 *   past the end of such a block is an error. Other addresses are trusted.
 * - Every call may be made from any thread, unless its text says otherwise.
 * - Nothing waits for ever by itself: calls that wait say for what.
 * - fork(): in a child of a process that has started AscendCL, every call that does more than tell
 *   a constant fails with ACL_ERROR_UNINITIALIZE; creators return NULL. A child of a process that
 *   has not started it, or has ended it, starts it as its own.
 */
#ifndef PRUSIK_ACL_H
#define PRUSIK_ACL_H

#include "acl_base.h"
#include "acl_mdl.h"
#include "acl_op.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the AscendCL interface these headers describe; see aclrtGetVersion. */
#define ACL_PATCH_VERSION 0
#define ACL_MAJOR_VERSION 1
#define ACL_MINOR_VERSION 7

/*
 * Starts AscendCL in this process; everything but plain data objects needs it.
 *
 * configPath  path of a JSON file, relative to the working directory, or NULL for all defaults.
 *             `{}` means defaults too. Sections: `dump` as for aclmdlSetDump, `profiler` as in
 *             acl_prof.h. Beside them: "max_opqueue_num": "N", as for aclopSetMaxOpQueueNum;
 *             "err_msg_mode": "0", aclGetRecentErrMsg tells of the calling thread's last failure
 *             (the default), or "1", of the process's; "defaultDevice": {"default_device": "N"},
 *             the device of threads without a context that call what needs one. Keys that make no
 *             difference here are accepted and, like unknown ones, named in the log. At most 10
 *             levels of { and of [.
 * Returns     ACL_ERROR_REPEAT_INITIALIZE when already started (nothing changes),
 *             ACL_ERROR_INVALID_FILE when the file cannot be read, ACL_ERROR_PARSE_FILE when it is
 *             not a JSON object, ACL_ERROR_INVALID_DUMP_CONFIG, _PROFILING_CONFIG or
 *             _MAX_OPQUEUE_NUM_CONFIG when a key has a value it cannot have,
 *             ACL_ERROR_RT_INVALID_DEVICEID for a default device there is not. After aclFinalize
 *             the process may start again.
 */
ACL_FUNC_VISIBILITY aclError aclInit(const char *configPath);

/*
 * Ends AscendCL in this process: waits for queued work, then releases everything the program left
 * behind - models, streams, contexts, descriptions, and memory of the aclrtMalloc family, which
 * must not be touched afterwards. What was left is listed in the log at warning level.
 *
 * Must not be called from a callback that AscendCL runs.
 * Returns     ACL_ERROR_UNINITIALIZE before the first aclInit, ACL_ERROR_REPEAT_FINALIZE when
 *             already ended.
 */
ACL_FUNC_VISIBILITY aclError aclFinalize(void);

/*
 * The version of the AscendCL interface implemented: ACL_MAJOR_VERSION, ACL_MINOR_VERSION,
 * ACL_PATCH_VERSION. Works before aclInit.
 */
ACL_FUNC_VISIBILITY aclError aclrtGetVersion(int32_t *majorVersion, int32_t *minorVersion,
    int32_t *patchVersion);

/*
 * The sentence that goes with the calling thread's last failed call: what was wrong, where, and
 * what to do; at its end the command that explains the code in general. Never NULL; "" when no call
 * of this thread has failed. The text stays valid until the next failure in this thread, or its
 * end.
 */
ACL_FUNC_VISIBILITY const char *aclGetRecentErrMsg(void);

#ifdef __cplusplus
}
#endif

#endif
