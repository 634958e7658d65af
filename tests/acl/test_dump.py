# SPDX-License-Identifier: Apache-2.0
"""Dumped tensors of a converted network: outputs bit for bit what the run returned, those in between
what onnxruntime computes, whatever layout or home the engine keeps them in."""
import json
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.in_process


@pytest.fixture(scope="module")
def acl(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    return acl


@pytest.fixture
def device(acl):
    assert acl.init() == 0 and acl.rt.set_device(0) == 0
    yield acl
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0


@pytest.fixture(scope="module")
def net(tmp_path_factory, atc):
    """Blocked convolutions, one of them depthwise, joined by a Concat and an Add, with a head that a
    Transpose turns; and the .om of it."""
    r = np.random.default_rng(3)
    weights = {"w1": (16, 3, 3, 3), "b1": (16,), "w2": (16, 1, 3, 3), "w3": (24, 16, 1, 1),
               "w4": (32, 40, 1, 1), "w5": (32, 32, 1, 1)}
    initial = [numpy_helper.from_array(r.standard_normal(s, np.float32) * np.float32(0.3), n)
               for n, s in weights.items()]
    node = helper.make_node
    nodes = [node("Conv", ["x", "w1", "b1"], ["c1"], name="stem", pads=[1] * 4, strides=[2, 2]),
             node("Relu", ["c1"], ["r1"], name="stem_act"),
             node("Conv", ["r1", "w2"], ["c2"], name="dw", pads=[1] * 4, group=16),
             node("Conv", ["c2", "w3"], ["c3"], name="pw"),
             node("Sigmoid", ["c3"], ["s3"], name="gate"),
             node("Mul", ["c3", "s3"], ["m3"], name="swish"),
             node("Concat", ["r1", "m3"], ["cat"], name="cat", axis=1),
             node("Conv", ["cat", "w4"], ["c4"], name="mix"),
             node("Conv", ["c4", "w5"], ["c5"], name="again"),
             node("Add", ["c4", "c5"], ["sum"], name="sum"),
             node("Transpose", ["sum"], ["y"], name="head", perm=[0, 2, 3, 1]),
             node("GlobalAveragePool", ["sum"], ["z"], name="mean")]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 20, 20])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("y", "z")], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder = tmp_path_factory.mktemp("dump")
    onnx.save(model, folder / "net.onnx")
    done = subprocess.run([atc, f"--model={folder / 'net.onnx'}", "--framework=5",
                           f"--output={folder / 'net'}", "--soc_version=Ascend310"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return model, folder / "net.om"


def reference(model, x):
    """Every tensor of the network by name, computed by onnxruntime."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    names = [o for n in model.graph.node for o in n.output]
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None)
                             for n in names)
    session = ort.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {"x": x})))


def run(acl, om, x):
    """Loads, runs once, unloads; the outputs as flat arrays."""
    model, code = acl.mdl.load_from_file(str(om))
    assert code == 0, acl.get_recent_err_msg()
    desc = acl.mdl.create_desc()
    assert acl.mdl.get_desc(desc, model) == 0
    results = [np.empty(acl.mdl.get_output_size_by_index(desc, i) // 4, np.float32)
               for i in range(acl.mdl.get_num_outputs(desc))]
    sets = []
    for arrays in ([x], results):
        data = acl.mdl.create_dataset()
        for a in arrays:
            buffer = acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes)
            assert acl.mdl.add_dataset_buffer(data, buffer)[1] == 0
        sets.append(data)
    assert acl.mdl.execute(model, *sets) == 0, acl.get_recent_err_msg()
    for data in sets:
        for i in range(acl.mdl.get_dataset_num_buffers(data)):
            acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(data, i))
        acl.mdl.destroy_dataset(data)
    acl.mdl.destroy_desc(desc)
    assert acl.mdl.unload(model) == 0
    return results


def dump(acl, folder, **settings):
    path = folder / "dump.json"
    path.write_text(json.dumps({"dump": {"dump_path": str(folder), **settings}}))
    assert acl.mdl.set_dump(str(path)) == 0, acl.get_recent_err_msg()


def tensors(folder, om_graph):
    """[(operator, name, side, index, array)] of everything dumped, in the order of the stamps."""
    found = []
    for path in pathlib.Path(folder).rglob("*.npy"):
        operator, name, task, stream, stamp, side, index, _ = path.name.split(".")
        assert len(stamp) == 16 and task.isdigit() and stream.isdigit()
        found.append((int(stamp), operator, name, side, int(index), np.load(path)))
    assert all(om_graph in p.parts for p in pathlib.Path(folder).rglob("*.npy"))
    return [f[1:] for f in sorted(found, key=lambda f: f[:5])]


def test_every_tensor(device, net, tmp_path):
    acl, (model, om) = device, net
    x = np.random.default_rng(4).standard_normal((1, 3, 20, 20)).astype(np.float32)
    wanted = reference(model, x)
    plain = run(acl, om, x)
    assert acl.mdl.init_dump() == 0
    dump(acl, tmp_path, dump_list=[{"model_name": "net"}], dump_mode="all")
    y, z = run(acl, om, x)
    assert acl.mdl.finalize_dump() == 0
    for a, b in zip(plain, (y, z)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    found = tensors(tmp_path, "net")
    outputs = {name: array for operator, name, side, index, array in found if side == "output"}
    assert len(outputs) >= 8
    # The program's own outputs, bit for bit.
    assert (outputs["head"].ravel() == y).all() and (outputs["mean"].ravel() == z).all()
    # Each is one of the reference's tensors; a fused operator gives the last one's.
    last = {"stem": "r1", "dw": "c2", "pw": "m3", "cat": "cat", "mix": "c4", "again": "sum",
            "sum": "sum", "head": "y", "mean": "z"}
    for name, array in outputs.items():
        expected = wanted[last[name]]
        assert array.shape == expected.shape, name
        np.testing.assert_allclose(array, expected, rtol=1e-3, atol=1e-4, err_msg=name)
    # What one gives the next takes, bit for bit, and the weights are the file's.
    inputs = {(name, index): array for _, name, side, index, array in found if side == "input"}
    assert (inputs["stem", 0] == x).all()
    assert (inputs["stem", 1] == numpy_helper.to_array(model.graph.initializer[0])).all()
    assert (inputs["cat", 0] == outputs["stem"]).all()
    assert (inputs["mix", 0] == outputs["cat"]).all()
    # The order of the operators is that of the stamps.
    order = [name for _, name, side, index, _ in found if side == "output"]
    assert order.index("stem") < order.index("cat") < order.index("mean")


def test_layers(device, net, tmp_path):
    acl, (model, om) = device, net
    x = np.ones((1, 3, 20, 20), np.float32)
    wanted = reference(model, x)
    assert acl.mdl.init_dump() == 0
    dump(acl, tmp_path, dump_list=[{"model_name": "net", "layer": ["cat", "nobody"]}])
    run(acl, om, x)
    assert acl.mdl.finalize_dump() == 0
    (operator, name, side, index, array), = tensors(tmp_path, "net")
    assert (operator, name, side, index) == ("Concat", "cat", "output", 0)
    np.testing.assert_allclose(array, wanted["cat"], rtol=1e-4, atol=1e-5)


def test_statistics(device, net, tmp_path):
    acl, (model, om) = device, net
    x = np.linspace(-1, 1, 1200, dtype=np.float32).reshape(1, 3, 20, 20)
    assert acl.mdl.init_dump() == 0
    dump(acl, tmp_path, dump_list=[{"model_name": "net"}], dump_data="stats")
    _, z = run(acl, om, x)
    assert acl.mdl.finalize_dump() == 0
    path, = tmp_path.rglob("GlobalAveragePool.mean.*.csv")
    head, row = (line.split(",") for line in path.read_text().splitlines())
    row = dict(zip(head, row))
    assert row["Data Type"] == "f32" and row["Shape"] == "[1x32x1x1]" and row["Format"] == "NCHW"
    for key, value in (("Max Value", z.max()), ("Min Value", z.min()), ("Avg Value", z.mean()),
                       ("L2 Norm", np.linalg.norm(z))):
        assert float(row[key]) == pytest.approx(value, rel=1e-5), key


def test_gears(device, atc, tmp_path):
    """Every gear's tensors have that gear's size; the second dump of a model has its own folder."""
    acl = device
    w = np.random.default_rng(5).standard_normal((16, 3, 3, 3)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1] * 4),
             helper.make_node("Softmax", ["c"], ["y"], name="head", axis=1)]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16, 8, 8])],
        [numpy_helper.from_array(w, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "g.onnx")
    done = subprocess.run([atc, f"--model={tmp_path / 'g.onnx'}", "--framework=5",
                           f"--output={tmp_path / 'g'}", "--soc_version=Ascend310",
                           "--input_shape=x:-1,3,8,8", "--dynamic_batch_size=1,2,4"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert acl.mdl.init_dump() == 0
    dump(acl, tmp_path, dump_list=[{"model_name": "g"}], dump_mode="all")
    model_id, code = acl.mdl.load_from_file(str(tmp_path / "g.om"))
    assert code == 0
    x = np.random.default_rng(6).standard_normal((4, 3, 8, 8)).astype(np.float32)
    y, chooser = np.zeros((4, 16, 8, 8), np.float32), np.zeros(1, np.int32)
    sets = []
    for arrays in ([x, chooser], [y]):
        sets.append(acl.mdl.create_dataset())
        for a in arrays:
            buffer = acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes)
            assert acl.mdl.add_dataset_buffer(sets[-1], buffer)[1] == 0
    for run_index, batch in enumerate((4, 1, 2)):
        assert acl.mdl.set_dynamic_batch_size(model_id, sets[0], 1, batch) == 0
        assert acl.mdl.execute(model_id, *sets) == 0, acl.get_recent_err_msg()
        folder, = tmp_path.glob(f"2*/0/g/{model_id}/{run_index}")
        found = {(name, side, index): array
                 for _, name, side, index, array in tensors(folder, "g")}
        wanted = reference(model, x[:batch])
        assert (found["conv", "input", 0] == x[:batch]).all()
        assert (found["conv", "input", 1] == w).all()
        np.testing.assert_allclose(found["conv", "output", 0], wanted["c"], rtol=1e-3, atol=1e-4)
        assert (found["head", "output", 0] == y[:batch]).all()
        np.testing.assert_allclose(y[:batch], wanted["y"], rtol=1e-3, atol=1e-5)
    for data in sets:
        for i in range(acl.mdl.get_dataset_num_buffers(data)):
            acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(data, i))
        acl.mdl.destroy_dataset(data)
    assert acl.mdl.unload(model_id) == 0 and acl.mdl.finalize_dump() == 0
