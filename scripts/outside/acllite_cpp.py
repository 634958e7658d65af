# SPDX-License-Identifier: Apache-2.0
"""Programs on the acllite of their repository in C++, which is built first, by its own Makefile.

What they do with DVPP and AIPP is compared as in aipp.py; video, with the frames FFmpeg decodes.
"""
import re
import tempfile

import cv2
import numpy as np

from outside.aipp import (JPEG_RGB, NARROW_BGR, SSD_MEAN, TO_ONE, aipp_file, channels,
                          class_names, convert_colours, jpeg, matrix_fields, same_boxes, yolov3,
                          yolov3_boxes)
from outside.bench import (CPP2, SAMPLES, Failure, Program, check_tops, classifier, photo,
                           reference, to_network)
from outside.detectors import yolo_rows
from outside.pictures import near
from outside.videos import ffmpeg

COLOURS = [(237, 149, 100), (0, 215, 255), (50, 205, 50), (139, 85, 26)]
COMMON, INFERENCE = "cplusplus/common/acllite", "inference/acllite/aclliteCPP"

# FFmpeg 5 took the filters of bit streams out of avcodec.h; the library was written for 4.
FFMPEG_NAMES = 'extern "C" {\n#include <libavcodec/bsf.h>\n}\n'

built = {}  # folder in the repository: where it is installed; once for all programs


def with_acllite(bench, folder):
    """Installs that acllite where THIRDPART_PATH shows."""
    if folder not in built:
        built[folder] = tempfile.TemporaryDirectory()
        to, source = built[folder].name, bench.work / "acllite"
        bench.copy(bench.outside / "samples", folder, source)
        header = bench.work / "ffmpeg_names.h"
        header.write_text(FFMPEG_NAMES)
        bench.shell("make -j2 install CC='g++ -w -include {}'".format(header), source,
                    THIRDPART_PATH=to)
    bench.environment["THIRDPART_PATH"] = built[folder].name
    bench.environment["LD_LIBRARY_PATH"] = built[folder].name + "/lib"


def googlenet(bench):
    """OpenCV scales, AIPP takes BGR and subtracts means."""
    with_acllite(bench, COMMON)
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], softmax=True)
    bench.convert(source, bench.root / "model" / "googlenet", aipp_file(
        bench, "RGB888_U8", 224, 224, *channels("mean", SSD_MEAN), *channels("var_reci", [1] * 3)))
    expected = []
    for i in range(2):
        pixels = photo(bench.root / "data" / "{}.png".format(i), 224, 224, i)
        x = to_network(pixels[:, :, ::-1] - np.float32(SSD_MEAN))
        expected.append(reference(source, {"data": x})[0][0])
    bench.cmake()
    check_tops(bench.program("../data"), expected)


def yolov7_boxes(rows, width, height, side):
    """The program's own way from rows to boxes: x, y, width, height, score, class; best first."""
    rows = rows[rows[:, 4] >= 0.25]
    classes = rows[:, 5:].argmax(1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
    boxes = rows[:, :4] * np.float32([width / side, height / side] * 2)
    order, kept = list(np.argsort(-scores, kind="stable")), []
    shifted = boxes[:, :2] + side * classes[:, None]
    while order:
        best = order.pop(0)
        kept.append((*boxes[best], scores[best], classes[best]))
        low = np.maximum(shifted[best], shifted[order])
        high = np.minimum(shifted[best] + boxes[best, 2:], shifted[order] + boxes[order, 2:])
        both = np.maximum(high - low, 0).prod(1)
        union = boxes[best, 2:].prod() + boxes[order, 2:].prod(1) - both
        order = [i for i, ratio in zip(order, both / union) if ratio <= 0.45]
    return kept


def yolov7(bench):
    """Only the picture it draws shows what it found."""
    with_acllite(bench, INFERENCE)
    source, side = bench.work / "net.onnx", 640
    yolo_rows(source, side, objectness=-5)
    bench.convert(source, bench.root / "model" / "yolov7x", aipp_file(
        bench, "YUV420SP_U8", side, side, *matrix_fields(JPEG_RGB),
        *channels("var_reci", [TO_ONE] * 3)))
    path = bench.root / "data" / "one.jpg"
    x = to_network(convert_colours(jpeg(path, side, side, 5), JPEG_RGB) * TO_ONE)
    boxes = yolov7_boxes(reference(source, {"images": x})[0][0], side, side, side)
    if not 5 < len(boxes) < 200:
        raise Failure("{} boxes compare little".format(len(boxes)))
    text = (bench.root / "src" / "label.h").read_text()
    names = re.findall(r'"(.*?)"', text[text.index("label[]"):])
    image = cv2.imread(str(path))
    for i, (x, y, width, height, score, name) in enumerate(boxes):
        left, top = int(x - width / 2), int(y - height / 2)
        cv2.rectangle(image, (left, top), (int(x + width / 2), int(y + height / 2)), COLOURS[i % 4],
                      2)
        cv2.putText(image, "{:f}:{}".format(score, names[name]), (left, top + 11),
                    cv2.FONT_HERSHEY_COMPLEX, 0.5, (0, 0, 255))
    bench.cmake()
    bench.program()
    _, file = cv2.imencode(".jpg", image)
    near(cv2.imread(str(bench.root / "out" / "out_0.jpg")),
         cv2.imdecode(file, cv2.IMREAD_COLOR), 36, "the picture it drew")


def clip(path, width, height, count, seed):
    """An MP4 in H.264 of as many frames, each of other colours."""
    random = np.random.default_rng(seed)
    frames = [cv2.resize(random.integers(40, 200, (5, 7, 3), np.uint8), (width, height),
                         interpolation=cv2.INTER_CUBIC) for _ in range(count)]
    ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(width, height),
           "-r", "25", "-i", "pipe:0", "-c:v", "libx264", "-g", "4", "-pix_fmt", "yuv420p",
           to=str(path), data=np.stack(frames).tobytes())


