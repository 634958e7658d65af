# SPDX-License-Identifier: Apache-2.0
"""AIPP from atc to results: every format and step, bit for bit against aipp_reference.py."""
import json
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

import aipp_reference as reference  # noqa: E402

pytestmark = pytest.mark.in_process
FORMATS = list(reference.CHANNELS)
EVEN_W = {"YUV420SP_U8", "YUYV_U8", "YUV422SP_U8"}


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


def save(path, shapes, dtype=TensorProto.FLOAT, nodes=None):
    """A network that gives back its inputs, so that what preprocessing makes is seen as it is."""
    names = list(shapes)
    nodes = nodes or [helper.make_node("Identity", [n], [f"{n}_out"]) for n in names]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(n, dtype, s) for n, s in shapes.items()],
        [helper.make_tensor_value_info(f"{n}_out", dtype, s) for n, s in shapes.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


def convert(atc, model, config, *options):
    """Exit status, what atc says, and the path of the .om."""
    om = model.with_suffix("")
    (model.parent / "aipp.cfg").write_text(config)
    done = subprocess.run([atc, f"--model={model}", "--framework=5", f"--output={om}",
                           "--soc_version=Ascend310", f"--insert_op_conf={model.parent}/aipp.cfg",
                           *options], capture_output=True, text=True)
    return done.returncode, done.stdout, f"{om}.om"


class Model:
    """A loaded model that takes and gives NumPy arrays."""

    def __init__(self, acl, path):
        self.acl = acl
        self.id, ret = acl.mdl.load_from_file(str(path))
        assert ret == 0, acl.get_recent_err_msg()
        self.desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc(self.desc, self.id) == 0

    def close(self):
        assert self.acl.mdl.destroy_desc(self.desc) == 0 and self.acl.mdl.unload(self.id) == 0

    def dataset(self, arrays):
        acl, dataset = self.acl, self.acl.mdl.create_dataset()
        for a in arrays:
            buffer = acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes)
            assert acl.mdl.add_dataset_buffer(dataset, buffer)[1] == 0
        return dataset

    def free(self, dataset):
        acl = self.acl
        for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
            assert acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, i)) == 0
        assert acl.mdl.destroy_dataset(dataset) == 0

    def run(self, *arrays, expect=0, dtype=np.float32, prepare=None):
        acl = self.acl
        outputs = [np.empty(acl.mdl.get_output_size_by_index(self.desc, i), np.uint8)
                   for i in range(acl.mdl.get_num_outputs(self.desc))]
        inputs, to = self.dataset(arrays), self.dataset(outputs)
        if prepare:
            prepare(inputs)
        ret = acl.mdl.execute(self.id, inputs, to)
        self.free(inputs)
        self.free(to)
        assert ret == expect, acl.get_recent_err_msg()
        dims = [acl.mdl.get_output_dims(self.desc, i)[0]["dims"] for i in range(len(outputs))]
        return [o.view(dtype).reshape(d) for o, d in zip(outputs, dims)]


