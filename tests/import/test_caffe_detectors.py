# SPDX-License-Identifier: Apache-2.0
"""Layers of detectors that CANN and forks add to Caffe, against NumPy written from the papers: YOLOv2
and v3, Faster R-CNN, R-FCN, Mask R-CNN's pooling, and SSD's last layer as CANN has it."""

import subprocess

import numpy as np
import pytest
from caffe_writer import caffemodel, convert, head, layer, run_network

RNG = np.random.default_rng(11)
WEIGHTS = caffemodel({"o": [np.ones(1)]})


def rand(*shape, scale=1.0):
    return (RNG.normal(size=shape) * scale).astype("f")


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def overlap(a, b, pixel=0):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(high - low + pixel) if (high >= low).all() else 0
    sizes = [np.prod(v[2:] - v[:2] + pixel) for v in (a, b)]
    return shared / (sum(sizes) - shared)


def suppress(boxes, scores, iou, before, pixel=0):
    """Indices of the boxes that stay, best first."""
    kept = []
    for i in np.argsort(-scores, kind="stable")[:before]:
        if all(overlap(boxes[i], boxes[k], pixel) <= iou for k in kept):
            kept.append(i)
    return kept


# ---- YOLO ----


def yolo_cells(x, boxes, classes, v2=False, soft=False, background=False):
    """x, y, w, h, objectness and class probabilities of (N, boxes, 5 + classes, H, W)."""
    x = x.reshape(x.shape[0], boxes, 5 + classes, *x.shape[2:]).astype(np.float64)
    soft, background = v2 and soft, v2 and background
    obj, named = x[:, :, 4:5], x[:, :, 5:]
    if soft and background:
        both = softmax(x[:, :, 4:], 2)
        obj, named = both[:, :, :1], both[:, :, 1:]
    else:
        obj = obj if background else sigmoid(obj)
        named = softmax(named, 2) if soft else sigmoid(named)
    return sigmoid(x[:, :, :2]), x[:, :, 2:3], x[:, :, 3:4], obj, named


def yolo_tops(x, boxes, classes, **mode):
    xy, w, h, obj, named = yolo_cells(x, boxes, classes, **mode)
    n, size = x.shape[0], x.shape[2:]
    coords = np.concatenate([xy, h, w], 2).swapaxes(1, 2)
    return (coords.reshape(n, -1, *size), obj.reshape(n, -1, *size),
            named.swapaxes(1, 2).reshape(n, -1, *size))


MODES = {
    "v3": ("V3", "softmax: true background: false", {}),
    "v2": ("V2", "softmax: true", {"v2": True, "soft": True}),
    "v2_logistic": ("V2", "", {"v2": True}),
    "v2_background": ("V2", "background: true", {"v2": True, "background": True}),
    "v2_both": ("V2", "softmax: true background: true",
                {"v2": True, "soft": True, "background": True}),
}


