# SPDX-License-Identifier: Apache-2.0
"""AIPP in NumPy, written from the formulas of docs/aipp.md alone: whole arrays, no pixel loops."""
import numpy as np

CHANNELS = {"YUV420SP_U8": 3, "XRGB8888_U8": 4, "RGB888_U8": 3, "YUV400_U8": 1, "ARGB8888_U8": 4,
            "YUYV_U8": 3, "YUV422SP_U8": 3, "AYUV444_U8": 3}
YUV = {"YUV420SP_U8", "YUV400_U8", "YUYV_U8", "YUV422SP_U8", "AYUV444_U8"}
BYTES = {"YUV420SP_U8": 1.5, "XRGB8888_U8": 4, "RGB888_U8": 3, "YUV400_U8": 1, "ARGB8888_U8": 4,
         "YUYV_U8": 2, "YUV422SP_U8": 2, "AYUV444_U8": 3}
DEFAULTS = {True: [298, 516, 0, 298, -100, -208, 298, 0, 409],
            False: [66, 129, 25, -38, -74, 112, 112, -94, -18]}


def size(c):
    return int(c["src_image_size_w"] * c["src_image_size_h"] * BYTES[c["input_format"]])


def planes(c, raw):
    """The picture as [channels, h, w], in the format's own order of channels."""
    kind, w, h = c["input_format"], c["src_image_size_w"], c["src_image_size_h"]
    raw = np.frombuffer(raw, np.uint8)
    if kind in ("RGB888_U8", "XRGB8888_U8", "ARGB8888_U8", "AYUV444_U8", "YUV400_U8"):
        return raw.reshape(h, w, CHANNELS[kind]).transpose(2, 0, 1)
    if kind == "YUYV_U8":
        quads = raw.reshape(h, w // 2, 4)
        y = quads[:, :, [0, 2]].reshape(h, w)
        return np.stack([y, quads[:, :, 1].repeat(2, 1), quads[:, :, 3].repeat(2, 1)])
    y, uv = raw[:w * h].reshape(h, w), raw[w * h:].reshape(-1, w // 2, 2)
    u, v = (uv[:, :, i].repeat(2, 1) for i in (0, 1))
    if kind == "YUV420SP_U8":
        u, v = u.repeat(2, 0), v.repeat(2, 0)
    return np.stack([y, u, v])


def swapped(c, x):
    if c.get("ax_swap_switch"):
        x = x[[3, 0, 1, 2]]
    if c.get("rbuv_swap_switch") and len(x) > 1:
        first = {"RGB888_U8": 0}.get(c["input_format"], 1)
        order = list(range(len(x)))
        last = first + 2 if c["input_format"] not in YUV else 2
        order[first], order[last] = order[last], order[first]
        x = x[order]
    return x


def converted(c, x):
    kind = c["input_format"]
    default = DEFAULTS[kind == "YUV420SP_U8"]
    m = np.array([c.get(f"matrix_r{i // 3}c{i % 3}", default[i]) for i in range(9)], np.int64)
    bias = [np.array([c.get(f"{name}_bias_{i}", (16, 128, 128)[i]) for i in range(3)], np.int64)
            .reshape(3, 1, 1) for name in ("input", "output")]
    colours = x[-3:].astype(np.int64)
    if kind in YUV:
        y = np.tensordot(m.reshape(3, 3), colours - bias[0], 1) >> 8
    else:
        y = (np.tensordot(m.reshape(3, 3), colours, 1) >> 8) + bias[1]
    return np.concatenate([x[:-3], y.clip(0, 255).astype(np.uint8)])


def positions(n_out, n_in):
    p = (2 * np.arange(n_out) + 1) * n_in * 1024 // n_out - 1024
    p = p.clip(0, (n_in - 1) * 2048)
    low = p // 2048
    return low, np.minimum(low + 1, n_in - 1), p % 2048


def resized(x, w, h):
    x = x.astype(np.int64)
    left, right, fx = positions(w, x.shape[2])
    top, bottom, fy = positions(h, x.shape[1])
    rows = x[:, :, left] * (2048 - fx) + x[:, :, right] * fx
    fy = fy[:, None]
    return ((rows[:, top] * (2048 - fy) + rows[:, bottom] * fy + (1 << 21)) >> 22).astype(np.uint8)


def aipp(c, raw, channels, whole=False):
    """The tensor [channels, h, w] that configuration `c` (a dict) makes of the bytes of a picture;
    whole: as bytes, which are not normalised."""
    x = swapped(c, planes(c, raw))
    if c.get("crop"):
        top, left = c.get("load_start_pos_h", 0), c.get("load_start_pos_w", 0)
        x = x[:, top:top + c["crop_size_h"], left:left + c["crop_size_w"]]
    if c.get("csc_switch"):
        x = converted(c, x)
    if len(x) == 4 and channels == 3:
        x = x[1:]
    if c.get("resize"):
        x = resized(x, c["resize_output_w"], c["resize_output_h"])
    pad = [c.get(f"{side}_padding_size", 0) if c.get("padding") else 0
           for side in ("top", "bottom", "left", "right")]
    fill = c.get("padding_value", 0)
    if not whole:
        def of(name, default):
            return np.array([c.get(f"{name}_chn_{i}", default) for i in range(4)],
                            np.float32)[:len(x), None, None]
        x = (x.astype(np.float32) - of("mean", 0) - of("min", 0)) * of("var_reci", 1)
    return np.pad(x, [(0, 0), pad[:2], pad[2:]], constant_values=x.dtype.type(fill))


def text(c, **more):
    """The configuration file of such a dict."""
    def value(v):
        return str(v).lower() if isinstance(v, bool) else str(v)
    fields = {"aipp_mode": "static", **more, **c}
    return "aipp_op {\n" + "".join(f"  {k}: {value(v)}\n" for k, v in fields.items()) + "}\n"
