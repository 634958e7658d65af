# SPDX-License-Identifier: Apache-2.0
"""What the detectors' and classifiers' authors do around their networks, in plain NumPy: the
picture that goes in and the boxes that come out. Written from their descriptions, not from vision/.
"""

import numpy as np

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255

# Of 1 to 90, those that name no class.
UNUSED_COCO_NUMBERS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def resize(rgb, width, height):
    """OpenCV's INTER_LINEAR on 8-bit pictures: half-pixel centres, weights of 11 bits, one rounding
    of the vertical sum, whose terms lose 4 and then 16 bits. Outside of the picture a column counts
    whole, a row in two parts."""

    def axis(n_in, n_out, whole):
        at = ((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5).astype(np.float32)
        at = np.clip(at, 0, n_in - 1) if whole else at
        low = np.floor(at).astype(int)
        part = at - low.astype(np.float32)
        return (
            np.maximum(low, 0),
            np.minimum(low + 1, n_in - 1),
            np.rint((1 - part) * 2048).astype(int),
            np.rint(part * 2048).astype(int),
        )

    y0, y1, ya, yb = (
        v[:, None, None] if i > 1 else v for i, v in enumerate(axis(rgb.shape[0], height, False))
    )
    x0, x1, xa, xb = (
        v[:, None] if i > 1 else v for i, v in enumerate(axis(rgb.shape[1], width, True))
    )
    rows = rgb.astype(int)
    rows = (rows[:, x0] * xa + rows[:, x1] * xb) >> 4
    return ((((ya * rows[y0]) >> 16) + ((yb * rows[y1]) >> 16) + 2) >> 2).astype(np.uint8)


def resize_corner(rgb, width, height):
    """TensorFlow's ResizeBilinear, neither align_corners nor half_pixel_centers: floats."""

    def axis(n_in, n_out):
        at = np.arange(n_out, dtype=np.float32) * (np.float32(n_in) / np.float32(n_out))
        low = np.minimum(at.astype(int), n_in - 1)
        return low, np.minimum(low + 1, n_in - 1), at - low

    (y0, y1, fy), (x0, x1, fx) = axis(rgb.shape[0], height), axis(rgb.shape[1], width)
    v, fx, fy = rgb.astype(np.float32), fx[:, None], fy[:, None, None]
    v = v[:, x0] + (v[:, x1] - v[:, x0]) * fx
    return v[y0] + (v[y1] - v[y0]) * fy


def preprocess(family, rgb, width, height, scale=resize):
    """Tensor (1,3,height,width) and how a picture coordinate becomes one of the input."""
    h, w = rgb.shape[:2]
    ratio = min(width / w, height / h)
    if family in ("yolox", "yolox-meanstd"):
        small = scale(rgb, int(w * ratio), int(h * ratio))
        canvas = np.full((height, width, 3), 114, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        place = (ratio, ratio, 0, 0)
        values = canvas.astype(np.float32)
        values = values[..., ::-1] if family == "yolox" else (values - IMAGENET_MEAN) / IMAGENET_STD
    elif family in ("yolov5", "yolov8"):
        nw, nh = int(round(w * ratio)), int(round(h * ratio))
        left, top = int(round((width - nw) / 2 - 0.1)), int(round((height - nh) / 2 - 0.1))
        canvas = np.full((height, width, 3), 114, np.uint8)
        canvas[top : top + nh, left : left + nw] = scale(rgb, nw, nh)
        place = (ratio, ratio, left, top)
        values = canvas.astype(np.float32) / 255
    elif family == "nanodet":
        values = scale(rgb, width, height)[..., ::-1].astype(np.float32)
        values = (values - np.float32([103.53, 116.28, 123.675])) / np.float32(
            [57.375, 57.12, 58.395]
        )
        place = (width / w, height / h, 0, 0)
    elif family == "ssd":
        values = resize_corner(rgb, width, height)
        place = (width / w, height / h, 0, 0)
    else:
        short = round(width * 256 / 224)
        nw, nh = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
        big = scale(rgb, nw, nh)
        top, left = int(round((nh - height) / 2.0)), int(round((nw - width) / 2.0))
        values = big[top : top + height, left : left + width].astype(np.float32)
        if family == "imagenet":
            values = (values - IMAGENET_MEAN) / IMAGENET_STD
        else:
            values = values[..., ::-1] - np.float32([104, 117, 123])
        place = None
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32), place


def cells(width, height, strides):
    """Column, row and stride of every cell, in the order of the outputs."""
    parts = []
    for s in strides:
        y, x = np.mgrid[: -(-height // s), : -(-width // s)]
        parts.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, s)], 1))
    return np.concatenate(parts).astype(np.float32)


