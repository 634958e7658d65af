# SPDX-License-Identifier: Apache-2.0
"""prusik tune: what it measures is kept in the file as hints, and results stay what they were."""
import os
import pathlib
import re
import struct
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "om"))
import wire  # noqa: E402


def network(path, batch=1, size=23):
    """3x3 convolutions of several widths, one of stride 2, a depthwise and a 1x1."""
    own = np.random.default_rng(3)
    nodes, weights, x, channels = [], [], "x", 3
    for i, (k, stride, out, groups) in enumerate([(3, 1, 24, 1), (3, 1, 40, 1), (3, 2, 64, 1),
                                                  (3, 1, 64, 64), (1, 1, 48, 1), (3, 1, 48, 1)]):
        w = own.standard_normal((out, channels // groups, k, k), np.float32)
        weights.append(numpy_helper.from_array(w / np.float32(w[0].size**0.5), f"w{i}"))
        nodes += [helper.make_node("Conv", [x, f"w{i}"], [f"c{i}"], name=f"conv{i}", group=groups,
                                   strides=[stride] * 2, pads=[k // 2] * 4),
                  helper.make_node("Relu", [f"c{i}"], [f"r{i}"])]
        x, channels = f"r{i}", out
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              path)


@pytest.fixture(scope="module")
def models(atc, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    network(folder / "fixed.onnx")
    network(folder / "open.onnx", batch="n")
    for name, source, options in [("fixed", "fixed", []),
                                  ("gears", "open", ["--input_shape=x:-1,3,23,23",
                                                     "--dynamic_batch_size=1,2"]),
                                  ("ranges", "open", ["--input_shape_range=x:[1~4,3,23,23]"])]:
        subprocess.run([atc, f"--model={folder}/{source}.onnx", "--framework=5",
                        f"--output={folder}/{name}", "--soc_version=Ascend310", *options],
                       check=True, capture_output=True)
    np.save(folder / "x.npy", np.random.default_rng(1).random((1, 3, 23, 23), np.float32))
    return folder


@pytest.fixture
def tune(prusik):
    def call(*options, status=0, **environment):
        done = subprocess.run([prusik, "tune", "--rounds=1", *options], capture_output=True,
                              text=True, env={**os.environ, **environment})
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr
    return call


def run(prusik, om, x, folder, **environment):
    done = subprocess.run([prusik, "run", om, "--input", x, "--output", folder],
                          capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return np.load(next(folder.glob("*.npy")))


def with_hints(models, tune, folder, text):
    """The model with this text in place of hints for this machine."""
    out = tune("-o", folder / "hinted.om", models / "fixed.om")
    key = "prusik.tuning." + re.search(r"hints? for (\S+)$", out, re.M)[1]
    om = (models / "fixed.om").read_bytes()
    count, = struct.unpack_from("<I", om, 256)
    data, parts = om[260 + 12 * count:], []
    for kind, at, n in struct.iter_unpack("<3I", om[260:260 + 12 * count]):
        extra = b"" if parts else wire.attr(key, text, 11)  # a field more at the end of MODEL_DEF
        parts.append((kind, data[at:at + n] + extra))
    (folder / "hinted.om").write_bytes(wire.container(parts))
    return folder / "hinted.om"


CONV1 = "1 24 23 23 40 23 23 3 3 1 1 1 1 1 1 1 1 0 0 0 0 : "


def test_table_and_results(models, prusik, tune, tmp_path):
    before = (models / "fixed.om").read_bytes()
    out = tune("--output", tmp_path / "tuned.om", models / "fixed.om")
    assert (models / "fixed.om").read_bytes() == before
    lines = out.splitlines()
    assert lines[0].split() == ["convolution", "before", "ms", "after", "ms", "gain"]
    assert [line.split()[0] for line in lines[1:6]] == [f"conv{i}" for i in (0, 1, 2, 4, 5)]
    for line in lines[1:6]:  # what is kept is what took less time, by more than noise
        row = re.fullmatch(r"\S+ +(\S.*?) +([\d.]+)   (\S.*?) +([\d.]+) +(-|[\d.]+%)", line)
        old, ms, new, new_ms, gain = row.groups()
        assert new != old and (new == "the same") == (gain == "-"), line
        if gain == "-":
            assert new_ms == ms, line
        else:
            less = float(ms) * (1 - float(gain[:-1]) / 100)  # the times are rounded to 1 us
            assert float(gain[:-1]) >= 2 and float(new_ms) <= less + 0.001, line
    assert re.search(r"^5 convolutions of 5 kinds, \d hints?: [\d.]+ ms by the cost model, [\d.]+ "
                     r"ms with hints \([\d.]+% less\)$", out, re.M)
    want = run(prusik, models / "fixed.om", models / "x.npy", tmp_path / "a")
    for i, threads in enumerate("12"):
        got = run(prusik, tmp_path / "tuned.om", models / "x.npy", tmp_path / f"b{i}",
                  PRUSIK_THREADS=threads)
        assert np.abs(got - want).max() <= 1e-5 * np.ptp(want)
        assert i == 0 or (got == first).all()  # noqa: F821
        first = got  # noqa: F841
    for isa in ("avx2", "base"):
        got = run(prusik, tmp_path / "tuned.om", models / "x.npy", tmp_path / isa, PRUSIK_ISA=isa)
        assert np.abs(got - want).max() <= 1e-5 * np.ptp(want)
    assert sorted(p.name for p in tmp_path.glob("*.om")) == ["tuned.om"]


def test_dry_run_and_in_place(models, tune, tmp_path):
    om = tmp_path / "m.om"
    om.write_bytes(before := (models / "fixed.om").read_bytes())
    assert "nothing is written" in tune("--dry-run", om)
    assert om.read_bytes() == before
    out = tune(om)
    assert ("stays as it is" in out) == (om.read_bytes() == before)
    assert os.listdir(tmp_path) == ["m.om"]


def test_info_and_other_isa(models, prusik, tune, tmp_path):
    """Tuning for one instruction set leaves the hints of another alone."""
    om = with_hints(models, tune, tmp_path, f"1 2\n{CONV1}2 1 9\n")
    tune(om, PRUSIK_ISA="base")
    info = subprocess.run([prusik, "info", om], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^tuned +\w+\.[\w-]+: hints for 1 kind of convolution, measured with 2 "
                     r"threads$", info, re.M), info


@pytest.mark.parametrize("way, kernel", [
    ("6 2 5", "wino6 2x5"), ("2 1 50", "wino2 1x50"), ("5 0 0", "wino5 "), ("1 1 0", "3x3s1 1x"),
    ("6 9 5", None), ("3 1 9", None), ("99 9 9", None), ("4 1 51", None), ("1 99 0", None)])
def test_hints_are_taken_and_right(models, prusik, tune, tmp_path, way, kernel):
    om = with_hints(models, tune, tmp_path, f"1 2\n{CONV1}{way}\n")
    want = run(prusik, models / "fixed.om", models / "x.npy", tmp_path / "a")
    got = run(prusik, om, models / "x.npy", tmp_path / "b")
    assert np.abs(got - want).max() <= 1e-5 * np.ptp(want)
    assert kernel or (got == want).all()
    done = subprocess.run([prusik, "run", om, "--input", models / "x.npy"], capture_output=True,
                          text=True, env={**os.environ, "PRUSIK_PROF": "1"})
    assert not kernel or f" {kernel}" in done.stderr, done.stderr


@pytest.mark.parametrize("text, why", [
    (f"7 1\n{CONV1}2 1 9\n", "tuning hints of version 7; this version reads 1"),
    (f"1 1\n{CONV1}2 1 9\nand so on\n", "tuning hints, line 3: not readable"),
    (f"1 1\n{CONV1}2 1 99999999999\n", "tuning hints, line 2: not readable"),
    ("1 1\n" + "\n" * 5000, "5000 tuning hints; at most 4096 are read")])
def test_broken_hints(models, prusik, tune, tmp_path, text, why):
    om = with_hints(models, tune, tmp_path, text)
    want = run(prusik, models / "fixed.om", models / "x.npy", tmp_path / "a")
    assert (run(prusik, om, models / "x.npy", tmp_path / "b") == want).all()
    info = subprocess.run([prusik, "info", om], capture_output=True, text=True, check=True).stdout
    assert re.search(f"^tuned .*: not used, {why}$", info, re.M), info
    done = subprocess.run([prusik, "run", om, "--input", models / "x.npy"], capture_output=True,
                          text=True, env={**os.environ, "ASCEND_GLOBAL_LOG_LEVEL": "2"})
    assert f"runs without its hints: {why}" in done.stdout + done.stderr


def test_gears(models, tune, tmp_path):
    out = tune("-o", tmp_path / "m.om", models / "gears.om")
    assert re.findall(r"^gear (.*)$", out, re.M) == ["batch 1", "batch 2"]
    assert "convolutions of all gears:" in out


def test_refusals(models, tune, tmp_path):
    (tmp_path / "m.om").write_bytes(b"IMOD")
    assert "input 'x' has open sizes" in tune(models / "ranges.om", status=1)
    assert "it is cut short" in tune(tmp_path / "m.om", status=1)
    assert tune(tmp_path / "none.om", status=1).startswith("prusik tune: ")
    assert "PRUSIK_ALGO" in tune(models / "fixed.om", status=1, PRUSIK_ALGO="direct")
    assert "nothing/m.om" in tune("-o", tmp_path / "nothing/m.om", models / "fixed.om", status=1)
    for wrong in (["--threads=0", "m"], ["--rounds=x", "m"], ["--fast", "m"], [], ["a", "b"]):
        assert "usage: prusik tune" in tune(*wrong, status=2)
