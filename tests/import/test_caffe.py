# SPDX-License-Identifier: Apache-2.0
"""Layers of Caffe against formulas in NumPy, the forms a network can have, and what atc says of those
it cannot convert."""
import subprocess

import numpy as np
import pytest

from caffe_writer import caffemodel, caffemodel_v1, convert, head, layer, run_network

RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 6, 5, 7)).astype("f")
Y = RNG.normal(size=(2, 6, 5, 7)).astype("f")
TALL = RNG.normal(size=(2, 3, 6, 7)).astype("f")


def rand(*shape):
    return RNG.normal(size=shape).astype("f")


def conv(x, w, b, stride=1, pad=0, dilation=1, group=1):
    """Convolution by its definition."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    m, c, kh, kw = w.shape
    oh = (x.shape[2] - dilation * (kh - 1) - 1) // stride + 1
    ow = (x.shape[3] - dilation * (kw - 1) - 1) // stride + 1
    out = np.zeros((x.shape[0], m, oh, ow))
    for i in range(m):
        g = i // (m // group)
        for y in range(kh):
            for z in range(kw):
                part = x[:, g * c:(g + 1) * c, y * dilation:y * dilation + stride * oh:stride,
                         z * dilation:z * dilation + stride * ow:stride][:, :, :oh, :ow]
                out[:, i] += np.einsum("nchw,c->nhw", part, w[i, :, y, z])
    return out + b.reshape(1, -1, 1, 1)


def pool(x, k, s, p, average):
    """Caffe's rule: sizes round up, a window that begins behind is dropped."""
    size = []
    for n in x.shape[2:]:
        o = -(-(n + 2 * p - k) // s) + 1
        size.append(o - 1 if p and (o - 1) * s >= n + p else o)
    out = np.zeros(x.shape[:2] + tuple(size))
    for i in range(size[0]):
        for j in range(size[1]):
            y, z = i * s - p, j * s - p
            y1, z1 = min(y + k, x.shape[2] + p), min(z + k, x.shape[3] + p)
            area = (y1 - y) * (z1 - z)
            part = x[:, :, max(y, 0):y1, max(z, 0):z1]
            out[:, :, i, j] = part.sum((2, 3)) / area if average else part.max((2, 3))
    return out


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def lrn(x, n, alpha, beta, k):
    pad = np.pad(x ** 2, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    total = sum(pad[:, i:i + x.shape[1]] for i in range(n))
    return x / (k + alpha / n * total) ** beta


def mvn(x, axes):
    d = x - x.mean(axes, keepdims=True)
    return d / (np.sqrt((d ** 2).mean(axes, keepdims=True)) + 1e-9)


def interp(x, height, width):
    """Bilinear between aligned corners."""
    y, z = (np.linspace(0, n - 1, m) for n, m in ((x.shape[2], height), (x.shape[3], width)))
    weights = [np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)))
               for at, n in ((y, x.shape[2]), (z, x.shape[3]))]
    return np.einsum("nchw,yh,zw->ncyz", x, *weights)


def reorg(x, s):
    """Channel (i * s + j) * C + c has what channel c has at places (i, j) of every square."""
    return np.concatenate([x[:, :, i::s, j::s] for i in range(s) for j in range(s)], 1)


