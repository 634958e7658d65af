# SPDX-License-Identifier: Apache-2.0
"""The demo, and networks of the zoo on its photo, fetched as prusik pull does; needs no test data."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

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


def test_demo(prusik, pulled, build_dir, tmp_path):
    """scripts/demo.sh as make demo runs it, with an empty home and a network already there."""
    om, photo = pulled("ssdlite", "ssdlite/model.json"), pulled("dog", "dog.jpg")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "home").mkdir()
    shutil.copytree(om.parent / "ssdlite", tmp_path / "zoo" / "ssdlite")
    shutil.copy(photo, tmp_path / "zoo" / "dog.jpg")
    environment = {"BUILD": build_dir, "DEMO": tmp_path, "HOME": tmp_path / "home"}
    done = subprocess.run(
        [ROOT / "scripts" / "demo.sh"],
        capture_output=True,
        text=True,
        env={**os.environ, **{k: str(v) for k, v in environment.items()}},
    )
    assert done.returncode == 0, done.stderr
    assert "bicycle" in done.stdout and (tmp_path / "dog.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert not list((tmp_path / "home").iterdir())
    (entry,) = json.loads((tmp_path / "detections.json").read_text())
    assert (entry["width"], entry["height"]) == (768, 576)
    # What TensorFlow.js gives for the whole picture, which the graph scales itself.
    expected = [
        ("bicycle", 0.967, [145, 120, 568, 429]),
        ("dog", 0.885, [133, 220, 315, 541]),
        ("car", 0.837, [458, 80, 691, 172]),
        ("car", 0.301, [699, 122, 723, 151]),
    ]
    assert [d["label"] for d in entry["detections"]] == [label for label, *_ in expected]
    for d, (_, score, box) in zip(entry["detections"], expected):
        assert d["score"] == pytest.approx(score, abs=0.01)
        assert d["box"] == pytest.approx(box, abs=1.5)


def test_demo_without_network(build_dir, tmp_path):
    """Passes on what npm says, and says what to do."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("sh", "dirname", "mkdir", "cat", "sed", "rm", "id"):
        (bin_dir / name).symlink_to(shutil.which(name))
    (bin_dir / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin_dir / "npm").write_text("#!/bin/sh\necho nobody answers; exit 1\n")
    for name in ("python3", "npm"):
        (bin_dir / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "scripts" / "demo.sh"],
        capture_output=True,
        text=True,
        env={"PATH": str(bin_dir), "BUILD": str(build_dir), "DEMO": str(tmp_path / "out"),
             "HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "nobody answers" in done.stderr and "run make demo again" in done.stderr


def test_yolo11n(prusik, pulled):
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
