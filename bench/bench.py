#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prusik beside its peers: latency, load time and memory, network by network.

usage: bench.py --build DIR [--networks A,B] [--engines A,B] [--threads 1,2] [--runs N] [--loads N]
                [--isa ISA]

Same network, same input, fp32, one image at a time. The engines take turns, a few runs each, so
that whatever else the machine does hits all alike; the figure of an engine is its least time, the
median is kept beside it. Load and peak memory are the least of several processes, each alone and
for one load. An engine whose outputs differ from the reference's, or that cannot run a network, is
left out by name and with the reason. docs/performance.md says more.

Writes results.json, details.json and results.png beside this file (or to --out).
"""
import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx

import bound
import zoo
from engines import ENGINES, Failed, Worker

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TURNS = 10  # at least, so that no engine's figure hangs on one moment
RUNS_A_TURN = 5
OF_A_LOAD = ("load_ms", "first_ms", "peak_mib")
TOLERANCE = 1e-3  # of an output's range
ZOO = ["yolox_tiny", "yolox_s", "yolov5s", "yolov8n", "nanodet_plus_m", "resnet18", "resnet50",
       "shufflenet_v2"]
REAL = {  # name -> (file, input shape, largest input value)
    "yolox_nano": ("yolox_nano_416", (1, 3, 416, 416), 255),
    "yolov5n": ("yolov5n_640", (1, 3, 640, 640), 1),
    "nanodet_m": ("nanodet_m_416", (1, 3, 416, 416), 1),
    "mobilenet_v2": ("mobilenetv2_fp32_dequantised", (1, 3, 224, 224), 1),
    "squeezenet_1_0": ("squeezenet_1.0_fp16", (1, 3, 224, 224), 1),
    "ultraface": ("ultraface_rfb_320", (1, 3, 240, 320), 1),
    "yunet": ("yunet_n_640", (1, 3, 640, 640), 255),
}


# ---- networks ----

def data_dir():
    named = os.environ.get("PRUSIK_TEST_DATA")
    path = pathlib.Path(named) if named else ROOT.parent / "shared"
    return path / "models" if (path / "models").is_dir() else None


def fixed(model, shape):
    """The network in fp32 for one input shape, as every engine gets it. What old files leave to
    defaults that changed since, and to the reader, is spelled out: not every engine goes by it."""
    import onnxruntime

    def widen(array):
        return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(array).astype(np.float32),
                                            array.name)

    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT16:
            tensor.CopyFrom(widen(tensor))
    for i, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{i}"
        if node.op_type == "Softmax" and model.opset_import[0].version < 13 and not node.attribute:
            node.attribute.append(onnx.helper.make_attribute("axis", 1))
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == onnx.TensorProto.FLOAT16:
                attribute.i = onnx.TensorProto.FLOAT
            if attribute.t.data_type == onnx.TensorProto.FLOAT16:
                attribute.t.CopyFrom(widen(attribute.t))
    # Files from before IR version 4 name their weights among the inputs.
    weights = {i.name for i in graph.initializer}
    entry = next(i.name for i in graph.input if i.name not in weights)
    names = [o.name for o in graph.output]
    del graph.input[:], graph.output[:], graph.value_info[:]

    def value(name, dims):
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims)

    graph.input.append(value(entry, shape))
    graph.output.extend(value(name, None) for name in names)
    model.ir_version = max(model.ir_version, 4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    outputs = session.run(None, {entry: np.zeros(shape, np.float32)})
    del graph.output[:]
    graph.output.extend(value(name, o.shape) for name, o in zip(names, outputs))
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def make_networks(names, folder):
    """[(name, path, input)]; writes what is not there yet."""
    data = data_dir()
    chosen = names or [*(REAL if data else ["mobilenet_v2", "squeezenet_1_1"]), *ZOO]
    made = []
    changed = max((HERE / f).stat().st_mtime for f in ("zoo.py", "bench.py"))
    for name in chosen:
        path = folder / f"{name}.onnx"
        scale = 1
        if path.exists() and path.stat().st_mtime < changed:
            path.unlink()
        if data and name in REAL:
            file, shape, scale = REAL[name]
            if not path.exists():
                onnx.save(fixed(onnx.load(data / f"{file}.onnx"), shape), path)
        elif name.partition("@")[0] in zoo.NETWORKS:
            if not path.exists():
                zoo.write(folder, name)
        else:
            print(f"{name}: left out: not in the zoo, and no test data holds it")
            continue
        shape = [d.dim_value for d in onnx.load(path, load_external_data=False)
                 .graph.input[0].type.tensor_type.shape.dim]
        x = np.random.default_rng(1).random(shape, dtype=np.float32) * np.float32(scale)
        made.append((name, path, x))
    return made


# ---- one network ----

def difference(reference, outputs):
    """The largest relative to an output's range; outputs pair up by size and likeness, since not
    every engine keeps names and order."""
    left, worst = [np.asarray(o, np.float64).ravel() for o in outputs], 0.0
    for want in (np.asarray(r, np.float64).ravel() for r in reference):
        span = max(want.max() - want.min(), 1e-2)
        errors = [(np.abs(o - want).max() / span, i) for i, o in enumerate(left)
                  if o.size == want.size]
        if not errors:
            return math.inf
        error, i = min(errors)
        worst = max(worst, error if error == error else math.inf)
        del left[i]
    return worst


def start(engine, network, threads, options, tools):
    """A process with the network loaded: the worker, and what loading took."""
    _, path, x = network
    kind = options.kinds[engine]
    file = convert(kind, path, x, tools)
    environment = {"PRUSIK_LIBRARY": str(tools["library"]), "PYTHONPATH": str(HERE)}
    if hasattr(kind, "environment"):
        environment |= kind.environment(threads, options.isa)
    worker = Worker(kind, threads, environment, path.with_suffix(f".{engine}.log"))
    try:
        return worker, worker.ask("load", file, x)
    except Failed:
        worker.close()
        raise


def measure(network, threads, options, tools, between=lambda: None):
    """{engine: figures} and {engine: reason for leaving it out}; between() is called after each
    round of the engines' turns."""
    workers, found, left_out = {}, {}, {}
    engines = list(options.engines)

    def each(engines, step):
        for engine in engines:
            try:
                step(engine)
            except (Failed, RuntimeError, OSError, subprocess.SubprocessError) as error:
                left_out[engine] = str(error)
                found.pop(engine, None)
                if engine in workers:
                    workers.pop(engine).close()

    reference = []

    def load(engine):
        """In a process of its own, gone before the next one starts: memory that nobody has touched
        yet, or that others hold meanwhile, can cost more than the load itself."""
        worker, figures = start(engine, network, threads, options, tools)
        worker.close()
        outputs = figures.pop("outputs")
        reference.extend(outputs if not reference else [])
        figures["difference"] = difference(reference, outputs)
        if not figures["difference"] <= TOLERANCE:
            raise Failed(f"its outputs differ by {figures['difference']:.1e} of their range")
        known = found.setdefault(engine, {**figures, "times": []})
        known |= {name: min(known[name], figures[name]) for name in OF_A_LOAD}

    def begin(engine):
        workers[engine], _ = start(engine, network, threads, options, tools)
        workers[engine].rest()

    runs = max(1, min(RUNS_A_TURN, options.runs // TURNS))

    def run(engine):
        found[engine]["times"] += workers[engine].ask("time", runs)
        workers[engine].rest()

    try:
        each(engines, load)
        for _ in range(1, options.loads):
            each(list(found), load)
        each(list(found), begin)
        for _ in range(math.ceil(options.runs / runs)):
            each(list(found), run)
            between()
    finally:
        for worker in workers.values():
            worker.close()
    for figures in found.values():
        times = figures.pop("times")
        figures |= {"min_ms": min(times), "median_ms": statistics.median(times)}
    return found, left_out


def convert(kind, path, x, tools):
    """Once for each network; the converters take their time."""
    if kind.convert is ENGINES["onnxruntime"].convert:
        return path
    known = path.with_suffix(f".{kind.__name__.lower()}.path")
    if not known.exists() or known.stat().st_mtime < path.stat().st_mtime \
            or (issubclass(kind, ENGINES["prusik"]) and known.stat().st_mtime < tools["atc"].stat().st_mtime):
        known.write_text(str(kind.convert(path, x.shape, tools)))
    return pathlib.Path(known.read_text())


# ---- what is printed and written ----

def held(engine, options):
    """Whether the engine keeps to --isa. Those that cannot be told to are timed all the same, but
    are no measure."""
    return not options.isa or engine in ("openvino", "opencv")


def entry(name, threads, found, model, limits, options):
    peers = {e: round(f["min_ms"], 3) for e, f in found.items() if e != "prusik"}
    ours = found["prusik"]["min_ms"] if "prusik" in found else None
    measure = [ms for e, ms in peers.items() if held(e, options)]
    return {"name": name, "threads": threads, "ours_ms": ours and round(ours, 3), "peers": peers,
            "ratio": round(min(measure) / ours, 3) if ours and measure else None,
            "bound_ms": round(bound.bound_ms(model, limits, threads), 3),
            "load": load_entry(found)}


def load_entry(found):
    """Of each engine what OF_A_LOAD names; and how many times ours onnxruntime's load takes."""
    engines = {e: {name: round(f[name], 2) for name in OF_A_LOAD} for e, f in found.items()}
    known = "prusik" in found and "onnxruntime" in found
    return {"engines": engines, "onnxruntime_over_ours": round(
        found["onnxruntime"]["load_ms"] / found["prusik"]["load_ms"], 3) if known else None}


def print_table(entries, engines):
    peers = [e for e in engines if e != "prusik"]
    head = ["network", "threads", "prusik", *peers, "ratio", "bound", "ours/bound"]
    rows = []
    for e in entries:
        ours = e["ours_ms"]
        rows.append([e["name"], str(e["threads"]), cell(ours), *(cell(e["peers"].get(p)) for p in peers),
                     cell(e["ratio"]), cell(e["bound_ms"]), cell(ours and ours / e["bound_ms"])])
    print_rows(head, rows)


def print_rows(head, rows):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(f"{v:<{w}}" if i == 0 else f"{v:>{w}}"
                        for i, (v, w) in enumerate(zip(row, widths))))


def cell(value):
    return "-" if value is None else f"{value:.2f}"


def geomean(entries):
    found = {}
    for threads in sorted({e["threads"] for e in entries}):
        ratios = [e["ratio"] for e in entries if e["threads"] == threads and e["ratio"]]
        if ratios:
            found[str(threads)] = round(math.exp(sum(map(math.log, ratios)) / len(ratios)), 3)
    return found


def print_loads(entries, engines, loads):
    """One table for each of OF_A_LOAD."""
    titles = {"load_ms": "file to ready, ms", "first_ms": "file to the first answer, ms",
              "peak_mib": "peak memory, one run included, MiB"}
    peers = [e for e in engines if e != "prusik"]
    for name in OF_A_LOAD:
        head = ["network", "threads", "prusik", *peers]
        rows = []
        for e in entries:
            of = e["load"]["engines"]
            rows.append([e["name"], str(e["threads"]),
                         *(cell(of.get(p, {}).get(name)) for p in ["prusik", *peers])])
            if name == "load_ms":
                rows[-1].append(cell(e["load"]["onnxruntime_over_ours"]))
        print(f"\n{titles[name]}; least of {loads} processes")
        print_rows([*head, "onnxruntime/ours"] if name == "load_ms" else head, rows)


def print_left_out(details):
    for d in details:
        for engine, why in d["left_out"].items():
            print(f"left out: {engine} on {d['name']}, {d['threads']} thread(s): {why}")


def chart(entries, engines, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    counts = sorted({e["threads"] for e in entries})
    figure, axes = pyplot.subplots(len(counts), 1, squeeze=False,
                                   figsize=(max(8, len(entries) / len(counts) * 1.1),
                                            4 * len(counts)))
    for axis, threads in zip(axes[:, 0], counts):
        group = [e for e in entries if e["threads"] == threads and e["ours_ms"]]
        places = np.arange(len(group))
        shown = [e for e in engines if e != "prusik"]
        width = 0.8 / max(1, len(shown))
        for i, engine in enumerate(shown):
            axis.bar(places + (i - (len(shown) - 1) / 2) * width,
                     [e["peers"].get(engine, 0) / e["ours_ms"] for e in group], width, label=engine)
        axis.plot(places, [e["bound_ms"] / e["ours_ms"] for e in group], "k_", markersize=24,
                  label="bound")
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_ylim(0, min(4, axis.get_ylim()[1]))  # the far slower ones are in the table
        axis.set_xticks(places, [e["name"] for e in group], rotation=30, ha="right")
        axis.set_ylabel("time / Prusik's")
        axis.set_title(f"{threads} thread(s): above 1 is slower than Prusik")
        axis.legend(fontsize=8, ncols=3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def machine():
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "system": platform.platform(),
            "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M")}


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--networks", default="", help="default: all there are")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--threads", default="", help="default: 1 and all")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--loads", type=int, default=5, help="processes that load, per engine")
    parser.add_argument("--isa", default="",
                        help="avx2 also holds those peers to it that can be held")
    options = parser.parse_args(arguments)
    options.kinds = ENGINES
    every = len(os.sched_getaffinity(0))
    options.engines = [e for e in options.engines.split(",") if e]
    options.networks = [n for n in options.networks.split(",") if n]
    options.threads = [int(t) for t in options.threads.split(",") if t] or sorted({1, every})
    # The reference comes first.
    options.engines.sort(key=lambda e: (e != "onnxruntime", list(ENGINES).index(e)))
    return options


