# SPDX-License-Identifier: Apache-2.0
"""VDEC and VENC through acl.media: clips of FFmpeg's test source, made here, against PyAV."""

import random
import threading
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")
PictureType = pytest.importorskip("av.video.frame").PictureType
from dvpp_pictures import acl, psnr  # noqa: E402, F401 (fixture)

pytestmark = pytest.mark.in_process

NV12, NV21, RGB = 1, 2, 12
H265, BASELINE, MAIN, HIGH = range(4)
SIZES = [(160, 120), (322, 182)]


@pytest.fixture(scope="module", autouse=True)
def codec(build_dir, request):
    if not (build_dir / "src" / "acl" / "libprusik_codec.so").exists():
        pytest.skip("built without FFmpeg's headers")
    request.getfixturevalue("acl")


@pytest.fixture
def reports(acl):  # noqa: F811
    """A thread that runs callbacks."""
    ends = []

    def run(arguments):
        context, = arguments
        acl.rt.set_context(context)
        while not ends:
            acl.rt.process_report(100)

    context, ret = acl.rt.get_context()
    assert ret == 0
    thread, ret = acl.util.start_thread(run, [context])
    assert ret == 0
    yield thread
    ends.append(1)
    assert acl.util.stop_thread(thread) == 0


def pictures(n, size, shown="testsrc2"):
    source = av.open(f"{shown}=size={size[0]}x{size[1]}:rate=25", format="lavfi")
    return [f.reformat(format="yuv420p") for _, f in zip(range(n), source.decode(video=0))]


