# SPDX-License-Identifier: Apache-2.0
"""prusik detect on videos, streams and damaged ones: clips of FFmpeg's test source, made here."""

import contextlib
import http.server
import json
import os
import pty
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from test_prusik import constant_network, folder, png, run  # noqa: F401 (fixtures)

av = pytest.importorskip("av")


@pytest.fixture(scope="module", autouse=True)
def built_with_video(build_dir):
    if not (build_dir / "cmd" / "video" / "libprusik_video.so").exists():
        pytest.skip("built without FFmpeg's headers")


def clip(path, frames=20, size=(160, 120), rate=10, codec="libx264", shown="testsrc2",
         preset="medium", **options):
    """FFmpeg's test source, a keyframe every 5 frames."""
    source = av.open(f"{shown}=size={size[0]}x{size[1]}:rate={rate}", format="lavfi")
    with av.open(str(path), "w", **options) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec == "libx264":
            stream.options = {"g": "5", "bf": "0", "preset": preset}
        for i, frame in enumerate(source.decode(video=0)):
            if i == frames:
                break
            out.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    at = tmp_path_factory.mktemp("clips")
    clip(at / "a.mp4")
    clip(at / "a.ts", format="mpegts")
    return at


def detect(run, *arguments, status=0):  # noqa: F811
    done = run("detect", "--json", "--type=yolox", "yolox.om", *arguments, status=status)
    return json.loads(done.stdout), done.stderr


def frames_of(path):
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264" and video.format.name.startswith("mov")
        rate = stream.average_rate
        return float(rate), [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]


def test_clip(run, clips, tmp_path):  # noqa: F811
    """Every frame, in order, with its time; and an mp4 of the same length with boxes in it."""
    found, _ = detect(run, clips / "a.mp4", "--output", tmp_path, "--save-txt", "--csv")
    assert [e["frame"] for e in found] == list(range(20))
    assert [e["seconds"] for e in found] == pytest.approx([i / 10 for i in range(20)], abs=1e-3)
    assert all((e["width"], e["height"]) == (160, 120) for e in found)
    assert all([d["label"] for d in e["detections"]] == ["dog", "car"] for e in found)
    assert len(list((tmp_path / "labels").glob("a_*.txt"))) == 20
    rate, drawn = frames_of(tmp_path / "a.mp4")
    assert (rate, len(drawn), drawn[0].shape) == (10, 20, (120, 160, 3))
    with av.open(str(clips / "a.mp4")) as video:
        plain = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    differ = np.mean([np.abs(a.astype(float) - b).max(2) for a, b in zip(drawn, plain)], 0)
    box = [round(v) for v in found[0]["detections"][0]["box"]]
    edge = differ[box[3] - 1, box[0] : box[2]].mean()
    far = differ[-20:, -40:].mean()
    print(box, edge, far)
    assert edge > 3 * far


def test_colours(run, tmp_path):  # noqa: F811
    """Without boxes the way to RGB and back keeps colours, though the matrices differ."""
    clip(tmp_path / "bars.mp4", frames=3, shown="smptebars")
    detect(run, tmp_path / "bars.mp4", "--output", tmp_path / "out", "--conf", "0.99")
    _, drawn = frames_of(tmp_path / "out" / "bars.mp4")
    with av.open(str(tmp_path / "bars.mp4")) as video:
        plain = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    error = np.abs(np.array(drawn, float) - np.array(plain))
    assert np.median(error, (0, 1, 2)).max() <= 2 and error.mean() < 4