def spp(x, levels, average):
    """Parts overhang by the same padding on both sides."""
    out = []
    for n in (2 ** i for i in range(levels)):
        k = [-(-size // n) for size in x.shape[2:]]
        p = [(a * n - size + 1) // 2 for a, size in zip(k, x.shape[2:])]
        for c in range(x.shape[1]):
            for i in range(n):
                for j in range(n):
                    y, z = i * k[0] - p[0], j * k[1] - p[1]
                    y1, z1 = (min(a + b, size + q) for a, b, size, q in
                              zip((y, z), k, x.shape[2:], p))
                    part = x[:, c, max(y, 0):y1, max(z, 0):z1]
                    area = (y1 - y) * (z1 - z)
                    out.append(part.sum((1, 2)) / area if average else part.max((1, 2)))
    return np.stack(out, 1)


W3 = rand(4, 6, 3, 3)
WG = rand(4, 3, 3, 3)
WD = rand(6, 1, 3, 3)
B4, B6 = rand(4), rand(6)
IP = rand(9, 6 * 35)
SIX = rand(6)
MEAN, VAR = rand(6), np.abs(rand(6)) + 0.5
c6 = SIX.reshape(1, 6, 1, 1)

# name -> (type, parameters, blobs, bottoms, expected)
CASES = {
    "conv": ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 }",
             [W3, B4], [X], conv(X, W3, B4, 2, 1)),
    "conv_hw": ("Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 3 pad_h: 1 "
                "pad_w: 1 dilation: 2 bias_term: false }", [W3], [X],
                conv(X, W3, 0 * B4, 1, 1, 2)),
    "conv_group": ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 2 }",
                   [WG, B4], [X], conv(X, WG, B4, group=2)),
    "depthwise": ("ConvolutionDepthwise", "convolution_param { num_output: 6 kernel_size: 3 }",
                  [WD, B6], [X], conv(X, WD, B6, group=6)),
    "inner": ("InnerProduct", "inner_product_param { num_output: 9 bias_term: false }", [IP], [X],
              X.reshape(2, -1) @ IP.T),
    "inner_transposed": ("InnerProduct", "inner_product_param { num_output: 9 transpose: true "
                         "bias_term: false }", [IP.T.copy()], [X], X.reshape(2, -1) @ IP.T),
    "inner_axis": ("InnerProduct", "inner_product_param { num_output: 4 axis: -1 }",
                   [IP[:4, :7], B4], [X], X @ IP[:4, :7].T + B4),
    "max_pool": ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", [], [X],
                 pool(X, 3, 2, 0, False)),
    "max_pool_pad": ("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }", [], [X],
                     pool(X, 2, 2, 1, False)),
    "ave_pool": ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }", [], [X],
                 pool(X, 3, 2, 1, True)),
    "ave_pool_beyond": ("Pooling", "pooling_param { pool: AVE kernel_size: 4 stride: 3 }", [], [X],
                        pool(X, 4, 3, 0, True)),
    "global_pool": ("Pooling", "pooling_param { pool: AVE global_pooling: true }", [], [X],
                    X.mean((2, 3), keepdims=True)),
    "batch_norm": ("BatchNorm", "", [MEAN * 2, VAR * 2, np.array([2.0])], [X],
                   (X - MEAN.reshape(c6.shape)) / np.sqrt(VAR.reshape(c6.shape) + 1e-5)),
    "scale": ("Scale", "scale_param { bias_term: true }", [SIX, B6], [X],
              X * c6 + B6.reshape(c6.shape)),
    "scale_axis": ("Scale", "scale_param { axis: 2 num_axes: -1 }", [rand(1)[0] * X[0, 0]], [X],
                   None),
    "scale_two": ("Scale", "scale_param { axis: 0 }", [], [X, X[:, :, 0, 0].copy()],
                  X * X[:, :, :1, :1]),
    "bias": ("Bias", "", [SIX], [X], X + c6),
    "prelu": ("PReLU", "", [SIX], [X], np.where(X > 0, X, X * c6)),
    "prelu_shared": ("PReLU", "prelu_param { channel_shared: true }", [np.array([0.3])], [X],
                     np.where(X > 0, X, X * 0.3)),
    "relu": ("ReLU", "relu_param { negative_slope: 0.1 }", [], [X], np.where(X > 0, X, X * 0.1)),
    "elu": ("ELU", "elu_param { alpha: 0.5 }", [], [X], np.where(X > 0, X, 0.5 * (np.exp(X) - 1))),
    "sigmoid": ("Sigmoid", "", [], [X], 1 / (1 + np.exp(-X))),
    "tanh": ("TanH", "", [], [X], np.tanh(X)),
    "abs": ("AbsVal", "", [], [X], np.abs(X)),
    "bnll": ("BNLL", "", [], [X], np.log1p(np.exp(X))),
    "power": ("Power", "power_param { power: 2 scale: 0.5 shift: 1 }", [], [X], (1 + 0.5 * X) ** 2),
    "exp": ("Exp", "exp_param { base: 2 scale: 0.5 shift: 1 }", [], [X], 2 ** (1 + 0.5 * X)),
    "log": ("Log", "log_param { base: 10 shift: 9 }", [], [X], np.log10(9 + X)),
    "threshold": ("Threshold", "threshold_param { threshold: 0.2 }", [], [X], (X > 0.2) * 1.0),
    "relu6": ("ReLU6", "", [], [X * 4], np.clip(X * 4, 0, 6)),
    "clip": ("Clip", "clip_param { min: -0.5 max: 0.25 }", [], [X], np.clip(X, -0.5, 0.25)),
    "swish": ("Swish", "swish_param { beta: 2 }", [], [X], X / (1 + np.exp(-2 * X))),
    "h_swish": ("HSwish", "", [], [X], X * np.clip(X / 6 + 0.5, 0, 1)),
    "h_sigmoid": ("HSigmoid", "", [], [X * 3], np.clip(X * 3 / 6 + 0.5, 0, 1)),
    "mish": ("Mish", "", [], [X], X * np.tanh(np.log1p(np.exp(X)))),
    "interp": ("Interp", "interp_param { height: 9 width: 11 }", [], [X], interp(X, 9, 11)),
    "interp_zoom": ("Interp", "interp_param { zoom_factor: 3 }", [], [X], interp(X, 13, 19)),
    "interp_shrink": ("Interp", "interp_param { shrink_factor: 2 }", [], [X], interp(X, 3, 4)),
    "interp_like": ("Interp", "", [], [X, rand(2, 1, 4, 15)], interp(X, 4, 15)),
    "reorg": ("Reorg", "reorg_param { stride: 2 }", [], [X[:, :, :4, :6].copy()],
              reorg(X[:, :, :4, :6], 2)),
    "pass_through": ("PassThrough", "", [], [X[:, :, :4, :6].copy()], reorg(X[:, :, :4, :6], 2)),
    "reorg_back": ("Reorg", "reorg_param { stride: 3 reverse: true }", [],
                   [reorg(np.tile(X, (1, 1, 3, 3)), 3)], np.tile(X, (1, 1, 3, 3))),
    "spp_max": ("SPP", "spp_param { pyramid_height: 3 }", [], [TALL], spp(TALL, 3, False)),
    "spp_ave": ("SPP", "spp_param { pyramid_height: 2 pool: AVE }", [], [X], spp(X, 2, True)),
    "spp_one": ("SPP", "spp_param { pyramid_height: 1 }", [], [X], X.max((2, 3))),
    "eltwise": ("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }", [], [X, Y], 2 * X - Y),
    "eltwise_prod": ("Eltwise", "eltwise_param { operation: PROD }", [], [X, Y], X * Y),
    "eltwise_max": ("Eltwise", "eltwise_param { operation: MAX }", [], [X, Y], np.maximum(X, Y)),
    "softmax": ("Softmax", "softmax_param { axis: -1 }", [], [X], softmax(X, -1)),
    "lrn": ("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }", [], [X],
            lrn(X, 3, 0.5, 0.75, 2)),
    "lrn_within": ("LRN", "lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }", [],
                   [X], X / (1 + 0.5 * pool(X ** 2, 3, 1, 1, True)) ** 0.75),
    "mvn": ("MVN", "", [], [X], mvn(X, (2, 3))),
    "mvn_across": ("MVN", "mvn_param { across_channels: true normalize_variance: false }", [], [X],
                   X - X.mean((1, 2, 3), keepdims=True)),
    "normalize": ("Normalize", "norm_param { across_spatial: false channel_shared: false }", [SIX],
                  [X], X / np.sqrt((X ** 2).sum(1, keepdims=True) + 1e-10) * c6),
    "reduction": ("Reduction", "reduction_param { operation: ASUM axis: 2 coeff: 0.5 }", [], [X],
                  np.abs(X).sum((2, 3)) * 0.5),
    "arg_max": ("ArgMax", "argmax_param { axis: 1 }", [], [X],
                X.argmax(1)[:, None].astype("f")),
    "arg_max_flat": ("ArgMax", "argmax_param { out_max_val: true }", [], [X],
                     np.stack([X.reshape(2, -1).argmax(1), X.reshape(2, -1).max(1)], 1)[:, :, None]),
    "concat": ("Concat", "concat_param { axis: 2 }", [], [X, Y], np.concatenate([X, Y], 2)),
    "crop": ("Crop", "crop_param { axis: 2 offset: 1 offset: 2 }", [], [X, rand(1, 1, 3, 4)],
             X[:, :, 1:4, 2:6]),
    "flatten": ("Flatten", "flatten_param { axis: 1 end_axis: 2 }", [], [X], X.reshape(2, 30, 7)),
    "permute": ("Permute", "permute_param { order: 0 order: 2 order: 3 }", [], [X],
                X.transpose(0, 2, 3, 1)),
    "reshape": ("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 } axis: 0 num_axes: 3 }",
                [], [X], X.reshape(2, 3, 10, 7)),
    "reverse": ("Reverse", "reverse_param { axis: 1 }", [], [X], X[:, ::-1]),
    "tile": ("Tile", "tile_param { axis: 1 tiles: 2 }", [], [X], np.tile(X, (1, 2, 1, 1))),
    "shuffle": ("ShuffleChannel", "shuffle_channel_param { group: 3 }", [], [X],
                X.reshape(2, 3, 2, 5, 7).transpose(0, 2, 1, 3, 4).reshape(X.shape)),
    "upsample": ("Upsample", "upsample_param { scale: 1 stride: 2 }", [], [X],
                 X.repeat(2, 2).repeat(2, 3)),
    "upsample_darknet": ("Upsample", "upsample_param { scale: 2 }", [], [X],
                         X.repeat(2, 2).repeat(2, 3)),
    "axpy": ("Axpy", "", [], [X[:, :, :1, :1].copy(), X, Y], X[:, :, :1, :1] * X + Y),
    "dropout": ("Dropout", "dropout_param { dropout_ratio: 0.5 }", [], [X], X),
    "embed": ("Embed", "embed_param { num_output: 4 input_dim: 3 }", [rand(3, 4), B4],
              [np.array([[0, 2], [1, 1]], "f")], None),
}
CASES["scale_axis"] = CASES["scale_axis"][:4] + (X * CASES["scale_axis"][2][0],)
CASES["embed"] = CASES["embed"][:4] + (CASES["embed"][2][0][[[0, 2], [1, 1]]] + B4,)


