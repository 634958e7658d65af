# SPDX-License-Identifier: Apache-2.0
"""The installed tree: commands, module and libraries work from where they were put, and a program
builds against it as against an Ascend toolkit."""
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.in_process  # programs that are not sanitized load what is installed
ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def prefix(build_dir, tmp_path_factory):
    if not shutil.which("meson"):
        pytest.skip("meson is not installed")
    folder = tmp_path_factory.mktemp("installed")
    done = subprocess.run(["meson", "install", "-C", build_dir, "--no-rebuild",
                           "--destdir", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = list(folder.rglob("set_env.sh"))
    assert len(found) == 1
    return found[0].parent


def shell(prefix, command, folder):
    """Runs a command in bash after set_env.sh, with nothing else of the environment but PATH."""
    done = subprocess.run(["bash", "-ec", f". '{prefix}/set_env.sh'\n{command}"], cwd=folder,
                          env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_are_on_the_path(prefix, tmp_path):
    out = shell(prefix, "command -v atc prusik; prusik detect --help; atc --mode=6 || true",
                tmp_path)  # detect is a program of its own, under libexec
    assert out.splitlines()[:2] == [f"{prefix}/bin/atc", f"{prefix}/bin/prusik"]
    assert "usage: prusik detect" in out and "ATC start working" in out


def test_parts_find_each_other(prefix, tmp_path):
    """detect, which converts with the atc beside it, and its module for videos."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("GlobalAveragePool", ["x"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 3, 1, 1])])
    onnx.save(onnx.helper.make_model(graph, ir_version=8,
                                     opset_imports=[onnx.helper.make_opsetid("", 13)]),
              tmp_path / "net.onnx")
    frame = b"FRAME\n" + bytes([128]) * (8 * 8 * 3 // 2)
    (tmp_path / "clip.y4m").write_bytes(b"YUV4MPEG2 W8 H8 F5:1 C420jpeg\n" + 3 * frame)
    command = f"export HOME={tmp_path}; prusik classify net.onnx clip.y4m"
    if not (prefix / "libexec" / "prusik" / "libprusik_video.so").exists():
        pytest.skip("built without FFmpeg's headers")
    assert shell(prefix, command, tmp_path).count("  frame ") == 3


def libraries_of(path):
    out = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
    return [line.split()[1] for line in out.splitlines() if line.startswith("  NEEDED")]


def test_drawing_is_a_part_of_its_own(prefix, tmp_path):
    """Cairo is linked by what draws alone, and who does not draw can do without."""
    onnx = pytest.importorskip("onnx")
    image = pytest.importorskip("PIL.Image")
    parts = prefix / "libexec" / "prusik"
    assert not [n for n in libraries_of(parts / "prusik-app") if "cairo" in n]
    assert [n for n in libraries_of(parts / "libprusik_draw.so") if "cairo" in n]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("GlobalAveragePool", ["x"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 3, 1, 1])])
    onnx.save(onnx.helper.make_model(graph, ir_version=8,
                                     opset_imports=[onnx.helper.make_opsetid("", 13)]),
              tmp_path / "net.onnx")
    image.new("RGB", (120, 80), (40, 90, 200)).save(tmp_path / "photo.png")
    command = f"export HOME={tmp_path}; prusik classify net.onnx photo.png"
    shell(prefix, f"{command} --output drawn", tmp_path)
    drawn = image.open(tmp_path / "drawn" / "photo.png").convert("RGB")
    assert drawn.size == (120, 80) and drawn.getcolors(maxcolors=1) is None
    module = parts / "libprusik_draw.so"
    module.rename(parts / "elsewhere")
    try:
        out = shell(prefix, f"{command} --output not 2>&1 || echo status $?", tmp_path)
        assert "libprusik_draw.so, is missing" in out and "--no-draw" in out and "status 1" in out
        assert "photo.png" in shell(prefix, f"{command} --output not --no-draw", tmp_path)
        module.write_bytes(b"no library")
        out = shell(prefix, f"{command} --output not 2>&1 || echo status $?", tmp_path)
        assert "drawing needs the library Cairo" in out and "status 1" in out
    finally:
        (parts / "elsewhere").rename(module)


def test_variables_once_and_again(prefix, tmp_path):
    out = shell(prefix, "LD_LIBRARY_PATH=/old PYTHONPATH=/old; . $DDK_PATH/set_env.sh; "
                "echo $LD_LIBRARY_PATH $PYTHONPATH", tmp_path).split()
    assert out[0].startswith(str(prefix)) and out[0].endswith(":/old")
    site = f"{prefix}/python/site-packages"
    assert out[1] == f"{site}:{site}/prusik_flat:/old"


@pytest.mark.parametrize("compiler, tree", [("cc", "runtime"), ("c++ -x c++", "acllib")])
def test_program_builds_and_runs(prefix, tmp_path, compiler, tree):
    if not shutil.which(compiler.split()[0]):
        pytest.skip(f"no {compiler.split()[0]}")
    out = shell(prefix, f"{compiler} -DENABLE_DVPP_INTERFACE {ROOT}/examples/c/hello.c -o hello "
                f"-I$DDK_PATH/{tree}/include -L$DDK_PATH/{tree}/lib64/stub -L$NPU_HOST_LIB "
                "-lascendcl -lacl_dvpp -lascend_hal\n./hello\n"
                "acltrace -o log ./hello >hello.out; head -n 1 log\n"
                "acltrace --json -o log.json ./hello >hello.out; acltrace --replay log.json",
                tmp_path)
    assert out.startswith("AscendCL ") and " calls replayed, 0 differences, " in out
    assert out.splitlines()[-2].startswith("aclInit(")


def test_module_finds_its_library_alone(prefix, tmp_path):
    script = "import acl; assert acl.init() == 0 and acl.finalize() == 0; print(acl.__file__)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True,
                          text=True, env={"PYTHONPATH": str(prefix / "python" / "site-packages")})
    assert done.returncode == 0, done.stderr
    assert pathlib.Path(done.stdout.strip()).is_relative_to(prefix)


def test_helper_libraries_by_both_names(prefix, tmp_path):
    out = shell(prefix, f"{sys.executable} -c 'import acl_image, atlas_utils.acl_image as a; "
                "print(acl_image is a, a.__file__)'", tmp_path)
    assert out.split()[0] == "True" and out.split()[1].startswith(str(prefix))


def test_library_is_small(prefix, tmp_path, release):
    """What a program brings along besides itself: three instruction sets, all operators."""
    if not release or platform.machine() != "x86_64":
        pytest.skip("a size for optimised x86-64 code without sanitizers")
    stripped = tmp_path / "libascendcl.so"
    library = next(prefix.rglob("libascendcl.so")).resolve()
    subprocess.run(["strip", "-o", stripped, library], check=True)
    assert stripped.stat().st_size < 2_000_000


def test_nothing_points_back_to_the_build(prefix, build_dir):
    for path in [*prefix.rglob("*.so"), *(prefix / "bin").iterdir(),
                 *(prefix / "libexec").rglob("prusik-app")]:
        done = subprocess.run(["ldd", path], env={}, capture_output=True, text=True)
        assert "not found" not in done.stdout, f"{path}: {done.stdout}"
        assert str(build_dir) not in done.stdout, f"{path}: {done.stdout}"
