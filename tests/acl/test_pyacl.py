# SPDX-License-Identifier: Apache-2.0
"""The Python module acl: the walk of its example on real and random networks, the usual slips,
and helpers that must not copy. What each call returns is in test_pyacl_calls.py."""
import csv
import gc
import importlib.util
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("PIL")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

import networks  # noqa: E402  (beside this file)

pytestmark = pytest.mark.in_process
ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "python" / "resnet50_pyacl.py"


@pytest.fixture(scope="module")
def acl(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    return acl


@pytest.fixture(scope="module")
def walk(acl):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("resnet50_pyacl", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def device(acl):
    assert acl.init() == 0 and acl.rt.set_device(0) == 0
    yield acl
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0


def convert(atc, model, om, *options):
    done = subprocess.run([atc, f"--model={model}", "--framework=5", f"--output={om}",
                           "--soc_version=Ascend310", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return f"{om}.om"


@pytest.fixture(scope="module")
def tiny(atc, tmp_path_factory):
    """tiny(side): an .om with input [1, 3, side, side] and output class [1, 1000]."""
    folder = tmp_path_factory.mktemp("tiny")

    def make(side):
        om = folder / f"tiny{side}"
        if not om.with_suffix(".om").exists():
            networks.tiny(folder / f"tiny{side}.onnx", side)
            convert(atc, folder / f"tiny{side}.onnx", om)
        return f"{om}.om"
    return make


def five(values):
    return sorted(range(len(values)), key=lambda i: values[i], reverse=True)[:5]


def test_walk_on_resnet50(walk, atc, tmp_path):
    networks.resnet50(tmp_path / "resnet50.onnx")
    om = convert(atc, tmp_path / "resnet50.onnx", tmp_path / "resnet50")
    x = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)
    network = walk.Network(om)
    values = network.run(x)
    network.release()
    session = ort.InferenceSession(str(tmp_path / "resnet50.onnx"),
                                   providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"data": x})[0][0]
    assert np.abs(np.array(values) - wanted).max() <= 1e-4 * np.ptp(wanted)
    assert five(values) == five(wanted.tolist())


def test_example_tells_dogs(build_dir, atc, data_dir, tmp_path):
    om = convert(atc, data_dir / "models" / "mobilenetv2_fp32_dequantised.onnx", tmp_path / "net",
                 "--input_shape=input:1,3,224,224")
    photos = data_dir / "images" / "imagenet50"
    dogs = ["n02099601_golden_retriever.JPEG", "n02113799_standard_poodle.JPEG"]
    with open(photos / "labels.csv", encoding="utf-8") as file:
        classes = {row["file"]: row["class_index"] for row in csv.DictReader(file)}
    done = subprocess.run([sys.executable, EXAMPLE, om, *(photos / dog for dog in dogs)],
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python")},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 12
    for i, dog in enumerate(dogs):
        assert lines[6 * i].endswith(dog)
        rows = [line.split() for line in lines[6 * i + 1:6 * i + 6]]
        assert classes[dog] in [row[0] for row in rows]
        values = [float(row[1]) for row in rows]
        assert values == sorted(values, reverse=True)


def slipped(walk, om):
    """The example with its output buffers sized like its inputs."""
    class Slipped(walk.Network):
        def make_dataset(self, count, size_by_index):
            return super().make_dataset(count, walk.acl.mdl.get_input_size_by_index)
    return Slipped(om)


def test_output_buffer_too_small(acl, walk, tiny):
    network = slipped(walk, tiny(8))  # 768 bytes where 4000 are needed
    ptr, size = network.output_data[0]
    view = acl.util.ptr_to_numpy(ptr, (size,), 2)
    view[:] = 0xA5
    ret = acl.mdl.execute(network.model_id, network.inputs, network.outputs)
    sentence = acl.get_recent_err_msg()
    assert ret != 0
    assert "class" in sentence and "768" in sentence and "4000" in sentence
    assert (view == 0xA5).all()
    network.release()


def test_output_buffer_too_large(acl, walk, tiny):
    network = slipped(walk, tiny(32))  # 12288 bytes where 4000 are needed
    ptr, size = network.output_data[0]
    view = acl.util.ptr_to_numpy(ptr, (size,), 2)
    view[:] = 0xA5
    x = np.ones((1, 3, 32, 32), np.float32)
    acl.rt.memcpy(network.input_data[0][0], x.nbytes, acl.util.numpy_to_ptr(x), x.nbytes, 1)
    assert acl.mdl.execute(network.model_id, network.inputs, network.outputs) == 0
    assert (view[4000:] == 0xA5).all()
    too_long = view[:4000].tobytes()
    network.release()
    right = walk.Network(tiny(32))
    assert right.run(x) == tuple(np.frombuffer(too_long, np.float32))
    right.release()


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_hundred_walks_leave_nothing(walk, tiny):
    om = tiny(224)
    x = np.ones((1, 3, 224, 224), np.float32)

    def walks(count):
        for _ in range(count):
            network = walk.Network(om)
            network.run(x)
            network.release()
        gc.collect()
        return resident_bytes()

    before = walks(20)
    after = walks(100)
    assert after - before < 2 << 20  # an input alone would be 60 MB


# ---- helpers ----

def test_arrays_and_bytes_are_not_copied(device):
    acl = device
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    ptr = acl.util.numpy_to_ptr(array)
    assert ptr == array.ctypes.data
    view = acl.util.ptr_to_numpy(ptr, (3, 4), 11)
    assert view.dtype == np.float32 and view.shape == (3, 4)
    view[1, 2] = 99
    assert array[1, 2] == 99

    # Programs write into bytes through their address and read them back through NumPy.
    target = bytes(array.nbytes)
    assert acl.rt.memcpy(acl.util.bytes_to_ptr(target), len(target), ptr, len(target), 2) == 0
    assert (np.frombuffer(target, np.float32) == array.ravel()).all()

    copied = acl.util.ptr_to_bytes(ptr, array.nbytes)
    array[:] = 0
    assert copied == target


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32",
                                  "int64", "uint64", "float16", "float32", "float64"])
def test_numpy_type_numbers(acl, kind):
    array = np.arange(4).astype(kind)
    view = acl.util.ptr_to_numpy(array.ctypes.data, (2, 2), array.dtype.num)
    assert view.dtype == array.dtype and (view.ravel() == array).all()


def test_arrays_that_are_not_contiguous(acl, capfd):
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert acl.util.numpy_to_ptr(array) and not capfd.readouterr().out
    assert acl.util.numpy_to_ptr(array.T) == array.ctypes.data
    assert "not C-contiguous" in capfd.readouterr().out
    ptr, same = acl.util.numpy_contiguous_to_ptr(array)
    assert same is array and ptr == array.ctypes.data
    ptr, copy = acl.util.numpy_contiguous_to_ptr(array.T)
    assert ptr == copy.ctypes.data and copy.flags.c_contiguous and (copy == array.T).all()


def test_numpy_is_imported_only_for_arrays(build_dir):
    script = ("import sys, acl, acl.rt, acl.mdl, acl.media, acl.util\n"
              "data = b'12345678'\n"
              "ptr = acl.util.bytes_to_ptr(data)\n"
              "assert acl.util.ptr_to_bytes(ptr, 8) == data and 'numpy' not in sys.modules\n"
              "assert acl.util.ptr_to_numpy(ptr, (8,), 2)[0] == 49 and 'numpy' in sys.modules\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python")})
    assert done.returncode == 0, done.stderr


