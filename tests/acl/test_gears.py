# SPDX-License-Identifier: Apache-2.0
"""Gears and ranges from atc to results: every gear of a model gives bit for bit what the same ONNX
file converted for that size alone gives, and what onnxruntime gives."""
import subprocess
import sys
import threading

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.in_process
CHOOSER = "ascend_mbatch_shape_data"


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
def net(tmp_path_factory):
    """Convolutions over any batch and picture, with a Reshape that asks for the sizes."""
    r = np.random.default_rng(7)
    weights = [numpy_helper.from_array(r.standard_normal(s, np.float32) * np.float32(0.2), n)
               for n, s in (("w1", (16, 3, 3, 3)), ("b1", (16,)), ("w2", (8, 16, 1, 1)))]
    weights += [numpy_helper.from_array(np.array(v, np.int64), n)
                for n, v in (("zero", [0]), ("one", [1]), ("rest", [-1]), ("channels", [8]))]
    nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c"], pads=[1] * 4, strides=[2, 2]),
             helper.make_node("Relu", ["c"], ["d"]),
             helper.make_node("Conv", ["d", "w2"], ["e"]),
             helper.make_node("Shape", ["e"], ["s"]),
             helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
             helper.make_node("Concat", ["n", "channels", "rest"], ["to"], axis=0),
             helper.make_node("Reshape", ["e", "to"], ["y"])]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8, "m"])], weights)
    path = tmp_path_factory.mktemp("gears") / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


def convert(atc, model, om, *options):
    done = subprocess.run([atc, f"--model={model}", "--framework=5", f"--output={om}",
                           "--soc_version=Ascend310", *options], capture_output=True, text=True)
    return done.returncode, done.stdout


def must_convert(atc, model, om, *options):
    code, text = convert(atc, model, om, *options)
    assert code == 0, text
    return f"{om}.om"


class Model:
    """One loaded model; run(x, choose) with buffers of the largest size."""

    def __init__(self, acl, path):
        self.acl = acl
        self.id, code = acl.mdl.load_from_file(path)
        assert code == 0, acl.get_recent_err_msg()
        self.desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc(self.desc, self.id) == 0

    def dataset(self, sizes):
        acl, data = self.acl, self.acl.mdl.create_dataset()
        memory = []
        for size in sizes:
            p, code = acl.rt.malloc(size, 0)
            assert code == 0
            memory.append(p)
            assert acl.mdl.add_dataset_buffer(data, acl.create_data_buffer(p, size))[1] == 0
        return data, memory

    def sizes(self, side):
        n = getattr(self.acl.mdl, f"get_num_{side}s")(self.desc)
        size = getattr(self.acl.mdl, f"get_{side}_size_by_index")
        return [size(self.desc, i) for i in range(n)]

    def free(self, data, memory):
        for i, p in enumerate(memory):
            self.acl.destroy_data_buffer(self.acl.mdl.get_dataset_buffer(data, i))
            assert self.acl.rt.free(p) == 0
        assert self.acl.mdl.destroy_dataset(data) == 0

    def run(self, x, choose=None, stream=None):
        acl = self.acl
        x = np.ascontiguousarray(x)
        inputs, memory = self.dataset(self.sizes("input"))
        outputs, out = self.dataset(self.sizes("output"))
        assert acl.rt.memcpy(memory[0], x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 0) == 0
        if choose:
            assert choose(self.id, inputs) == 0, acl.get_recent_err_msg()
            dims, code = acl.mdl.get_cur_output_dims(self.desc, 0)
        else:
            dims, code = acl.mdl.get_output_dims(self.desc, 0)
        assert code == 0
        if stream is None:
            assert acl.mdl.execute(self.id, inputs, outputs) == 0, acl.get_recent_err_msg()
        else:
            assert acl.mdl.execute_async(self.id, inputs, outputs, stream) == 0
            assert acl.rt.synchronize_stream(stream) == 0
        y = np.empty(dims["dims"], np.float32)
        assert acl.rt.memcpy(acl.util.numpy_to_ptr(y), y.nbytes, out[0], y.nbytes, 0) == 0
        self.free(inputs, memory)
        self.free(outputs, out)
        return y

    def close(self):
        self.acl.mdl.destroy_desc(self.desc)
        assert self.acl.mdl.unload(self.id) == 0