@pytest.mark.parametrize("name", CASES)
def test_layer(atc, prusik, tmp_path, name):
    kind, params, blobs, bottoms, expected = CASES[name]
    names = [f"in{i}" for i in range(len(bottoms))]
    text = "".join(head(*b.shape, name=n) for n, b in zip(names, bottoms))
    text += layer(kind, "it", names, ["top"], params)
    weights = caffemodel({"it": blobs, "other": [SIX]})
    got = run_network(atc, prusik, tmp_path, text, weights, bottoms)
    assert list(got) == ["00_top"]
    np.testing.assert_allclose(got["00_top"], expected, rtol=1e-4, atol=1e-5)


def test_deconvolution(atc, prusik, tmp_path):
    w = rand(6, 4, 2, 2)
    text = head(*X.shape) + layer("Deconvolution", "up", ["data"], ["top"], "convolution_param { "
                                  "num_output: 4 kernel_size: 2 stride: 2 bias_term: false }")
    got = run_network(atc, prusik, tmp_path, text, caffemodel({"up": [w]}), [X])["00_top"]
    expected = np.einsum("nchw,cmyx->nmhywx", X, w).reshape(2, 4, 10, 14)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_slice_split_and_names(atc, prusik, tmp_path):
    """Outputs are what nobody reads, in order; in place, the last writing has the blob's name."""
    text = (head(*X.shape) +
            layer("Slice", "cut", ["data"], ["a", "b", "c"], "slice_param { slice_point: 1 "
                  "slice_point: 3 }") +
            layer("Split", "two", ["b"], ["b1", "b2"]) + layer("AbsVal", "abs", ["a"], ["a"]) +
            layer("TanH", "tanh", ["a"], ["a"]) + layer("Silence", "quiet", ["b2"], []))
    got = run_network(atc, prusik, tmp_path, text, caffemodel({"o": [SIX]}), [X])
    assert list(got) == ["00_c", "01_b1", "02_a"]
    np.testing.assert_array_equal(got["00_c"], X[:, 3:])
    np.testing.assert_array_equal(got["01_b1"], X[:, 1:3])
    np.testing.assert_allclose(got["02_a"], np.tanh(np.abs(X[:, :1])), rtol=1e-5)
    named = tmp_path / "named"
    named.mkdir()
    got = run_network(atc, prusik, named, text, caffemodel({"o": [SIX]}), [X],
                      "--out_nodes=abs:0;b")
    assert len(got) == 2
    np.testing.assert_allclose(list(got.values())[0], np.abs(X[:, :1]), rtol=1e-6)


