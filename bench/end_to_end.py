#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""JPEG in, boxes out: `prusik detect` beside the usual Python program on onnxruntime and OpenCV.

usage: end_to_end.py --build DIR [--threads N] [--rounds N] MODEL.onnx PHOTO.jpg    (a YOLOX network)

Both get the photo several times over, as a folder of photos would be: decode, letterbox, inference,
decoding of the outputs, non-maximum suppression. The time of a picture is that of a long list less
that of a short one, so starting up and loading cancel out; the two programs take turns. Boxes are
compared before times are.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SHORT, LONG = 2, 22
CONFIDENCE, IOU = 0.25, 0.45


def python_program(model, threads, photos):
    """What people write: prints the boxes of each photo, as `prusik detect --json` does."""
    import cv2
    import numpy as np
    import onnxruntime

    cv2.setNumThreads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    height, width = entry.shape[2:]
    grids, strides = [], []
    for stride in (8, 16, 32):
        grid = np.stack(np.meshgrid(np.arange(width // stride), np.arange(height // stride)), 2)
        grids.append(grid.reshape(-1, 2))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    grid, stride = np.concatenate(grids), np.concatenate(strides)
    for photo in photos:
        image = cv2.imdecode(np.fromfile(photo, np.uint8), cv2.IMREAD_COLOR)
        scale = min(height / image.shape[0], width / image.shape[1])
        # As the network's authors do. Given fx and fy, OpenCV would round the size to the nearest
        # and walk by their steps instead of by those of the sizes: other pixels.
        small = cv2.resize(image, (int(image.shape[1] * scale), int(image.shape[0] * scale)))
        padded = np.full((height, width, 3), 114, np.uint8)
        padded[:small.shape[0], :small.shape[1]] = small
        x = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32)
        rows = session.run(None, {entry.name: x})[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        classes = scores.argmax(1)
        best = scores[np.arange(len(rows)), classes]
        keep = best > CONFIDENCE
        centre = (rows[keep, :2] + grid[keep]) * stride[keep]
        size = np.exp(rows[keep, 2:4]) * stride[keep]
        boxes = np.concatenate([centre - size / 2, size], 1) / scale
        best, classes = best[keep], classes[keep]
        chosen = cv2.dnn.NMSBoxesBatched(boxes.tolist(), best.tolist(), classes.tolist(),
                                         CONFIDENCE, IOU)
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        corners = corners.clip(0, image.shape[1::-1] * 2)
        print(json.dumps([[int(classes[i]), round(float(best[i]), 2), corners[i].tolist()]
                          for i in chosen]))


def same(ours, theirs):
    """Whether each box of one is one of the other: the class, the score, the corners to a pixel."""
    left = list(theirs)
    for kind, score, box in ours:
        match = next((t for t in left if t[0] == kind and abs(t[1] - score) <= 0.02 and
                      max(abs(a - b) for a, b in zip(t[2], box)) <= 1), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def timed(command, environment):
    began = time.perf_counter()
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                          env={**os.environ, **environment})
    return time.perf_counter() - began, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", action="store_true", help="be the Python program")
    parser.add_argument("model")
    parser.add_argument("photos", nargs="+")
    options = parser.parse_args()
    if options.python:
        python_program(options.model, options.threads, options.photos)
        return
    with tempfile.TemporaryDirectory() as folder:
        om = pathlib.Path(folder) / "net"
        timed([options.build / "cmd" / "atc", f"--model={options.model}", "--framework=5",
               f"--output={om}", "--soc_version=Ascend310"], {})
        programs = {
            "prusik": [options.build / "cmd" / "prusik", "detect", "--json", "--threads",
                       options.threads, om.with_suffix(".om")],
            "python": [sys.executable, __file__, "--python", "--threads", options.threads,
                       options.model],
        }
        photo, best, found = options.photos[:1], {}, {}
        for _ in range(options.rounds):
            for name, command in programs.items():
                for count in (SHORT, LONG):
                    seconds, output = timed([*command, *photo * count], {})
                    best[name, count] = min(best.get((name, count), seconds), seconds)
                found[name] = output
    ours = [(d["class_id"], round(d["score"], 2), d["box"])
            for d in json.loads(found["prusik"])[0]["detections"]]
    theirs = json.loads(found["python"].splitlines()[0])
    agree = same(ours, theirs)
    ours, theirs = (sorted((kind, score) for kind, score, _ in boxes) for boxes in (ours, theirs))
    print(f"boxes {'agree' if agree else 'DIFFER'}: {ours} and {theirs}")
    each = {n: (best[n, LONG] - best[n, SHORT]) / (LONG - SHORT) * 1e3 for n in programs}
    print(f"a picture, {options.threads} thread(s): prusik {each['prusik']:.2f} ms, "
          f"python with onnxruntime and OpenCV {each['python']:.2f} ms: "
          f"{each['python'] / each['prusik']:.2f} times")
    first = {n: best[n, SHORT] * 1e3 - SHORT * each[n] for n in programs}
    print(f"starting up and loading: prusik {first['prusik']:.0f} ms, python {first['python']:.0f} ms")
    sys.exit(not agree)


if __name__ == "__main__":
    main()
