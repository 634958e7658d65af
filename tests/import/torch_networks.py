# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch with random weights, exported to ONNX in every way PyTorch has.

usage: torch_networks.py FOLDER [NAME...]

Runs in an environment of its own (tests/requirements-torch.txt). For each network writes
NAME.x.npy, NAME.y0.npy ... (what PyTorch computes) and NAME.EXPORT.onnx for each way of exporting.
ResNet, MobileNetV3, EfficientNet and ViT are torchvision's; YOLOX-Nano (Ge et al. 2021) and
NanoDet-Plus-m are built here from their published layer tables.
"""
import math
import pathlib
import sys
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
torch.backends.mha.set_fastpath_enabled(False)  # a fused operator that only runs, never exports


def cbr(c, m, k=1, s=1, group=1, act=nn.SiLU, eps=1e-3):
    layers = [nn.Conv2d(c, m, k, s, k // 2, groups=group, bias=False), nn.BatchNorm2d(m, eps=eps)]
    return nn.Sequential(*layers, *([act()] if act else []))


def separable(c, m, k=3, s=1, act=nn.SiLU, eps=1e-3):
    return nn.Sequential(cbr(c, c, k, s, c, act, eps), cbr(c, m, act=act, eps=eps))


# ---- YOLOX-Nano: depth 0.33, width 0.25, depthwise ----

class Bottleneck(nn.Module):
    def __init__(self, c, shortcut):
        super().__init__()
        self.a, self.b, self.shortcut = cbr(c, c), separable(c, c), shortcut

    def forward(self, x):
        y = self.b(self.a(x))
        return x + y if self.shortcut else y


class Csp(nn.Module):
    def __init__(self, c, m, n, shortcut=True):
        super().__init__()
        self.a, self.b, self.out = cbr(c, m // 2), cbr(c, m // 2), cbr(m, m)
        self.inner = nn.Sequential(*[Bottleneck(m // 2, shortcut) for _ in range(n)])

    def forward(self, x):
        return self.out(torch.cat([self.inner(self.a(x)), self.b(x)], 1))


class Focus(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.conv = cbr(12, m, 3)

    def forward(self, x):
        return self.conv(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2],
                                    x[..., 1::2, 1::2]], 1))


class Spp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = cbr(c, c // 2), cbr(2 * c, c)
        self.pools = nn.ModuleList([nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13)])

    def forward(self, x):
        x = self.a(x)
        return self.b(torch.cat([x, *[pool(x) for pool in self.pools]], 1))


class Yolox(nn.Module):
    def __init__(self, b=16, n=1, classes=80):
        super().__init__()
        self.stem = Focus(b)
        self.dark2 = nn.Sequential(separable(b, 2 * b, s=2), Csp(2 * b, 2 * b, n))
        self.dark3 = nn.Sequential(separable(2 * b, 4 * b, s=2), Csp(4 * b, 4 * b, 3 * n))
        self.dark4 = nn.Sequential(separable(4 * b, 8 * b, s=2), Csp(8 * b, 8 * b, 3 * n))
        self.dark5 = nn.Sequential(separable(8 * b, 16 * b, s=2), Spp(16 * b),
                                   Csp(16 * b, 16 * b, n, False))
        self.lateral, self.reduce = cbr(16 * b, 8 * b), cbr(8 * b, 4 * b)
        self.p4, self.p3 = Csp(16 * b, 8 * b, n, False), Csp(8 * b, 4 * b, n, False)
        self.down3, self.n3 = separable(4 * b, 4 * b, s=2), Csp(8 * b, 8 * b, n, False)
        self.down4, self.n4 = separable(8 * b, 8 * b, s=2), Csp(16 * b, 16 * b, n, False)
        h = 4 * b
        self.stems = nn.ModuleList([cbr(k * b, h) for k in (4, 8, 16)])
        pair = lambda: nn.Sequential(separable(h, h), separable(h, h))
        self.cls_convs = nn.ModuleList([pair() for _ in range(3)])
        self.reg_convs = nn.ModuleList([pair() for _ in range(3)])
        self.cls = nn.ModuleList([nn.Conv2d(h, classes, 1) for _ in range(3)])
        self.reg = nn.ModuleList([nn.Conv2d(h, 4, 1) for _ in range(3)])
        self.obj = nn.ModuleList([nn.Conv2d(h, 1, 1) for _ in range(3)])
        for reg in self.reg:  # sides are exponentials of it
            nn.init.normal_(reg.weight, std=0.005)

    def forward(self, x):
        up = lambda t: F.interpolate(t, scale_factor=2, mode="nearest")
        c3 = self.dark3(self.dark2(self.stem(x)))
        c4 = self.dark4(c3)
        f5 = self.lateral(self.dark5(c4))
        f4 = self.reduce(self.p4(torch.cat([up(f5), c4], 1)))
        o3 = self.p3(torch.cat([up(f4), c3], 1))
        o4 = self.n3(torch.cat([self.down3(o3), f4], 1))
        o5 = self.n4(torch.cat([self.down4(o4), f5], 1))
        rows, grids, strides = [], [], []
        for i, (f, stride) in enumerate(zip((o3, o4, o5), (8, 16, 32))):
            f = self.stems[i](f)
            r = self.reg_convs[i](f)
            y = torch.cat([self.reg[i](r), self.obj[i](r).sigmoid(),
                           self.cls[i](self.cls_convs[i](f)).sigmoid()], 1)
            h, w = y.shape[-2:]
            gy, gx = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            grids.append(torch.stack((gx, gy), 2).view(1, -1, 2).float())
            strides.append(torch.full((1, h * w, 1), float(stride)))
            rows.append(y.flatten(2))
        y, grid, stride = torch.cat(rows, 2).permute(0, 2, 1), torch.cat(grids, 1), torch.cat(strides, 1)
        return torch.cat([(y[..., :2] + grid) * stride, y[..., 2:4].exp() * stride, y[..., 4:]], -1)


# ---- NanoDet-Plus-m: ShuffleNetV2 1.0x, GhostPAN of 96 channels, one head per level ----

leaky = lambda: nn.LeakyReLU(0.1)


def conv(c, m, k=1, s=1, group=1, act=leaky):
    return cbr(c, m, k, s, group, act, 1e-5)


class Shuffle(nn.Module):
    def __init__(self, c, m, stride):
        super().__init__()
        h, self.stride = m // 2, stride
        inner = c if stride > 1 else h
        self.right = nn.Sequential(conv(inner, h), conv(h, h, 3, stride, h, None), conv(h, h))
        self.left = nn.Sequential(conv(c, c, 3, stride, c, None), conv(c, h)) if stride > 1 else None

    def forward(self, x):
        if self.stride > 1:
            y = torch.cat([self.left(x), self.right(x)], 1)
        else:
            a, b = x.chunk(2, 1)
            y = torch.cat([a, self.right(b)], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


class GhostModule(nn.Module):
    def __init__(self, c, m, act):
        super().__init__()
        h = math.ceil(m / 2)
        self.primary, self.cheap = conv(c, h, act=act), conv(h, h, 3, group=h, act=act)

    def forward(self, x):
        a = self.primary(x)
        return torch.cat([a, self.cheap(a)], 1)


class GhostBlock(nn.Module):
    def __init__(self, c, m, k=5):
        super().__init__()
        self.a, self.b = GhostModule(c, c, leaky), GhostModule(c, m, None)
        self.shortcut = nn.Sequential(conv(c, c, k, group=c, act=None), conv(c, m, act=None))

    def forward(self, x):
        return self.b(self.a(x)) + self.shortcut(x)


class NanoDetPlus(nn.Module):
    def __init__(self, classes=80, reg_max=7, m=96):
        super().__init__()
        sep = lambda s: separable(m, m, 5, s, leaky, 1e-5)
        self.stem = nn.Sequential(conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1))
        stages, c = [], 24
        for out, repeats in ((116, 4), (232, 8), (464, 4)):
            stages.append(nn.Sequential(Shuffle(c, out, 2),
                                        *[Shuffle(out, out, 1) for _ in range(repeats - 1)]))
            c = out
        self.stages = nn.ModuleList(stages)
        self.reduce = nn.ModuleList([conv(c, m) for c in (116, 232, 464)])
        self.top = nn.ModuleList([GhostBlock(2 * m, m) for _ in range(2)])
        self.bottom = nn.ModuleList([GhostBlock(2 * m, m) for _ in range(2)])
        self.down = nn.ModuleList([sep(2) for _ in range(2)])
        self.extra_in, self.extra_out = sep(2), sep(2)
        self.heads = nn.ModuleList([nn.Sequential(sep(1), sep(1)) for _ in range(4)])
        self.preds = nn.ModuleList([nn.Conv2d(m, classes + 4 * (reg_max + 1), 1) for _ in range(4)])
        self.classes = classes

    def forward(self, x):
        x, feats = self.stem(x), []
        for stage, reduce in zip(self.stages, self.reduce):
            x = stage(x)
            feats.append(reduce(x))
        inner = [feats[2]]
        for block, low in zip(self.top, (feats[1], feats[0])):
            up = F.interpolate(inner[0], scale_factor=2, mode="bilinear")
            inner.insert(0, block(torch.cat([up, low], 1)))
        outs = [inner[0]]
        for down, block, high in zip(self.down, self.bottom, inner[1:]):
            outs.append(block(torch.cat([down(outs[-1]), high], 1)))
        outs.append(self.extra_in(feats[2]) + self.extra_out(outs[-1]))
        rows = []
        for f, head, pred in zip(outs, self.heads, self.preds):
            scores, boxes = pred(head(f)).split([self.classes, 32], 1)
            rows.append(torch.cat([scores.sigmoid(), boxes], 1).flatten(2))
        return torch.cat(rows, 2).permute(0, 2, 1)


# ---- operators no network above has ----

class Odds(nn.Module):
    """Recurrence, attention with a mask, groups and instances, a resize to a size, transposed
    convolution, indices, an optional input left out, several outputs."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 10, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(12, 7, batch_first=True)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.group, self.instance = nn.GroupNorm(3, 6), nn.InstanceNorm2d(6, affine=True)
        self.up, self.prelu = nn.ConvTranspose2d(6, 5, 3, 2, 1, output_padding=1), nn.PReLU(5)

    def forward(self, x, t):
        y = self.instance(F.hardswish(self.group(x)))
        y = F.interpolate(y, size=(9, 13), mode="bilinear", align_corners=True)
        y = self.prelu(self.up(F.pad(y, (1, 2, 0, 1), mode="reflect")))
        y = F.avg_pool2d(y, 3, 2, 1, ceil_mode=True, count_include_pad=False)
        s = self.lstm(t)[0].sum(-1, keepdim=True) + self.gru(t)[0].mean(-1, keepdim=True)
        length = t.shape[1]
        mask = torch.ones(length, length, dtype=torch.bool).triu(1)
        a = self.attention(t, t, t, attn_mask=mask, need_weights=False)[0]
        q = F.scaled_dot_product_attention(*[v.unsqueeze(1) for v in (t, t * 2, a)]).squeeze(1)
        best, where = s.squeeze(-1).topk(3, -1)
        return y.clamp(-1, 1), s + a + F.gelu(q), best, torch.where(where > 1, where, where + 10)