def random_config(r, kind):
    """Sizes small and odd where the format allows them; every step on or off."""
    step = 2 if kind in EVEN_W else 1
    c = {"input_format": kind, "src_image_size_w": int(r.integers(9, 40)) * step,
         "src_image_size_h": int(r.integers(9, 40)) * (2 if kind == "YUV420SP_U8" else 1)}
    w, h = c["src_image_size_w"], c["src_image_size_h"]
    if r.random() < 0.6:
        even = 2 if kind == "YUV420SP_U8" else 1
        left, top = (int(r.integers(0, n // 2)) // even * even for n in (w, h))
        w, h = int(r.integers(1, w - left + 1)), int(r.integers(1, h - top + 1))
        c |= {"crop": True, "load_start_pos_w": left, "load_start_pos_h": top, "crop_size_w": w,
              "crop_size_h": h}
    if r.random() < 0.4:
        w, h = (int(n) for n in r.integers(16, 60, 2))
        c |= {"resize": True, "resize_output_w": w, "resize_output_h": h}
    if r.random() < 0.5:
        sides = {s: int(r.integers(0, 33)) for s in ("left", "right", "top", "bottom")}
        c |= {"padding": True, "padding_value": float(np.float32(r.normal() * 50))}
        c |= {f"{side}_padding_size": n for side, n in sides.items()}
        w, h = w + sides["left"] + sides["right"], h + sides["top"] + sides["bottom"]
    channels = reference.CHANNELS[kind]
    if channels > 1 and r.random() < 0.7:
        c["csc_switch"] = True
        if r.random() < 0.7:
            c |= {f"matrix_r{i // 3}c{i % 3}": int(v)
                  for i, v in enumerate(r.integers(-600, 600, 9))}
            c |= {f"{n}_bias_{i}": int(r.integers(0, 256)) for n in ("input", "output")
                  for i in range(3)}
    c["rbuv_swap_switch"] = bool(r.random() < 0.5)
    if channels == 4:
        c["ax_swap_switch"] = bool(r.random() < 0.5)
    if r.random() < 0.8:
        for i in range(channels):
            c |= {f"mean_chn_{i}": int(r.integers(0, 256)),
                  f"min_chn_{i}": float(np.float32(r.random() * 255)),
                  f"var_reci_chn_{i}": float(np.float32(r.normal() * 0.02))}
    made = 3 if channels == 4 and r.random() < 0.5 else channels
    return c, (made, h, w)


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(device, atc, tmp_path, kind):
    r = np.random.default_rng(FORMATS.index(kind))
    for number in range(25):
        c, (channels, h, w) = random_config(r, kind)
        n = 1 + number % 3
        model = save(tmp_path / f"m{number}.onnx", {"data": [n, channels, h, w]})
        status, said, om = convert(atc, model, reference.text(c))
        assert status == 0, (said, c)
        pictures = r.integers(0, 256, (n, reference.size(c)), np.uint8)
        m = Model(device, om)
        assert device.mdl.get_input_size_by_index(m.desc, 0) == pictures.size
        got = m.run(pictures)[0]
        m.close()
        for i in range(n):
            want = reference.aipp(c, pictures[i], channels)
            assert want.dtype == np.float32
            np.testing.assert_array_equal(got[i].view(np.uint32), want.view(np.uint32), str(c))


@pytest.mark.parametrize("kind,v2", [
    ("YUV420SP_U8", [2, 18, 16, 1]), ("XRGB8888_U8", [2, 12, 16, 4]), ("RGB888_U8", [2, 12, 16, 3]),
    ("YUV400_U8", [2, 12, 16, 1]), ("ARGB8888_U8", [2, 12, 16, 4]), ("YUYV_U8", [2, 12, 16, 2]),
    ("YUV422SP_U8", [2, 24, 16, 1]), ("AYUV444_U8", [2, 12, 16, 3])])
def test_descriptions(device, atc, tmp_path, kind, v2):
    channels = reference.CHANNELS[kind]
    c = {"input_format": kind, "src_image_size_w": 16, "src_image_size_h": 12, "crop": True,
         "load_start_pos_w": 2, "crop_size_w": 7, "crop_size_h": 5}
    model = save(tmp_path / "m.onnx", {"data": [2, channels, 5, 7]})
    status, said, om = convert(atc, model, reference.text(c))
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    dims, ret = mdl.get_input_dims(m.desc, 0)
    assert ret == 0 and dims["name"] == "data" and dims["dims"] == [2, 12, 16, channels]
    assert mdl.get_input_dims_v2(m.desc, 0)[0]["dims"] == v2
    assert mdl.get_input_size_by_index(m.desc, 0) == np.prod(v2)
    assert mdl.get_input_data_type(m.desc, 0) == 4 and mdl.get_input_format(m.desc, 0) == 1
    assert mdl.get_aipp_type(m.id, 0) == (1, 4294967295, 0)
    assert mdl.get_output_dims(m.desc, 0)[0]["dims"] == [2, channels, 5, 7]
    m.close()


def test_bytes_and_halves(device, atc, tmp_path):
    """Networks that take bytes get them as they are, those of 16-bit floats the values rounded."""
    r = np.random.default_rng(3)
    c = {"input_format": "RGB888_U8", "mean_chn_0": 7, "var_reci_chn_1": 0.5, "padding": True,
         "left_padding_size": 2, "padding_value": 9, "src_image_size_w": 11}
    picture = r.integers(0, 256, (13, 11, 3), np.uint8)
    c |= {"src_image_size_h": 13}
    plain = reference.aipp(c, picture, 3)
    for dtype, kind in ((TensorProto.UINT8, np.uint8), (TensorProto.FLOAT16, np.float16)):
        model = save(tmp_path / "m.onnx", {"data": [1, 3, 13, 13]}, dtype)
        status, said, om = convert(atc, model, reference.text(c))
        assert status == 0, said
        m = Model(device, om)
        want = reference.aipp(c, picture, 3, True) if kind == np.uint8 else plain.astype(kind)
        np.testing.assert_array_equal(m.run(picture, dtype=kind)[0][0], want)
        m.close()


WARNS = """
import sys, numpy as np
sys.path[:0] = sys.argv[1:3]
import acl, test_aipp
assert acl.init() == 0 and acl.rt.set_device(0) == 0
m = test_aipp.Model(acl, sys.argv[3])
m.run(np.zeros(304 * 450, np.uint8))
m.close()
assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
"""


@pytest.mark.parametrize("knows", [True, False])
def test_rows_with_a_stride(device, atc, build_dir, tmp_path, knows):
    """Rows of 304 for a picture of 300 x 300, as VPC makes them: a model that was converted for
    them takes them; another, as on a card, takes the first bytes for rows of 300, and says so."""
    c = {"input_format": "YUV420SP_U8", "csc_switch": True, "src_image_size_w": 300,
         "src_image_size_h": 300}
    picture = np.random.default_rng(6).integers(0, 256, (450, 304), np.uint8)
    rows = picture[:, :300].ravel() if knows else picture.ravel()[:135000]
    want = reference.aipp(c, rows, 3)
    if knows:
        c |= {"src_image_size_w": 304, "crop": True, "crop_size_w": 300, "crop_size_h": 300}
    model = save(tmp_path / "m.onnx", {"data": [1, 3, 300, 300]})
    status, said, om = convert(atc, model, reference.text(c))
    assert status == 0, said
    m = Model(device, om)
    assert device.mdl.get_input_size_by_index(m.desc, 0) == (304 if knows else 300) * 450
    np.testing.assert_array_equal(m.run(picture)[0][0], want)
    m.close()
    done = subprocess.run(
        [sys.executable, "-c", WARNS, build_dir / "python", pathlib.Path(__file__).parent, om],
        env={"PATH": "/usr/bin:/bin", "ASCEND_GLOBAL_LOG_LEVEL": "2"}, capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    warning = "aclmdlExecute: input 0 ('data') has 135000 bytes; the last 1800 of its buffer are " \
        "not read: it takes pictures of 300 x 300 without gaps between the rows; "
    assert (warning in done.stderr) != knows, done.stderr


def test_batch_gears(device, atc, tmp_path):
    r = np.random.default_rng(4)
    c = {"input_format": "YUV420SP_U8", "csc_switch": True, "src_image_size_w": 18,
         "src_image_size_h": 10}
    model = save(tmp_path / "m.onnx", {"data": ["n", 3, 10, 18]})
    status, said, om = convert(atc, model, reference.text(c), "--input_shape=data:-1,3,10,18",
                               "--dynamic_batch_size=1,2,5")
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    assert mdl.get_num_inputs(m.desc) == 2
    assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [-1, 10, 18, 3]
    assert mdl.get_input_size_by_index(m.desc, 0) == 5 * 270
    for n in (1, 2, 5):
        pictures = r.integers(0, 256, (n, 270), np.uint8)
        room = np.zeros(1350, np.uint8)
        room[:pictures.size] = pictures.ravel()
        choose = lambda d: mdl.set_dynamic_batch_size(m.id, d, 1, n)  # noqa: E731
        got = m.run(room, np.zeros(8, np.uint8), prepare=choose)[0].ravel()
        want = np.stack([reference.aipp(c, p, 3) for p in pictures])
        np.testing.assert_array_equal(got[:want.size], want.ravel())
    m.close()


def test_several_inputs_and_edges(device, atc, tmp_path):
    r = np.random.default_rng(5)
    shapes = {"left": [1, 3, 6, 8], "right": [1, 1, 5, 7], "plain": [2, 2]}
    model = save(tmp_path / "m.onnx", shapes)
    one = {"input_format": "RGB888_U8", "rbuv_swap_switch": True, "src_image_size_w": 8,
           "src_image_size_h": 6}
    two = {"input_format": "YUV400_U8", "var_reci_chn_0": 0.25, "src_image_size_w": 7,
           "src_image_size_h": 5}
    config = (reference.text(one, related_input_rank=0) +
              reference.text(two, related_input_name='"right"'))
    status, said, om = convert(atc, model, config)
    assert status == 0, said
    m = Model(device, om)
    a, b = r.integers(0, 256, 144, np.uint8), r.integers(0, 256, 35, np.uint8)
    plain = np.arange(4, dtype=np.float32)
    got = m.run(a, b, plain)
    np.testing.assert_array_equal(got[0][0], reference.aipp(one, a, 3))
    np.testing.assert_array_equal(got[1][0], reference.aipp(two, b, 1))
    np.testing.assert_array_equal(got[2].ravel(), plain)
    m.close()

    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["p"]), helper.make_node("Neg", ["x"], ["q"])], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 8])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 6, 8]) for n in "pq"])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "edges.onnx")
    other = one | {"rbuv_swap_switch": False, "mean_chn_0": 4}
    config = reference.text(one, input_edge_idx=1) + reference.text(other, input_edge_idx=0)
    status, said, om = convert(atc, tmp_path / "edges.onnx", config)
    assert status == 0, said
    m = Model(device, om)
    got = m.run(a)
    np.testing.assert_array_equal(got[0][0], np.maximum(reference.aipp(other, a, 3), 0))
    np.testing.assert_array_equal(got[1][0], -reference.aipp(one, a, 3))
    m.close()
    assert "input_edge_idx 1" in convert(atc, tmp_path / "edges.onnx",
                                         reference.text(one, input_edge_idx=0))[1]


