# SPDX-License-Identifier: Apache-2.0
"""TensorFlow graphs against what TensorFlow itself computed (make_tensorflow_ops.py), in both forms:
a frozen GraphDef, written here field by field, and TensorFlow.js's model.json."""
import base64
import json
import pathlib
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image

import through

CASES = pathlib.Path(__file__).with_name("tensorflow_ops.json")


def cases():
    return json.loads(CASES.read_text()) if CASES.exists() else {}


def inputs(shapes):
    """The same numbers everywhere: multiples of 1/64 between -1 and 1 that do not repeat soon."""
    arrays, at = [], 5
    for shape in shapes:
        n = int(np.prod(shape))
        arrays.append((((at + np.arange(n)) * 37 % 129 - 64) / 64).astype(np.float32).reshape(shape))
        at += 11
    return arrays


# ---- GraphDef, from its JSON form ----

TYPES = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_BOOL": 10, "DT_INT64": 9, "DT_RESOURCE": 20,
         "DT_VARIANT": 21}


def varint(v):
    v &= (1 << 64) - 1
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    return bytes(out + bytes([v]))


def number(field, v):
    return varint(field << 3) + varint(int(v))


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def shape_bytes(s):
    dims = b"".join(block(2, number(1, d.get("size", 0))) for d in s.get("dim", []))
    return dims + (number(3, 1) if s.get("unknownRank") else b"")


def tensor_bytes(t):
    out = number(1, TYPES[t["dtype"]]) + block(2, shape_bytes(t.get("tensorShape", {})))
    if "tensorContent" in t:
        out += block(4, base64.b64decode(t["tensorContent"]))
    if "floatVal" in t:
        out += block(5, struct.pack(f"<{len(t['floatVal'])}f", *map(float, t["floatVal"])))
    for key, field in (("intVal", 7), ("int64Val", 10), ("boolVal", 11)):
        out += b"".join(number(field, v) for v in t.get(key, []))
    return out


def attr_bytes(a):
    (kind, v), = a.items()
    if kind == "list":
        return block(1, b"".join(number(3, i) for i in v.get("i", [])) +
                     b"".join(block(2, base64.b64decode(s)) for s in v.get("s", [])))
    if kind == "s":
        return block(2, base64.b64decode(v))
    if kind in ("i", "b"):
        return number(3 if kind == "i" else 5, v)
    if kind == "f":
        return varint(4 << 3 | 5) + struct.pack("<f", float(v))
    if kind == "type":
        return number(6, TYPES[v])
    if kind == "func":
        return block(10, block(1, v["name"]))
    return block(*{"shape": (7, shape_bytes), "tensor": (8, tensor_bytes)}[kind][:1],
                 {"shape": shape_bytes, "tensor": tensor_bytes}[kind](v))


def node_bytes(n):
    body = block(1, n["name"]) + block(2, n["op"])
    body += b"".join(block(3, i) for i in n.get("input", []))
    for key, value in n.get("attr", {}).items():
        if value:
            body += block(5, block(1, key) + block(2, attr_bytes(value)))
    return body


def function_bytes(f):
    s = f["signature"]
    out = block(1, s["name"])
    out += b"".join(block(2, block(1, a["name"])) for a in s.get("inputArg", []))
    out += b"".join(block(3, block(1, a["name"])) for a in s.get("outputArg", []))
    out = block(1, out) + b"".join(block(3, node_bytes(n)) for n in f.get("nodeDef", []))
    return out + b"".join(block(4, block(1, k) + block(2, v)) for k, v in f.get("ret", {}).items())


def graph_bytes(graph):
    library = graph.get("library", {}).get("function", [])
    return b"".join(block(1, node_bytes(n)) for n in graph["node"]) + (
        block(2, b"".join(block(1, function_bytes(f)) for f in library)) if library else b"")


# ---- running ----

def convert(atc, folder, model, *options, status=0):
    return through.convert(atc, model, folder / "m", "--framework=3", *options, status=status)


def run(prusik, folder, arrays):
    return through.run(prusik, folder / "m.om", arrays, folder / "out", "--threads", "1")