KINDS = {
    "batch": (["--input_shape=x:-1,3,16,20", "--dynamic_batch_size=1,2,4,8"],
              [(n, 3, 16, 20) for n in (1, 2, 4, 8)]),
    "image": (["--input_shape=x:2,3,-1,-1", "--dynamic_image_size=16,20;32,24;9,9"],
              [(2, 3, *s) for s in ((16, 20), (32, 24), (9, 9))]),
    "dims": (["--input_shape=x:-1,3,-1,20", "--dynamic_dims=1,8;3,24;2,12", "--input_format=ND"],
             [(1, 3, 8, 20), (3, 3, 24, 20), (2, 3, 12, 20)]),
}


def chooser(acl, kind, shape, index=1):
    if kind == "batch":
        return lambda m, d: acl.mdl.set_dynamic_batch_size(m, d, index, shape[0])
    if kind == "image":
        return lambda m, d: acl.mdl.set_dynamic_hw_size(m, d, index, *shape[2:])
    dims = {"name": "", "dimCount": 4, "dims": list(shape)}
    return lambda m, d: acl.mdl.set_input_dynamic_dims(m, d, index, dims)


@pytest.mark.parametrize("kind", KINDS)
def test_every_gear(device, atc, net, tmp_path, kind):
    acl = device
    options, shapes = KINDS[kind]
    model = Model(acl, must_convert(atc, net, tmp_path / kind, *options))
    assert acl.mdl.get_input_index_by_name(model.desc, CHOOSER) == (1, 0)
    values = {"batch": 1, "image": 2, "dims": 2}[kind]
    most = max(int(np.prod(s)) for s in shapes)
    assert model.sizes("input") == [4 * most, 4 * values]
    dims = acl.mdl.get_input_dims(model.desc, 0)[0]["dims"]
    assert dims.count(-1) == values
    batch, hw = acl.mdl.get_dynamic_batch(model.desc)[0], acl.mdl.get_dynamic_hw(model.desc, 0)[0]
    n_dims = acl.mdl.get_input_dynamic_gear_count(model.desc, -1)
    assert batch["batch"] == ([s[0] for s in shapes] if kind == "batch" else [])
    assert hw["hw"] == ([list(s[2:]) for s in shapes] if kind == "image" else [])
    assert n_dims == (len(shapes) if kind == "dims" else 0, 0)
    gears = acl.mdl.get_input_dynamic_dims(model.desc, -1, n_dims[0])[0]
    assert [tuple(g["dims"]) for g in gears] == (shapes if kind == "dims" else [])
    session = ort.InferenceSession(net.read_bytes())
    stream, _ = acl.rt.create_stream()
    for i, shape in enumerate(shapes):
        x = np.random.default_rng(i).standard_normal(shape, np.float32)
        y = model.run(x, chooser(acl, kind, shape))
        np.testing.assert_array_equal(y, model.run(x, chooser(acl, kind, shape), stream))
        fixed = Model(acl, must_convert(atc, net, tmp_path / f"fixed{i}",
                                        "--input_shape=x:" + ",".join(map(str, shape))))
        np.testing.assert_array_equal(y, fixed.run(x))
        fixed.close()
        np.testing.assert_allclose(y, session.run(None, {"x": x})[0], rtol=1e-4, atol=1e-5)
    assert acl.rt.destroy_stream(stream) == 0
    model.close()



@pytest.mark.parametrize("file, kind, gears, side", [
    ("mobilenetv2_fp32_dequantised.onnx", "batch", (1, 2, 4, 8), 224),
    ("yolox_nano_416.onnx", "batch", (1, 2, 4, 8), 128),
    ("yolox_nano_416.onnx", "image", (96, 160, 128), 0)])
