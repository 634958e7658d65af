# SPDX-License-Identifier: Apache-2.0
"""prusik doctor: finds the preprocessing that a network was made for, and writes it down."""

import subprocess
import sys
import types

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from test_prusik import folder, run, sentence  # noqa: F401 (fixtures)

SIZE = 32
SCALES = {
    "0..255": ([0, 0, 0], [1, 1, 1]),
    "0..1": ([0, 0, 0], [255, 255, 255]),
    "-1..1": ([127.5] * 3, [127.5] * 3),
    "ImageNet mean and deviation": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "mean 123 117 104": ([123, 117, 104], [1, 1, 1]),
}


def stripes():
    """Red stripes on grey-green: R changes from column to column, G and B hardly."""
    rgb = np.full((SIZE, SIZE, 3), (60, 90, 30), np.uint8)
    rgb[:, ::4, 0] = rgb[:, 1::4, 0] = 220
    return rgb


def prepared(rgb, bgr, scale):
    mean, deviation = (np.float32(v) for v in SCALES[scale])
    x = (rgb.astype(np.float32) - mean) / deviation
    return np.ascontiguousarray((x[..., ::-1] if bgr else x).transpose(2, 0, 1)[None])


def network(path, bgr, scale, size=(SIZE, SIZE)):
    """Says class 2 when the stripes have the strength, and the colours the means, that they have
    when stripes() is prepared so; else anything. Of any size, if `size` is open."""
    x = prepared(stripes(), bgr, scale)
    steps = np.abs(np.diff(x, axis=3)).mean((2, 3)).ravel()
    means = x.mean((2, 3)).ravel()
    constants = {
        "steps": steps, "means": means, "unit": np.float32([max(steps.max(), 1e-6)]),
        "weights": np.zeros((6, 4)), "bias": np.float32([3, 3, 9, 2]),
        "left": [0], "right": [-1], "one": [1], "all": [2 ** 31], "axis": [3],
    }
    constants["weights"][:, 2] = -9
    graph = helper.make_graph(
        [helper.make_node("Slice", ["x", "left", "right", "axis"], ["a"]),
         helper.make_node("Slice", ["x", "one", "all", "axis"], ["b"]),
         helper.make_node("Sub", ["a", "b"], ["d"]), helper.make_node("Abs", ["d"], ["e"]),
         helper.make_node("ReduceMean", ["e"], ["s"], axes=[2, 3], keepdims=0),
         helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
         helper.make_node("Sub", ["s", "steps"], ["s1"]),
         helper.make_node("Sub", ["m", "means"], ["m1"]),
         helper.make_node("Concat", ["s1", "m1"], ["c"], axis=1),
         helper.make_node("Abs", ["c"], ["f"]),
         helper.make_node("Div", ["f", "unit"], ["g"]),
         helper.make_node("MatMul", ["g", "weights"], ["w"]),
         helper.make_node("Add", ["w", "bias"], ["y"])],
        "stripes", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(
            np.asarray(v, np.int64 if isinstance(v, list) else np.float32), name)
         for name, v in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    Image.fromarray(stripes()).save(tmp_path / "stripes.png")
    return tmp_path / "stripes.png"


@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize("scale", SCALES)
def test_finds_what_it_was_made_for(run, atc, photo, tmp_path, bgr, scale):  # noqa: F811
    network(tmp_path / "n.onnx", bgr, scale)
    out = tmp_path / "out"
    done = run("doctor", tmp_path / "n.onnx", photo, "--output", out)
    colours = "BGR" if bgr else "RGB"
    best = next(line for line in done.stdout.splitlines() if line.startswith("best: "))
    assert best.startswith(f"best: {colours}, {scale}, "), done.stdout
    assert "--expect" not in done.stdout  # nothing else comes near
    # The Python it writes gives what the network wants; no scaling is needed here.
    x = prepared(stripes(), bgr, scale)
    code = (out / "preprocess.py").read_text()
    if "k = min" in code or "cv2.resize(bgr, (W, H))" in code:
        fake = types.ModuleType("cv2")
        fake.resize = lambda picture, size: picture if picture.shape[1::-1] == size else None
        sys.modules["cv2"], kept = fake, sys.modules.get("cv2")
        try:
            module = {}
            exec(code, module)
        finally:
            sys.modules.pop("cv2")
            if kept:
                sys.modules["cv2"] = kept
        assert np.allclose(module["prepare"](stripes()[..., ::-1]), x, atol=1e-4)
    # And so does the model with its aipp.cfg, given the picture's bytes.
    subprocess.run([atc, f"--model={tmp_path}/n.onnx", "--framework=5", f"--output={tmp_path}/aipp",
                    "--soc_version=Ascend310", f"--insert_op_conf={out}/aipp.cfg"], check=True,
                   stdout=subprocess.DEVNULL)
    np.save(tmp_path / "bytes.npy", stripes()[None])
    np.save(tmp_path / "floats.npy", x)
    run("run", tmp_path / "aipp.om", "--input", tmp_path / "bytes.npy", "--output", tmp_path / "a")
    run("run", tmp_path / "n.onnx", "--input", tmp_path / "floats.npy", "--output", tmp_path / "f")
    a, f = (np.load(next((tmp_path / k).glob("00_*.npy"))) for k in "af")
    assert np.allclose(a, f, atol=2e-2) and a.argmax() == 2


def test_expect_and_several(run, photo, tmp_path):  # noqa: F811
    network(tmp_path / "n.onnx", True, "0..1")
    done = run("doctor", tmp_path / "n.onnx", photo, photo, "--expect", "2", "--output", tmp_path)
    assert "best: BGR, 0..1, " in done.stdout and "stripes.png and more" in done.stdout
    (tmp_path / "names.txt").write_text("a\nb\nred stripes\nd\n")
    done = run("doctor", tmp_path / "n.onnx", photo, "--expect", "red stripes", "--labels",
               tmp_path / "names.txt", "--output", tmp_path)
    assert "best: BGR, 0..1, " in done.stdout and "red stripes 0.9" in done.stdout
    # It never says class 3 with any confidence.
    done = run("doctor", tmp_path / "n.onnx", photo, "--expect", "3", "--output", tmp_path / "no",
               status=1)
    assert "nothing sensible" in done.stderr or "no way gives" in done.stderr
    assert not (tmp_path / "no").exists()


def test_all_ways(run, photo, tmp_path):  # noqa: F811
    network(tmp_path / "n.onnx", False, "0..1")
    few = run("doctor", tmp_path / "n.onnx", photo, "--output", tmp_path).stdout
    many = run("doctor", tmp_path / "n.onnx", photo, "--all", "--output", tmp_path).stdout
    assert few.count(" RGB, ") + few.count(" BGR, ") == 6 + 1
    assert many.count(" RGB, ") + many.count(" BGR, ") == 30 + 1


@pytest.mark.parametrize("gear, width, height", [("32,32", 32, 32), ("64,96", 96, 64)])
def test_a_gear(run, atc, photo, tmp_path, gear, width, height):  # noqa: F811
    """The stripes are as the network knows them only where they are not scaled."""
    network(tmp_path / "n.onnx", False, "0..1", ["h", "w"])
    subprocess.run([atc, f"--model={tmp_path}/n.onnx", "--framework=5", f"--output={tmp_path}/n",
                    "--soc_version=Ascend310", "--input_format=NCHW", "--input_shape=x:1,3,-1,-1",
                    "--dynamic_image_size=32,32;64,96"], check=True, stdout=subprocess.DEVNULL)
    sees, out = width == SIZE, tmp_path / "out"
    done = run("doctor", tmp_path / "n.om", photo, "--output", out, "--gear", gear,
               status=0 if sees else 1)
    assert f"(classifier, {width} x {height}):" in done.stdout
    assert ("best: RGB, 0..1, " in done.stdout) == sees
    if sees:
        assert "W, H, PAD = 32, 32, " in (out / "preprocess.py").read_text()
        assert "largest" not in (out / "preprocess.py").read_text() + done.stdout


def test_gears_the_picture_chooses_from(run, atc, photo, tmp_path):  # noqa: F811
    """What it writes is for the largest, and says so."""
    network(tmp_path / "n.onnx", False, "0..1", ["h", "w"])
    subprocess.run([atc, f"--model={tmp_path}/n.onnx", "--framework=5", f"--output={tmp_path}/n",
                    "--soc_version=Ascend310", "--input_format=NCHW", "--input_shape=x:1,3,-1,-1",
                    "--dynamic_image_size=32,32;64,96"], check=True, stdout=subprocess.DEVNULL)
    done = run("doctor", tmp_path / "n.om", photo, "--output", tmp_path / "out")
    assert "both are for the model's largest gear, 96 x 64; --gear names another" in done.stdout
    for name in ("preprocess.py", "aipp.cfg"):
        assert "largest gear" in (tmp_path / "out" / name).read_text()
    assert "W, H, PAD = 96, 64, " in (tmp_path / "out" / "preprocess.py").read_text()


def test_a_gear_that_is_none(run, photo, tmp_path):  # noqa: F811
    network(tmp_path / "n.onnx", False, "0..1")
    done = run("doctor", "--gear=32,32", tmp_path / "n.onnx", photo, status=1)
    assert "prusik doctor: --gear 32,32 is given, but" in done.stderr


def test_what_goes_wrong(run, photo, tmp_path):  # noqa: F811
    network(tmp_path / "n.onnx", False, "0..1")
    assert "usage: prusik doctor" in run("doctor", tmp_path / "n.onnx", status=2).stderr
    assert "gone.png" in run("doctor", tmp_path / "n.onnx", "gone.png", status=1).stderr
    assert "gone.onnx" in run("doctor", "gone.onnx", photo, status=1).stderr
    for wrong in ("dog", "4", "-1"):
        done = run("doctor", tmp_path / "n.onnx", photo, f"--expect={wrong}", status=1)
        assert f"--expect {wrong}: nothing says what the network's 4 classes are called; name it " \
            "by number, 0 to 3, or give --labels" in done.stderr
    (tmp_path / "names.txt").write_text("a\nb\nred stripes\nd\n")
    done = run("doctor", tmp_path / "n.onnx", photo, "--expect=dog", "--labels",
               tmp_path / "names.txt", status=1)
    assert f"no such class among its 4; their names are in {tmp_path}/names.txt" in done.stderr
    # A network that says the same whatever it sees has no right preprocessing.
    done = run("doctor", "yolox.om", photo, "--type=yolox", status=1)
    sentence(done, "doctor", "no way gives anything sensible")


@pytest.mark.long
@pytest.mark.parametrize("name, line", [
    ("yolox_nano_416", "best: BGR, 0..255, "),
    ("yolox_nano_416_v010_meanstd", "best: RGB, ImageNet mean and deviation, "),
    ("yolov5n_640", "best: RGB, 0..1, "), ("nanodet_m_416", "best: BGR, ImageNet mean and deviation, ")])
def test_trained_detectors(run, data_dir, tmp_path, monkeypatch, name, line):  # noqa: F811
    """Three photos tell what a trained detector wants."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = data_dir / "models" / f"{name}.onnx"
    photos = [data_dir / "images" / "photos" / f"{p}.jpg" for p in ("dog", "bus", "street")]
    if not source.exists() or not photos[0].exists():
        pytest.skip("not in the test data")
    done = run("doctor", source, *photos, "--output", tmp_path / "out")
    print(done.stdout)
    assert line in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("name, line, options", [
    ("mobilenetv2_fp32_dequantised", "best: RGB, ImageNet mean and deviation, ",
     ["--input-shape", "input:1,3,224,224"]),
    ("squeezenet_1.0_fp16", "best: BGR, mean 123 117 104, ", [])])
@pytest.mark.parametrize("first", [0, 3])
def test_trained_classifiers(run, data_dir, tmp_path, monkeypatch, name, line, options, first):  # noqa: F811
    """Five photos of different things tell what a trained classifier wants."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = data_dir / "models" / f"{name}.onnx"
    photos = sorted((data_dir / "images" / "imagenet50").glob("*.JPEG"))[first::10][:5]
    if not source.exists() or len(photos) < 5:
        pytest.skip("not in the test data")
    done = run("doctor", source, *photos, "--output", tmp_path / "out", *options)
    print(done.stdout)
    assert line in done.stdout


def test_what_a_photo_does_not_change_is_nothing(run, photo, tmp_path):  # noqa: F811
    """A network may be sure of the same class for whatever it sees."""
    logits = numpy_helper.from_array(np.float32([[1, 9, 0, 0]]), "logits")
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0),
         helper.make_node("Mul", ["m", "zero"], ["z"]), helper.make_node("Add", ["z", "logits"], ["y"])],
        "sure", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [logits, numpy_helper.from_array(np.float32(0), "zero")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "n.onnx")
    done = run("doctor", tmp_path / "n.onnx", photo, "--output", tmp_path / "out", status=1)
    assert "no way gives anything sensible" in done.stderr and not (tmp_path / "out").exists()
