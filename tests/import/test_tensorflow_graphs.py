# SPDX-License-Identifier: Apache-2.0
"""Whole networks built and frozen with TensorFlow here, weights random, against what TensorFlow
computes: within a thousandth of the output's range, and without a Transpose between convolutions."""

import os
import re

import numpy as np
import pytest

import through

pytestmark = pytest.mark.long
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")
SIZE = 96


class Weights:
    """Constants of a graph, each call others."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __call__(self, *shape, fan=None):
        fan = fan or np.prod(shape[:-1])
        return tf.constant(self.rng.normal(size=shape, scale=fan**-0.5).astype(np.float32))

    def norm(self, x, epsilon=1e-3):
        c = x.shape[-1]
        scale, offset, mean = (self(c, fan=30) + (1 if i == 0 else 0) for i in range(3))
        return tf.compat.v1.nn.fused_batch_norm(
            x, scale, offset, mean, tf.abs(self(c, fan=4)) + 0.5, epsilon=epsilon,
            is_training=False)[0]

    def conv(self, x, c, k, stride=1, padding="SAME", act=tf.nn.relu6):
        y = tf.nn.conv2d(x, self(k, k, x.shape[-1], c), stride, padding)
        y = self.norm(y)
        return act(y) if act else y

    def depthwise(self, x, k, stride=1, rate=1, act=tf.nn.relu6):
        y = tf.compat.v1.nn.depthwise_conv2d_native(
            x, self(k, k, x.shape[-1], 1, fan=k * k), [1, stride, stride, 1], "SAME"
        ) if rate == 1 else self.atrous(x, k, rate)
        y = self.norm(y)
        return act(y) if act else y

    def atrous(self, x, k, rate):
        """As TensorFlow 1 wrote it: blocks in the batch, padded to whole ones."""
        w = self(k, k, x.shape[-1], 1, fan=k * k)
        pad = rate * (k - 1)
        more = [-(n + pad) % rate for n in x.shape[1:3]]
        y = tf.space_to_batch(x, [rate, rate],
                              [[pad // 2, pad - pad // 2 + m] for m in more])
        y = tf.compat.v1.nn.depthwise_conv2d_native(y, w, [1, 1, 1, 1], "VALID")
        return tf.batch_to_space(y, [rate, rate], [[0, m] for m in more])


def bottleneck(w, x, c, stride=1, rate=1):
    y = w.conv(x, x.shape[-1] * 3, 1)
    y = w.conv(w.depthwise(y, 3, stride, rate), c, 1, act=None)
    return x + y if stride == 1 and x.shape[-1] == c else y


def backbone(w, x):
    x = w.conv(x, 16, 3, 2)
    maps = []
    for c, stride in ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (48, 2)):
        x = bottleneck(w, x, c, stride)
        maps.append(x)
    return maps


def deeplab(x):
    """DeepLabV3 with MobileNetV2: dilation in the batch, pooling over the picture, argmax."""
    w = Weights()
    x = backbone(w, x)[4]
    for rate in (2, 4):
        x = bottleneck(w, x, 32, rate=rate)
    size = x.shape[1:3]
    pooled = tf.reduce_mean(x, [1, 2], keepdims=True)
    pooled = tf.compat.v1.image.resize_bilinear(w.conv(pooled, 24, 1), size, align_corners=True)
    x = tf.concat([pooled, w.conv(x, 24, 1), w.conv(w.depthwise(x, 3, rate=3), 24, 1)], -1)
    x = tf.nn.bias_add(tf.nn.conv2d(x, w(1, 1, x.shape[-1], 21), 1, "SAME"), w(21))
    x = tf.compat.v1.image.resize_bilinear(x, [SIZE, SIZE], align_corners=True)
    return x, tf.cast(tf.argmax(x, -1), tf.float32)


def ssd(x):
    """SSD's heads on MobileNetV2, anchors decoded in the graph as the Object Detection API does."""
    w = Weights()
    maps = backbone(w, x * (2 / 255) - 1)
    maps = [maps[4], maps[5], w.conv(maps[5], 64, 3, 2)]
    boxes, scores = [], []
    for m in maps:
        m = w.depthwise(m, 3)
        for out, n in ((boxes, 4), (scores, 8)):
            y = tf.nn.bias_add(tf.nn.conv2d(m, w(1, 1, m.shape[-1], 3 * n), 1, "SAME"), w(3 * n))
            out.append(tf.reshape(y, tf.stack([tf.shape(y)[0], -1, n])))
    boxes, scores = tf.concat(boxes, 1), tf.sigmoid(tf.concat(scores, 1))
    n = boxes.shape[1]
    anchors = tf.constant(np.random.default_rng(3).uniform(0.2, 0.6, size=(n, 4)), tf.float32)
    ty, tx, th, tw = tf.unstack(tf.reshape(boxes, [-1, 4]) / [10, 10, 5, 5], axis=1)
    ay, ax, ah, aw = tf.unstack(anchors, axis=1)
    y, x, h, wide = ty * ah + ay, tx * aw + ax, tf.exp(th) * ah, tf.exp(tw) * aw
    corners = tf.stack([y - h / 2, x - wide / 2, y + h / 2, x + wide / 2], 1)
    return tf.expand_dims(corners, 0), scores