def test_real_networks(device, atc, data_dir, tmp_path, file, kind, gears, side):
    acl, path = device, data_dir / "models" / file
    net = onnx.load(path)
    shapes = [(g, 3, side, side) if kind == "batch" else (1, 3, g, g) for g in gears]
    open_shape = "-1,3,%d,%d" % (side, side) if kind == "batch" else "1,3,-1,-1"
    option = ("--dynamic_batch_size=" + ",".join(map(str, gears)) if kind == "batch" else
              "--dynamic_image_size=" + ";".join(f"{g},{g}" for g in gears))
    name = net.graph.input[0].name
    model = Model(acl, must_convert(atc, path, tmp_path / "m", f"--input_shape={name}:{open_shape}",
                                    option))
    for k, dim in enumerate(net.graph.input[0].type.tensor_type.shape.dim):
        dim.dim_param = f"d{k}"
    for output in net.graph.output:
        output.type.tensor_type.ClearField("shape")
    del net.graph.value_info[:]
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(net.SerializeToString(), options)
    for i, shape in enumerate(shapes):
        x = np.random.default_rng(i).random(shape, np.float32)
        y = model.run(x, chooser(acl, kind, shape))
        fixed = Model(acl, must_convert(atc, path, tmp_path / f"fixed{i}",
                                        f"--input_shape={name}:" + ",".join(map(str, shape))))
        np.testing.assert_array_equal(y, fixed.run(x))
        fixed.close()
        want = session.run(None, {name: x})[0]
        assert y.shape == want.shape
        assert np.abs(y - want).max() <= 1e-3 * np.abs(want).max()
    model.close()

def test_threads_with_gears_of_their_own(device, atc, net, tmp_path):
    acl = device
    options, shapes = KINDS["batch"]
    model = Model(acl, must_convert(atc, net, tmp_path / "m", *options))
    session = ort.InferenceSession(net.read_bytes())
    context, _ = acl.rt.get_context()
    failures = []

    def work(seed, shape):
        try:
            assert acl.rt.set_context(context) == 0
            x = np.random.default_rng(seed).standard_normal(shape, np.float32)
            want = session.run(None, {"x": x})[0]
            sizes = model.sizes("input"), model.sizes("output")
            (inputs, memory), (outputs, out) = map(model.dataset, sizes)
            acl.rt.memcpy(memory[0], x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 0)
            for _ in range(30):
                assert chooser(acl, "batch", shape)(model.id, inputs) == 0
                assert acl.mdl.execute(model.id, inputs, outputs) == 0
                y = np.empty_like(want)
                acl.rt.memcpy(acl.util.numpy_to_ptr(y), y.nbytes, out[0], y.nbytes, 0)
                np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
            model.free(inputs, memory)
            model.free(outputs, out)
        except BaseException as e:  # a thread's failure must reach the test
            failures.append(e)

    threads = [threading.Thread(target=work, args=(i, s)) for i, s in enumerate(shapes[1:3])]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    model.close()
    assert not failures, failures


def test_misuse(device, atc, net, tmp_path):
    acl = device
    model = Model(acl, must_convert(atc, net, tmp_path / "m", *KINDS["batch"][0]))
    inputs, memory = model.dataset(model.sizes("input"))
    outputs, out = model.dataset(model.sizes("output"))
    choose = acl.mdl.set_dynamic_batch_size
    assert choose(model.id, inputs, 1, 3) == 145013
    assert "batch 3 is none of the 4 gears" in acl.get_recent_err_msg()
    assert choose(model.id, inputs, 0, 2) == 100000
    assert choose(model.id, inputs, 1, 0) == 100000
    assert acl.mdl.set_dynamic_hw_size(model.id, inputs, 1, 8, 8) == 100000
    assert "aclmdlSetDynamicBatchSize" in acl.get_recent_err_msg()
    buffer = acl.mdl.get_dataset_buffer(inputs, 1)
    assert acl.update_data_buffer(buffer, 0, 0) == 0
    assert choose(model.id, inputs, 1, 2) == 145011
    assert acl.update_data_buffer(buffer, memory[1], 3) == 0
    assert choose(model.id, inputs, 1, 2) == 145012
    assert acl.update_data_buffer(buffer, memory[1], 4) == 0
    assert acl.rt.memset(memory[1], 4, 0, 4) == 0  # nothing chosen
    assert acl.mdl.execute(model.id, inputs, outputs) == 145013
    assert "before each run" in acl.get_recent_err_msg()
    assert choose(model.id, inputs, 1, 2) == 0
    assert acl.mdl.execute(model.id, inputs, outputs) == 0
    model.free(inputs, memory)
    model.free(outputs, out)
    model.close()


