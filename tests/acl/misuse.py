# SPDX-License-Identifier: Apache-2.0
"""Calls functions of our libraries wrongly, in a process of its own, for test_misuse.py.

ROWS, here for libascendcl.so and in misuse_side.py for the others, has a line for each exported
function: when it may be called, and how each of its arguments can be wrong. From that and the
prototypes in include/acl each wrong call is made, one wrong argument at a time: it must return the
code of the rule, and leave a sentence that begins with the function's
name and names the argument.

usage: misuse.py FOLDER MODEL rows < ROWS_AS_JSON
       misuse.py FOLDER MODEL SCENARIO

FOLDER is where the libraries are.
"""
import ctypes
import json
import os
import pathlib
import re
import signal
import sys

from misuse_codes import (INVALID_PARAM, UNINITIALIZE, FEATURE_UNSUPPORTED, RT_CONTEXT_NULL,
    RT_INVALID_DEVICE, RT_INVALID_HANDLE, MODEL_ID_INVALID, INVALID_QUEUE_ID)
import misuse_scenarios
import misuse_side

ROOT = pathlib.Path(__file__).resolve().parents[2]


# Letter: (code for NULL, code for what is no live handle of the kind). None: allowed, or not tried.
# The public pages give no code for a bad handle; NULL and bad handles of the runtime follow its
# range of codes (107000 and on, semantic fact 63). All are our choice except where stated.
RULES = {
    "h": (INVALID_PARAM, INVALID_PARAM),
    "r": (INVALID_PARAM, RT_INVALID_HANDLE),
    "s": (None, RT_INVALID_HANDLE),  # a stream: NULL is the default one (semantic fact 10)
    "o": (None, INVALID_PARAM),      # NULL means defaults, or nothing to do
    "k": (None, INVALID_PARAM),      # settings of a stream: NULL means defaults
    "K": (INVALID_PARAM, INVALID_PARAM),
    "p": (INVALID_PARAM, None),      # a pointer that must not be NULL
    "-": (None, None),               # a number, or a pointer that may be NULL
}
# A number that stands for nothing: its value and the code.
NUMBERS = {
    "d": (4096, RT_INVALID_DEVICE),
    "q": (0x7FFFFFFF, INVALID_QUEUE_ID),
    "m": (0x7FFFFFFF, MODEL_ID_INVALID),  # by its name, ACL_ERROR_GE_EXEC_MODEL_ID_INVALID
}

# Numbers that are right for a parameter of that name; 1 is for all others.
GOOD_NUMBERS = {"attr": 2, "dimNum": 2, "dimRangeNum": 2, "dimsCount": 2, "index": 2 ** 64 - 1,
                "len": 4, "length": 64, "modelSize": 64, "size": 64, "valueSize": 8}

# What a function that returns no code returns when it fails.
EMPTY = {
    "size_t": (0,), "uint32_t": (0, 0xFFFFFFFF), "int64_t": (-1,), "aclDataType": (-1,),
    "aclFormat": (-1,), "acltdtTensorType": (-1, 0), "aclprofSubscribeOpFlag": (255,),
    "uint64_t": (0,), "uint8_t": (0,), "double": (0,), "acldvppPixelFormat": (10000,),
    "acldvppStreamFormat": (0,), "acldvppBorderType": (0,), "aclvdecCallback": (0,),
    "aclvencCallback": (0,),
}

