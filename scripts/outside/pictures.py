# SPDX-License-Identifier: Apache-2.0
"""Programs that do nothing but decode, change and encode pictures with DVPP.

Where a program scales, its picture is smooth and the result is compared with OpenCV's by PSNR: the
formulas of scalers differ. Copies are compared byte by byte, JPEGs with libjpeg's planes.
"""
import cv2
import numpy as np
from PIL import Image

from outside.bench import CPP2, SAMPLES, Failure, Program

DATA = CPP2 + "0_data_process/"


def smooth(width, height, channels, seed):
    """Planes of broad waves, HWC: what scalers agree on."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(width, height)
    planes = []
    for _ in range(channels):
        fx, fy, phase = random.uniform(4, 20), random.uniform(4, 20), random.uniform(0, 6)
        planes.append(128 + 90 * np.sin(fx * x + phase) * np.cos(fy * y))
    return np.stack(planes, -1).astype(np.uint8)


def smooth_nv12(width, height, seed):
    """A NV12 picture of rows, and its luma and interleaved chroma planes."""
    luma = smooth(width, height, 1, seed)[..., 0]
    chroma = smooth(width // 2, height // 2, 2, seed + 1)
    return np.concatenate([luma, chroma.reshape(height // 2, width)]), luma, chroma


def planes_of(nv12, width, height, stride=None):
    """Luma (height, width) and chroma (height / 2, width / 2, 2) of rows that are stride wide."""
    stride = stride or width
    rows = nv12.reshape(-1, stride)
    above = len(rows) * 2 // 3
    return (rows[:height, :width],
            rows[above:above + height // 2, :width].reshape(height // 2, width // 2, 2))


def psnr(got, want):
    error = np.mean((got.astype(np.float64) - want) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255 ** 2 / error)


def near(got, want, least, what):
    if got.shape != want.shape or psnr(got, want) < least:
        raise Failure("{}: {:.1f} dB PSNR of the wanted picture".format(what, psnr(got, want))
                      if got.shape == want.shape else "{} has the wrong size".format(what))


def scaled(plane, width, height):
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)


def output(bench, name, size):
    array = np.fromfile(bench.root / "out" / name, np.uint8)
    if array.size != size:
        raise Failure("{} has {} bytes instead of {}".format(name, array.size, size))
    return array


def on_nv12(bench, width, height, arguments, seed=1):
    """Builds a program, runs it on an NV12 file and gives that picture's planes."""
    picture, luma, chroma = smooth_nv12(width, height, seed)
    picture.tofile(bench.root / "data" / "in.yuv")
    bench.cmake()
    (bench.root / "out" / "output").mkdir()
    bench.program("../data/in.yuv {} {} {}".format(width, height, arguments))
    return luma, chroma


def resize(bench):
    luma, chroma = on_nv12(bench, 1024, 1068, "output/o.yuv 224 224")
    got = planes_of(output(bench, "output/o.yuv", 224 * 336), 224, 224)
    near(got[0], scaled(luma, 224, 224), 40, "luma")
    near(got[1], scaled(chroma, 112, 112), 40, "chroma")


def crop(bench):
    luma, chroma = on_nv12(bench, 1024, 1068, "output/o.yuv 350 280 224 226")
    got = planes_of(output(bench, "output/o.yuv", 224 * 339), 224, 226)
    if not (np.array_equal(got[0], luma[280:506, 350:574])
            and np.array_equal(got[1], chroma[140:253, 175:287])):
        raise Failure("it cut out something else")


def crop_and_paste(bench):
    luma, chroma = on_nv12(bench, 1920, 1080, "output/o.yuv 224 224")
    got = planes_of(output(bench, "output/o.yuv", 224 * 336), 224, 224)
    if not (np.array_equal(got[0][:200, 16:216], luma[512:712, 512:712])
            and np.array_equal(got[1][:100, 8:108], chroma[256:356, 256:356])):
        raise Failure("it pasted something else")


def batch_crop(bench):
    picture, luma, chroma = smooth_nv12(1920, 1080, 4)
    picture.tofile(bench.root / "data" / "dvpp_vpc_1920x1080_nv12.yuv")
    bench.cmake()
    bench.program()
    places = [(20, 20), (30, 200), (100, 300), (200, 400), (0, 600), (230, 350), (600, 188),
              (500, 600)]
    for i, (x, y) in enumerate(places):
        got = planes_of(output(bench, "cropName{}".format(i), 224 * 336), 224, 224)
        if not (np.array_equal(got[0], luma[y:y + 224, x:x + 224])
                and np.array_equal(got[1], chroma[y // 2:y // 2 + 112, x // 2:x // 2 + 112])):
            raise Failure("cut {} is something else".format(i))


def jpeg_decode(bench):
    """Of a size that fills neither the strides nor the last blocks."""
    width, height = 1022, 682
    path = bench.root / "data" / "dog.jpg"
    Image.fromarray(smooth(width, height, 3, 7), "YCbCr").save(path, quality=95)
    bench.cmake()
    (bench.root / "out" / "output").mkdir()
    bench.program("../data/dog.jpg")
    got = planes_of(output(bench, "output/dog_jpegd_{}_{}.yuv".format(width, height),
                           1024 * 688 * 3 // 2), width, height, 1024)
    file = Image.open(path)
    file.draft("YCbCr", file.size)
    want = np.asarray(file)
    if not np.array_equal(got[0], want[..., 0]):
        raise Failure("luma differs from libjpeg's")
    # Pillow hands out chroma enlarged, so its planes are known but for that.
    near(got[1], cv2.resize(want[..., 1:], (width // 2, height // 2), interpolation=cv2.INTER_AREA),
         45, "chroma")


def jpeg_encode(bench):
    luma, chroma = on_nv12(bench, 1024, 688, "")
    file = Image.open(bench.root / "out" / "output" / "in_jpege_1024_688.jpg")
    file.draft("YCbCr", file.size)
    got = np.asarray(file)
    near(got[..., 0], luma, 45, "luma")
    near(cv2.resize(got[..., 1:], (512, 344), interpolation=cv2.INTER_AREA), chroma, 42, "chroma")


PROGRAMS = [
    Program("resize, C++", SAMPLES, DATA + "resize", "1024 x 1068 to 224 x 224", resize),
    Program("crop, C++", SAMPLES, DATA + "crop", "224 x 226 of 1024 x 1068", crop),
    Program("cropandpaste, C++", SAMPLES, DATA + "cropandpaste", "200 x 200 of 1920 x 1080",
            crop_and_paste),
    Program("batchcrop, C++", SAMPLES, DATA + "batchcrop", "eight parts of 1920 x 1080",
            batch_crop),
    Program("jpegd, C++", SAMPLES, DATA + "jpegd", "1022 x 682", jpeg_decode),
    Program("jpege, C++", SAMPLES, DATA + "jpege", "1024 x 688, level 100", jpeg_encode),
]
