# SPDX-License-Identifier: Apache-2.0
"""Detectors and classifiers against onnxruntime with their authors' pre- and postprocessing, on
photos. The short test reads pictures through prusik; the long ones read and resize with OpenCV."""

import json
import pathlib
import subprocess

import numpy as np
import pytest
import reference

DETECTORS = [
    ("yolox_nano_416", "yolox"),
    ("yolox_nano_416_v010_meanstd", "yolox-meanstd"),
    ("yolov5n_640", "yolov5"),
    ("nanodet_m_416", "nanodet"),
    ("nanodet_m_320_shapeops", "nanodet"),
]
CLASSIFIERS = [
    ("mobilenetv2_fp32_dequantised", "imagenet", "--input_shape=input:1,3,224,224"),
    ("squeezenet_1.0_fp16", "imagenet-caffe", None),
]


@pytest.fixture(scope="module")
def converted(atc, tmp_path_factory):
    folder = tmp_path_factory.mktemp("om")

    def convert(source, *options):
        if not source.exists():
            pytest.skip(f"{source.name} is not in the test data")
        om = folder / f"{source.stem}.om"
        if not om.exists():
            done = subprocess.run(
                [
                    atc,
                    f"--model={source}",
                    "--framework=5",
                    "--soc_version=Ascend310",
                    f"--output={folder / source.stem}",
                    *options,
                ],
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout
        return om

    return convert


@pytest.fixture(scope="session")
def read_picture(build_dir):
    """Pixels as prusik reads them, RGB."""

    def read(path):
        raw = subprocess.run(
            [build_dir / "tests" / "vision" / "picture", path], check=True, stdout=subprocess.PIPE
        ).stdout
        kind, size, top, pixels = raw.split(b"\n", 3)
        assert (kind, top) == (b"P6", b"255")
        width, height = map(int, size.split())
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    return read


class Reference:
    """A network in onnxruntime, on two threads."""

    def __init__(self, source, free=224):
        """Height and width are the network's, or `free` where it leaves them open."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(source), options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0]
        self.height, self.width = (d if isinstance(d, int) else free for d in self.input.shape[2:])

    def __call__(self, x):
        if "float16" in self.input.type:
            x = x.astype(np.float16)
        return [o.astype(np.float32) for o in self.session.run(None, {self.input.name: x})]


def run_json(prusik, *arguments):
    done = subprocess.run([prusik, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def found_by(entry):
    return [(d["class_id"], d["score"], np.array(d["box"])) for d in entry["detections"]]


def photos_of(data_dir):
    folders = [data_dir / "images" / "photos", data_dir / "images" / "coco_val128" / "images"]
    photos = [p for f in folders for p in sorted(f.glob("*.*"))]
    if not photos:
        pytest.skip("no photos in the test data")
    return photos


def test_photos_short(prusik, converted, data_dir, read_picture):
    source = data_dir / "models" / "yolox_nano_416.onnx"
    om, network = converted(source), Reference(source)
    photos = [p for p in photos_of(data_dir) if p.stem in ("dog", "bus", "street")]
    assert len(photos) == 3
    for entry in run_json(prusik, "detect", "--json", om, *photos):
        rgb = read_picture(entry["image"])
        size = rgb.shape[1], rgb.shape[0]
        assert (entry["width"], entry["height"]) == size
        x, place = reference.preprocess("yolox", rgb, network.width, network.height)
        expected = reference.detect("yolox", network(x), network.width, network.height, place, size)
        assert len(expected) >= 3
        assert not reference.differences(expected, found_by(entry)), entry["image"]


def same_tensor(prusik, om, x, folder):
    """The outputs prusik run gives for a tensor."""
    np.save(folder / "x.npy", x)
    subprocess.run(
        [prusik, "run", om, "--input", folder / "x.npy", "--output", folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return [np.load(p) for p in sorted(folder.glob("[0-9][0-9]_*.npy"))]


@pytest.mark.long
@pytest.mark.parametrize("name, family", DETECTORS)
def test_photos(prusik, converted, data_dir, tmp_path, name, family):
    check_photos(
        prusik,
        converted,
        data_dir / "models" / f"{name}.onnx",
        family,
        photos_of(data_dir),
        tmp_path,
    )


@pytest.mark.long
@pytest.mark.parametrize("name", ["yolo11n", "yolov8n"])
def test_pulled(prusik, converted, data_dir, tmp_path, name):
    """The networks that make demo and prusik pull fetch."""
    source = pathlib.Path(__file__).parents[2] / "demo" / "zoo" / f"{name}.onnx"
    if not source.exists():
        pytest.skip(f"{name} is not in demo/zoo; prusik pull --output demo/zoo fetches it")
    check_photos(prusik, converted, source, "yolov8", photos_of(data_dir)[:40], tmp_path)


def check_photos(prusik, converted, source, family, photos, folder):
    cv2 = pytest.importorskip("cv2")
    network = Reference(source, free=640)
    om = converted(
        source, f"--input_shape={network.input.name}:1,3,{network.height},{network.width}"
    )
    entries = run_json(prusik, "detect", "--json", "--type", family, om, *photos)
    assert len(entries) == len(photos)
    whole, same = [], []
    for path, entry in zip(photos, entries):
        bgr = cv2.imread(str(path))
        size = bgr.shape[1], bgr.shape[0]
        x, place = reference.preprocess(
            family,
            np.ascontiguousarray(bgr[..., ::-1]),
            network.width,
            network.height,
            lambda rgb, w, h: cv2.resize(rgb, (w, h), interpolation=cv2.INTER_LINEAR),
        )
        arguments = network.width, network.height, place, size
        expected = reference.detect(family, network(x), *arguments)
        got = reference.detect(family, same_tensor(prusik, om, x, folder), *arguments)
        same += [f"{path.name}: {d}" for d in reference.differences(expected, got)]
        wrong = reference.differences(expected, found_by(entry))
        if wrong:
            whole.append(f"{path.name}: {wrong}")
    assert not same, "\n".join(same)
    print(f"{source.stem}: {len(photos) - len(whole)} of {len(photos)} photos agree")
    assert len(whole) <= 0.05 * len(photos), "\n".join(whole)


@pytest.mark.parametrize("name, family, shape", CLASSIFIERS)
def test_classifiers(prusik, converted, data_dir, read_picture, name, family, shape):
    source = data_dir / "models" / f"{name}.onnx"
    om = converted(source, *([shape] if shape else []))
    network = Reference(source)
    photos = sorted((data_dir / "images" / "imagenet50").glob("*.JPEG"))[::4]
    entries = run_json(prusik, "classify", "--json", "--type", family, om, *photos)
    differ = []
    for path, entry in zip(photos, entries):
        rgb = read_picture(path)
        x, _ = reference.preprocess(family, rgb, 224, 224)
        p = network(x)[0].ravel()
        if family == "imagenet":
            p = np.exp(p - p.max()) / np.exp(p - p.max()).sum()
        first = entry["classes"][0]
        assert [c["score"] for c in entry["classes"]] == sorted(
            (c["score"] for c in entry["classes"]), reverse=True
        )
        if first["class_id"] != p.argmax() or abs(first["score"] - p.max()) > 0.02:
            differ.append((path.name, first, int(p.argmax()), float(p.max())))
    assert len(photos) >= 10 and len(differ) <= len(photos) // 10, differ