CONV = "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }"
INPUTS = {
    "input_dim": 'input: "data" input_dim: 2 input_dim: 6 input_dim: 5 input_dim: 7\n',
    "input_shape": 'input: "data" input_shape { dim: [2, 6, 5, 7] }\n',
    "no_shape": 'input: "data"\n',
}


@pytest.mark.parametrize("form", INPUTS)
def test_heads(atc, prusik, tmp_path, form):
    text = INPUTS[form] + layer("Convolution", "c", ["data"], ["c"], CONV)
    more = ["--input_shape=data:2,6,5,7"] if form == "no_shape" else []
    got = run_network(atc, prusik, tmp_path, text, caffemodel({"c": [W3, B4]}), [X], *more)
    np.testing.assert_allclose(got["00_c"], conv(X, W3, B4, pad=1), rtol=1e-4, atol=1e-5)


V1 = ('layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 weight_decay: 0 %s }\n'
      'layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { kernel_size: 3 stride: 2 } }\n')
V0 = ('layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "data" top: "padded" }\n'
      'layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 weight_filler { type: "x" } }'
      ' bottom: "padded" top: "c" }\n'
      'layers { layer { name: "p" type: "pool" kernelsize: 3 stride: 2 pool: MAX } bottom: "c" top: "p" }\n')