@pytest.mark.parametrize("name", MODES)
def test_yolo(atc, prusik, tmp_path, name):
    version, params, mode = MODES[name]
    x = rand(2, 3 * 9, 3, 5)
    text = head(*x.shape) + layer("Yolo", "yolo", ["data"], ["a", "b", "c"],
                                  "yolo_param { boxes: 3 "
                                  f'classes: 4 yolo_version: "{version}" {params} }}')
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS, [x])
    for y, expected in zip(got.values(), yolo_tops(x, 3, 4, **mode), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_region(atc, prusik, tmp_path):
    """One top: activated in place. Anchors are only for who decodes."""
    x = rand(2, 2 * 8, 3, 4)
    text = head(*x.shape) + layer("Region", "region", ["data"], ["y"], "region_param { num: 2 "
                                  'classes: 3 anchors: "1,2, 3,4" }')
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS, [x])["00_y"]
    parts = yolo_cells(x, 2, 3, v2=True, soft=True)
    expected = np.concatenate(parts, 2).reshape(x.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def yolo_decode(scales, anchors, classes, net, picture, letterbox, cells, limits):
    """For each image (boxes, scores, labels), best first. scales: raw (N, boxes * (5 + classes), H, W);
    anchors: for each scale; net and picture: height and width."""
    objectness, score, iou, before, after = limits
    out = []
    for image in range(len(scales[0])):
        boxes, obj, named = [], [], []
        for raw, sizes in zip(scales, anchors):
            h, w = raw.shape[2:]
            xy, tw, th, o, c = (v[image] for v in yolo_cells(raw, len(sizes), classes, v2=cells,
                                                             soft=cells))
            row, column = np.mgrid[:h, :w]
            unit = (w, h) if cells else (net[1], net[0])
            cx, cy = (xy[:, 0] + column) / w, (xy[:, 1] + row) / h
            sizes = np.asarray(sizes, float)[..., None, None]
            bw = np.exp(tw[:, 0]) * sizes[:, 0] / unit[0]
            bh = np.exp(th[:, 0]) * sizes[:, 1] / unit[1]
            boxes.append(np.stack([cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2], -1)
                         .reshape(-1, 4))
            obj.append(o.ravel())
            named.append(np.moveaxis(c, 1, -1).reshape(-1, classes))
        boxes, obj, named = (np.concatenate(v) for v in (boxes, obj, named))
        if letterbox:
            ratio = min(net[1] / picture[1], net[0] / picture[0])
            used = np.array([picture[1] * ratio / net[1], picture[0] * ratio / net[0]] * 2)
            boxes = (boxes - (1 - used) / 2) / used
        boxes = boxes * np.array([picture[1], picture[0]] * 2)
        rows = []
        for label in range(classes):
            p = obj * named[:, label]
            able = np.flatnonzero((obj > objectness) & (p > score))
            rows += [(p[able[i]], label, boxes[able[i]])
                     for i in suppress(boxes[able], p[able], iou, before)]
        out.append(sorted(rows, key=lambda r: -r[0])[:after])
    return out


def check_boxes(got, expected, after):
    boxes, counts = got["00_box_out"], got["01_box_out_num"]
    assert boxes.shape == (len(expected), 6 * after) and counts.dtype == np.int32
    for image, rows in enumerate(expected):
        n = counts[image, 0]
        assert n == len(rows) and not counts[image, 1:].any()
        table = boxes[image, : 6 * n].reshape(6, n)  # packed, as programs read it
        assert not boxes[image, 6 * n :].any()
        np.testing.assert_allclose(table[4], [r[0] for r in rows], rtol=1e-4)
        assert table[5].tolist() == [r[1] for r in rows]
        np.testing.assert_allclose(table[:4].T, np.stack([r[2] for r in rows]), rtol=1e-3,
                                   atol=0.05)


V3_ANCHORS = [[(116, 90), (156, 198), (373, 326)], [(30, 61), (62, 45), (59, 119)],
              [(10, 13), (16, 30), (33, 23)]]


def yolov3_text(images, classes, after, more=""):
    text = "".join(head(images, 3 * (5 + classes), 2**i * 3, 2**i * 2, name=f"raw{i}")
                   for i in range(3))
    text += head(images, 4, name="img_info")
    for i in range(3):
        text += layer("Yolo", f"yolo{i}", [f"raw{i}"], [f"{k}{i}" for k in ("xy", "obj", "cls")],
                      f'yolo_param {{ boxes: 3 classes: {classes} yolo_version: "V3" '
                      "softmax: true }")
    biases = "".join(f"biases_{name}: {v} "
                     for name, sizes in zip(("low", "mid", "high"), V3_ANCHORS)
                     for size in sizes for v in size)
    bottoms = [f"{k}{i}" for k in ("xy", "obj", "cls") for i in range(3)] + ["img_info"]
    return text + layer("YoloV3DetectionOutput", "detect", bottoms, ["box_out", "box_out_num"],
                        f"yolov3_detection_output_param {{ boxes: 3 classes: {classes} relative: true "
                        f"obj_threshold: 0.4 score_threshold: 0.3 iou_threshold: 0.45 "
                        f"pre_nms_topn: 20 post_nms_topn: {after} {more} {biases} }}")


@pytest.mark.parametrize("letterbox, picture", [(True, (480, 1280)), (True, (96, 64)),
                                                (False, (480, 1280))])
@pytest.mark.parametrize("after", [7, 64])
def test_yolov3(atc, prusik, tmp_path, letterbox, picture, after):
    """A network of 96 by 64: scales of 3 by 2, 6 by 4 and 12 by 8 cells."""
    scales = [rand(2, 27, 2**i * 3, 2**i * 2) for i in range(3)]
    info = np.array([[96, 64, *picture]] * 2, "f")
    more = "" if letterbox else "resize_origin_img_to_net: true"
    got = run_network(atc, prusik, tmp_path, yolov3_text(2, 4, after, more), WEIGHTS,
                      [*scales, info])
    expected = yolo_decode(scales, V3_ANCHORS, 4, (96, 64), picture, letterbox, False,
                           (0.4, 0.3, 0.45, 20, after))
    assert min(map(len, expected)) >= 7
    check_boxes(got, expected, after)


def test_yolov3_without_boxes(atc, prusik, tmp_path):
    scales = [rand(1, 27, 2**i * 3, 2**i * 2) - 9 for i in range(3)]
    got = run_network(atc, prusik, tmp_path, yolov3_text(1, 4, 9), WEIGHTS,
                      [*scales, np.array([[96, 64, 96, 64]], "f")])
    assert not got["00_box_out"].any() and not got["01_box_out_num"].any()


def test_yolov2(atc, prusik, tmp_path):
    anchors = [(0.57, 0.68), (1.87, 2.06), (3.34, 5.47), (7.88, 3.53), (9.77, 9.17)]
    raw = rand(1, 5 * 8, 5, 6)
    text = head(*raw.shape) + head(1, 4, name="img_info")
    text += layer("Yolo", "yolo", ["data"], ["xy", "obj", "cls"],
                  "yolo_param { boxes: 5 classes: 3 "
                  'yolo_version: "V2" softmax: true }')
    biases = " ".join(f"biases: {v}" for size in anchors for v in size)
    text += layer("YoloV2DetectionOutput", "detect", ["xy", "obj", "cls", "img_info"],
                  ["box_out", "box_out_num"], "yolov2_detection_output_param { boxes: 5 classes: 3 "
                  f"obj_threshold: 0.3 score_threshold: 0.2 {biases} }}")
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS,
                      [raw, np.array([[160, 192, 300, 500]], "f")])
    expected = yolo_decode([raw], [anchors], 3, (160, 192), (300, 500), True, True,
                           (0.3, 0.2, 0.45, 512, 512))
    assert len(expected[0]) > 5
    check_boxes(got, expected, 512)