def test_dims_of_several_inputs(device, atc, tmp_path):
    """One size for each -1, input after input; the inputs differ in how many they have."""
    acl = device
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Concat", ["a", "b"], ["y"], axis=0)], "g",
        [info("a", TensorProto.FLOAT, ["n", "w"]), info("b", TensorProto.FLOAT, ["m", "w"])],
        [info("y", TensorProto.FLOAT, ["k", "w"])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "m.onnx")
    model = Model(acl, must_convert(atc, tmp_path / "m.onnx", tmp_path / "m", "--input_format=ND",
                                    "--input_shape=a:-1,-1;b:2,-1", "--dynamic_dims=1,4,4;3,5,5"))
    assert model.sizes("input") == [60, 40, 12] and model.sizes("output") == [100]
    gears, code = acl.mdl.get_input_dynamic_dims(model.desc, -1, 2)
    assert code == 0 and [g["dims"] for g in gears] == [[1, 4, 2, 4], [3, 5, 2, 5]]
    inputs, memory = model.dataset(model.sizes("input"))
    outputs, out = model.dataset([100])
    for n, w in ((1, 4), (3, 5), (1, 4)):
        data = [np.random.default_rng(k).standard_normal((rows, w), np.float32)
                for k, rows in enumerate((n, 2))]
        for p, x in zip(memory, data):
            assert acl.rt.memcpy(p, x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 0) == 0
        dims = {"name": "", "dimCount": 4, "dims": [n, w, 2, w]}
        assert acl.mdl.set_input_dynamic_dims(model.id, inputs, 2, dims) == 0
        assert acl.mdl.get_cur_output_dims(model.desc, 0)[0]["dims"] == [n + 2, w]
        assert acl.mdl.execute(model.id, inputs, outputs) == 0
        y = np.empty((n + 2, w), np.float32)
        assert acl.rt.memcpy(acl.util.numpy_to_ptr(y), y.nbytes, out[0], y.nbytes, 0) == 0
        np.testing.assert_array_equal(y, np.concatenate(data))
    for wrong, said in (([1, 4, 2, 5], "none of the 2 gears"), ([1, 4, 3, 4], "dims[2] is 3"),
                        ([1, 4, 2], "dimCount is 3")):
        dims = {"name": "", "dimCount": len(wrong), "dims": wrong}
        assert acl.mdl.set_input_dynamic_dims(model.id, inputs, 2, dims) != 0
        assert said in acl.get_recent_err_msg()
    model.free(inputs, memory)
    model.free(outputs, out)
    model.close()


def test_wide_buffer(device, atc, net, tmp_path):
    """A buffer with room for 8 bytes a value gets and gives 8."""
    acl = device
    model = Model(acl, must_convert(atc, net, tmp_path / "m", *KINDS["image"][0]))
    inputs, memory = model.dataset([model.sizes("input")[0], 16])
    outputs, out = model.dataset(model.sizes("output"))
    assert acl.mdl.set_dynamic_hw_size(model.id, inputs, 1, 32, 24) == 0
    values = np.zeros(2, np.int64)
    acl.rt.memcpy(acl.util.numpy_to_ptr(values), 16, memory[1], 16, 0)
    assert values.tolist() == [32, 24]
    assert acl.mdl.execute(model.id, inputs, outputs) == 0
    model.free(inputs, memory)
    model.free(outputs, out)
    model.close()