@pytest.mark.parametrize("v0", [False, True])
def test_older_forms(atc, prusik, tmp_path, v0):
    text = INPUTS["input_dim"] + (V0 if v0 else V1 % CONV)
    got = run_network(atc, prusik, tmp_path, text, caffemodel_v1({"c": [W3, B4]}, v0), [X])
    np.testing.assert_allclose(got["00_p"], pool(conv(X, W3, B4, pad=1), 3, 2, 0, False), rtol=1e-4,
                               atol=1e-5)


def test_double_weights_and_phases(atc, prusik, tmp_path):
    train = "include { phase: TRAIN }"
    text = (layer("Data", "in", [], ["data", "label"], train + " data_param { source: 'x' backend: LMDB }") +
            head(*X.shape) + layer("Convolution", "c", ["data"], ["c"],
                                   "param { lr_mult: 1 } param { name: 'b' } " + CONV) +
            layer("SoftmaxWithLoss", "loss", ["c", "label"], ["loss"], train) +
            layer("Accuracy", "top5", ["c", "label"], ["top5"], "exclude { phase: TEST }"))
    got = run_network(atc, prusik, tmp_path, text, caffemodel({"c": [W3, B4]}, doubles=True), [X])
    assert list(got) == ["00_c"]
    np.testing.assert_allclose(got["00_c"], conv(X, W3, B4, pad=1), rtol=1e-4, atol=1e-5)