def test_wrong_types_raise(acl):
    for call, arguments, text in [
            (acl.rt.malloc, ("64", 0), "acl.rt.malloc() argument 1 must be int, not str"),
            (acl.rt.malloc, (64.0, 0), "acl.rt.malloc() argument 1 must be int, not float"),
            (acl.rt.malloc, (64,), "acl.rt.malloc() takes 2 arguments (1 given)"),
            (acl.init, (1, 2), "acl.init() takes at most 1 argument (2 given)"),
            (acl.mdl.load_from_file, (b"x",), "argument 1 must be str, not bytes"),
            (acl.util.numpy_to_ptr, ([1],), "argument 1 must be a NumPy array, not list"),
            (acl.util.bytes_to_ptr, ("x",), "argument 1 must be bytes, not str"),
            (acl.util.start_thread, (1, []), "argument 1 must be callable, not int"),
            (acl.create_tensor_desc, (0, 3, 0), "argument 2 must be a list of int, not int"),
            (acl.create_tensor_desc, (0, [1, "a"], 0), "must be int, not str")]:
        with pytest.raises(TypeError) as raised:
            call(*arguments)
        assert text in str(raised.value)
    with pytest.raises(OverflowError, match="does not fit 32 bits"):
        acl.rt.set_device(1 << 40)
    for shape, kind in (((-1,), 1), ((1 << 40, 1 << 40), 11), ((1,), 17), ((1,), -3)):
        with pytest.raises(ValueError):
            acl.util.ptr_to_numpy(4096, shape, kind)


