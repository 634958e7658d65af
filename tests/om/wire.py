# SPDX-License-Identifier: Apache-2.0
"""Offline models put together from bytes, so that tests depend on nothing of the program.

The field numbers are those of src/om/modeldef.proto; the header and both layouts of the partition
table are specified in src/om/om.h.
"""
import struct


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    if isinstance(value, str):
        value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(varint(v) for v in values))


def attr(key, value, field=10):
    """An attribute: an int, a text, or the bytes of an AttrDef."""
    if isinstance(value, int):
        value = number(3, value)
    elif isinstance(value, str):
        value = data(2, value)
    return data(field, data(1, key) + data(2, value))


def desc(name="", dtype=1, dims=(), layout="NCHW", more=b""):
    return (data(1, name) + number(2, dtype) + data(3, packed(1, dims)) + data(4, layout) + more)


def op(name, kind, inputs=(), input_desc=(), output_desc=(), more=b""):
    return (data(1, name) + data(2, kind) + b"".join(data(5, i) for i in inputs) +
            b"".join(data(33, d) for d in input_desc) +
            b"".join(data(34, d) for d in output_desc) + more)


def model(name, ops, attrs=b""):
    graph = data(1, "graph") + b"".join(data(6, o) for o in ops)
    return data(1, name) + data(7, graph) + attrs


def container(partitions, wide=False, name="model", length=None, **fields):
    """partitions: pairs of type and bytes."""
    offset, entries = 0, b""
    for kind, content in partitions:
        entries += (struct.pack("<IIQQ", kind, 0, offset, len(content)) if wide
                    else struct.pack("<III", kind, offset, len(content)))
        offset += len(content)
    count = struct.pack("<II", len(partitions), 0) if wide else struct.pack("<I", len(partitions))
    body = count + entries + b"".join(content for _, content in partitions)
    header = bytearray(256)
    struct.pack_into("<4sII", header, 0, b"IMOD", 256, 0x20000000)
    struct.pack_into("<I", header, 76, len(body) if length is None else length)
    header[84:84 + len(name)] = name.encode()
    struct.pack_into("<I", header, 156, fields.get("model_num", 1))
    header[80] = fields.get("encrypted", 0)
    if wide:
        struct.pack_into("<Q", header, 184, len(body))
    return bytes(header) + body


def cann_like():
    """What CANN's atc makes of a small network: fused operators, private layouts, kernels."""
    nc1hwc0 = desc("", 2, [1, 1, 112, 112, 16], "NC1HWC0")
    image = desc("", 4, [1, 224, 224, 3], "NHWC")
    origin = number(20, 2) + packed(3, [-1, 224, 224, 3])
    ops = [
        op("second", "Data", output_desc=[desc("", 8, [-1, 10], "ND")],
           more=attr("index", 1)),
        op("data", "Data", output_desc=[image],
           more=attr("index", 0) + attr("_mbatch_origin_input_dims", data(1, origin)) +
           attr("aipp", data(10, data(1, "aipp") + attr("mode", 1, 2)))),
        op("conv1_weight", "Const", output_desc=[desc("", 2, [4, 1, 16, 16], "FRACTAL_Z")],
           more=attr("value", data(12, data(1, desc("", 2, [4, 1, 16, 16], "FRACTAL_Z"))))),
        op("trans_Cast_0", "TransData", ["data:0"], [image], [nc1hwc0]),
        op("conv1relu1", "Conv2D", ["trans_Cast_0:0", "conv1_weight:0"], [nc1hwc0, nc1hwc0],
           [nc1hwc0], number(22, 0) + packed(30, [1, 2]) + data(10, b"")),
        op("pool1", "Pooling", ["conv1relu1:0"], [nc1hwc0], [nc1hwc0]),
        op("pool2", "Pooling", ["pool1:0"], [nc1hwc0], [nc1hwc0]),
        op("Node_Output", "NetOutput", ["pool2:0", "pool1:0"],
           [desc("", 1, [1, 1000], "ND"), desc("", 13, [3], "ND")], [],
           data(24, "pool2") + data(24, "pool1") + packed(25, [0, 0])),
    ]
    attrs = (attr("memory_size", 123456, 11) + attr("atc_version", "1.84.15.1.241", 11) +
             attr("atc_cmdline", "atc --model=x.onnx", 11) + attr("stream_num", 1, 11))
    kernel = b"te_conv2d_abc__kernel0"
    store = struct.pack("<III", 0x5D776EFD, len(kernel), 64) + kernel + bytes(64)
    task = number(11, 123456) + number(14, 4096) + data(10, number(1, 7) + data(20, bytes(100)))
    return [(0, model("resnet", ops, attrs)), (1, bytes(4096)), (2, task), (3, store), (4, b"")]
