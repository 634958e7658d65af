# SPDX-License-Identifier: Apache-2.0
"""acltrace --replay: logs of C and Python programs run again, and logs that do not fit."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

# The shim stands in front of a sanitizer's runtime, which that refuses.
pytestmark = pytest.mark.in_process

WALK = """
import acl, numpy as np, sys
acl.init(); acl.rt.set_device(0)
context, _ = acl.rt.create_context(0)
model, _ = acl.mdl.load_from_file(sys.argv[1])
desc = acl.mdl.create_desc()
acl.mdl.get_desc(desc, model)
def dataset(bytes_):
    d = acl.mdl.create_dataset()
    p, _ = acl.rt.malloc(bytes_, 0)
    acl.mdl.add_dataset_buffer(d, acl.create_data_buffer(p, bytes_))
    return d, p
n, k = acl.mdl.get_input_size_by_index(desc, 0), acl.mdl.get_output_size_by_index(desc, 0)
(inputs, x), (outputs, y) = dataset(n), dataset(k)
stream, _ = acl.rt.create_stream()
host, got = np.random.rand(n // 4).astype(np.float32), np.zeros(k // 4, np.float32)
acl.rt.memcpy(x, n, host.ctypes.data, n, 1)
print(acl.mdl.execute(model, inputs, outputs))
acl.rt.memcpy(got.ctypes.data, k, y, k, 2)
host[:] = -host
acl.rt.memcpy_async(x, n, host.ctypes.data, n, 1, stream)
print(acl.mdl.execute_async(model, inputs, outputs, stream), acl.rt.synchronize_stream(stream))
acl.rt.memcpy(got.ctypes.data, k, y, k, 2)
print(acl.rt.free(12345), acl.mdl.unload(999), acl.rt.malloc(0, 0)[1])
for d in (inputs, outputs):
    acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(d, 0))
    acl.mdl.destroy_dataset(d)
acl.mdl.unload(model); acl.mdl.destroy_desc(desc); acl.rt.destroy_stream(stream)
acl.rt.free(x); acl.rt.free(y); print(acl.rt.free(y))
acl.rt.destroy_context(context); acl.rt.reset_device(0); acl.finalize()
"""

CALLBACKS = """
import acl, threading
acl.init(); acl.rt.set_device(0)
context, _ = acl.rt.get_context()
stream, _ = acl.rt.create_stream()
end = threading.Event()
def serve():
    acl.rt.set_context(context)
    while not end.is_set(): acl.rt.process_report(50)