# ---- SSD ----


def test_ssd_detection_output(atc, prusik, tmp_path):
    """Counts first, then rows of image, class, score, corners and a zero for each image."""
    n, keep = 30, 6
    corner = RNG.uniform(0, 0.7, size=(n, 2))
    priors = np.concatenate([corner, corner + RNG.uniform(0.1, 0.3, size=(n, 2))], 1)
    variance = np.tile([0.1, 0.1, 0.2, 0.2], (n, 1))
    anchors = np.stack([priors.ravel(), variance.ravel()])[None].astype("f")
    loc = rand(2, n * 4)
    conf = RNG.uniform(size=(2, n, 3)).astype("f")
    conf[1, :, 1:] *= 0.1  # nothing on the second picture but one box
    conf[1, 4, 2] = 0.9
    text = (head(2, n * 4, name="loc") + head(2, n * 3, name="conf") + head(1, 2, n * 4, name="p") +
            layer("SSDDetectionOutput", "out", ["loc", "conf", "p"], ["out_boxnum", "y"],
                  f"ssddetectionoutput_param {{ num_classes: 3 keep_top_k: {keep} "
                  "iou_threshold: 0.4 top_k: 15 confidence_threshold: 0.5 }"))
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS, [loc, conf.reshape(2, -1), anchors])
    counts, rows = got["00_out_boxnum"], got["01_y"]
    assert rows.shape == (2, keep, 8) and counts.shape == (2, 8)
    for image in range(2):
        d = loc[image].reshape(n, 4) * variance
        size = priors[:, 2:] - priors[:, :2]
        centre = d[:, :2] * size + (priors[:, :2] + priors[:, 2:]) / 2
        half = size * np.exp(d[:, 2:]) / 2
        boxes = np.concatenate([centre - half, centre + half], 1)
        found = []
        for label in (1, 2):
            score = conf[image, :, label]
            able = np.flatnonzero(score > 0.5)
            found += [[image, label, score[able[i]], *boxes[able[i]], 0]
                      for i in suppress(boxes[able], score[able], 0.4, 15)]
        found = sorted(found, key=lambda f: -f[2])[:keep]
        found = sorted(found, key=lambda f: (f[1], -f[2]))
        assert counts[image].tolist() == [len(found)] + [0] * 7
        np.testing.assert_allclose(rows[image, : len(found)], found, rtol=1e-4, atol=1e-5)
        assert not rows[image, len(found) :].any()
    assert counts[0, 0] == keep and counts[1, 0] == 1


