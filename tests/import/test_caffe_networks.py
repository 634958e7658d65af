# SPDX-License-Identifier: Apache-2.0
"""Whole networks of Caffe against OpenCV's own reader of prototxt and caffemodel. Weights are random, so
every network is held to a thousandth of its output's range."""
import numpy as np
import pytest

from caffe_writer import caffemodel, head, layer, run_network
from test_caffe_detectors import V3_ANCHORS, check_boxes, yolo_decode, yolov3_text

pytestmark = pytest.mark.long


class Net:
    """A prototxt and its weights, layer by layer; each method returns the top's name and channels."""

    def __init__(self, *shape):
        self.text, self.weights, self.rng = head(*shape), {}, np.random.default_rng(3)
        self.data = ("data", shape[1])
        self.n = 0

    def add(self, kind, bottoms, params="", blobs=(), top=None):
        self.n += 1
        # OpenCV asks for outputs by the names of layers.
        name = top if top in ("prob", "y", "detections") else f"{kind.lower()}{self.n}"
        self.text += layer(kind, name, [b[0] for b in bottoms], [top or name], params)
        if blobs:
            self.weights[name] = list(blobs)
        return top or name

    def rand(self, *shape, fan=1):
        return self.rng.normal(size=shape, scale=fan ** -0.5)

    def conv(self, x, m, k, s=1, p=0, group=1, relu=True, bias=True, kind="Convolution"):
        c = x[1] // group
        blobs = [self.rand(m, c, k, k, fan=c * k * k)] + [self.rand(m, fan=10)] * bias
        y = self.add(kind, [x],
                     f"convolution_param {{ num_output: {m} kernel_size: {k} stride: {s} "
                     f"pad: {p} group: {group} bias_term: {str(bias).lower()} }}", blobs), m
        return self.relu(y) if relu else y

    def relu(self, x, slope=0):
        self.add("ReLU", [x], f"relu_param {{ negative_slope: {slope} }}" if slope else "",
                 top=x[0])
        return x

    def bn(self, x):
        c = x[1]
        f = 3.0
        self.add("BatchNorm", [x], "batch_norm_param { use_global_stats: true }",
                 [self.rand(c) * f, (np.abs(self.rand(c)) + 0.5) * f, np.array([f])], top=x[0])
        self.add("Scale", [x], "scale_param { bias_term: true }",
                 [np.abs(self.rand(c)) + 0.5, self.rand(c)], top=x[0])
        return x

    def pool(self, x, k, s, p=0, method="MAX"):
        return self.add("Pooling", [x],
                        f"pooling_param {{ pool: {method} kernel_size: {k} stride: {s} "
                        f"pad: {p} }}"), x[1]

    def lrn(self, x):
        return self.add("LRN", [x], "lrn_param { local_size: 5 alpha: 0.1 beta: 0.75 }"), x[1]

    def fc(self, x, n_in, m):
        return self.add("InnerProduct", [x], f"inner_product_param {{ num_output: {m} }}",
                        [self.rand(m, n_in, fan=n_in), self.rand(m)]), m

    def concat(self, *xs, axis=1):
        return self.add("Concat", xs, f"concat_param {{ axis: {axis} }}"), sum(x[1] for x in xs)

    def softmax(self, x):
        return self.add("Softmax", [x], top="prob"), x[1]


def lenet():
    n = Net(2, 1, 28, 28)
    x = n.pool(n.conv(n.data, 20, 5, relu=False), 2, 2)
    x = n.pool(n.conv(x, 50, 5, relu=False), 2, 2)
    n.softmax(n.fc(n.relu(n.fc(x, 50 * 16, 500)), 500, 10))
    return n


def alexnet():
    n = Net(1, 3, 115, 115)
    x = n.pool(n.lrn(n.conv(n.data, 24, 11, 4)), 3, 2)
    x = n.pool(n.lrn(n.conv(x, 64, 5, p=2, group=2)), 3, 2)
    x = n.conv(n.conv(x, 96, 3, p=1), 64, 3, p=1, group=2)
    x = n.pool(x, 3, 2)
    x = n.relu(n.fc(x, 64 * 9, 128))
    x = n.add("Dropout", [x], "dropout_param { dropout_ratio: 0.5 }", top=x[0]), 128
    n.softmax(n.fc(x, 128, 40))
    return n