t = threading.Thread(target=serve); t.start()
acl.rt.subscribe_report(t.ident, stream)
seen = []
for i in range(5): acl.rt.launch_callback(seen.append, i, 1, stream)
acl.rt.synchronize_stream(stream)
print(seen)
acl.rt.unsubscribe_report(t.ident, stream)
end.set(); t.join()
acl.rt.destroy_stream(stream); acl.rt.reset_device(0); acl.finalize()
"""

OPERATOR = """
import acl, numpy as np
acl.init(); acl.rt.set_device(0)
stream, _ = acl.rt.create_stream()
desc = acl.create_tensor_desc(0, [2, 3], 2)
p = [acl.rt.malloc(24, 0)[0] for _ in range(3)]
v = np.arange(6, dtype=np.float32)
for q in p[:2]: acl.rt.memcpy(q, 24, v.ctypes.data, 24, 1)
b = [acl.create_data_buffer(q, 24) for q in p]
attr = acl.op.create_attr()
print(acl.op.execute_v2("Add", [desc, desc], b[:2], [desc], b[2:], attr, stream))
acl.rt.synchronize_stream(stream)
acl.rt.memcpy(v.ctypes.data, 24, p[2], 24, 2); print(v)
acl.finalize()
"""


@pytest.fixture(scope="module")
def tools(build_dir, atc, tmp_path_factory):
    at = tmp_path_factory.mktemp("replay")
    w = np.random.default_rng(4).standard_normal((16, 8)).astype(np.float32)
    for name, weight in (("m", w), ("other", w + 1)):
        info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
                for n, s in (("x", [4, 16]), ("y", [4, 8]))]
        graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "made",
                                  info[:1], info[1:], [numpy_helper.from_array(weight, "w")])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                                    ir_version=8), at / f"{name}.onnx")
        subprocess.run([atc, f"--model={at}/{name}.onnx", "--framework=5", f"--output={at}/{name}",
                        "--soc_version=Ascend310"], check=True, capture_output=True)
    env = {**os.environ, "PYTHONPATH": str(build_dir / "python"),
           "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(*args):
        return subprocess.run([build_dir / "cmd" / "trace" / "acltrace", *map(str, args)], cwd=at,
                              env=env, capture_output=True, text=True, timeout=120)

    run.at, run.build = at, build_dir
    return run


def record(tools, name, *command):
    log, data = tools.at / f"{name}.jsonl", tools.at / f"{name}-data"
    r = tools("--json", "-o", log, "--data", data, *command)
    assert r.returncode == 0, r
    return log, data, len(log.read_text().splitlines())


def test_a_python_walk_again(tools):
    log, data, n = record(tools, "walk", sys.executable, "-c", WALK, "m.om")
    r = tools("--replay", log, "--data", data)
    # Two copies to the host, and what the run at once wrote.
    assert r.returncode == 0, r
    assert r.stdout == f"{n} calls replayed, 0 differences, 3 contents equal, 0 remarks\n"
    # Codes alone, without the data.
    r = tools("--replay", log)
    assert r.returncode == 0 and f"{n} calls replayed, 0 differences, 0 contents" in r.stdout


def test_a_c_walk_again(tools):
    log, data, n = record(tools, "c", tools.build / "cmd" / "msame", "--model", "m.om", "--output",
                          tools.at)
    calls = {json.loads(line)["call"] for line in log.read_text().splitlines()}
    assert "aclmdlExecute" in calls
    r = tools("--replay", log, "--data", data)
    assert r.returncode == 0 and f"{n} calls replayed, 0 differences, " in r.stdout, r
    assert ", 0 contents" not in r.stdout


def test_another_model_gives_other_contents(tools):
    log, data, _ = record(tools, "swap", sys.executable, "-c", WALK, tools.at / "m.om")
    kept = (tools.at / "m.om").read_bytes()
    (tools.at / "m.om").write_bytes((tools.at / "other.om").read_bytes())
    try:
        r = tools("--replay", log, "--data", data)
    finally:
        (tools.at / "m.om").write_bytes(kept)
    assert r.returncode == 1
    assert "aclmdlExecute: the contents of output0 was 128 bytes, is now different" in r.stdout
    assert "aclrtMemcpy: the contents of dst was 128 bytes, is now different" in r.stdout


def test_other_codes_are_told(tools):
    log, data, _ = record(tools, "codes", sys.executable, "-c", WALK, "m.om")
    (tools.at / "m.om").rename(tools.at / "gone.om")
    try:
        r = tools("--replay", log, "--data", data)
    finally:
        (tools.at / "gone.om").rename(tools.at / "m.om")
    assert r.returncode == 1
    lines = r.stdout.splitlines()
    assert "aclmdlLoadFromFile: its code was ACL_SUCCESS, is now 145002 (aclmdlLoad" in lines[0]
    # Calls that need it are left out; what they would have written differs.
    loaded = re.match(r"line (\d+): ", lines[0])[1]
    assert f"aclmdlExecute: not replayed: it needs what line {loaded} did not give" in r.stdout
    assert re.search(r"line \d+: aclmdlUnload: not replayed: it needs what line", r.stdout)


def test_threads_and_callbacks(tools):
    log, data, n = record(tools, "callbacks", sys.executable, "-c", CALLBACKS)
    r = tools("--replay", log, "--data", data)
    lines = r.stdout.splitlines()
    assert r.returncode == 0, r
    assert len([line for line in lines if "aclrtLaunchCallback: fn is a function" in line]) == 5
    assert lines[-1].startswith(f"{n} calls replayed, 0 differences")


def test_single_operators(tools):
    log, data, n = record(tools, "operator", sys.executable, "-c", OPERATOR)
    r = tools("--replay", log, "--data", data)
    assert r.returncode == 0 and "0 differences, 1 contents equal, 0 remarks" in r.stdout, r
    r = tools("--replay", log)
    assert "not replayed: the row inputDesc is known only with --data" in r.stdout


def test_contents_that_are_missing(tools):
    log, data, n = record(tools, "missing", sys.executable, "-c", WALK, "m.om")
    first, *rest = sorted(data.iterdir())
    first.unlink()
    for file in rest:
        file.write_bytes(file.read_bytes()[:-1])
    r = tools("--replay", log, "--data", data)
    assert r.returncode == 1 and f"{n} calls replayed" in r.stdout
    assert f"{1 + len(rest)} contents are missing in {data}, or not whole" in r.stdout


# An AscendCL whose device memory no program can read, as beside a card.
FAKE = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "acl/acl.h"
struct aclDataBuffer { void *at; size_t size; };
struct aclmdlDataset { aclDataBuffer *buffer; };
enum { SIZE = 4096 };
static char *card, memory[SIZE];
aclError aclInit(const char *path) { return path ? ACL_ERROR_INVALID_FILE : 0; }
aclError aclFinalize(void) { return 0; }
aclError aclrtSetDevice(int32_t d) {
    if (getenv("FAKE_CRASH")) abort();
    if (getenv("FAKE_HANG")) pause();
    return d ? ACL_ERROR_RT_PARAM_INVALID : 0;
}
const char *aclGetRecentErrMsg(void) { return "E90000: fake sentence"; }
aclError aclrtGetRunMode(aclrtRunMode *m) { *m = ACL_HOST; return 0; }
aclError aclrtMalloc(void **p, size_t n, aclrtMemMallocPolicy policy) {
    (void)policy;
    if (n > SIZE) return ACL_ERROR_BAD_ALLOC;
    card = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *p = card;
    return 0;
}
aclError aclrtFree(void *p) { return munmap(p, SIZE) ? ACL_ERROR_INVALID_PARAM : 0; }
aclError aclrtMemcpy(void *dst, size_t most, const void *src, size_t n, aclrtMemcpyKind kind) {
    if (n > most) return ACL_ERROR_INVALID_PARAM;
    if (kind == ACL_MEMCPY_HOST_TO_DEVICE) dst = memory + ((char *)dst - card);
    if (kind == ACL_MEMCPY_DEVICE_TO_HOST) src = memory + ((const char *)src - card);
    memcpy(dst, src, n);
    return 0;
}
aclDataBuffer *aclCreateDataBuffer(void *at, size_t n) {
    aclDataBuffer *b = malloc(sizeof *b);
    *b = (aclDataBuffer){at, n};
    return b;
}
void *aclGetDataBufferAddr(const aclDataBuffer *b) { return b->at; }
size_t aclGetDataBufferSizeV2(const aclDataBuffer *b) { return b->size; }
aclmdlDataset *aclmdlCreateDataset(void) { return calloc(1, sizeof(aclmdlDataset)); }
aclError aclmdlAddDatasetBuffer(aclmdlDataset *s, aclDataBuffer *b) { s->buffer = b; return 0; }
size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset *s) { return s->buffer != NULL; }
aclDataBuffer *aclmdlGetDatasetBuffer(const aclmdlDataset *s, size_t i) {
    return i ? NULL : s->buffer;
}
aclError aclmdlExecute(uint32_t id, const aclmdlDataset *in, aclmdlDataset *out) {
    (void)in; (void)out;
    for (int i = 0; i < 16; i++) memory[16 + i] = memory[i] + (char)id;
    return 0;
}
"""