def test_ranges(device, atc, net, tmp_path):
    acl = device
    model = Model(acl, must_convert(atc, net, tmp_path / "m",
                                    "--input_shape_range=x:[1~4,3,8~32,-1]"))
    session = ort.InferenceSession(net.read_bytes())
    for shape, code in (((2, 3, 9, 11), 0), ((5, 3, 9, 11), 145000), ((1, 3, 40, 11), 145000),
                        ((1, 3, 8, 50), 0)):
        x = np.random.default_rng(1).standard_normal(shape, np.float32)
        inputs, memory = model.dataset([x.nbytes])
        outputs, out = model.dataset([1 << 20])
        acl.rt.memcpy(memory[0], x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 0)
        desc = acl.create_tensor_desc(0, list(shape), 0)
        assert acl.mdl.set_dataset_tensor_desc(inputs, desc, 0) == 0
        assert acl.mdl.execute(model.id, inputs, outputs) == code, acl.get_recent_err_msg()
        if not code:
            want = session.run(None, {"x": x})[0]
            got = acl.mdl.get_dataset_tensor_desc(outputs, 0)
            assert [acl.get_tensor_desc_dim_v2(got, i)[0] for i in range(3)] == list(want.shape)
            y = np.empty_like(want)
            acl.rt.memcpy(acl.util.numpy_to_ptr(y), y.nbytes, out[0], y.nbytes, 0)
            np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
        acl.destroy_tensor_desc(desc)
        model.free(inputs, memory)
        model.free(outputs, out)
    model.close()


def test_prusik_run(atc, build_dir, net, tmp_path):
    """The largest gear unless --gear says another; outputs have that gear's shape."""
    om = must_convert(atc, net, tmp_path / "m", *KINDS["dims"][0])

    def run(*arguments):
        return subprocess.run([build_dir / "cmd" / "prusik", "run", *arguments, om],
                              capture_output=True, text=True)

    assert "float32[3,8,120]" in run().stdout
    x = np.random.default_rng(5).standard_normal((1, 3, 8, 20), np.float32)
    np.save(tmp_path / "x.npy", x)
    done = run("--gear=1,8", f"--input={tmp_path / 'x.npy'}", f"--output={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    y = np.load(next((tmp_path / "out").iterdir()))
    want = ort.InferenceSession(net.read_bytes()).run(None, {"x": x})[0]
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
    assert "m.om has no gear 9,9; it has 1,8; 3,24; 2,12\n" in run("--gear=9,9").stderr
    done = run("--gear=3,24", f"--input={tmp_path / 'x.npy'}")
    assert done.returncode and "float32[3,3,24,20]" in done.stderr


BATCH = "--input_shape=x:-1,3,16,20"


@pytest.mark.parametrize("options, code", [
    ([BATCH, "--dynamic_batch_size=4"], "E10035"),
    ([BATCH, "--dynamic_batch_size=" + ",".join(map(str, range(1, 102)))], "E10036"),
    ([BATCH, "--dynamic_batch_size=2,4,2"], "E10039"),
    (["--input_shape=x:1,3,16,20", "--dynamic_batch_size=2,4"], "E10031"),
    (["--input_shape=x:-1,3,-1,20", "--dynamic_batch_size=2,4"], "E10018"),
    ([BATCH, "--dynamic_image_size=8,8;9,9"], "E10019"),
    ([BATCH, "--dynamic_dims=1;2"], "E10001"),
    ([BATCH, "--input_format=ND", "--dynamic_dims=1,2;2,3"], "E10046"),
    ([BATCH, "--input_format=ND", "--dynamic_dims=1;2,3"], "E10037"),
    ([BATCH, "--input_shape_range=x:[1~2,3,4,4]"], "E10047"),
    (["--input_shape_range=x:[2~1,3,4,4]"], "E10048"),
    (["--input_shape_range=x:1~2,3,4,4"], "E10048"),
    (["--input_shape_range=y:[1~2,3,4,4]"], "E10016"),
])
def test_refused(atc, net, tmp_path, options, code):
    status, text = convert(atc, net, tmp_path / "m", *options)
    assert status == 255 and code in text, text
    assert not (tmp_path / "m.om").exists()


def test_gear_that_does_not_work(atc, tmp_path):
    """A fixed Reshape fits one batch only; the sentence names the other."""
    shape = numpy_helper.from_array(np.array([2, 6], np.int64), "shape")
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "m.onnx")
    status, text = convert(atc, tmp_path / "m.onnx", tmp_path / "m", "--input_shape=x:-1,6",
                           "--dynamic_batch_size=1,2")
    assert status == 255 and "gear batch 1" in text, text