# ---- regions ----


def base_anchors(base, ratios, scales):
    """Windows of one area around the middle of the first cell, widths and heights rounded."""
    out = []
    for r in ratios:
        w = np.rint(np.sqrt(base * base / r))
        h = np.rint(w * r)
        for s in scales:
            x, y = (w * s - 1) / 2, (h * s - 1) / 2
            out.append(np.array([-x, -y, x, y]) + (base - 1) / 2)
    return np.array(out)


def proposals(prob, delta, info, stride, anchors, least, before, after, iou):
    """Regions of one image, best first."""
    a, (h, w) = len(anchors), prob.shape[1:]
    y, x = np.mgrid[:h, :w] * stride
    at = (anchors + np.stack([x, y, x, y], -1)[:, :, None]).reshape(-1, 4)
    d = np.moveaxis(delta.reshape(a, 4, h, w), (0, 1), (2, 3)).reshape(-1, 4).astype(np.float64)
    scores = np.moveaxis(prob[a:], 0, 2).ravel()
    size = at[:, 2:] - at[:, :2] + 1
    centre = at[:, :2] + size / 2 + d[:, :2] * size
    size = size * np.exp(d[:, 2:])
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
    limit = np.array([info[1], info[0]] * 2) - 1
    boxes = np.clip(boxes, 0, limit)
    large = np.flatnonzero(((boxes[:, 2:] - boxes[:, :2] + 1) >= least).all(1))
    kept = suppress(boxes[large], scores[large], iou, before, pixel=1)[:after]
    return boxes[large][kept]


def test_proposal(atc, prusik, tmp_path):
    a, h, w, after = 6, 4, 5, 10
    prob, delta = RNG.uniform(size=(2, 2 * a, h, w)).astype("f"), rand(2, 4 * a, h, w, scale=0.2)
    info = np.array([[60, 80, 1], [50, 70, 1]], "f")
    text = (head(2, 2 * a, h, w, name="p") + head(2, 4 * a, h, w, name="d") + head(2, 3, name="info") +
            layer("Proposal", "rpn", ["p", "d", "info"], ["rois", "n"], "proposal_param { "
                  "feat_stride: 16 base_size: 16 min_size: 12 ratio: 0.5 ratio: 1 ratio: 2 scale: 1 "
                  f"scale: 2 pre_nms_topn: 50 post_nms_topn: {after} iou_threshold: 0.5 "
                  "output_actual_rois_num: true }"))
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS, [prob, delta, info])
    rois, counts = got["00_rois"], got["01_n"]
    assert rois.shape == (2, 5, 16)  # room for a multiple of 16
    for i in range(2):
        expected = proposals(prob[i], delta[i], info[i], 16,
                             base_anchors(16, (0.5, 1, 2), (1, 2)), 12, 50, after, 0.5)
        n = len(expected)
        assert counts[i].tolist() == [n] + [0] * 7 and n >= 3
        np.testing.assert_allclose(rois[i, 1:, :n].T, expected, rtol=1e-4, atol=1e-2)
        assert (rois[i, 0, :n] == i).all() and not rois[i, :, n:].any()