def encode(frames, codec="libx264", bf=0, gop=8, fmt="yuv420p", **options):
    """Access units with parameter sets in front of key frames, as raw streams have them."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = frames[0].width, frames[0].height, fmt
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = {"g": str(gop), "bf": str(bf), "x265-params": f"log-level=none:bframes={bf}",
                       **options}
    units = []
    for i, frame in enumerate(frames):
        frame = frame.reformat(format=fmt)
        frame.pts, frame.pict_type = i, PictureType.NONE
        units += context.encode(frame)
    units += context.encode(None)
    return [bytes(u) for u in units]


def planes(frame):
    """Y, U and V of a 4:2:0 frame."""
    return [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, :p.width]
            for p in frame.planes]


def decode(units, codec="h264"):
    """What FFmpeg makes of them."""
    context = av.CodecContext.create(codec, "r")
    frames = []
    for unit in units:
        frames += context.decode(av.Packet(unit))
    return frames + context.decode(None)


class Decoder:
    """A channel that keeps what the callbacks say: (number, code, format, size, planes)."""

    def __init__(self, acl, thread, kind=HIGH, form=NV12, room=None, **settings):
        self.acl, self.media, self.results, self.kept = acl, acl.media, [], {}
        self.room, self.kind = room, kind
        self.desc = self.media.vdec_create_channel_desc()
        for name, value in {"thread_id": thread, "callback": self.called, "entype": kind,
                            "out_pic_format": form, **settings}.items():
            assert getattr(self.media, "vdec_set_channel_desc_" + name)(self.desc, value) == 0
        assert self.media.vdec_create_channel(self.desc) == 0, acl.get_recent_err_msg()

    def called(self, stream, pic, number):
        media = self.media
        if not pic:
            self.results.append((number, None))
        else:
            code = media.dvpp_get_pic_desc_ret_code(pic)
            text = self.acl.get_recent_err_msg() if code else ""
            at = [getattr(media, "dvpp_get_pic_desc_" + f)(pic)
                  for f in ("format", "width", "height", "width_stride", "height_stride")]
            data = self.kept[number][1]
            self.results.append((number, code, text, at, None if code else data.copy()))
            assert media.dvpp_destroy_pic_desc(pic) == 0
        self.kept.pop(number)
        assert media.dvpp_destroy_stream_desc(stream) == 0

    def send(self, unit, number, skipped=False, size=(640, 480)):
        media = self.media
        stream = media.dvpp_create_stream_desc()
        memory = np.frombuffer(unit, np.uint8)
        media.dvpp_set_stream_desc_data(stream, self.acl.util.bytes_to_ptr(unit))
        media.dvpp_set_stream_desc_size(stream, len(unit))
        room = np.zeros(self.room or size[0] * size[1] * 3, np.uint8)
        self.kept[number] = memory, room, unit
        if skipped:
            return media.vdec_send_skipped_frame(self.desc, stream, None, number)
        pic = media.dvpp_create_pic_desc()
        media.dvpp_set_pic_desc_data(pic, self.acl.util.numpy_to_ptr(room))
        media.dvpp_set_pic_desc_size(pic, room.size)
        return media.vdec_send_frame(self.desc, stream, pic, None, number)

    def end(self):
        stream = self.media.dvpp_create_stream_desc()
        self.media.dvpp_set_stream_desc_eos(stream, 1)
        code = self.media.vdec_send_frame(self.desc, stream, 0, None, None)
        self.media.dvpp_destroy_stream_desc(stream)
        return code

    def all(self, units, **more):
        for i, unit in enumerate(units):
            assert self.send(unit, i, **more) == 0, self.acl.get_recent_err_msg()
        assert self.end() == 0
        return self.results

    def close(self):
        assert self.media.vdec_destroy_channel(self.desc) == 0
        assert self.media.vdec_destroy_channel_desc(self.desc) == 0


def view(result):
    """Y, U and V of a result."""
    form, width, height, stride, rows = result[3]
    y = result[4][:stride * rows].reshape(rows, stride)[:height, :width]
    c = result[4][stride * rows:][:stride * height // 2].reshape(-1, stride)[:, :width]
    u, v = c[:, 0::2], c[:, 1::2]
    return (y, u, v) if form == NV12 else (y, v, u)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("codec, kind, bf", [
    ("libx264", HIGH, 0), ("libx264", HIGH, 3), ("libx264", MAIN, 2), ("libx264", BASELINE, 0),
    ("libx265", H265, 0), ("libx265", H265, 3)])
@pytest.mark.parametrize("form", [NV12, NV21])
def test_frames_are_ffmpegs(acl, reports, size, codec, kind, bf, form):  # noqa: F811
    options = {BASELINE: {"profile": "baseline"}, MAIN: {"profile": "main"}}.get(kind, {})
    units = encode(pictures(30, size), codec, bf, **options)
    wanted = decode(units, "hevc" if kind == H265 else "h264")
    assert len(wanted) == 30
    decoder = Decoder(acl, reports, kind, form)
    results = decoder.all(units)
    assert [r[0] for r in results] == list(range(30))
    for result, frame in zip(results, wanted):
        assert result[1] == 0, result[2]
        stride = (size[0] + 15) // 16 * 16
        assert result[3] == [form, *size, stride, size[1]]
        for ours, theirs in zip(view(result), planes(frame)):
            assert np.array_equal(ours, theirs)
    # The channel takes another stream after the end.
    decoder.results.clear()
    assert [r[1] for r in decoder.all(units)] == [0] * 30
    decoder.close()


@pytest.mark.parametrize("codec, kind", [("libx264", HIGH), ("libx265", H265)])
def test_closed_without_end(acl, reports, codec, kind):  # noqa: F811
    """Also the frames that B frames hold back come before the channel goes."""
    units = encode(pictures(12, (160, 120)), codec, bf=3)
    wanted = decode(units, "hevc" if kind == H265 else "h264")
    decoder = Decoder(acl, reports, kind)
    for i, unit in enumerate(units):
        assert decoder.send(unit, i) == 0
    decoder.close()
    assert [r[:2] for r in decoder.results] == [(i, 0) for i in range(12)]
    for result, frame in zip(decoder.results, wanted):
        assert all(np.array_equal(*pair) for pair in zip(view(result), planes(frame)))


def test_each_frame_at_once(acl, reports):  # noqa: F811
    """Without B frames a callback comes before the next unit is sent."""
    units = encode(pictures(10, (160, 120)), tune="zerolatency")
    decoder = Decoder(acl, reports, out_mode=1)
    done = threading.Event()
    plain = decoder.called
    decoder.media.vdec_set_channel_desc_callback(
        decoder.desc, lambda *a: (plain(*a), done.set()))
    for i, unit in enumerate(units):
        done.clear()
        assert decoder.send(unit, i) == 0
        assert done.wait(10)
        assert decoder.results[i][:2] == (i, 0)
    assert decoder.end() == 0
    decoder.close()


def test_skipped_frames(acl, reports):  # noqa: F811
    units = encode(pictures(12, (160, 120)))
    wanted = decode(units)
    decoder = Decoder(acl, reports)
    for i, unit in enumerate(units):
        assert decoder.send(unit, i, skipped=i % 3 == 1) == 0
    assert decoder.end() == 0
    assert [r[0] for r in decoder.results] == list(range(12))
    for i, result in enumerate(decoder.results):
        if i % 3 == 1:
            assert result[1] is None
        else:
            assert result[1] == 0 and np.array_equal(view(result)[0], planes(wanted[i])[0])
    decoder.close()


def test_scaled_and_rgb(acl, reports):  # noqa: F811
    units = encode(pictures(4, (320, 240)))
    wanted = decode(units)
    decoder = Decoder(acl, reports, out_pic_width=160, out_pic_height=120)
    for result, frame in zip(decoder.all(units), wanted):
        assert result[3] == [NV12, 160, 120, 160, 120]
        y = planes(frame)[0].astype(float)
        mean = (y[::2, ::2] + y[1::2, ::2] + y[::2, 1::2] + y[1::2, 1::2]) / 4
        assert np.abs(view(result)[0] - mean).max() <= 1
    decoder.close()
    decoder = Decoder(acl, reports, form=RGB)
    for result, frame in zip(decoder.all(units), wanted):
        assert result[3] == [RGB, 320, 240, 960, 240]
        y, u, v = (p.astype(float) for p in planes(frame))
        u, v = (np.kron(p - 128, np.ones((2, 2))) for p in (u, v))
        red = np.clip(y + 1.402 * v, 0, 255)
        ours = result[4][:960 * 240].reshape(240, 320, 3)[..., 0]
        assert np.abs(ours - red).mean() < 12  # chroma is interpolated at its edges
    decoder.close()


# ---- what is damaged ----

def test_damaged_streams(acl, reports):  # noqa: F811
    """All callbacks come, in order; what is wrong has a code with a sentence."""
    rng = random.Random(1)
    for codec, kind in (("libx264", HIGH), ("libx265", H265)):
        units = encode(pictures(16, (160, 120)), codec, bf=2)
        for round in range(12):
            bad = []
            for unit in units:
                data = bytearray(unit)
                for _ in range(rng.choice((0, 0, 1, 8))):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                if rng.random() < 0.1:
                    data = data[:rng.randrange(1, len(data))]
                bad.append(bytes(data))
            decoder = Decoder(acl, reports, kind)
            results = decoder.all(bad)
            assert [r[0] for r in results] == list(range(16))
            for result in results:
                assert result[1] == 0 or len(result[2]) > 20
            decoder.close()


def test_lost_units(acl, reports):  # noqa: F811
    units = encode(pictures(40, (160, 120)), gop=10, bf=0)
    wanted = decode(units)
    # Without its key frame nothing of a group can be decoded; the second group is whole.
    decoder = Decoder(acl, reports)
    results = decoder.all(units[1:])
    assert [r[0] for r in results] == list(range(39))
    good = [r for r in results if r[1] == 0]
    assert len(good) == 30
    for result, frame in zip(good, wanted[10:]):
        assert np.array_equal(view(result)[0], planes(frame)[0])
    decoder.close()
    # Not a stream at all, and parameter sets alone.
    decoder = Decoder(acl, reports)
    head = units[0][:units[0].index(b"\0\0\1\x65")]
    results = decoder.all([b"\1\2\3" * 50, head, units[0]])
    assert [bool(r[1]) for r in results] == [True, True, False]
    assert "access unit" in results[0][2]
    decoder.close()


def test_what_does_not_fit(acl, reports):  # noqa: F811
    units = encode(pictures(3, (320, 240)))
    decoder = Decoder(acl, reports, room=320 * 240 * 3 // 2 - 1)
    results = decoder.all(units)
    assert all(r[1] for r in results) and "320 x 240" in results[0][2]
    decoder.close()
    units = encode(pictures(3, (160, 120)), fmt="yuv422p")
    decoder = Decoder(acl, reports)
    assert all(r[1] and "yuv422p" in r[2] for r in decoder.all(units))
    decoder.close()


def test_wrong_calls(acl, reports):  # noqa: F811
    media = acl.media
    desc = media.vdec_create_channel_desc()
    assert media.vdec_create_channel(desc) == 100000 and "callback" in acl.get_recent_err_msg()
    assert media.vdec_set_channel_desc_callback(desc, print) == 0
    assert media.vdec_get_channel_desc_callback(desc) is print
    assert media.vdec_create_channel(desc) == 100000 and "thread" in acl.get_recent_err_msg()
    for name, value in (("entype", 4), ("out_pic_format", 7), ("out_mode", 2), ("bit_depth", 1),
                        ("channel_id", 256), ("ref_frame_num", 17), ("out_pic_width", 16385)):
        assert getattr(media, "vdec_set_channel_desc_" + name)(desc, value) == 100000
    for kind, value in enumerate((5, 1, reports, None, 30, 1, 2, 64, 48, 16, 0)):
        if value is not None:
            assert media.vdec_set_channel_desc_param(desc, kind, value) == 0
            assert media.vdec_get_channel_desc_param(desc, kind) == (value, 0)
    assert media.vdec_get_channel_desc_out_pic_width(desc) == 64
    assert media.vdec_set_channel_desc_param(desc, 11, 0) == 100000
    assert media.vdec_create_channel(desc) == 0
    assert media.vdec_create_channel(desc) == 100000
    assert media.vdec_destroy_channel_desc(desc) == 100000
    stream = media.dvpp_create_stream_desc()
    assert media.vdec_send_frame(desc, stream, 0, None, None) == 100000
    assert "no data" in acl.get_recent_err_msg()
    media.dvpp_set_stream_desc_eos(stream, 1)
    assert media.vdec_send_skipped_frame(desc, stream, None, None) == 100000
    assert media.vdec_destroy_channel(desc) == 0
    assert media.vdec_destroy_channel(desc) == 100000
    assert media.vdec_send_frame(desc, stream, 0, None, None) == 100000
    assert media.vdec_destroy_channel_desc(desc) == 0


# ---- encoding ----

class Encoder:
    def __init__(self, acl, thread, size, kind=HIGH, form=NV12, **settings):
        self.acl, self.media, self.units, self.size, self.form = acl, acl.media, [], size, form
        self.kept = {}
        self.desc = self.media.venc_create_channel_desc()
        for name, value in {"thread_id": thread, "callback": self.called, "entype": kind,
                            "pic_format": form, "pic_width": size[0], "pic_height": size[1],
                            **settings}.items():
            assert getattr(self.media, "venc_set_channel_desc_" + name)(self.desc, value) == 0
        assert self.media.venc_create_channel(self.desc) == 0, acl.get_recent_err_msg()
        self.config = self.media.venc_create_frame_config()

    def called(self, pic, stream, number):
        media = self.media
        assert media.dvpp_get_stream_desc_ret_code(stream) == 0, self.acl.get_recent_err_msg()
        n = media.dvpp_get_stream_desc_size(stream)
        data = self.acl.util.ptr_to_numpy(media.dvpp_get_stream_desc_data(stream), (n,), 2)
        assert number == len(self.units)
        self.units.append(bytes(data))
        self.kept.pop(number)
        assert media.dvpp_destroy_pic_desc(pic) == 0

    def send(self, frame, number, key=False):
        media, (width, height) = self.media, self.size
        y, u, v = planes(frame)
        stride = (width + 15) // 16 * 16
        room = np.zeros((height * 3 // 2, stride), np.uint8)
        room[:height, :width] = y
        room[height:, 0:width:2], room[height:, 1:width:2] = (u, v) if self.form == NV12 else (v, u)
        self.kept[number] = room
        pic = media.dvpp_create_pic_desc()
        for name, value in (("data", self.acl.util.numpy_to_ptr(room)), ("size", room.size),
                            ("format", self.form), ("width", width), ("height", height),
                            ("width_stride", stride), ("height_stride", height)):
            assert getattr(media, "dvpp_set_pic_desc_" + name)(pic, value) == 0
        assert media.venc_set_frame_config_force_i_frame(self.config, int(key)) == 0
        return media.venc_send_frame(self.desc, pic, 0, self.config, number)

    def end(self):
        assert self.media.venc_set_frame_config_eos(self.config, 1) == 0
        code = self.media.venc_send_frame(self.desc, 0, 0, self.config, None)
        assert self.media.venc_set_frame_config_eos(self.config, 0) == 0
        return code

    def all(self, frames, keys=()):
        for i, frame in enumerate(frames):
            assert self.send(frame, i, i in keys) == 0, self.acl.get_recent_err_msg()
        assert self.end() == 0
        return self.units

    def close(self):
        assert self.media.venc_destroy_channel(self.desc) == 0
        assert self.media.venc_destroy_channel_desc(self.desc) == 0
        assert self.media.venc_destroy_frame_config(self.config) == 0


@pytest.mark.parametrize("kind", [H265, BASELINE, MAIN, HIGH])
@pytest.mark.parametrize("form", [NV12, NV21])
def test_encoded_and_back(acl, reports, kind, form):  # noqa: F811
    size = (160, 120)
    frames = pictures(20, size)
    encoder = Encoder(acl, reports, size, kind, form, key_frame_interval=8)
    units = encoder.all(frames, keys=(5,))
    assert len(units) == 20
    context = av.CodecContext.create("hevc" if kind == H265 else "h264", "r")
    back = [f for u in units + [None] for f in context.decode(av.Packet(u) if u else None)]
    assert len(back) == 20
    keys = [i for i, f in enumerate(back) if f.key_frame]
    assert keys == [0, 5, 13], keys
    if kind != H265:
        assert {BASELINE: "Baseline", MAIN: "Main", HIGH: "High"}[kind] in str(context.profile)
    for ours, theirs in zip(back, frames):
        assert psnr(planes(ours)[0], planes(theirs)[0]) > 30
        assert psnr(planes(ours)[1], planes(theirs)[1]) > 30
    # Another stream begins with a key frame of its own.
    encoder.units.clear()
    again = decode(encoder.all(frames[:3]), "hevc" if kind == H265 else "h264")
    assert len(again) == 3 and again[0].key_frame
    encoder.close()


def test_pictures_may_change_at_once(acl, reports):  # noqa: F811
    size = (160, 120)
    frames = pictures(20, size)
    encoder = Encoder(acl, reports, size)
    for i, frame in enumerate(frames):
        assert encoder.send(frame, i) == 0, acl.get_recent_err_msg()
        room = encoder.kept.get(i)
        if room is not None:
            room[:] = 0
    encoder.close()
    back = decode(encoder.units)
    assert len(back) == 20
    for ours, theirs in zip(back, frames):
        assert psnr(planes(ours)[0], planes(theirs)[0]) > 30


def test_bit_rate(acl, reports):  # noqa: F811
    size, rates = (320, 240), (200, 800)
    frames = pictures(50, size, "mandelbrot")
    for mode in (1, 2):
        sizes = []
        for kbps in rates:
            encoder = Encoder(acl, reports, size, HIGH, src_rate=25, max_bit_rate=kbps,
                              rc_mode=mode)
            sizes.append(sum(map(len, encoder.all(frames))) * 8 / 2 / 1000)
            encoder.close()
        # The first second may take twice the rate.
        assert all(s < 1.55 * r for r, s in zip(rates, sizes)) and sizes[0] < sizes[1], sizes
        if mode == 2:
            assert all(s > 0.75 * r for r, s in zip(rates, sizes)), sizes


def test_buffer_of_the_program(acl, reports):  # noqa: F811
    size = (160, 120)
    buffer = np.zeros(1 << 16, np.uint8)
    encoder = Encoder(acl, reports, size, buf_addr=acl.util.numpy_to_ptr(buffer),
                      buf_size=buffer.size)
    units = encoder.all(pictures(25, size))
    assert bytes(buffer[:len(units[24])]) == units[24]
    assert len(decode(units)) == 25
    encoder.close()


def test_wrong_encodings(acl, reports):  # noqa: F811
    media = acl.media
    desc = media.venc_create_channel_desc()
    for name, value in (("entype", 4), ("pic_format", 0), ("pic_width", 31), ("rc_mode", 3),
                        ("key_frame_interval", 65536), ("src_rate", 241),
                        ("max_bit_rate", 614401)):
        assert getattr(media, "venc_set_channel_desc_" + name)(desc, value) == 100000
    for kind, value in enumerate((reports, None, 1, 3, 64, 48, 9, 0, 0, 2, 25, 0, 2)):
        if value is not None:
            assert media.venc_set_channel_desc_param(desc, kind, value) == 0
            assert media.venc_get_channel_desc_param(desc, kind) == (value, 0)
    assert media.venc_set_channel_desc_callback(desc, print) == 0
    assert media.venc_create_channel(desc) == 100000 and "rate" in acl.get_recent_err_msg()
    assert media.venc_set_channel_desc_rc_mode(desc, 0) == 0
    assert media.venc_create_channel(desc) == 0, acl.get_recent_err_msg()
    assert media.venc_send_frame(desc, 0, 0, 0, None) == 100000
    pic = media.dvpp_create_pic_desc()
    assert media.venc_send_frame(desc, pic, 0, 0, None) == 100000
    # As of a file, whose rows nothing follows, with the strides of a chip's memory.
    memory, ret = media.dvpp_malloc(64 * 64 * 3 // 2)
    assert ret == 0
    for name, value in (("data", memory), ("size", 64 * 48 * 3 // 2), ("format", 1), ("width", 64),
                        ("height", 48), ("width_stride", 64), ("height_stride", 64)):
        assert getattr(media, "dvpp_set_pic_desc_" + name)(pic, value) == 0
    assert media.venc_send_frame(desc, pic, 0, 0, None) == 100000
    assert "set the height stride to 48" in acl.get_recent_err_msg()
    assert media.dvpp_free(memory) == 0
    assert media.venc_destroy_channel(desc) == 0
    assert media.venc_send_frame(desc, pic, 0, 0, None) == 100000
    assert media.venc_destroy_channel_desc(desc) == 0
    media.dvpp_destroy_pic_desc(pic)


# ---- a long clip, end to end ----

def resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


class Pipeline:
    """Units in; frames scaled to 640 x 360 with VPC; H.264 out. At most 8 frames are under way."""

    def __init__(self, acl, thread, size):
        self.acl, self.size, self.free = acl, size, threading.Semaphore(8)
        self.small, self.n, self.failed, self.written = (640, 360), 0, 0, 0
        self.encoder = Encoder(acl, thread, self.small)
        self.decoder = Decoder(acl, thread)
        media = acl.media
        assert media.vdec_set_channel_desc_callback(self.decoder.desc, self.decoded) == 0
        assert media.venc_set_channel_desc_callback(self.encoder.desc, self.encoded) == 0
        self.vpc, self.resize = media.dvpp_create_channel_desc(), media.dvpp_create_resize_config()
        assert media.dvpp_create_channel(self.vpc) == 0
        self.stream, ret = acl.rt.create_stream()
        assert ret == 0

    def describe(self, size):
        media = self.acl.media
        n = size[0] * size[1] * 3 // 2
        memory, ret = media.dvpp_malloc(n)
        assert ret == 0
        pic = media.dvpp_create_pic_desc()
        for name, value in (("data", memory), ("size", n), ("format", NV12), ("width", size[0]),
                            ("height", size[1])):
            getattr(media, "dvpp_set_pic_desc_" + name)(pic, value)
        return pic

    def drop(self, pic):
        self.acl.media.dvpp_free(self.acl.media.dvpp_get_pic_desc_data(pic))
        self.acl.media.dvpp_destroy_pic_desc(pic)

    def send(self, unit):
        media = self.acl.media
        assert self.free.acquire(timeout=60)
        stream = media.dvpp_create_stream_desc()
        media.dvpp_set_stream_desc_data(stream, self.acl.util.bytes_to_ptr(unit))
        media.dvpp_set_stream_desc_size(stream, len(unit))
        assert media.vdec_send_frame(self.decoder.desc, stream, self.describe(self.size), None,
                                     unit) == 0

    def decoded(self, stream, pic, unit):
        media = self.acl.media
        media.dvpp_destroy_stream_desc(stream)
        self.n += 1
        if media.dvpp_get_pic_desc_ret_code(pic):
            self.failed += 1
            self.free.release()
        else:
            out = self.describe(self.small)
            ok = (media.dvpp_vpc_resize_async(self.vpc, pic, out, self.resize, self.stream) == 0 and
                  self.acl.rt.synchronize_stream(self.stream) == 0 and
                  media.venc_send_frame(self.encoder.desc, out, 0, 0, None) == 0)
            self.failed += not ok
        self.drop(pic)

    def encoded(self, pic, stream, _):
        self.written += self.acl.media.dvpp_get_stream_desc_size(stream)
        self.drop(pic)
        self.free.release()

    def end(self):
        assert self.decoder.end() == 0 and self.encoder.end() == 0
        media = self.acl.media
        self.decoder.close()
        self.encoder.close()
        assert media.dvpp_destroy_channel(self.vpc) == 0
        assert media.dvpp_destroy_channel_desc(self.vpc) == 0
        assert media.dvpp_destroy_resize_config(self.resize) == 0
        assert self.acl.rt.destroy_stream(self.stream) == 0


@pytest.mark.long
@pytest.mark.parametrize("bf", [0, 2])
def test_1080p_end_to_end(acl, reports, bf):
    """FFmpeg's test source, 1080p, 1500 frames: memory stays where it was after the first 150."""
    size = (1920, 1080)
    units = encode(pictures(60, size), bf=bf, gop=30, preset="ultrafast")
    pipeline = Pipeline(acl, reports, size)
    at_first = None
    for i in range(1500):
        pipeline.send(units[i % 60])
        if i == 150:
            at_first = resident()
    pipeline.end()
    grown = resident() - at_first
    assert pipeline.n == 1500 and pipeline.failed == 0 and pipeline.written > 100000
    assert grown < 16, f"{grown:.1f} MiB more"
