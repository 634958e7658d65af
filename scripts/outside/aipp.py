# SPDX-License-Identifier: Apache-2.0
"""Programs whose model takes the bytes of pictures (AIPP), from DVPP or from OpenCV.

The reference is the published formula of AIPP in numpy, then onnxruntime. Pictures have the size
the model takes, so that scaling copies: how DVPP scales is what pictures.py compares.
"""
import io
import re

import cv2
import numpy as np
from PIL import Image

from outside.bench import (CPP2, FLOAT, INT32, PY2, SAMPLES, Failure, Network, OwnFault, Program,
                           check_tops, class_boxes, classifier, photo, reference, same_rows,
                           softmax, to_network)
from outside.detectors import ssd_check, ssd_network

DETECTION = CPP2 + "2_object_detection/"
RESNET = "inference/modelInference/sampleResnetAIPP"
RESNET_MIN = np.float32([123.675, 116.28, 103.53])
RESNET_RECI = np.float32([0.0171247538316637, 0.0175070028011204, 0.0174291938997821])
SSD_MEAN = [104, 117, 123]
SSD_CROP = ["crop: true", "crop_size_w: 300", "crop_size_h: 300"]
TO_ONE = np.float32(0.003921568627451)

# Rows of a matrix, and what is subtracted first: full range to RGB, BT.601 narrow to BGR
JPEG_RGB = ([[256, 0, 359], [256, -88, -183], [256, 454, 0]], [0, 128, 128])
NARROW_BGR = ([[298, 516, 0], [298, -100, -208], [298, 0, 409]], [16, 128, 128])


