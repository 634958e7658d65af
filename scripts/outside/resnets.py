# SPDX-License-Identifier: Apache-2.0
"""Programs that bring pictures and video to resnet50 by DVPP and the AIPP of their repository.

Where a picture has the model's size, scaling copies and all scores are compared to the last digits;
where not, it is smooth and the scores are near those of the picture OpenCV scales.
"""
import re

import numpy as np

from outside.aipp import JPEG_RGB, NARROW_BGR, convert_colours, jpeg
from outside.bench import (CPP2, PY2, SAMPLES, Failure, Program, check_tops, classifier, reference,
                           to_network)
from outside.pictures import planes_of, scaled
from outside.videos import rabbit

CLASSIFICATION = "1_classification/"
VPC = CLASSIFICATION + "vpc_resnet50_imagenet_classification"
VPC_JPEG = CLASSIFICATION + "vpc_jpeg_resnet50_imagenet_classification"
VDEC = CLASSIFICATION + "vdec_resnet50_classification"


def model(bench):
    """A classifier behind the configuration in the repository, as (what it is without AIPP)."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224])
    bench.convert(source, bench.root / "model" / "resnet50_aipp", "--insert_op_conf={}".format(
        bench.root / "caffe_model" / "aipp.cfg"))
    return source


def scores_of(source, yuv, matrix):
    """What onnxruntime gives for a picture of 224 x 224, by AIPP's formula."""
    x = convert_colours(yuv, matrix) - np.float32([123, 117, 104])
    return reference(source, {"data": to_network(x)})[0][0]


def scaled_yuv(luma, chroma):
    """Planes of any size, as OpenCV scales them, as 224 x 224 x 3."""
    chroma = scaled(chroma, 112, 112).repeat(2, 0).repeat(2, 1)
    return np.concatenate([scaled(luma, 224, 224)[..., None], chroma], -1)


def raw_scores(bench, name):
    scores = np.fromfile(bench.root / "out" / "result" / name, np.float32)
    if scores.size != 1000:
        raise Failure("{} has {} scores".format(name, scores.size))
    return scores


def same_scores(got, want, margin):
    """margin is a part of how far scores lie apart."""
    if np.abs(got - want).max() > margin * np.ptp(want):
        raise Failure("scores differ from onnxruntime's by up to {:.3g}".format(
            np.abs(got - want).max()))


def vpc_resnet(bench, operators, run, matrix, swap):
    """Decode, scale, classify, then the operators Cast and ArgMaxV2 on the scores; matrix is that
    of the configuration in the repository."""
    source = model(bench)
    bench.shell("atc --singleop={0}/op_list.json --soc_version=Ascend310 --output={0}".format(
        bench.root / operators))
    expected = []
    for i in range(2):
        yuv = jpeg(bench.root / "data" / "dog{}_1024_683.jpg".format(i + 1), 224, 224, i)
        expected.append(scores_of(source, yuv[..., [0, 2, 1]] if swap else yuv, matrix))
    text = run(bench)
    got = [int(n) for n in re.findall(r"of classification result is:? ?(\d+)", text)]
    if sorted(got) != sorted(int(scores.argmax()) for scores in expected):
        raise Failure("classes {}".format(got))
    return text, expected


def vpc_resnet_python(bench):
    text, expected = vpc_resnet(bench, "op_models", lambda b: b.script("acl_sample.py"),
                                NARROW_BGR, False)
    check_tops(text, expected)


def vpc_jpeg_cpp(bench):
    """Its way 0: scale, where both pictures have the model's size."""
    source = model(bench)
    pictures = [jpeg(bench.root / "data" / name, 224, 224, 6) for name in (
        "persian_cat_1024_1536_283.jpg", "wood_rabbit_1024_1061_330.jpg")]
    bench.cmake()
    text = bench.program("0")
    found = re.findall(r"classType\[(\d+)\], top1\[([-.\d]+)\]", text)
    for i, yuv in enumerate(pictures):
        want = scores_of(source, yuv, JPEG_RGB)
        same_scores(raw_scores(bench, "model_output_{}".format(i)), want, 1e-5)
        if int(found[i][0]) != want.argmax() or abs(float(found[i][1]) - want.max()) > 1e-4:
            raise Failure("class {} instead of {}".format(found[i], want.argmax()))


def vdec_frame(bench, source, swap):
    """The stream it expects, and the scores of its frame, near enough."""
    luma, chroma = planes_of(rabbit(bench), 1280, 720)
    return scores_of(source, scaled_yuv(luma, chroma[..., ::-1] if swap else chroma), NARROW_BGR)


def vdec_cpp(bench):
    source = model(bench)
    want = vdec_frame(bench, source, False)
    bench.cmake()
    bench.program()
    for i in range(10):
        same_scores(raw_scores(bench, "model_output_{}".format(i)), want, 0.01)


def vdec_python(bench):
    """It asks VDEC for NV21, which AIPP takes as NV12."""
    want = vdec_frame(bench, model(bench), True)
    text = bench.script("acl_sample.py")
    rows = re.findall(r"label:(\d+)  prob: ([-.\d]+)", text)
    if len(rows) != 50:
        raise Failure("it printed {} scores instead of 50".format(len(rows)))
    same_scores(np.float32([value for _, value in rows]), want[[int(row[0]) for row in rows]], 0.01)
    if {int(name) for name, _ in rows[::5]} != {want.argmax()}:
        raise Failure("another class is the best")


PROGRAMS = [
    Program("vpc_resnet50_imagenet_classification, C++", SAMPLES, CPP2 + VPC,
            "two JPEGs, static AIPP, two single operators",
            lambda b: vpc_resnet(b, "out/op_models", lambda b: b.cmake() or b.program(), JPEG_RGB,
                                 True)),
    Program("vpc_resnet50_imagenet_classification, Python", SAMPLES, PY2 + VPC,
            "two JPEGs, static AIPP, two single operators", vpc_resnet_python),
    Program("vpc_jpeg_resnet50_imagenet_classification, C++", SAMPLES, CPP2 + VPC_JPEG,
            "two JPEGs, static AIPP", vpc_jpeg_cpp),
    Program("vdec_resnet50_classification, C++", SAMPLES, CPP2 + VDEC,
            "one frame of H.265 ten times, static AIPP", vdec_cpp),
    Program("vdec_resnet50_classification, Python", SAMPLES, PY2 + VDEC,
            "one frame of H.265 ten times, static AIPP", vdec_python),
]
