# SPDX-License-Identifier: Apache-2.0
"""Every network of the test data, converted by atc and run through AscendCL, against onnxruntime.

The error is the largest difference relative to the output's range. Random inputs have the range a
network was trained on: on noise far below it YuNet's probabilities are all under 1e-3, and there
onnxruntime's sigmoid is coarser than the bound (1e-2 of the range from the reference kernels, ours
1e-5).
"""
import csv
import os
import subprocess

import numpy as np
import pytest

ort = pytest.importorskip("onnxruntime")

NETWORKS = {  # file -> (input shape, bound, scale of the random input)
    "mobilenetv2_fp32_dequantised": ((1, 3, 224, 224), 1e-4, 1),
    "mobilenetv2_int8": ((1, 3, 224, 224), 5e-2, 1),
    "nanodet_m_320_shapeops": ((1, 3, 320, 320), 1e-4, 1),
    "nanodet_m_416": ((1, 3, 416, 416), 1e-4, 1),
    "ppocrv2_cls": ((1, 3, 48, 192), 1e-4, 1),
    "resnet20_cifar10": ((1, 3, 32, 32), 1e-4, 1),
    "squeezenet_1.0_fp16": ((1, 3, 224, 224), 5e-3, 1),
    "ultraface_rfb_320": ((1, 3, 240, 320), 1e-4, 1),
    "yolov5n_640": ((1, 3, 640, 640), 1e-4, 1),
    "yolox_nano_416": ((1, 3, 416, 416), 1e-4, 255),
    "yolox_nano_416_v010_meanstd": ((1, 3, 416, 416), 1e-4, 1),
    "yunet_n_640": ((1, 3, 640, 640), 1e-4, 255),
}


@pytest.fixture(scope="session")
def converted(atc, data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    made = {}

    def convert(name):
        if name in made:
            return made[name]
        model = data_dir / "models" / f"{name}.onnx"
        session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        shape = ",".join(map(str, NETWORKS[name][0]))
        done = subprocess.run(
            [atc, f"--model={model}", "--framework=5", f"--output={folder / name}",
             "--soc_version=Ascend310", f"--input_shape={session.get_inputs()[0].name}:{shape}"],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        made[name] = folder / f"{name}.om", session
        return made[name]

    return convert


def run(prusik, om, x, folder, **env):
    np.save(folder / "x.npy", x)
    done = subprocess.run([prusik, "run", om, "--input", folder / "x.npy", "--output", folder / "out"],
                          capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    files = sorted((folder / "out").glob("*.npy"))
    return [np.load(f) for f in files]


def inputs(name, data_dir):
    shape, _, scale = NETWORKS[name]
    half = np.float16 if "fp16" in name else np.float32
    yield (np.random.default_rng(3).random(shape, dtype=np.float32) * scale).astype(half)
    image = pytest.importorskip("PIL.Image")
    photo = image.open(data_dir / "images" / "photos" / "zidane.jpg").convert("RGB")
    photo = np.asarray(photo.resize((shape[3], shape[2])), np.float32).transpose(2, 0, 1)[None]
    yield (photo / 255 * scale).astype(half)


def error(got, want):
    got, want = got.astype(np.float64), want.astype(np.float64)
    return np.abs(got - want).max() / max(want.max() - want.min(), 1e-30)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_agree_with_onnxruntime(name, converted, prusik, data_dir, tmp_path):
    om, session = converted(name)
    for x in inputs(name, data_dir):
        want = session.run(None, {session.get_inputs()[0].name: x})
        got = run(prusik, om, x, tmp_path)
        assert len(got) == len(want)
        for g, w in zip(got, want):
            assert g.shape == w.shape and g.dtype == w.dtype
            assert error(g, w) <= NETWORKS[name][1]


@pytest.mark.parametrize("name", ["yolox_nano_416", "nanodet_m_416", "mobilenetv2_fp32_dequantised",
                                  "ultraface_rfb_320"])
def test_results_do_not_depend_on_threads_nor_much_on_the_instruction_set(
        name, converted, prusik, data_dir, tmp_path):
    om, _ = converted(name)
    x = next(inputs(name, data_dir))
    one = run(prusik, om, x, tmp_path, PRUSIK_THREADS="1")
    for threads in ("2", "3", "7"):
        for a, b in zip(one, run(prusik, om, x, tmp_path, PRUSIK_THREADS=threads)):
            assert np.array_equal(a, b)
    for isa in ("avx2", "base"):
        for a, b in zip(one, run(prusik, om, x, tmp_path, PRUSIK_ISA=isa)):
            assert error(b, a) <= 1e-4


def test_quantised_network_agrees_on_the_photos(converted, prusik, data_dir, tmp_path):
    image = pytest.importorskip("PIL.Image")
    om, session = converted("mobilenetv2_int8")
    mean = np.array([.485, .456, .406], np.float32)[:, None, None]
    deviation = np.array([.229, .224, .225], np.float32)[:, None, None]
    rows = list(csv.DictReader(open(data_dir / "images" / "imagenet50" / "labels.csv")))
    files = sorted((data_dir / "images" / "imagenet50").glob("*.JPEG"))[::7]
    assert rows and files
    for path in files:
        photo = image.open(path).convert("RGB").resize((256, 256)).crop((16, 16, 240, 240))
        x = (np.asarray(photo, np.float32).transpose(2, 0, 1) / 255 - mean) / deviation
        want = session.run(None, {session.get_inputs()[0].name: x[None]})[0]
        assert run(prusik, om, x[None], tmp_path)[0].argmax() == want.argmax(), path.name