def jpeg(path, width, height, seed):
    """A JPEG of many colours, 4:2:0, and what its three planes decode to, as HWC of full size. Each
    plane by itself as a grey JPEG has the same coefficients, so libjpeg says what comes out of it
    without any way of enlarging chroma having a part in it."""
    random = np.random.default_rng(seed)
    planes, decoded, tables = [], [], [[6] * 64] * 2
    for shrink in (1, 2, 2):
        size = (width // shrink, height // shrink)
        small = Image.fromarray(random.integers(0, 256, (7, 9), np.uint8)).resize(size)
        noise = random.integers(-9, 10, size[::-1])
        plane = np.clip(np.asarray(small) + noise, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(plane).save(file, "JPEG", qtables=tables[:1])
        for pixels, to in ((plane, planes), (np.asarray(Image.open(file)), decoded)):
            to.append(pixels.repeat(shrink, 0).repeat(shrink, 1))
    Image.fromarray(np.stack(planes, -1), "YCbCr").save(path, qtables=tables, subsampling="4:2:0")
    return np.stack(decoded, -1)


def convert_colours(yuv, matrix):
    """AIPP's formula in whole numbers."""
    rows, bias = matrix
    return np.clip((yuv.astype(np.int64) - bias) @ np.array(rows).T >> 8, 0, 255)


def matrix_fields(matrix):
    rows, bias = matrix
    return ["csc_switch: true", *["matrix_r{}c{}: {}".format(r, c, rows[r][c])
                                  for r in range(3) for c in range(3)],
            *["input_bias_{}: {}".format(i, bias[i]) for i in range(3)]]


def channels(name, values):
    return ["{}_chn_{}: {}".format(name, i, value) for i, value in enumerate(values)]


def aipp_file(bench, picture, width, height, *fields):
    """A static configuration, as an option of atc."""
    path = bench.work / "aipp.cfg"
    path.write_text("aipp_op {{\n aipp_mode: static\n input_format: {}\n src_image_size_w: {}\n"
                    " src_image_size_h: {}\n {}\n}}\n".format(picture, width, height,
                                                              "\n ".join(fields)))
    return "--insert_op_conf={}".format(path)


def boxes_of(net, x, count):
    """Six rows of 0 to 1 to the form of the detection layer: x, y, x, y, score and class, and how
    many boxes there are."""
    sizes = net.node("Concat", "img_info", net.weight([[1, 79]]), axis=1)
    net.node("Mul", x, net.node("Reshape", sizes, net.weight([1, 6, 1], np.int64)), to="boxes")
    number = net.node("Mul", net.node("ReduceSum", "boxes", keepdims=0), net.weight(0))
    number = net.node("Add", number, net.weight(count))
    net.cast(net.node("Reshape", number, net.weight([1, 1], np.int64)), INT32, "number")


def yolov3(path, side=416):
    """Sixteen boxes the network makes up of the tiles of a picture of 0 to 1."""
    net = Network(11)
    tile = side // 4
    x = net.node("Sub", "data", net.weight(0.5))
    x = net.node("Sigmoid", net.conv(x, 6, tile, 4 / tile))
    boxes_of(net, net.node("Reshape", x, net.weight([1, 6, 16], np.int64)), 16)
    net.save(path, [("data", FLOAT, [1, 3, side, side]), ("img_info", FLOAT, [1, 4])],
             [("boxes", FLOAT, [1, 6, 16]), ("number", INT32, [1, 1])])


def yolov3_boxes(source, x, scale=(1, 1), side=416):
    """What onnxruntime says: x, y, x, y in a picture scale as large, score in percent and class,
    all cut to whole numbers."""
    boxes = reference(source, {"data": x, "img_info": np.full((1, 4), side, np.float32)})[0][0].T
    if np.ptp(boxes[:, 4]) < 0.2:
        raise Failure("the boxes hardly differ, which compares nothing")
    return (boxes * np.float32([*scale, *scale, 100, 1])).astype(int)


def class_names(bench):
    """The program's own list."""
    for path in sorted((bench.root / "src").glob("*.cpp")):
        found = re.search(r"yolov3Label *= *\{(.*?)\}", path.read_text(), re.S)
        if found:
            return re.findall(r'"(.*?)"', found[1])
    raise Failure("its list of classes is somewhere else")


def same_boxes(bench, text, expected):
    """Lines of four corners, class and percent. What is whole within rounding may be cut to the
    number below it, which must not befall many."""
    names, expected = class_names(bench), np.concatenate(expected)
    rows = np.array([(*map(int, match[:4]), int(match[5]), names.index(match[4]))
                     for match in re.findall(
        r"^(-?\d+) (-?\d+) (-?\d+) (-?\d+) ([a-zA-Z ]+?)(\d+)%", text, re.M)])
    if rows.shape != expected.shape:
        raise Failure("it found {} boxes instead of {}".format(len(rows), len(expected)))
    off = np.abs(rows - expected).max(1)
    if off.max() > 1:
        raise Failure("box {} instead of {}".format(rows[off.argmax()], expected[off.argmax()]))
    if np.count_nonzero(off) > len(rows) // 8:
        raise Failure("most of its boxes lie a pixel off")


def yolov3_static(bench, file, arguments, swap=False):
    """JPEGD, VPC, static AIPP from NV12. A program that calls the picture NV21 when it scales it to
    NV12 gets U and V exchanged."""
    source = bench.work / "yolov3.onnx"
    yolov3(source)
    bench.convert(source, bench.root / "model" / "yolov3", aipp_file(
        bench, "YUV420SP_U8", 416, 416, *matrix_fields(JPEG_RGB),
        *channels("var_reci", [TO_ONE] * 3)))
    yuv = jpeg(bench.root / "data" / file, 416, 416, 3)
    if swap:
        yuv = yuv[..., [0, 2, 1]]
    x = convert_colours(yuv, JPEG_RGB) * TO_ONE
    bench.cmake()
    text = bench.program(arguments)
    same_boxes(bench, text, [yolov3_boxes(source, to_network(x))])
    if not (bench.root / "out" / "output" / ("out_" + file)).is_file():
        raise Failure("it wrote no picture")


def yolov3_dynamic(bench):
    """One model, two kinds of pictures: NV12 from DVPP, then RGB from OpenCV, which it exchanges to
    BGR by rbuv_swap_switch."""
    source = bench.work / "yolov3.onnx"
    yolov3(source)
    bench.convert(source, bench.root / "model" / "yolov3", "--insert_op_conf={}".format(
        bench.root / "aipp_objectdetection.cfg"))
    path = bench.root / "data" / "one.jpg"
    yuv = jpeg(path, 416, 416, 4)
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    text = bench.program("../data")
    expected = []
    for pixels in convert_colours(yuv, NARROW_BGR), cv2.imread(str(path)):
        expected.append(yolov3_boxes(source, to_network(pixels * TO_ONE)))
    same_boxes(bench, text, expected)


def ssd_opencv(bench):
    """The program takes scores of 99 and 100 percent only, and scales to 304 x 300."""
    source = bench.work / "net.onnx"
    ssd_network(source, 0.98, 0.02)
    bench.convert(source, bench.root / "model" / "vgg_ssd", aipp_file(
        bench, "RGB888_U8", 304, 300, *SSD_CROP, *channels("mean", SSD_MEAN),
        *channels("var_reci", [1] * 3)))
    pixels = photo(bench.root / "data" / "one.png", 304, 300, 9)
    ssd_check(bench, source, pixels[:, :300, ::-1] - np.float32(SSD_MEAN), "one.png", 99)


def ssd_dvpp(bench):
    source = bench.work / "net.onnx"
    ssd_network(source)
    bench.convert(source, bench.root / "model" / "vgg_ssd", aipp_file(
        bench, "YUV420SP_U8", 304, 300, *SSD_CROP, *matrix_fields(NARROW_BGR),
        *channels("mean", SSD_MEAN), *channels("var_reci", [1] * 3)))
    yuv = jpeg(bench.root / "data" / "one.jpg", 300, 300, 9)
    ssd_check(bench, source, convert_colours(yuv, NARROW_BGR) - np.float32(SSD_MEAN), "one.jpg", 85)


def resnet(bench, run):
    """Two pictures as RGB from OpenCV; the program makes the softmax."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], scale=1)
    bench.convert(source, bench.root / "model" / "resnet50", aipp_file(
        bench, "RGB888_U8", 224, 224, *channels("min", RESNET_MIN),
        *channels("var_reci", RESNET_RECI)))
    expected = []
    for i in range(2):
        pixels = photo(bench.root / "data" / "{}.png".format(i), 224, 224, i)
        x = to_network((pixels - RESNET_MIN) * RESNET_RECI)
        expected.append(softmax(reference(source, {"data": x})[0][0]))
    check_tops(run(bench), expected)


def resnet_cpp(bench):
    """It keeps the address of the pixels of a cv::Mat that ends with the function."""
    bench.environment["CXXFLAGS"] += " -DCV_BGR2RGB=4"  # renamed as well; others include the name
    try:
        resnet(bench, lambda b: b.cmake() or b.program())
    except Failure:
        report = bench.sanitizer_report()
        if not re.search(r"heap-use-after-free.*SampleResnetAIPP::Inference.*freed by.*"
                         r"cv::Mat::deallocate", report, re.S):
            raise
        raise OwnFault("Inference copies the pixels of a cv::Mat that ProcessInput has freed "
                       "(AddressSanitizer: heap-use-after-free)") from None


def yolov3_two_models(bench):
    """The script turns the three outputs of one model round and gives them to the other, which
    makes boxes of them here: one, four and sixteen."""
    first, second, side = bench.work / "first.onnx", bench.work / "second.onnx", 416
    net, outputs = Network(17), []
    x = net.node("Sub", "data", net.weight(0.5))
    for stride in (32, 16, 8):
        name = "out{}".format(stride)
        net.node("Transpose", net.conv(x, 6, stride, 4 / stride), to=name, perm=[0, 2, 3, 1])
        outputs.append((name, FLOAT, [1, side // stride, side // stride, 6]))
    net.save(first, [("data", FLOAT, [1, 3, side, side])], outputs)
    bench.convert(first, bench.root / "model" / "yolov3_tf_aipp", aipp_file(
        bench, "YUV420SP_U8", side, side, *matrix_fields(NARROW_BGR),
        *channels("var_reci", [TO_ONE] * 3)))
    net, parts, inputs = Network(), [], []
    for name, cells in (("a", 13), ("b", 26), ("c", 52)):
        x = net.node("AveragePool", name, kernel_shape=[13, 13], strides=[13, 13])
        parts.append(net.node("Reshape", x, net.weight([1, 6, -1], np.int64)))
        inputs.append((name, FLOAT, [1, 6, cells, cells]))
    boxes_of(net, net.node("Sigmoid", net.node("Concat", *parts, axis=2)), 21)
    net.save(second, [*inputs, ("img_info", FLOAT, [1, 4])],
             [("boxes", FLOAT, [1, 6, 21]), ("number", INT32, [1, 1])])
    bench.convert(second, bench.root / "model" / "yolov3_output_op")
    yuv = jpeg(bench.root / "data" / "one.jpg", side, side, 6)
    middle = reference(first, {"data": to_network(convert_colours(yuv, NARROW_BGR) * TO_ONE)})
    feeds = {n: np.ascontiguousarray(m.transpose(0, 3, 1, 2)) for n, m in zip("abc", middle)}
    boxes = reference(second, {**feeds, "img_info": np.full((1, 4), side, np.float32)})[0][0].T
    rows = class_boxes(bench.script("object_detect.py", "../data"))
    same_rows(rows, [[int(row[5]), *row[:4].astype(int), row[4]] for row in boxes],
              [1, 1, 1, 1, 1, 1e-4])


def yolov4(bench):
    """It writes its outputs to files: scores of 80 classes, and the boxes of three strides."""
    source, net, side, parts = bench.work / "yolov4.onnx", Network(13), 416, []
    for stride in (8, 16, 32):
        cells = (side // stride) ** 2
        x = net.node("Sub", "data", net.weight(0.5))
        x = net.conv(x, 252, stride, 3 / stride, bias=np.full(252, -1.0))
        x = net.node("Reshape", x, net.weight([1, 3, 84, cells], np.int64))
        x = net.node("Transpose", x, perm=[0, 1, 3, 2])
        parts.append(net.node("Reshape", x, net.weight([1, 3 * cells, 84], np.int64)))
    x = net.node("Sigmoid", net.node("Concat", *parts, axis=1))
    for name, low, high, scale in (("boxes", 0, 4, side), ("scores", 4, 84, 0.6)):
        part = net.node("Slice", x, *[net.weight([n], np.int64) for n in (low, high, 2)])
        net.node("Mul", part, net.weight(scale), to=name)
    net.save(source, [("data", FLOAT, [1, 3, side, side])],
             [("scores", FLOAT, [1, 10647, 80]), ("boxes", FLOAT, [1, 10647, 4])])
    bench.convert(source, bench.root / "model" / "yolov4", aipp_file(
        bench, "YUV420SP_U8", side, side, *matrix_fields(JPEG_RGB),
        *channels("var_reci", [TO_ONE] * 3)))
    yuv = jpeg(bench.root / "data" / "one.jpg", side, side, 8)
    want = reference(source, {"data": to_network(convert_colours(yuv, JPEG_RGB) * TO_ONE)})
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    bench.program("../model/yolov4.om ../data/one.jpg")
    for i, array in enumerate(want):
        got = np.fromfile(bench.root / "out" / "output" / "output_{}.bin".format(i), np.float32)
        if got.size != array.size or not np.allclose(got, array.ravel(), 1e-4, 1e-4):
            raise Failure("output {} differs from onnxruntime's".format(i))
    if not (bench.root / "out" / "output" / "out_one.jpg").is_file():
        raise Failure("it wrote no picture")


PROGRAMS = [
    Program("YOLOV3_coco_detection_picture_with_postprocess_op, Python", SAMPLES,
            PY2 + "2_object_detection/YOLOV3_coco_detection_picture_with_postprocess_op",
            "one JPEG, static AIPP, two models, on our acllite", yolov3_two_models),
    Program("YOLOV4_coco_detection_picture, C++", SAMPLES,
            DETECTION + "YOLOV4_coco_detection_picture", "one JPEG, static AIPP", yolov4),
    Program("YOLOV3_coco_detection_picture, C++", SAMPLES,
            DETECTION + "YOLOV3_coco_detection_picture", "one JPEG, static AIPP",
            lambda b: yolov3_static(b, "one.jpg", "../data")),
    Program("YOLOV3_coco_detection_picture_DVPP_with_AIPP, C++", SAMPLES,
            DETECTION + "YOLOV3_coco_detection_picture_DVPP_with_AIPP", "one JPEG, static AIPP",
            lambda b: yolov3_static(b, "dog1_1024_683.jpg", "", swap=True)),
    Program("YOLOV3_coco_detection_dynamic_AIPP, C++", SAMPLES,
            DETECTION + "YOLOV3_coco_detection_dynamic_AIPP",
            "one JPEG as NV12 and as RGB through dynamic AIPP", yolov3_dynamic),
    Program("VGG_SSD_coco_detection_CV_with_AIPP, C++", SAMPLES,
            DETECTION + "VGG_SSD_coco_detection_CV_with_AIPP", "one picture, static AIPP",
            ssd_opencv),
    Program("VGG_SSD_coco_detection_DVPP_with_AIPP, C++", SAMPLES,
            DETECTION + "VGG_SSD_coco_detection_DVPP_with_AIPP", "one JPEG, static AIPP",
            ssd_dvpp),
    Program("sampleResnetAIPP, Python", SAMPLES, RESNET + "/python", "two pictures, static AIPP",
            lambda b: resnet(b, lambda b: b.script("sampleResnetAIPP.py"))),
    Program("sampleResnetAIPP, C++", SAMPLES, RESNET, "two pictures, static AIPP", resnet_cpp),
]