def main():
    options = options_of(sys.argv[1:])
    build = options.build.resolve()
    tools = {"atc": build / "cmd" / "atc", "library": build / "src" / "acl" / "libascendcl.so",
             "python": sys.executable}
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    about = machine()
    about["limits"] = limits = bound.measure_limits(build, options.isa)
    print(f"{about['cpu']}, {about['cores']} cores, {limits['isa']}, load {about['load_before']:.1f}; "
          f"{limits['fma_gflops']:.0f} GFLOP/s a core, memory {limits['memory_gbs']:.0f} GB/s")
    if about["load_before"] > 0.5 * about["cores"]:
        print("the machine is busy: these figures say little about a quiet one")

    entries, details, versions = [], [], {}
    for network in make_networks(options.networks, folder):
        model = onnx.load(network[1])
        for threads in options.threads:
            meanwhile = dict(limits)
            found, left_out = measure(
                network, threads, options, tools,
                lambda: meanwhile.update(bound.measure_limits(build, options.isa, meanwhile)))
            versions |= {e: f["version"] for e, f in found.items()}
            entries.append(entry(network[0], threads, found, model, meanwhile, options))
            details.append({"name": network[0], "threads": threads, "engines": found,
                            "left_out": left_out, "limits": meanwhile})
            last = entries[-1]
            print(f"{last['name']}, {threads} thread(s): "
                  + ", ".join(f"{e} {f['min_ms']:.2f}" for e, f in found.items())
                  + "".join(f", {e} left out" for e in left_out), flush=True)

    free = [e for e in options.engines if e != "prusik" and not held(e, options)]
    if free:
        print(f"\nnot held to {options.isa}, and left out of the ratio: {', '.join(free)}")
    print("\nleast of", options.runs, "runs, ms;",
          ", ".join(f"{e} {v}" for e, v in versions.items()))
    print_table(entries, options.engines)
    means = geomean(entries)
    for threads, mean in means.items():
        print(f"best peer / ours, geometric mean, {threads} thread(s): {mean:.2f}")
    print_loads(entries, options.engines, options.loads)
    print_left_out(details)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(
        json.dumps({"networks": entries, "geomean": means}, indent=1) + "\n")
    (options.out / "details.json").write_text(
        json.dumps({"machine": about, "runs": options.runs, "loads": options.loads,
                    "versions": versions, "networks": details}, indent=1) + "\n")
    chart(entries, options.engines, options.out / "results.png")
    print(f"\nwritten: results.json, details.json, results.png in {options.out}")


if __name__ == "__main__":
    main()
