# SPDX-License-Identifier: Apache-2.0
"""Programs that show what they find through the presenter agent of their repository.

A small server here takes their pictures and boxes. A message is its length and that of its name (4
bytes and 1, the first one first), the name, and a protobuf message."""
import re
import socket
import struct
import subprocess
import threading

import cv2
import numpy as np

from outside.acllite_cpp import COMMON, clip, with_acllite
from outside.aipp import TO_ONE, aipp_file, channels, class_names, yolov3, yolov3_boxes
from outside.bench import CPP2, SAMPLES, Failure, Program, to_network
from outside.pictures import near
from outside.pictures_out import anime_model, same_picture


def with_presenter(bench):
    """Installs acllite and the agent; its messages are compiled for the protobuf that is there."""
    with_acllite(bench, COMMON)
    to, source = bench.environment["THIRDPART_PATH"], bench.work / "agent"
    bench.copy(bench.outside / "samples", "cplusplus/common/presenteragent", source)
    subprocess.run(["protoc", "--cpp_out=.", "presenter_message.proto"], cwd=source / "proto",
                   check=True)
    bench.shell("make -j2 install CC='g++ -w'", source, THIRDPART_PATH=to)


def fields(data):
    """(number, value) of each field of a protobuf message; numbers and bytes are all there is."""
    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    at, found = 0, []
    while at < len(data):
        key = varint()
        value = varint()
        if key & 7 == 2:
            at += value
            value = data[at - value:at]
        found.append((key >> 3, value))
    return found


class Server:
    """Takes one program's pictures: (picture, boxes of x, y, x, y and text)."""

    def __init__(self):
        self.shown, self.socket = [], socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(60)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def port(self):
        return self.socket.getsockname()[1]

    def serve(self):
        with self.socket, self.socket.accept()[0] as peer, peer.makefile("rb") as stream:
            while True:
                head = stream.read(5)
                if len(head) < 5:
                    return
                length, named = struct.unpack(">IB", head)
                name = stream.read(named).decode().rpartition(".")[2]
                body = stream.read(length - 5 - named)
                if name == "PresentImageRequest":
                    self.take(fields(body))
                if name != "HeartbeatMessage":
                    reply = "ascend.presenter.proto." + name.replace("Request", "Response")
                    peer.sendall(struct.pack(">IB", 5 + len(reply), len(reply)) + reply.encode())

    def take(self, message):
        boxes = []
        for number, value in message:
            if number == 5:
                parts = dict(fields(value))
                corners = [dict(fields(parts[n])) for n in (1, 2)]
                boxes.append((*(c.get(k, 0) for c in corners for k in (1, 2)), parts[3].decode()))
        image = np.frombuffer(dict(message)[4], np.uint8)
        self.shown.append((cv2.imdecode(image, cv2.IMREAD_COLOR), boxes))


def yolov3_video(bench):
    """OpenCV reads the video, AIPP takes BGR, and boxes from 80 percent on are shown."""
    with_presenter(bench)
    bench.environment["CXXFLAGS"] += " -DCV_IMWRITE_JPEG_QUALITY=1"
    source, side, width, height = bench.work / "yolov3.onnx", 416, 640, 360
    yolov3(source)
    bench.convert(source, bench.root / "model" / "yolov3", aipp_file(
        bench, "RGB888_U8", side, side, *channels("var_reci", [TO_ONE] * 3)))
    path = bench.root / "data" / "clip.mp4"
    clip(path, width, height, 12, 14)
    bench.cmake()
    server = Server()
    settings = (bench.root / "scripts" / "param.conf").read_text()
    (bench.root / "out" / "param.conf").write_text(re.sub(
        r"(?m)^(presenter_server_port)=.*", r"\1={}".format(server.port()), settings))
    bench.program("../data/clip.mp4")
    server.thread.join(10)
    if len(server.shown) != 12:
        raise Failure("it showed {} frames instead of 12".format(len(server.shown)))
    names, capture, found = class_names(bench), cv2.VideoCapture(str(path)), 0
    for image, boxes in server.shown:
        frame = capture.read()[1]
        near(image, frame, 38, "a frame it showed")
        x = to_network(cv2.resize(frame, (side, side)) * TO_ONE)
        want = yolov3_boxes(source, x, (width / side, height / side))
        want = want[want[:, 4] >= 80]
        if [text for *_, text in boxes] != ["{}{}%".format(names[row[5]], row[4]) for row in want]:
            raise Failure("it found {}".format(boxes))
        if len(want) and np.abs(np.array([box[:4] for box in boxes]) - want[:, :4]).max() > 1:
            raise Failure("its boxes lie elsewhere: {}".format(boxes))
        found += len(want)
    if not found:
        raise Failure("no box was shown, which compares little")


def anime(bench):
    """It only links the agent."""
    with_presenter(bench)
    made = anime_model(bench, 256)
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    bench.program("../data 256")
    same_picture(bench.root / "out" / "output" / "out_one.jpg", (made[..., ::-1] + 1) * 127.5)


PROGRAMS = [
    Program("YOLOV3_coco_detection_video, C++", SAMPLES,
            CPP2 + "2_object_detection/YOLOV3_coco_detection_video",
            "twelve frames of MP4, shown through the presenter agent of its repository",
            yolov3_video),
    Program("animeGAN_picture, C++", SAMPLES, CPP2 + "6_other/animeGAN_picture",
            "one JPEG, static AIPP, on the acllite of its repository", anime),
]