def test_python_proposal_layer(atc, prusik, tmp_path):
    """py-faster-rcnn's: rows, for pictures of any scale, with the numbers its TEST phase has."""
    a, h, w = 6, 6, 8
    prob, delta = RNG.uniform(size=(1, 2 * a, h, w)).astype("f"), rand(1, 4 * a, h, w, scale=0.2)
    info = np.array([[90, 120, 1.5]], "f")
    text = (head(1, 2 * a, h, w, name="p") + head(1, 4 * a, h, w, name="d") + head(1, 3, name="info") +
            layer("Python", "proposal", ["p", "d", "info"], ["rois"], "python_param { module: "
                  "'rpn.proposal_layer' layer: 'ProposalLayer' "
                  "param_str: \"'feat_stride': 16\\n'scales': [2, 4]\" }"))
    rois = run_network(atc, prusik, tmp_path, text, WEIGHTS, [prob, delta, info])["00_rois"]
    expected = proposals(prob[0], delta[0], info[0], 16, base_anchors(16, (0.5, 1, 2), (2, 4)),
                         24, 6000, 300, 0.7)
    assert rois.shape == (300, 5) and len(expected) > 10
    np.testing.assert_allclose(rois[: len(expected), 1:], expected, rtol=1e-4, atol=1e-2)
    assert not rois[len(expected) :].any()


FEATURES = rand(2, 18, 9, 11)
ROIS = np.array([[0, 3, 4, 60, 70], [1, 0, 0, 87, 71], [1, 41.5, 20, 44, 31], [0, 80, 60, 300, 300]],
                "f")


def ps_roi_pool(x, rois, dim, group, scale):
    out = np.zeros((len(rois), dim, group, group))
    for r, roi in enumerate(rois):
        x0, y0 = np.floor(roi[1:3] + 0.5) * scale
        x1, y1 = (np.floor(roi[3:] + 0.5) + 1) * scale
        w, h = max(x1 - x0, 0.1) / group, max(y1 - y0, 0.1) / group
        for d in range(dim):
            for i in range(group):
                for j in range(group):
                    top, low = np.floor(y0 + i * h), np.ceil(y0 + (i + 1) * h)
                    left, right = np.floor(x0 + j * w), np.ceil(x0 + (j + 1) * w)
                    top, low = (int(np.clip(v, 0, x.shape[2])) for v in (top, low))
                    left, right = (int(np.clip(v, 0, x.shape[3])) for v in (left, right))
                    part = x[int(roi[0]), (d * group + i) * group + j, top:low, left:right]
                    out[r, d, i, j] = part.mean() if part.size else 0
    return out


def roi_pool(x, rois, h, w, scale):
    out = np.zeros((len(rois), x.shape[1], h, w))
    for r, roi in enumerate(rois):
        x0, y0, x1, y1 = (int(np.floor(v * scale + 0.5)) for v in roi[1:])
        bh, bw = max(y1 - y0 + 1, 1) / h, max(x1 - x0 + 1, 1) / w
        for i in range(h):
            for j in range(w):
                top, low = int(np.floor(i * bh)) + y0, int(np.ceil((i + 1) * bh)) + y0
                left, right = int(np.floor(j * bw)) + x0, int(np.ceil((j + 1) * bw)) + x0
                part = x[int(roi[0]), :, max(top, 0):max(low, 0), max(left, 0):max(right, 0)]
                if part.size:
                    out[r, :, i, j] = part.max((1, 2))
    return out


def roi_align(x, rois, h, w, scale, samples, longer=0):
    def at(plane, y, z):
        if not (-1 <= y <= plane.shape[1] and -1 <= z <= plane.shape[2]):
            return np.zeros(plane.shape[0])
        weights = [np.maximum(0, 1 - np.abs(min(max(v, 0), n - 1) - np.arange(n)))
                   for v, n in zip((y, z), plane.shape[1:])]
        return np.einsum("chw,h,w->c", plane, *weights)

    out = np.zeros((len(rois), x.shape[1], h, w))
    for r, roi in enumerate(rois):
        x0, y0 = roi[1:3] * scale
        x1, y1 = (roi[3:] + longer) * scale
        bh, bw = max(y1 - y0, 1) / h, max(x1 - x0, 1) / w
        for i in range(h):
            for j in range(w):
                points = [(y0 + (i + (a + 0.5) / samples) * bh, x0 + (j + (b + 0.5) / samples) * bw)
                          for a in range(samples) for b in range(samples)]
                out[r, :, i, j] = np.mean([at(x[int(roi[0])], y, z) for y, z in points], 0)
    return out


