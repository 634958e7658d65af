#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes tensors inside an ONNX model with onnxruntime, for prusik diff --onnxruntime.

usage: diff_onnxruntime.py MODEL.onnx FOLDER

FOLDER/inputs.txt names the inputs, a line each, whose values are 0.npy, 1.npy, ...; wanted.txt names
the tensors wanted, which become files of the numbers that follow. A line is empty, and its file not
written, where a tensor is not wanted or the model has none of that name.

The tensors are made outputs by appending them to the model's bytes: protobuf merges what is there
twice, so no package but onnxruntime is needed.
"""
import os
import pathlib
import sys


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def read_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, at
        shift += 7


def fields(data):
    """(number, bytes) of each length-delimited field of a message."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        kind = key & 7
        if kind == 0:
            _, at = read_varint(data, at)
        elif kind == 2:
            n, at = read_varint(data, at)
            yield key >> 3, data[at:at + n]
            at += n
        else:
            at += {1: 8, 5: 4}[kind]


def message(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


GRAPH, NODE, OUTPUT, NODE_OUTPUT, NAME = 7, 1, 12, 2, 1  # of onnx.proto


def with_outputs(model, wanted):
    """The model's bytes with these of its tensors as outputs, and their names."""
    made, outputs = set(), set()
    for number, graph in fields(memoryview(model)):
        if number != GRAPH:
            continue
        for n, part in fields(graph):
            if n == NODE:
                made |= {bytes(v).decode() for k, v in fields(part) if k == NODE_OUTPUT}
            elif n == OUTPUT:
                outputs |= {bytes(v).decode() for k, v in fields(part) if k == NAME}
    names = [n for n in dict.fromkeys(wanted) if n and n in made]
    new = b"".join(message(OUTPUT, message(NAME, n.encode())) for n in names if n not in outputs)
    return model + message(GRAPH, new), names


def main():
    path, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    try:
        import numpy as np
        import onnxruntime as ort
    except ImportError as e:
        sys.exit(f"prusik diff: {e}; install onnxruntime for python3, or leave --onnxruntime out")
    inputs = (folder / "inputs.txt").read_text().splitlines()
    wanted = (folder / "wanted.txt").read_text().splitlines()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    os.chdir(path.parent)  # weights in files of their own lie beside the model
    try:
        model, names = with_outputs(path.read_bytes(), wanted)
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        values = session.run(names, {n: np.load(folder / f"{i}.npy")
                                     for i, n in enumerate(inputs)})
    except Exception as e:  # onnxruntime has many kinds, all of them with a sentence
        sys.exit(f"prusik diff: onnxruntime: {e}")
    for name, value in zip(names, values):
        if isinstance(value, np.ndarray):
            for i, w in enumerate(wanted):
                if w == name:
                    np.save(folder / f"{len(inputs) + i}.npy", np.asarray(value, order="C"))


if __name__ == "__main__":
    main()
