# SPDX-License-Identifier: Apache-2.0
"""Programs that decode and scale pictures with DVPP for a network that reads what DVPP gives."""
import numpy as np
import onnxruntime as ort
from PIL import Image

from outside.bench import (FLOAT, INT32, PY2, SAMPLES, UINT8, Failure, Network, Program, check_tops,
                           class_boxes, reference, same_rows, softmax, tops)
from outside.pictures import scaled

RESNET_DVPP = "inference/modelInference/sampleResnetDVPP"


def jpeg(path, side, seed):
    """A square JPEG of one tint, and the NV12 that libjpeg's YCbCr of it is; with a tint no way of
    enlarging chroma makes a difference."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(30, 220, (9, 9), np.uint8)).resize((side, side))
    planes = [np.asarray(small)] + [np.full((side, side), random.integers(90, 160), np.uint8)
                                    for _ in range(2)]
    Image.fromarray(np.stack(planes, -1), "YCbCr").save(path, quality=97)
    file = Image.open(path)
    file.draft("YCbCr", file.size)
    luma, *chroma = np.moveaxis(np.asarray(file), -1, 0)
    pairs = np.stack([plane[::2, ::2] for plane in chroma], -1).reshape(side // 2, side)
    return np.concatenate([luma, pairs])


def yuv_classifier(path, batch, side, softmax=True):
    """NV12 as it lies in memory to scores."""
    net = Network()
    x = net.node("Mul", net.cast("data", FLOAT), net.weight(1 / 64))
    x = net.node("Unsqueeze", x, net.weight([1], np.int64))
    x = net.node("Relu", net.conv(x, 32, 8, 0.05, from_channels=1))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    x = net.node("Gemm", x, net.normal(32, 1000), to=None if softmax else "prob")
    if softmax:
        net.node("Softmax", x, to="prob", axis=1)
    net.save(path, [("data", UINT8, [batch, side * 3 // 2, side])],
             [("prob", FLOAT, [batch, 1000])])


def dvpp_python(bench, model, batch, count, *options, acllite=None, side=224):
    """Pictures through JPEGD and VPC; they have the model's size, so that scaling copies. acllite
    names the folder of another than ours."""
    source = bench.work / "net.onnx"
    yuv_classifier(source, batch, side)
    bench.convert(source, bench.root / "model" / model, *options)
    pictures = np.stack([jpeg(bench.root / "data" / "{}.jpg".format(i), side, i)
                         for i in range(count)])
    session, size = ort.InferenceSession(source), batch if isinstance(batch, int) else 1
    scores = []
    for start in range(0, count, size):
        part = pictures[start:start + size]
        whole = np.concatenate([part, np.zeros((size - len(part), side * 3 // 2, side),
                                              np.uint8)])
        scores += list(session.run(None, {"data": whole})[0][:len(part)])
    more = {} if acllite is None else {"path": bench.outside / acllite}
    check_tops(bench.script("classify.py", "../data", **more), scores)


def atlas_googlenet(bench):
    """The old helper library takes strides for sizes, so the picture has a width that is its own
    stride, and is scaled; it is smooth, and what OpenCV scales has nearly its scores."""
    source, side = bench.work / "net.onnx", 256
    yuv_classifier(source, 1, 224)
    bench.convert(source, bench.root / "model" / "googlenet_yuv")
    nv12 = jpeg(bench.root / "data" / "one.jpg", side, 1)
    chroma = scaled(nv12[side:].reshape(side // 2, side // 2, 2), 112, 112).reshape(112, 224)
    small = np.concatenate([scaled(nv12[:side], 224, 224), chroma])
    want = reference(source, {"data": small[None]})[0][0]
    (ours, *_), = tops(bench.script("classify.py", "../data"))
    if ours[0] != want.argmax() or abs(ours[1] / want.max() - 1) > 0.02:
        raise Failure("class {} with {} instead of {} with {}".format(
            *ours, want.argmax(), want.max()))


def resnet_dvpp(bench, run):
    """The programs of sampleResnetDVPP: two JPEGs, and the softmax they make themselves."""
    source = bench.work / "net.onnx"
    yuv_classifier(source, 1, 224, softmax=False)
    bench.convert(source, bench.root / "model" / "resnet50")
    pictures = [jpeg(bench.root / "data" / "{}.jpg".format(i), 224, i) for i in range(2)]
    expected = [softmax(reference(source, {"data": p[None]})[0][0]) for p in pictures]
    check_tops(run(bench), expected)


def yolov3_python(bench):
    """Boxes the network makes up from the picture's bytes, in the output form of the sample's
    detection layer."""
    source, net, side = bench.work / "net.onnx", Network(11), 416
    x = net.node("Mul", net.cast("data", FLOAT), net.weight(1 / 64))
    x = net.node("Unsqueeze", x, net.weight([1], np.int64))
    x = net.node("Sigmoid", net.conv(x, 6, 104, 0.002, from_channels=1))
    # 6 x 4 of the 6 rows and columns of tiles: x, y, x, y, score, class of four boxes
    x = net.node("Slice", net.node("Reshape", x, net.weight([1, 6, -1], np.int64)),
                 net.weight([0], np.int64), net.weight([4], np.int64), net.weight([2], np.int64))
    sizes = net.node("Concat", "img_info", net.weight([[1, 79]]), axis=1)
    net.node("Mul", x, net.node("Reshape", sizes, net.weight([1, 6, 1], np.int64)), to="boxes")
    four = net.node("Mul", net.node("ReduceSum", "boxes", keepdims=0), net.weight(0))
    four = net.node("Reshape", net.node("Add", four, net.weight(4)), net.weight([1, 1], np.int64))
    net.cast(four, INT32, "number")
    net.save(source, [("data", UINT8, [1, side * 3 // 2, side]), ("img_info", FLOAT, [1, 4])],
             [("boxes", FLOAT, [1, 6, 4]), ("number", INT32, [1, 1])])
    bench.convert(source, bench.root / "model" / "yolov3_yuv")
    picture = jpeg(bench.root / "data" / "one.jpg", side, 6)
    want = reference(source, {"data": picture[None], "img_info": np.full((1, 4), side, np.float32)})
    rows = class_boxes(bench.script("object_detect.py", "../data"))
    boxes = want[0][0].T
    same_rows(rows, [[int(row[5]), *row[:4], row[4]] for row in boxes], [0, 1, 1, 1, 1, 1e-4])


# The last state of Ascend/samples that has atlas_utils.
ATLAS_UTILS = "b65bab662126"

PROGRAMS = [
    Program("googlenet_imagenet_picture, Python on atlas_utils", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_picture", "one JPEG, on our atlas_utils",
            atlas_googlenet, commit=ATLAS_UTILS),
    Program("YOLOV3_coco_detection_picture, Python on atlas_utils", SAMPLES,
            PY2 + "2_object_detection/YOLOV3_coco_detection_picture",
            "one JPEG, on our atlas_utils", yolov3_python, commit=ATLAS_UTILS),
    Program("googlenet_imagenet_multi_batch, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_multi_batch",
            "twelve JPEGs in batches of ten, on our acllite",
            lambda b: dvpp_python(b, "googlenet_yuv", 10, 12)),
    Program("googlenet_imagenet_dynamic_batch, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_dynamic_batch",
            "two JPEGs, batch size 2 of 1, 2, 4 and 8, on our acllite",
            lambda b: dvpp_python(b, "googlenet_dynamic_batch", "n", 2,
                                  "--input_shape=data:-1,336,224", "--dynamic_batch_size=1,2,4,8")),
    Program("googlenet_imagenet_picture, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_picture",
            "two JPEGs, on the acllite of its repository",
            lambda b: dvpp_python(b, "googlenet_yuv", 1, 2,
                                  acllite="samples/python/common/acllite")),
    Program("googlenet_onnx_picture, Python", SAMPLES,
            PY2 + "1_classification/googlenet_onnx_picture", "two JPEGs, on our acllite",
            lambda b: dvpp_python(b, "googlenet_yuv", 1, 2)),
    Program("inceptionv3_picture, Python", SAMPLES, PY2 + "1_classification/inceptionv3_picture",
            "two JPEGs, on our acllite",
            lambda b: dvpp_python(b, "InceptionV3", 1, 2, side=336)),
    Program("YOLOV3_coco_detection_picture, Python", SAMPLES,
            PY2 + "2_object_detection/YOLOV3_coco_detection_picture", "one JPEG, on our acllite",
            yolov3_python),
    Program("sampleResnetDVPP, C++", SAMPLES, RESNET_DVPP, "two JPEGs",
            lambda b: resnet_dvpp(b, lambda b: b.cmake() or b.program())),
    Program("sampleResnetDVPP, Python", SAMPLES, RESNET_DVPP + "/python", "two JPEGs",
            lambda b: resnet_dvpp(b, lambda b: b.script("sampleResnetDVPP.py"))),
    Program("sampleResnetDVPP, Python with acllite", SAMPLES, RESNET_DVPP + "/pyAcllite",
            "two JPEGs, on our acllite",
            lambda b: resnet_dvpp(b, lambda b: b.script("sampleResnetDVPP.py"))),
]
