# SPDX-License-Identifier: Apache-2.0
"""`python -m ais_bench` on models that take bytes (AIPP): --aipp-config, gears, files."""
import pathlib
import sys

import pytest

pytestmark = pytest.mark.in_process  # the program it runs loads them

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
FLOAT = onnx.TensorProto.FLOAT
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "acl"))
import aipp_reference as reference  # noqa: E402

# As msit's documentation has it: indented anyhow, a name twice, colons.
CONFIG = """[aipp_op]
    input_format : {input_format}
    src_image_size_w : {src_image_size_w}
    src_image_size_h : {src_image_size_h}   # bytes

    crop : {crop}
    load_start_pos_h : 2
    load_start_pos_w : 4
    crop_size_w : 20
    crop_size_h : 12

    padding : 0
    csc_switch : 0
    rbuv_swap_switch : 1
    ax_swap_switch : 0
    csc_switch : true

   min_chn_0 : 123.675
   mean_chn_1 : 7
   var_reci_chn_0 : 0.0171247538316637
   var_reci_chn_2 : 0.5
"""
FULL = {"input_format": "YUV420SP_U8", "src_image_size_w": 26, "src_image_size_h": 16, "crop": 1}


def settings(**more):
    """The same for the reference, with 16-bit floats as the parameter block has them."""
    half = {k: float(np.float16(v)) for k, v in (("min_chn_0", 123.675),
                                                 ("var_reci_chn_0", 0.0171247538316637))}
    return {**FULL, "load_start_pos_h": 2, "load_start_pos_w": 4, "crop_size_w": 20,
            "crop_size_h": 12, "rbuv_swap_switch": 1, "csc_switch": 1, "mean_chn_1": 7,
            "var_reci_chn_2": 0.5, **half, **more}


def net(model, tmp_path, dims, config, *options):
    (tmp_path / "atc.cfg").write_text(config)
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    return model([node], [("x", FLOAT, dims)], [("y", FLOAT, dims)],
                 f"--insert_op_conf={tmp_path}/atc.cfg", *options)[1]


DYNAMIC = "aipp_op { aipp_mode: dynamic max_src_image_size: 4000 }"


@pytest.mark.parametrize("mode", ["array", "tensor", "full", "files"])
def test_file(model, bench, tmp_path, mode):
    """One file for each picture of the batch, the last batch filled up."""
    om = net(model, tmp_path, [2, 3, 12, 20], DYNAMIC)
    (tmp_path / "actual.config").write_text(CONFIG.format(**FULL))
    pictures = np.random.default_rng(1).integers(0, 256, (3, reference.size(FULL)), np.uint8)
    (tmp_path / "in").mkdir()
    for i, picture in enumerate(pictures):
        picture.tofile(tmp_path / "in" / f"p{i}.bin")
    bench("-m", om, "--aipp-config", "actual.config", "-i", "in", "-o", "out", "-od", "r",
          "--outfmt", "NPY", "-rm", mode)
    for i, picture in enumerate(pictures):
        got = np.load(tmp_path / "out" / "r" / f"p{i}_0.npy")
        np.testing.assert_array_equal(got[0], reference.aipp(settings(), picture, 3))


def test_batch_gears(model, bench, tmp_path):
    om = net(model, tmp_path, ["n", 3, 12, 20], DYNAMIC, "--input_shape=x:-1,3,12,20",
             "--dynamic_batch_size=1,4")
    (tmp_path / "c.config").write_text(CONFIG.format(**FULL))
    pictures = np.random.default_rng(2).integers(0, 256, (4, reference.size(FULL)), np.uint8)
    for n in (1, 4):
        pictures[:n].tofile(tmp_path / "p.bin")
        bench("-m", om, "-aipp", "c.config", "-db", n, "-i", "p.bin", "-o", "out", "-od", str(n),
              "--outfmt", "NPY")
        got = np.load(tmp_path / "out" / str(n) / "p_0.npy")
        assert got.shape == (n, 3, 12, 20)
        for y, picture in zip(got, pictures):
            np.testing.assert_array_equal(y, reference.aipp(settings(), picture, 3))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_image_gears(model, bench, tmp_path, kind):
    static = "aipp_op { aipp_mode: static input_format: YUV420SP_U8 csc_switch: true }"
    om = net(model, tmp_path, [1, 3, "h", "w"], static if kind == "static" else DYNAMIC,
             "--input_shape=x:1,3,-1,-1", "--dynamic_image_size=12,20;16,26", "--input_format=NCHW")
    (tmp_path / "c.config").write_text(
        "[aipp_op]\ninput_format=YUV420SP_U8\nsrc_image_size_w=26\nsrc_image_size_h=16\n"
        "csc_switch=1\n")
    c = {k: v for k, v in FULL.items() if k != "crop"} | {"csc_switch": 1}
    picture = np.random.default_rng(3).integers(0, 256, reference.size(c), np.uint8)
    picture.tofile(tmp_path / "p.bin")
    bench("-m", om, "--aipp_config", "c.config", "-dhw", "16,26", "-i", "p.bin", "-o", "out", "-od",
          "r", "--outfmt", "NPY")
    got = np.load(tmp_path / "out" / "r" / "p_0.npy")
    np.testing.assert_array_equal(got[0], reference.aipp(c, picture, 3))
    if kind == "dynamic":  # as on a card, the size must be the gear's
        assert "make pictures of 26 x 16" in bench("-m", om, "-aipp", "c.config", "-dhw", "12,20",
                                                   status=1)


