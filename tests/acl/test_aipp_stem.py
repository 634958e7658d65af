# SPDX-License-Identifier: Apache-2.0
"""AIPP whose rows the first convolution makes as it reads them: bit for bit what it gives when the
planes are written first, which those of a network that gives them back are."""
import json
import os
import pathlib
import subprocess
import tempfile

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import aipp_reference as reference  # noqa: E402
from test_aipp import (BLOCK, FORMATS, Model, acl, as_block, convert, device,  # noqa: E402, F401
                       dynamic_config, random_config, set_all)

pytestmark = pytest.mark.in_process
# Kernel, stride, padding at the top and left, output channels, groups.
STEMS = [(3, 2, 1, 24, 1), (7, 2, 3, 33, 1), (6, 2, 2, 16, 1), (3, 1, 1, 9, 1), (5, 3, 0, 40, 1),
         (1, 1, 0, 8, 1), (3, 2, 1, 12, 0)]


def save(path, inputs, stem, planes):
    """Convolutions of `inputs` (name: shape), behind them; with `planes` also the inputs as they
    are, so that the convolution is not all that reads them."""
    kernel, stride, pad, channels, groups = stem
    value = helper.make_tensor_value_info
    nodes, weights, outputs = [], [], []
    for name, shape in inputs.items():
        r = np.random.default_rng(shape[1])
        group = shape[1] if groups == 0 and channels % shape[1] == 0 else 1
        w = r.standard_normal((channels, shape[1] // group, kernel, kernel)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"w_{name}"))
        nodes += [helper.make_node("Conv", [name, f"w_{name}"], [f"c_{name}"], group=group,
                                   pads=[pad] * 4, strides=[stride, stride], name=f"stem_{name}"),
                  helper.make_node("Relu", [f"c_{name}"], [f"y_{name}"])]
        outputs.append(value(f"y_{name}", TensorProto.FLOAT, [shape[0], channels, None, None]))
        if planes:
            nodes.append(helper.make_node("Identity", [name], [f"p_{name}"]))
            outputs.append(value(f"p_{name}", TensorProto.FLOAT, shape))
    graph = helper.make_graph(nodes, "net", [value(n, TensorProto.FLOAT, s)
                                             for n, s in inputs.items()], outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path


def pair(atc, folder, inputs, stem, config, *options):
    """The .om whose convolutions make the rows, and the one that writes the planes."""
    oms = []
    for name, planes in (("made", False), ("written", True)):
        status, said, om = convert(atc, save(folder / f"{name}.onnx", inputs, stem, planes), config,
                                   *options)
        assert status == 0, (said, config)
        oms.append(om)
    return oms


def equal(got, want, what):
    np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32), str(what))


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(device, atc, tmp_path, kind):
    r = np.random.default_rng(FORMATS.index(kind))
    for number in range(len(STEMS)):
        c, (channels, h, w) = random_config(r, kind)
        stem, n = STEMS[number], 1 + number % 3
        if min(h, w) + 2 * stem[2] < stem[0]:
            continue
        oms = pair(atc, tmp_path, {"data": [n, channels, h, w]}, stem, reference.text(c))
        pictures = r.integers(0, 256, (n, reference.size(c)), np.uint8)
        made, written = (Model(device, om) for om in oms)
        got, (want, planes) = made.run(pictures)[0], written.run(pictures)
        made.close()
        written.close()
        for i in range(n):
            equal(planes[i], reference.aipp(c, pictures[i], channels), c)
        equal(got, want, (c, stem))


def steps(folder):
    return [line.split(None, 2)[1:] for line in (folder / "plan.txt").read_text().splitlines()[1:]]


@pytest.mark.parametrize("stem,size,algorithm", [
    (STEMS[0], (61, 83), "3x3p2"), (STEMS[1], (113, 141), "wino4,4p2"),
    (STEMS[2], (130, 98), "wino"), (STEMS[3], (40, 37), "3x3p1")])
def test_everywhere(atc, prusik, tmp_path, stem, size, algorithm):
    """On every instruction set and number of threads, two inputs, three pictures each; and that
    there is no step which writes planes."""
    h, w = size
    c = {"input_format": "RGB888_U8", "src_image_size_w": w, "src_image_size_h": h,
         "mean_chn_0": 7, "var_reci_chn_1": 0.125, "rbuv_swap_switch": True}
    other = {"input_format": "YUV420SP_U8", "src_image_size_w": w + w % 2 + 8, "crop": True,
             "src_image_size_h": h + h % 2 + 4, "load_start_pos_w": 2, "load_start_pos_h": 4,
             "crop_size_w": w, "crop_size_h": h, "csc_switch": True, "min_chn_2": 3.5}
    other["crop_size_h"] = min(h, other["src_image_size_h"] - 4)
    config = (reference.text(c, related_input_rank=0) +
              reference.text(other, related_input_rank=1))
    inputs = {"a": [3, 3, h, w], "b": [3, 3, h, w]}
    oms = pair(atc, tmp_path, inputs, stem, config)
    r = np.random.default_rng(1)
    files = []
    for number, k in enumerate((c, other)):
        raw = r.integers(0, 256, 3 * reference.size(k), np.uint8)
        rows = k["src_image_size_h"] * (3 if k is other else 2) // 2
        pixel = 1 if k is other else 3
        np.save(tmp_path / f"{number}.npy",
                raw.reshape(3, rows if k is other else h, k["src_image_size_w"], pixel))
        files += ["--input", tmp_path / f"{number}.npy"]

    def run(om, **environment):
        out, dump = (pathlib.Path(tempfile.mkdtemp(dir=tmp_path)) for _ in range(2))
        done = subprocess.run([prusik, "run", *files, "--output", out, om], capture_output=True,
                              text=True,
                              env={**os.environ, **environment, "PRUSIK_DUMP": str(dump)})
        assert done.returncode == 0, done.stderr
        return [np.load(next(out.glob(f"*y_{name}*.npy"))) for name in "ab"], steps(dump)

    for isa in ("", "base", "avx2"):
        chosen = {"PRUSIK_ISA": isa} if isa else {}
        want, planned = run(oms[1], **chosen)
        assert [kind for kind, _ in planned].count("Aipp") == 2
        for threads in "124":
            got, planned = run(oms[0], PRUSIK_THREADS=threads, **chosen)
            making = [kernel for kind, kernel in planned if kind == "Conv" and " aipp " in kernel]
            assert len(making) == 2 and all(k.startswith(algorithm) for k in making)
            assert all(kind != "Aipp" for kind, _ in planned)
            for a, b in zip(got, want):
                equal(a, b, (isa, threads))
    plain = [run(om, PRUSIK_REF="1")[0] for om in oms]
    for a, b, fast in zip(*plain, want):
        equal(a, b, "PRUSIK_REF")
        np.testing.assert_allclose(fast, a, rtol=1e-3, atol=1e-4 * np.abs(a).max())


@pytest.mark.parametrize("stem", STEMS[:2])
def test_dynamic(device, atc, tmp_path, stem):
    """Pictures of one batch that are resized and such that are not, and parameters that are no
    good: the run fails, says why, and the next one is right."""
    r = np.random.default_rng(20)
    first = as_block({"input_format": "RGB888_U8", "src_image_size_w": 70, "src_image_size_h": 50,
                      "crop": True, "load_start_pos_w": 3, "crop_size_w": 61, "crop_size_h": 47,
                      "var_reci_chn_0": 0.25})
    small = first | {"crop_size_w": 20, "crop_size_h": 33, "resize": True, "resize_output_w": 61,
                     "resize_output_h": 47}
    padded = first | {"crop_size_w": 50, "crop_size_h": 40, "padding": True, "mean_chn_2": 9,
                      "left_padding_size": 11, "top_padding_size": 7}
    size = reference.size(first)
    oms = pair(atc, tmp_path, {"data": [3, 3, 47, 61]}, stem, dynamic_config(3 * size))
    models, mdl = [Model(device, om) for om in oms], device.mdl
    aipp, block = mdl.create_aipp(3), np.zeros(64 + 96 * 3, np.uint8)
    raw = r.integers(0, 256, (3, size), np.uint8)

    def fill(d):
        assert mdl.set_input_aipp(models[0].id, d, 1, aipp) == 0

    for pictures in ([first] * 3, [first, small, padded], [small] * 3, [padded, first, small]):
        set_all(mdl, aipp, pictures)
        got, (want, planes) = (m.run(raw, block, prepare=fill) for m in models)
        for i, p in enumerate(pictures):
            equal(planes[i], reference.aipp(p, raw[i], 3), p)
        equal(got[0], want, pictures)
        assert mdl.set_aipp_crop_params(aipp, 1, 0, 0, 60, 47, 2) == 0
        assert mdl.set_aipp_scf_params(aipp, 0, 0, 0, 0, 0, 2) == 0
        assert mdl.set_aipp_padding_params(aipp, 0, 0, 0, 0, 0, 2) == 0
        models[0].run(raw, block, prepare=fill, expect=145000)
        said = device.get_recent_err_msg()
        assert "make pictures of 60 x 47; the model takes 61 x 47" in said and "Aipp" in said
    assert mdl.destroy_aipp(aipp) == 0
    for m in models:
        m.close()


def test_resized_and_dumped(device, atc, prusik, tmp_path):
    """Resizing keeps a step of its own; so does a dump of what the convolution takes."""
    c = {"input_format": "RGB888_U8", "src_image_size_w": 20, "src_image_size_h": 24}
    resized = c | {"resize": True, "resize_output_w": 30, "resize_output_h": 28}
    (tmp_path / "plan").mkdir()
    for config, (h, w), own in ((c, (24, 20), 0), (resized, (28, 30), 1)):
        om, _ = pair(atc, tmp_path, {"data": [1, 3, h, w]}, STEMS[0], reference.text(config))
        done = subprocess.run([prusik, "run", "--output", tmp_path / "out", om],
                              capture_output=True, text=True,
                              env={**os.environ, "PRUSIK_DUMP": str(tmp_path / "plan")})
        assert done.returncode == 0, done.stderr
        assert [kind for kind, _ in steps(tmp_path / "plan")].count("Aipp") == own
    om, _ = pair(atc, tmp_path, {"data": [1, 3, 24, 20]}, STEMS[0], reference.text(c))
    settings = {"dump": {"dump_path": str(tmp_path), "dump_mode": "output",
                         "dump_list": [{"model_name": "made"}]}}
    (tmp_path / "acl.json").write_text(json.dumps(settings))
    assert device.mdl.init_dump() == 0
    assert device.mdl.set_dump(str(tmp_path / "acl.json")) == 0
    picture = np.random.default_rng(2).integers(0, 256, reference.size(c), np.uint8)
    m = Model(device, om)
    m.run(picture)
    m.close()
    assert device.mdl.finalize_dump() == 0
    dumped, = tmp_path.glob("2*/0/net/*/0/Aipp.*.npy")
    equal(np.load(dumped)[0], reference.aipp(c, picture, 3), c)
