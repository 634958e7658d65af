# SPDX-License-Identifier: Apache-2.0
"""What a network would take if every step reached its class's target and all else were free.

A target is a share of the machine's measured limit of multiply-adds, counting those of the direct
algorithm; Winograd needs fewer, so its targets are above one. Matrix products on one row are bound
by reading their weights. docs/performance.md lists the classes.
"""
import json
import math
import subprocess

import onnx


def shapes_of(model):
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in [*graph.input, *graph.value_info, *graph.output]}


def conv_target(channels, out, kernel, stride=1, groups=1, dilation=1, widest=0):
    """(class, share of the limit). stride, dilation: the larger of the two; widest: the larger side
    of the outputs, asked of 3x3 with stride 1."""
    if groups > 1 and groups == channels == out:
        return ("depthwise stride 2", 0.50) if stride > 1 else ("depthwise", 0.85)
    if channels <= 12 and stride > 1 or channels <= 4 or channels == 12 and kernel[0] > 1:
        return "stem", 0.80  # 12: the four quarters of Focus
    if stride > 1:
        return "stride 2", 0.90
    if groups == 1 and list(kernel) == [3, 3] and dilation == 1:
        narrow = min(channels, out)
        if narrow >= 64:
            return ("winograd 7x7", 1.50) if widest <= 7 else ("winograd", 2.70)
        if narrow >= 16:
            return "winograd narrow", 1.90
    if math.prod(kernel) == 1 and min(channels, out) <= 64:
        return "1x1 narrow", 0.90
    return "dense", 0.93


def node_target(node, weights, y):
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    groups = attributes.get("group", 1)
    out, per_group, *kernel = weights
    return conv_target(per_group * groups, out, kernel, max(attributes.get("strides", [1])), groups,
                       max(attributes.get("dilations", [1])), max(y[2:]))


def work(model):
    """{node: (class, share, multiply-adds, weight bytes)}, the convolutions and matrix products."""
    shapes = shapes_of(model)
    constants = {i.name: list(i.dims) for i in model.graph.initializer}
    constants |= {n.output[0]: list(n.attribute[0].t.dims) for n in model.graph.node
                  if n.op_type == "Constant" and n.attribute[0].name == "value"}
    found = {}
    for node in model.graph.node:
        weights = constants.get(node.input[1]) if len(node.input) > 1 else None
        if not weights:
            continue
        y = shapes.get(node.output[0])
        known = y and all(y)
        if node.op_type == "Conv" and known:
            adds = math.prod(y) * math.prod(weights[1:])
            kind, share = node_target(node, weights, y)
        elif node.op_type in ("Gemm", "MatMul"):
            rows = math.prod(y[:-1]) if known else 1
            adds = rows * math.prod(weights)
            kind, share = "matrix", 0.93
        else:
            continue
        found[node.name or node.output[0]] = kind, share, adds, math.prod(weights) * 4
    return found


def step_ms(step, limits, threads):
    kind, share, adds, weight_bytes = step
    seconds = 2 * adds / (share * limits["fma_gflops"] * 1e9 * threads)
    if kind == "matrix":
        seconds = max(seconds, weight_bytes / (limits["memory_gbs"] * 1e9))
    return seconds * 1e3


def measure_limits(build, isa=None, known=None):
    """What a core of this machine can do now, or could at the time of `known`, whichever is more:
    a processor's clock and its neighbours change from second to second, so the limits are measured
    in turns with what is held to them, and the best counts, as the least time does."""
    command = [build / "bench" / "opcheck", "--limits", *([isa] if isa else [])]
    limits = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for name in ("fma_gflops", "memory_gbs"):
        limits[name] = max(limits[name], (known or limits)[name])
    return limits


def bound_ms(model, limits, threads):
    return sum(step_ms(step, limits, threads) for step in work(model).values())
