# SPDX-License-Identifier: Apache-2.0
"""`python -m ais_bench`: every option works or is refused; files hold what onnxruntime gives."""
import json
import re

import pytest

pytestmark = pytest.mark.in_process  # the program it runs loads them

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
FLOAT = onnx.TensorProto.FLOAT


def net(model, dims, *options):
    node = onnx.helper.make_node
    return model([node("Exp", ["x"], ["y"]), node("Neg", ["x"], ["z"])], [("x", FLOAT, dims)],
                 [("y", FLOAT, dims), ("z", FLOAT, dims)], *options)


def write(folder, count, shape, form="npy"):
    """Files 1, 2, ... in natural order, so 10 comes after 9."""
    folder.mkdir()
    arrays = np.random.default_rng(count).standard_normal((count, *shape)).astype(np.float32)
    for i, array in enumerate(arrays):
        path = folder / "f{}.{}".format(i + 1, form)
        np.save(path, array) if form == "npy" else array.tofile(path)
    return arrays


def check(files, folder, arrays, names=None):
    names = names or ["f{}".format(i + 1) for i in range(len(arrays))]
    reference = ort.InferenceSession(files[0])
    assert len(list(folder.iterdir())) == 2 * len(arrays)
    for name, array in zip(names, arrays):
        for i, want in enumerate(reference.run(None, {"x": array})):
            got = np.load(folder / "{}_{}.npy".format(name, i))
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-5)


def throughput(text):
    return float(re.search(r"throughput 1000\*batchsize.*", text).group().split()[-1])


@pytest.mark.parametrize("mode", ["array", "tensor", "full", "files"])
def test_run_modes(model, bench, tmp_path, mode):
    files = net(model, [1, 3])
    arrays = write(tmp_path / "in", 11, (1, 3), "bin" if mode == "files" else "npy")
    text = bench("--model", files[1], "--input", "in", "--output", "out", "--output_dirname", "r",
                 "--outfmt", "NPY", "--run_mode", mode, "--loop", 3, "--warmup_count", 2,
                 "--display_all_summary", "yes")
    check(files, tmp_path / "out" / "r", arrays)
    assert "[INFO] warm up 2 done\n" in text and "[INFO] output path:out/r\n" in text
    assert "[INFO] try get model batchsize:1\n" in text
    assert "[INFO] H2D_latency (ms): min = " in text and "Processing" in text
    assert re.search(r"\[INFO\] unload model success, model Id is \d+\n", text)
    summary = json.loads((tmp_path / "out" / "r_summary.json").read_text())
    assert len(summary["npu_compute_time_list"]) == summary["NPU_compute_time"]["count"] == 33
    assert summary["filesinfo"]["9"]["infiles"][0].endswith("f10." + (
        "bin" if mode == "files" else "npy"))
    assert summary["throughput"] == throughput(text) > 0
    assert set(summary["D2H_latency"]) == {"min", "max", "mean", "median", "percentile(99%)",
                                           "count"}


def test_batches_of_files(model, bench, tmp_path):
    """Three files make batches of two; the padding is not saved."""
    files = net(model, [2, 3])
    arrays = write(tmp_path / "in", 3, (1, 3))
    text = bench("-m", files[1], "-i", "in", "-o", "out", "--output_dirname", "r",
                 "--outfmt", "NPY", "--batchsize", 7)
    reference = ort.InferenceSession(files[0])
    padded = np.concatenate([arrays[:2, 0], arrays[2], arrays[0]]).reshape(2, 2, 3)
    want = np.concatenate([reference.run(["y"], {"x": pair})[0] for pair in padded])
    for i in range(3):
        np.testing.assert_allclose(np.load(tmp_path / "out/r/f{}_0.npy".format(i + 1))[0], want[i],
                                   rtol=1e-5)
    assert "mean(7)" in text
    assert "cannot be split" in bench("-m", files[1], "-i", "in", "-o", "out", "-oba", 5, status=1)


GEARS = {
    "--dymBatch=2": (["n", 3], ["--input_shape=x:-1,3", "--dynamic_batch_size=1,2"], (2, 3)),
    "--dymHW=4,6": ([1, 3, "h", "w"], ["--input_shape=x:1,3,-1,-1",
                                       "--dynamic_image_size=8,6;4,6"], (1, 3, 4, 6)),
    "--dymDims=x:2,5": (["n", "w"], ["--input_shape=x:-1,-1", "--input_format=ND",
                                     "--dynamic_dims=1,8;2,5"], (2, 5)),
    "--dymShape=x:2,5": (["n", "w"], ["--input_shape_range=x:[1~4,1~8]"], (2, 5)),
    "--auto_set_dymdims_mode=1": (["n", "w"], ["--input_shape=x:-1,-1", "--input_format=ND",
                                               "--dynamic_dims=1,8;2,5"], (2, 5)),
    "--auto_set_dymshape_mode=1": (["n", "w"], ["--input_shape_range=x:[1~4,1~8]"], (2, 5)),
}


@pytest.mark.parametrize("option", GEARS)
def test_gears(model, bench, tmp_path, option):
    dims, conversion, shape = GEARS[option]
    files = net(model, dims, *conversion)
    arrays = write(tmp_path / "in", 2, shape)
    sizes = ["--outputSize=1000,1000"] if "hape" in option else []
    bench("-m", files[1], "-i", "in", "-o", "out", "--output_dirname", "r", "--outfmt", "NPY",
          option, *sizes)
    check(files, tmp_path / "out" / "r", arrays)


