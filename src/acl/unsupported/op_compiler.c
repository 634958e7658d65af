/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling for a chip; part of libacl_op_compiler.so. */
#include "acl/unsupported/unsupported.h"

#include "acl/acl_op_compiler.h"

WHY("a dump of the operator compiler is about code for Ascend cores, which is not made here; run "
    "the operator with aclopCompileAndExecuteV2")

MAKE(aclGraphDumpOption *, aclCreateGraphDumpOpt, (void))
CODE(aclDestroyGraphDumpOpt, (const aclGraphDumpOption *graphDumpOpt))
CODE(aclGenGraphAndDumpForOp, (const char *opType, int numInputs,
     const aclTensorDesc *const inputDesc[], const aclDataBuffer *const inputs[], int numOutputs,
     const aclTensorDesc *const outputDesc[], aclDataBuffer *const outputs[],
     const aclopAttr *attr, aclopEngineType engineType, const char *graphDumpPath,
     const aclGraphDumpOption *graphDumpOpt))
