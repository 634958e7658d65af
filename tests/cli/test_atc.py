# SPDX-License-Identifier: Apache-2.0
"""atc as scripts know it: lines, codes, statuses, and what ends up in the file."""
import json
import os
import re
import subprocess

import pytest

onnx = pytest.importorskip("onnx")
import numpy as np  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

START = "ATC start working now, please wait for a moment."
SUCCESS = "ATC run success, welcome to the next use."
FAILURE = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """small.onnx: inputs "x:0" [N,3,8,8] and ids, a node named like an option value needs quotes."""
    folder = tmp_path_factory.mktemp("models")
    weight = onnx.numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x:0", "w"], ["a"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], name="relu1"),
        helper.make_node("Gather", ["b", "ids"], ["y"], name="pick", axis=1),
        helper.make_node("Identity", ["ids"], ["same"], name="copy"),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x:0", TensorProto.FLOAT, ["N", 3, 8, 8]),
         helper.make_tensor_value_info("ids", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2, 8, 8]),
         helper.make_tensor_value_info("same", TensorProto.INT64, [2])], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
              folder / "small.onnx")
    strange = helper.make_graph(
        [helper.make_node("NoSuchThing", ["x"], ["y"], name="odd1"),
         helper.make_node("NorThis", ["y"], ["z"], name="odd2")], "strange",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])])
    onnx.save(helper.make_model(strange, opset_imports=[helper.make_opsetid("", 13)]),
              folder / "strange.onnx")
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "noise.onnx").write_bytes(bytes(range(256)) * 8)
    return folder