@pytest.mark.parametrize("name", cases())
def test_operator(atc, prusik, tmp_path, name):
    c = cases()[name]
    order = {n["name"]: i for i, n in enumerate(c["graph"]["node"])}
    arrays = inputs([s for _, s in c["inputs"]])
    feed = [arrays[i] for i in sorted(range(len(arrays)), key=lambda i: order[c["inputs"][i][0]])]
    js, pb = tmp_path / "js", tmp_path / "pb"
    for folder in js, pb:
        folder.mkdir()
    (js / "model").write_text(json.dumps({"format": "graph-model", "modelTopology": c["graph"]}))
    (pb / "model").write_bytes(graph_bytes(c["graph"]))
    results = []
    for folder in js, pb:
        convert(atc, folder, folder / "model", "--out_nodes=" + ";".join(c["outputs"]))
        results.append(run(prusik, folder, feed))
    assert len(results[0]) == len(c["expected"])
    for from_json, from_pb, (shape, values) in zip(*results, c["expected"]):
        assert list(from_json.shape) == shape
        np.testing.assert_array_equal(from_json, from_pb)
        np.testing.assert_allclose(from_pb.reshape(-1), np.array(values, np.float32), rtol=2e-5,
                                   atol=2e-5)


# ---- the form TensorFlow.js ships ----

def node(name, op, *inputs, **attr):
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def text(s):
    return {"s": base64.b64encode(s.encode()).decode()}


def placeholder(name, *dims):
    return node(name, "Placeholder", dtype={"type": "DT_FLOAT"},
                shape={"shape": {"dim": [{"size": str(d)} for d in dims]}})


FLOAT = {"type": "DT_FLOAT"}