def networks():
    import torchvision.models as tv
    from torchvision.models.vision_transformer import VisionTransformer
    return {
        "resnet": (lambda: tv.resnet18(num_classes=100), [(1, 3, 96, 96)]),
        "mobilenetv3": (lambda: tv.mobilenet_v3_small(num_classes=100), [(1, 3, 96, 96)]),
        "efficientnet": (lambda: tv.efficientnet_b0(num_classes=100), [(1, 3, 96, 96)]),
        "vit": (lambda: VisionTransformer(64, 16, 3, 4, 96, 192, num_classes=50), [(1, 3, 64, 64)]),
        "yolox": (Yolox, [(1, 3, 128, 160)]),
        "nanodet_plus": (NanoDetPlus, [(1, 3, 128, 192)]),
        "odds": (Odds, [(2, 6, 7, 11), (2, 5, 12)]),
    }


def build(make, shapes):
    """The network with statistics of its own, so that activations keep their scale, and inputs."""
    torch.manual_seed(1)
    net = make()
    inputs = [torch.randn(s) for s in shapes]
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, std=0.2)
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, std=m.in_features ** -0.5)  # ViT's head starts as zeros
    with torch.no_grad():
        net.train()(*[torch.randn((8, *s[1:])) for s in shapes])
    return net.eval(), inputs


