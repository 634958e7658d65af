# SPDX-License-Identifier: Apache-2.0
"""Writes caffemodels (just enough of protocol buffers), and runs networks through atc and prusik."""
import struct
import subprocess

import numpy as np


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    return bytes(out + bytes([v]))


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(array, doubles=False, legacy=False):
    a = np.asarray(array, np.float64 if doubles else np.float32)
    if legacy:  # num, channels, height and width
        dims = [1] * (4 - a.ndim) + list(a.shape)
        shape = b"".join(varint(i << 3) + varint(d) for i, d in enumerate(dims, 1))
    else:
        shape = field(7, field(1, b"".join(varint(d) for d in a.shape)))
    return shape + field(8 if doubles else 5, a.tobytes())


def caffemodel(weights, **form):
    """weights: layer name -> blobs."""
    return b"".join(field(100, field(1, name.encode()) + b"".join(field(7, blob(b, **form)) for b in bs))
                    for name, bs in weights.items())


def caffemodel_v1(weights, v0=False):
    layers = []
    for name, bs in weights.items():
        if v0:
            inner = field(1, name.encode()) + b"".join(field(50, blob(b, legacy=True)) for b in bs)
            layers.append(field(2, field(1, inner)))
        else:
            layers.append(field(2, field(4, name.encode()) +
                                b"".join(field(6, blob(b, legacy=True)) for b in bs)))
    return b"".join(layers)


def head(*shape, name="data"):
    dims = " ".join(f"dim: {d}" for d in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


def layer(kind, name, bottoms, tops, params=""):
    ends = " ".join(f'bottom: "{b}"' for b in bottoms) + " " + " ".join(f'top: "{t}"' for t in tops)
    return f'layer {{ name: "{name}" type: "{kind}" {ends} {params} }}\n'


def convert(atc, folder, prototxt, weights, *options):
    """Writes both files and runs atc; returns its result and the path of the offline model."""
    (folder / "net.prototxt").write_text(prototxt)
    (folder / "net.caffemodel").write_bytes(weights)
    run = subprocess.run([atc, "--framework=0", f"--model={folder}/net.prototxt",
                          f"--weight={folder}/net.caffemodel", f"--output={folder}/net",
                          "--soc_version=Ascend310", *options], capture_output=True, text=True)
    return run, folder / "net.om"


def run_network(atc, prusik, folder, prototxt, weights, inputs, *options):
    """The outputs as a dict of name -> array."""
    done, om = convert(atc, folder, prototxt, weights, *options)
    assert done.returncode == 0, done.stdout
    args = []
    for i, x in enumerate(inputs):
        np.save(folder / f"in{i}.npy", x)
        args += [str(folder / f"in{i}.npy")]
    out = folder / "out"
    out.mkdir(exist_ok=True)
    run = subprocess.run([prusik, "run", om, *[f"--input={a}" for a in args], f"--output={out}"],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return {p.stem: np.load(p) for p in sorted(out.glob("*.npy"))}