def decoded_yuv(path, width, height):
    """The frames as FFmpeg decodes them, as NHWC of full size: Y, U, V."""
    raw = np.frombuffer(ffmpeg("-i", str(path), "-f", "rawvideo", "-pix_fmt", "yuv420p"), np.uint8)
    raw = raw.reshape(-1, width * height * 3 // 2)
    out, quarter = np.empty((len(raw), height, width, 3), np.uint8), width * height // 4
    out[..., 0] = raw[:, :4 * quarter].reshape(-1, height, width)
    for i in (1, 2):
        plane = raw[:, (3 + i) * quarter:(4 + i) * quarter].reshape(-1, height // 2, width // 2)
        out[..., i] = plane.repeat(2, 1).repeat(2, 2)
    return out


def yolov3_video(bench):
    """FFmpeg's demultiplexer, VDEC, VPC, AIPP; the boxes of each frame."""
    with_acllite(bench, COMMON)
    source, path, side = bench.work / "yolov3.onnx", bench.root / "data" / "clip.mp4", 416
    yolov3(source)
    bench.convert(source, bench.root / "model" / "yolov3", aipp_file(
        bench, "YUV420SP_U8", side, side, *matrix_fields(NARROW_BGR),
        *channels("var_reci", [TO_ONE] * 3)))
    clip(path, side, side, 12, 7)
    expected = []
    for yuv in decoded_yuv(path, side, side):
        x = to_network(convert_colours(yuv, NARROW_BGR) * TO_ONE)
        expected.append(yolov3_boxes(source, x))
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    # What other libraries say would stand in the middle of its lines.
    same_boxes(bench, bench.program("../data/clip.mp4 2>../messages"), expected)
    count = cv2.VideoCapture(str(bench.root / "out" / "output" / "test1.mp4")).get(
        cv2.CAP_PROP_FRAME_COUNT)
    if count != 12:
        raise Failure("its video has {} frames instead of 12".format(count))


def draw(image, boxes, names):
    """As the YOLOV3 programs do."""
    for i, (left, top, right, bottom, percent, name) in enumerate(boxes):
        cv2.rectangle(image, (left, top), (right, bottom), COLOURS[i % 4], 2)
        cv2.putText(image, "{}{}%".format(names[name], percent), (left, top + 11),
                    cv2.FONT_HERSHEY_COMPLEX, 0.5, (0, 0, 255))


def yolov3_venc(bench):
    """OpenCV decodes and scales, AIPP takes BGR; the program draws boxes from 90 percent on, makes
    NV21 in whole numbers, and VENC encodes it."""
    source, path, side = bench.work / "yolov3.onnx", bench.root / "data" / "clip.mp4", 416
    width, height = 640, 368  # of the alignment it takes for granted
    yolov3(source)
    bench.convert(source, bench.root / "model" / "yolov3", aipp_file(
        bench, "RGB888_U8", side, side, *channels("var_reci", [TO_ONE] * 3)))
    clip(path, width, height, 12, 8)
    names = class_names(bench)
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    bench.program("../data/clip.mp4")
    result, = (bench.root / "out" / "output").iterdir()
    frames, capture, found = decoded_yuv(result, width, height), cv2.VideoCapture(str(path)), 0
    if len(frames) != 12:
        raise Failure("its video has {} frames instead of 12".format(len(frames)))
    for i, frame in enumerate(frames):
        image = capture.read()[1]
        x = to_network(cv2.resize(image, (side, side)) * TO_ONE)
        boxes = yolov3_boxes(source, x, (width / side, height / side))
        boxes = boxes[boxes[:, 4] >= 90].tolist()
        found += len(boxes)
        draw(image, boxes, names)
        yuv = image.astype(int) @ np.transpose([[29, 150, 77], [131, -87, -44], [-21, -110, 131]])
        yuv = (yuv >> 8) + [0, 128, 128] & 255  # full red is 258, which it stores as 2
        near(frame[..., 0], yuv[..., 0], 42, "luma of frame {}".format(i))
        near(frame[::2, ::2, 1:], yuv[::2, ::2, 1:], 42, "chroma of frame {}".format(i))
    if not found:
        raise Failure("no box is drawn, which compares little")


PROGRAMS = [
    Program("YOLOV3_coco_detection_VENC, C++", SAMPLES,
            CPP2 + "2_object_detection/YOLOV3_coco_detection_VENC",
            "twelve frames of MP4 to H.264 with boxes", yolov3_venc),
    Program("googlenet_imagenet_picture, C++", SAMPLES,
            CPP2 + "1_classification/googlenet_imagenet_picture",
            "two pictures, on the acllite of its repository", googlenet),
    Program("sampleYOLOV7, C++", SAMPLES, "inference/modelInference/sampleYOLOV7",
            "one JPEG, on the acllite of its repository", yolov7),
    Program("YOLOV3_coco_detection_video_DVPP_with_AIPP, C++", SAMPLES,
            CPP2 + "2_object_detection/YOLOV3_coco_detection_video_DVPP_with_AIPP",
            "twelve frames of H.264 in MP4, on the acllite of its repository", yolov3_video),
]