def test_wrong_values_return_codes(device):
    acl = device
    assert acl.rt.malloc(0, 0)[1] != 0
    assert acl.rt.malloc(-1, 0)[1] != 0
    assert acl.rt.free(0) != 0
    assert acl.mdl.load_from_file("/nonexistent/net.om")[1] != 0
    assert "/nonexistent/net.om" in acl.get_recent_err_msg()
    assert acl.mdl.execute(77, 0, 0) != 0
    assert acl.rt.set_device(1000) != 0
    assert acl.rt.malloc(np.int64(64), np.int32(0))[1] == 0


# ---- threads and callbacks ----

def test_waiting_lets_others_run(device):
    count = [0]
    stop = threading.Event()

    def work():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0.001)
    other = threading.Thread(target=work)
    other.start()
    before = count[0]
    device.rt.process_report(300)
    during = count[0] - before
    stop.set()
    other.join()
    assert during >= 20


def test_callbacks_run_in_the_subscribed_thread(device):
    acl = device
    context, ret = acl.rt.get_context()
    assert ret == 0
    done, threads, seen = [False], [], []

    def serve(arguments):
        threads.append(threading.get_ident())
        assert acl.rt.set_context(arguments[0]) == 0
        while not done[0]:
            acl.rt.process_report(arguments[1])

    thread, ret = acl.util.start_thread(serve, [context, 50])
    assert ret == 0
    stream, ret = acl.rt.create_stream()
    assert ret == 0 and acl.rt.subscribe_report(thread, stream) == 0
    for i in range(50):
        assert acl.rt.launch_callback(lambda user: seen.append((user, threading.get_ident())),
                                      [i], i % 2, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0
    deadline = time.time() + 5
    while len(seen) < 50 and time.time() < deadline:
        time.sleep(0.01)
    assert acl.rt.unsubscribe_report(thread, stream) == 0
    done[0] = True
    assert acl.util.stop_thread(thread) == 0
    assert acl.util.stop_thread(thread) != 0
    assert [user for user, _ in seen] == [[i] for i in range(50)]
    assert {ident for _, ident in seen} == set(threads) == {thread}
    assert acl.rt.destroy_stream(stream) == 0


def test_callback_that_raises(device, monkeypatch):
    acl = device
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: raised.append(info.exc_type))
    stream, _ = acl.rt.create_stream()
    assert acl.rt.subscribe_report(threading.get_ident(), stream) == 0
    assert acl.rt.launch_callback(lambda user: 1 / user, 0, 0, stream) == 0
    assert acl.rt.process_report(5000) == 0
    assert raised == [ZeroDivisionError]
    assert acl.rt.unsubscribe_report(threading.get_ident(), stream) == 0
    assert acl.rt.destroy_stream(stream) == 0


def test_callbacks_that_never_ran_are_released(acl):
    class Object:
        alive = 0

        def __init__(self):
            Object.alive += 1

        def __del__(self):
            Object.alive -= 1

    assert acl.init() == 0 and acl.rt.set_device(0) == 0
    stream, _ = acl.rt.create_stream()
    assert acl.rt.subscribe_report(threading.get_ident(), stream) == 0
    assert acl.rt.launch_callback(print, Object(), 0, stream) == 0
    assert Object.alive == 1
    assert acl.rt.unsubscribe_report(threading.get_ident(), stream) == 0
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
    gc.collect()
    assert Object.alive == 0


def test_numbers_that_do_not_fit_32_bits(acl):
    attr = acl.op.create_attr()
    for call, *arguments in [
            (acl.prof.create_config, [2 ** 32], 1, 0, 0, 1),
            (acl.mdl.load_from_file_with_q, "m.om", [2 ** 32 + 1], 1, [1], 1),
            (acl.rt.mem_set_pid_to_shareable_handle, 1, [2 ** 31], 1),
            (acl.media.dvpp_vpc_batch_crop_async, 0, 0, [2 ** 32 + 1], 0, [0], 0),
            (acl.op.set_attr_list_data_type, attr, "types", [2 ** 32])]:
        with pytest.raises(OverflowError, match="does not fit 32 bits"):
            call(*arguments)
    acl.op.destroy_attr(attr)