GOOD = "aipp_mode: static input_format: RGB888_U8"


@pytest.mark.parametrize("lines,place,what", [
    ("aipp_op { }", "1:1", "aipp_mode is missing"),
    ("aipp_op {\n aipp_mode: static }", "1:1", "input_format is missing"),
    (f"aipp_op {{ {GOOD}\n  src_image_size_q: 8 }}", "2:3", "'src_image_size_w' meant"),
    (f"aipp_op {{ {GOOD}\n crop: maybe }}", "2:", "maybe"),
    (f"aipp_op {{ {GOOD}\n crop: true\n crop: true }}", "3:2", "given twice"),
    (f"aipp_op {{ {GOOD}\n src_image_size_w: 4097 }}", "2:2", "4096"),
    (f"aipp_op {{ {GOOD}\n src_image_size_h: -4 }}", "2:2", "src_image_size_h is -4"),
    (f"aipp_op {{ {GOOD}\n src_image_size_w: 20 }}", "2:2", "20 wide and 6 high"),
    (f"aipp_op {{ {GOOD} crop: true\n crop_size_w: 9 }}", "2:2", "the picture has 8"),
    (f"aipp_op {{ {GOOD} crop: true\n load_start_pos_w: 99 crop_size_w: 1 }}", "2:", "99"),
    (f"aipp_op {{ {GOOD} padding: true\n left_padding_size: 33 }}", "2:2", "0 to 32"),
    (f"aipp_op {{ {GOOD}\n padding: true left_padding_size: 3 }}", "2:2", "11 wide"),
    (f"aipp_op {{ {GOOD} resize: true\n resize_output_w: 3 resize_output_h: 16 }}", "2:2", "16 to"),
    (f"aipp_op {{ {GOOD} csc_switch: true\n matrix_r1c2: 40000 }}", "2:2", "16 bits"),
    (f"aipp_op {{ {GOOD} csc_switch: true\n input_bias_1: 256 }}", "2:2", "0 to 255"),
    (f"aipp_op {{ {GOOD}\n mean_chn_2: 256 }}", "2:2", "0 to 255"),
    (f"aipp_op {{ {GOOD}\n min_chn_0: nan }}", "2:2", "min_chn_0"),
    (f"aipp_op {{ {GOOD}\n var_reci_chn_3: inf }}", "2:2", "var_reci_chn_3"),
    (f"aipp_op {{ {GOOD}\n ax_swap_switch: true }}", "2:2", "no fourth channel"),
    (f"aipp_op {{ {GOOD}\n max_src_image_size: 144 }}", "2:2", "belongs to 'aipp_mode: dynamic'"),
    (f"aipp_op {{ {GOOD}\n related_input_rank: 1 }}", "2:2", "has 1 inputs"),
    (f"aipp_op {{ {GOOD}\n related_input_name: 'x' }}", "2:2", "no input of the model"),
    (f"aipp_op {{ {GOOD} }}\naipp_op {{ {GOOD} }}", "2:1", "already"),
    ("aipp_op { aipp_mode: static\n input_format: YUV400_U8 }", "2:2", "1 channels"),
    ("aipp_op { aipp_mode: static\n input_format: RAW10 }", "2:2", "RAW10 is not available"),
    ("aipp_op { aipp_mode: static\n input_format: NV12 }", "2:", "NV12"),
    ("aipp_op { aipp_mode: dynamic }", "1:1", "max_src_image_size is missing"),
    ("aipp_op { aipp_mode: dynamic max_src_image_size: 1\n crop: true }", "2:2", "static"),
    ("", "1:1", "empty"), ("# nothing\n", "1:1", "no aipp_op"), ("\0\xff", "1:1", ""),
    ("aipp_op {", "1:10", "ends"),
])
def test_refused(atc, tmp_path, lines, place, what):
    model = save(tmp_path / "m.onnx", {"data": [1, 3, 6, 8]})
    status, said, _ = convert(atc, model, lines)
    assert status == 255 and "E10052" in said and what in said, said
    assert what == "empty" or f"aipp.cfg:{place}" in said, said