@pytest.fixture
def run(atc, models, tmp_path):
    def call(*options, status=0, model="small.onnx", base=True):
        if base:
            given = {re.split("[= ]", o)[0] for o in options}
            defaults = [("model", models / model), ("framework", 5), ("output", tmp_path / "m"),
                        ("soc_version", "Ascend310"), ("input_shape", "x:0:1,3,8,8")]
            options = [f"--{k}={v}" for k, v in defaults if f"--{k}" not in given] + list(options)
        done = subprocess.run([atc, *options], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == status, done.stdout + done.stderr
        assert done.stdout.startswith(START + "\n")
        return done
    return call


def info(prusik, path):
    done = subprocess.run([prusik, "info", "--json", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_success(run, prusik, tmp_path):
    done = run()
    assert done.stdout == f"{START}\n{SUCCESS}\n" and done.stderr == ""
    d = info(prusik, tmp_path / "m.om")
    assert [(i["name"], i["dtype"], i["shape"]) for i in d["inputs"]] == [
        ("x:0", "f32", [1, 3, 8, 8]), ("ids", "i64", [2])]
    assert [(o["name"], o["shape"]) for o in d["outputs"]] == [("y", [1, 2, 8, 8]), ("same", [2])]
    assert "--input_shape=x:0:1,3,8,8" in d["meta"]["atc_cmdline"]
    assert d["meta"]["atc_version"].startswith("prusik ")


def test_option_forms(run, prusik, tmp_path):
    """--name value, one dash, and the last of two wins."""
    run("--output", str(tmp_path / "first"), "--output", str(tmp_path / "last"), "-log", "null")
    assert not (tmp_path / "first.om").exists()
    assert (tmp_path / "last.om").exists()


def test_no_difference_is_said_once(run):
    done = run("--precision_mode=force_fp32", "--disable_reuse_memory=0",
               "--op_select_implmode=high_precision", "--buffer_optimize=off_optimize",
               "--auto_tune_mode=GA,RL")
    lines = done.stdout.splitlines()
    assert lines[1] == SUCCESS
    assert lines[2:] == ["W: --precision_mode, --op_select_implmode, --disable_reuse_memory, "
                         "--buffer_optimize, --auto_tune_mode make no difference on this target"]


def test_auto_tune_mode_tunes_nothing(run, prusik, tmp_path):
    run()
    plain = (tmp_path / "m.om").read_bytes()
    run("--auto_tune_mode=RL,GA")
    tuned = info(prusik, tmp_path / "m.om")["meta"]
    assert not [key for key in tuned if key.startswith("prusik.tuning")]
    assert "auto_tune_mode" in tuned["atc_cmdline"] and plain != (tmp_path / "m.om").read_bytes()


def test_output_name(run, tmp_path):
    """.om is always appended, and the longest possible name works."""
    run(f"--output={tmp_path}/m.om")
    assert (tmp_path / "m.om.om").exists()
    long = "n" * 252
    run(f"--output={long}")  # in the current folder
    assert (tmp_path / f"{long}.om").exists()
    assert not [p for p in os.listdir(tmp_path) if p.startswith(".")]


def test_original_model(run, prusik, tmp_path):
    run("--save_original_model=true", "--display_model_info=1")
    assert (tmp_path / "m_original.om").exists() and (tmp_path / "m.om").exists()


@pytest.mark.parametrize("options, code, part", [
    (["--framework=7"], "E10007", "[--framework]"),
    (["--framework=0"], "E10008", "[--weight]"),
    (["--framework=0", "--weight=w.caffemodel"], "E19000", "[w.caffemodel]"),
    (["--framework=1"], "E10055", "MindSpore"),
    (["--model="], "E10004", "[--model]"),
    (["--output="], "E10004", "[--output]"),
    (["--soc_version="], "E10004", "[--soc_version]"),
    (["--soc_version=Pentium"], "E10001", "[Pentium] of [--soc_version]"),
    (["--model=gone.onnx"], "E19000", "[gone.onnx]"),
    (["--output=no/such/folder/m"], "E19004", "no/such/folder/m.om"),
    (["--output=folder/"], "E10022", "[--output]"),
    (["--output=" + "n" * 253], "E10021", "[--output]"),
    (["--mode=4"], "E10001", "[--mode]"),
    (["--mode=5"], "E10055", "--mode=5"),
    (["--log=loud"], "E10010", "[loud]"),
    (["--input_format=NHWC"], "E10001", "[--input_format]"),
    (["--precision_mode=fast"], "E10001", "force_fp16"),
    (["--enable_single_stream=yes"], "E10005", "[yes]"),
    (["--disable_reuse_memory=2"], "E10006", "[2]"),
    (["--output_type=FP64"], "E10001", "FP64"),
    (["--output_type=pick:7:FP16"], "E10016", "--output_type"),
    (["--output_type=pick:0:FP64"], "E10001", "pick:0:FP64"),
    (["--input_fp16_nodes=nobody"], "E10016", "nobody"),
    (["--input_fp16_nodes=a"], "E10017", "[a]"),
    (["--input_fp16_nodes=ids"], "E10001", "no float32"),
    (["--out_nodes=nobody:0"], "E10016", "nobody"),
    (["--out_nodes=conv1:3"], "E10016", "conv1"),
    (["--input_shape=x:0:1,3,8,b"], "E10002", "x:0:1,3,8,b"),
    (["--input_shape=1,3,8,8"], "E10002", "no name"),
    (["--input_shape=x:0:1,3,8,"], "E10002", "missing after a comma"),
    (["--input_shape=x:0:1,3,8,8;x:0:1,3,8,8"], "E10002", "twice"),
    (["--input_shape=x:0:0,3,8,8"], "E10011", "[0,3,8,8]"),
    (["--input_shape=x:0:-1,3,8,8"], "E10011", "-1"),
    (["--input_shape=who:1,3,8,8"], "E10016", "who"),
    (["--input_shape=x:0:1,3,8"], "E19014", "rank"),
    (["--input_shape=ids:2"], "E10001", "[-1,3,8,8] of [x:0]"),
    (["--dynamic_batch_size=1,2"], "E10031", "no input has the batch"),
    (["--dynamic_image_size=8,8;9,9"], "E10040", "no size open"),
    (["--dynamic_batch_size=1,b"], "E10001", "[--dynamic_batch_size]"),
    (["--dynamic_image_size=8,8;9"], "E10020", "8,8;9"),
    (["--dynamic_dims=1,2", "--dynamic_batch_size=1"], "E10009", "[--dynamic_dims]"),
    (["--insert_op_conf=gone.cfg"], "E10410", "gone.cfg"),
    (["--is_input_adjust_hw_layout=true"], "E10055", "NC1HWC0"),
    (["stray"], "E10053", "[stray]"),
])
def test_errors(run, tmp_path, options, code, part):
    (tmp_path / "folder").mkdir()
    done = run(*options, status=255)
    lines = done.stdout.splitlines()
    assert lines[1] == FAILURE and done.stderr == ""
    assert lines[2].startswith(f"{code}: ") and part in lines[2], done.stdout
    assert lines[3].startswith(" " * 8 + "Possible Cause: ")
    assert lines[4].startswith(" " * 8 + "Solution: ")
    assert len(lines) == 5
    assert sorted(os.listdir(tmp_path)) == ["folder"], "a failure leaves no file behind"


@pytest.mark.parametrize("model, code, part", [
    ("empty.onnx", "E19005", "empty"), ("noise.onnx", "E19005", "noise.onnx"),
    ("strange.onnx", "E19010", "NorThis 'odd2'")])
def test_bad_models(run, model, code, part):
    line = run("--input_shape=", model=model, status=255).stdout.splitlines()[2]
    assert line.startswith(f"{code}: ") and part in line


def test_directory_as_model(run, tmp_path):
    line = run(f"--model={tmp_path}", status=255).stdout.splitlines()[2]
    assert line.startswith("E19001: ")


@pytest.mark.parametrize("options, part", [
    (["--no_such_option=1"], "unknown command line flag 'no_such_option'"),
    (["--framework=five"], "illegal value 'five' specified for int32 flag 'framework'"),
    (["--model"], "flag '--model' is missing its argument")])
def test_gflags(run, options, part):
    done = run(*options, status=1, base=False)
    assert done.stdout == START + "\n"
    assert done.stderr.startswith("ERROR: ") and part in done.stderr


def test_help_names_every_option(run, data_dir):
    table = data_dir / "facts" / "atc_options.csv"
    if not table.exists():
        pytest.skip("atc_options.csv is not in the test data")
    for flag in ("--help", "-h"):
        text = run(flag, status=1, base=False).stdout
        for line in table.read_text().splitlines()[1:]:
            name = line.split(",")[0]
            if name.startswith("--") and " " not in name:
                assert re.search(re.escape(name) + r"\b", text), name


def test_codes_are_in_the_table(data_dir, models):
    """No code is invented."""
    table = data_dir / "facts" / "atc_messages.csv"
    source = os.path.join(os.path.dirname(__file__), "..", "..", "cmd", "atc_messages.h")
    if not table.exists():
        pytest.skip("atc_messages.csv is not in the test data")
    known = {line.split(",")[0] for line in table.read_text().splitlines()}
    with open(source) as f:
        used = set(re.findall(r"CODE\((E\w+),", f.read()))
    assert len(used) > 20 and used <= known, used - known


def test_fp16_input(run, prusik, tmp_path):
    run("--input_fp16_nodes=x:0")
    d = info(prusik, tmp_path / "m.om")
    assert [(i["name"], i["dtype"]) for i in d["inputs"]] == [("x:0", "f16"), ("ids", "i64")]
    assert [(o["name"], o["dtype"]) for o in d["outputs"]] == [("y", "f32"), ("same", "i64")]
    assert d["operators"]["Cast"] == 1


@pytest.mark.parametrize("option, types", [
    ("FP16", ["f16", "i64"]), ("UINT8", ["u8", "i64"]), ("FP32", ["f32", "i64"]),
    ("pick:0:FP16", ["f16", "i64"]), ("copy:0:FP32;pick:0:UINT8", ["u8", "f32"]),
    ("y:0:FP16", ["f16", "i64"])])
def test_output_type(run, prusik, tmp_path, option, types):
    run(f"--output_type={option}")
    d = info(prusik, tmp_path / "m.om")
    assert [o["name"] for o in d["outputs"]] == ["y", "same"]
    assert [o["dtype"] for o in d["outputs"]] == types


def test_out_nodes(run, prusik, tmp_path):
    run("--out_nodes=conv1:0;b")
    d = info(prusik, tmp_path / "m.om")
    assert [o["name"] for o in d["outputs"]] == ["a", "b"]


def test_json(run, models, tmp_path):
    run()
    done = run("--mode=1", f"--om={tmp_path}/m.om", f"--json={tmp_path}/m.json", base=False)
    assert SUCCESS in done.stdout
    from_om = json.loads((tmp_path / "m.json").read_text())
    run("--mode=1", f"--om={models}/small.onnx", "--framework=5", f"--json={tmp_path}/o.json",
        base=False)
    from_onnx = json.loads((tmp_path / "o.json").read_text())
    for m in (from_om, from_onnx):
        ops = m["graph"][0]["op"]
        assert [o["type"] for o in ops][:2] == ["Data", "Data"]
        assert ops[-1]["type"] == "NetOutput" and len(ops[-1]["input"]) == 2
        pads = [a["value"]["list"]["i"] for o in ops if o["name"] == "conv1"
                for a in o["attr"] if a["key"] == "pads"]
        assert pads == [[1, 1, 1, 1]]


@pytest.mark.parametrize("options, code", [
    (["--json=m.json"], "E10004"), (["--om=gone.om", "--json=m.json"], "E19000"),
    (["--om=m.om"], "E10004"), (["--om=m.om", "--json=no/folder.json"], "E19004"),
    (["--om=noise.om", "--json=m.json"], "E19005"),
    (["--om=m.om", "--json=m.json", "--framework=1"], "E10055")])
def test_json_errors(run, tmp_path, options, code):
    run()
    (tmp_path / "noise.om").write_bytes(b"IMOD" + bytes(300))
    line = run("--mode=1", *options, base=False, status=255).stdout.splitlines()[2]
    assert line.startswith(f"{code}: ")
    assert not (tmp_path / "m.json").exists()


def test_describe(run, tmp_path):
    run()
    done = run("--mode=6", f"--om={tmp_path}/m.om", base=False)
    assert "input    x:0  f32[1,3,8,8]" in done.stdout and SUCCESS in done.stdout
    assert run("--mode=6", base=False, status=255).stdout.splitlines()[2].startswith("E10057: ")


def test_check(run, models, tmp_path):
    run("--mode=3")
    report = json.loads((tmp_path / "check_result.json").read_text())
    assert report["result"] == "success"
    assert {o["op_name"] for o in report["op"]} >= {"conv1", "relu1", "pick"}
    assert not (tmp_path / "m.om").exists()
    run("--mode=3", "--input_shape=", f"--check_report={tmp_path}/r.json", model="strange.onnx",
        status=255)
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["result"] == "failed" and "NoSuchThing" in report["cause"]