def inception():
    n = Net(1, 3, 64, 64)
    x = n.lrn(n.pool(n.conv(n.data, 32, 7, 2, 3), 3, 2))
    for _ in range(2):
        a = n.conv(x, 16, 1)
        b = n.conv(n.conv(x, 12, 1), 24, 3, p=1)
        c = n.conv(n.conv(x, 4, 1), 8, 5, p=2)
        d = n.conv(n.pool(x, 3, 1, 1), 8, 1)
        x = n.concat(a, b, c, d)
    x = n.pool(x, 16, 1, method="AVE")
    n.softmax(n.fc(x, x[1], 20))
    return n


def resnet():
    n = Net(1, 3, 64, 64)
    x = n.pool(n.relu(n.bn(n.conv(n.data, 16, 7, 2, 3, relu=False, bias=False))), 3, 2)
    for m, s in ((16, 1), (32, 2), (64, 2)):
        y = n.relu(n.bn(n.conv(x, m, 3, s, 1, relu=False, bias=False)))
        y = n.bn(n.conv(y, m, 3, 1, 1, relu=False, bias=False))
        if s > 1:
            x = n.bn(n.conv(x, m, 1, s, relu=False, bias=False))
        x = n.relu((n.add("Eltwise", [x, y]), m))
    x = n.add("Pooling", [x], "pooling_param { pool: AVE global_pooling: true }"), 64
    n.softmax(n.fc(x, 64, 10))
    return n


def squeezenet():
    n = Net(1, 3, 67, 67)
    x = n.pool(n.conv(n.data, 32, 3, 2), 3, 2)
    for s, e in ((8, 32), (16, 32), (16, 48)):
        q = n.conv(x, s, 1)
        x = n.concat(n.conv(q, e, 1), n.conv(q, e, 3, p=1))
    x = n.conv(x, 30, 1)
    x = n.add("Pooling", [x], "pooling_param { pool: AVE global_pooling: true }"), 30
    n.softmax(x)
    return n


def mobilenet():
    n = Net(1, 3, 64, 64)
    x = n.conv(n.data, 16, 3, 2, 1)
    for m, s in ((32, 1), (48, 2), (64, 1)):
        x = n.relu(n.bn(n.conv(x, x[1], 3, s, 1, group=x[1], relu=False, bias=False)))
        x = n.relu(n.bn(n.conv(x, m, 1, relu=False, bias=False)))
    n.add("Sigmoid", [x], top="y")
    return n


def yolo():
    n = Net(1, 3, 64, 64)
    leaky = lambda x: n.relu(n.bn(x), 0.1)
    x = leaky(n.conv(n.data, 16, 3, 2, 1, relu=False, bias=False))
    x = early = leaky(n.conv(x, 32, 3, 2, 1, relu=False, bias=False))
    x = leaky(n.conv(x, 64, 3, 2, 1, relu=False, bias=False))
    n.conv(x, 21, 1, relu=False)
    x = leaky(n.conv(x, 32, 1, relu=False, bias=False))
    up = n.add("Deconvolution", [x], "convolution_param { num_output: 32 kernel_size: 2 stride: 2 "
               "group: 32 bias_term: false }", [np.ones((32, 1, 2, 2))]), 32
    n.conv(n.concat(up, early), 21, 1, relu=False)
    return n


