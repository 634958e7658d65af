# SPDX-License-Identifier: Apache-2.0
"""detect, classify and eval with models whose batch or sizes are gears: what comes out is what the
same network gives at that size alone."""
import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from test_aipp_models import dynamic, static
from test_prusik import folder, run, sentence  # noqa: F401 (fixtures)

SIZES = [(64, 64), (64, 128), (128, 64), (128, 128)]  # height, width
PHOTOS = {"square": (90, 90), "wide": (140, 61), "high": (61, 133), "small": (40, 33),
          "large": (900, 890)}  # width, height


def chosen(width, height):
    """In which the picture is largest, but not larger than it is; then the fewest pixels."""
    return min(SIZES, key=lambda s: (-min(s[1] / width, s[0] / height, 1), s[0] * s[1]))


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A YOLOX of any size: at each stride boxes out of the mean colours there."""
    path = tmp_path_factory.mktemp("gears") / "net.onnx"
    rng, nodes, weights = np.random.default_rng(4), [], []
    for k, stride in enumerate((8, 16, 32)):
        # Objectness and the best classes are clear of the threshold on about half of the cells.
        w = rng.standard_normal((85, 3, 1, 1)).astype(np.float32) * 0.02
        w[2:4] *= 0.1
        bias = np.zeros(85, np.float32)
        nodes += [
            helper.make_node("AveragePool", ["x"], [f"p{k}"], kernel_shape=[stride] * 2,
                             strides=[stride] * 2),
            helper.make_node("Conv", [f"p{k}", f"w{k}", f"b{k}"], [f"c{k}"]),
            helper.make_node("Sigmoid", [f"c{k}"], [f"s{k}"]),
            helper.make_node("Reshape", [f"s{k}", "shape"], [f"r{k}"])]
        weights += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(bias, f"b{k}")]
    nodes += [helper.make_node("Concat", ["r0", "r1", "r2"], ["all"], axis=2),
              helper.make_node("Transpose", ["all"], ["y"], perm=[0, 2, 1])]
    weights.append(numpy_helper.from_array(np.int64([0, 85, -1]), "shape"))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "boxes", 85])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    at = tmp_path_factory.mktemp("photos")
    for i, (name, size) in enumerate(PHOTOS.items()):
        small = np.random.default_rng(i).integers(0, 256, (5, 7, 3), np.uint8)
        Image.fromarray(small).resize(size, Image.BICUBIC).save(at / f"{name}.png")
    return at


@pytest.fixture(scope="module")
def convert(atc, tmp_path_factory):
    at = tmp_path_factory.mktemp("converted")

    def convert(source, *options, config=None, **more):
        target = at / f"model{len(list(at.iterdir()))}"
        if config:
            target.with_suffix(".cfg").write_text(config)
            options += (f"--insert_op_conf={target}.cfg",)
        done = subprocess.run([atc, f"--model={source}", "--framework=5", f"--output={target}",
                               "--soc_version=Ascend310", "--input_format=NCHW", *options],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        return target.with_suffix(".om")
    return convert


@pytest.fixture
def found(run):  # noqa: F811
    def found(model, *arguments, command="detect", family="yolox"):
        done = run(command, "--json", "--type", family, model, *arguments)
        return [{k: v for k, v in e.items() if k != "timing_ms"} for e in json.loads(done.stdout)]
    return found


def check(got, want):
    assert got == want and sum(len(e["detections"]) for e in want) >= 5 * len(want)


def fixed(convert, detector, size, **more):
    return convert(detector, f"--input_shape=x:1,3,{size[0]},{size[1]}", **more)


IMAGE = ["--input_shape=x:1,3,-1,-1",
         "--dynamic_image_size=" + ";".join(f"{h},{w}" for h, w in SIZES)]


@pytest.mark.parametrize("batches", ["1,4", "2,3"])
def test_batch(convert, detector, found, photos, batches):
    """The smallest is taken, even if that is more than one picture."""
    om = convert(detector, "--input_shape=x:-1,3,64,64", f"--dynamic_batch_size={batches}")
    want = found(fixed(convert, detector, (64, 64)), photos)
    check(found(om, photos), want)
    check(found(om, photos, "--gear", batches.split(",")[1]), want)


def test_image_sizes(convert, detector, found, photos):
    om = convert(detector, *IMAGE)
    taken = set()
    for name, size in PHOTOS.items():
        taken.add(chosen(*size))
        check(found(om, photos / f"{name}.png"),
              found(fixed(convert, detector, chosen(*size)), photos / f"{name}.png"))
    assert len(taken) == 4
    # Going from one to another leaves nothing behind, whatever worker takes which.
    want = [found(om, p)[0] for p in sorted(photos.iterdir())]
    for workers in "1", "3":
        assert found(om, photos, photos, "--workers", workers) == want * 2
    for h, w in SIZES:
        check(found(om, photos, "--gear", f"{h},{w}"),
              found(fixed(convert, detector, (h, w)), photos))


def test_dims(convert, detector, found, photos):
    om = convert(detector, "--input_shape=x:-1,3,-1,-1", "--input_format=ND",
                 "--dynamic_dims=2,64,64;4,128,128;2,64,128")
    for name, size in {"square": (64, 64), "wide": (64, 128)}.items():
        check(found(om, photos / f"{name}.png"),
              found(fixed(convert, detector, size), photos / f"{name}.png"))
    check(found(om, photos, "--gear", "4,128,128"),
          found(fixed(convert, detector, (128, 128)), photos))


@pytest.mark.parametrize("kind", ["RGB888_U8", "YUV420SP_U8"])
def test_static_aipp(convert, detector, found, photos, kind):
    plain = {"mean": [0] * 3, "deviation": [1] * 3, "bgr": True}
    want = found(fixed(convert, detector, (64, 64), config=static(kind, 64, 64, **plain)), photos)
    om = convert(detector, "--input_shape=x:-1,3,64,64", "--dynamic_batch_size=2,3",
                 config=static(kind, 64, 64, **plain))
    check(found(om, photos), want)
    om = convert(detector, *IMAGE, config=static(kind, 0, 0, **plain))
    for name, (w, h) in PHOTOS.items():
        size = chosen(w, h)
        check(found(om, photos / f"{name}.png"),
              found(fixed(convert, detector, size, config=static(kind, size[1], size[0], **plain)),
                    photos / f"{name}.png"))


@pytest.mark.parametrize("bytes_a_pixel", [3, 1.5])
def test_dynamic_aipp(convert, detector, found, photos, bytes_a_pixel):
    """Means of a batch are set for each of its pictures: zeros would do, so this family has some."""
    room = int(128 * 128 * bytes_a_pixel)
    family = {"family": "yolox-meanstd"}
    one = {s: fixed(convert, detector, s, config=dynamic(int(s[0] * s[1] * bytes_a_pixel)))
           for s in SIZES}
    want = found(one[64, 64], photos, **family)
    om = convert(detector, "--input_shape=x:-1,3,64,64", "--dynamic_batch_size=2,3",
                 config=dynamic(int(64 * 64 * bytes_a_pixel * 3)))
    assert found(om, photos, **family) == want
    om = convert(detector, *IMAGE, config=dynamic(room))
    if bytes_a_pixel == 3:
        for name, (w, h) in PHOTOS.items():
            assert found(om, photos / f"{name}.png", **family) == found(
                one[chosen(w, h)], photos / f"{name}.png", **family)
    else:
        assert found(om, photos / "large.png", **family) == found(
            one[128, 128], photos / "large.png", **family)


def test_classify(convert, run, photos, tmp_path):  # noqa: F811
    weights = np.random.default_rng(2).standard_normal((192, 10)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
         helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])],
        "classes", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "c.onnx")
    seen = []
    for options in (["--input_shape=x:1,3,64,64"],
                    ["--input_shape=x:-1,3,64,64", "--dynamic_batch_size=3,8"]):
        om = convert(tmp_path / "c.onnx", *options)
        done = json.loads(run("classify", "--json", om, photos).stdout)
        seen.append([e["classes"] for e in done])
        (tmp_path / "set" / "0").mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / "0" / "a.png").write_bytes((photos / "wide.png").read_bytes())
        seen[-1].append(json.loads(run("eval", "--json", "--imagenet", tmp_path / "set", om,
                                       ).stdout)["top1"])
    assert seen[0] == seen[1]


def test_wrong_gear(convert, detector, run, photos):  # noqa: F811
    om = convert(detector, *IMAGE)
    picture = photos / "wide.png"
    sentence(run("detect", "--gear", "64,63", om, picture, status=1), "detect",
             "has no gear 64,63; it has 64,64; 64,128; 128,64; 128,128")
    om = fixed(convert, detector, (64, 64))
    sentence(run("detect", "--gear", "4", om, picture, status=1), "detect", "has no gears")
    om = convert(detector, "--input_shape=x:-1,3,-1,-1", "--input_format=ND",
                 "--dynamic_dims=1,64,64;1,64,96")
    run("detect", "--type=yolox", "--no-draw", om, picture)