def efficientdet(x):
    """A BiFPN with swish, nearest and max-pool resampling and fast normalised weights."""
    w = Weights()
    maps = [m for i, m in enumerate(backbone(w, x)) if i in (2, 4, 5)]
    maps = [w.conv(m, 32, 1, act=None) for m in maps]
    maps.append(tf.nn.max_pool2d(maps[-1], 3, 2, "SAME"))

    def merge(*parts):
        weights = tf.nn.relu(w(len(parts), fan=1))
        weights /= tf.reduce_sum(weights) + 1e-4
        total = tf.add_n([p * weights[i] for i, p in enumerate(parts)])
        return w.conv(w.depthwise(total * tf.sigmoid(total), 3, act=None), 32, 1, act=None)

    for _ in range(2):
        down = [maps[-1]]
        for m in reversed(maps[:-1]):
            large = tf.compat.v1.image.resize_nearest_neighbor(down[-1], m.shape[1:3])
            down.append(merge(m, large))
        up = [down[-1]]
        for m, mid in zip(maps[1:], list(reversed(down))[1:]):
            up.append(merge(m, mid, tf.nn.max_pool2d(up[-1], 3, 2, "SAME")))
        maps = up
    return [tf.nn.conv2d(m, w(1, 1, 32, 36), 1, "SAME") for m in maps]


def faster_rcnn(x):
    """The second stage on fixed regions: crops, a mean and two heads."""
    w = Weights()
    m = backbone(w, x)[3]
    regions = tf.constant([[0.1, 0.1, 0.6, 0.7], [0, 0, 1, 1], [0.4, 0.2, 0.9, 1.2]], tf.float32)
    crops = tf.image.crop_and_resize(m, regions, tf.zeros([3], tf.int32), [14, 14])
    crops = w.conv(tf.nn.max_pool2d(crops, 2, 2, "VALID"), 64, 3)
    flat = tf.reduce_mean(crops, [1, 2])
    return tf.nn.softmax(tf.matmul(flat, w(64, 9))), tf.matmul(flat, w(64, 32))


HAND_MADE = [deeplab, ssd, efficientdet, faster_rcnn]
KERAS = {
    "MobileNet": {}, "MobileNetV2": {}, "MobileNetV3Small": {}, "InceptionV3": {}, "ResNet50": {},
    "EfficientNetB0": {}, "DenseNet121": {}, "NASNetMobile": {"input_shape": (224, 224, 3)},
    "Xception": {}, "VGG16": {"include_top": False},
}


def freeze(f, shape, folder):
    """The file, the names of input and outputs, and the function."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(f).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    frozen = convert_variables_to_constants_v2(concrete)
    (folder / "net.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return frozen.inputs[0].name.split(":")[0], [t.name for t in frozen.outputs]


def check(atc, prusik, folder, f, shape, scale=255):
    name, outputs = freeze(f, shape, folder)
    through.convert(atc, folder / "net.pb", folder / "net", "--framework=3",
                    f"--input_shape={name}:{','.join(map(str, shape))}",
                    f"--out_nodes={';'.join(outputs)}", PRUSIK_DUMP=str(folder))
    x = (np.random.default_rng(1).random(shape) * scale).astype(np.float32)
    expected = f(tf.constant(x))
    expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    got = through.run(prusik, folder / "net.om", [x], folder / "out")
    assert len(got) == len(expected)
    for y, r in zip(got, (r.numpy() for r in expected)):
        assert y.shape == r.shape
        assert np.ptp(r) > 0
        assert np.abs(y - r).max() <= 1e-3 * np.ptp(r)
    return sorted(folder.glob("[0-9]*.txt"))[-1].read_text()


def transposes_between_convolutions(graph):
    uses = {m[1]: (m[2], re.findall(r"[^, ]+", m[3])) for m in
            re.finditer(r"^  (\S+) \S+ = (\w+)\(([^)]*)\)", graph, re.M)}

    def behind(tensor, seen):
        op, inputs = uses.get(tensor, ("", []))
        if tensor in seen:
            return False
        seen.add(tensor)
        return op == "Conv" or any(behind(i, seen) for i in inputs)

    return [i for op, inputs in uses.values() if op == "Conv" for i in inputs[:1]
            if uses.get(i, ("",))[0] == "Transpose" and behind(i, set())]


@pytest.mark.parametrize("make", HAND_MADE)
def test_detectors(atc, prusik, tmp_path, make):
    graph = check(atc, prusik, tmp_path, make, (1, SIZE, SIZE, 3), 255 if make is ssd else 1)
    assert graph.count("= Conv(") >= 14
    if make is not faster_rcnn:  # crops are channels last and first again
        assert not transposes_between_convolutions(graph)
    if make is deeplab:
        assert all(f"dilations=[{r},{r}]" in graph for r in (2, 3, 4))


@pytest.mark.parametrize("name", KERAS)
def test_classifiers(atc, prusik, tmp_path, name):
    tf.keras.utils.set_random_seed(5)
    shape = KERAS[name].get("input_shape", (SIZE, SIZE, 3))
    more = {"classes": 20} if KERAS[name].get("include_top", True) else {}
    net = getattr(tf.keras.applications, name)(
        weights=None, **{"input_shape": shape, "classifier_activation": None, **more, **KERAS[name]})
    rng = np.random.default_rng(4)
    for layer in net.layers:  # norms that do something
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            *gamma, beta, mean, variance = (rng.random(w.shape) for w in layer.get_weights())
            layer.set_weights([*(g + 0.5 for g in gamma), beta - 0.5, mean - 0.5, variance + 0.5])
    graph = check(atc, prusik, tmp_path, lambda x: net(x, training=False), (1, *shape), 2)
    assert not transposes_between_convolutions(graph)


def test_recurrent(atc, prusik, tmp_path):
    """Loops over a fixed length are unrolled."""
    layers = tf.keras.layers
    net = tf.keras.Sequential([
        layers.Input((6, 4)), layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        layers.GRU(3)])
    graph = check(atc, prusik, tmp_path, lambda x: net(x, training=False), (1, 6, 4), 2)
    assert graph.count("= Tanh(") >= 6 * 2 * 2