def test_dynamic_batch(atc, prusik, tmp_path):
    text = head(-1, 6, 5, 7) + layer("InnerProduct", "ip", ["data"], ["ip"],
                                     "inner_product_param { "
                                     "num_output: 9 bias_term: false }")
    done, _ = convert(atc, tmp_path, text, caffemodel({"ip": [IP]}), "--input_shape=data:-1,6,5,7",
                      "--dynamic_batch_size=1,2")
    assert done.returncode == 0, done.stdout


# ---- SSD ----

def priors(h, w, picture, sizes):
    """Boxes of a PriorBox layer: corners as fractions of the picture."""
    out = []
    for y in range(h):
        for x in range(w):
            for bw, bh in sizes:
                cx, cy = (x + 0.5) * picture / w, (y + 0.5) * picture / h
                out.append([cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2])
    return np.array(out) / picture


PRIORS = priors(2, 3, 24, [(6, 6), (72 ** 0.5,) * 2, (6 * 2 ** 0.5, 6 / 2 ** 0.5),
                           (6 / 2 ** 0.5, 6 * 2 ** 0.5)])
VARIANCES = [0.1, 0.1, 0.2, 0.2]


def overlap(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(high - low) if (high > low).all() else 0
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def detections(loc, conf, keep, iou, least):
    """Rows of DetectionOutput with centre-size codes, padded with -1."""
    rows = []
    for image in range(len(loc)):
        d = loc[image].reshape(-1, 4) * VARIANCES
        size = PRIORS[:, 2:] - PRIORS[:, :2]
        centre = d[:, :2] * size + (PRIORS[:, :2] + PRIORS[:, 2:]) / 2
        half = size * np.exp(d[:, 2:]) / 2
        boxes = np.concatenate([centre - half, centre + half], 1)
        found = []
        for label in (1, 2):
            scores = conf[image].reshape(-1, 3)[:, label]
            kept = []
            for i in np.argsort(-scores, kind="stable"):
                if scores[i] > least and all(overlap(boxes[i], boxes[k]) <= iou for k in kept):
                    kept.append(i)
            found += [(scores[i], label, i) for i in kept]
        found = sorted(found, key=lambda f: -f[0])[:keep]
        rows += [[image, f[1], f[0], *boxes[f[2]]] for f in sorted(found, key=lambda f: (f[1], -f[0]))]
    return np.array(rows + [[-1] * 7] * (keep * len(loc) - len(rows)))


def test_ssd(atc, prusik, tmp_path):
    loc, conf = rand(2, 24 * 4), RNG.uniform(size=(2, 24 * 3)).astype("f")
    text = (head(2, 96, name="loc") + head(2, 72, name="conf") + head(1, 1, 2, 3, name="map") +
            head(1, 3, 24, 24, name="picture") +
            layer("PriorBox", "prior", ["map", "picture"], ["prior"],
                  "prior_box_param { min_size: 6 "
                  "max_size: 12 aspect_ratio: 2 aspect_ratio: 0.5 " +
                  " ".join(f"variance: {v}" for v in VARIANCES) + " }") +
            layer("DetectionOutput", "out", ["loc", "conf", "prior"], ["out"],
                  "detection_output_param { num_classes: 3 nms_param { nms_threshold: 0.3 top_k: 20 } "
                  "code_type: CENTER_SIZE keep_top_k: 9 confidence_threshold: 0.6 }"))
    got = run_network(atc, prusik, tmp_path, text, caffemodel({"o": [SIX]}),
                      [loc, conf, rand(1, 1, 2, 3), rand(1, 3, 24, 24)])
    expected = detections(loc, conf, 9, 0.3, 0.6)
    np.testing.assert_allclose(got["00_out"][0, 0], expected, rtol=1e-4, atol=1e-5)


# ---- what cannot be converted ----

GOOD = head(*X.shape) + layer("Convolution", "c", ["data"], ["c"], CONV)
SAYS = {
    "typo": (GOOD.replace("kernel_size", "kernal_size"), [W3, B4],
             "ConvolutionParameter has no field 'kernal_size'; is 'kernel_size' meant?"),
    "place": (GOOD + "layer {\n  name 'x'\n}", [W3, B4], "net.prototxt:4:8: expected ':'"),
    "no_weights": (GOOD.replace('name: "c"', 'name: "d"'), [W3, B4], "has no weights for it"),
    "bias": (GOOD, [W3], "1 blobs for it, but its bias would be blob 1"),
    "shape": (GOOD, [WG, B4], "its weight (blob 0) has 108 values of shape [4,3,3,3]"),
    "bottom": (GOOD.replace('bottom: "data"', 'bottom: "daat"'), [W3, B4],
               "its bottom 'daat' is made by no layer before it"),
    "twice": (GOOD + layer("TanH", "t", ["data"], ["c"]), [W3, B4],
              "its top 'c' is made by another layer already"),
    "data": (GOOD.replace("Input", "Data").split("input_param")[0] + "}\n", [W3, B4],
             "replace it with an Input layer"),
    "loss": (GOOD + layer("SoftmaxWithLoss", "l", ["c", "c"], ["l"]), [W3, B4],
             "replace it with a Softmax layer"),
    "all_at_once": (GOOD + layer("Sofmax", "s", ["c"], ["s"]) + layer("Im2col", "i", ["s"], ["i"],
                                                                       "im2col_param { x: 1 }"),
                    [W3, B4], "Sofmax 's': the type is unknown; is Softmax meant?; Im2col 'i'"),
    "ends": (GOOD + layer("Softmax", "s", ["c", "data"], ["s"]), [W3, B4], "it has 2 bottoms"),
    "both": ('input: "data" input_dim: 1 input_shape { dim: 1 }\n' + GOOD, [W3, B4],
             "both input_shape and input_dim"),
    "no_shape": ('input: "x"\n' + layer("TanH", "t", ["x"], ["t"]), [W3, B4],
                 "input 'x' has no shape in the prototxt"),
    "kernel": (GOOD.replace("kernel_size: 3", ""), [W3, B4], "it has a kernel of 0"),
}


@pytest.mark.parametrize("name", SAYS)
def test_messages(atc, tmp_path, name):
    text, blobs, says = SAYS[name]
    done, om = convert(atc, tmp_path, text, caffemodel({"c": blobs}))
    assert done.returncode and says in done.stdout, done.stdout
    assert not om.exists()


def test_weight_is_needed(atc, tmp_path):
    (tmp_path / "net.prototxt").write_text(GOOD)
    run = subprocess.run([atc, "--framework=0", f"--model={tmp_path}/net.prototxt",
                          f"--output={tmp_path}/net", "--soc_version=Ascend310"],
                         capture_output=True, text=True)
    assert run.returncode and "E10008" in run.stdout


def test_every_truncation_has_a_sentence(atc, tmp_path):
    whole = caffemodel({"c": [W3, B4]})
    for n in [0, 1, 7, 20, len(whole) // 2, len(whole) - 1]:
        done, _ = convert(atc, tmp_path, GOOD, whole[:n])
        assert done.returncode > 0 and "net.caffemodel" in done.stdout, done.stdout
    for n in [1, 30, len(GOOD) // 2, len(GOOD) - 5]:
        done, _ = convert(atc, tmp_path, GOOD[:n], whole)
        assert done.returncode > 0 and "net.prototxt" in done.stdout, done.stdout
