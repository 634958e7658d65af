# SPDX-License-Identifier: Apache-2.0
"""prusik detect on a camera: one that camera.c plays, for no machine here has a real one."""

import io
import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image
from test_prusik import constant_network, folder, png, run  # noqa: F401 (fixtures)

av = pytest.importorskip("av")
PATH = "/dev/video0"


@pytest.fixture(scope="module")
def camera(build_dir, prusik, folder):  # noqa: F811
    """Runs detect on the camera that the keywords describe (camera.c lists them)."""
    stand_in = build_dir / "tests" / "cli" / "camera.so"
    if not (build_dir / "cmd" / "video" / "libprusik_video.so").exists():
        pytest.skip("built without FFmpeg's headers")

    def start(*arguments, path=PATH, **settings):
        env = dict(os.environ, LD_PRELOAD=f"{stand_in}", CAMERA_PATH=path)
        # A sanitizer's library wants to stand first.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env.update({f"CAMERA_{name.upper()}": str(value) for name, value in settings.items()})
        return subprocess.Popen(
            [prusik, "detect", "--type=yolox", "yolox.om", path, *map(str, arguments)],
            cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def call(*arguments, status=0, **settings):
        process = start("--json", *arguments, **settings)
        out, error = process.communicate(timeout=60)
        assert process.returncode == status, error
        return json.loads(out), error

    call.start = start
    return call


def shown(path):
    """Rate, times and frames of an mp4."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        frames = list(video.decode(video=0))
        return float(stream.guessed_rate), [f.time for f in frames], [
            f.to_ndarray(format="rgb24").astype(int) for f in frames]


def dropped(error):
    return int(error.split(" frames dropped")[0].split()[-1]) if "dropped" in error else 0


def pattern(n, width=160, height=120):
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return (x + y + 8 * n) & 255


def check_pattern(drawn, seconds, fps=30, **size):
    """Grey steps of the test pattern, each frame being that of its time."""
    for picture, at in zip(drawn, seconds):
        wanted = pattern(round(at * fps), **size)
        assert np.median(np.abs(picture - wanted[..., None])) <= 4


def test_frames(camera, tmp_path):
    found, error = camera("--max-frames", 12, "--conf", 0.99, "--output", tmp_path, "--csv")
    frames = [e["frame"] for e in found]
    assert len(frames) + dropped(error) == 12 and frames == sorted(set(frames))
    assert all((e["width"], e["height"], e["image"]) == (160, 120, PATH) for e in found)
    seconds = [e["seconds"] for e in found]
    assert seconds[0] == 0 and np.all(np.diff(seconds) > 0.03)
    assert np.abs(np.array(seconds) * 30 - np.round(np.array(seconds) * 30)).max() < 0.01
    rate, times, drawn = shown(tmp_path / "video0.mp4")
    assert times == pytest.approx(seconds, abs=0.001)
    check_pattern(drawn, seconds)


def test_detections(camera, tmp_path):
    process = camera.start("--max-frames", 5, "--output", tmp_path)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0 and out.count("frame") == 5 and "dog" in out, out + error
    assert len(shown(tmp_path / "video0.mp4")[2]) == 5


@pytest.mark.parametrize("settings", [
    {"formats": "UYVY"}, {"formats": "GREY"}, {"formats": "BA81,YUYV"}, {"padding": 32},
    {"formats": "GREY,YUYV", "padding": 6}, {"sizes": "322x242"}])
def test_formats(camera, tmp_path, settings):
    """Also when rows are longer than their pixels, and when it is set to what cannot be read."""
    found, _ = camera("--max-frames", 3, "--conf", 0.99, "--output", tmp_path, **settings)
    width, height = map(int, settings.get("sizes", "160x120").split("x"))
    assert (found[0]["width"], found[0]["height"]) == (width, height)
    check_pattern(shown(tmp_path / "video0.mp4")[2], [e["seconds"] for e in found],
                  width=width, height=height)


@pytest.mark.parametrize("pixels", ["RGB3", "NV12", "YU12", "MJPG"])
@pytest.mark.parametrize("padding", [0, 32])
def test_colours(camera, tmp_path, pixels, padding):
    """A picture of four colours in planes, packed or compressed."""
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:60, :80], picture[:60, 80:], picture[60:, :80] = [200, 40, 40], [40, 180, 60], [30, 60, 220]
    picture[60:, 80:] = 128
    y, cb, cr = (np.asarray(c) for c in Image.fromarray(picture).convert("YCbCr").split())
    half = np.stack([cb[::2, ::2], cr[::2, ::2]], -1)

    def rows(plane, wide=padding):
        return np.pad(plane, ((0, 0), (0, wide)), constant_values=99).tobytes()

    jpeg = io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG", quality=95)
    data = {"RGB3": rows(picture.reshape(120, -1)),
            "NV12": rows(y) + rows(half.reshape(60, -1)),
            "YU12": rows(y) + rows(half[..., 0], padding // 2) + rows(half[..., 1], padding // 2),
            "MJPG": jpeg.getvalue()}[pixels]
    (tmp_path / "frame").write_bytes(data)
    camera("--max-frames", 3, "--conf", 0.99, "--output", tmp_path / "out", formats=pixels,
           padding=padding, frame=tmp_path / "frame")
    for drawn in shown(tmp_path / "out" / "video0.mp4")[2]:
        for at in np.s_[5:55, 5:75], np.s_[5:55, 85:155], np.s_[65:115, 5:75], np.s_[65:115, 85:155]:
            assert np.abs(drawn[at].mean((0, 1)) - picture[at][0, 0]).max() < 6


def test_photo(atc, data_dir, build_dir, prusik, tmp_path):
    """A photo in front of the camera: the boxes are those of the photo as a file."""
    subprocess.run([atc, f"--model={data_dir}/models/yolox_nano_416.onnx", "--framework=5",
                    f"--output={tmp_path}/yolox", "--soc_version=Ascend310"], check=True,
                   capture_output=True)
    photo = Image.open(data_dir / "images" / "photos" / "dog.jpg").convert("RGB").resize((640, 480))
    photo.save(tmp_path / "dog.png")
    (tmp_path / "frame").write_bytes(np.asarray(photo).tobytes())
    env = dict(os.environ, LD_PRELOAD=f"{build_dir}/tests/cli/camera.so", CAMERA_PATH=PATH,
               CAMERA_FORMATS="RGB3", CAMERA_SIZES="640x480", CAMERA_FRAME=f"{tmp_path}/frame",
               CAMERA_FPS="5", ASAN_OPTIONS="verify_asan_link_order=0")
    seen = [json.loads(subprocess.run(
        [prusik, "detect", "--json", tmp_path / "yolox.om", source, "--max-frames", "2"], check=True,
        env=env, cwd=tmp_path, capture_output=True).stdout) for source in (PATH, "dog.png")]
    (file,) = seen[1]
    assert len(seen[0]) == 2 and len(file["detections"]) >= 2
    for frame in seen[0]:
        assert [d["label"] for d in frame["detections"]] == [d["label"] for d in file["detections"]]
        for a, b in zip(frame["detections"], file["detections"]):
            assert a["box"] == pytest.approx(b["box"], abs=0.5)


def test_slow_network(camera, instrumented, tmp_path):
    """Frames are dropped, and the mp4 takes as long as what it shows did."""
    if instrumented:
        pytest.skip("instrumented code has another pace")
    found, error = camera("--max-frames", 100, "--conf", 0.99, "--output", tmp_path, "--workers", 1,
                          fps=500, sizes="1280x720")
    assert "dropped to keep up" in error and len(found) < 100
    seconds = [e["seconds"] for e in found]
    _, times, drawn = shown(tmp_path / "video0.mp4")
    assert len(drawn) == len(found) and times == pytest.approx(seconds, abs=0.003)
    check_pattern(drawn, seconds, fps=500, width=1280, height=720)


def test_stride(camera):
    found, error = camera("--stride", 3, "--max-frames", 4)
    assert len(found) + dropped(error) == 4 and {e["frame"] for e in found} <= {0, 3, 6, 9}
    assert np.all(np.diff([e["seconds"] for e in found]) > 0.09)


def test_damaged(camera):
    for damage in ("error:3", "short:3", "eio:3"):
        found, error = camera("--max-frames", 9, fault=damage)
        assert len(found) + dropped(error) == 9 and "4 damaged frames skipped" in error, damage
    _, error = camera(fault="error:1", status=1, fps=500)
    assert "were all damaged" in error


def test_unplugged(camera, tmp_path):
    found, error = camera("--output", tmp_path, fault="unplug:7", status=1)
    assert len(found) + dropped(error) == 7
    assert f"{PATH}: it was unplugged after 7 frames" in error
    assert len(shown(tmp_path / "video0.mp4")[2]) == len(found)


def test_silent(camera, tmp_path):
    start = time.monotonic()
    found, error = camera("--timeout", 1, "--output", tmp_path, fault="silent:3", status=1)
    assert f"{PATH}: nothing came for 1 s, after 3 frames" in error
    assert len(found) == len(shown(tmp_path / "video0.mp4")[2]) == 3 - dropped(error)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("fault", ["", "silent:4"])
def test_interrupt(camera, tmp_path, fault):
    """Ctrl-C also while nothing comes: the file plays and holds what was reported."""
    process = camera.start("--output", tmp_path, fault=fault)
    for _ in range(4):
        process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest, error = process.communicate(timeout=20)
    assert process.returncode == 130 and "interrupted" in error, error
    assert len(shown(tmp_path / "video0.mp4")[2]) == 4 + rest.count("  frame ")


@pytest.mark.parametrize("settings, sentence", [
    ({"fault": "denied"}, "you may not open it"), ({"fault": "busy"}, "another program is using it"),
    ({"fault": "busy-memory"}, "another program is using it"), ({"fault": "no-room"}, "no room"),
    ({"fault": "not-a-camera"}, "no Video4Linux device"),
    ({"fault": "metadata"}, "Test camera gives no pictures here"),
    ({"formats": "BA81,pRAA"}, "its pictures are BA81, pRAA;"),
    ({"sizes": "20000x20000"}, "have more than")])
def test_refused(camera, settings, sentence):
    found, error = camera(status=1, **settings)
    assert found == [] and f"{PATH}: " in error and sentence in error


def test_missing(run):  # noqa: F811
    for path in ("/dev/video99", "/dev/v4l/by-id/usb-none-index0"):
        if not os.path.exists(path):
            error = run("detect", "yolox.om", path, status=1).stderr
            assert f"{path}: there is no such device" in error


def test_lasting_name(camera, tmp_path):
    path = "/dev/v4l/by-id/usb-046d_Camera-video-index0"
    found, _ = camera("--max-frames", 2, "--output", tmp_path, path=path)
    assert [e["image"] for e in found] == [path] * 2
    assert (tmp_path / "usb-046d_Camera-video-index0.mp4").exists()