def write_js(folder, nodes, weights=(), shards=1, **more):
    """weights: (name, stored array, quantization or None)"""
    data = b"".join(a.tobytes() for _, a, _ in weights)
    paths = [f"part{i}.bin" for i in range(shards)]
    step = -(-len(data) // shards)
    for i, p in enumerate(paths):
        (folder / p).write_bytes(data[i * step:(i + 1) * step])
    manifest = [{"paths": paths, "weights": [
        {"name": n, "shape": list(a.shape), "dtype": "float32" if q else str(a.dtype),
         **({"quantization": {"dtype": str(a.dtype), **q}} if q else {})} for n, a, q in weights]}]
    (folder / "model.json").write_text(json.dumps(
        {"modelTopology": {"node": nodes}, "weightsManifest": manifest if weights else [], **more}))
    return folder / "model.json"


def test_quantised_weights_in_shards(atc, prusik, tmp_path):
    u8 = np.arange(5, dtype=np.uint8)
    u16 = (np.arange(5) * 9999).astype(np.uint16)
    f16 = np.linspace(-3, 3, 5).astype(np.float16)
    names = [("a", u8, {"scale": 0.25, "min": -1.5}), ("b", u16, {"scale": 1e-3, "min": 2.0}),
             ("c", f16, {"original_dtype": "float32"}), ("d", np.ones(5, np.float32), None)]
    nodes = [placeholder("x", 5)]
    for i, (n, _, _) in enumerate(names):
        nodes += [node(n, "Const", dtype=FLOAT),
                  node(f"y{i}", "Mul", "x" if i == 0 else f"y{i - 1}", n)]
    model = write_js(tmp_path, nodes, names, shards=3,
                     signature={"outputs": {"y": {"name": "y3:0"}}})
    convert(atc, tmp_path, model)
    x = np.array([1, 2, 3, 4, 5], np.float32)
    y, = run(prusik, tmp_path, [x])
    want = x * (u8 * 0.25 - 1.5) * (u16 * 1e-3 + 2) * f16.astype(np.float32)
    np.testing.assert_allclose(y, want, rtol=1e-5)


@pytest.mark.parametrize("fused, operands, steps", [
    ("BiasAdd", ["b"], [("Add", "b")]), ("BiasAdd Relu", ["b"], [("Add", "b"), ("Relu",)]),
    ("BiasAdd Relu6", ["b"], [("Add", "b"), ("Relu6",)]),
    ("BiasAdd Elu", ["b"], [("Add", "b"), ("Elu",)]),
    ("BiasAdd LeakyRelu", ["b"], [("Add", "b"), ("LeakyRelu",)]),
    ("BiasAdd Prelu", ["b", "p"], [("Add", "b"), ("Prelu", "p")]),
    ("FusedBatchNorm", ["b", "p", "b", "v"], [("FusedBatchNorm", "b", "p", "b", "v")])])
@pytest.mark.parametrize("op", ["_FusedConv2D", "FusedDepthwiseConv2dNative", "_FusedMatMul"])
def test_fused_operators_are_their_parts(atc, prusik, tmp_path, op, fused, operands, steps):
    if op == "_FusedMatMul" and fused.startswith("FusedBatchNorm"):
        pytest.skip("TensorFlow has no such fusion")
    rng = np.random.default_rng(1)
    shape = (3, 3, 3, 1) if "Depthwise" in op else (3, 3) if "MatMul" in op else (3, 3, 3, 3)
    weights = [("w", rng.random(shape), None), ("b", rng.random(3) - 0.5, None),
               ("p", rng.random(3), None), ("v", rng.random(3) + 0.5, None)]
    weights = [(n, a.astype(np.float32), q) for n, a, q in weights]
    attrs = {} if "MatMul" in op else {
        "strides": {"list": {"i": ["1", "1", "1", "1"]}}, "padding": text("SAME")}
    plain = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
             "_FusedMatMul": "MatMul"}[op]
    alpha = {"alpha": {"f": 0.3}}
    nodes = [placeholder("x", 4, 3) if "MatMul" in op else placeholder("x", 1, 5, 4, 3)]
    nodes += [node(n, "Const", dtype=FLOAT) for n, _, _ in weights]
    nodes += [node("fused", op, "x", "w", *operands, **attrs, leakyrelu_alpha={"f": 0.3},
                   fused_ops={"list": {"s": [text(s)["s"] for s in fused.split()]}}),
              node("s0", plain, "x", "w", **attrs)]
    for i, (kind, *rest) in enumerate(steps):
        nodes.append(node(f"s{i + 1}", kind, f"s{i}", *rest, **(alpha if kind == "LeakyRelu" else {})))
    convert(atc, tmp_path, write_js(tmp_path, nodes, weights))
    x = (rng.random((4, 3) if "MatMul" in op else (1, 5, 4, 3)) - 0.5).astype(np.float32)
    a, b = run(prusik, tmp_path, [x])
    assert a.shape == b.shape and np.ptp(a) > 0.1
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_model_is_cut_in_front_and_behind(atc, prusik, tmp_path):
    nodes = [placeholder("x", -1, 4), node("a", "Exp", "x"), node("b", "Neg", "a"),
             node("c", "Exp", "b")]
    model = write_js(tmp_path, nodes)
    convert(atc, tmp_path, model, "--input_shape=a:2,4", "--out_nodes=b:0")
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    y, = run(prusik, tmp_path, [x])
    np.testing.assert_array_equal(y, -x)
    assert "E10001" in convert(atc, tmp_path, model, status=255)  # the batch is open
    out = convert(atc, tmp_path, model, "--input_shape=x:2,4", "--out_nodes=z:0", status=255)
    assert "E10016" in out and "'z:0'" in out
    out = convert(atc, tmp_path, model, "--input_shape=x:2,4;q:1", status=255)
    assert "E10016" in out and "'q'" in out
    out = convert(atc, tmp_path, model, "--input_shape=x:2,4", "--out_nodes=c:1", status=255)
    assert "has 1 outputs" in out


