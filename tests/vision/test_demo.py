# SPDX-License-Identifier: Apache-2.0
"""The demo's network on its photo, fetched as prusik pull does; needs no test data."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pulled(prusik, build_dir):
    """A file of the zoo: make demo's where that has run, else fetched into the build folder."""

    def get(name, file):
        kept = ROOT / "demo" / "zoo"
        folder = kept if (kept / file).exists() else build_dir / "zoo"
        done = subprocess.run(
            [prusik, "pull", "--output", folder, name],
            capture_output=True,
            text=True,
            env={**os.environ, "PIP_RETRIES": "1", "PIP_TIMEOUT": "15"},
            timeout=120,
        )
        if done.returncode:
            pytest.skip(f"prusik pull {name} cannot fetch here")
        return pathlib.Path(done.stdout.splitlines()[-1])

    return get


def test_demo(prusik, pulled):
    model, photo = pulled("yolo11n", "yolo11n.onnx"), pulled("dog", "dog.jpg")
    done = subprocess.run(
        [prusik, "detect", "--json", model, photo], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)
    assert (entry["width"], entry["height"]) == (768, 576)
    best = {}
    for d in reversed(entry["detections"]):
        best[d["label"]] = d
    # What onnxruntime gives with the authors' own preprocessing.
    for label, score, box in [
        ("bicycle", 0.939, [129, 136, 567, 419]),
        ("dog", 0.927, [132, 221, 310, 541]),
        ("truck", 0.510, [470, 75, 691, 174]),
    ]:
        assert best[label]["score"] == pytest.approx(score, abs=0.01)
        assert best[label]["box"] == pytest.approx(box, abs=1.5)
    assert set(best) <= {"bicycle", "dog", "truck", "car"}
