# SPDX-License-Identifier: Apache-2.0
"""Classifiers that read raw files or scale their pictures themselves."""
import numpy as np
from PIL import Image

from outside.bench import (CPP2, PY2, SAMPLES, UINT8, Failure, Program, check_tops, classifier,
                           photo, reference, softmax, tops)

DYNAMIC_BATCH = ["--input_shape=data:-1,3,224,224", "--dynamic_batch_size=1,2"]


def raw_files(bench, model, options=(), batch=1, kind=np.float32):
    """A classifier that reads dog1_1024_683.bin and dog2_1024_683.bin as they are."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [batch, 3, 224, 224], softmax=True)
    bench.convert(source, bench.root / "model" / model, *options)
    inputs = []
    for i in range(2):
        pixels = photo(bench.work / "{}.png".format(i), 224, 224, i)
        array = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(kind))
        array.tofile(bench.root / "data" / "dog{}_1024_683.bin".format(i + 1))
        inputs.append(array.astype(np.float32))
    joined = [np.concatenate(inputs)] if batch != 1 else inputs
    return [scores for x in joined for scores in reference(source, {"data": x})[0]]


def first_app(bench):
    expected = raw_files(bench, "resnet50")[:1]
    bench.cmake()
    check_tops(bench.program(), expected)


def resnet_cpp(bench, arguments="", count=5):
    expected = raw_files(bench, "resnet50", ["--input_fp16_nodes=data"], kind=np.float16)
    bench.cmake()
    check_tops(bench.program(arguments), expected, count)


def googlenet_cpp(bench, model, options):
    expected = raw_files(bench, model, options, "n" if options else 2)
    bench.cmake()
    check_tops(bench.program(), expected)


def pillow_python(bench, arguments=""):
    """The scripts that shrink to 256 x 256, crop, subtract means and pass fp16."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], softmax=True)
    bench.convert(source, bench.root / "model" / "resnet50", "--input_fp16_nodes=data")
    expected = []
    for i in range(2):
        pixels = photo(bench.root / "data" / "{}.png".format(i), 256, 256, i)
        x = pixels[16:240, 16:240, ::-1].astype(np.float32) - np.float32([104, 117, 123])
        expected.append(reference(source, {"data": x.transpose(2, 0, 1)[None]})[0][0])
    check_tops(bench.script("acl_net.py", arguments), expected)


def quick_start(bench, run):
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], scale=1)
    bench.convert(source, bench.root / "model" / "resnet50")
    pixels = photo(bench.root / "data" / "one.png", 224, 224, 5)
    x = (pixels - np.float32([123.675, 116.28, 103.53])) * np.float32(
        [0.0171247538316637, 0.0175070028011204, 0.0174291938997821])
    expected = softmax(reference(source, {"data": x.transpose(2, 0, 1)[None].copy()})[0])
    check_tops(run(bench), expected)


def quick_start_cpp(bench):
    def run(bench):
        bench.cmake()
        return bench.program()
    quick_start(bench, run)


def quick_start_python(bench):
    quick_start(bench, lambda bench: bench.script("sampleResnetQuickStart.py"))


def dynamic_hw(bench):
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, "h", "w"], kind=UINT8)
    bench.convert(source, bench.root / "model" / "tf_resnet50", "--input_shape=data:1,3,-1,-1",
                  "--dynamic_image_size=200,200;224,224")
    # The script cuts a tenth off each side, then shrinks: 280 - 2 x 28 = 224. It passes the bytes
    # of an NHWC picture; ONNX has NCHW, so both sides read the same bytes in that order.
    pixels = photo(bench.root / "data" / "one.png", 280, 280, 4)[28:252, 28:252]
    x = np.ascontiguousarray(pixels).reshape(1, 3, 224, 224)
    expected = softmax(reference(source, {"data": x})[0])
    check_tops(bench.script("acl_net.py", "--h 224 --w 224"), expected)


def dynamic_dims(bench):
    source = bench.work / "net.onnx"
    classifier(source, "Placeholder", ["n", "h", "w", 3], classes=1001, nhwc=True, scale=1)
    bench.convert(source, bench.root / "model" / "resnet50", "--input_format=ND",
                  "--input_shape=Placeholder:-1,-1,-1,3",
                  "--dynamic_dims=1,200,200;2,200,200;1,224,224;2,224,224")
    # One colour each, so that no way of shrinking makes a difference.
    pixels = np.uint8([[250, 120, 30], [20, 200, 90]])
    for i, colour in enumerate(pixels):
        Image.new("RGB", (224, 224), tuple(map(int, colour))).save(
            bench.root / "data" / "{}.png".format(i))
    x = (pixels - np.float32([104, 117, 123])) * np.float32(1 / 70)
    expected = softmax(reference(source, {"Placeholder": np.tile(
        x[:, None, None], (1, 224, 224, 1)).astype(np.float32)})[0])
    bench.cmake()
    # A member's destructor unloads the model after the destructor of the whole called aclFinalize.
    text = bench.program(own_error="unload model failed")
    check_tops(text, expected)
    if len(tops(text)) != 4:
        raise Failure("two sizes of two pictures made {} results".format(len(tops(text))))


PROGRAMS = [
    Program("resnet50_firstapp, C++", SAMPLES, CPP2 + "1_classification/resnet50_firstapp",
            "one fp32 file", first_app),
    Program("resnet50_imagenet_classification, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_imagenet_classification", "two fp16 files",
            resnet_cpp),
    Program("resnet50_imagenet_classification, Python", SAMPLES,
            PY2 + "1_classification/resnet50_imagenet_classification", "two pictures",
            pillow_python),
    Program("resnet50_async_imagenet_classification, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_async_imagenet_classification",
            "two fp16 files, 4 executions, a callback for each", lambda b: resnet_cpp(
                b, "4 1 4", 1)),
    Program("resnet50_async_imagenet_classification, Python", SAMPLES,
            PY2 + "1_classification/resnet50_async_imagenet_classification", "two pictures",
            pillow_python),
    Program("sampleResnetQuickStart, C++", SAMPLES,
            "inference/modelInference/sampleResnetQuickStart", "one picture", quick_start_cpp),
    Program("sampleResnetQuickStart, Python", SAMPLES,
            "inference/modelInference/sampleResnetQuickStart/python", "one picture",
            quick_start_python),
    Program("googlenet_imagenet_multi_batch, C++", SAMPLES,
            CPP2 + "1_classification/googlenet_imagenet_multi_batch", "a batch of two files",
            lambda b: googlenet_cpp(b, "googlenet_multibatch", [])),
    Program("googlenet_imagenet_dynamic_batch, C++", SAMPLES,
            CPP2 + "1_classification/googlenet_imagenet_dynamic_batch", "batch size 2 of 1 and 2",
            lambda b: googlenet_cpp(b, "googlenet_dynamicbatch", DYNAMIC_BATCH)),
    Program("resnet50_imagenet_dynamic_hw, Python", SAMPLES,
            PY2 + "1_classification/resnet50_imagenet_dynamic_hw", "one picture, 224 x 224",
            dynamic_hw),
    Program("resnet50_imagenet_dynamic_dims, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_imagenet_dynamic_dims",
            "two pictures at 224 x 224 and 200 x 200", dynamic_dims),
]
