# SPDX-License-Identifier: Apache-2.0
"""prusik's commands on small networks made here: usage, results, and errors people make."""

import json
import os
import pathlib
import subprocess
import sys
import zlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(pathlib.Path(__file__).parents[1] / "import"))
from caffe_writer import caffemodel, head, layer  # noqa: E402

SIZE = 64
CELLS = 8 * 8 + 4 * 4 + 2 * 2


def constant_network(path, value, shape=(1, 3, SIZE, SIZE), dtype=TensorProto.FLOAT, outputs=1):
    """One picture in; what comes out is `value`, whatever the picture shows."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=list(range(len(shape))), keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["n"]),
    ]
    nodes += [helper.make_node("Add", ["value", "n"], [f"y{i}"]) for i in range(outputs)]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(f"y{i}", dtype, value.shape) for i in range(outputs)],
        [
            numpy_helper.from_array(value.astype(np.float32), "value"),
            numpy_helper.from_array(np.float32(0), "zero"),
        ],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )


def png(path, width=80, height=40):
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = (b"\0" + bytes([40, 90, 140]) * width) * height
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def folder(atc, tmp_path_factory):
    """yolox.om finds a dog and a car, top.om says class 2, adder.om adds two tensors; pictures."""
    at = tmp_path_factory.mktemp("prusik")
    boxes = np.zeros((1, CELLS, 85), np.float32)
    boxes[0, 64 + 5, [0, 1, 2, 3, 4, 5 + 16]] = [
        0,
        0,
        np.log(1),
        np.log(1),
        0.9,
        1,
    ]  # 16,16, 16 wide
    boxes[0, 64 + 16, [0, 1, 2, 3, 4, 5 + 2]] = [0.5, 0.25, 0, np.log(0.25), 0.5, 1]
    constant_network(at / "yolox.onnx", boxes)
    constant_network(at / "top.onnx", np.log(np.float32([[0.1, 0.2, 0.6, 0.1]])))
    constant_network(at / "odd.onnx", np.zeros((1, 7, 9)))
    constant_network(at / "many.onnx", boxes, outputs=2)
    constant_network(at / "vector.onnx", np.zeros((1, 4)), shape=(1, 12))
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["sum/of:both"])],
        "adder",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in "ab"],
        [helper.make_tensor_value_info("sum/of:both", TensorProto.FLOAT, [2, 3])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
        at / "adder.onnx",
    )
    for path in sorted(at.glob("*.onnx")):
        done = subprocess.run(
            [
                atc,
                f"--model={path}",
                "--framework=5",
                "--soc_version=Ascend310",
                f"--output={path.with_suffix('')}",
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    png(at / "a.png")
    png(at / "b.photo", 64, 64)  # told by content, not by name
    (at / "broken.png").write_bytes((at / "a.png").read_bytes()[:70])
    (at / "empty.jpg").write_bytes(b"")
    (at / "claims.png").write_bytes((at / "a.png").read_bytes())
    png(at / "big.png", 60000, 1)
    return at


@pytest.fixture
def run(prusik, folder):
    def call(*arguments, status=0, env=None):
        done = subprocess.run(
            [prusik, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, **(env or {})},
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done

    call.prusik = prusik
    call.folder = folder
    return call


def sentence(done, command, part):
    """One line on stderr that names the command and says `part`."""
    assert done.stderr.startswith(f"prusik {command}: "), done.stderr
    assert part in done.stderr and done.stderr.count("\n") == 1, done.stderr


COMMANDS = ["detect", "classify", "run", "bench", "info", "pull", "conformance"]


def test_help(run):
    text = run("--help").stdout
    for name in COMMANDS:
        assert f"  {name} " in text
        assert f"prusik {name}" in run(name, "--help").stdout
    assert all(len(line) <= 100 for line in text.splitlines())
    assert run(status=2).stderr == text
    assert "no command 'detekt'" in run("detekt", status=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["detect"],
        ["detect", "yolox.om"],
        ["classify", "top.om"],
        ["run"],
        ["run", "a", "b"],
        ["bench"],
        ["info"],
        ["info", "a", "b"],
        ["info", "--wrong", "a"],
        ["detect", "--wrong", "yolox.om", "a.png"],
        ["pull"],
        ["conformance"],
    ],
)
def test_usage(run, arguments):
    done = run(*arguments, status=2)
    assert "usage: prusik " + arguments[0] in done.stderr + done.stdout or arguments == ["pull"]


@pytest.mark.parametrize(
    "command, option",
    [
        ("detect", "--conf=nan"),
        ("detect", "--conf=0"),
        ("detect", "--conf=2"),
        ("detect", "--iou=-1"),
        ("detect", "--threads=0"),
        ("detect", "--threads=1x"),
        ("detect", "--max-det="),
        ("detect", "--max-det=1.5"),
        ("classify", "--top=0"),
        ("classify", "--top=1e99"),
        ("run", "--seed=-1"),
        ("bench", "--runs=0"),
        ("bench", "--runs=many"),
        ("bench", "--warmup=-1"),
    ],
)
def test_bad_numbers(run, command, option):
    done = run(
        command,
        option,
        "yolox.om",
        *(["a.png"] if command in ("detect", "classify") else []),
        status=2,
    )
    sentence(done, command, option.split("=")[0])


def test_unknown_option(run):
    lines = run("detect", "--colour", "yolox.om", "a.png", status=2).stderr.splitlines()
    assert lines[0] == "prusik detect: unrecognized option '--colour'"
    assert lines[1].startswith("usage: prusik detect ")


def test_unknown_family(run):
    sentence(
        run("detect", "--type", "yolo", "yolox.om", "a.png", status=2), "detect", "yolox-meanstd"
    )


def test_detect_json(run):
    entries = json.loads(run("detect", "--json", "yolox.om", "a.png", "b.photo").stdout)
    assert [e["image"] for e in entries] == ["a.png", "b.photo"]
    entry = entries[0]
    assert list(entry) == ["image", "width", "height", "detections", "timing_ms"]
    assert (entry["width"], entry["height"]) == (80, 40)
    assert list(entry["timing_ms"]) == ["decode", "preprocess", "infer", "postprocess"]
    assert all(v >= 0 for v in entry["timing_ms"].values())
    dog, car = entry["detections"]
    assert (dog["class_id"], dog["label"]) == (16, "dog")
    assert dog["score"] == pytest.approx(0.9, abs=1e-5)
    # 80 wide came in as 64: 16 +- 8 goes back to 10..30.
    assert dog["box"] == pytest.approx([10, 10, 30, 30], abs=1e-3)
    assert (car["class_id"], car["label"], len(car["box"])) == (2, "car", 4)
    assert (
        len(
            json.loads(run("detect", "--json", "--conf", "0.6", "yolox.om", "a.png").stdout)[0][
                "detections"
            ]
        )
        == 1
    )
    assert (
        len(
            json.loads(run("detect", "--json", "--max-det", "1", "yolox.om", "a.png").stdout)[0][
                "detections"
            ]
        )
        == 1
    )


def test_detect_table(run):
    text = run("detect", "yolox.om", "a.png").stdout
    lines = text.splitlines()
    assert "80 x 40" in lines[0]
    dog = next(line for line in lines if "dog" in line)
    assert dog.split() == ["dog", "0.900", "10", "10", "30", "30"]
    assert all(len(line) <= 100 for line in lines)
    assert "nothing" in run("detect", "--conf", "0.99", "yolox.om", "a.png").stdout


def test_detect_labels(run, folder):
    (folder / "names.txt").write_text("\r\n".join(f"thing {i}" for i in range(17)))
    entries = json.loads(
        run("detect", "--json", "--labels", "names.txt", "yolox.om", "a.png").stdout
    )
    assert [d["label"] for d in entries[0]["detections"]] == ["thing 16", "thing 2"]
    sentence(
        run("detect", "--labels", "none.txt", "yolox.om", "a.png", status=1), "detect", "none.txt"
    )
    sentence(
        run("detect", "--labels", "empty.jpg", "yolox.om", "a.png", status=1), "detect", "labels"
    )


def test_labels_of_other_alphabets(run, folder):
    """UTF-8 as it is, also behind the mark that Windows' editors set; what else there is, refused."""
    names = [f"狗 {i}" for i in range(80)]
    (folder / "cats.txt").write_text("\n".join(names), encoding="utf-8-sig")
    arguments = ("detect", "--json", "--labels", "cats.txt", "yolox.om", "a.png")
    found = json.loads(run(*arguments).stdout)[0]["detections"]
    assert [d["label"] for d in found] == ["狗 16", "狗 2"]
    assert run(*arguments, "--classes", "狗 0").stdout  # the first line is a name like others
    (folder / "cats.txt").write_bytes("\n".join(["cat"] * 6 + names).encode("gbk"))
    sentence(run(*arguments, status=1), "detect", "cats.txt: line 7 is not UTF-8; convert")
    for wrong in (b"\xc0\x80", b"\xed\xa0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xe7\x8c"):
        (folder / "cats.txt").write_bytes(b"cat\n" + wrong + b"\n")
        sentence(run(*arguments, status=1), "detect", "line 2 is not UTF-8")