APP = """
#include <stdio.h>
#include "acl/acl.h"
int main(void) {
    char in[16] = "an input of mine", out[16];
    void *p = NULL;
    printf("%d ", aclInit("x.json"));
    printf("%d ", aclInit(NULL));
    printf("%d\\n", aclrtSetDevice(0));
    printf("%d ", aclrtMalloc(&p, 1u << 20, ACL_MEM_MALLOC_HUGE_FIRST));
    printf("%d\\n", aclrtMalloc(&p, 32, ACL_MEM_MALLOC_HUGE_FIRST));
    aclrtMemcpy(p, 32, in, 16, ACL_MEMCPY_HOST_TO_DEVICE);
    aclmdlDataset *x = aclmdlCreateDataset(), *y = aclmdlCreateDataset();
    aclmdlAddDatasetBuffer(x, aclCreateDataBuffer(p, 16));
    aclmdlAddDatasetBuffer(y, aclCreateDataBuffer((char *)p + 16, 16));
    aclmdlExecute(1, x, y);
    aclrtMemcpy(out, 16, (char *)p + 16, 16, ACL_MEMCPY_DEVICE_TO_HOST);
    printf("%.16s\\n", out);
    aclrtFree(p);
    return aclFinalize();
}
"""


@pytest.fixture(scope="module")
def fake(tools):
    """(library, program, what it prints): an AscendCL that is not ours, and its program."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if not compiler:
        pytest.skip("no C compiler")
    at = tools.at / "fake"
    at.mkdir()
    for name, text in (("fake.c", FAKE), ("app.c", APP)):
        (at / name).write_text(text)
    include = Path(__file__).resolve().parents[2] / "include"
    library = at / "libascendcl.so"
    compile_ = [compiler, "-w", "-I", include, "-o"]
    subprocess.run([*compile_, library, at / "fake.c", "-shared", "-fPIC"], check=True)
    subprocess.run([*compile_, at / "app", at / "app.c", "-L", at, "-lascendcl",
                    f"-Wl,-rpath,{at}"], check=True)
    return library, at / "app", subprocess.run([at / "app"], capture_output=True, text=True,
                                               check=True).stdout


def test_the_shim_needs_no_library_of_ours(tools):
    shim = tools.build / "cmd" / "trace" / "libacltrace.so"
    needed = subprocess.run(["readelf", "-d", shim], capture_output=True, text=True).stdout
    assert {re.sub(r"\.so.*", "", n) for n in re.findall(r"NEEDED.*\[(.*)\]", needed)} <= {
        "libc", "libdl", "libpthread", "libm", "ld-linux-x86-64", "ld-linux-aarch64"}
    asked = subprocess.run(["nm", "-D", "--undefined-only", shim], capture_output=True, text=True)
    assert asked.stdout and not re.findall(r"\b(?:acl|pk_|ge[A-Z]|rt[A-Z])\w*", asked.stdout)


def test_an_ascendcl_of_somebody_else(tools, fake):
    library, app, plain = fake
    r = tools(app)
    assert r.stdout == plain, r
    assert r.stderr.startswith('aclInit(configPath="x.json") = ACL_ERROR_INVALID_FILE (100003) '
                               '"E90000: fake sentence"')
    assert len(r.stderr.splitlines()) == 16  # a line for each call, and none of the shim's own
    log, data, n = record(tools, "fake-log", app)
    r = tools("--replay", log, "--data", data, "--library", library)
    assert (r.returncode, r.stdout) == (
        0, f"{n} calls replayed, 0 differences, 2 contents equal, 0 remarks\n"), r
    r = tools("--summary", app)
    assert (r.stdout, len(r.stderr.splitlines())) == (plain, 11), r
    assert re.search(r"^ +2 +1 .* aclInit$", r.stderr, re.M)


def test_calls_that_crash_or_hang(tools, fake, monkeypatch):
    library, app, _ = fake
    log, _, n = record(tools, "crash", app)
    monkeypatch.setenv("FAKE_CRASH", "1")
    command = [tools.build / "cmd" / "trace" / name for name in (
        "replay.py", "acl_prototypes.json", "libacltrace.so")] + [library, log, ""]
    r = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert r.returncode == 1
    assert r.stdout == ("line 3: aclrtSetDevice: has ended by SIGABRT\n"
                        f"2 of {n} calls replayed\n")
    monkeypatch.delenv("FAKE_CRASH")
    monkeypatch.setenv("FAKE_HANG", "1")
    hasty = (f"import runpy, sys; m = runpy.run_path({str(command[0])!r}); "
             "m['watch'].__globals__['PATIENCE_S'] = 1; sys.exit(m['main']())")
    r = subprocess.run([sys.executable, "-c", hasty, *command[1:]], capture_output=True, text=True)
    assert r.returncode == 1
    assert re.fullmatch(r"line 3: aclrtSetDevice: has not returned for \d+ s\n"
                        rf"2 of {n} calls replayed\n", r.stdout), r


def test_logs_that_are_none(tools):
    line = {"call": "aclInit", "thread": 1, "at_us": 0, "us": 1, "args": {"configPath": None},
            "result": "ACL_SUCCESS"}
    (tools.at / "text").write_text("no log\n")
    (tools.at / "empty").write_text("")
    (tools.at / "half").write_text(json.dumps(line)[:40])
    for name in ("text", "empty", "half", "none"):
        r = tools("--replay", tools.at / name)
        assert r.returncode == 2 and r.stderr.startswith("acltrace: "), r
    for key, value in (("at_us", float("nan")), ("us", -1), ("at_us", 1e300), ("thread", []),
                       ("args", 3), ("data", "x"), ("result", {}), ("call", None)):
        (tools.at / "wrong").write_text(json.dumps({**line, key: value}) + "\n")
        r = tools("--replay", tools.at / "wrong")
        assert r.returncode == 2 and "line 1 is no line of acltrace --json" in r.stderr, (key, r)
    (tools.at / "wrong").write_text("[" * 100000)
    assert tools("--replay", tools.at / "wrong").returncode == 2
    (tools.at / "wrong").write_text("\n".join(json.dumps({**line, "thread": i})
                                              for i in range(501)))
    assert "more than 500 threads" in tools("--replay", tools.at / "wrong").stderr


def copy(**change):
    return {"call": "aclrtMemcpy", "data": {}, "args": {
        "dst": "0x1000", "destMax": 1, "src": "0x2000", "count": 1, "kind": 0, **change}}


def test_lines_that_do_not_fit(tools):
    line = {"call": "aclInit", "thread": 1, "at_us": 0, "us": 1, "args": {"configPath": None},
            "result": "ACL_SUCCESS"}
    (tools.at / f"{1:016x}-8").write_bytes(bytes(8))
    for wrong, why in (
            ({"call": "system"}, "not understood: system is no function of AscendCL"),
            ({"args": {}, "call": "aclrtSetDevice"}, "not understood"),
            ({"args": {"deviceId": "x"}, "call": "aclrtSetDevice"}, "not understood"),
            ({"args": {"configPath": 7}}, "not understood"),
            ({"args": {"configPath": "x" * 301}}, "not replayed: configPath was cut off"),
            ({"result": "ACL_NONSENSE"}, "not understood: no header has ACL_NONSENSE"),
            ({**copy(), "data": {"src": "../../etc/passwd"}}, "not understood: '../../etc/passwd'"),
            ({**copy(), "data": {">what": f"{1:016x}-8"}}, "aclrtMemcpy: "),
            (copy(count=1 << 40, destMax=1 << 40), "not replayed: 1099511627776 bytes are more"),
            (copy(src=[]), "not understood"),
            ({"call": "aclCreateTensorDesc", "args": {
                "dataType": 0, "numDims": 2, "dims": "0x10", "format": 2}}, "dims is known only"),
            ({"call": "aclCreateTensorDesc", "data": {"dims": f"{1:016x}-8"}, "args": {
                "dataType": 0, "numDims": 2, "dims": "0x10", "format": 2}},
             "not understood: dims has fewer than 2 elements"),
            ({"call": "aclrtAllocatorSetAllocFunc", "args": {"func": "0x10"}}, ": ")):
        (tools.at / "wrong").write_text(json.dumps({**line, **wrong}) + "\n")
        r = tools("--replay", tools.at / "wrong", "--data", tools.at)
        assert why in r.stdout and not r.stderr, (wrong, r)
        assert r.returncode == ("not replayed" not in why and "known only" not in why), (wrong, r)


def test_copies_stay_inside_their_blocks(tools):
    def at(i, call, filled=None, **args):
        return {"call": call, "thread": 1, "at_us": 10 * i, "us": 1, "args": args,
                "result": "ACL_SUCCESS", **({"filled": filled} if filled else {})}

    log = [at(0, "aclInit", configPath=None), at(1, "aclrtSetDevice", deviceId=0),
           at(2, "aclrtMalloc", {"devPtr": "0xbeef000"}, devPtr="0x10", size=64, policy=0),
           at(3, "aclrtMemcpy", dst="0xbeef020", destMax=1 << 20, src="0x5000", count=1 << 20,
              kind="ACL_MEMCPY_HOST_TO_DEVICE"),
           at(4, "aclrtMemset", devPtr="0xbeef03f", maxCount=2, value=1, count=2),
           at(5, "aclrtMemset", devPtr="0xbeef03f", maxCount=1, value=1, count=1)]
    (tools.at / "forged").write_text("\n".join(map(json.dumps, log)))
    r = tools("--replay", tools.at / "forged")
    assert r.returncode == 0 and r.stdout.splitlines() == [
        "line 4: aclrtMemcpy: not replayed: 1048576 bytes reach beyond a block of 64",
        "line 5: aclrtMemset: not replayed: 2 bytes reach beyond a block of 64",
        "6 calls replayed, 0 differences, 0 contents equal, 2 remarks"], r


def test_wrong_calls(tools):
    for args in (["--replay"], ["--replay", "x", "true"], ["--data", "d", "true"],
                 ["--json", "--replay", "x"], ["--library", "x", "true"],
                 ["--json", "--summary", "--data", "d", "true"]):
        assert tools(*args).returncode == 2, args
    assert tools("--json", "--data", "/no/such/folder", "true").returncode == 126
    (tools.at / "log").write_text("{}")
    assert tools("--replay", "log", "--library", "/none.so").returncode == 2