def test_odd_sizes(run, tmp_path):  # noqa: F811
    """4:4:4 of 161 x 121: found as it is, drawn as 162 x 122, which 4:2:0 can hold."""
    source = av.open("testsrc2=size=161x121:rate=7", format="lavfi")
    with av.open(str(tmp_path / "odd.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=7)
        stream.width, stream.height, stream.pix_fmt = 161, 121, "yuv444p"
        for _, frame in zip(range(5), source.decode(video=0)):
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    found, _ = detect(run, tmp_path / "odd.mkv", "--output", tmp_path / "out")
    assert [(e["width"], e["height"]) for e in found] == [(161, 121)] * 5
    rate, drawn = frames_of(tmp_path / "out" / "odd.mp4")
    assert (rate, len(drawn), drawn[0].shape) == (7, 5, (122, 162, 3))


def test_stride_and_end(run, clips, tmp_path):  # noqa: F811
    found, _ = detect(run, clips / "a.mp4", "--stride", "3", "--output", tmp_path)
    assert [e["frame"] for e in found] == [0, 3, 6, 9, 12, 15, 18]
    assert [e["seconds"] for e in found] == pytest.approx([0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8],
                                                          abs=1e-3)
    rate, drawn = frames_of(tmp_path / "a.mp4")
    assert (rate, len(drawn)) == (pytest.approx(10 / 3), 7)
    found, _ = detect(run, clips / "a.mp4", "--max-frames", "4")
    assert [e["frame"] for e in found] == [0, 1, 2, 3]


def test_upright(run, clips, tmp_path):  # noqa: F811
    """A file that says it is turned, as phones write them, is."""
    file = bytearray((clips / "a.mp4").read_bytes())
    matrix = file.index(b"tkhd") + 44  # of version 0: ISO/IEC 14496-12, 8.3.2
    assert file[matrix - 40] == 0 and file[matrix:matrix + 4] == b"\0\1\0\0"
    file[matrix:matrix + 20] = struct.pack(">5i", 0, 1 << 16, 0, -(1 << 16), 0)  # clockwise
    (tmp_path / "turned.mp4").write_bytes(file)
    found, _ = detect(run, tmp_path / "turned.mp4", "--conf", "0.99", "--output", tmp_path / "out")
    assert (found[0]["width"], found[0]["height"]) == (120, 160)
    _, drawn = frames_of(tmp_path / "out" / "turned.mp4")
    _, flat = frames_of(clips / "a.mp4")
    upright = np.rot90(flat[0], -1).astype(int)
    assert np.abs(drawn[0] - upright).mean() < 10 < np.abs(drawn[0] - upright[::-1, ::-1]).mean()


def test_stdin(run, clips):  # noqa: F811
    with open(clips / "a.ts", "rb") as file:
        done = subprocess.run([run.prusik, "detect", "--json", "yolox.om", "-"], stdin=file,
                              capture_output=True, cwd=run.folder)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 20


def test_mixed_folder_with_a_bad_video(run, clips, tmp_path):  # noqa: F811
    png(tmp_path / "1.png")
    (tmp_path / "2.mp4").write_bytes((clips / "a.mp4").read_bytes()[:3000])
    (tmp_path / "3.mp4").write_bytes(b"")
    (tmp_path / "4.mp4").write_bytes((clips / "a.mp4").read_bytes())
    png(tmp_path / "5.png")
    found, error = detect(run, tmp_path, "--output", tmp_path / "out", status=1)
    assert len(found) == 22
    assert "2.mp4" in error and "3.mp4" in error and "2 failed" in error
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["1.png", "4.mp4", "5.png"]


def test_damaged_frames(run, clips, tmp_path):  # noqa: F811
    """Bytes turned over within frames: those are passed over and counted, the rest is there."""
    data = bytearray((clips / "a.ts").read_bytes())
    rng = random.Random(3)
    for at in range(len(data) // 3, 2 * len(data) // 3, 188):
        for _ in range(8):
            data[at + 30 + rng.randrange(100)] ^= 1 << rng.randrange(8)
    (tmp_path / "bad.ts").write_bytes(data)
    found, error = detect(run, tmp_path / "bad.ts")
    assert 8 <= len(found) < 20
    assert "damaged frames skipped" in error


@pytest.mark.parametrize("ending, codec", [
    ("mp4", "libx264"), ("ts", "libx264"), ("h264", "libx264"), ("mkv", "libx265"),
    ("webm", "libvpx-vp9"), ("avi", "mjpeg"), ("mp4", "mpeg4")])
def test_random_damage(run, tmp_path, ending, codec):  # noqa: F811
    """Never a crash, whatever the bytes; a status that says so and a sentence if it failed."""
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec}")
    try:
        good = clip(tmp_path / f"good.{ending}", codec=codec).read_bytes()
    except av.error.FFmpegError:
        pytest.skip(f"PyAV does not encode {codec}")
    (tmp_path / "bad").mkdir()
    rng = random.Random(7)
    for i in range(24):
        data = bytearray(good)
        for _ in range(1 << rng.randrange(11)):  # anywhere, or in the front, where the headers are
            data[rng.randrange(len(data) if i % 2 else min(len(data), 400))] = rng.randrange(256)
        if i % 5 == 0:
            del data[rng.randrange(len(data)) :]
        (tmp_path / "bad" / f"{i:02}.{ending}").write_bytes(data)
    process = subprocess.Popen([run.prusik, "detect", "--json", "yolox.om", tmp_path / "bad"],
                               cwd=run.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, error = process.communicate(timeout=120)
    assert process.returncode in (0, 1), error
    json.loads(out)


def test_damage_takes_no_memory(run, clips, tmp_path):  # noqa: F811
    """Its peak stays below 1 GiB, whatever the headers claim."""
    (tmp_path / "bad").mkdir()
    good, rng = (clips / "a.mp4").read_bytes(), random.Random(5)
    for i in range(24):
        data = bytearray(good)
        for _ in range(30):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "bad" / f"{i:02}.mp4").write_bytes(data)
    code = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], "
            "stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN)"
            ".ru_maxrss, done.returncode)")
    done = subprocess.run([sys.executable, "-c", code, run.prusik, "detect", "--json", "yolox.om",
                           tmp_path / "bad"], cwd=run.folder, capture_output=True, text=True,
                          timeout=120)
    peak, status = map(int, done.stdout.split())
    assert status in (0, 1) and peak < 1 << 20, (peak, done.stderr)


