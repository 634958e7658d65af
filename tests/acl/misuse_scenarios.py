# SPDX-License-Identifier: Apache-2.0
"""Calls whose arguments are right and that are wrong by what came before; see misuse.py. Each runs
in a process of its own."""
import ctypes

from misuse_codes import (INVALID_PARAM, UNINITIALIZE, RT_CONTEXT_NULL, RT_INVALID_HANDLE,
    MODEL_ID_INVALID, PROF_NOT_RUN, PROF_ALREADY_RUN)


# ---- wrong in what came before ----

def must_fail(caller, code, part, name, *arguments):
    result = caller.call(name, *arguments)
    said = caller.library.aclGetRecentErrMsg().decode()
    assert result == code and said.startswith(name + ": ") and part in said, (name, result, said)


def must(caller, name, *arguments):
    result = caller.call(name, *arguments)
    assert result == 0, (name, result, caller.library.aclGetRecentErrMsg())


def begin(caller):
    must(caller, "aclInit", None)
    must(caller, "aclrtSetDevice", 0)


def too_small(caller):
    begin(caller)
    block, place = ctypes.c_void_p(), ctypes.c_uint32()
    must(caller, "aclrtMalloc", ctypes.byref(block), ctypes.c_size_t(64), 0)
    size, scratch = ctypes.c_size_t, caller.plain("scratch")
    must_fail(caller, INVALID_PARAM, "65", "aclrtMemcpy", block, size(64), scratch, size(65), 1)
    must_fail(caller, INVALID_PARAM, "dst", "aclrtMemcpy", block, size(512), scratch, size(512), 1)
    must_fail(caller, INVALID_PARAM, "devPtr", "aclrtMemset", block, size(512), 0, size(512))
    must_fail(caller, INVALID_PARAM, "model", "aclmdlLoadFromMem", block, size(512),
              ctypes.byref(place))
    caller.load()
    sets = []
    for _ in range(2):
        buffer = ctypes.c_void_p(caller.call("aclCreateDataBuffer", block, size(64)))
        sets.append(ctypes.c_void_p(caller.call("aclmdlCreateDataset")))
        must(caller, "aclmdlAddDatasetBuffer", sets[-1], buffer)
    must_fail(caller, 145000, "needs 768 bytes", "aclmdlExecute", caller.id, *sets)


def context_of_another_time(caller):
    begin(caller)
    context, block = ctypes.c_void_p(), ctypes.c_void_p()
    must(caller, "aclrtCreateContext", ctypes.byref(context), 0)
    must(caller, "aclrtDestroyContext", context)
    must_fail(caller, RT_CONTEXT_NULL, "no context", "aclrtMalloc", ctypes.byref(block),
              ctypes.c_size_t(64), 0)
    must_fail(caller, RT_INVALID_HANDLE, "destroyed", "aclrtSetCurrentContext", context)
    must(caller, "aclrtSetDevice", 0)
    must(caller, "aclrtMalloc", ctypes.byref(block), ctypes.c_size_t(64), 0)


def unloaded_while_running(caller):
    begin(caller)
    caller.load()
    stream = caller.make("aclrtStream")
    gate = caller.make("aclrtEvent")
    sets = [caller.make("aclmdlDataset") for _ in range(2)]
    must(caller, "aclrtStreamWaitEvent", stream, gate)
    for _ in range(8):
        must(caller, "aclmdlExecuteAsync", caller.id, *sets, stream)
    must(caller, "aclmdlUnload", caller.id)
    must_fail(caller, MODEL_ID_INVALID, str(caller.id), "aclmdlExecuteAsync", caller.id, *sets,
              stream)
    for dataset in sets:  # queued runs do not need them any more either
        must(caller, "aclmdlDestroyDataset", dataset)
    must(caller, "aclrtRecordEvent", gate, ctypes.c_void_p())
    must(caller, "aclrtSynchronizeStream", stream)


def ended_with_things_alive(caller):
    for _ in range(3):
        begin(caller)
        caller.load()
        block = ctypes.c_void_p()
        must(caller, "aclrtMalloc", ctypes.byref(block), ctypes.c_size_t(64), 0)
        handles = {kind: caller.make(kind) for kind in caller.MAKERS}
        must(caller, "aclmdlExecuteAsync", caller.id, caller.make("aclmdlDataset"),
             caller.make("aclmdlDataset"), handles["aclrtStream"])
        must(caller, "aclFinalize")
        must_fail(caller, 100037, "ended", "aclFinalize")
        must_fail(caller, UNINITIALIZE, "aclInit", "aclrtFree", block)
        must_fail(caller, UNINITIALIZE, "aclInit", "aclmdlUnload", caller.id)
        for kind, handle in handles.items():
            result = caller.call(caller.MAKERS[kind][3], handle)
            said = caller.library.aclGetRecentErrMsg().decode()
            if caller.returns(caller.MAKERS[kind][3]) != "void":
                assert result in (INVALID_PARAM, UNINITIALIZE), (kind, result)
            assert said.startswith(caller.MAKERS[kind][3]), said


def device_of_another(caller):
    """The pages want load, execute and unload of a model in one context (hiascend.com,
    aclcppdevg_03_0298) and state no code for less."""
    must(caller, "aclInit", None)
    must(caller, "aclrtSetDevice", 0)
    caller.load()
    must(caller, "aclrtSetDevice", 1)
    sets = [caller.make("aclmdlDataset") for _ in range(2)]
    must_fail(caller, MODEL_ID_INVALID, "device 0", "aclmdlExecute", caller.id, *sets)
    must_fail(caller, MODEL_ID_INVALID, "device 0", "aclmdlExecuteAsync", caller.id, *sets,
              caller.make("aclrtStream"))
    must(caller, "aclrtSetDevice", 0)
    must(caller, "aclmdlExecute", caller.id, *sets)


