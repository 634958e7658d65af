# SPDX-License-Identifier: Apache-2.0
"""Packed weights lie in memory for which the kernel is asked for large pages."""
import os
import re
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")

# Before and after a model is loaded: the kilobytes of mappings with the flag hg (proc(5), VmFlags).
PROGRAM = """
import re, sys
sys.path.insert(0, sys.argv[1])
import acl

def advised():
    text = open("/proc/self/smaps").read()
    found = re.findall(r"^Size: *(\\d+) kB$.*?^VmFlags:([a-z ]*)$", text, re.M | re.S)
    return sum(int(size) for size, flags in found if "hg" in flags.split())

assert acl.init() == 0 and acl.rt.set_device(0) == 0
before = advised()
model, ret = acl.mdl.load_from_file(sys.argv[2])
assert ret == 0, acl.get_recent_err_msg()
print(before, advised())
assert acl.mdl.unload(model) == 0 and acl.rt.reset_device(0) == 0 and acl.finalize() == 0
"""


def kernel_has_them():
    try:
        mode = open("/sys/kernel/mm/transparent_hugepage/enabled").read()
        return re.search(r"^VmFlags:", open("/proc/self/smaps").read(), re.M) and mode
    except OSError:
        return False


@pytest.mark.in_process  # the library is loaded into an interpreter of its own
@pytest.mark.skipif(not kernel_has_them(), reason="the kernel has no large pages, or does not tell")
def test_weights(atc, build_dir, tmp_path):
    n, k = 2048, 1024  # 8 MiB of weights
    helper, weights = onnx.helper, np.ones((k, n), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, k])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, n])],
        [onnx.numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "m.onnx")
    subprocess.run([atc, f"--model={tmp_path}/m.onnx", "--framework=5", f"--output={tmp_path}/m",
                    "--soc_version=Ascend310"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([sys.executable, "-c", PROGRAM, build_dir / "python", tmp_path / "m.om"],
                          capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert after - before >= weights.nbytes // 1024, (before, after)
