# SPDX-License-Identifier: Apache-2.0
"""The wheel of the library: in an environment of its own, with nothing else of ours on any path."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, cwd, code=0):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd,
                          env={"PATH": os.environ["PATH"], "HOME": str(cwd)})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(build_dir, tmp_path_factory):
    """The folder of an environment's programs."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, ROOT / "scripts" / "make_wheel.py", "--build", build_dir, "--output",
        folder, "--no-isolation", cwd=folder)
    wheel, = folder.glob("prusik-*-cp38-abi3-manylinux_2_*.whl")
    run(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    bin = folder / "env" / "bin"
    run(bin / "python", "-m", "pip", "install", "-q", "--no-index", wheel, cwd=folder)
    return bin


def test_nothing_is_looked_for_outside(installed):
    site, = installed.parent.glob("lib/python*/site-packages")
    others = {p.name.split(".")[0] for p in site.glob("prusik/lib/*.so.*")}
    assert others == {"libjansson", "libjpeg", "libmd", "libprotobuf-c", "libspng"}
    assert {p.name.split(".")[0] for p in site.glob("prusik/licenses/*")} == others
    for path in [site / "acl.abi3.so", *site.glob("prusik/lib/*"), *site.glob("prusik/bin/*")]:
        done = subprocess.run(["ldd", path], env={}, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.strip() == "statically linked":  # needs nothing at all: libascend_hal
                continue
            name = line.split()[0]
            ours = str(site) in line
            everywhere = name.startswith(("linux-vdso", "libc.", "libm.", "libz.", "/lib"))
            assert ours or everywhere, f"{path}: {line}"


def test_convert_and_run(installed, tmp_path):
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    graph = h.make_graph([h.make_node("Neg", ["x"], ["y"])], "g",
                         [h.make_tensor_value_info("x", 1, [4])],
                         [h.make_tensor_value_info("y", 1, [4])])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8),
              tmp_path / "net.onnx")
    out = run(installed / "atc", "--model=net.onnx", "--framework=5", "--output=net",
              "--soc_version=Ascend310", cwd=tmp_path)
    assert "ATC run success" in out
    assert "x" in run(installed / "prusik", "info", "net.om", cwd=tmp_path)
    assert "aclmdlExecute" in run(installed / "acltrace", installed / "msame", "--model",
                                  "net.om", "--output", ".", cwd=tmp_path)
    out = run(installed / "python", "-c", """
import acl, struct
assert acl.init() == 0 and acl.rt.set_device(0) == 0
model, ret = acl.mdl.load_from_file("net.om")
assert ret == 0, acl.get_recent_err_msg()
data = struct.pack("4f", 1, -2, 3, -4)
ends = []
for ptr in (acl.util.bytes_to_ptr(data), acl.rt.malloc(16, 0)[0]):
    ends.append((acl.mdl.create_dataset(), ptr))
    acl.mdl.add_dataset_buffer(ends[-1][0], acl.create_data_buffer(ptr, 16))
assert acl.mdl.execute(model, ends[0][0], ends[1][0]) == 0, acl.get_recent_err_msg()
print(struct.unpack("4f", acl.util.ptr_to_bytes(ends[1][1], 16)), acl.__file__)
""", cwd=tmp_path)
    assert out.startswith("(-1.0, 2.0, -3.0, 4.0)") and str(installed.parent) in out


def test_with_the_helper_libraries(installed, tmp_path):
    """Both wheels, and a NumPy of PyPI."""
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w",
        tmp_path, ROOT / "python" / "compat", cwd=tmp_path)
    run(installed / "python", "-m", "pip", "install", "-q", "numpy",
        *tmp_path.glob("prusik_compat-*.whl"), cwd=tmp_path)
    out = run(installed / "python", "-c", """
import acl, acllite_resource, atlas_utils.acl_resource
resource = acllite_resource.AclLiteResource()
resource.init()
print(acl.rt.get_device())
""", cwd=tmp_path)
    assert out.splitlines()[-1] == "(0, 0)"
    assert "usage" in run(installed / "python", "-m", "ais_bench", "--help", cwd=tmp_path)


def test_a_c_program(installed, tmp_path):
    if not shutil.which("cc"):
        pytest.skip("no cc")
    flags = run(installed / "python", "-m", "prusik", cwd=tmp_path).split()
    run("cc", ROOT / "examples" / "c" / "hello.c", "-o", "hello", *flags, cwd=tmp_path)
    assert run("./hello", cwd=tmp_path).startswith("AscendCL ")