def corners(cx, cy, w, h):
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 1)


def candidates(family, outputs, width, height):
    """Boxes in input pixels, and a score for each class."""
    if family.startswith("yolox"):
        p = outputs[0][0]
        x, y, s = cells(width, height, (8, 16, 32)).T
        boxes = corners(
            (p[:, 0] + x) * s, (p[:, 1] + y) * s, np.exp(p[:, 2]) * s, np.exp(p[:, 3]) * s
        )
        return boxes, p[:, 4:5] * p[:, 5:]
    if family == "yolov5":
        p = outputs[0][0]
        return corners(*p[:, :4].T), p[:, 4:5] * p[:, 5:]
    if family == "yolov8":
        p = outputs[0][0].T
        return corners(*p[:, :4].T), p[:, 4:]
    if family == "ssd":
        boxes, scores = sorted(outputs, key=lambda o: o.size)
        named = [i for i in range(90) if i + 1 not in UNUSED_COCO_NUMBERS]
        best = scores[0].argmax(1)
        scores = np.where(np.isin(best, named)[:, None], scores[0], 0)[:, named]
        return boxes.reshape(-1, 4)[:, [1, 0, 3, 2]] * ([width, height] * 2), scores
    flat = [o.reshape(o.shape[-2:]) for o in outputs]
    bins = 8 if any(o.shape[1] == 32 for o in flat) else 11
    scores = sorted((o for o in flat if o.shape[1] != 4 * bins), key=lambda o: -len(o))
    sides = sorted((o for o in flat if o.shape[1] == 4 * bins), key=lambda o: -len(o))
    strides = (8, 16, 32, 64)[: len(scores)]
    x, y, s = cells(width, height, strides).T
    offset = 0 if len(strides) == 4 else 0.5
    x, y = (x + offset) * s, (y + offset) * s
    p = np.concatenate(sides).reshape(-1, 4, bins).astype(np.float64)
    p = np.exp(p - p.max(2, keepdims=True))
    d = (p / p.sum(2, keepdims=True)) @ np.arange(bins) * s[:, None]
    return np.stack([x - d[:, 0], y - d[:, 1], x + d[:, 2], y + d[:, 3]], 1), np.concatenate(scores)


def overlap(a, b):
    """Intersection over union of one box with many."""
    low, high = np.maximum(a[:2], b[:, :2]), np.minimum(a[2:], b[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), 1)
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[:, 2:] - b[:, :2], 1)
    return both / np.maximum(areas - both, 1e-9)


def detect(family, outputs, width, height, place, size, confidence=0.25, iou=0.45):
    """[(class, score, box in picture pixels)], best first: the best class of each candidate, greedy
    suppression per class."""
    boxes, scores = candidates(family, outputs, width, height)
    classes, scores = scores.argmax(1), scores.max(1)
    keep = np.flatnonzero(scores >= confidence)
    keep = keep[np.argsort(-scores[keep], kind="stable")]
    found = []
    while len(keep):
        best, keep = keep[0], keep[1:]
        found.append(best)
        if len(keep):
            drop = (overlap(boxes[best], boxes[keep]) > iou) & (classes[keep] == classes[best])
            keep = keep[~drop]
    sx, sy, px, py = place
    limit = np.array([size[0], size[1], size[0], size[1]])
    out = []
    for i in found:
        box = (boxes[i] - [px, py, px, py]) / [sx, sy, sx, sy]
        out.append((int(classes[i]), float(scores[i]), np.clip(box, 0, limit)))
    return out


def differences(expected, got, threshold=0.25, margin=0.02, pixels=1, score=0.01):
    """What got lacks or has too much, counting only boxes clear of the threshold."""
    wrong, free = [], list(range(len(got)))

    def same(a, b):
        return (
            a[0] == b[0]
            and abs(a[1] - b[1]) <= score
            and np.abs(np.asarray(a[2]) - np.asarray(b[2])).max() <= pixels
            and overlap(np.asarray(a[2]), np.asarray(b[2])[None])[0] >= 0.95
        )

    for e in expected:
        match = next((i for i in free if same(e, got[i])), None)
        if match is not None:
            free.remove(match)
        elif e[1] >= threshold + margin:
            wrong.append(f"missing class {e[0]} {e[1]:.3f} {np.round(e[2], 1)}")
    wrong += [
        f"extra class {got[i][0]} {got[i][1]:.3f} {np.round(got[i][2], 1)}"
        for i in free
        if got[i][1] >= threshold + margin
    ]
    return wrong