def test_told_by_info(atc, prusik, tmp_path):
    model = save(tmp_path / "m.onnx", {"data": [1, 3, 6, 8], "other": [2, 1, 6, 8]})
    config = (reference.text({"input_format": "RGB888_U8", "src_image_size_w": 8}) +
              dynamic_config(500, related_input_rank=1))
    status, said, om = convert(atc, model, config)
    assert status == 0, said
    done = subprocess.run([prusik, "info", "--json", om], capture_output=True, text=True)
    inputs = json.loads(done.stdout)["inputs"]
    assert [i["note"] for i in inputs] == [
        "static AIPP, RGB888_U8 8x6", "dynamic AIPP, pictures of up to 500 bytes",
        "parameters of dynamic AIPP"]


def test_options_that_do_not_go_together(atc, tmp_path):
    model = save(tmp_path / "m.onnx", {"data": [1, 3, 6, 8]})
    config = f"aipp_op {{ {GOOD} }}"
    status, said, _ = convert(atc, model, config, "--input_fp16_nodes=data")
    assert status == 255 and "E10034" in said


# ---- dynamic ----

BLOCK = "ascend_dynamic_aipp_data"


def dynamic_config(size, **more):
    fields = "".join(f" {k}: {v}" for k, v in more.items())
    return f"aipp_op {{ aipp_mode: dynamic max_src_image_size: {size}{fields} }}\n"