def test_enormous_frames(run, tmp_path):  # noqa: F811
    """A header that promises a terabyte is refused before memory is taken."""
    (tmp_path / "big.y4m").write_bytes(b"YUV4MPEG2 W30000 H30000 F25:1 C420jpeg\nFRAME\n" + bytes(999))
    _, error = detect(run, tmp_path / "big.y4m", status=1)
    assert "big.y4m" in error


@pytest.mark.parametrize("text", [
    "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile '{}'\n"])
def test_a_file_opens_no_other(run, clips, tmp_path, text):  # noqa: F811
    (tmp_path / "list.mp4").write_text(text.format(clips / "a.ts"))
    _, error = detect(run, tmp_path / "list.mp4", status=1)
    assert "list.mp4" in error


def test_interrupt(run, tmp_path):  # noqa: F811
    """Ctrl-C in the middle: a file that plays, with every frame that was reported."""
    clip(tmp_path / "long.mp4", frames=2000, size=(640, 480), preset="ultrafast")
    with open(tmp_path / "table", "wb") as table:
        process = subprocess.Popen(
            [run.prusik, "detect", "--type=yolox", "--output", tmp_path / "out", "yolox.om",
             tmp_path / "long.mp4"], cwd=run.folder, stdout=table, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and (tmp_path / "table").stat().st_size < 4096:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    reported = (tmp_path / "table").read_text().count("  frame ")
    _, drawn = frames_of(tmp_path / "out" / "long.mp4")
    assert 20 <= len(drawn) == reported < 2000


# ---- streams ----


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append(self.path)
        data = (server.folder / "a.ts").read_bytes()
        if self.path == "/silent.ts":
            time.sleep(20)
        elif self.path == "/away.ts":
            self.send_response(302)
            self.send_header("Location", f"file://{server.folder}/a.ts")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/playlist.m3u8":
            text = ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n"
                    f"file://{server.folder}/a.ts\n#EXT-X-ENDLIST\n").encode()
            self.reply(len(text), text)
        elif self.path.startswith("/live"):  # no length; the connection ends it
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True
        elif self.path == "/broken.ts" and server.requests.count(self.path) <= 2:
            self.reply(len(data), data[: len(data) // 2])
            self.close_connection = True
        else:
            data = (server.folder / ("a.mp4" if self.path.endswith("mp4") else "a.ts")).read_bytes()
            self.reply(len(data), data)

    def reply(self, length, data):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server(clips):
    at = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    at.daemon_threads = True
    at.folder, at.requests = clips, []
    at.url = f"http://127.0.0.1:{at.server_address[1]}"
    threading.Thread(target=at.serve_forever, daemon=True).start()
    yield at
    at.shutdown()


def test_http(run, server, tmp_path):  # noqa: F811
    found, _ = detect(run, f"{server.url}/a.mp4", "--output", tmp_path)
    assert [e["frame"] for e in found] == list(range(20))
    assert len(frames_of(tmp_path / "a.mp4")[1]) == 20


def test_http_live(run, server):  # noqa: F811
    """Without a length frames may be dropped, and the end is an end when nothing comes back."""
    found, error = detect(run, f"{server.url}/live.ts", "--reconnects", "0")
    dropped = int(error.split(" frames dropped")[0].split()[-1]) if "dropped" in error else 0
    assert len(found) + dropped == 20 and len(found) > 2


def test_http_breaks(run, server):  # noqa: F811
    """Broken off in the middle: it is asked for again, and goes on where it was."""
    found, error = detect(run, f"{server.url}/broken.ts")
    assert server.requests.count("/broken.ts") >= 3
    seconds = [e["seconds"] for e in found]
    assert seconds == sorted(set(seconds)) and seconds[-1] == pytest.approx(1.9, abs=0.01)
    # The frame that the break cut in two may be lost.
    assert len(found) + error.count("dropped") >= 18


def test_http_that_fails(run, server):  # noqa: F811
    start = time.monotonic()
    _, error = detect(run, f"{server.url}/silent.ts", "--timeout", "1", status=1)
    assert time.monotonic() - start < 10 and "silent.ts" in error  # 10: --timeout's default
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        _, error = detect(run, f"http://127.0.0.1:{s.getsockname()[1]}/a.ts", "--timeout", "2",
                          status=1)
    assert "refused" in error.lower()


@pytest.mark.parametrize("path", ["away.ts", "playlist.m3u8"])
def test_a_stream_opens_no_file(run, server, path):  # noqa: F811
    found, _ = detect(run, f"{server.url}/{path}", "--timeout", "2", "--reconnects", "0", status=1)
    assert not found


def rtsp_server(listener, data, connections):
    """Plays H.264 over RTSP, interleaved in the one connection, RTP packets of one NAL unit."""
    units = [u for u in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u]
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connections.append(1)
        with connection, connection.makefile("rb") as lines:
            sdp = ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=t\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                   "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                   "a=control:track0\r\n")
            while request := lines.readline().decode().split():
                headers = {}
                while line := lines.readline().strip().decode():
                    name, value = line.split(":", 1)
                    headers[name.lower()] = value.strip()
                body, more = "", ""
                if request[0] == "OPTIONS":
                    more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
                if request[0] == "DESCRIBE":
                    body, more = sdp, "Content-Type: application/sdp\r\n"
                if request[0] == "SETUP":
                    more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n"
                connection.sendall((f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{more}"
                                    f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
                if request[0] != "PLAY":
                    continue
                stamp = 0
                for k, unit in enumerate(units):
                    picture = unit[0] & 31 in (1, 5)
                    packet = bytes([0x80, 96 | 128 * picture]) + k.to_bytes(2, "big")
                    packet += stamp.to_bytes(4, "big") + b"test" + unit
                    connection.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
                    stamp += 9000 * picture
                    time.sleep(0.02 * picture)
                break


def test_rtsp(run, tmp_path):  # noqa: F811
    """A camera's way; when it goes away it is asked again as often as allowed."""
    clip(tmp_path / "a.h264", format="h264")
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=rtsp_server, daemon=True, args=(
            listener, (tmp_path / "a.h264").read_bytes(), connections)).start()
        url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/camera"
        found, error = detect(run, url, "--output", tmp_path / "out", "--reconnects", "1")
        listener.shutdown(socket.SHUT_RDWR)
    assert len(connections) == 2
    dropped = re.search(r"(\d+) frames dropped to keep up", error)  # a camera does not wait
    assert len(found) + int(dropped[1] if dropped else 0) > 20, error
    assert len(frames_of(tmp_path / "out" / "camera.mp4")[1]) == len(found)


def test_no_camera(run):  # noqa: F811
    if os.path.exists("/dev/video99"):
        pytest.skip("there is such a camera")
    _, error = detect(run, "/dev/video99", status=1)
    assert "/dev/video99" in error


def test_time_left(run, tmp_path):  # noqa: F811
    """On a terminal a video shows how far it is, and when it will be done."""
    clip(tmp_path / "long.mp4", frames=150, size=(640, 480))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [run.prusik, "detect", "--json", "--type=yolox", "yolox.om", tmp_path / "long.mp4"],
        cwd=run.folder, stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(leader, 4096):
            shown += part
    os.close(leader)
    assert process.wait() == 0
    assert b"/150 frames, " in shown and b" left" in shown, shown


@pytest.mark.long
def test_steady_memory(run, tmp_path):  # noqa: F811
    """1080p H.264 from end to end: five times the frames take no more memory."""
    peak = {}
    for frames in (60, 300):
        clip(tmp_path / f"{frames}.mp4", frames=frames, size=(1920, 1080), rate=25)
        done = subprocess.run(
            ["/usr/bin/env", "python3", "-c",
             "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], "
             "stdout=subprocess.DEVNULL).returncode; "
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)",
             run.prusik, "detect", "--type=yolox", "--output", tmp_path / str(frames), "yolox.om",
             tmp_path / f"{frames}.mp4"], cwd=run.folder, check=True, capture_output=True, text=True)
        peak[frames] = int(done.stdout)
        assert len(frames_of(tmp_path / str(frames) / f"{frames}.mp4")[1]) == frames
    print(f"peak: {peak[60] >> 10} MiB for 60 frames, {peak[300] >> 10} MiB for 300")
    assert peak[300] < 1.1 * peak[60] and peak[300] < 1 << 20
