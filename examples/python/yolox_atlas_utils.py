#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what a YOLOX network sees on a photo; needs atlas_utils, NumPy and Pillow.

usage: yolox_atlas_utils.py MODEL.om PHOTO OUTPUT

Convert an ONNX file of YOLOX 0.1.1 or later, not decoded, 416 pixels wide and high, as it is:
    atc --model=yolox_nano.onnx --framework=5 --output=yolox --soc_version=Ascend310
"""
import sys
import numpy as np
from PIL import Image, ImageDraw
from atlas_utils.acl_model import Model
from atlas_utils.acl_resource import AclResource

SIDE, CONFIDENCE, OVERLAP = 416, 0.25, 0.45

def preprocess(photo):
    """BGR 0..255, NCHW, scaled into the top left corner on grey; and the scale."""
    scale = SIDE / max(photo.size)
    canvas = Image.new("RGB", (SIDE, SIDE), (114, 114, 114))
    canvas.paste(photo.resize([round(n * scale) for n in photo.size], Image.BILINEAR))
    return np.asarray(canvas, np.float32)[:, :, ::-1].transpose(2, 0, 1)[None], scale

def decode(rows):
    """[N, 85] raw outputs of strides 8, 16, 32 -> boxes (x0 y0 x1 y1), scores, classes."""
    x, y, stride = np.array([(x * s, y * s, s) for s in (8, 16, 32) for y in range(SIDE // s)
                             for x in range(SIDE // s)], np.float32).T
    centre = rows[:, :2] * stride[:, None] + np.stack([x, y], 1)
    half = np.exp(rows[:, 2:4]) * stride[:, None] / 2
    scores = rows[:, 4] * rows[:, 5:].max(1)
    return np.concatenate([centre - half, centre + half], 1), scores, rows[:, 5:].argmax(1)

def suppress(boxes, scores, classes):
    """The best boxes, best first: none overlaps a better one of its class."""
    kept, area = [], (boxes[:, 2:] - boxes[:, :2]).prod(1)
    for i in np.argsort(-scores)[:np.count_nonzero(scores > CONFIDENCE)]:
        rivals = [k for k in kept if classes[k] == classes[i]]
        shared = (np.minimum(boxes[i, 2:], boxes[rivals, 2:]) -
                  np.maximum(boxes[i, :2], boxes[rivals, :2])).clip(0).prod(1)
        if (shared <= OVERLAP * (area[i] + area[rivals] - shared)).all():
            kept.append(i)
    return kept

def main(model_path, photo_path, output_path):
    resource = AclResource()
    resource.init()
    photo = Image.open(photo_path).convert("RGB")
    data, scale = preprocess(photo)
    boxes, scores, classes = decode(Model(model_path).execute([data])[0][0])
    draw = ImageDraw.Draw(photo)
    for i in suppress(boxes, scores, classes):
        print(f"class {classes[i]} {scores[i]:.2f}", *(boxes[i] / scale).round().astype(int))
        draw.rectangle((boxes[i] / scale).tolist(), outline="red", width=3)
    photo.save(output_path)

if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 4 else sys.exit(__doc__)