def test_boxes_that_are_no_numbers(run, folder, tmp_path):
    """A network may be sure of a box that lies nowhere: it is none, in whatever form is asked for."""
    boxes = np.zeros((1, CELLS, 85), np.float32)
    boxes[0, 3, [0, 4, 5]] = [np.nan, 0.9, 1]
    boxes[0, 9, [4, 5 + 7]] = [0.9, 1]
    constant_network(tmp_path / "n.onnx", boxes)
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    options = ("detect", "--type=yolox", "--output", tmp_path / "o", tmp_path / "n.onnx", "a.png")
    found = json.loads(run(*options, "--json", "--csv", "--save-crop", env=cache).stdout)
    assert [d["class_id"] for d in found[0]["detections"]] == [7]
    assert (tmp_path / "o" / "results.csv").read_text().count("\n") == 2
    assert "person" not in run(*options, env=cache).stdout


def test_detect_output(run, tmp_path):
    run("detect", "--output", tmp_path / "drawn", "yolox.om", "a.png", "b.photo")
    assert sorted(p.name for p in (tmp_path / "drawn").iterdir()) == ["a.png", "b.png"]
    plain = json.loads(run("detect", "--json", "yolox.om", tmp_path / "drawn" / "a.png").stdout)[0]
    assert (plain["width"], plain["height"]) == (80, 40)
    done = run("detect", "--output", "a.png", "yolox.om", "a.png", status=1)
    assert "a.png" in done.stderr
    assert "/proc/no" in run("detect", "--output", "/proc/no", "yolox.om", "a.png", status=1).stderr