def set_all(mdl, aipp, pictures):
    """The parameters of a list of configurations, one for each picture."""
    c = pictures[0]
    kind = 1 + ["YUV420SP_U8", "XRGB8888_U8", "RGB888_U8", "YUV400_U8", "", "", "ARGB8888_U8",
                "YUYV_U8", "YUV422SP_U8", "AYUV444_U8"].index(c["input_format"])
    assert mdl.set_aipp_input_format(aipp, kind) == 0
    assert mdl.set_aipp_src_image_size(aipp, c["src_image_size_w"], c["src_image_size_h"]) == 0
    assert mdl.set_aipp_rbuv_swap_switch(aipp, int(c.get("rbuv_swap_switch", 0))) == 0
    assert mdl.set_aipp_ax_swap_switch(aipp, int(c.get("ax_swap_switch", 0))) == 0
    default = reference.DEFAULTS[kind == 1]
    matrix = [c.get(f"matrix_r{i // 3}c{i % 3}", default[i]) for i in range(9)]
    bias = [c.get(f"{n}_bias_{i}", (16, 128, 128)[i]) for n in ("output", "input")
            for i in range(3)]
    assert mdl.set_aipp_csc_params(aipp, int(c.get("csc_switch", 0)), *matrix, *bias) == 0
    for i, c in enumerate(pictures):
        w, h = (c.get(f"crop_size_{a}", 0) for a in "wh")
        assert mdl.set_aipp_crop_params(aipp, int(c.get("crop", 0)), c.get("load_start_pos_w", 0),
                                        c.get("load_start_pos_h", 0), w, h, i) == 0
        if not c.get("crop"):
            w, h = c["src_image_size_w"], c["src_image_size_h"]
        assert mdl.set_aipp_scf_params(aipp, int(c.get("resize", 0)), w, h,
                                       c.get("resize_output_w", 0), c.get("resize_output_h", 0),
                                       i) == 0
        sides = [c.get(f"{s}_padding_size", 0) for s in ("top", "bottom", "left", "right")]
        assert mdl.set_aipp_padding_params(aipp, int(c.get("padding", 0)), *sides, i) == 0
        for name, default, call in (("mean", 0, mdl.set_aipp_dtc_pixel_mean),
                                    ("min", 0.0, mdl.set_aipp_dtc_pixel_min),
                                    ("var_reci", 1.0, mdl.set_aipp_pixel_var_reci)):
            assert call(aipp, *(c.get(f"{name}_chn_{k}", default) for k in range(4)), i) == 0


def as_block(c):
    """A configuration as the parameter block keeps it: 16-bit floats, padding with zeros."""
    halves = {k: float(np.float16(v)) for k, v in c.items() if k[:3] in ("min", "var")}
    return {k: v for k, v in (c | halves).items() if k != "padding_value"}