POOLS = {
    "ps_roi": ("PSROIPooling", "psroi_pooling_param { output_dim: 2 group_size: 3 "
               "spatial_scale: 0.125 }", ps_roi_pool(FEATURES, ROIS, 2, 3, 0.125)),
    "roi": ("ROIPooling", "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.125 }",
            roi_pool(FEATURES, ROIS, 2, 3, 0.125)),
    "align": ("ROIAlign", "roi_align_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.125 "
              "sampling_ratio: 2 }", None),
    "align_longer": ("ROIAlign", "roi_align_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.125 "
                     "sample_num: 1 roi_end_mode: 1 }", None),
}


@pytest.mark.parametrize("form", ["rows", "rows4", "columns"])
@pytest.mark.parametrize("name", POOLS)
def test_pooling_over_regions(atc, prusik, tmp_path, name, form):
    kind, params, expected = POOLS[name]
    if name == "align":
        expected = roi_align(FEATURES, ROIS, 2, 3, 0.125, 2)
    elif name == "align_longer":
        expected = roi_align(FEATURES, ROIS, 3, 2, 0.125, 1, longer=1)
    rois = {"rows": ROIS, "rows4": ROIS.reshape(4, 5, 1, 1),
            "columns": np.ascontiguousarray(ROIS.reshape(1, 4, 5).transpose(0, 2, 1))}[form]
    text = (head(*FEATURES.shape) + head(*rois.shape, name="rois") +
            layer(kind, "pool", ["data", "rois"], ["y"], params))
    got = run_network(atc, prusik, tmp_path, text, WEIGHTS, [FEATURES, rois])["00_y"]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


# ---- what cannot be converted ----

RAW = head(1, 27, 3, 2, name="raw0")
SAYS = {
    "channels": (RAW + layer("Yolo", "y", ["raw0"], ["a", "b", "c"], "yolo_param { classes: 5 }"),
                 "27 channels instead of 30"),
    "version": (RAW + layer("Yolo", "y", ["raw0"], ["a", "b", "c"], "yolo_param { classes: 4 "
                            'yolo_version: "V4" }'), "neither V2 nor V3"),
    "biases": (yolov3_text(1, 4, 9).replace("biases_mid: 30", "", 1), "it has 5 biases_mid"),
    "relative": (yolov3_text(1, 4, 9).replace("relative: true", "relative: false"),
                 "relative: false is not supported"),
    "other_form": (RAW + layer("Yolov3DetectionOutput", "y", ["raw0"], ["a"],
                               "yolov3_detection_output_param { num_classes: 4 }"),
                   "replace it with a Yolo layer"),
    "python": (RAW + layer("Python", "y", ["raw0"], ["a"], "python_param { layer: 'Mine' }"),
               "layers written in Python are not supported"),
    "parts": (head(1, 1, 5, 5) + layer("SPP", "y", ["data"], ["a"], "spp_param { pyramid_height: 3 }"),
              "4 parts are too many for a size of 5"),
    "anchors": (head(1, 4, 2, 2, name="p") + head(1, 8, 2, 2, name="d") +
                layer("Proposal", "y", ["p", "d"], ["a"]), "probabilities of anchors"),
}


@pytest.mark.parametrize("name", SAYS)
def test_messages(atc, tmp_path, name):
    text, says = SAYS[name]
    done, om = convert(atc, tmp_path, text, WEIGHTS)
    assert done.returncode and says in done.stdout, done.stdout
    assert not om.exists()


def test_sizes_of_zero(atc, prusik, tmp_path):
    """A program that forgets to fill img_info is told so."""
    done, om = convert(atc, tmp_path, yolov3_text(1, 4, 9), WEIGHTS)
    assert done.returncode == 0, done.stdout
    arguments = []
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", rand(1, 27, 2**i * 3, 2**i * 2))
        arguments.append(f"--input={tmp_path}/{i}.npy")
    np.save(tmp_path / "info.npy", np.zeros((1, 4), "f"))
    done = subprocess.run([prusik, "run", om, *arguments, f"--input={tmp_path}/info.npy",
                           f"--output={tmp_path}"], capture_output=True, text=True)
    assert done.returncode and "img_info" in done.stderr and "height and width" in done.stderr