def export(net, inputs, path, **options):
    names = [f"x{i}" for i in range(len(inputs))]
    with torch.no_grad():
        torch.onnx.export(net, tuple(inputs), str(path), input_names=names, **options)


# Opset 11 is what guides for Ascend cards export with. The dynamo-based exporter writes 18 to 23
# itself; for newer ones ONNX's converter runs after it, which knows no Gelu and no Attention, so the
# two networks that have them stop at 23. "plain" leaves out its optimiser.
def exports(name):
    modern = name in ("vit", "odds")
    return {
        "script-old": dict(dynamo=False, opset_version=14 if modern else 11),
        "script-20": dict(dynamo=False, opset_version=20),
        "dynamo-18": dict(dynamo=True, opset_version=18),
        "dynamo-plain": dict(dynamo=True, opset_version=20, optimize=False),
        "dynamo-newest": dict(dynamo=True, opset_version=23 if modern else 26),
    }


def main():
    folder, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for name, (make, shapes) in networks().items():
        if wanted and name not in wanted:
            continue
        net, inputs = build(make, shapes)
        with torch.no_grad():
            outputs = net(*inputs)
        for i, x in enumerate(inputs):
            np.save(folder / f"{name}.x{i}.npy", x.numpy())
        for i, y in enumerate(outputs if isinstance(outputs, tuple) else [outputs]):
            np.save(folder / f"{name}.y{i}.npy", y.numpy())
        batch = [torch.cat([x, x.flip(-1)]) for x in inputs]
        for kind, options in exports(name).items():
            export(net, inputs, folder / f"{name}.{kind}.onnx", **options)
        if name == "odds":
            continue
        with torch.no_grad():
            np.save(folder / f"{name}.batch.npy", net(*batch).numpy())
        export(net, batch, folder / f"{name}.script-batch.onnx", dynamo=False,
               dynamic_axes={"x0": {0: "batch"}})
        export(net, batch, folder / f"{name}.dynamo-batch.onnx", dynamo=True,
               dynamic_shapes=({0: torch.export.Dim("batch")},))


if __name__ == "__main__":
    main()
