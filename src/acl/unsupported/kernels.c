/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels as machine code; part of libascendcl.so. */
#include "acl/unsupported/unsupported.h"

#include "acl/acl_rt.h"

WHY("a kernel binary is machine code of Ascend cores, which this processor cannot run; convert the "
    "network with atc instead")

CODE(aclrtBinaryGetFunction, (const aclrtBinHandle binHandle, const char *kernelName,
     aclrtFuncHandle *funcHandle))
CODE(aclrtBinaryLoad, (const aclrtBinary binary, aclrtBinHandle *binHandle))
CODE(aclrtBinaryUnLoad, (aclrtBinHandle binHandle))
MAKE(aclrtBinary, aclrtCreateBinary, (const void *data, size_t dataLen))
CODE(aclrtDestroyBinary, (aclrtBinary binary))
CODE(aclrtLaunchKernel, (aclrtFuncHandle funcHandle, uint32_t blockDim, const void *argsData,
     size_t argsSize, aclrtStream stream))