def test_shape_range(model, bench, tmp_path):
    files = net(model, ["n", "w"], "--input_shape_range=x:[1~4,1~8]")
    text = bench("-m", files[1], "--dymShape_range", "x:1~3~2,4-7", "--outputSize", "1000,1000")
    record = (tmp_path / "dym.log").read_text().splitlines()
    assert [line.split()[0] for line in record] == ["x:1,4", "x:1,7", "x:3,4", "x:3,7"]
    assert all(float(line.split("throughput:")[1]) > 0 for line in record)
    assert text.count("Performance Summary") == 4
    assert "not of the form" in bench("-m", files[1], "--dymShape_range", "x:1~b", status=1)


def test_text_and_made_up_inputs(model, bench, tmp_path):
    files = net(model, [2, 3])
    bench("--om-model", files[1], "-o", "out", "-od", "r", "--outfmt", "TXT")
    assert (tmp_path / "out/r/pure_infer_data_0_0.txt").read_text() == \
        2 * "1.000000 1.000000 1.000000\n"
    bench("-m", files[1], "-o", "out", "--output-dirname", "b", "-pdt", "random")
    assert (tmp_path / "out/b/pure_infer_data_0_1.bin").stat().st_size == 24
    text = bench("-m", files[1], "--debug", "T")
    assert "<Model>" in text and "output path" not in text
    assert "#0    x  (2, 3)  float32  24  24" in text


@pytest.mark.parametrize("what", ["dump", "profiler"])
def test_dump_and_profiler(model, bench, tmp_path, what):
    files = net(model, [1, 3])
    bench("-m", files[1], "-o", "out", "--" + what, "true")
    assert what in json.loads((tmp_path / "out/acl.json").read_text())
    assert [p for p in (tmp_path / "out" / what).rglob("*") if p.is_file()]


def test_own_configuration_wins(model, bench, tmp_path):
    (tmp_path / "mine.json").write_text("{}")
    bench("-m", net(model, [1, 3])[1], "-o", "out", "--dump", "1", "--acl_json_path", "mine.json")
    assert not (tmp_path / "out/acl.json").exists()
    assert "there is no none.json" in bench("-m", tmp_path / "mine.json", "-acl", "none.json",
                                            status=1)


def test_devices(model, bench, tmp_path, monkeypatch):
    """One process each; a share of the inputs each with --divide_input."""
    monkeypatch.setenv("PRUSIK_DEVICES", "0;0")
    files = net(model, [1, 3])
    write(tmp_path / "in", 3, (1, 3))
    text = bench("-m", files[1], "-i", "in", "-o", "out", "-od", "r", "-d", "0,1",
                 "--divide_input", "y")
    sums = [float(x) for x in re.findall(r"i:\d device_\d throughput:(\S+) start_time:", text)]
    assert len(sums) == 2
    assert float(re.search(r"summary throughput:(\S+)", text).group(1)) == pytest.approx(
        sum(sums))
    assert len(list((tmp_path / "out/r/device0").iterdir())) == 4
    assert len(list((tmp_path / "out/r/device1").iterdir())) == 2
    text = bench("-m", files[1], "-d", "0,9", status=1)
    assert "[ERROR] device 9: " in text and "qsize:2 result:1" in text


@pytest.mark.parametrize("options, sentence", [
    ("--profiler 1 --dump 1 --output o", "exclude each other"),
    ("--profiler 1", "--profiler needs --output"),
    ("--output_dirname r", "--output_dirname needs --output"),
    ("--loop 0", "'0' is not a whole number from 1 on"),
    ("--device 0,x", "in the list '0,x'"),
    ("--device 256", "devices are 0 to 255"),
    ("--dymHW 4", "not of the form height,width"),
    ("--debug maybe", "neither true nor false"),
    ("--outfmt PNG", "invalid choice"),
    ("--run_mode files", "needs --input"),
    ("--dymBatch 2 --dymHW 4,4", "at most one"),
    ("--auto_set_dymdims_mode 1", "there is none"),
    ("--backend trtexec", "--backend is not supported: it runs another vendor's engine"),
    ("-ec 1", "power meter"),
    ("--pipeline 1", "is not supported"),
    ("--dump-npy 1", "is not supported"),
    ("--profiler-rename 0", "is not supported"),
    ("--mode x", "unrecognized arguments"),
])
def test_refused_options(bench, options, sentence):
    assert sentence in bench("--model", "m.om", *options.split(), status=2)


def test_errors(model, bench, tmp_path):
    files = net(model, [2, 3])
    write(tmp_path / "in", 1, (1, 3))
    (tmp_path / "none").mkdir()
    (tmp_path / "odd.bin").write_bytes(b"12345")
    (tmp_path / "text.txt").write_text("no")
    for options, sentence in [
            ("-m nowhere.om", "there is no such model file"),
            ("-m {m} -i nowhere", "there is no nowhere"),
            ("-m {m} -i none", "holds no .npy or .bin file"),
            ("-m {m} -i odd.bin", "odd.bin has 5 bytes; input 'x' takes 24"),
            ("-m {m} -i text.txt", "neither .npy nor .bin"),
            ("-m {m} -i in,none", "2 directories; the model has 1 inputs"),
            ("-m {m} -i in -rm files", "takes .bin files"),
            ("-m {m} -d 7", "device"),
            ("-m {m} --dymBatch 2", "no gears"),
            ("-m {m} --outputSize 4", "1 output sizes are given for 2 outputs")]:
        assert sentence in bench(*options.format(m=files[1]).split(), status=1)
