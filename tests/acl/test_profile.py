# SPDX-License-Identifier: Apache-2.0
"""What profiling writes of a model that runs: tables and trace agree with each other, events nest,
and the times of operators add up to no more than the runs they belong to."""
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")

import networks  # noqa: E402  (beside this file)

pytestmark = pytest.mark.in_process

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACL_API, TASK_TIME, TRAINING_TRACE = 0x1, 0x2, 0x40


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
def models(atc, tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    paths = []
    for side in (16, 32):
        onnx = folder / f"net{side}.onnx"
        networks.tiny(onnx, side)
        done = subprocess.run([atc, f"--model={onnx}", "--framework=5",
                               f"--output={onnx.with_suffix('')}", "--soc_version=Ascend310"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        paths.append(onnx.with_suffix(".om"))
    return paths


class Model:
    def __init__(self, acl, path):
        self.acl = acl
        self.id, code = acl.mdl.load_from_file(str(path))
        assert code == 0, acl.get_recent_err_msg()
        desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc(desc, self.id) == 0
        self.arrays = [np.zeros(acl.mdl.get_input_size_by_index(desc, 0), np.uint8),
                       np.zeros(acl.mdl.get_output_size_by_index(desc, 0), np.uint8)]
        acl.mdl.destroy_desc(desc)
        self.buffers = [acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes)
                        for a in self.arrays]
        self.sets = []
        for buffer in self.buffers:
            self.sets.append(acl.mdl.create_dataset())
            assert acl.mdl.add_dataset_buffer(self.sets[-1], buffer)[1] == 0

    def run(self, stream=0):
        if stream:
            assert self.acl.mdl.execute_async(self.id, *self.sets, stream) == 0
        else:
            assert self.acl.mdl.execute(self.id, *self.sets) == 0

    def close(self):
        for data, buffer in zip(self.sets, self.buffers):
            self.acl.mdl.destroy_dataset(data)
            self.acl.destroy_data_buffer(buffer)
        assert self.acl.mdl.unload(self.id) == 0


def tables(folder):
    """The folder of the one session, and its tables by name."""
    path, = pathlib.Path(folder).glob("PROF_*/mindstudio_profiler_output")
    assert re.fullmatch(r"PROF_\d{6}_\d{17}_[A-Z]+", path.parent.name)
    found = {}
    for file in path.glob("*.csv"):
        with open(file, newline="") as f:
            found[re.match(r"(.*)_\d+\.csv", file.name)[1]] = list(csv.DictReader(f))
    trace, = path.glob("msprof_*.json")
    return json.loads(trace.read_text()), found


def spans(trace, category):
    return [e for e in trace if e["ph"] == "X" and e.get("cat") == category]


def check_nesting(trace):
    """In each row, any two events are apart or one lies in the other."""
    rows = {}
    for e in trace:
        if e["ph"] == "X":
            rows.setdefault((e["pid"], e["tid"]), []).append((e["ts"], e["ts"] + e["dur"]))
    slack = 1e-3  # a nanosecond, in microseconds
    for row in rows.values():
        open_until = []
        for begin, end in sorted(row, key=lambda e: (e[0], -e[1])):
            while open_until and open_until[-1] <= begin + slack:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + slack
            open_until.append(end)


def test_session(device, models, tmp_path):
    acl = device
    nets = [Model(acl, m) for m in models]
    stream, code = acl.rt.create_stream()
    config = acl.prof.create_config([0], 1, 255, 0, ACL_API | TASK_TIME | TRAINING_TRACE)
    assert acl.prof.init(str(tmp_path), len(str(tmp_path))) == 0
    nets[0].run()  # before start: not recorded
    assert acl.prof.start(config) == 0
    for _ in range(3):
        nets[0].run()
        step = acl.prof.create_step_info()
        assert acl.prof.get_step_timestamp(step, 0, stream) == 0
        nets[1].run(stream)
        assert acl.prof.get_step_timestamp(step, 1, stream) == 0
        acl.prof.destroy_step_info(step)
    assert acl.rt.synchronize_stream(stream) == 0
    assert acl.prof.stop(config) == 0
    nets[0].run()
    for net in nets:  # what is written does not need them any more
        net.close()
    assert acl.rt.destroy_stream(stream) == 0
    assert acl.prof.finalize() == 0
    assert acl.prof.destroy_config(config) == 0

    trace, found = tables(tmp_path)
    assert set(found) == {"op_summary", "op_statistic", "api_statistic", "step_trace"}
    summary, runs = found["op_summary"], spans(trace, "model")
    assert len(runs) == 6 and len(spans(trace, "op")) == len(summary)
    assert {r["Op Name"].split("_")[0] for r in summary} >= {"Conv", "GlobalAveragePool", "Gemm"}
    conv = next(r for r in summary if r["OP Type"] == "Conv" and r["Input Shapes"][:8] == "1,3,16,1")
    assert conv["Input Shapes"] == "1,3,16,16;8,3,3,3;8" and conv["Output Shapes"] == "1,8,16,16"
    assert conv["Input Data Types"] == "FLOAT;FLOAT;FLOAT" and conv["Input Formats"] == "NCHW;NCHW;ND"
    assert int(conv["MACs"]) == 16 * 16 * 8 * 3 * 9
    # Operators lie in their run, in its row, and take no longer than it.
    for run in runs:
        inside = [e for e in spans(trace, "op") if e["tid"] == run["tid"] and
                  run["ts"] <= e["ts"] and e["ts"] + e["dur"] <= run["ts"] + run["dur"] + 1e-3]
        assert len(inside) * 6 == len(summary)
        assert sum(e["dur"] for e in inside) <= run["dur"] + 1e-2
    check_nesting(trace)
    # The statistic is the sum of the summary.
    total = sum(float(r["Task Duration(us)"]) for r in summary)
    sums = [float(r["Total Time(us)"]) for r in found["op_statistic"]]
    assert sum(sums) == pytest.approx(total, 1e-3)
    assert sum(float(r["Ratio(%)"]) for r in found["op_statistic"]) == pytest.approx(100, abs=0.1)
    for row in found["op_statistic"]:
        of_type = [float(r["Task Duration(us)"]) for r in summary if r["OP Type"] == row["OP Type"]]
        assert int(row["Count"]) == len(of_type)
        assert float(row["Max Time(us)"]) == pytest.approx(max(of_type), abs=1e-3)
        assert float(row["Min Time(us)"]) == pytest.approx(min(of_type), abs=1e-3)
    calls = {r["API Name"]: r for r in found["api_statistic"]}
    assert calls["aclmdlExecute"]["Count"] == calls["aclmdlExecuteAsync"]["Count"] == "3"
    executing = [e for e in spans(trace, "acl") if e["name"] == "aclmdlExecute"]
    assert all(any(c["ts"] <= r["ts"] and r["ts"] + r["dur"] <= c["ts"] + c["dur"] + 1e-3
                   for c in executing) for r in runs if r["tid"] > 1000000)
    # Steps hold the runs of their stream.
    steps = found["step_trace"]
    assert len(steps) == 3 and all(float(s["Iteration Time(us)"]) > 0 for s in steps)
    pairs = [(b["ts"], e["ts"]) for b in trace if b["ph"] == "b" for e in trace
             if e["ph"] == "e" and e["id"] == b["id"]]
    on_stream = [r for r in runs if r["tid"] < 1000000]
    assert len(on_stream) == len(pairs) == 3
    for run in on_stream:
        assert any(b <= run["ts"] and run["ts"] + run["dur"] <= e for b, e in pairs)


STEP_ON_THE_SECOND_DEVICE = """
import acl, sys
assert acl.init() == 0 and acl.rt.set_device(1) == 0
stream, _ = acl.rt.create_stream()
config = acl.prof.create_config([1], 1, 255, 0, 0x40)
assert acl.prof.init(sys.argv[1], len(sys.argv[1])) == 0 and acl.prof.start(config) == 0
step = acl.prof.create_step_info()
for tag in (0, 1):
    assert acl.prof.get_step_timestamp(step, tag, stream) == 0
assert acl.rt.synchronize_stream(stream) == 0
assert acl.prof.stop(config) == 0 and acl.prof.finalize() == 0 and acl.finalize() == 0
"""


def test_steps_are_their_devices(build_dir, tmp_path):
    done = subprocess.run([sys.executable, "-c", STEP_ON_THE_SECOND_DEVICE, tmp_path],
                          capture_output=True, text=True,
                          env={**os.environ, "PRUSIK_DEVICES": "0;0",
                               "PYTHONPATH": str(build_dir / "python")})
    assert done.returncode == 0, done.stderr
    trace, _ = tables(tmp_path)
    process, = {e["pid"] for e in trace if e["ph"] == "b"}
    assert [e["args"]["name"] for e in trace
            if e["name"] == "process_name" and e["pid"] == process] == ["Device 1"]


def test_threads(device, models, tmp_path):
    acl = device
    config = acl.prof.create_config([0], 1, 255, 0, ACL_API | TASK_TIME)
    assert acl.prof.init(str(tmp_path), len(str(tmp_path))) == 0 and acl.prof.start(config) == 0

    def work(path):
        assert acl.rt.set_device(0) == 0
        net = Model(acl, path)
        for _ in range(20):
            net.run()
        net.close()
        assert acl.rt.reset_device(0) == 0

    workers = [threading.Thread(target=work, args=(m,)) for m in models * 2]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert acl.prof.stop(config) == 0 and acl.prof.finalize() == 0
    assert acl.prof.destroy_config(config) == 0
    trace, found = tables(tmp_path)
    assert len(spans(trace, "model")) == 80
    assert len({r["Model ID"] for r in found["op_summary"]}) == 4
    check_nesting(trace)


def read_ops(acl, data):
    size, code = acl.prof.get_op_desc_size()
    assert code == 0 and len(data) % size == 0
    ptr, n = acl.util.bytes_to_ptr(data), len(data)
    ops = []
    count, code = acl.prof.get_op_num(ptr, n)
    assert code == 0 and count == len(data) // size
    for i in range(count):
        texts = []
        for what in ("name", "type"):
            room, code = getattr(acl.prof, f"get_op_{what}_len")(ptr, n, i)
            assert code == 0
            read = getattr(acl.prof, f"get_op_{what}")
            texts.append(read(ptr, n, i, room)[0])
            assert read(ptr, n, i, room - 1)[1] != 0
        begin, end = acl.prof.get_op_start(ptr, n, i), acl.prof.get_op_end(ptr, n, i)
        assert acl.prof.get_op_duration(ptr, n, i) == end - begin
        assert acl.prof.get_op_attri_value(ptr, n, i, 0).isdigit()
        ops.append((*texts, begin, end, acl.prof.get_model_id(ptr, n, i)))
    return ops


def test_subscribing(device, models, tmp_path):
    acl = device
    nets = [Model(acl, m) for m in models]
    reading, writing = os.pipe()
    config = acl.prof.create_subscribe_config(1, 255, writing)
    assert acl.prof.model_subscribe(nets[0].id, config) == 0
    assert acl.prof.model_subscribe(nets[0].id, config) == 148046
    assert acl.prof.init(str(tmp_path), len(str(tmp_path))) == 148047
    os.close(writing)
    for net in nets:
        net.run()  # only the first one's come
    nets[0].run()
    assert acl.prof.model_un_subscribe(nets[0].id) == 0
    with os.fdopen(reading, "rb") as pipe:
        ops = read_ops(acl, pipe.read())  # to its end: nobody holds the writing end any more
    assert acl.prof.destroy_subscribe_config(config) == 0
    assert len(ops) >= 6 and {o[4] for o in ops} == {nets[0].id}
    half = len(ops) // 2
    assert [o[:2] for o in ops[:half]] == [o[:2] for o in ops[half:]]
    assert any(name.startswith("Conv") and kind == "Conv" for name, kind, *_ in ops)
    assert all(b <= e for _, _, b, e, _ in ops)
    assert all(a[3] <= b[2] for a, b in zip(ops, ops[1:]))

    # A reader that has gone does no harm, nor does one that never reads.
    for gone in (True, False):
        reading, writing = os.pipe()
        if gone:
            os.close(reading)
        config = acl.prof.create_subscribe_config(0, 255, writing)
        assert acl.prof.model_subscribe(nets[1].id, config) == 0
        for _ in range(2 if gone else 70):
            nets[1].run()
        assert acl.prof.model_un_subscribe(nets[1].id) == 0
        assert acl.prof.destroy_subscribe_config(config) == 0
        os.close(writing)
        if not gone:
            os.close(reading)
    for net in nets:
        net.close()


def test_table_and_trace_of_the_environment(prusik, models, tmp_path):
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        import steps
    finally:
        sys.path.pop(0)
    trace = tmp_path / "trace.json"
    done = {}
    for order in ("1", "2"):
        done[order] = subprocess.run(
            [prusik, "bench", "--runs=1", "--warmup=0", models[0]], capture_output=True, text=True,
            env={**os.environ, "PRUSIK_PROF": order, "PRUSIK_TRACE": str(trace)})
        assert done[order].returncode == 0, done[order].stderr
    head = re.search(r"# (\d+) steps, ([\d.]+) ms; limits: ([\d.]+) GFLOP/s with \d+ threads?, "
                     r"([\d.]+) GB/s", done["1"].stderr)
    assert float(head[3]) > 0 and float(head[4]) > 0
    lines = {o: [m for m in map(steps.LINE.match, d.stderr.splitlines()) if m]
             for o, d in done.items()}
    assert len(lines["1"]) == int(head[1]) > 2
    assert sum(float(m[1]) for m in lines["1"]) == pytest.approx(float(head[2]), abs=0.01)
    assert sorted(m[4] for m in lines["1"]) == sorted(m[4] for m in lines["2"])
    events = json.loads(trace.read_text())
    assert len(spans(events, "op")) == len(lines["1"]) * len(spans(events, "model"))
    assert any(e["name"] == "aclmdlLoadFromFile" for e in spans(events, "acl"))
    check_nesting(events)
