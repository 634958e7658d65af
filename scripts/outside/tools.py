# SPDX-License-Identifier: Apache-2.0
"""Programs without a picture: memory management, and the tools msame and ais_bench."""
import re
import sys

import numpy as np

from outside.bench import FLOAT, SAMPLES, TOOLS, Failure, Network, Program, reference

CPP1 = "cplusplus/level1_single_api/1_acl/2_memory_management/"
PY1 = "python/level1_single_api/1_acl/2_memory_management/"


def hello(bench):
    bench.cmake()
    bench.program()


def memory_cpp(bench, arguments):
    bench.cmake()
    memory_text(bench.program("--release_cycle 2 --number_of_cycles 2 --device_id 0 "
                              "--memory_size 1048576 " + arguments))


def memory_python(bench, script, arguments):
    memory_text(bench.script(script, "--release_cycle 2 --number_of_cycles 1 --memory_size 1048576 "
                             + arguments))


def memory_text(text):
    if re.search(r"fail|error", text, re.I):
        raise Failure(re.search(r".*(?:fail|error).*", text, re.I).group())


def two_inputs(bench):
    """A network for the tools: files for two inputs, and what onnxruntime makes of them."""
    source, net = bench.work / "net.onnx", Network()
    net.node("Exp", net.node("Add", "a", "b"), to="y")
    net.node("MatMul", "a", net.normal(6, 4), to="z")
    net.save(source, [("a", FLOAT, [2, 6]), ("b", FLOAT, [2, 6])],
             [("y", FLOAT, [2, 6]), ("z", FLOAT, [2, 4])])
    bench.convert(source, bench.work / "net")
    feeds = dict(zip("ab", net.random.standard_normal((2, 2, 6)).astype(np.float32)))
    for name, array in feeds.items():
        array.tofile(bench.work / (name + ".bin"))
    return reference(source, feeds)


def check_files(folder, expected):
    for i, want in enumerate(expected):
        found = list(folder.rglob("*_{}.bin".format(i)))
        if len(found) != 1:
            raise Failure("{} files hold output {}".format(len(found), i))
        got = np.fromfile(found[0], np.float32)
        if got.size != want.size or not np.allclose(got.reshape(want.shape), want, rtol=1e-5):
            raise Failure("output {} differs from onnxruntime's".format(i))


def msame(bench):
    expected = two_inputs(bench)
    bench.shell("bash build.sh g++ {}".format(bench.root / "out"))
    text = bench.shell("out/msame --model {0}/net.om --input {0}/a.bin,{0}/b.bin "
                       "--output {0}/result --outfmt BIN --loop 2".format(bench.work))
    if "[ERROR]" in text:
        raise Failure(re.search(r".*\[ERROR\].*", text).group())
    check_files(bench.work / "result", expected)


def ais_bench(bench):
    expected = two_inputs(bench)
    bench.shell("{} setup.py -q build_ext --build-lib {} --build-temp {}".format(
        sys.executable, bench.work / "lib", bench.work / "temp"), bench.root / "backend")
    for mode in ("array", "tensor"):
        bench.shell("export PYTHONPATH={0}/lib:{1}:$PYTHONPATH; {2} -m ais_bench "
                    "--model {0}/net.om --input {0}/a.bin,{0}/b.bin --output {0}/{3} "
                    "--output_dirname r --run_mode {3}".format(
                        bench.work, bench.root, sys.executable, mode), bench.work)
        check_files(bench.work / mode / "r", expected)


PROGRAMS = [
    Program("ACLHelloWorld", SAMPLES, "inference/ACLHelloWorld", "main", hello, False),
    Program("memcpy_host_device, C++", SAMPLES, CPP1 + "memcpy_host_device_cpp", "main",
            lambda b: memory_cpp(b, "--write_back_host 1 --memory_reuse 1"), False),
    Program("memcpy_host_device_async, C++", SAMPLES, CPP1 + "memcpy_host_device_async_cpp", "main",
            lambda b: memory_cpp(b, ""), False),
    Program("memcpy_host_DVPP, C++", SAMPLES, CPP1 + "memcpy_host_DVPP_cpp", "main",
            lambda b: memory_cpp(b, "--memory_reuse 1"), False),
    Program("memcpy_host_device, Python", SAMPLES, PY1 + "memcpy_host_device_python",
            "memcpy_host_device.py", lambda b: memory_python(
                b, "memcpy_host_device.py", "--write_back_host"), False),
    Program("memcpy_host_device_async, Python", SAMPLES, PY1 + "memcpy_host_device_async_python",
            "memcpy_host_device_async_python.py", lambda b: memory_python(
                b, "memcpy_host_device_async_python.py", ""), False),
    Program("memcpy_host_DVPP, Python", SAMPLES, PY1 + "memcpy_host_DVPP_python",
            "memcpy_host_dvpp.py", lambda b: memory_python(
                b, "memcpy_host_dvpp.py", "--memory_reuse"), False),
    Program("msame", TOOLS, "msame", "two inputs, two outputs, --loop 2", msame),
    Program("ais_bench and aclruntime", TOOLS, "ais-bench_workload/tool/ais_bench",
            "two inputs, two outputs, run modes array and tensor", ais_bench),
]