def ssd(keep=20):
    n = Net(1, 3, 64, 64)
    x = n.conv(n.conv(n.data, 16, 3, 2, 1), 24, 3, 2, 1)
    maps = [x, n.conv(x, 32, 3, 2, 1)]
    locs, confs, priors = [], [], []
    for i, m in enumerate(maps):
        for to, k in ((locs, 4), (confs, 3)):
            y = n.conv(m, 4 * k, 3, p=1, relu=False)
            y = n.add("Permute", [y], "permute_param { order: 0 order: 2 order: 3 order: 1 }"), 0
            to.append((n.add("Flatten", [y]), 0))
        priors.append((n.add("PriorBox", [m, n.data], f"prior_box_param {{ min_size: {10 + 20 * i} "
                             f"max_size: {24 + 20 * i} aspect_ratio: 2 variance: 0.1 variance: 0.1 "
                             "variance: 0.2 variance: 0.2 clip: true }"), 0))
    loc, conf = n.concat(*locs), n.concat(*confs)
    prior = n.concat(*priors, axis=2)
    conf = n.add("Reshape", [conf], "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }"), 0
    conf = n.add("Softmax", [conf], "softmax_param { axis: 2 }"), 0
    conf = n.add("Flatten", [conf]), 0
    n.add("DetectionOutput", [loc, conf, prior], "detection_output_param { num_classes: 3 "
          "share_location: true background_label_id: 0 nms_param { nms_threshold: 0.45 top_k: 100 } code_type: CENTER_SIZE "
          f"keep_top_k: {keep} confidence_threshold: 0.25 }}", top="detections")
    return n


def opencv(cv2, net, x, names):
    proto, model = net.text.encode(), caffemodel(net.weights)
    reader = cv2.dnn.readNetFromCaffe(np.frombuffer(proto, np.uint8),
                                      np.frombuffer(model, np.uint8))
    reader.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    reader.setInput(x)
    return reader.forward(names)


def both(atc, prusik, folder, make):
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV does not read Caffe")
    net = make()
    dims = [int(d.split()[0]) for d in net.text.split("dim: ")[1:5]]
    x = np.random.default_rng(5).normal(size=dims).astype("f")
    got = run_network(atc, prusik, folder, net.text, caffemodel(net.weights), [x])
    names = [name.split("_", 1)[1] for name in got]
    return list(got.values()), opencv(cv2, net, x, names)


@pytest.mark.parametrize("make", [lenet, alexnet, inception, resnet, squeezenet, mobilenet, yolo])
def test_network(atc, prusik, tmp_path, make):
    for got, expected in zip(*both(atc, prusik, tmp_path, make)):
        expected = expected.reshape(got.shape)
        assert np.abs(got - expected).max() < 1e-3 * np.ptp(expected)


@pytest.mark.parametrize("keep", [20, 200])
def test_ssd(atc, prusik, tmp_path, keep):
    """Rows left over are -1 here and 0 in OpenCV, which does not order equals as Caffe does."""
    got, expected = (r[0].reshape(-1, 7) for r in both(atc, prusik, tmp_path, lambda: ssd(keep)))
    assert np.all((got[:, 0] == 0) | (got == -1).all(1))
    got, expected = got[got[:, 0] == 0], expected[expected[:, 2] > 0]
    assert len(got) == len(expected) > 5
    order = lambda rows: rows[np.lexsort((rows[:, 3], -rows[:, 2], rows[:, 1]))]
    np.testing.assert_allclose(order(got), order(expected), rtol=1e-3, atol=1e-4)


