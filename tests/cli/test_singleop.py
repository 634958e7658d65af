# SPDX-License-Identifier: Apache-2.0
"""atc --singleop: a JSON list becomes files, and what is wrong in it is named."""
import json
import subprocess

import pytest

SUCCESS = "ATC run success, welcome to the next use."


def tensor(shape, type="float32", format="ND", **more):
    return {"format": format, "shape": shape, "type": type, **more}


def op(type, inputs, outputs, attrs=(), **more):
    return {"op": type, "input_desc": inputs, "output_desc": outputs,
            "attr": [dict(zip(("name", "type", "value"), a)) for a in attrs], **more}


ADD = op("Add", [tensor([3, 3]), tensor([3, 3])], [tensor([3, 3])])


@pytest.fixture
def run(atc, tmp_path):
    def call(content, *options, status=0):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "ops.json").write_text(text)
        done = subprocess.run([atc, "--singleop=ops.json", "--output=ops",
                               "--soc_version=Ascend310", *options],
                              capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == status, done.stdout + done.stderr
        return done
    return call


def files(tmp_path):
    return sorted(p.name for p in (tmp_path / "ops").iterdir())


def meta(prusik, path):
    done = subprocess.run([prusik, "info", "--json", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["meta"]


def test_names(run, tmp_path):
    """The pattern of the documentation: its own example, and names of Ascend/samples."""
    add = op("Add", [tensor([3, 3], "int32")] * 2, [tensor([3, 3], "int32")])
    matmul = op("BatchMatMul", [tensor([1, 1, 1024, 1024], "float", "NCHW"),
                                tensor([1, 1, 1024, 27648], "float", "NCHW")],
                [tensor([1, 1, 1024, 27648], "float", "NCHW")])
    cast = op("Cast", [tensor([1, 4], "float16")], [tensor([1, 4], "float")], name="to_float")
    done = run([add, matmul, cast])
    assert SUCCESS in done.stdout
    assert files(tmp_path) == [
        "0_Add_3_2_3_3_3_2_3_3_3_2_3_3.om",
        "1_BatchMatMul_0_0_1_1_1024_1024_0_0_1_1_1024_27648_0_0_1_1_1024_27648.om",
        "to_float.om"]


def test_long_names_are_cut(run, tmp_path):
    many = op("Concat", [tensor([10000, 20000, 3])] * 12 + [tensor([1], "int32")],
              [tensor([-1, -1, -1])])
    many["input_desc"].insert(0, many["input_desc"].pop())
    run([many])
    assert [len(name) for name in files(tmp_path)] == [128 + 3]


def test_what_the_file_knows(run, prusik, tmp_path):
    run([
        {**ADD, "name": "add"},
        op("ReduceSum", [tensor([2, 3]), tensor([1], "int32", is_const=True, const_value=[1])],
           [tensor([2])], name="axis_known"),
        op("ReduceSum", [tensor([2, 3]), tensor([1], "int32")], [tensor([2])], name="axis_open"),
        op("Relu", [tensor([-1, 3], shape_range=[[1, 8]])], [tensor([-1, 3])], name="range"),
        op("Relu", [tensor([-2])], [tensor([-2])], name="rank"),
        {"compile_flag": 1},
        op("Relu", [tensor([4, 3])], [tensor([4, 3])], name="fuzzy"),
    ])
    said = {p.stem: meta(prusik, p) for p in (tmp_path / "ops").iterdir()}
    assert {k for k, m in said.items() if "prusik.single_op.open" in m} == \
        {"axis_open", "range", "rank", "fuzzy"}
    assert said["add"]["prusik.single_op"] == "Add in f320[3,3] f320[3,3] out f320[3,3]"
    assert said["range"]["prusik.single_op"] == "Relu in f320[<1~8>,3] out f320[<0~-1>,3]"
    assert said["fuzzy"]["prusik.single_op"] == "Relu in f320[<0~-1>,<0~-1>] out " \
                                                "f320[<0~-1>,<0~-1>]"


def test_a_constant_that_shapes_nothing_is_said(run):
    done = run([op("Add", [tensor([1]), tensor([1], is_const=True, const_value=2.5)],
                   [tensor([1])])])
    assert "W: entry 0 (Add): const_value of input 1" in done.stdout


def test_without_output_files_lie_here(atc, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([ADD]))
    subprocess.run([atc, "--singleop=a.json", "--soc_version=Ascend310"], cwd=tmp_path, check=True,
                   capture_output=True)
    assert (tmp_path / "0_Add_0_2_3_3_0_2_3_3_0_2_3_3.om").is_file()


@pytest.mark.parametrize("content, code, part", [
    ("[{", "E10025", "line 1"),
    ("", "E10025", "ops.json"),
    ("[" * 5000, "E10025", "depth"),
    ({}, "E10032", "a list"),
    ([], "E10032", "no operator"),
    ([3], "E10032", "entry 0 is no object"),
    ([{"input_desc": []}], "E10026", "Entry 0"),
    ([ADD, {"op": ""}], "E10026", "Entry 1"),
    ([{"op": "Add Mul"}], "E10032", "no operator's name"),
    ([{"op": "Add", "input_desc": {}}], "E10032", "input_desc"),
    ([{**ADD, "attr": {}}], "E10032", "attr"),
    ([{**ADD, "name": "../add"}], "E10032", "without folder"),
    ([{**ADD, "compile_flag": 2}], "E10032", "compile_flag"),
    ([op("NoSuchThing", [tensor([1])], [tensor([1])])], "E19010", "NoSuchThing"),
    ([op("Add", [tensor([1])], [tensor([1])])], "E19014", "1 inputs"),
    ([op("Add", [tensor([2]), tensor([3])], [tensor([3])])], "E19014", "entry 0 (Add)"),
    ([op("Relu", [tensor([2])], [tensor([3])])], "E19014", "output 0"),
    ([op("Relu", [5], [tensor([3])])], "E10027", "input 0: it is no object"),
    ([op("Relu", [{"format": "ND", "shape": [1]}], [])], "E10027", "type is missing"),
    ([op("Relu", [{"type": "float", "shape": [1]}], [])], "E10027", "format is missing"),
    ([op("Relu", [{"type": "float", "format": "ND"}], [])], "E10027", "shape is missing"),
    ([op("Relu", [tensor([1], "complex64")], [])], "E10027", "complex64"),
    ([op("Relu", [tensor([1], format="NC1HWC0")], [])], "E10027", "NC1HWC0"),
    ([op("Relu", [tensor([1.5])], [])], "E10027", "whole number"),
    ([op("Relu", [tensor([-3])], [])], "E10027", "negative"),
    ([op("Relu", [tensor([1, -2])], [])], "E10027", "negative"),
    ([op("Relu", [tensor([1] * 9)], [])], "E10027", "more than 8"),
    ([op("Relu", [tensor([2 ** 40, 2 ** 40])], [])], "E10027", "larger than memory"),
    ([op("Relu", [tensor([-1], shape_range=[[3, 1]])], [])], "E10027", "low above"),
    ([op("Relu", [tensor([-1], shape_range=[[1]])], [])], "E10027", "[low, high]"),
    ([op("Relu", [tensor([3], shape_range=[[1, 2]])], [])], "E10027", "more pairs"),
    ([op("Relu", [tensor([-1, -1], shape_range=[[1, 2]])], [])], "E10027", "fewer pairs"),
    ([op("Relu", [tensor([-2], shape_range=[[1, 2]])], [])], "E10027", "no meaning"),
    ([op("Relu", [tensor([2], is_const=True)], [])], "E10027", "const_value is missing"),
    ([op("Relu", [tensor([2], const_value=[1])], [])], "E10027", "as many elements"),
    ([op("Relu", [tensor([2], "int32", const_value=[1, 1.5])], [])], "E10027", "whole number"),
    ([op("Relu", [tensor([1], const_value="x")], [])], "E10027", "as many"),
    ([op("Relu", [tensor([2], const_value=[1, "infinite"])], [])], "E10027", "no number"),
    ([op("Relu", [tensor([1], "int32", const_value=["inf"])], [])], "E10027", "whole number"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "float", "1")])], "E10030", "numbers"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "int", "inf")])], "E10030", "whole"),
    ([op("Relu", [tensor([1])], [tensor([1], const_value=1)])], "E10027", "output 0"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("", "int", 1)])], "E10029", "entry 0"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "int", "1")])], "E10030", "[a]"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "list_list_int", [[1]])])], "E10030",
     "its type must be"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "list_int", 1)])], "E10030", "a list"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("a", "data_type", "DT_NONE")])], "E10030",
     "DT_FLOAT16"),
    ([op("Relu", [tensor([1])], [tensor([1])], [("axis", "int", 1)])], "E19014", "'axis'"),
])
def test_errors(run, content, code, part):
    done = run(content, status=255)
    line = done.stdout.splitlines()[-3]
    assert line.startswith(f"{code}: ") and part in line, done.stdout


def test_files_and_folders(atc, tmp_path):
    def call(*options):
        done = subprocess.run([atc, *options], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 255
        return done.stdout.splitlines()[-3]
    (tmp_path / "a.json").write_text(json.dumps([ADD]))
    (tmp_path / "file").write_text("")
    soc = "--soc_version=Ascend310"
    assert call("--singleop=gone.json", soc).startswith("E10023")
    assert call("--singleop=a.json").startswith("E10004: Option [--soc_version]")
    assert call("--singleop=a.json", "--model=x.onnx", soc).startswith("E10001")
    assert call("--singleop=a.json", "--output=file", soc).startswith("E19004")
    assert call("--singleop=a.json", "--output=no/folder", soc).startswith("E19004")
    assert call("--singleop=.", soc).startswith("E1002")