def test_ambiguity_is_said(run):
    sentence(run("detect", "yolox.om", "a.png"), "detect", "--type yolox-meanstd")
    sentence(run("classify", "top.om", "a.png"), "classify", "--type imagenet-caffe")
    assert not run("detect", "--type", "yolox", "yolox.om", "a.png").stderr


def test_one_bad_picture(run):
    pictures = ["broken.png", "a.png", "gone.jpg", "empty.jpg", "yolox.om", "b.photo"]
    done = run("detect", "--json", "--type", "yolox", "yolox.om", *pictures, status=1)
    assert [e["image"] for e in json.loads(done.stdout)] == ["a.png", "b.photo"]
    lines = done.stderr.splitlines()
    assert len(lines) == 5 and all(line.startswith("prusik detect: ") for line in lines)
    assert "2 pictures" in lines[-1] and "4 failed" in lines[-1]
    for name in ("broken.png", "gone.jpg", "empty.jpg", "yolox.om"):
        assert any(name in line for line in lines)


@pytest.mark.parametrize(
    "model, part",
    [
        ("gone.om", "gone.om"),
        (".", "."),
        ("empty.jpg", "empty.jpg"),
        ("a.png", "a.png"),
        ("odd.om", "[1,7,9]"),
        ("many.om", "[1,84,85]"),
        ("adder.om", "2 inputs"),
        ("vector.om", "picture"),
        ("top.om", "prusik classify"),
    ],
)
def test_wrong_model(run, model, part):
    sentence(run("detect", model, "a.png", status=1), "detect", part)


def test_wrong_type(run):
    sentence(run("detect", "--type", "yolov8", "yolox.om", "a.png", status=1), "detect", "yolov8")
    sentence(run("classify", "yolox.om", "a.png", status=1), "classify", "prusik detect")