def test_image_gears(atc, prusik, tmp_path):
    """Height and width are the axes in front of the colours, as they lie in the graph."""
    write_js(tmp_path, [
        placeholder("x", -1, -1, -1, 3), node("a", "Neg", "x"),
        node("p", "MaxPool", "a", T=FLOAT, ksize={"list": {"i": ["1", "2", "2", "1"]}},
             strides={"list": {"i": ["1", "2", "2", "1"]}}, padding=text("VALID"),
             data_format=text("NHWC"))])
    gears = "--dynamic_image_size=4,6;8,2"
    rng = np.random.default_rng(3)
    x = {s: rng.random((1, *s, 3)).astype(np.float32) for s in ((4, 6), (8, 2))}
    for more in [], ["--input_format=NHWC"]:
        convert(atc, tmp_path, tmp_path / "model.json", "--input_shape=x:1,-1,-1,3", gears, *more)
        for (h, w), picture in x.items():
            y, = through.run(prusik, tmp_path / "m.om", [picture], tmp_path / f"{h}",
                             "--gear", f"{h},{w}")
            want = -picture.reshape(1, h // 2, 2, w // 2, 2, 3).min((2, 4))
            np.testing.assert_array_equal(y, want)
    (tmp_path / "aipp.cfg").write_text("aipp_op { aipp_mode: static input_format: RGB888_U8 }")
    convert(atc, tmp_path, tmp_path / "model.json", "--input_shape=x:1,-1,-1,3", gears,
            f"--insert_op_conf={tmp_path}/aipp.cfg")
    for h, w in x:
        picture = rng.integers(0, 256, (1, h, w, 3), np.uint8)
        y, = through.run(prusik, tmp_path / "m.om", [picture], tmp_path / f"{h}",
                         "--gear", f"{h},{w}")
        want = -picture.astype(np.float32).reshape(1, h // 2, 2, w // 2, 2, 3).min((2, 4))
        np.testing.assert_array_equal(y, want)
    out = convert(atc, tmp_path, tmp_path / "model.json", "--input_shape=x:1,4,-1,-1", gears,
                  status=255)
    assert "E10019" in out
    out = convert(atc, tmp_path, tmp_path / "model.json", "--input_shape=x:1,-1,-1,3", gears,
                  "--input_format=NCHW", status=255)
    assert "E10019" in out


def test_a_function_returns_the_second_output_of_an_operator(atc, prusik, tmp_path):
    def const(name, *values):
        return node(name, "Const", dtype={"type": "DT_INT32"}, value={"tensor": {
            "dtype": "DT_INT32", "intVal": list(values), "tensorShape": {}}})

    body = [const("one", 1), const("two", 2), const("zero", 0),
            node("empty", "TensorListReserve", "zero:output:0", "two:output:0"),
            node("half", "TensorListSetItem", "empty:handle:0", "zero:output:0", "a"),
            node("full", "TensorListSetItem", "half:output_handle:0", "one:output:0", "b"),
            node("join", "TensorListConcatV2", "full:output_handle:0", "zero:output:0",
                 "zero:output:0")]
    f = {"signature": {"name": "f", "inputArg": [{"name": "a"}, {"name": "b"}],
                       "outputArg": [{"name": "all"}, {"name": "rows"}]},
         "nodeDef": body, "ret": {"all": "join:tensor:0", "rows": "join:lengths:0"}}
    nodes = [placeholder("x", 2, 3), placeholder("y", 1, 3),
             node("call", "PartitionedCall", "x", "y", f={"func": {"name": "f"}}),
             node("rows", "Cast", "call:1", SrcT={"type": "DT_INT64"}, DstT=FLOAT),
             node("sum", "Add", "call:0", "x0"), node("x0", "Sum", "rows", "axis"),
             const("axis", 0)]
    (tmp_path / "m.pb").write_bytes(graph_bytes({"node": nodes, "library": {"function": [f]}}))
    convert(atc, tmp_path, tmp_path / "m.pb", "--out_nodes=sum:0")
    x, y = np.ones((2, 3), np.float32), np.full((1, 3), 5, np.float32)
    z, = run(prusik, tmp_path, [x, y])
    np.testing.assert_array_equal(z, np.concatenate([x, y]) + 3)


def test_a_function_reads_an_output_that_the_operator_has_not(atc, tmp_path):
    f = {"signature": {"name": "f", "inputArg": [{"name": "a"}], "outputArg": [{"name": "r"}]},
         "nodeDef": [node("top", "TopKV2", "a", "a")], "ret": {"r": "top:largest:0"}}
    call = [placeholder("x", 4), node("y", "PartitionedCall", "x", f={"func": {"name": "f"}})]
    (tmp_path / "m.pb").write_bytes(graph_bytes({"node": call, "library": {"function": [f]}}))
    out = convert(atc, tmp_path, tmp_path / "m.pb", status=255)
    assert "function 'f': 'top:largest:0': TopKV2 has no output of that name" in out


@pytest.mark.parametrize("scaled", [True, False])
def test_oldest_batch_norm(atc, prusik, tmp_path, scaled):
    """BatchNormWithGlobalNormalization of 2015's graphs, which TensorFlow itself no longer runs."""
    rng = np.random.default_rng(2)
    m, v, b, g = (rng.random(3).astype(np.float32) + 0.1 for _ in range(4))
    weights = [("m", m, None), ("v", v, None), ("b", b, None), ("g", g, None)]
    nodes = [placeholder("x", 1, 5, 4, 3)] + [node(n, "Const", dtype=FLOAT) for n, *_ in weights]
    nodes.append(node("y", "BatchNormWithGlobalNormalization", "x", "m", "v", "b", "g",
                      variance_epsilon={"f": 0.01}, scale_after_normalization={"b": scaled}))
    convert(atc, tmp_path, write_js(tmp_path, nodes, weights))
    x = rng.random((1, 5, 4, 3)).astype(np.float32)
    y, = run(prusik, tmp_path, [x])
    np.testing.assert_allclose(y, (x - m) / np.sqrt(v + 0.01) * (g if scaled else 1) + b, rtol=1e-5)


def test_dilated_convolution_is_one_node(atc, tmp_path):
    """What TensorFlow 1 wrote with blocks in the batch, also where height and width are open."""
    graph = cases()["Atrous_idiom"]["graph"]
    (tmp_path / "m.pb").write_bytes(graph_bytes(graph))
    gears = ["--dynamic_dims=6,5;9,11", "--input_format=ND"]
    for shape, more in (("1,6,5,3", []), ("1,-1,-1,3", gears)):
        through.convert(atc, tmp_path / "m.pb", tmp_path / "m", "--framework=3",
                        f"--input_shape={graph['node'][0]['name']}:{shape}", *more,
                        PRUSIK_DUMP=str(tmp_path))
        text = sorted(tmp_path.glob("[0-9]*.txt"))[-1].read_text()
        assert text.count("= Conv(") == 1 and "dilations=[2,2]" in text
        assert not any(f"= {op}(" in text for op in ("Pad", "Reshape", "Slice"))


def test_picture_of_a_channels_last_classifier(atc, prusik, tmp_path):
    """The upper right quarter decides: red there is class 0, blue everywhere else is not seen."""
    ints = [("begin", [0, 0, 32, 0]), ("size", [-1, 32, -1, -1]), ("axes", [1, 2])]
    weights = [(n, np.array(v, np.int32), None) for n, v in ints]
    nodes = [placeholder("x", 1, 64, 64, 3)]
    nodes += [node(n, "Const", dtype={"type": "DT_INT32"}) for n, _ in ints]
    nodes += [node("part", "Slice", "x", "begin", "size"), node("y", "Mean", "part", "axes")]
    convert(atc, tmp_path, write_js(tmp_path, nodes, weights))
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[..., 2] = 255
    picture[:32, 32:] = 255, 0, 0
    Image.fromarray(picture).save(tmp_path / "p.png")
    done = subprocess.run([prusik, "classify", "--json", "--type", "imagenet", tmp_path / "m.om",
                           tmp_path / "p.png"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)[0]["classes"][0]
    assert best["class_id"] == 0 and best["score"] > 0.9


# ---- what cannot be imported ----

def test_everything_unsupported_is_listed_at_once(atc, tmp_path):
    nodes = [placeholder("x", 4), node("f", "FFT", "x"), node("g", "Foo", "f"),
             node("h", "Switch", "g", "x"), node("v", "VarHandleOp"),
             node("r", "ReadVariableOp", "v"), node("y", "Mul", "h", "r")]
    out = convert(atc, tmp_path, write_js(tmp_path, nodes), status=255)
    assert "E19010" in out and "4 nodes" in out
    for part in "FFT 'f'", "Foo 'g'", "--out_nodes", "VarHandleOp 'v'", "not frozen":
        assert part in out


def test_loops_and_branches_that_cannot_be_unrolled(atc, tmp_path):
    text_of = {"frame_name": text("f")}
    bools = {"dtype": {"type": "DT_BOOL"}, "shape": {"shape": {}}}
    nodes = [placeholder("x", 4), node("p", "Placeholder", **bools),
             node("s", "Switch", "x", "p"), node("y", "Neg", "s:1")]
    out = convert(atc, tmp_path, write_js(tmp_path, nodes), status=255)
    assert "E19010" in out and "Switch 's'" in out and "only when running" in out
    loop = [placeholder("x", 4), placeholder("limit", 1),
            node("e", "Enter", "x", **text_of), node("l", "Enter", "limit", **text_of),
            node("m", "Merge", "e", "n"), node("a", "Less", "m", "l"), node("c", "LoopCond", "a"),
            node("s", "Switch", "m", "c"), node("b", "Neg", "s:1"),
            node("n", "NextIteration", "b"), node("y", "Exit", "s")]
    out = convert(atc, tmp_path, write_js(tmp_path, loop), status=255)
    assert "E19010" in out and "Exit 'y'" in out and "trips" in out
    forever = [n for n in loop if n["name"] not in ("limit", "l", "a", "c")]
    forever += [node("t", "Const", dtype={"type": "DT_BOOL"}), node("c", "LoopCond", "t")]
    out = convert(atc, tmp_path, write_js(tmp_path, forever, [("t", np.array(True), None)]),
                  status=255)
    assert "more than" in out and "E19" in out
    loop[-1]["input"] = ["x"]
    out = convert(atc, tmp_path, write_js(tmp_path, loop), status=255)
    assert "E19005" in out and "Exit 'y' leaves no loop" in out
    call = [placeholder("x", 4), node("y", "PartitionedCall", "x", f={"func": {"name": "g"}})]
    out = convert(atc, tmp_path, write_js(tmp_path, call), status=255)
    assert "PartitionedCall 'y'" in out and "function" in out


def test_what_is_wrong_with_a_file_is_said(atc, tmp_path):
    x = placeholder("x", 4)

    def fails(code, *parts, nodes=None, **more):
        out = convert(atc, tmp_path, write_js(tmp_path, nodes or [x], **more), status=255)
        assert code in out
        for part in parts:
            assert part in out

    w = [("w", np.ones(4, np.float32), None)]
    graph = [x, node("w", "Const", dtype=FLOAT), node("y", "Add", "x", "w")]
    fails("E19005", "no outputs")
    fails("E19005", "two nodes are named 'x'", nodes=[x, x])
    fails("E19005", "'nobody' is produced by nothing", nodes=[x, node("y", "Neg", "nobody")])
    fails("E19005", "cycle",
          nodes=[node("a", "Neg", "b"), node("b", "Neg", "a"), node("y", "Neg", "a")])
    fails("E19005", "reads output 3", nodes=[x, node("y", "Neg", "x:3")])
    fails("E19005", "has 1 inputs", nodes=[x, node("y", "Add", "x")])
    fails("E19005", "Const 'w' has no value", nodes=graph)
    fails("E19010", "layers format", modelTopology={"model_config": {}})
    fails("E19005", "no 'modelTopology'", modelTopology=None)
    path = [{"paths": ["../secret"], "weights": [{"name": "w", "shape": [4], "dtype": "float32"}]}]
    fails("E19005", "would leave the model's folder", nodes=graph, weightsManifest=path)
    path[0]["paths"] = ["gone.bin"]
    fails("E19001", "gone.bin", nodes=graph, weightsManifest=path)
    model = write_js(tmp_path, graph, w)
    (tmp_path / "part0.bin").write_bytes(bytes(15))
    assert "15 bytes, but the model lists 16" in convert(atc, tmp_path, model, status=255)
    model.write_text('{"modelTopology": [')
    assert "line 1" in convert(atc, tmp_path, model, status=255)
    model.write_bytes(number(1, 1) + block(2, b"\x0a\x03abc"))
    assert "frozen" in convert(atc, tmp_path, model, status=255)


def test_truncated_files_fail_with_a_sentence(atc, tmp_path):
    whole = graph_bytes(cases()["Conv2D_SAME_1"]["graph"])
    model = tmp_path / "model"
    for n in range(1, len(whole), 37):
        model.write_bytes(whole[:n])
        assert "E19" in convert(atc, tmp_path, model, status=255)
