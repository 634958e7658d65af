# SPDX-License-Identifier: Apache-2.0
"""What a network would take if every step reached its class's target and all else were free.

A target is a share of the machine's measured limit of multiply-adds, counting those of the direct
algorithm; Winograd needs fewer, so its targets are above one. Matrix products on one row are bound
by reading their weights. docs/performance.md lists the classes.
"""
import math

import onnx


def shapes_of(model):
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in [*graph.input, *graph.value_info, *graph.output]}


def conv_target(node, weights, x, y):
    """(class, share of the limit)"""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    groups = attributes.get("group", 1)
    strides = attributes.get("strides", [1])
    out, per_group, *kernel = weights
    channels = per_group * groups
    if groups > 1 and groups == channels == out:
        return ("depthwise stride 2", 0.50) if max(strides) > 1 else ("depthwise", 0.85)
    if channels <= 12 and max(strides) > 1 or channels <= 4 or channels == 12 and len(kernel) == 2 \
            and kernel[0] > 1:  # 12: the four quarters of Focus
        return "stem", 0.80
    if max(strides) > 1:
        return "stride 2", 0.90
    if groups == 1 and list(kernel) == [3, 3] and max(attributes.get("dilations", [1])) == 1:
        narrow = min(channels, out)
        if narrow >= 64:
            return ("winograd 7x7", 1.50) if max(y[2:]) <= 7 else ("winograd", 2.70)
        if narrow >= 16:
            return "winograd narrow", 1.90
    if math.prod(kernel) == 1 and min(channels, out) <= 64:
        return "1x1 narrow", 0.90
    return "dense", 0.93


def work(model):
    """[(class, share, multiply-adds, weight bytes)], one for each convolution and matrix product."""
    shapes = shapes_of(model)
    constants = {i.name: list(i.dims) for i in model.graph.initializer}
    constants |= {n.output[0]: list(n.attribute[0].t.dims) for n in model.graph.node
                  if n.op_type == "Constant" and n.attribute[0].name == "value"}
    found = []
    for node in model.graph.node:
        weights = constants.get(node.input[1]) if len(node.input) > 1 else None
        y = shapes.get(node.output[0])
        if not weights or not y or not all(y):
            continue
        if node.op_type == "Conv":
            adds = math.prod(y) * math.prod(weights[1:])
            kind, share = conv_target(node, weights, shapes[node.input[0]], y)
        elif node.op_type in ("Gemm", "MatMul"):
            inner = shapes[node.input[0]][-1]
            adds = math.prod(y) * inner
            kind, share = "matrix", 0.93
        else:
            continue
        found.append((kind, share, adds, math.prod(weights) * 4))
    return found


def bound_ms(model, limits, threads):
    total = 0.0
    for kind, share, adds, weight_bytes in work(model):
        seconds = 2 * adds / (share * limits["fma_gflops"] * 1e9 * threads)
        if kind == "matrix":
            seconds = max(seconds, weight_bytes / (limits["memory_gbs"] * 1e9))
        total += seconds
    return total * 1e3