def buffers_for_a_queue(caller):
    """acltdtEnqueue's buffer: a queue must be there before it is looked at."""
    begin(caller)
    queue, out = ctypes.c_uint32(), ctypes.c_void_p()
    must(caller, "acltdtCreateQueue", caller.make("acltdtQueueAttr"), ctypes.byref(queue))
    alive = caller.make("acltdtBuf")
    for wrong in (ctypes.c_void_p(), caller.plain("scratch"), ctypes.c_void_p(0x1234),
                  caller.make("aclmdlDesc"), caller.dead("acltdtBuf")):
        must_fail(caller, INVALID_PARAM, "buf", "acltdtEnqueue", queue, wrong, 0)
    must(caller, "acltdtEnqueue", queue, alive, 0)
    must_fail(caller, INVALID_PARAM, "buf", "acltdtEnqueue", queue, alive, 0)  # the queue's now
    must(caller, "acltdtDequeue", queue, ctypes.byref(out), 0)
    must(caller, "acltdtFreeBuf", out)
    must_fail(caller, INVALID_PARAM, "buf", "acltdtFreeBuf", out)


def too_small_for_products(caller):
    """Matrices that run past the end of their block, and strides shorter than a row."""
    begin(caller)
    blocks = [ctypes.c_void_p() for _ in range(3)]
    for block in blocks:
        must(caller, "aclrtMalloc", ctypes.byref(block), ctypes.c_size_t(64), 0)
    a, b, c = blocks
    one = caller.plain("scratch")

    def product(m, n, k, strides=(-1, -1, -1)):
        return ("aclblasHgemm", 0, 0, 0, m, n, k, one, a, strides[0], b, strides[1], one, c,
                strides[2], 0, None)
    must(caller, *product(4, 4, 4))
    must_fail(caller, INVALID_PARAM, "A", *product(16, 4, 4))
    must_fail(caller, INVALID_PARAM, "B", *product(4, 16, 4))
    must_fail(caller, INVALID_PARAM, "lda", *product(4, 4, 4, (3, -1, -1)))
    must_fail(caller, INVALID_PARAM, "sizes", *product(0, 4, 4))
    must_fail(caller, INVALID_PARAM, "sizes", *product(4, 4, -4))
    must(caller, "aclrtSynchronizeDevice")


def memory_of_another_kind(caller):
    """Host and device memory go back by the call of their kind, once; aclrtFree and acldvppFree
    take each other's."""
    begin(caller)
    kinds = (("acldvppMalloc", (), "acldvppFree", "aclrtFreeHost"),
             ("aclrtMalloc", (0,), "aclrtFree", "aclrtFreeHost"),
             ("aclrtMallocHost", (), "aclrtFreeHost", "aclrtFree"),
             ("aclrtMallocHost", (), "aclrtFreeHost", "acldvppFree"))
    for make, more, free, other in kinds:
        block = ctypes.c_void_p()
        must(caller, make, ctypes.byref(block), ctypes.c_size_t(64), *more)
        must_fail(caller, INVALID_PARAM, free, other, block)
        must(caller, free, block)
        must_fail(caller, INVALID_PARAM, "", free, block)


def profile_out_of_order(caller):
    """Sessions, configurations and ranges of libmsprofiler.so, each a step too early or too late,
    and all of them left alive at the end."""
    begin(caller)
    path, size = caller.plain("folder"), ctypes.c_size_t
    config, stamp = caller.make("aclprofConfig"), caller.make("aclprofStamp")
    for early in ("aclprofStart", "aclprofStop"):
        must_fail(caller, PROF_NOT_RUN, "aclprofInit", early, config)
    must_fail(caller, PROF_NOT_RUN, "aclprofInit", "aclprofFinalize")
    must_fail(caller, INVALID_PARAM, "range", "aclprofPop")
    must(caller, "aclprofInit", path, size(4))
    must_fail(caller, PROF_ALREADY_RUN, "aclprofFinalize", "aclprofInit", path, size(4))
    must_fail(caller, PROF_NOT_RUN, "aclprofStart", "aclprofStop", config)
    must(caller, "aclprofStart", config)
    must_fail(caller, PROF_ALREADY_RUN, "aclprofStop", "aclprofStart", config)
    must(caller, "aclprofPush", stamp)
    step = caller.make("aclprofStepInfo")
    must_fail(caller, INVALID_PARAM, "not begun", "aclprofGetStepTimestamp", step, 1, None)
    must(caller, "aclprofGetStepTimestamp", step, 0, None)
    must_fail(caller, INVALID_PARAM, "begun already", "aclprofGetStepTimestamp", step, 0, None)
    must(caller, "aclrtSynchronizeDevice")
    must(caller, "aclprofDestroyConfig", config)
    must_fail(caller, INVALID_PARAM, "profilerConfig", "aclprofStop", config)
    must(caller, "aclprofStop", caller.make("aclprofConfig"))  # equal settings do
    # No Finalize: aclFinalize writes what there is; here there is none.
    must(caller, "aclFinalize")
    must_fail(caller, UNINITIALIZE, "aclInit", "aclprofFinalize")


SCENARIOS = {f.__name__: f for f in (
    too_small, context_of_another_time, unloaded_while_running, ended_with_things_alive,
    device_of_another, buffers_for_a_queue, too_small_for_products, memory_of_another_kind,
    profile_out_of_order)}