def test_classify(run, folder):
    (folder / "four.txt").write_text("a\nb\nc\nd\n")
    entries = json.loads(
        run("classify", "--json", "--labels", "four.txt", "--top", "3", "top.om", "a.png").stdout
    )
    classes = entries[0]["classes"]
    assert [c["label"] for c in classes][:2] == ["c", "b"] and len(classes) == 3
    assert [c["score"] for c in classes][:2] == pytest.approx([0.6, 0.2], abs=1e-5)
    assert "0.6000  class 2" in run("classify", "top.om", "a.png").stdout


def test_run(run, folder, tmp_path):
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.full((2, 3), 0.5, np.float32)
    np.save(folder / "a.npy", a)
    np.save(folder / "b.npy", b)
    run("run", "adder.om", "--input", "a.npy", "--input", "b.npy", "--output", tmp_path / "out")
    (result,) = (tmp_path / "out").iterdir()
    assert result.name == "00_sum_of_both.npy"
    assert (np.load(result) == a + b).all()
    run("run", "--seed", "1", "--output", tmp_path / "one", "adder.om")
    run("run", "--seed", "1", "--output", tmp_path / "again", "adder.om")
    run("run", "--seed", "2", "--output", tmp_path / "two", "adder.om")
    one, again, two = (np.load(tmp_path / n / result.name) for n in ("one", "again", "two"))
    assert (one == again).all() and (one != two).any()


@pytest.mark.parametrize(
    "name, part",
    [
        ("gone.npy", "gone.npy"),
        ("a.png", ".npy"),
        ("half.npy", "half.npy"),
        ("typeless.npy", "header is damaged"),
        ("short.npy", "shape needs"),
        ("fortran.npy", "Fortran"),
        ("wide.npy", "float32[2,4]"),
        ("double.npy", "float64[2,3]"),
        ("complex.npy", "not supported"),
        ("negative.npy", "shape"),
        ("huge.npy", "huge.npy"),
        (".", "."),
    ],
)
def test_run_bad_input(run, folder, name, part):
    good = np.zeros((2, 3), np.float32)
    np.save(folder / "good.npy", good)
    raw = (folder / "good.npy").read_bytes()
    (folder / "half.npy").write_bytes(raw[:40])
    (folder / "short.npy").write_bytes(raw[:-4])
    header = b"{'fortran_order': False, 'shape': (2, 3), 'descr':"
    (folder / "typeless.npy").write_bytes(b"\x93NUMPY\1\0" + bytes([len(header), 0]) + header)
    (folder / "negative.npy").write_bytes(raw.replace(b"(2, 3)", b"(-2,3)"))
    (folder / "huge.npy").write_bytes(
        raw.replace(b"(2, 3), }          ", b"(4294967296, 4294967296), }")[:128]
    )
    np.save(folder / "fortran.npy", np.asfortranarray(good))
    np.save(folder / "wide.npy", np.zeros((2, 4), np.float32))
    np.save(folder / "double.npy", good.astype(np.float64))
    np.save(folder / "complex.npy", good.astype(np.complex64))
    sentence(run("run", "adder.om", "--input", "good.npy", "--input", name, status=1), "run", part)


def test_run_counts(run, folder):
    np.save(folder / "good.npy", np.zeros((2, 3), np.float32))
    sentence(run("run", "adder.om", "--input", "good.npy", status=1), "run", "give all or none")
    sentence(run("run", "adder.om", *["--input", "good.npy"] * 3, status=1), "run", "3 inputs")
    sentence(run("run", "gone.om", status=1), "run", "gone.om")
    sentence(run("run", "--output", "good.npy", "adder.om", status=1), "run", "good.npy cannot be "
             "made a folder: Not a directory")


def test_bench(run):
    result = json.loads(run("bench", "--json", "--runs", "5", "--warmup", "1", "yolox.om").stdout)
    assert result["runs"] == 5
    assert 0 < result["min_ms"] <= result["median_ms"] <= result["p99_ms"]
    text = run("bench", "--runs", "3", "adder.om", env={"COLUMNS": "40"}).stdout
    assert "median" in text and all(len(line) <= 60 for line in text.splitlines())
    sentence(run("bench", "gone.om", status=1), "bench", "gone.om")