def test_prusik_run_with_ranges(atc, build_dir, net, tmp_path):
    """Sizes come from --shape, or from the inputs given; outputs have the shape of the run."""
    om = must_convert(atc, net, tmp_path / "m", "--input_shape_range=x:[1~4,3,8~32,-1]")

    def run(*arguments, command="run", fails=False):
        done = subprocess.run([build_dir / "cmd" / "prusik", command, *arguments, om],
                              capture_output=True, text=True)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    session = ort.InferenceSession(net.read_bytes())
    x = np.random.default_rng(5).standard_normal((2, 3, 9, 11), np.float32)
    want = session.run(None, {"x": x})[0]
    shape = ",".join(map(str, want.shape))
    for given in ("2,3,9,11", "x:2,3,9,11", "x:2,3,9,11;"):
        assert f"float32[{shape}]" in run("--shape", given)
    assert "median" in run("--shape=x:1,3,8,8", "--runs=3", command="bench")
    np.save(tmp_path / "x.npy", x)
    for more in ([], ["--shape=x:2,3,9,11"]):
        out = tmp_path / f"out{len(more)}"
        run(*more, f"--input={tmp_path / 'x.npy'}", f"--output={out}")
        y = np.load(next(out.iterdir()))
        assert y.shape == want.shape
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)

    assert '--shape "x:..."' in run(fails=True)
    assert '--shape "x:..."' in run(command="bench", fails=True)
    for wrong, says in (("y:1,3,8,8", "names no input"),
                        ("x:1,3,8", "which is float32[-1,3,-1,-1]"),
                        ("x:1,4,8,8", "which is float32"), ("x:1,3,8,", "no list"),
                        ("x:1,3,8,a", "no list"), ("x:1,3,-8,8", "no list"), ("x:", "which is"),
                        ("x:1,1,1,1,1,1,1,1,1", "no list"), ("x:1,3,64,8", "8 to 32"),
                        ("x:1,3,8,4611686018427387904", "larger than memory")):
        assert says in run("--shape", wrong, fails=True), wrong
    np.save(tmp_path / "y.npy", x[:, :2])
    assert "is float32[2,2,9,11]" in run(f"--input={tmp_path / 'y.npy'}", fails=True)


def test_prusik_run_converts_for_a_shape(build_dir, net, tmp_path):
    def run(*arguments):
        done = subprocess.run([build_dir / "cmd" / "prusik", *arguments, net], capture_output=True,
                              text=True, env={"XDG_CACHE_HOME": str(tmp_path), "PATH": ""})
        return done.returncode, done.stdout + done.stderr

    want = ort.InferenceSession(net.read_bytes()).run(
        None, {"x": np.zeros((2, 3, 9, 11), np.float32)})[0]
    shape = ",".join(map(str, want.shape))
    status, said = run("run", "--shape=x:2,3,9,11")
    assert status == 0 and f"float32[{shape}]" in said
    assert run("bench", "--runs=2", "--shape=x:2,3,9,11")[0] == 0
    status, said = run("run", "--shape=2,3,9,11")
    assert status != 0 and "--input_shape" in said


def test_prusik_run_with_the_shape_of_a_fixed_model(atc, build_dir, tmp_path):
    network = tmp_path / "n.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x:0"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x:0", 1, [4])],
        [onnx.helper.make_tensor_value_info("y", 1, [4])]),
        opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), network)
    om = must_convert(atc, network, tmp_path / "m")
    for shape, code in (("4", 0), ("x:0:4", 0), ("x:0:5", 1), ("0:4", 1)):
        done = subprocess.run([build_dir / "cmd" / "prusik", "run", f"--shape={shape}", om],
                              capture_output=True, text=True)
        assert done.returncode == code, (shape, done.stderr)