@pytest.mark.parametrize("kind", FORMATS)
def test_dynamic_formats(device, atc, tmp_path, kind):
    """One model for all parameters that make its size; each picture of a batch has its own."""
    r = np.random.default_rng(100 + FORMATS.index(kind))
    for number in range(8):
        first, (channels, h, w) = random_config(r, kind)
        n, pictures = 1 + number % 3, [as_block(first)]
        pictures += [dict(pictures[0]) for _ in range(n - 1)]
        for p in pictures[1:]:
            p |= {f"mean_chn_{i}": int(r.integers(0, 256)) for i in range(channels)}
            if p.get("crop"):
                p["load_start_pos_w"] = 0
            if p.get("padding"):
                sides = ("left_padding_size", "right_padding_size")
                p[sides[0]], p[sides[1]] = p[sides[1]], p[sides[0]]
        size = reference.size(first)
        model = save(tmp_path / f"m{number}.onnx", {"data": [n, channels, h, w]})
        room = n * size + (0, 100000)[number % 2]
        status, said, om = convert(atc, model, dynamic_config(room))
        assert status == 0, (said, first)
        m, mdl = Model(device, om), device.mdl
        assert mdl.get_num_inputs(m.desc) == 2
        assert mdl.get_input_index_by_name(m.desc, BLOCK) == (1, 0)
        assert mdl.get_input_size_by_index(m.desc, 0) == room
        assert mdl.get_input_size_by_index(m.desc, 1) == 64 + 96 * n
        assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [n, channels, h, w]
        assert mdl.get_aipp_type(m.id, 0) == (2, 1, 0) and mdl.get_aipp_type(m.id, 1) == (3, 0, 0)
        assert mdl.get_first_aipp_info(m.id, 0)[1] == 100038
        aipp, block = mdl.create_aipp(n), np.full(64 + 96 * n, 255, np.uint8)
        set_all(mdl, aipp, pictures)
        raw = r.integers(0, 256, (n, size), np.uint8)
        if number % 3 == 2:  # more than max_src_image_size says, as programs do and cards take
            raw = np.concatenate([raw.ravel(), r.integers(0, 256, 7 * size, np.uint8)])
            more = [p | {"src_image_size_h": 2 * p["src_image_size_h"]} for p in pictures]
            if first.get("crop"):
                set_all(mdl, aipp, more)
                got = m.run(raw, block, prepare=lambda d: mdl.set_input_aipp(m.id, d, 1, aipp))[0]
                for i, p in enumerate(more):
                    want = reference.aipp(p, raw[2 * i * size:2 * (i + 1) * size], channels)
                    np.testing.assert_array_equal(got[i], want, str(p))
                set_all(mdl, aipp, pictures)
            raw = raw[:n * size].reshape(n, size)
        for call, index in ((mdl.set_input_aipp, 1), (mdl.set_aipp_by_input_index, 0)):
            got = m.run(raw, block, prepare=lambda d: call(m.id, d, index, aipp))[0]  # noqa: B023
            for i, p in enumerate(pictures):
                np.testing.assert_array_equal(got[i], reference.aipp(p, raw[i], channels), str(p))
        assert mdl.destroy_aipp(aipp) == 0
        m.close()


def test_dynamic_with_gears(device, atc, tmp_path):
    r = np.random.default_rng(8)
    c = {"input_format": "RGB888_U8", "src_image_size_w": 9, "src_image_size_h": 7}
    model = save(tmp_path / "m.onnx", {"data": ["n", 3, 7, 9]})
    status, said, om = convert(atc, model, dynamic_config(4 * 189), "--input_shape=data:-1,3,7,9",
                               "--dynamic_batch_size=1,4")
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    names = [mdl.get_input_name_by_index(m.desc, i) for i in range(3)]
    assert names == ["data", BLOCK, "ascend_mbatch_shape_data"]
    assert mdl.get_input_dims(m.desc, 0)[0]["dims"] == [-1, 3, 7, 9]
    aipp = mdl.create_aipp(4)
    set_all(mdl, aipp, [c] * 4)
    for n in (4, 1):
        raw = r.integers(0, 256, (n, 189), np.uint8)

        def prepare(d):
            assert mdl.set_input_aipp(m.id, d, 1, aipp) == 0
            assert mdl.set_dynamic_batch_size(m.id, d, 2, n) == 0  # noqa: B023
        got = m.run(raw, np.zeros(448, np.uint8), np.zeros(4, np.uint8), prepare=prepare)[0].ravel()
        want = np.stack([reference.aipp(c, p, 3) for p in raw]).ravel()
        np.testing.assert_array_equal(got[:want.size], want)
    assert mdl.destroy_aipp(aipp) == 0
    m.close()


