# SPDX-License-Identifier: Apache-2.0
"""msame against onnxruntime: files, folders, zeros, gears; what it prints and writes."""
import re
import subprocess

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
FLOAT = onnx.TensorProto.FLOAT


@pytest.fixture
def msame(build_dir, tmp_path):
    def run(*options, status=0):
        done = subprocess.run([build_dir / "cmd" / "msame", *map(str, options)], cwd=tmp_path,
                              capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout
    return run


def add(model, first, *options):
    return model([onnx.helper.make_node("Add", ["a", "b"], ["c"]),
                  onnx.helper.make_node("Shape", ["c"], ["s"])],
                 [("a", FLOAT, [first, 3]), ("b", FLOAT, [first, 3])],
                 [("c", FLOAT, [first, 3]), ("s", onnx.TensorProto.INT64, [2])], *options)


def reference(files, **feeds):
    return ort.InferenceSession(files[0]).run(None, feeds)


@pytest.mark.parametrize("what", ["dump", "profiler"])
def test_dump_and_profiler(model, msame, tmp_path, what):
    """By an acl.json that is there for the time of the run, whatever the folder is called."""
    files = add(model, 2)
    msame("--model", files[1], "--output", 'a "b" \\ c', f"--{what}", "true")
    assert [p for p in (tmp_path / 'a "b" \\ c' / what).rglob("*") if p.is_file()]
    assert not (tmp_path / "acl.json").exists()
    (tmp_path / "file").write_text("")
    assert "file/" + what in msame("--model", files[1], "--output", "file", f"--{what}", "true",
                                   status=1)
    assert not (tmp_path / "acl.json").exists()


def test_files(model, msame, tmp_path):
    files = add(model, 2)
    a, b = np.random.default_rng(2).standard_normal((2, 2, 3)).astype(np.float32)
    a.tofile(tmp_path / "a.bin")
    b.tofile(tmp_path / "b.bin")
    c, s = reference(files, a=a, b=b)
    for outfmt, read in (("BIN", np.fromfile), ("TXT", np.loadtxt)):
        text = msame("--model", files[1], "--input", "a.bin,b.bin", "--output", "out", "--outfmt",
                     outfmt, "--loop", 3, "--debug", "true")
        for line in ("acl init success", "open device 0 success", f"load model {files[1]} success",
                     "start to process file:a.bin", "output data success", "end to finalize acl"):
            assert f"[INFO] {line}\n" in text
        times = [float(t) for t in re.findall(r"^Inference time: ([\d.e-]+)ms$", text, re.M)]
        mean = re.search(r"^Inference average time: ([\d.]+) ms$", text, re.M).group(1)
        assert len(times) == 3 and abs(float(mean) - np.mean(times)) < 1e-3
        assert "Inference average time without first time: " in text
        folder = re.search(r"^\[INFO\] (out/\d+_\d+_\d+_\d+_\d+)$", text, re.M).group(1)
        suffix = outfmt.lower()
        out = tmp_path / folder
        assert sorted(p.name for p in out.iterdir()) == [f"net_output_{i}.{suffix}" for i in (0, 1)]
        kinds = ({"dtype": np.float32}, {"dtype": np.int64})
        np.testing.assert_allclose(read(out / f"net_output_0.{suffix}", **kinds[0]).reshape(c.shape),
                                   c, rtol=1e-5)
        assert (read(out / f"net_output_1.{suffix}", **kinds[1]) == s).all()


def test_folders(model, msame, tmp_path):
    files = add(model, 2)
    for folder in "ab":
        (tmp_path / folder).mkdir()
        for i in range(3):
            np.full((2, 3), i, np.float32).tofile(tmp_path / folder / f"p{i}.x.bin")
    text = msame("--model", files[1], "--input", "a,b", "--output", "out")
    assert re.search(r"^Inference average time : [\d.]+ ms$", text, re.M)
    for i in range(3):
        path, = (tmp_path / "out").glob(f"*/p{i}.x_output_0.bin")
        assert (np.fromfile(path, np.float32) == 2 * i).all()


GEARS = {
    "batch": (["--dymBatch", 2], ["--input_shape=a:-1,3;b:-1,3", "--dynamic_batch_size=2,4"]),
    "dims": (["--dymDims", "b:2,3;a:2,3"],
             ["--input_shape=a:-1,3;b:-1,3", "--input_format=ND", "--dynamic_dims=2,2;4,4"]),
    "shape": (["--dymShape", "a:2,3;b:2,3", "--outputSize", "4096,16"],
              ["--input_shape_range=a:[1~8,3];b:[1~8,3]"]),
}


@pytest.mark.parametrize("kind", GEARS)
def test_gears(model, msame, tmp_path, kind):
    choice, options = GEARS[kind]
    files = add(model, "n", *options)
    a = np.random.default_rng(5).standard_normal((2, 3)).astype(np.float32)
    a.tofile(tmp_path / "a.bin")
    msame("--model", files[1], "--input", "a.bin,a.bin", "--output", "out", *choice)
    path, = (tmp_path / "out").glob("*/net_output_0.bin")
    assert (np.fromfile(path, np.float32).reshape(2, 3) == a + a).all()


def test_zeros_and_slips(model, msame, tmp_path):
    files = add(model, 2)
    text = msame("--model", files[1], "--output", "out")
    path, = (tmp_path / "out").glob("*/net_output_0.bin")
    assert (np.fromfile(path, np.float32) == np.zeros(6)).all()
    assert "Inference average time: " in text
    (tmp_path / "short.bin").write_bytes(bytes(8))
    for status, sentence, options in (
            (0, "usage: msame", ["--help"]),
            (0, "usage: msame", ["--nonsense"]),
            (0, "--model is missing", []),
            (0, "--model cannot be 'net.onnx'", ["--model", "net.onnx"]),
            (0, "--loop cannot be '101'", ["--model", "x.om", "--loop", 101]),
            (0, "--dump cannot be 'yes'", ["--model", "x.om", "--dump", "yes"]),
            (1, "only one of", ["--model", "x.om", "--dymBatch", 1, "--dymHW", "1,2"]),
            (1, "exclude each other", ["--model", "x.om", "--dump", "true", "--profiler", "true"]),
            (1, "nowhere.om", ["--model", "nowhere.om"]),
            (1, "no choice of sizes", ["--model", files[1], "--dymBatch", 2]),
            (1, "gone.bin: No such file", ["--model", files[1], "--input", "gone.bin,gone.bin"]),
            (1, "short.bin has 8 bytes; input 0 ('a') takes 24",
             ["--model", files[1], "--input", "short.bin,short.bin"]),
            (1, "names no file for input 1", ["--model", files[1], "--input", path])):
        assert sentence in msame(*options, status=status)