def test_recording(run, tmp_path):
    run("run", "--dump", tmp_path / "dump", "adder.om")
    (tensor,) = (tmp_path / "dump").rglob("*.npy")
    assert tensor.name.startswith("Add.") and np.load(tensor).shape == (2, 3)
    for command in ("run", "bench"):
        at = tmp_path / command
        run(command, "--profile", at, "adder.om")
        (trace,) = at.glob("PROF_*/mindstudio_profiler_output/msprof_*.json")
        runs = [e for e in json.loads(trace.read_text()) if e.get("cat") == "model"]
        assert len(runs) == (1 if command == "run" else 110)
    sentence(run("run", "--profile", "a", "--dump", "b", "adder.om", status=1), "run", "exclude")
    sentence(run("run", "--dump", "no/where", "adder.om", status=1), "run", "no/where")
    sentence(run("bench", "--profile", "a.png", "adder.om", status=1), "bench", "a.png")


def test_info(run):
    assert "x" in json.loads(run("info", "--json", "yolox.om").stdout)["inputs"][0]["name"]
    assert "yolox" in run("info", "yolox.onnx").stdout or run("info", "yolox.onnx").stdout
    sentence(run("info", "gone.om", status=1), "info", "gone.om")


def test_info_of_more_than_a_message_may_hold(run, folder):
    with open(folder / "big.onnx", "wb") as f:
        f.truncate(2**31)  # sparse
    sentence(run("info", "big.onnx", status=1), "info", "external data")
    (folder / "big.onnx").unlink()


SEEDS = pathlib.Path(__file__).parents[1] / "fuzz" / "corpus"


@pytest.mark.parametrize("file, words", [
    ("depthwise_same.pb", ["TensorFlow", "f32[1,6,5,3]", "f32[1,3,3,6]", "Conv"]),
    ("resizebilinear_half.json", ["TensorFlow", "f32[1,9,4,3]", "Resize"]),
])
def test_info_of_tensorflow(run, file, words):
    out = run("info", SEEDS / "tensorflow" / file).stdout
    assert all(w in out for w in words), out


def test_info_of_caffe(run, folder):
    (folder / "caffe").mkdir()
    (folder / "caffe/net.prototxt").write_text(
        head(1, 3, 8, 6) + layer("Convolution", "c", ["data"], ["c"],
                                 "convolution_param { num_output: 4 kernel_size: 3 }"))
    sentence(run("info", "caffe/net.prototxt", status=1), "info", "--weight=FILE.caffemodel")
    weights = caffemodel({"c": [np.ones((4, 3, 3, 3)), np.ones(4)]})
    (folder / "other.caffemodel").write_bytes(weights)
    given = run("info", "--weight=other.caffemodel", "caffe/net.prototxt").stdout
    assert all(w in given for w in ["Caffe", "f32[1,3,8,6]", "f32[1,4,6,4]", "Conv"]), given
    (folder / "caffe/net.caffemodel").write_bytes(weights)  # by the same name: found
    assert run("info", "caffe/net.prototxt").stdout == given
    sentence(run("info", "caffe/net.caffemodel", status=1), "info", "prototxt")
    sentence(run("info", "--framework=1", "caffe/net.prototxt", status=1), "info", "ONNX")
    sentence(run("info", "--framework=5", "caffe/net.prototxt", status=1), "info", "net.prototxt")


def test_tags(run, folder):
    """The family in the container's header and labels beside it, as prusik pull leaves them."""
    om = folder / "tagged.om"
    data = bytearray((folder / "yolox.om").read_bytes())
    data[120:152] = b"prusik:yolox-meanstd".ljust(32, b"\0")
    om.write_bytes(data)
    (folder / "tagged.labels").write_text("\n".join(f"sort {i}" for i in range(80)))
    entry = json.loads(run("detect", "--json", "tagged.om", "a.png").stdout)[0]
    assert entry["detections"][0]["label"] == "sort 16"
    data[120:152] = b"prusik:strange".ljust(32, b"\0")
    om.write_bytes(data)
    sentence(run("detect", "tagged.om", "a.png", status=1), "detect", "strange")
