# SPDX-License-Identifier: Apache-2.0
"""Programs whose network makes a picture of a picture: what they write is made here again."""
import cv2
import numpy as np

from outside.acllite_cpp import COMMON, with_acllite
from outside.aipp import JPEG_RGB, aipp_file, channels, convert_colours, jpeg, matrix_fields
from outside.bench import (CPP2, FLOAT, PY2, SAMPLES, Network, Program, photo, reference,
                           to_network)
from outside.pictures import near

OTHER = "6_other/"
SIGNED = np.float32(1 / 127.5)


def painter(path, name, height, width, nhwc=False):
    """A picture of about -1 to 1, or floats of 0 to 255 by rows, to one of -1 to 1, by rows."""
    net, x = Network(19), name
    if nhwc:
        x = net.node("Transpose", x, perm=[0, 3, 1, 2])
        x = net.node("Sub", net.node("Mul", x, net.weight(SIGNED)), net.weight(1))
    x = net.node("Conv", x, net.normal(8, 3, 3, 3, scale=0.3), pads=[1, 1, 1, 1])
    x = net.node("Conv", net.node("Relu", x), net.normal(3, 8, 3, 3, scale=0.2), pads=[1, 1, 1, 1])
    net.node("Transpose", net.node("Tanh", x), to="picture", perm=[0, 2, 3, 1])
    net.save(path, [(name, FLOAT, [1, height, width, 3] if nhwc else [1, 3, height, width])],
             [("picture", FLOAT, [1, height, width, 3])])


def same_picture(path, want):
    """want is BGR; a JPEG of it is what the program wrote."""
    _, file = cv2.imencode(path.suffix, np.clip(want, 0, 255).astype(np.uint8))
    near(cv2.imread(str(path)), cv2.imdecode(file, cv2.IMREAD_COLOR), 40, "the picture it made")


def anime_model(bench, side):
    """The model, its picture, and what comes out of it: floats of -1 to 1, by rows."""
    source = bench.work / "net.onnx"
    painter(source, "test", side, side)
    bench.convert(source, bench.root / "model" / "AnimeGANv2_{}".format(side), aipp_file(
        bench, "YUV420SP_U8", side, side, *matrix_fields(JPEG_RGB), *channels("mean", [128] * 3),
        *channels("var_reci", [SIGNED] * 3)))
    rgb = convert_colours(jpeg(bench.root / "data" / "one.jpg", side, side, 12), JPEG_RGB)
    return reference(source, {"test": to_network((rgb - np.float32(128)) * SIGNED)})[0][0]


def anime(bench):
    made = anime_model(bench, 256)
    bench.script("AnimeGAN.py", "../data 256")
    same_picture(bench.root / "out" / "one.jpg", (made[..., ::-1] + 1) / 2 * 255)


def deblur(bench):
    """OpenCV's pixels as floats, by rows, without AIPP."""
    with_acllite(bench, COMMON)
    source, width, height = bench.work / "net.onnx", 1280, 720
    painter(source, "blur", height, width, nhwc=True)
    bench.convert(source, bench.root / "model" / "blurtosharp_pad_1280_720")
    pixels = photo(bench.root / "data" / "one.png", width, height, 13)[:, :, ::-1]
    made = reference(source, {"blur": np.ascontiguousarray(pixels[None], np.float32)})[0][0]
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    bench.program("../data")
    same_picture(bench.root / "out" / "output" / "out_one.png", np.rint((made + 1) / 2 * 255))


PROGRAMS = [
    Program("animeGAN_picture, Python", SAMPLES, PY2 + OTHER + "animeGAN_picture",
            "one JPEG, static AIPP, on our acllite", anime),
    Program("DeblurGAN_GOPRO_Blur2Sharp, C++", SAMPLES,
            CPP2 + OTHER + "DeblurGAN_GOPRO_Blur2Sharp",
            "one picture, on the acllite of its repository", deblur),
]
