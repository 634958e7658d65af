# SPDX-License-Identifier: Apache-2.0
"""AIPP where a run chooses the picture's size: what CANN permits, against aipp_reference.py for the
pictures and onnxruntime for the network behind them; what it refuses, with its reason."""
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import aipp_reference as reference  # noqa: E402
from test_aipp import (BLOCK, FORMATS, Model, acl, as_block, convert, device,  # noqa: E402, F401
                       dynamic_config, random_config, save, set_all)

pytestmark = pytest.mark.in_process
GEARS = [(12, 16), (34, 18), (6, 50)]
IMAGE = ["--input_format=NCHW", "--dynamic_image_size=" + ";".join(f"{h},{w}" for h, w in GEARS)]


def network(path, channels, batch=1, height="h", width="w"):
    """Gives back its input, and what a convolution makes of it."""
    r = np.random.default_rng(channels)
    weights = r.standard_normal((5, channels, 3, 3)).astype(np.float32) * 0.1
    x, y = [batch, channels, height, width], [batch, 5, height, width]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["data"], ["same"]),
         helper.make_node("Conv", ["data", "w"], ["c"], pads=[1, 1, 1, 1]),
         helper.make_node("Relu", ["c"], ["y"])],
        "net", [value("data", TensorProto.FLOAT, x)],
        [value("same", TensorProto.FLOAT, x), value("y", TensorProto.FLOAT, y)],
        [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


def check(session, outputs, x):
    """The two outputs of network(), whose buffers may be larger, for its input x."""
    np.testing.assert_array_equal(outputs[0].ravel()[:x.size].view(np.uint32),
                                  x.ravel().view(np.uint32))
    want = session.run(["y"], {"data": x})[0]
    np.testing.assert_allclose(outputs[1].ravel()[:want.size], want.ravel(), rtol=1e-4, atol=1e-3)


def plain_config(r, kind):
    """A configuration without crop, resize and padding, and without a size."""
    c, _ = random_config(r, kind)
    gone = ("crop", "load_", "resize", "padding", "left_", "right_", "top_", "bottom_", "src_")
    return {k: v for k, v in c.items() if not k.startswith(gone)}


def sized(c, h, w):
    return c | {"src_image_size_w": w, "src_image_size_h": h}


@pytest.mark.parametrize("kind", FORMATS)
def test_static_with_image_gears(device, atc, tmp_path, kind):  # noqa: F811
    """Each gear takes pictures of its own size; a description tells the sizes of all."""
    r = np.random.default_rng(FORMATS.index(kind))
    channels = reference.CHANNELS[kind]
    for batch in (1, 3):
        c = plain_config(r, kind)
        zero = {"src_image_size_w": 0, "src_image_size_h": 0} if batch == 3 else {}
        model = network(tmp_path / f"m{batch}.onnx", channels, batch)
        session = ort.InferenceSession(model)
        status, said, om = convert(atc, model, reference.text(c | zero), *IMAGE,
                                   f"--input_shape=data:{batch},{channels},-1,-1")
        assert status == 0, (said, c)
        m, mdl = Model(device, om), device.mdl
        largest = max(batch * reference.size(sized(c, h, w)) for h, w in GEARS)
        assert mdl.get_input_size_by_index(m.desc, 0) == largest
        assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [batch, -1, -1, channels]
        assert mdl.get_aipp_type(m.id, 0)[0] == 1
        assert [tuple(hw) for hw in mdl.get_dynamic_hw(m.desc, -1)[0]["hw"]] == GEARS
        info, ret = mdl.get_first_aipp_info(m.id, 0)
        assert ret == 0 and (info["srcImageSizeW"], info["shapeCount"]) == (0, len(GEARS))
        for shapes, (h, w) in zip(info["outDims"], GEARS):
            assert shapes["srcSize"] == batch * reference.size(sized(c, h, w))
            assert shapes["aippOutdims"]["dims"] == [batch, channels, h, w]
            assert shapes["aippOutSize"] == batch * channels * h * w * 4
        for h, w in [*GEARS, GEARS[0]]:
            here = sized(c, h, w)
            pictures = r.integers(0, 256, (batch, reference.size(here)), np.uint8)
            got = m.run(pictures.ravel(), np.zeros(16, np.uint8), prepare=lambda d: (
                mdl.set_dynamic_hw_size(m.id, d, 1, h, w)))  # noqa: B023
            x = np.stack([reference.aipp(here, p, channels) for p in pictures])
            check(session, got, x)
            if batch * reference.size(here) > 1:
                m.run(pictures.ravel()[:-1], np.zeros(16, np.uint8), expect=145000,
                      prepare=lambda d: mdl.set_dynamic_hw_size(m.id, d, 1, h, w))  # noqa: B023
        m.close()


def test_normalisation_is_folded_with_gears(device, atc, prusik, tmp_path):  # noqa: F811
    """What the network does to each channel first needs no pass of its own here either."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "s"], ["y"])], "net",
        [value("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [value("y", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [numpy_helper.from_array(np.float32([0.5, 2, 4]).reshape(1, 3, 1, 1), "s")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "m.onnx")
    c = {"input_format": "YUV420SP_U8", "csc_switch": True, "mean_chn_1": 5}
    status, said, om = convert(atc, tmp_path / "m.onnx", reference.text(c), *IMAGE,
                               "--input_shape=x:1,3,-1,-1")
    assert status == 0, said
    done = subprocess.run([prusik, "info", om], capture_output=True, text=True)
    assert "static AIPP, YUV420SP_U8 of the size a run chooses" in done.stdout
    assert "Mul" not in done.stdout, done.stdout
    m, (h, w) = Model(device, om), GEARS[1]
    picture = np.random.default_rng(1).integers(0, 256, reference.size(sized(c, h, w)), np.uint8)
    got = m.run(picture, np.zeros(16, np.uint8), prepare=lambda d: (
        device.mdl.set_dynamic_hw_size(m.id, d, 1, h, w)))[0]
    want = reference.aipp(sized(c, h, w), picture, 3) * np.float32([0.5, 2, 4]).reshape(3, 1, 1)
    np.testing.assert_array_equal(got.ravel()[:want.size], want.ravel())
    m.close()


@pytest.mark.parametrize("kind", FORMATS)
def test_dynamic_with_image_gears(device, atc, tmp_path, kind):  # noqa: F811
    r = np.random.default_rng(50 + FORMATS.index(kind))
    channels, batch = reference.CHANNELS[kind], 1 + FORMATS.index(kind) % 2
    if channels == 4:
        channels = 3
    model = network(tmp_path / "m.onnx", channels, batch)
    session = ort.InferenceSession(model)
    room = batch * 34 * 18 * 4
    status, said, om = convert(atc, model, dynamic_config(room), *IMAGE,
                               f"--input_shape=data:{batch},{channels},-1,-1")
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    names = [mdl.get_input_name_by_index(m.desc, i) for i in range(3)]
    assert names == ["data", BLOCK, "ascend_mbatch_shape_data"]
    assert mdl.get_input_size_by_index(m.desc, 0) == room
    for dims in (mdl.get_input_dims(m.desc, 0), mdl.get_input_dims_v2(m.desc, 0)):
        assert dims[0]["dims"] == [batch, channels, -1, -1]
    for number, (h, w) in enumerate([*GEARS, GEARS[1], GEARS[0]]):
        c = as_block(sized(plain_config(r, kind), h, w))
        aipp = mdl.create_aipp(batch)
        set_all(mdl, aipp, [c] * batch)
        raw = r.integers(0, 256, (batch, reference.size(c)), np.uint8)
        given = raw if number % 2 else np.concatenate([raw.ravel(), np.zeros(9000, np.uint8)])

        def prepare(d):
            assert mdl.set_input_aipp(m.id, d, 1, aipp) == 0  # noqa: B023
            assert mdl.set_dynamic_hw_size(m.id, d, 2, h, w) == 0  # noqa: B023
        got = m.run(given, np.zeros(64 + 96 * batch, np.uint8), np.zeros(16, np.uint8),
                    prepare=prepare)
        check(session, got, np.stack([reference.aipp(c, p, channels) for p in raw]))
        assert mdl.destroy_aipp(aipp) == 0
    m.close()


def test_dynamic_with_image_gears_misuse(device, atc, tmp_path):  # noqa: F811
    """As documented: no cropping, resizing or padding, and the size is that of the gear."""
    status, said, om = convert(atc, network(tmp_path / "m.onnx", 3), dynamic_config(5000), *IMAGE,
                               "--input_shape=data:1,3,-1,-1")
    assert status == 0, said
    m, mdl, (h, w) = Model(device, om), device.mdl, GEARS[1]
    raw, block, gear = np.zeros(5000, np.uint8), np.zeros(160, np.uint8), np.zeros(16, np.uint8)
    plain = sized({"input_format": "RGB888_U8"}, h, w)
    larger = sized(plain, 2 * h, 2 * w)
    for more, word in ((larger | {"crop": True, "crop_size_w": w, "crop_size_h": h}, "cropping"),
                       (larger | {"resize": True, "resize_output_w": w, "resize_output_h": h},
                        "resizing"),
                       (sized(plain, h, w - 2) | {"padding": True, "left_padding_size": 2},
                        "padding")):
        aipp, d = mdl.create_aipp(1), m.dataset([raw, block, gear])
        set_all(mdl, aipp, [more])
        assert mdl.set_input_aipp(m.id, d, 1, aipp) == 100000
        assert word in device.get_recent_err_msg()
        assert mdl.destroy_aipp(aipp) == 0
        m.free(d)
    aipp = mdl.create_aipp(1)
    set_all(mdl, aipp, [larger])

    def prepare(d):
        assert mdl.set_input_aipp(m.id, d, 1, aipp) == 0
        assert mdl.set_dynamic_hw_size(m.id, d, 2, h, w) == 0
    m.run(raw, block, gear, expect=145000, prepare=prepare)
    assert f"make pictures of {2 * w} x {2 * h}; the model takes {w} x {h}" in \
        device.get_recent_err_msg()
    set_all(mdl, aipp, [plain])
    m.run(raw[:h * w * 3 - 1], block, gear, expect=145000, prepare=prepare)
    assert f"needs {h * w * 3} bytes" in device.get_recent_err_msg()
    m.run(raw[:h * w * 3], block, gear, prepare=prepare)
    assert mdl.destroy_aipp(aipp) == 0
    m.close()


def describe(device, m, dataset, shape, index=0):  # noqa: F811
    desc = device.create_tensor_desc(0, shape, 0)
    assert device.mdl.set_dataset_tensor_desc(dataset, desc, index) == 0
    device.destroy_tensor_desc(desc)


def test_dynamic_with_ranges(device, atc, tmp_path):  # noqa: F811
    """The program says what shape the network gets; the parameters make pictures of it, also by
    cropping larger ones."""
    r = np.random.default_rng(9)
    model = network(tmp_path / "m.onnx", 3, "n")
    session = ort.InferenceSession(model)
    status, said, om = convert(atc, model, dynamic_config(20000),
                               "--input_shape_range=data:[1~3,3,8~40,1~64]")
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [-1, 3, -1, -1]
    assert mdl.get_input_size_by_index(m.desc, 0) == 20000
    assert mdl.get_input_size_by_index(m.desc, 1) == 64 + 3 * 96
    number = 0
    for kind in FORMATS:
        if reference.CHANNELS[kind] not in (3, 4):
            continue
        for crop in (False, True):
            number += 1
            h, w = 2 * int(r.integers(4, 20)), 2 * int(r.integers(1, 32))
            c, n = as_block(sized(plain_config(r, kind), h, w)), 1 + number % 3
            if crop:
                c |= {"crop": True, "load_start_pos_w": 4, "crop_size_h": h, "crop_size_w": w}
                c = sized(c, 2 * h, w + 10)
            aipp = mdl.create_aipp(n)
            set_all(mdl, aipp, [c] * n)
            raw = r.integers(0, 256, (n, reference.size(c)), np.uint8)
            outputs = [np.empty((n, k, h, w), np.float32) for k in (3, 5)]
            inputs, to = m.dataset([raw, np.zeros(352, np.uint8)]), m.dataset(outputs)
            assert mdl.set_input_aipp(m.id, inputs, 1, aipp) == 0
            describe(device, m, inputs, [n, 3, h, w])
            assert mdl.execute(m.id, inputs, to) == 0, device.get_recent_err_msg()
            check(session, outputs, np.stack([reference.aipp(c, p, 3) for p in raw]))
            describe(device, m, inputs, [n, 3, h, 65])
            assert mdl.execute(m.id, inputs, to) == 145000
            assert "converted for 1 to 64" in device.get_recent_err_msg()
            describe(device, m, inputs, [n, 4, h, w])
            assert mdl.execute(m.id, inputs, to) == 145000
            assert "this run takes" in device.get_recent_err_msg()
            describe(device, m, inputs, [n, 3, h, w - 1])
            assert mdl.execute(m.id, inputs, to) == 145000
            assert mdl.destroy_aipp(aipp) == 0
            m.free(inputs)
            m.free(to)
    inputs, to = m.dataset([np.zeros(300, np.uint8), np.zeros(352, np.uint8)]), m.dataset(outputs)
    assert mdl.execute(m.id, inputs, to) == 145000
    assert "aclmdlSetDatasetTensorDesc" in device.get_recent_err_msg()
    m.free(inputs)
    m.free(to)
    m.close()


@pytest.mark.parametrize("mode", ["static", "dynamic"])
@pytest.mark.parametrize("how", ["range", "image"])
def test_another_input_is_open(device, atc, tmp_path, mode, how):  # noqa: F811
    """Preprocessing of an input with fixed sizes goes together with open sizes of another."""
    r = np.random.default_rng(3)
    model = save(tmp_path / "m.onnx", {"a": [1, 2, "h", "w"], "b": [1, 3, 6, 8]})
    c = sized({"input_format": "YUV420SP_U8", "csc_switch": True}, 6, 8)
    config = (reference.text(c, related_input_rank=1) if mode == "static" else
              dynamic_config(200, related_input_rank=1))
    options = (["--input_shape_range=a:[1,2,1~20,1~20]"] if how == "range" else
               ["--input_shape=a:1,2,-1,-1;b:1,3,6,8", *IMAGE])
    status, said, om = convert(atc, model, config, *options)
    assert status == 0, said
    m, mdl, (h, w) = Model(device, om), device.mdl, (GEARS[0] if how == "image" else (7, 9))
    a = r.standard_normal((1, 2, h, w)).astype(np.float32)
    b = r.integers(0, 256, 72, np.uint8)
    inputs = [a, b]
    if mode == "dynamic":
        inputs.append(np.zeros(160, np.uint8))
    if how == "image":
        inputs.append(np.zeros(16, np.uint8))
    outputs = [np.empty(4 * a.size if how == "image" else a.size, np.float32),
               np.empty(144, np.float32)]
    d, to = m.dataset(inputs), m.dataset(outputs)
    if mode == "dynamic":
        aipp = mdl.create_aipp(1)
        set_all(mdl, aipp, [c])
        assert mdl.set_input_aipp(m.id, d, 2, aipp) == 0
        assert mdl.destroy_aipp(aipp) == 0
    if how == "image":
        assert mdl.set_dynamic_hw_size(m.id, d, len(inputs) - 1, h, w) == 0
    else:
        describe(device, m, d, list(a.shape))
    assert mdl.execute(m.id, d, to) == 0, device.get_recent_err_msg()
    np.testing.assert_array_equal(outputs[0][:a.size], a.ravel())
    np.testing.assert_array_equal(outputs[1], reference.aipp(c, b, 3).ravel())
    m.free(d)
    m.free(to)
    m.close()


def test_tensorflow_with_ranges(device, atc, tmp_path):  # noqa: F811
    """Ranges given as [N,H,W,C]; the pictures are described as the input's dimensions say."""
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "import"))
    from test_tensorflow import graph_bytes
    graph = {"node": [
        {"name": "x", "op": "Placeholder", "attr": {
            "dtype": {"type": "DT_FLOAT"},
            "shape": {"shape": {"dim": [{"size": n} for n in (1, -1, -1, 3)]}}}},
        {"name": "y", "op": "Neg", "input": ["x"], "attr": {"T": {"type": "DT_FLOAT"}}}]}
    (tmp_path / "net.pb").write_bytes(graph_bytes(graph))
    (tmp_path / "aipp.cfg").write_text(dynamic_config(2000))
    done = subprocess.run([atc, f"--model={tmp_path}/net.pb", "--framework=3",
                           "--input_shape_range=x:[1,4~9,2~30,3]", f"--output={tmp_path}/net",
                           "--soc_version=Ascend310", f"--insert_op_conf={tmp_path}/aipp.cfg"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    m, mdl = Model(device, tmp_path / "net.om"), device.mdl
    assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [1, 3, -1, -1]
    c = sized({"input_format": "RGB888_U8"}, 7, 20)
    raw = np.random.default_rng(4).integers(0, 256, reference.size(c), np.uint8)
    out = np.empty((1, 7, 20, 3), np.float32)
    inputs, to, aipp = m.dataset([raw, np.zeros(160, np.uint8)]), m.dataset([out]), \
        mdl.create_aipp(1)
    set_all(mdl, aipp, [c])
    assert mdl.set_input_aipp(m.id, inputs, 1, aipp) == 0
    describe(device, m, inputs, [1, 3, 7, 20])
    assert mdl.execute(m.id, inputs, to) == 0, device.get_recent_err_msg()
    np.testing.assert_array_equal(out[0], -reference.aipp(c, raw, 3).transpose(1, 2, 0))
    describe(device, m, inputs, [1, 3, 20, 7])
    assert mdl.execute(m.id, inputs, to) == 145000
    assert mdl.destroy_aipp(aipp) == 0
    m.free(inputs)
    m.free(to)
    m.close()


STATIC = "aipp_op { aipp_mode: static input_format: YUV420SP_U8"


@pytest.mark.parametrize("config, options, code, what", [
    (f"{STATIC}\n crop: true }}", IMAGE, "E10052", "aipp.cfg:2:2: crop is on"),
    (f"{STATIC}\n padding: true }}", IMAGE, "E10052", "aipp.cfg:2:2: padding is on"),
    (f"{STATIC}\n resize: true }}", IMAGE, "E10052", "aipp.cfg:2:2: resize is on"),
    (f"{STATIC}\n src_image_size_h: 12 }}", IMAGE, "E10052", "src_image_size_h is given"),
    (f"{STATIC} }}", ["--dynamic_image_size=12,16;13,16", IMAGE[0]], "E10052", "even height"),
    (f"{STATIC} }}", ["--dynamic_image_size=12,16;14,17", IMAGE[0]], "E10052", "even width"),
    (f"{STATIC} }}", ["--dynamic_image_size=12,16;14,5000", IMAGE[0]], "E10052", "4096"),
    (f"{STATIC} }}", ["--input_shape_range=data:[1,3,1~20,1~20]"], "E10052", "dynamic"),
    (f"{STATIC} }}", ["--input_shape_range=data:[1~2,3,20,20]"], "E10052", "dynamic"),
    (f"{STATIC} }}", ["--dynamic_dims=12,16;14,18", "--input_format=ND"], "E10047",
     "--insert_op_conf"),
    (dynamic_config(5000), ["--dynamic_dims=12,16;14,18", "--input_format=ND"], "E10047",
     "--insert_op_conf"),
])
def test_refused(atc, tmp_path, config, options, code, what):  # noqa: F811
    model = network(tmp_path / "m.onnx", 3, "n" if "1~2" in options[0] else 1)
    shape = [] if "range" in options[0] else ["--input_shape=data:1,3,-1,-1"]
    status, said, _ = convert(atc, model, config, *options, *shape)
    assert status == 255 and code in said and what in said, said


def test_commands_run_such_models(atc, prusik, tmp_path):  # noqa: F811
    """With files of the gear's size, and with made-up pictures."""
    c = {"input_format": "YUV420SP_U8", "csc_switch": True}
    model = network(tmp_path / "m.onnx", 3)
    for config in (reference.text(c), dynamic_config(34 * 18 * 3),
                   dynamic_config(34 * 18 * 3 // 2)):
        status, said, om = convert(atc, model, config, *IMAGE, "--input_shape=data:1,3,-1,-1")
        assert status == 0, said
        for h, w in GEARS:
            for command in (["run"], ["bench", "--runs", "2"]):
                done = subprocess.run([prusik, *command, "--gear", f"{h},{w}", om],
                                      capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
    convert(atc, model, reference.text(c), *IMAGE, "--input_shape=data:1,3,-1,-1")
    h, w = GEARS[2]
    picture = np.random.default_rng(2).integers(0, 256, (1, h * 3 // 2, w, 1), np.uint8)
    np.save(tmp_path / "in.npy", picture)
    done = subprocess.run([prusik, "run", "--gear", f"{h},{w}", "--input", tmp_path / "in.npy",
                           "--output", tmp_path / "out", om], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = np.load(next((tmp_path / "out").glob("00_*.npy"))).ravel()
    want = reference.aipp(sized(c, h, w), picture, 3)
    np.testing.assert_array_equal(made[:want.size], want.ravel())