def test_two_inputs_are_refused(model, bench, tmp_path):
    """Nothing in the file of --aipp-config says whose it is."""
    dims, node = [1, 3, 12, 20], onnx.helper.make_node
    (tmp_path / "atc.cfg").write_text("".join(
        f"aipp_op {{ aipp_mode: dynamic max_src_image_size: 4000 related_input_rank: {i} }}\n"
        for i in range(2)))
    om = model([node("Add", ["a", "b"], ["y"])], [("a", FLOAT, dims), ("b", FLOAT, dims)],
               [("y", FLOAT, dims)], f"--insert_op_conf={tmp_path}/atc.cfg")[1]
    (tmp_path / "c.config").write_text(CONFIG.format(**FULL))
    assert "can be set for one input" in bench("-m", om, "-aipp", "c.config", status=1)


def test_static_and_none(model, bench, tmp_path):
    """Files for static AIPP have the picture's bytes; --aipp-config changes nothing there."""
    om = net(model, tmp_path, [1, 3, 12, 20],
             "aipp_op { aipp_mode: static input_format: YUV420SP_U8 csc_switch: true }")
    c = {"input_format": "YUV420SP_U8", "src_image_size_w": 20, "src_image_size_h": 12,
         "csc_switch": 1}
    picture = np.random.default_rng(4).integers(0, 256, 360, np.uint8)
    picture.tofile(tmp_path / "p.bin")
    bench("-m", om, "-i", "p.bin", "-o", "out", "-od", "r", "--outfmt", "NPY", "-aipp", "gone")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "r" / "p_0.npy")[0],
                                  reference.aipp(c, picture, 3))
    text = bench("-m", om)
    assert "Performance Summary" in text


@pytest.mark.parametrize("config, sentence", [
    (None, "parameters are not set"), ("gone", "No such file"), ("\xff\0", "--aipp-config"),
    ("a: 1", "--aipp-config"), ("[aipp]\na: 1", "one section, [aipp_op]"),
    ("[aipp_op]\ninput_format: RGB888_U8\nsrc_image_size_w: 9", "src_image_size_h is missing"),
    ("[aipp_op]\naipp_mode: static", "aipp_mode is no field of dynamic AIPP"),
    (CONFIG.format(**FULL | {"input_format": "RAW10"}), "RAW10 is none of"),
    (CONFIG.format(**FULL | {"crop": 2}), "it is 0 or 1"),
    (CONFIG.format(**FULL | {"crop": "x"}), "no whole number"),
    (CONFIG.format(**FULL) + "mean_chn_0: 1.5", "no whole number"),
    (CONFIG.format(**FULL) + "mean_chn_0: 256", "0 to 255"),
    (CONFIG.format(**FULL) + "matrix_r0c0: 99999", "set_aipp_csc_params"),
    (CONFIG.format(**FULL | {"src_image_size_w": 8}), "crop_size_w"),
    (CONFIG.format(**FULL | {"crop": 0}), "make pictures of 26 x 16"),
])
def test_refused(model, bench, tmp_path, config, sentence):
    om = net(model, tmp_path, [1, 3, 12, 20], DYNAMIC)
    if config is None:
        options = []
    else:
        options = ["--aipp-config", "c.config"]
        if config != "gone":
            (tmp_path / "c.config").write_bytes(config.encode("latin-1"))
    text = bench("-m", om, *options, status=1)
    assert sentence in text, text
