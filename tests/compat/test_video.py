# SPDX-License-Identifier: Apache-2.0
"""Videos, packets and cameras through PyAV, against frames PyAV decodes itself."""
import pytest

np = pytest.importorskip("numpy")
av = pytest.importorskip("av")

pytestmark = pytest.mark.in_process
COUNT = 20


@pytest.fixture(scope="module", params=[(64, 48), (130, 98)], ids="{0[0]}x{0[1]}".format)
def video(request, tmp_path_factory):
    """(path, frames as NV12 without padding) of a short film."""
    width, height = request.param
    path = str(tmp_path_factory.mktemp("video") / "film.mp4")
    rows, columns = np.mgrid[:height, :width]
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(COUNT):
            picture = np.stack([rows * 2 + i, columns + 5 * i, rows + columns], -1)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with av.open(path) as film:
        return path, [f.reformat(format="nv12").to_ndarray() for f in film.decode(video=0)]


CHECK = """
import sys
import numpy as np
{imports}
resource = {resource}()
resource.init()
frames = np.load("frames.npy")
def check(image, i):
    height, width = frames[i].shape[0] // 3 * 2, frames[i].shape[1]
    assert (image.width, image.height) == (width, height), (image.width, image.height)
    stride = (width + 15) // 16 * 16
    assert (image.align_width, image.align_height) == (stride, height)
    planes = image.{bytes}().view(np.uint8).reshape(height * 3 // 2, stride)
    assert image.size == planes.size and not image.is_local()
    assert (planes[:, :width] == frames[i]).all(), i
"""
STYLES = {
    "acllite": CHECK.format(imports="from acllite_resource import AclLiteResource as Resource\n"
                                    "from videocapture import VideoCapture as Video\n"
                                    "from dvpp_vdec import DvppVdec\n"
                                    "import cameracapture\n"
                                    "from cameracapture import CameraCapture as Camera",
                            resource="Resource", bytes="byte_data_to_np_array"),
    "atlas_utils": CHECK.format(imports="from atlas_utils.acl_resource import AclResource\n"
                                        "from atlas_utils.video import AclVideo as Video\n"
                                        "from atlas_utils.dvpp_vdec import DvppVdec\n"
                                        "import acllite.cameracapture as cameracapture\n"
                                        "from atlas_utils.camera import Camera",
                                resource="AclResource", bytes="nparray"),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_frame(python, video, tmp_path, style):
    path, frames = video
    np.save(tmp_path / "frames.npy", frames)
    python(STYLES[style] + """
film = Video(sys.argv[1])
assert not film.is_finished()
for i in range(len(frames)):
    ret, image = film.read()
    assert ret == 0
    check(image, i)
assert film.read() == (0, None) and film.is_finished()
film.destroy()
film.destroy()
film = Video(sys.argv[1])
ret, image = film.read()
film.destroy()  # with pictures waiting
assert film.read() == (1, None)
film = Video(sys.argv[1])
seen = 0
while not film.is_finished():
    ret, image = film.read(no_wait=True)
    assert ret == 0
    seen += image is not None
assert seen == len(frames)
film = Video(sys.argv[1])
film.read()
del resource  # gives the film back before the device
""", path, cwd=tmp_path)


def test_what_is_no_video(python, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"\0" * 999)
    out = python(STYLES["acllite"].replace('np.load("frames.npy")', "[]") + """
for name in ("film.mp4", "nowhere.mp4", "rtsp://127.0.0.1:9/x"):
    film = Video(name)
    assert film.read() == (1, None) and film.is_finished()
""", cwd=tmp_path)
    assert out.count("is no video that can be read") == 3


def test_cut_off(python, video, tmp_path):
    path, frames = video
    np.save(tmp_path / "frames.npy", frames)
    with open(path, "rb") as file, av.open(str(tmp_path / "film.ts"), "w") as out:
        film = av.open(file)
        stream = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    whole = (tmp_path / "film.ts").read_bytes()
    (tmp_path / "film.ts").write_bytes(whole[:len(whole) // 2])
    python(STYLES["acllite"] + """
film = Video("film.ts")
count = 0
while film.read()[1] is not None:
    count += 1
assert 0 < count < len(frames) and film.is_finished(), count
""", cwd=tmp_path)


@pytest.mark.parametrize("style", STYLES)
def test_packets(python, video, tmp_path, style):
    path, frames = video
    np.save(tmp_path / "frames.npy", frames)
    with av.open(path) as film:
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb", film.streams.video[0])
        packets = [bytes(p) for packet in film.demux(video=0) if packet.dts is not None
                   for p in annex_b.filter(packet)]
    np.savez(tmp_path / "packets.npz", *[np.frombuffer(p, np.uint8) for p in packets])
    out = python(STYLES[style] + """
import acl
import acllite.constants as const
packets = np.load("packets.npz")
height, width = frames[0].shape[0] // 3 * 2, frames[0].shape[1]
vdec = DvppVdec(0, width, height, const.ENTYPE_H264_MAIN, resource.context)
assert vdec.process(0, 0, None) == 1, "not before init"
assert vdec.init() == 0
seen = 0
def take():
    global seen
    while not vdec.is_finished():
        ret, image = vdec.read()
        assert ret == 0
        check(image, seen)
        seen += 1
for name in packets:
    data = packets[name]
    memory, ret = acl.media.dvpp_malloc(data.nbytes)
    acl.rt.memcpy(memory, data.nbytes, acl.util.numpy_to_ptr(data), data.nbytes, 1)
    assert vdec.process(memory, data.nbytes, [0, seen]) == 0
    acl.media.dvpp_free(memory)
    take()
assert vdec.process(0, 0, None) == 0
take()
assert seen == len(frames)
assert vdec.read(no_wait=True) == (0, None)
junk = np.zeros(100, np.uint8)
vdec.init()
assert vdec.process(acl.util.numpy_to_ptr(junk), 100, 7) == 0
assert vdec.process(0, 0, None) == 0
assert vdec.is_finished() and vdec.read(no_wait=True) == (0, None)
data = packets["arr_0"]  # a key frame
memory, ret = acl.media.dvpp_malloc(data.nbytes)
acl.rt.memcpy(memory, data.nbytes, acl.util.numpy_to_ptr(data), data.nbytes, 1)
for i in range(70):
    if vdec.process(memory, data.nbytes, i) == 1:
        break
assert i == 64, i  # wait to be read, or for their callback
vdec.destroy()
vdec.destroy()
assert DvppVdec(0, 64, 48, 9, None).init() == 1
assert DvppVdec(0, 64, 48, const.ENTYPE_H264_MAIN, None, const.PIXEL_FORMAT_RGB_888).init() == 1
""", cwd=tmp_path)
    assert "packet 7 gives no picture" in out and "64 pictures wait" in out


@pytest.mark.parametrize("style", STYLES)
def test_camera(python, video, tmp_path, style):
    """A film in a camera's place: what is V4L2 about it is its name."""
    path, frames = video
    np.save(tmp_path / "frames.npy", frames)
    out = python(STYLES[style] + """
camera = Camera(63)
assert not camera.is_opened() and camera.read() is None
cameracapture.DEVICE, cameracapture.FORMAT = sys.argv[1].replace("film", "{}"), None
camera = Camera("film")
assert camera.is_opened()
for i in range(len(frames)):
    check(camera.read(), i)
assert camera.read() is None
camera.close()
camera.close()
assert not camera.is_opened()
""", path, cwd=tmp_path)
    assert "camera 63 cannot be opened as /dev/video63" in out


def test_without_pyav(python, tmp_path):
    out = python("""
import sys
sys.modules["av"] = None
from cameracapture import CameraCapture
from videocapture import VideoCapture, gen_unique_channel_id
assert not CameraCapture(0).is_opened()
try:
    VideoCapture("film.mp4")
except ImportError as error:
    print(error)
from atlas_utils.chanel_id_generator import gen_unique_channel_id as same
assert gen_unique_channel_id() + 1 == same()
from atlas_utils.lib.atlasutil_so import libatlas
from lib.acllite_so import libacllite
assert libatlas is None and libacllite is None
""", cwd=tmp_path)
    assert out.count("needs PyAV, which is not installed: pip install av") == 2


def test_v4l2_camera(python, build_dir, monkeypatch, tmp_path):
    """The camera that tests/cli/camera.c plays, asked by PyAV's libavdevice: grey steps."""
    stand_in = build_dir / "tests" / "cli" / "camera.so"
    for name, value in {"LD_PRELOAD": stand_in, "CAMERA_PATH": "/dev/video7", "CAMERA_FPS": 30,
                        "CAMERA_SIZES": "160x120,320x240"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")
    python("""
import numpy as np
from acllite_resource import AclLiteResource
from cameracapture import CameraCapture
resource = AclLiteResource()
resource.init()
camera = CameraCapture(7, fps=30, size=(320, 240))
assert camera.is_opened()
x, y = np.meshgrid(np.arange(320), np.arange(240))
last = None
for _ in range(4):
    image = camera.read()
    assert (image.width, image.height) == (320, 240)
    grey = image.byte_data_to_np_array().view(np.uint8).reshape(-1)[:320 * 240]
    grey = grey.reshape(240, 320).astype(int)
    shift = grey[0, 0]
    assert shift % 8 == 0 and shift != last, (shift, last)
    assert (grey == (x + y + shift & 255)).all()
    last = shift
camera.close()
""", cwd=tmp_path)