# NAME TIME ARGUMENTS. The time: "a", any; "i", between aclInit and aclFinalize, else UNINITIALIZE;
# "c", with a context besides, else RT_CONTEXT_NULL (semantic facts 6 and 12); "u", never: the answer
# is always FEATURE_UNSUPPORTED. For each argument, a letter of RULES or NUMBERS.
ROWS = """
aclAppLog a ------
aclCreateDataBuffer a --
aclCreateTensorDesc a --p-
aclDataTypeSize a -
aclDestroyDataBuffer a h
aclDestroyTensorDesc a o
aclFinalize a
aclFloat16ToFloat a -
aclFloatToFloat16 a -
aclGetCannAttribute a -p
aclGetCannAttributeList a pp
aclGetDataBufferAddr a h
aclGetDataBufferSize a h
aclGetDataBufferSizeV2 a h
aclGetDeviceCapability i d-p
aclGetRecentErrMsg a
aclGetTensorDescAddress a h
aclGetTensorDescByIndex a h-
aclGetTensorDescDim a h-
aclGetTensorDescDimRange a h--p
aclGetTensorDescDimV2 a h-p
aclGetTensorDescElementCount a h
aclGetTensorDescFormat a h
aclGetTensorDescName a h
aclGetTensorDescNumDims a h
aclGetTensorDescSize a h
aclGetTensorDescType a h
aclInit a -
aclSetTensorConst a hp-
aclSetTensorDescName a h-
aclSetTensorDynamicInput a hp
aclSetTensorFormat a h-
aclSetTensorOriginFormat a h-
aclSetTensorOriginShape a h-p
aclSetTensorPlaceMent a h-
aclSetTensorShape a h-p
aclSetTensorShapeRange a h-p
aclSetTensorStorageFormat a h-
aclSetTensorStorageShape a h-p
aclSetTensorValueRange a h-p
aclTransTensorDescFormat a h-p
aclUpdateDataBuffer a h--
acldumpRegCallback a p-
acldumpUnregCallback a
aclmdlAddDatasetBuffer a hh
aclmdlBundleGetModelId i m-p
aclmdlBundleGetModelNum i mp
aclmdlBundleLoadFromFile c pp
aclmdlBundleLoadFromMem c p-p
aclmdlBundleUnload i m
aclmdlCreateAIPP a -
aclmdlCreateAndGetOpDesc i ---p-pppp
aclmdlCreateConfigHandle a
aclmdlCreateDataset a
aclmdlCreateDesc a
aclmdlCreateExecConfigHandle a
aclmdlDestroyAIPP a h
aclmdlDestroyConfigHandle a h
aclmdlDestroyDataset a h
aclmdlDestroyDesc a h
aclmdlDestroyExecConfigHandle a h
aclmdlExecute c mhh
aclmdlExecuteAsync c mhhs
aclmdlExecuteAsyncV2 c mhhso
aclmdlExecuteV2 c mhhso
aclmdlFinalizeDump i
aclmdlGetAippDataSize a -p
aclmdlGetAippType i m-pp
aclmdlGetCurOutputDims a h-p
aclmdlGetDatasetBuffer a h-
aclmdlGetDatasetNumBuffers a h
aclmdlGetDatasetTensorDesc a h-
aclmdlGetDesc i hm
aclmdlGetDescFromFile a hp
aclmdlGetDescFromMem a hp-
aclmdlGetDynamicBatch a hp
aclmdlGetDynamicHW a h-p
aclmdlGetFirstAippInfo i m-p
aclmdlGetInputDataType a h-
aclmdlGetInputDims a h-p
aclmdlGetInputDimsRange a h-p
aclmdlGetInputDimsV2 a h-p
aclmdlGetInputDynamicDims a h-p-
aclmdlGetInputDynamicGearCount a h-p
aclmdlGetInputFormat a h-
aclmdlGetInputIndexByName a hpp
aclmdlGetInputNameByIndex a h-
aclmdlGetInputSizeByIndex a h-
aclmdlGetNumInputs a h
aclmdlGetNumOutputs a h
aclmdlGetOpAttr a hpp
aclmdlGetOutputDataType a h-
aclmdlGetOutputDims a h-p
aclmdlGetOutputFormat a h-
aclmdlGetOutputIndexByName a hpp
aclmdlGetOutputNameByIndex a h-
aclmdlGetOutputSizeByIndex a h-
aclmdlGetTensorRealName a hp
aclmdlInitDump i
aclmdlLoadFromFile c pp
aclmdlLoadFromFileWithMem c pp----
aclmdlLoadFromFileWithQ c pp----
aclmdlLoadFromMem c p-p
aclmdlLoadFromMemWithMem c p-p----
aclmdlLoadFromMemWithQ c p-p----
aclmdlLoadWithConfig i hp
aclmdlQueryExeOMDesc a pp
aclmdlQuerySize a ppp
aclmdlQuerySizeFromMem a p-pp
aclmdlSetAIPPAxSwapSwitch a h-
aclmdlSetAIPPByInputIndex i mh-h
aclmdlSetAIPPCropParams a h------
aclmdlSetAIPPCscParams a h----------------
aclmdlSetAIPPDtcPixelMean a h-----
aclmdlSetAIPPDtcPixelMin a h-----
aclmdlSetAIPPInputFormat a h-
aclmdlSetAIPPPaddingParams a h------
aclmdlSetAIPPPixelVarReci a h-----
aclmdlSetAIPPRbuvSwapSwitch a h-
aclmdlSetAIPPScfParams a h------
aclmdlSetAIPPSrcImageSize a h--
aclmdlSetConfigOpt a h-p-
aclmdlSetDatasetTensorDesc a hh-
aclmdlSetDump i p
aclmdlSetDynamicBatchSize i mh--
aclmdlSetDynamicHWSize i mh---
aclmdlSetExecConfigOpt a h-p-
aclmdlSetInputAIPP i mh-h
aclmdlSetInputDynamicDims i mh-p
aclmdlUnload i m
aclopCast c -----s
aclopCreateAttr a
aclopCreateHandle c p-----p
aclopCreateHandleForCast c ---p
aclopCreateKernel u -------
aclopDestroyAttr a o
aclopDestroyHandle a o
aclopExecWithHandle c h-----
aclopExecute c p--------
aclopExecuteV2 c p--------
aclopInferShape i p------
aclopLoad i p-
aclopRegisterCompileFunc u --
aclopSetAttrBool a hp-
aclopSetAttrDataType a hp-
aclopSetAttrFloat a hp-
aclopSetAttrInt a hp-
aclopSetAttrListBool a hp-p
aclopSetAttrListDataType a hp-p
aclopSetAttrListFloat a hp-p
aclopSetAttrListInt a hp-p
aclopSetAttrListListInt a hp-pp
aclopSetAttrListString a hp-p
aclopSetAttrString a hpp
aclopSetKernelArgs u -----
aclopSetKernelWorkspaceSizes u ---
aclopSetMaxOpQueueNum i -
aclopSetModelDir i p
aclopStartDumpArgs i -p
aclopStopDumpArgs i -
aclopUnregisterCompileFunc u -
aclopUpdateParams u ------
aclrtAllocatorCreateDesc a
aclrtAllocatorDestroyDesc a h
aclrtAllocatorRegister c sh
aclrtAllocatorSetAllocAdviseFuncToDesc a hp
aclrtAllocatorSetAllocFuncToDesc a hp
aclrtAllocatorSetFreeFuncToDesc a hp
aclrtAllocatorSetGetAddrFromBlockFuncToDesc a hp
aclrtAllocatorSetObjToDesc a hp
aclrtAllocatorUnregister c s
aclrtBinaryGetFunction u ---
aclrtBinaryLoad u --
aclrtBinaryUnLoad u -
aclrtCreateBinary u --
aclrtCreateContext i pd
aclrtCreateEvent c p
aclrtCreateEventExWithFlag c p-
aclrtCreateEventWithFlag c p-
aclrtCreateGroupInfo a
aclrtCreateStream c p
aclrtCreateStreamConfigHandle i
aclrtCreateStreamV2 c pk
aclrtCreateStreamWithConfig c p--
aclrtCtxGetSysParamOpt c -p
aclrtCtxSetSysParamOpt c --
aclrtDestroyBinary u -
aclrtDestroyContext i r
aclrtDestroyEvent i r
aclrtDestroyGroupInfo a h
aclrtDestroyStream i s
aclrtDestroyStreamConfigHandle i p
aclrtDestroyStreamForce i s
aclrtDeviceCanAccessPeer i pd-
aclrtDeviceDisablePeerAccess c -
aclrtDeviceEnablePeerAccess c --
aclrtDeviceGetBareTgid a p
aclrtDeviceTaskAbort i d-
aclrtEventElapsedTime i prr
aclrtFree i p
aclrtFreeHost i p
aclrtFreePhysical i h
aclrtGetAllGroupInfo c h
aclrtGetCurrentContext c p
aclrtGetDevice c p
aclrtGetDeviceCount i p
aclrtGetDeviceIdFromExceptionInfo i h
aclrtGetDeviceSatMode c p
aclrtGetDeviceUtilizationRate c dp
aclrtGetErrorCodeFromExceptionInfo i h
aclrtGetGroupCount c p
aclrtGetGroupInfoDetail a h--p-p
aclrtGetMemInfo c -pp
aclrtGetMemUceInfo i dp-p
aclrtGetOverflowStatus c p-s
aclrtGetRunMode a p
aclrtGetSocName a
aclrtGetStreamIdFromExceptionInfo i h
aclrtGetStreamOverflowSwitch c sp
aclrtGetTaskIdFromExceptionInfo i h
aclrtGetThreadIdFromExceptionInfo i h
aclrtGetVersion a ppp
aclrtLaunchCallback c p--s
aclrtLaunchKernel u -----
aclrtMalloc c p--
aclrtMallocAlign32 c p--
aclrtMallocCached c p--
aclrtMallocHost i p-
aclrtMallocPhysical c p-p-
aclrtMapMem i p--h-
aclrtMemExportToShareableHandle i h--p
aclrtMemFlush c p-
aclrtMemGetAllocationGranularity c p-p
aclrtMemImportFromShareableHandle i -dp
aclrtMemInvalidate c p-
aclrtMemSetPidToShareableHandle i -p-
aclrtMemUceRepair i dp-
aclrtMemcpy c p-p--
aclrtMemcpy2d c p-p----
aclrtMemcpy2dAsync c p-p----s
aclrtMemcpyAsync c p-p--s
aclrtMemset c p---
aclrtMemsetAsync c p---s
aclrtProcessHostFunc i -
aclrtProcessReport i -
aclrtQueryDeviceStatus i dp
aclrtQueryEvent i rp
aclrtQueryEventStatus i rp
aclrtQueryEventWaitStatus i rp
aclrtRecordEvent i rs
aclrtReleaseMemAddress i p
aclrtReserveMemAddress c p----
aclrtResetDevice i d
aclrtResetDeviceForce i d
aclrtResetEvent i rs
aclrtResetOverflowStatus c s
aclrtSetCurrentContext i r
aclrtSetDevice i d
aclrtSetDeviceSatMode c -
aclrtSetExceptionInfoCallback i -
aclrtSetGroup c -
aclrtSetOpExecuteTimeOut c -
aclrtSetOpWaitTimeout c -
aclrtSetStreamConfigOpt i K-p-
aclrtSetStreamFailureMode c s-
aclrtSetStreamOverflowSwitch c s-
aclrtSetTsDevice i -
aclrtStreamQuery c sp
aclrtStreamWaitEvent i sr
aclrtSubscribeHostFunc c -s
aclrtSubscribeReport c -s
aclrtSynchronizeDevice c
aclrtSynchronizeEvent i r
aclrtSynchronizeEventWithTimeout i r-
aclrtSynchronizeStream c s
aclrtSynchronizeStreamWithTimeout c s-
aclrtUnSubscribeHostFunc c -s
aclrtUnSubscribeReport c -s
aclrtUnmapMem i p
acltdtAddDataItem a hh
acltdtAddQueueRoute a hh
acltdtAllocBuf i --p
acltdtAppendBufChain a hh
acltdtAttachQueue i q-p
acltdtBindQueueRoutes i h
acltdtCleanChannel i h
acltdtCopyBufRef a hp
acltdtCreateChannel i dp
acltdtCreateChannelWithCapacity i dp-
acltdtCreateDataItem a -p--p-
acltdtCreateDataset a
acltdtCreateQueue i hp
acltdtCreateQueueAttr a
acltdtCreateQueueRoute a --
acltdtCreateQueueRouteList a
acltdtCreateQueueRouteQueryInfo a
acltdtDequeue i qp-
acltdtDequeueData i -p-pp--
acltdtDestroyChannel i h
acltdtDestroyDataItem a h
acltdtDestroyDataset a h
acltdtDestroyQueue i q
acltdtDestroyQueueAttr a h
acltdtDestroyQueueRoute a h
acltdtDestroyQueueRouteList a h
acltdtDestroyQueueRouteQueryInfo a h
acltdtEnqueue i q--
acltdtEnqueueData i -p-p---
acltdtFreeBuf a h
acltdtGetBufChainNum a hp
acltdtGetBufData a hpp
acltdtGetBufDataLen a hp
acltdtGetBufFromChain a h-p
acltdtGetBufUserData a hp--
acltdtGetDataAddrFromItem a h
acltdtGetDataItem a h-
acltdtGetDataSizeFromItem a h
acltdtGetDataTypeFromItem a h
acltdtGetDatasetName a h
acltdtGetDatasetSize a h
acltdtGetDimNumFromItem a h
acltdtGetDimsFromItem a hp-
acltdtGetQueueAttr a h--pp
acltdtGetQueueRoute a h-h
acltdtGetQueueRouteNum a h
acltdtGetQueueRouteParam a h--pp
acltdtGetSliceInfoFromItem a hpp
acltdtGetTensorTypeFromItem a h
acltdtGrantQueue i q---
acltdtQueryChannelSize i hp
acltdtQueryQueueRoutes i hh
acltdtReceiveTensor i hh-
acltdtSendTensor i hh-
acltdtSetBufDataLen a h-
acltdtSetBufUserData a hp--
acltdtSetQueueAttr a h--p
acltdtSetQueueRouteQueryInfo a h--p
acltdtStopChannel i h
acltdtUnbindQueueRoutes i h
"""


