/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels as machine code; part of libascendcl.so. */
#include "acl/unsupported/unsupported.h"

#include "acl/acl_op.h"
#include "acl/acl_rt.h"

WHY("a kernel binary is machine code of Ascend cores, which this processor cannot run; convert the "
    "network with atc instead")

CODE(aclopCreateKernel, (const char *opType, const char *kernelId, const char *kernelName,
     void *binData, int binSize, aclopEngineType enginetype, aclDataDeallocator deallocator))
CODE(aclopRegisterCompileFunc, (const char *opType, aclopCompileFunc func))
CODE(aclopSetKernelArgs, (aclopKernelDesc *kernelDesc, const char *kernelId, uint32_t blockDim,
     const void *args, uint32_t argSize))
CODE(aclopSetKernelWorkspaceSizes, (aclopKernelDesc *kernelDesc, int numWorkspaces,
     size_t *workspaceSizes))
CODE(aclopUnregisterCompileFunc, (const char *opType))
CODE(aclopUpdateParams, (const char *opType, int numInputs,
     const aclTensorDesc *const inputDesc[], int numOutputs,
     const aclTensorDesc *const outputDesc[], const aclopAttr *attr))
CODE(aclrtBinaryGetFunction, (const aclrtBinHandle binHandle, const char *kernelName,
     aclrtFuncHandle *funcHandle))
CODE(aclrtBinaryLoad, (const aclrtBinary binary, aclrtBinHandle *binHandle))
CODE(aclrtBinaryUnLoad, (aclrtBinHandle binHandle))
MAKE(aclrtBinary, aclrtCreateBinary, (const void *data, size_t dataLen))
CODE(aclrtDestroyBinary, (aclrtBinary binary))
CODE(aclrtLaunchKernel, (aclrtFuncHandle funcHandle, uint32_t blockDim, const void *argsData,
     size_t argsSize, aclrtStream stream))
