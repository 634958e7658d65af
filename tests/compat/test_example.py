# SPDX-License-Identifier: Apache-2.0
"""The YOLOX example on a real network and photo, against `prusik detect`."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.in_process
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/python/yolox_atlas_utils.py"
COCO = {"bicycle": 1, "car": 2, "dog": 16}


def test_dog(atc, prusik, paths, data_dir, tmp_path):
    photo = data_dir / "images" / "photos" / "dog.jpg"
    subprocess.run([atc, f"--model={data_dir}/models/yolox_nano_416.onnx", "--framework=5",
                    "--output=net", "--soc_version=Ascend310"], check=True, cwd=tmp_path,
                   stdout=subprocess.DEVNULL)
    done = subprocess.run([sys.executable, EXAMPLE, "net.om", photo, "out.png"], cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("class "):
            _, number, _, *box = line.split()
            found.setdefault(int(number), [int(v) for v in box])
    detected = json.loads(subprocess.run(
        [prusik, "detect", "net.om", photo, "--json", "--type", "yolox"], cwd=tmp_path, check=True,
        capture_output=True, text=True).stdout)[0]["detections"]
    checked = 0
    for d in detected:
        if d["label"] in COCO and d["score"] > 0.5:
            # Pillow scales down with antialiasing, `prusik detect` as training does without.
            np.testing.assert_allclose(found[COCO[d["label"]]], d["box"], atol=10)
            checked += 1
    assert checked == 3
    assert np.any(np.asarray(Image.open(tmp_path / "out.png")) != np.asarray(
        Image.open(photo).convert("RGB")))
    assert len(EXAMPLE.read_text().splitlines()) < 60