# ---- prototypes ----

def split(parameters):
    """At the commas that are in no parentheses."""
    parts, depth = [""], 0
    for c in parameters:
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [re.sub(r"\s+", " ", p).strip() for p in parts if p.strip() not in ("", "void")]


class Headers:
    """The prototypes: name -> (return type, [(type, name)]), and which types are handles."""

    def __init__(self):
        text = "".join(p.read_text() for p in sorted((ROOT / "include" / "acl").rglob("*.h")))
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        self.pointed_at = {m[1] for m in re.findall(r"typedef struct (\w+) (\w+);", text)}
        self.by_value = set(re.findall(r"typedef void \*(\w+);", text))
        self.functions = {}
        for returns, name, rest in re.findall(
                r"ACL_FUNC_VISIBILITY ([\w\s*]+?)\b(\w+)\(((?:[^;])*)\);", text):
            self.functions[name] = (returns.strip(), [self.parameter(p) for p in split(rest)])
        self.pointed_at.add("aclprofStamp")  # a void * in the header

    @staticmethod
    def parameter(text):
        pointer = re.match(r".*\(\*(?:const )?(\w+)\)", text)
        if pointer:
            return "callback *", pointer.group(1)
        if text == "...":
            return "...", "..."
        kind, name, array = re.match(r"(.*?)(\w+)((?:\[\w*\])*)$", text).groups()
        if name == "stamp":
            return "aclprofStamp *", name
        return kind.replace("const ", "").strip() + (" *" if array else ""), name

    def handle(self, kind):
        """The type of handle an argument is, or None."""
        bare = kind.removesuffix("*").strip()
        is_one = bare in (self.pointed_at if kind.count("*") == 1 else self.by_value)
        return bare if is_one and kind.count("*") < 2 else None

    def suggest(self, name):
        """The row a function would have by its types alone."""
        letters = ""
        for kind, parameter in self.functions[name][1]:
            handle = self.handle(kind)
            if handle:
                of_runtime = {"aclrtStream": "s", "aclrtEvent": "r", "aclrtContext": "r"}
                letters += of_runtime.get(handle, "h")
            elif "*" in kind:
                letters += "p"
            elif parameter in ("modelId",):
                letters += "m"
            elif parameter in ("deviceId",):
                letters += "d"
            else:
                letters += "-"
        return f"{name} i {letters}".strip()