def test_what_the_module_refuses_itself(acl):
    """A code of its own comes with a sentence of its own, as those of the library do."""
    desc = acl.create_tensor_desc(0, [4, 6], 2)
    for sentence, call, *arguments in [
            ("num_dims is 3; the list has 2", acl.set_tensor_shape, desc, 3, [4, 6]),
            ("the count is 3; the list has 1", acl.rt.mem_set_pid_to_shareable_handle, 1, [2], 3),
            ("gear_count is 1000", acl.mdl.get_input_dynamic_dims, 0, -1, 1000),
            ("the lists have 1 and 1", acl.op.execute, "Abs", 2, [desc], [0], 1, [desc], [0], 0, 0),
            ("there is no thread 7", acl.util.stop_thread, 7)]:
        ret = call(*arguments)
        assert (ret[1] if isinstance(ret, tuple) else ret) == 100000
        assert sentence in acl.get_recent_err_msg()
    acl.destroy_tensor_desc(desc)


def test_a_list_without_a_length(acl):
    class Odd:
        def __len__(self):
            raise ZeroDivisionError

        def __getitem__(self, index):
            return [1, 2]

    with pytest.raises(ZeroDivisionError):
        acl.set_tensor_shape_range(0, -1, Odd())


CALLED_AT_THE_END = """
import sys, threading, time
import acl

function_runs, sent = threading.Event(), object()

def slow(argument):
    function_runs.set()
    time.sleep(0.3)

def report():
    while not over:
        acl.rt.process_report(20)

over = False
assert acl.init() == 0 and acl.rt.set_device(0) == 0
thread = threading.Thread(target=report)
thread.start()
stream, _ = acl.rt.create_stream()
before = sys.getrefcount(sent)
assert acl.rt.subscribe_report(thread.ident, stream) == 0
assert acl.rt.launch_callback(slow, sent, 0, stream) == 0
function_runs.wait()
assert acl.finalize() == 0
over = True
thread.join()
assert sys.getrefcount(sent) == before, (sys.getrefcount(sent), before)
"""


def test_finalize_while_a_callback_runs(build_dir):
    """Its function and argument are given back once, not twice."""
    done = subprocess.run([sys.executable, "-c", CALLED_AT_THE_END], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "PYTHONPATH": str(build_dir / "python")})
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_older_numpy(build_dir, tmp_path):
    """NumPy 1: the module takes addresses through protocols, so no build for it is needed."""
    made = subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], capture_output=True)
    python = tmp_path / "venv" / "bin" / "python"
    if made.returncode or subprocess.run([python, "-m", "pip", "install", "-q", "numpy<2"],
                                         capture_output=True).returncode:
        pytest.skip("NumPy 1 cannot be installed for this interpreter")
    script = ("import acl, numpy\n"
              "a = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)\n"
              "view = acl.util.ptr_to_numpy(acl.util.numpy_to_ptr(a), (2, 3), 11)\n"
              "view[1, 1] = 50\n"
              "assert numpy.__version__ < '2' and a[1, 1] == 50\n"
              "assert acl.util.numpy_contiguous_to_ptr(a.T)[1].flags.c_contiguous\n")
    done = subprocess.run([python, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python")})
    assert done.returncode == 0, done.stderr


FORKING = """
import multiprocessing, sys
import acl

def refused(answers):
    stream, ret = acl.rt.create_stream()
    answers.put((stream, ret, acl.init(), acl.get_recent_err_msg()))

def works(answers):
    answers.put((acl.init(), acl.rt.set_device(0), acl.rt.reset_device(0), acl.finalize()))

def ask(target):
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    child = fork.Process(target=target, args=(answers,))
    child.start()
    child.join(30)
    assert child.exitcode == 0, child.exitcode
    return answers.get()

assert ask(works) == (0, 0, 0, 0)
assert acl.init() == 0 and acl.rt.set_device(0) == 0
stream, ret, again, sentence = ask(refused)
assert (stream, ret, again) == (0, 100001, 100001), (stream, ret, again)
assert "forked" in sentence and "spawn" in sentence, sentence
assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
assert ask(works) == (0, 0, 0, 0)
"""


def test_forked_children(build_dir):
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "PYTHONPATH": str(build_dir / "python")})
    assert done.returncode == 0, done.stderr