def test_dynamic_misuse(device, atc, tmp_path):
    model = save(tmp_path / "m.onnx", {"data": [2, 3, 7, 9], "other": [1]})
    status, said, om = convert(atc, model, dynamic_config(1000))
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    raw, other, block = np.zeros(378, np.uint8), np.zeros(1, np.float32), np.zeros(256, np.uint8)

    def refused(code, what, prepare=None, raw=raw, block=block):
        m.run(raw, other, block, expect=code, prepare=prepare)
        assert what in device.get_recent_err_msg()
    refused(145000, "call aclmdlSetInputAIPP")
    aipp, more, c = mdl.create_aipp(2), mdl.create_aipp(3), {"input_format": "RGB888_U8",
                                                              "src_image_size_w": 9}
    c["src_image_size_h"] = 7
    for p, n in ((aipp, 2), (more, 3)):
        set_all(mdl, p, [c] * n)
    fill = lambda d: mdl.set_input_aipp(m.id, d, 2, aipp)  # noqa: E731
    m.run(raw, other, block, prepare=fill)
    refused(145000, "needs 378 bytes", fill, raw=raw[:377])
    assert mdl.set_aipp_src_image_size(aipp, 9, 8) == 0
    refused(145000, "the model takes 9 x 7", fill, raw=np.zeros(1000, np.uint8))
    assert mdl.set_aipp_src_image_size(aipp, 900, 800) == 0
    for i in range(2):
        assert mdl.set_aipp_crop_params(aipp, 1, 0, 0, 9, 7, i) == 0
    refused(145000, "the input has 1000", fill, raw=np.zeros(1000, np.uint8))
    one = mdl.create_aipp(1)
    set_all(mdl, one, [c])
    refused(145000, "parameters are for 1 pictures",
            lambda d: mdl.set_input_aipp(m.id, d, 2, one))
    d = m.dataset([raw, other, block[:255]])
    assert mdl.set_input_aipp(m.id, d, 2, aipp) == 145012
    assert mdl.set_input_aipp(m.id, d, 0, aipp) == 100000
    assert mdl.set_input_aipp(m.id, d, 3, aipp) == 100000
    assert mdl.set_input_aipp(m.id, d, 2, more) == 100000
    assert "for 3 pictures" in device.get_recent_err_msg()
    assert mdl.set_aipp_by_input_index(m.id, d, 1, aipp) == 100000
    m.free(d)
    for call, values in ((mdl.set_aipp_crop_params, (1, 0, 0, 0, 7, 0)),
                         (mdl.set_aipp_crop_params, (2, 0, 0, 9, 7, 0)),
                         (mdl.set_aipp_scf_params, (1, 9, 7, 15, 16, 0)),
                         (mdl.set_aipp_padding_params, (1, 33, 0, 0, 0, 0)),
                         (mdl.set_aipp_dtc_pixel_mean, (0, 0, 0, 256, 0)),
                         (mdl.set_aipp_dtc_pixel_min, (0, 0, float("nan"), 0, 0)),
                         (mdl.set_aipp_pixel_var_reci, (1, 1, 1, 1e6, 0)),
                         (mdl.set_aipp_pixel_var_reci, (1, 1, 1, 1, 2)),
                         (mdl.set_aipp_input_format, (5,)), (mdl.set_aipp_src_image_size, (0, 7))):
        assert call(aipp, *values) == 100000
    for bad in (0, 128, 1 << 40):
        assert mdl.create_aipp(bad) == 0
    for p in (aipp, more, one):
        assert mdl.destroy_aipp(p) == 0
    assert mdl.destroy_aipp(aipp) == 100000
    m.close()

    status, said, om = convert(atc, save(tmp_path / "s.onnx", {"data": [1, 3, 7, 9]}),
                               reference.text(c))
    m, aipp = Model(device, om), mdl.create_aipp(1)
    d = m.dataset([raw])
    assert mdl.set_aipp_by_input_index(m.id, d, 0, aipp) == 145016
    info, ret = mdl.get_first_aipp_info(m.id, 0)
    fields = [info[k] for k in ("inputFormat", "srcImageSizeW", "shapeCount")]
    assert ret == 0 and fields == [3, 9, 1]
    shapes = info["outDims"][0]
    assert shapes["srcDims"]["dims"] == [1, 7, 9, 3] and shapes["srcSize"] == 189
    assert shapes["aippOutdims"]["dims"] == [1, 3, 7, 9] and shapes["aippOutSize"] == 189 * 4
    m.free(d)
    assert mdl.destroy_aipp(aipp) == 0
    m.close()


def test_tensorflow_takes_nhwc(device, atc, tmp_path):
    """The network reads what is made as [N,H,W,C], where --input_format does not say otherwise."""
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "import"))
    from test_tensorflow import graph_bytes
    graph = {"node": [
        {"name": "x", "op": "Placeholder", "attr": {
            "dtype": {"type": "DT_FLOAT"},
            "shape": {"shape": {"dim": [{"size": n} for n in (1, 6, 8, 3)]}}}},
        {"name": "y", "op": "Neg", "input": ["x"], "attr": {"T": {"type": "DT_FLOAT"}}}]}
    (tmp_path / "net.pb").write_bytes(graph_bytes(graph))
    c = {"input_format": "RGB888_U8", "mean_chn_1": 3, "src_image_size_w": 8, "src_image_size_h": 6}
    (tmp_path / "aipp.cfg").write_text(reference.text(c))
    done = subprocess.run([atc, f"--model={tmp_path}/net.pb", "--framework=3",
                           f"--output={tmp_path}/net", "--soc_version=Ascend310",
                           f"--insert_op_conf={tmp_path}/aipp.cfg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    picture = np.random.default_rng(9).integers(0, 256, (6, 8, 3), np.uint8)
    m = Model(device, tmp_path / "net.om")
    got = m.run(picture)[0]
    assert got.shape == (1, 6, 8, 3)
    np.testing.assert_array_equal(got[0], -reference.aipp(c, picture, 3).transpose(1, 2, 0))
    m.close()


def test_normalisation_of_the_network_is_folded(device, atc, prusik, tmp_path):
    """What a network does to each channel first needs no pass of its own; the description stays
    what the configuration says."""
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
    std = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
    values = {"whole": np.float32(255), "mean": mean, "std": std}
    nodes = [helper.make_node("Div", ["x", "whole"], ["a"]),
             helper.make_node("Sub", ["a", "mean"], ["b"]),
             helper.make_node("Div", ["b", "std"], ["y"])]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 6, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 6, 8])],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in values.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "net.onnx")
    c = {"input_format": "RGB888_U8", "mean_chn_0": 2, "min_chn_1": 0.5, "src_image_size_w": 8,
         "src_image_size_h": 6}
    status, said, om = convert(atc, tmp_path / "net.onnx", reference.text(c))
    assert status == 0, said
    done = subprocess.run([prusik, "info", "--json", om], capture_output=True, text=True)
    assert json.loads(done.stdout)["operators"] == {"Aipp": 1}
    picture = np.random.default_rng(10).integers(0, 256, (6, 8, 3), np.uint8)
    m = Model(device, om)
    want = (reference.aipp(c, picture, 3) / np.float32(255) - mean) / std
    np.testing.assert_allclose(m.run(picture)[0], want, rtol=0, atol=3e-6)
    info, ret = device.mdl.get_first_aipp_info(m.id, 0)
    assert ret == 0 and (info["minChn1"], info["varReciChn0"]) == (0.5, 1.0)
    m.close()


