# SPDX-License-Identifier: Apache-2.0
"""A MODEL that is an .onnx: converted once, kept in a private folder, never trusted blindly."""

import json
import os
import subprocess
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_prusik import folder, run, sentence  # noqa: F401 (fixtures)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "prusik"


def entries(cache):
    return sorted(cache.glob("*.om"))


def found(done):
    return [d["label"] for e in json.loads(done.stdout) for d in e["detections"]]


def test_converted_once(run, cache):  # noqa: F811
    """The first run converts and says so, the second finds what the first left."""
    first = run("detect", "--json", "yolox.onnx", "a.png")
    assert found(first) == ["dog", "car"] and "converting yolox.onnx" in first.stderr
    assert found(run("detect", "--json", "yolox.om", "a.png")) == ["dog", "car"]
    (entry,) = entries(cache)
    second = run("detect", "--json", "yolox.onnx", "a.png")
    assert found(second) == ["dog", "car"] and "converting" not in second.stderr
    assert entries(cache) == [entry]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in cache.iterdir()) == [".lock", entry.name]


def test_every_command(run, cache, tmp_path):  # noqa: F811
    assert "class 2" in run("classify", "--type=imagenet", "top.onnx", "a.png").stdout
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.ones((2, 3), np.float32))
    run("run", "adder.onnx", "--input", tmp_path / "a.npy", "--input", tmp_path / "b.npy",
        "--output", tmp_path)
    assert (np.load(next(tmp_path.glob("00_*.npy"))) == 2).all()
    run("bench", "adder.onnx", "--runs", "3")
    assert len(entries(cache)) == 2


def test_key_is_the_content(run, cache, tmp_path):  # noqa: F811
    """Another name for the same content finds it; other content under the same name does not."""
    model = onnx.load(run.folder / "yolox.onnx")
    onnx.save(model, tmp_path / "a.onnx")
    (tmp_path / "b.onnx").write_bytes((tmp_path / "a.onnx").read_bytes())
    run("detect", "--json", tmp_path / "a.onnx", "a.png")
    assert "converting" not in run("detect", "--json", tmp_path / "b.onnx", "a.png").stderr
    values = numpy_helper.to_array(model.graph.initializer[0]).copy()
    values[0, 64 + 5, 5 + 16] = 0  # no dog
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, "value"))
    onnx.save(model, tmp_path / "a.onnx")
    assert found(run("detect", "--json", tmp_path / "a.onnx", "a.png")) == ["car"]
    assert len(entries(cache)) == 2


def test_weights_beside_the_model(run, cache, tmp_path):  # noqa: F811
    """Files of external data are part of the content."""
    model = onnx.load(run.folder / "yolox.onnx")
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.bin",
              size_threshold=0)
    assert found(run("detect", "--json", tmp_path / "m.onnx", "a.png")) == ["dog", "car"]
    data = np.fromfile(tmp_path / "m.bin", np.float32)
    data[:] = 0
    data.tofile(tmp_path / "m.bin")
    assert found(run("detect", "--json", tmp_path / "m.onnx", "a.png")) == []
    assert len(entries(cache)) == 2


@pytest.mark.parametrize("damage", [
    lambda data: data[: len(data) // 2], lambda data: b"",
    lambda data: data[:-300] + bytes(b ^ 1 for b in data[-300:])])
def test_damaged_entry(run, cache, damage):  # noqa: F811
    run("detect", "--json", "yolox.onnx", "a.png")
    (entry,) = entries(cache)
    good = entry.read_bytes()
    entry.write_bytes(damage(good))
    done = run("detect", "--json", "yolox.onnx", "a.png")
    assert found(done) == ["dog", "car"] and "converting" in done.stderr
    (entry,) = entries(cache)
    assert "converting" not in run("detect", "--json", "yolox.onnx", "a.png").stderr


def test_many_at_once(run, cache):  # noqa: F811
    """All get the right model, and one of them converts."""
    done = [None] * 6

    def start(i):
        done[i] = subprocess.run([run.prusik, "detect", "--json", "yolox.onnx", "a.png"],
                                 cwd=run.folder, capture_output=True, text=True)

    threads = [threading.Thread(target=start, args=(i,)) for i in range(len(done))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [d.returncode for d in done] == [0] * len(done), done[0].stderr
    assert all(found(d) == ["dog", "car"] for d in done)
    assert sum("converting" in d.stderr for d in done) == 1
    assert len(entries(cache)) == 1


def test_no_place_to_keep(run, cache, tmp_path):  # noqa: F811
    """Converted for this once, nothing left behind, and a line that says why."""
    place = tmp_path / "tmp"
    place.mkdir()
    (tmp_path / "xdg").write_text("a file")
    for env in ({}, {"XDG_CACHE_HOME": "", "HOME": ""}):
        done = run("detect", "--json", "yolox.onnx", "a.png", env={"TMPDIR": str(place), **env})
        assert found(done) == ["dog", "car"] and "cannot be kept" in done.stderr
        assert not list(place.iterdir())
    done = run("detect", "--json", "yolox.onnx", "a.png", status=1,
               env={"TMPDIR": str(tmp_path / "nowhere")})
    assert "no folder can be made" in done.stderr


def test_others_may_not_write_there(run, cache, tmp_path):  # noqa: F811
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    done = run("detect", "--json", "yolox.onnx", "a.png", env={"TMPDIR": str(tmp_path)})
    assert "only you can write" in done.stderr and found(done) == ["dog", "car"]
    assert not entries(cache)


def test_leftovers_go(run, cache):  # noqa: F811
    """What a program that died left is taken away by the next one that converts."""
    (cache / ".new-abcdef").mkdir(parents=True)
    cache.chmod(0o700)
    (cache / ".new-abcdef" / "net.om").write_bytes(b"half")
    run("detect", "--json", "yolox.onnx", "a.png")
    assert not list(cache.glob(".new-*"))


def open_sizes(path):
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["p"]),
         helper.make_node("Flatten", ["p"], ["y"])],
        "open", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)


def test_open_sizes(run, cache, tmp_path):  # noqa: F811
    """Likely ones, which are named; or those asked for."""
    open_sizes(tmp_path / "open.onnx")
    done = run("classify", "--json", tmp_path / "open.onnx", "a.png")
    assert "taken as --input-shape x:1,3," in done.stderr
    run("classify", "--json", "--input-shape=x:1,3,32,32", tmp_path / "open.onnx", "a.png")
    assert len(entries(cache)) == 2
    done = run("classify", "--input-shape=x:1,3,32,32", "top.om", "a.png", status=1)
    sentence(done, "classify", "--input-shape")


def test_cannot_be_converted(run, cache, tmp_path):  # noqa: F811
    """atc's reason, and nothing is kept."""
    node = helper.make_node("NoSuchOperator", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", 1, [1, 3, 8, 8])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
              tmp_path / "n.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name, part in (("n", "NoSuchOperator"), ("text", "text.onnx"), ("empty", "empty.onnx"),
                       ("absent", "absent.onnx")):
        assert part in run("detect", tmp_path / f"{name}.onnx", "a.png", status=1).stderr
    assert not cache.exists() or not [p for p in cache.iterdir() if p.name != ".lock"]
