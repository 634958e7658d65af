# SPDX-License-Identifier: Apache-2.0
"""detect, classify, eval and doctor with models that take bytes (AIPP): what comes out is what the
same network gives for floats."""
import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from test_prusik import CELLS, SIZE, constant_network, folder, run, sentence  # noqa: F401 (fixtures)

MEAN, DEVIATION = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
JPEG = [256, 0, 359, 256, -88, -183, 256, 454, 0]
NARROW = [298, 0, 409, 298, -100, -208, 298, 516, 0]
FORMATS = {
    "RGB888_U8": 1e-4, "XRGB8888_U8": 1e-4, "ARGB8888_U8": 1e-4, "AYUV444_U8": 6e-3,
    "YUYV_U8": 2e-2, "YUV422SP_U8": 2e-2, "YUV420SP_U8": 2e-2}


@pytest.fixture
def photo(tmp_path):
    """Something smooth, of odd size, with colours near the ends of their range."""
    small = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(small).resize((123, 87), Image.BICUBIC).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def convert(atc, tmp_path):
    def convert(source, config, name="aipp", *options):
        (tmp_path / f"{name}.cfg").write_text(config)
        done = subprocess.run(
            [atc, f"--model={source}", "--framework=5", f"--output={tmp_path / name}",
             "--soc_version=Ascend310", f"--insert_op_conf={tmp_path / name}.cfg", *options],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        return tmp_path / f"{name}.om"
    return convert


def static(kind, w, h, bgr=False, swap=False, mean=MEAN, deviation=DEVIATION, matrix=JPEG, **more):
    """A configuration that makes of pictures what a recipe would."""
    fields = {"aipp_mode": "static", "input_format": kind, "src_image_size_w": w,
              "src_image_size_h": h, "rbuv_swap_switch": str(swap).lower(), **more}
    if "YU" in kind:
        fields |= {"csc_switch": "true"}
        rows = [matrix[0:3], matrix[3:6], matrix[6:9]]
        for i, row in enumerate(rows[::-1] if bgr else rows):
            fields |= {f"matrix_r{i}c{k}": v for k, v in enumerate(row)}
        fields |= {"input_bias_0": 16 if matrix is NARROW else 0, "input_bias_1": 128,
                   "input_bias_2": 128}
    for c in range(3):
        at = 2 - c if bgr else c
        fields |= {f"mean_chn_{c}": int(mean[at]), f"min_chn_{c}": mean[at] - int(mean[at]),
                   f"var_reci_chn_{c}": 1 / deviation[at]}
    return "aipp_op {\n" + "".join(f"  {k}: {v}\n" for k, v in fields.items()) + "}\n"


def dynamic(size):
    return f"aipp_op {{ aipp_mode: dynamic max_src_image_size: {size} }}\n"


def classifier(path, scale=1):
    """Ten classes, each a sum over the parts of the picture."""
    weights = np.random.default_rng(2).standard_normal((192, 10)) * 0.4 * scale
    graph = helper.make_graph(
        [helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
         helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])],
        "classes", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(weights.astype(np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


def scores(run, model, photo, *options):  # noqa: F811
    done = run("classify", "--json", "--top", "10", *options, model, photo)
    return {c["class_id"]: c["score"] for c in json.loads(done.stdout)[0]["classes"]}


def check_scores(got, want, tolerance):
    assert got.keys() == want.keys()
    assert max(abs(got[c] - want[c]) for c in want) < tolerance, (got, want)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("swap", [False, True])
def test_classifier(run, convert, photo, tmp_path, kind, swap):  # noqa: F811
    """Every format, whole and as a part of a larger picture; however channels are swapped."""
    source, tolerance = classifier(tmp_path / "n.onnx"), FORMATS[kind]
    want = scores(run, source, photo, "--type", "imagenet")
    assert len(want) == 10 and max(want.values()) > 0.2
    more = {"ax_swap_switch": "true"} if "8888" in kind and swap else {}
    om = convert(source, static(kind, SIZE, SIZE, swap=swap, **more))
    check_scores(scores(run, om, photo), want, tolerance)
    crop = {"crop": "true", "load_start_pos_w": 6, "load_start_pos_h": 4, "crop_size_w": SIZE,
            "crop_size_h": SIZE}
    om = convert(source, static(kind, 76, 90, swap=swap, matrix=NARROW, **crop, **more), "crop")
    check_scores(scores(run, om, photo), want, tolerance)


@pytest.mark.parametrize("kind", ["RGB888_U8", "YUV420SP_U8"])
def test_order_of_colours(run, convert, photo, tmp_path, kind):  # noqa: F811
    """The network gets the order its family has, also from a matrix that gives blue first."""
    source, tolerance = classifier(tmp_path / "n.onnx"), FORMATS[kind]
    means = {"mean": [123, 117, 104], "deviation": [40, 40, 40]}
    for bgr in (False, True):
        om = convert(source, static(kind, SIZE, SIZE, bgr=bgr, **means))
        names = ["imagenet", "imagenet-caffe"]
        a, b = (scores(run, om, photo, "--type", name) for name in names)
        # Both are this network's, once with RGB and once with BGR.
        assert max(abs(a[c] - b[c]) for c in a) > 2 * tolerance
    source = classifier(tmp_path / "small.onnx", 1 / 58)
    om = convert(source, static(kind, SIZE, SIZE, bgr=True, mean=[123, 117, 104],
                                deviation=[1, 1, 1]))
    want = scores(run, source, photo, "--type", "imagenet-caffe")
    check_scores(scores(run, om, photo, "--type", "imagenet-caffe"), want, tolerance)


def test_dynamic(run, convert, photo, tmp_path):  # noqa: F811
    """The family's means are set for the run; where RGB has no room, NV12 is given."""
    for family, scale in (("imagenet", 1), ("imagenet-caffe", 1 / 58)):
        source = classifier(tmp_path / "n.onnx", scale)
        want = scores(run, source, photo, "--type", family)
        for size, tolerance in ((SIZE * SIZE * 3, 5e-3), (100000, 5e-3), (SIZE * SIZE * 2, 4e-2)):
            om = convert(source, dynamic(size))
            check_scores(scores(run, om, photo, "--type", family), want, tolerance)
    om = convert(source, dynamic(SIZE * SIZE))
    sentence(run("classify", om, photo, status=1), "classify", "has no room")


def test_boxes_go_back(run, convert, photo, tmp_path):  # noqa: F811
    """A box in the network's input lies, in the picture, behind padding, resize, crop and
    letterbox."""
    rows = np.zeros((1, CELLS, 85), np.float32)
    rows[..., 4] = -20
    rows[0, 0] = [2, 3, np.log(2.5), np.log(2), 1, 1] + [0] * 79  # 16,24; 20 x 16 in the input
    constant_network(tmp_path / "n.onnx", rows)
    for family in ("yolox", "yolox-meanstd"):
        plain = json.loads(run("detect", "--json", "--type", family, tmp_path / "n.onnx",
                               photo).stdout)[0]["detections"]
        assert len(plain) == 1
        k = min(SIZE / 123, SIZE / 87)
        assert plain[0]["box"] == pytest.approx([6 / k, 16 / k, 26 / k, 32 / k], abs=0.1)
    more = {"crop": "true", "load_start_pos_w": 10, "load_start_pos_h": 20, "crop_size_w": 80,
            "crop_size_h": 100, "resize": "true", "resize_output_w": 56, "resize_output_h": 50,
            "padding": "true", "left_padding_size": 3, "right_padding_size": 5,
            "top_padding_size": 6, "bottom_padding_size": 8}
    om = convert(tmp_path / "n.onnx", static("YUV420SP_U8", 120, 160, **more))
    box = json.loads(run("detect", "--json", "--type", "yolox", om,
                         photo).stdout)[0]["detections"][0]["box"]
    k = min(80 / 123, 100 / 87)
    x, y = k * 56 / 80, k * 50 / 100
    assert box == pytest.approx([3 / x, 10 / y, 23 / x, 26 / y], abs=0.1)


def test_what_does_not_fit(run, convert, atc, photo, tmp_path):  # noqa: F811
    grey = np.zeros((1, 10), np.float32)
    constant_network(tmp_path / "grey.onnx", grey, shape=(1, 1, SIZE, SIZE))
    om = convert(tmp_path / "grey.onnx", "aipp_op { aipp_mode: static input_format: YUV400_U8 }")
    sentence(run("classify", om, photo, status=1), "classify", "one RGB picture")
    source = classifier(tmp_path / "n.onnx")
    om = convert(source, static("YUV420SP_U8", SIZE, SIZE, matrix=[256, 0, 0] * 3))
    sentence(run("classify", om, photo, status=1), "classify", "colour matrix")


def near(a, b, score, iou):
    """Whether two lists of detections are the same things, but for what is at the threshold."""
    return missed(a, b, score, iou) + missed(b, a, score, iou) == []


def missed(a, b, score, iou):
    """The detections of a which are not in b."""
    out = []
    for d in a:
        def overlap(e):
            (x1, y1, x2, y2), (u1, v1, u2, v2) = d["box"], e["box"]  # noqa: B023
            w, h = min(x2, u2) - max(x1, u1), min(y2, v2) - max(y1, v1)
            area = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1)
            return w * h / (area - w * h) if w > 0 and h > 0 else 0
        if d["score"] > 0.4 + score and not any(
                e["class_id"] == d["class_id"] and abs(e["score"] - d["score"]) < score and
                overlap(e) > iou for e in b):
            out.append(d)
    return out


def found(run, model, photos, *options):  # noqa: F811
    done = run("detect", "--json", "--conf", "0.4", *options, model, *photos)
    return [e["detections"] for e in json.loads(done.stdout)]


@pytest.mark.parametrize("name, family, bgr, means", [
    ("yolox_nano_416", "yolox", True, ([0, 0, 0], [1, 1, 1])),
    ("yolov5n_640", "yolov5", False, ([0, 0, 0], [255, 255, 255]))])
def test_detectors(run, convert, data_dir, tmp_path, name, family, bgr, means):  # noqa: F811
    """Boxes on photos: equal for RGB, a little different where colours lose half their pixels."""
    source = data_dir / "models" / f"{name}.onnx"
    photos = [data_dir / "images" / "photos" / f"{p}.jpg" for p in ("dog", "bus", "street")]
    if not source.exists() or not photos[0].exists():
        pytest.skip("not in the test data")
    size = int(name.rpartition("_")[2])
    want = found(run, source, photos, "--type", family)
    assert all(want)
    mean, deviation = means
    for kind, score, iou in (("RGB888_U8", 1e-3, 0.99), ("YUV420SP_U8", 0.1, 0.85)):
        om = convert(source, static(kind, size, size, bgr, mean=mean, deviation=deviation))
        got = found(run, om, photos, "--type", family)
        assert all(near(a, b, score, iou) for a, b in zip(want, got)), [
            missed(a, b, score, iou) + missed(b, a, score, iou) for a, b in zip(want, got)]
    om = convert(source, dynamic(size * size * 3))
    got = found(run, om, photos, "--type", family)
    assert all(near(a, b, 2e-2, 0.97) for a, b in zip(want, got)), (want, got)


def test_doctor(run, convert, photo, tmp_path):  # noqa: F811
    """With static AIPP only the order of colours and the geometry are to be found; with dynamic
    AIPP everything, as it is set for each run."""
    from test_doctor import network, prepared, stripes
    Image.fromarray(stripes()).save(tmp_path / "stripes.png")
    assert prepared(stripes(), True, "0..1").shape == (1, 3, 32, 32)
    for bgr in (False, True):
        colours = "BGR" if bgr else "RGB"
        network(tmp_path / "n.onnx", bgr, "0..1")
        values = {"mean": [0, 0, 0], "deviation": [255, 255, 255]}
        om = convert(tmp_path / "n.onnx", static("RGB888_U8", 32, 32, bgr, **values))
        done = run("doctor", om, tmp_path / "stripes.png", "--all", "--output", tmp_path / "none")
        lines = done.stdout.splitlines()
        assert "6 ways" in lines[0] and any(s.startswith(f"best: {colours}, ") for s in lines)
        assert "means and deviations are in the model" in done.stdout
        assert not (tmp_path / "none").exists()
        om = convert(tmp_path / "n.onnx", dynamic(10000), "dynamic")
        done = run("doctor", om, tmp_path / "stripes.png", "--output", tmp_path / "out")
        assert f"best: {colours}, 0..1, " in done.stdout and "30 ways" in done.stdout
        assert "--model=MODEL.onnx" in done.stdout and (tmp_path / "out" / "aipp.cfg").exists()


def test_eval(run, convert, photo, tmp_path):  # noqa: F811
    """The same top-1 and top-5 as with floats."""
    source = classifier(tmp_path / "n.onnx")
    rng = np.random.default_rng(5)
    for label in range(10):
        (tmp_path / "set" / f"{label:02}").mkdir(parents=True)
        for k in range(2):
            small = rng.integers(0, 256, (4, 5, 3), np.uint8)
            Image.fromarray(small).resize((90, 71), Image.BICUBIC).save(
                tmp_path / "set" / f"{label:02}" / f"{k}.png")
    ask = ("eval", "--json", "--imagenet", tmp_path / "set", "--type", "imagenet")
    want = json.loads(run(*ask, source).stdout)
    got = json.loads(run(*ask, convert(source, static("RGB888_U8", SIZE, SIZE))).stdout)
    assert (got["top1"], got["top5"]) == (want["top1"], want["top5"]) and 0 < got["top5"] < 1
