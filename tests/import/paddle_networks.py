# SPDX-License-Identifier: Apache-2.0
"""Networks of PaddlePaddle with random weights, exported to ONNX through paddle2onnx.

usage: paddle_networks.py FOLDER

Runs in an environment of its own (tests/requirements-paddle.txt). For each network writes NAME.onnx,
NAME.x.npy and what Paddle computes, NAME.y0.npy and so on. Both have the building blocks of their
families at a small size: PP-OCR reads a line of text (convolutions with squeeze and excitation,
a row of columns, LSTMs, a softmax over characters); PicoDet detects (LCNet, CSP-PAN, one head per
level with the distribution of each side).
"""
import pathlib
import sys

import numpy as np
import paddle
import paddle2onnx
from paddle import nn
from paddle.nn import functional as F


def conv(c, m, k=1, s=1, group=1, act=nn.Hardswish):
    layers = [nn.Conv2D(c, m, k, s, k // 2, groups=group, bias_attr=False), nn.BatchNorm2D(m)]
    return nn.Sequential(*layers, *([act()] if act else []))


class SqueezeExcite(nn.Layer):
    def __init__(self, c):
        super().__init__()
        self.down, self.up = nn.Conv2D(c, c // 4, 1), nn.Conv2D(c // 4, c, 1)

    def forward(self, x):
        y = F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.up(y))


def separable(c, m, k=3, s=1, excite=False):
    return nn.Sequential(conv(c, c, k, s, c), *([SqueezeExcite(c)] if excite else []), conv(c, m))


class Ocr(nn.Layer):
    """A line of text, 32 high, to a row of character probabilities."""

    def __init__(self, characters=97):
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 16, 3, 2), separable(16, 32, 3, 1), separable(32, 48, 3, (2, 1), True),
            separable(48, 64, 5, (2, 1), True), separable(64, 96, 5, (2, 1), True),
            nn.MaxPool2D(2, 2, 0))
        self.rows = nn.LSTM(96, 48, num_layers=2, direction="bidirectional")
        self.head = nn.Linear(96, characters)

    def forward(self, x):
        x = self.body(x)
        x = x.squeeze(2).transpose([0, 2, 1])
        return F.softmax(self.head(self.rows(x)[0]), axis=2)


class Csp(nn.Layer):
    def __init__(self, c, m):
        super().__init__()
        self.a, self.b, self.out = conv(c, m // 2), conv(c, m // 2), conv(m, m)
        self.inner = nn.Sequential(conv(m // 2, m // 2), separable(m // 2, m // 2, 5))

    def forward(self, x):
        return self.out(paddle.concat([self.inner(self.a(x)), self.b(x)], axis=1))


class PicoDet(nn.Layer):
    def __init__(self, classes=20, bins=8, m=32):
        super().__init__()
        self.classes, self.bins = classes, bins
        self.stem = nn.Sequential(conv(3, 16, 3, 2), separable(16, 24, 3, 2))
        self.c3 = nn.Sequential(separable(24, 48, 3, 2), separable(48, 48))
        self.c4 = nn.Sequential(separable(48, 96, 3, 2), separable(96, 96, 5))
        self.c5 = nn.Sequential(separable(96, 128, 5, 2, True), separable(128, 128, 5, 1, True))
        self.reduce = nn.LayerList([conv(c, m) for c in (48, 96, 128)])
        self.top = nn.LayerList([Csp(2 * m, m) for _ in range(2)])
        self.bottom = nn.LayerList([Csp(2 * m, m) for _ in range(2)])
        self.down = nn.LayerList([separable(m, m, 5, 2) for _ in range(2)])
        self.first, self.second = separable(m, m, 5, 2), separable(m, m, 5, 2)
        self.heads = nn.LayerList([separable(m, m, 5) for _ in range(4)])
        self.preds = nn.LayerList([nn.Conv2D(m, classes + 4 * bins, 1) for _ in range(4)])
        self.register_buffer("steps", paddle.arange(bins).astype("float32").reshape([bins, 1]))

    def forward(self, x):
        c3 = self.c3(self.stem(x))
        c4 = self.c4(c3)
        p3, p4, p5 = [r(c) for r, c in zip(self.reduce, (c3, c4, self.c5(c4)))]
        # By size: paddle2onnx 2.1 cannot read the scale that Paddle 3.3 writes.
        up = lambda t, like: F.interpolate(t, size=like.shape[2:], mode="nearest")
        n4 = self.top[0](paddle.concat([up(p5, p4), p4], 1))
        n3 = self.top[1](paddle.concat([up(n4, p3), p3], 1))
        o4 = self.bottom[0](paddle.concat([self.down[0](n3), n4], 1))
        o5 = self.bottom[1](paddle.concat([self.down[1](o4), p5], 1))
        o6 = self.first(p5) + self.second(o5)
        scores, boxes = [], []
        for f, head, pred, stride in zip((n3, o4, o5, o6), self.heads, self.preds, (8, 16, 32, 64)):
            cls, reg = paddle.split(pred(head(f)), [self.classes, 4 * self.bins], axis=1)
            scores.append(F.sigmoid(cls).flatten(2))
            reg = reg.flatten(2).transpose([0, 2, 1]).reshape([0, -1, 4, self.bins])
            sides = paddle.matmul(F.softmax(reg, axis=-1), self.steps).squeeze(-1) * stride
            boxes.append(sides)
        return paddle.concat(boxes, 1), paddle.concat(scores, 2)


NETWORKS = {"ppocr": (Ocr, [1, 3, 32, 160]), "picodet": (PicoDet, [1, 3, 128, 192])}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, (make, shape) in NETWORKS.items():
        paddle.seed(1)
        net = make()
        for layer in net.sublayers():  # statistics of its own, so that activations keep their scale
            if isinstance(layer, nn.BatchNorm2D):
                layer._momentum = 0.0
        net.train()
        with paddle.no_grad():
            net(paddle.randn([8, *shape[1:]]))
        net.eval()
        x = paddle.randn(shape)
        with paddle.no_grad():
            y = net(x)
        np.save(folder / f"{name}.x.npy", x.numpy())
        for i, v in enumerate(y if isinstance(y, (tuple, list)) else [y]):
            np.save(folder / f"{name}.y{i}.npy", v.numpy())
        static = folder / name
        paddle.jit.save(net, str(static), [paddle.static.InputSpec(shape, "float32", name="x")])
        # Its optimiser installs packages of other places by itself.
        paddle2onnx.export(f"{static}.json", f"{static}.pdiparams", f"{static}.onnx",
                           optimize_tool="None", verbose=False)


if __name__ == "__main__":
    main()