def yolov3():
    """Three scales, as YOLOv3 has them; the names of the last convolutions too."""
    n = Net(1, 3, 64, 96)
    leaky = lambda x: n.relu(n.bn(x), 0.1)
    conv = lambda x, m, k, s=1: leaky(n.conv(x, m, k, s, k // 2, relu=False, bias=False))
    x = conv(conv(n.data, 8, 3), 16, 3, 2)
    maps = []
    for m in (24, 32, 48, 64):
        x = conv(x, m, 3, 2)
        y = conv(conv(x, m // 2, 1), m, 3)
        x = n.add("Eltwise", [x, y]), m
        maps.append(x)
    heads, x = [], maps[-1]
    for skip in (maps[2], maps[1], None):
        x = conv(x, 24, 1)
        heads.append(n.conv(conv(x, 32, 3), 27, 1, relu=False))
        if skip:
            up = n.add("Deconvolution", [conv(x, 16, 1)], "convolution_param { num_output: 16 "
                       "kernel_size: 2 stride: 2 group: 16 bias_term: false }",
                       [np.ones((16, 1, 2, 2))]), 16
            x = n.concat(up, skip)
    return n, [h[0] for h in heads]


def test_yolov3(atc, prusik, tmp_path):
    """The convolutions as OpenCV computes them, and boxes decoded from those in NumPy."""
    cv2 = pytest.importorskip("cv2")
    net, heads = yolov3()
    x = np.random.default_rng(5).normal(size=(1, 3, 64, 96)).astype("f")
    raw = opencv(cv2, net, x, heads)
    assert [r.shape[2:] for r in raw] == [(2, 3), (4, 6), (8, 12)]
    text = net.text + head(1, 4, name="img_info")
    for i, h in enumerate(heads):
        text += layer("Yolo", f"yolo{i}", [h], [f"{k}{i}" for k in ("xy", "obj", "cls")],
                      "yolo_param { boxes: 3 classes: 4 }")
    text += yolov3_text(1, 4, 30).split('layer { name: "yolo2"')[1].split("\n", 1)[1]
    got = run_network(atc, prusik, tmp_path, text, caffemodel(net.weights),
                      [x, np.array([[64, 96, 400, 500]], "f")])
    expected = yolo_decode(raw, V3_ANCHORS, 4, (64, 96), (400, 500), True, False,
                           (0.4, 0.3, 0.45, 20, 30))
    assert len(expected[0]) > 5
    check_boxes(got, expected, 30)


REGIONS = np.array([[0, 3, 4, 60, 70], [0, 0, 0, 87, 71], [0, 41, 20, 44, 31]], "f")
LAYERS = {
    "ps_roi": ("PSROIPooling", "psroi_pooling_param { output_dim: 2 group_size: 3 "
               "spatial_scale: 0.125 }", [(1, 18, 9, 11), REGIONS]),
    "roi": ("ROIPooling", "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.125 }",
            [(1, 18, 9, 11), REGIONS]),
    "proposal": ("Proposal",
                 "proposal_param { feat_stride: 16 base_size: 16 min_size: 12 ratio: 0.5 "
                 "ratio: 1 ratio: 2 scale: 1 scale: 2 pre_nms_topn: 50 post_nms_topn: 16 "
                 "nms_thresh: 0.5 }",
                 [(1, 12, 5, 6), (1, 24, 5, 6), np.array([[80, 96, 1]], "f")]),
    "normalize": ("Normalize", "norm_param { across_spatial: false channel_shared: false }",
                  [(1, 6, 5, 4)]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(atc, prusik, tmp_path, name):
    """Layers that OpenCV reads, too."""
    cv2 = pytest.importorskip("cv2")
    kind, params, inputs = LAYERS[name]
    rng = np.random.default_rng(8)
    net = Net(1, 1, 1, 1)
    net.text, arrays = "", []
    for i, shape in enumerate(inputs):
        given = not isinstance(shape, tuple)
        scale = 0.2 if name == "proposal" and i == 1 else 1
        arrays.append(shape if given else (rng.random(shape) * scale).astype("f"))
        net.text += head(*arrays[-1].shape, name=f"in{i}")
    blobs = [np.arange(1, 7, dtype="f")] if name == "normalize" else []
    net.add(kind, [(f"in{i}", 0) for i in range(len(inputs))], params, blobs, top="y")
    weights = caffemodel(net.weights or {"o": [np.ones(1)]})
    got = run_network(atc, prusik, tmp_path, net.text, weights, arrays)["00_y"]
    reader = cv2.dnn.readNetFromCaffe(np.frombuffer(net.text.encode(), np.uint8),
                                      np.frombuffer(weights, np.uint8))
    reader.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    for i, a in enumerate(arrays):
        reader.setInput(a, f"in{i}")
    expected = reader.forward("y")
    if name == "proposal":  # (R, 5) there; no row has an image but the first
        got = got[0].T[: len(expected)]
        expected = expected.reshape(-1, 5)
        assert 3 <= (expected[:, 3] > 0).sum()
    np.testing.assert_allclose(got, expected.reshape(got.shape), rtol=1e-3, atol=1e-3)