def test_two_dynamic_inputs(device, atc, tmp_path):
    """Each has parameters of its own; runs queued on a stream take those that were set for them."""
    r = np.random.default_rng(11)
    model = save(tmp_path / "m.onnx", {"a": [1, 3, 6, 8], "b": [1, 1, 5, 7]})
    status, said, om = convert(atc, model, dynamic_config(500) +
                               dynamic_config(500, related_input_rank=1))
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    assert [mdl.get_input_name_by_index(m.desc, i) for i in range(4)] == ["a", "b", BLOCK,
                                                                          BLOCK + "_1"]
    assert mdl.get_aipp_type(m.id, 1) == (2, 3, 0) and mdl.get_aipp_type(m.id, 3) == (3, 1, 0)
    configs = [{"input_format": "RGB888_U8", "src_image_size_w": 8, "src_image_size_h": 6},
               {"input_format": "YUV400_U8", "src_image_size_w": 9, "src_image_size_h": 6,
                "crop": True, "load_start_pos_w": 1, "crop_size_w": 7, "crop_size_h": 5}]
    stream, ret = device.rt.create_stream()
    assert ret == 0
    runs = []
    for number in range(3):
        cs = [c | {"mean_chn_0": 40 * number + k} for k, c in enumerate(configs)]
        raw = [r.integers(0, 256, reference.size(c), np.uint8) for c in cs]
        blocks = [np.zeros(160, np.uint8) for _ in cs]
        outputs = [np.empty(144, np.float32), np.empty(35, np.float32)]
        inputs, to = m.dataset([*raw, *blocks]), m.dataset(outputs)
        for k, c in enumerate(cs):
            aipp = mdl.create_aipp(1)
            set_all(mdl, aipp, [c])
            assert mdl.set_aipp_by_input_index(m.id, inputs, k, aipp) == 0
            assert mdl.destroy_aipp(aipp) == 0
        assert mdl.execute_async(m.id, inputs, to, stream) == 0
        runs.append((cs, raw, blocks, outputs, inputs, to))
    assert device.rt.synchronize_stream(stream) == 0
    for cs, raw, _, outputs, inputs, to in runs:
        for k in range(2):
            want = reference.aipp(cs[k], raw[k], 3 - 2 * k)
            np.testing.assert_array_equal(outputs[k], want.ravel())
        m.free(inputs)
        m.free(to)
    assert device.rt.destroy_stream(stream) == 0
    m.close()


def test_commands_run_such_models(atc, prusik, tmp_path):
    """With inputs of files, and with made-up ones of the right size."""
    r = np.random.default_rng(12)
    c = {"input_format": "YUV420SP_U8", "csc_switch": True, "src_image_size_w": 18,
         "src_image_size_h": 10}
    model = save(tmp_path / "m.onnx", {"data": ["n", 3, 10, 18]})
    for config in (reference.text(c), dynamic_config(5 * 540), dynamic_config(5 * 270)):
        status, said, om = convert(atc, model, config, "--input_shape=data:-1,3,10,18",
                                   "--dynamic_batch_size=1,2,5")
        assert status == 0, said
        for gear in "125":
            for command in (["run"], ["bench", "--runs", "2"]):
                done = subprocess.run([prusik, *command, "--gear", gear, om], capture_output=True,
                                      text=True)
                assert done.returncode == 0, done.stderr
    status, said, om = convert(atc, model, reference.text(c), "--input_shape=data:1,3,10,18")
    assert status == 0, said
    picture = r.integers(0, 256, (1, 15, 18, 1), np.uint8)
    np.save(tmp_path / "in.npy", picture)
    done = subprocess.run([prusik, "run", "--input", tmp_path / "in.npy", "--output",
                           tmp_path / "out", om], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made, = (tmp_path / "out").iterdir()
    np.testing.assert_array_equal(np.load(made)[0], reference.aipp(c, picture, 3))