HEADERS = Headers()


def libraries():
    """Library -> its exports; libascendcl.so is first, as the others need it."""
    texts = {p.stem.removeprefix("exports_"): p.read_text().split()
             for p in (ROOT / "src" / "acl").glob("exports_*.txt")}
    return {f"lib{name}.so": [n for n in texts[name] if not n.startswith("_")]
            for name in sorted(texts, key=lambda name: (name != "ascendcl", name))}


UNPUBLISHED = "libacl_dvpp_mpi.so"


def exported():
    return [n for library, names in libraries().items() if library != UNPUBLISHED for n in names]


def table():
    rows = {}
    for line in filter(None, (ROWS + misuse_side.ROWS).splitlines()):
        name, when, *letters = line.split()
        rows[name] = (when, "".join(letters))
    return rows


# ---- a process that calls wrongly ----

class Caller:
    """Live and dead handles of every kind, and one call at a time."""

    # Type: how one is made (a function that returns it, or that writes it to its first or last
    # argument, and the other arguments), and how it goes.
    MAKERS = {
        "aclDataBuffer": ("returned", "aclCreateDataBuffer", ("scratch", 4096),
                          "aclDestroyDataBuffer"),
        "aclTensorDesc": ("returned", "aclCreateTensorDesc", (0, 2, "dims", 2),
                          "aclDestroyTensorDesc"),
        "aclmdlAIPP": ("returned", "aclmdlCreateAIPP", (2,), "aclmdlDestroyAIPP"),
        "aclmdlConfigHandle": ("returned", "aclmdlCreateConfigHandle", (),
                               "aclmdlDestroyConfigHandle"),
        "aclmdlDataset": ("returned", "aclmdlCreateDataset", (), "aclmdlDestroyDataset"),
        "aclmdlDesc": ("returned", "aclmdlCreateDesc", (), "aclmdlDestroyDesc"),
        "aclmdlExecConfigHandle": ("returned", "aclmdlCreateExecConfigHandle", (),
                                   "aclmdlDestroyExecConfigHandle"),
        "aclGraphDumpOption": ("returned", "aclCreateGraphDumpOpt", (), "aclDestroyGraphDumpOpt"),
        "aclopAttr": ("returned", "aclopCreateAttr", (), "aclopDestroyAttr"),
        "aclopHandle": ("written last", "aclopCreateHandleForCast",
                        ("aclTensorDesc", "aclTensorDesc", 0), "aclopDestroyHandle"),
        "acltdtBuf": ("written last", "acltdtAllocBuf", (64, 0), "acltdtFreeBuf"),
        "acltdtQueueAttr": ("returned", "acltdtCreateQueueAttr", (), "acltdtDestroyQueueAttr"),
        "acltdtQueueRoute": ("returned", "acltdtCreateQueueRoute", (1, 2),
                             "acltdtDestroyQueueRoute"),
        "acltdtQueueRouteList": ("returned", "acltdtCreateQueueRouteList", (),
                                 "acltdtDestroyQueueRouteList"),
        "acltdtQueueRouteQueryInfo": ("returned", "acltdtCreateQueueRouteQueryInfo", (),
                                      "acltdtDestroyQueueRouteQueryInfo"),
        "aclrtAllocatorDesc": ("returned", "aclrtAllocatorCreateDesc", (),
                               "aclrtAllocatorDestroyDesc"),
        "aclrtContext": ("written", "aclrtCreateContext", (0,), "aclrtDestroyContext"),
        "aclrtDrvMemHandle": ("written", "aclrtMallocPhysical", (1 << 16, "prop", 0),
                              "aclrtFreePhysical"),
        "aclrtGroupInfo": ("returned", "aclrtCreateGroupInfo", (), "aclrtDestroyGroupInfo"),
        "aclrtEvent": ("written", "aclrtCreateEvent", (), "aclrtDestroyEvent"),
        "aclrtStream": ("written", "aclrtCreateStream", (), "aclrtDestroyStream"),
        "acltdtChannelHandle": ("returned", "acltdtCreateChannel", (0, "text"),
                                "acltdtDestroyChannel"),
        "acltdtDataItem": ("returned", "acltdtCreateDataItem", (1, "dims", 2, 0, "scratch", 0),
                           "acltdtDestroyDataItem"),
        "acltdtDataset": ("returned", "acltdtCreateDataset", (), "acltdtDestroyDataset"),
        **misuse_side.MAKERS,
    }
    # Made by no function: the only live ones are inside a callback, or are the program's own, or
    # (aclprofAicoreEvents) none is ever taken.
    INSIDE_CALLBACKS = {"aclrtAllocator", "aclrtExceptionInfo", "aclprofAicoreEvents"}

    def __init__(self, folder, model):
        self.model = ctypes.create_string_buffer(model.encode())
        self.id = 0
        self.where = {}
        for name, exports in libraries().items():
            library = ctypes.CDLL(str(pathlib.Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
            self.where.update(dict.fromkeys(exports, library))
        self.library = self.where["aclInit"]
        self.library.aclGetRecentErrMsg.restype = ctypes.c_char_p
        self.scratch = ctypes.create_string_buffer(1 << 20)
        self.dims = (ctypes.c_int64 * 2)(1, 1)
        # An aclrtPhysicalMemProp of zeros, a list of device 0, an operator of a profile's pipe.
        self.prop = ctypes.create_string_buffer(4096)
        self.text = ctypes.create_string_buffer(b"a name")
        self.folder = ctypes.create_string_buffer(b"/tmp")
        self.callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)

    def load(self):
        place = ctypes.c_uint32()
        assert self.call("aclmdlLoadFromFile", self.model, ctypes.byref(place)) == 0
        self.id = place.value

    def call(self, name, *arguments):
        function = getattr(self.where[name], name)
        kind = HEADERS.functions[name][0]
        function.restype = self.result_type(kind)
        return function(*arguments)

    @staticmethod
    def returns(name):
        return HEADERS.functions[name][0]

    @staticmethod
    def result_type(kind):
        if kind == "void":
            return None
        if "*" in kind or kind in HEADERS.by_value:
            return ctypes.c_char_p if "char" in kind else ctypes.c_void_p
        return {"size_t": ctypes.c_size_t, "uint32_t": ctypes.c_uint32, "float": ctypes.c_float,
                "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64,
                "uint8_t": ctypes.c_uint8, "double": ctypes.c_double}.get(kind, ctypes.c_int)

    def plain(self, value):
        if callable(value):
            return value(self)
        if value == "bytes of an operator":
            size = ctypes.c_size_t()
            self.call("aclprofGetOpDescSize", ctypes.byref(size))
            return size
        memory = {"scratch": self.scratch, "text": self.text, "dims": self.dims,
                  "prop": self.prop, "folder": self.folder}.get(value)
        return value if memory is None else ctypes.cast(memory, ctypes.c_void_p)

    def make(self, kind):
        how, name, arguments, _ = self.MAKERS[kind]
        arguments = [self.make(a) if a in self.MAKERS else self.plain(a) for a in arguments]
        if how == "returned":
            handle = self.call(name, *arguments)
        else:
            place = ctypes.c_void_p()
            place_at = len(arguments) if how == "written last" else 0
            arguments.insert(place_at, ctypes.byref(place))
            self.call(name, *arguments)
            handle = place.value
        if kind in misuse_side.SETUP:
            misuse_side.SETUP[kind](self, ctypes.c_void_p(handle))
        if kind == "aclmdlDesc":
            self.call("aclmdlGetDescFromFile", ctypes.c_void_p(handle), self.model)
        if kind == "aclmdlDataset":  # the model has one input and one output
            buffer = self.make("aclDataBuffer")
            self.call("aclmdlAddDatasetBuffer", ctypes.c_void_p(handle), buffer)
        return ctypes.c_void_p(handle)

    def dead(self, kind):
        handle = self.make(kind)
        self.call(self.MAKERS[kind][3], handle)
        return handle

    def good(self, name, kind, parameter, letter):
        """An argument nothing is wrong with, so that another can be."""
        for key in (f"{name}.{parameter}", parameter):
            if key in misuse_side.GOOD:
                return self.plain(misuse_side.GOOD[key])
        handle = HEADERS.handle(kind)
        if handle:
            return self.make(handle) if handle in self.MAKERS else ctypes.c_void_p()
        if letter in "kK":
            return ctypes.c_void_p(self.call("aclrtCreateStreamConfigHandle"))
        if kind in ("callback *", "aclrtCallback", "aclrtExceptionInfoCallback"):
            return self.callback
        if kind == "char *":
            return self.plain("text")
        if "*" in kind:
            # A number that most values may be, or a pointer that is NULL.
            ctypes.memmove(self.scratch, bytes([8 * (kind.count("*") == 1)]) + bytes(7), 8)
            return self.plain("scratch")
        if kind == "float":
            return ctypes.c_float(1)
        if letter == "m":
            return self.id
        if letter in "dq":
            return 0
        if kind == "int32_t":
            return 16 if parameter.startswith("scfOutputSize") else 1
        return ctypes.c_size_t(GOOD_NUMBERS.get(parameter, 1))

    def wrong(self, kind, letter):
        """(what, value, code) of each way an argument can be wrong."""
        if letter in NUMBERS:
            value, code = NUMBERS[letter]
            yield f"{value}", value, code
            return
        for_null, for_bad = RULES[letter]
        if for_null is not None:
            yield "NULL", ctypes.c_void_p(), for_null
        if for_bad is None:
            return
        yield "an address of the program", self.plain("scratch"), for_bad
        yield "no address", ctypes.c_void_p(0x1234), for_bad
        if letter in "kK":
            return
        handle = HEADERS.handle(kind)
        other = "aclmdlDesc" if handle != "aclmdlDesc" else "aclmdlDataset"
        yield f"a live {other}", self.make(other), for_bad
        if handle in self.MAKERS:
            yield "a destroyed one", self.dead(handle), for_bad

    def check(self, name, what, parameter, result, code):
        kind = HEADERS.functions[name][0]
        said = (self.library.aclGetRecentErrMsg() or b"").decode()
        where = f"{name}, {parameter} {what}"
        if kind == "aclError":
            if result != code:
                return f"{where}: {result} instead of {code} ({said})"
        elif kind != "void":
            empty = EMPTY.get(kind, (None, b""))  # all others are pointers
            if result not in empty:
                return f"{where}: {result} instead of one of {empty} ({said})"
        if not said.startswith(name + ": "):
            return f"{where}: its sentence is another's: {said}"
        if parameter and parameter not in said and what not in said:
            return f"{where}: the sentence does not name it: {said}"
        return None

    def misuse(self, name, letters):
        parameters = HEADERS.functions[name][1]
        for i, (kind, parameter) in enumerate(parameters):
            for what, value, code in self.wrong(kind, letters[i]):
                arguments = [self.good(name, k, p, letters[n]) if n != i else value
                             for n, (k, p) in enumerate(parameters)]
                self.call("aclmdlGetDatasetNumBuffers", None)  # leaves a sentence of its own
                report(begin=f"{name}, {parameter} {what}")
                result = self.call(name, *arguments)
                report(found=self.check(name, what, parameter, result, code))

    def without(self, name, letters, code, state):
        """Nothing is wrong with the arguments; the time is."""
        parameters = HEADERS.functions[name][1]
        arguments = [self.good(name, k, p, letters[n]) for n, (k, p) in enumerate(parameters)]
        self.call("aclmdlGetDatasetNumBuffers", None)
        report(begin=f"{name}, {state}")
        result = self.call(name, *arguments)
        report(found=self.check(name, state, "", result, code))


def report(**what):
    print(json.dumps(what), flush=True)


def run_rows(caller, rows):
    """A line of JSON before and after each call."""
    for name, (when, letters) in rows.items():
        report(row=name)
        signal.alarm(20)
        if when == "u":
            caller.without(name, letters, FEATURE_UNSUPPORTED, "with anything")
        if when in "ic":
            caller.without(name, letters, UNINITIALIZE, "before aclInit")
        if when == "c":
            caller.call("aclInit", None)
            caller.without(name, letters, RT_CONTEXT_NULL, "without a context")
            caller.call("aclFinalize")
        if any(letter != "-" for letter in letters):
            caller.call("aclInit", None)
            caller.call("aclrtSetDevice", 0)
            caller.load()
            caller.misuse(name, letters)
            caller.call("aclrtResetDeviceForce", 0)
            caller.call("aclFinalize")
        if when in "ic":
            caller.without(name, letters, UNINITIALIZE, "after aclFinalize")
    report(done=True)


def run_unpublished(caller):
    """Calls whose types are not published: they read no argument and say why."""
    for name in libraries()[UNPUBLISHED]:
        caller.call("aclmdlGetDatasetNumBuffers", None)
        result = getattr(caller.where[name], name)()
        said = caller.library.aclGetRecentErrMsg().decode()
        is_size = name.startswith("hi_vdec_get")  # these return bytes
        if result != (0 if is_size else FEATURE_UNSUPPORTED) or not said.startswith(name + ": "):
            report(found=f"{name}: {result} ({said})")


def main(folder, model, what):
    if what == "device_of_another":
        os.environ["PRUSIK_DEVICES"] = "0;0"
    caller = Caller(folder, model)
    signal.alarm(20)
    if what == "rows":
        run_rows(caller, json.load(sys.stdin))
    elif what == "unpublished":
        run_unpublished(caller)
    else:
        misuse_scenarios.SCENARIOS[what](caller)


if __name__ == "__main__":
    main(*sys.argv[1:])
