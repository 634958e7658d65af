# SPDX-License-Identifier: Apache-2.0
"""Programs that do nothing but decode and encode video with DVPP, compared with FFmpeg."""
import subprocess

import numpy as np

from outside.bench import SAMPLES, Failure, Program
from outside.pictures import DATA, near, planes_of, smooth_nv12


def ffmpeg(*arguments, data=b"", to="pipe:1"):
    """What the program writes to its standard output, or to a file."""
    return subprocess.run(["ffmpeg", "-v", "error", *arguments, to], input=data,
                          stdout=subprocess.PIPE, check=True, timeout=120).stdout


def decoded(path, width, height):
    """The frames of a stream as NV12, one a row."""
    raw = ffmpeg("-i", str(path), "-f", "rawvideo", "-pix_fmt", "nv12")
    return np.frombuffer(raw, np.uint8).reshape(-1, width * height * 3 // 2)


def rabbit(bench):
    """The stream of one frame that programs send ten times, and what it decodes to, as NV12."""
    width, height = 1280, 720
    path = bench.root / "data" / "vdec_h265_1frame_rabbit_1280x720.h265"
    path.write_bytes(ffmpeg("-f", "rawvideo", "-pix_fmt", "nv12", "-s", "1280x720", "-i", "pipe:0",
                            "-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt",
                            "yuv420p", "-f", "hevc",
                            data=smooth_nv12(width, height, 8)[0].tobytes()))
    frame, = decoded(path, width, height)
    return frame


def decode(bench):
    """It sends the frame without an end, and destroys the channel."""
    want = rabbit(bench)
    bench.cmake()
    bench.program()
    for i in range(1, 11):
        got = np.fromfile(bench.root / "out" / "output" / "image{}.yuv".format(i), np.uint8)
        if not np.array_equal(got, want):
            raise Failure("frame {} is not FFmpeg's".format(i))


def encode(bench):
    """It frees each picture as soon as it is sent. It says that a picture has 1088 rows, so the
    file has, too."""
    width, height, rows = 1920, 1080, 1088
    picture = smooth_nv12(width, rows, 9)[0]
    luma, chroma = planes_of(picture, width, height)
    picture.tofile(bench.root / "data" / "in.yuv")
    bench.cmake()
    (bench.root / "out" / "output").mkdir()
    bench.program("../data/in.yuv")
    frames = decoded(bench.root / "out" / "output" / "out_video.h264", width, height)
    if len(frames) != 100:
        raise Failure("the stream has {} frames instead of 100".format(len(frames)))
    for i, frame in enumerate(frames):
        got = planes_of(frame, width, height)
        near(got[0], luma, 38, "luma of frame {}".format(i))
        near(got[1], chroma, 38, "chroma of frame {}".format(i))


PROGRAMS = [
    Program("vdec, C++", SAMPLES, DATA + "vdec", "one frame of H.265, ten times", decode),
    Program("venc, C++", SAMPLES, DATA + "venc", "100 frames of 1920 x 1080", encode),
]
