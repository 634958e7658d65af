# SPDX-License-Identifier: Apache-2.0
"""prusik info and atc --mode=1 and 6 on files like those CANN's atc makes, and on files that only
look like it. There is no real one to test with: these are built from the published layout."""
import json
import subprocess
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import wire  # noqa: E402


def info(prusik, path, *options):
    return subprocess.run([prusik, "info", *options, path], capture_output=True, text=True)


@pytest.mark.parametrize("wide", [False, True])
def test_cann(prusik, atc, tmp_path, wide):
    path = tmp_path / "cann.om"
    path.write_bytes(wire.container(wire.cann_like(), wide))
    done = info(prusik, path, "--json")
    assert done.returncode == 0, done.stderr
    d = json.loads(done.stdout)
    assert "CANN" in d["kind"] and not d["runnable"] and "atc" in d["remark"]
    assert d["name"] == "resnet"
    assert [(i["name"], i["dtype"], i["shape"], i["layout"], i["bytes"]) for i in d["inputs"]] == [
        ("data", "u8", [1, 224, 224, 3], "NHWC", 150528), ("second", "i64", [-1, 10], "ND", None)]
    assert "gears over -1,224,224,3" in d["inputs"][0]["note"]
    assert "static AIPP" in d["inputs"][0]["note"]
    assert [(o["name"], o["dtype"], o["shape"]) for o in d["outputs"]] == [
        ("output_0_pool2_0", "f32", [1, 1000]), ("output_1_pool1_0", "DT_STRING", [3])]
    assert d["operators"] == {"Pooling": 2, "Conv2D": 1, "TransData": 1}
    assert d["n_weights"] == 1 and d["weight_bytes"] == 4096
    assert d["activation_bytes"] == 123456
    assert d["meta"]["atc_version"] == "1.84.15.1.241"
    assert list(d["partitions"]) == ["MODEL_DEF", "WEIGHTS_DATA", "TASK_INFO", "TBE_KERNELS",
                                     "CUST_AICPU_KERNELS"]

    text = info(prusik, path).stdout
    assert "input    data  u8[1,224,224,3] NHWC  151 kB" in text
    done = subprocess.run([atc, "--mode=6", f"--om={path}"], capture_output=True, text=True)
    assert done.returncode == 0 and text in done.stdout

    done = subprocess.run([atc, "--mode=1", f"--om={path}", f"--json={tmp_path}/m.json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    m = json.loads((tmp_path / "m.json").read_text())
    assert m["name"] == "resnet"
    conv = m["graph"][0]["op"][4]
    assert conv["type"] == "Conv2D" and conv["input"] == ["trans_Cast_0:0", "conv1_weight:0"]
    assert conv["output_desc"][0]["layout"] == "NC1HWC0"
    assert conv["output_desc"][0]["dtype"] == "DT_FLOAT16"
    assert {a["key"]: a["value"] for a in m["attr"]}["memory_size"] == {"i": 123456}


def test_several_models(prusik, tmp_path):
    path = tmp_path / "root.om"
    path.write_bytes(wire.container(wire.cann_like(), model_num=2))
    assert "more than one model" in info(prusik, path).stdout


@pytest.mark.parametrize("what, part", [
    ("encrypted", "encrypted"), ("no model", "no partition MODEL_DEF"),
    ("length", "length says 5"), ("garbage", "MODEL_DEF"), ("deep", "deep"),
    ("no graph", "no graph")])
def test_damaged(prusik, tmp_path, what, part):
    parts = wire.cann_like()
    if what == "encrypted":
        bytes_ = wire.container(parts, encrypted=1)
    elif what == "no model":
        bytes_ = wire.container(parts[1:])
    elif what == "length":
        bytes_ = wire.container(parts, length=5)
    elif what == "garbage":
        bytes_ = wire.container([(0, b"\xff" * 100), *parts[1:]])
    elif what == "no graph":
        bytes_ = wire.container([(0, wire.data(1, "x")), *parts[1:]])
    else:
        inner = b""  # an attribute that is a function with an attribute that is ...
        while len(inner) < 100_000:
            inner = wire.data(2, wire.data(10, wire.data(2, inner)))
        bytes_ = wire.container([(0, wire.data(11, inner)), *parts[1:]])
    path = tmp_path / "bad.om"
    path.write_bytes(bytes_)
    done = info(prusik, path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and part in done.stderr, done.stderr


def test_names_cannot_drive_the_terminal(prusik, tmp_path):
    path = tmp_path / "evil.om"
    ops = [wire.op("\x1b[2Jx", "Data", output_desc=[wire.desc()])]
    path.write_bytes(wire.container([(0, wire.model("\x1b]0;x\x07", ops)), (2, b"")]))
    done = info(prusik, path)
    assert done.returncode == 0 and "\x1b" not in done.stdout and "\x07" not in done.stdout


def test_usage(prusik, tmp_path):
    assert info(prusik, tmp_path / "missing.om").returncode == 1
    assert info(prusik, tmp_path).returncode == 1
    assert subprocess.run([prusik, "info"], capture_output=True).returncode == 2
