# SPDX-License-Identifier: Apache-2.0
"""acl.media on pictures: decoding against Pillow, scaling and cutting against plain formulas in
NumPy, written here from the descriptions of the formats."""
import io
import sys

import numpy as np
import pytest
from PIL import Image

from dvpp_pictures import (ABGR, ARGB, BGR, BGRA, BYTES, GREY, NV12, NV16, NV21, NV24,  # noqa: F401
                           NV42, NV61, ORDER, RGB, RGBA, SUBS, UNKNOWN, UV440, UYVY, VU440, VYUY,
                           YUV, YUYV, YVYU, Picture, acl, channel, media, up, wait)

pytestmark = pytest.mark.in_process


# ---- references ----

def taps(n_from, n_to, tf=False):
    scale, at = n_from / n_to, np.arange(n_to)
    x = np.float32(at) * np.float32(scale) if tf else np.float32((at + 0.5) * scale - 0.5)
    low = np.floor(x).astype(int)
    weight = np.where((low < 0) | (low >= n_from - 1), 0, x - low)
    return np.clip(low, 0, n_from - 1), np.clip(low + 1, 0, n_from - 1), weight[:, None]


def bilinear(plane, width, height, tf=False):
    """Exact interpolation, unrounded."""
    plane = plane.astype(float)
    a, b, w = taps(plane.shape[0], height, tf)
    rows = plane[a] * (1 - w[..., None]) + plane[b] * w[..., None]
    a, b, w = taps(plane.shape[1], width, tf)
    return rows[:, a] * (1 - w) + rows[:, b] * w


def nearest(plane, width, height, offset=0.0, number=np.float64):
    def at(n_from, n_to):
        places = (number(np.arange(n_to)) + number(offset)) * number(n_from / n_to)
        return np.minimum(np.floor(places), n_from - 1).astype(int)
    return plane[at(plane.shape[0], height)][:, at(plane.shape[1], width)]


def close(picture, wanted, tolerance):
    for plane, reference in zip(picture.planes(), wanted):
        worst = np.abs(plane - reference).max()
        assert worst <= tolerance, worst


# ---- decoding ----

def photo(width, height, mode="RGB"):
    y, x = np.mgrid[:height, :width]
    image = np.stack([127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7),
                      (x * 3 + y * 5) % 256], -1).astype(np.uint8)
    return Image.fromarray(image).convert(mode)


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=options.pop("quality", 90), **options)
    return out.getvalue()


def on_device(acl, data):
    ptr, ret = acl.media.dvpp_malloc(len(data))
    assert ret == 0
    source = acl.util.bytes_to_ptr(data)
    assert acl.rt.memcpy(ptr, len(data), source, len(data), 1) == 0
    return ptr


def decode(acl, channel, data, form, kind="jpeg"):
    """(description, memory) after decoding into as much memory as is predicted."""
    m = acl.media
    source = on_device(acl, data)
    size, ret = getattr(m, f"dvpp_{kind}_predict_dec_size")(source, len(data), form)
    assert ret == 0, acl.get_recent_err_msg()
    ptr, ret = m.dvpp_malloc(size)
    assert ret == 0
    desc = m.dvpp_create_pic_desc()
    m.dvpp_set_pic_desc_data(desc, ptr)
    m.dvpp_set_pic_desc_size(desc, size)
    m.dvpp_set_pic_desc_format(desc, form)
    wait(acl, getattr(m, f"dvpp_{kind}_decode_async")(channel, source, len(data), desc, 0))
    assert m.dvpp_get_pic_desc_ret_code(desc) == 0
    width, height = m.dvpp_get_pic_desc_width(desc), m.dvpp_get_pic_desc_height(desc)
    stride = m.dvpp_get_pic_desc_width_stride(desc)
    rows = m.dvpp_get_pic_desc_height_stride(desc)
    form = m.dvpp_get_pic_desc_format(desc)
    p = Picture(acl, form, width, height, stride, rows)
    assert p.size == size
    p.memory()[:] = acl.util.ptr_to_numpy(ptr, (size,), 2)
    for what in (ptr, source):
        m.dvpp_free(what)
    m.dvpp_destroy_pic_desc(desc)
    return p


def ycc(data):
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    return np.asarray(image)


@pytest.mark.parametrize("width, height", [(64, 48), (101, 57), (17, 33), (640, 427), (1, 1)])
@pytest.mark.parametrize("sampling, own", [(0, NV42), (1, NV61), (2, NV21)])
def test_jpeg_is_decoded_as_pillow_does(acl, channel, width, height, sampling, own):
    data = jpeg(photo(width, height), subsampling=sampling)
    source = acl.util.bytes_to_ptr(data)
    assert acl.media.dvpp_jpeg_get_image_info(source, len(data)) == (width, height, 3, 0)
    assert acl.media.dvpp_jpeg_get_image_info_v2(source, len(data)) == (width, height, 3, sampling,
                                                                         0)
    wanted = ycc(data)
    for form in (NV12, NV21, UNKNOWN):
        p = decode(acl, channel, data, form)
        assert p.form == (own if form == UNKNOWN else form)
        assert (p.width, p.height) == (width, height)
        assert (p.stride, p.rows) == (up(width, 128), up(height, 16))
        luma, chroma = p.planes()
        assert np.array_equal(luma[..., 0], wanted[..., 0])
        if sampling == 0 and form == UNKNOWN:
            assert np.array_equal(chroma[..., ::-1], wanted[..., 1:])
        p.free()


def test_jpeg_chroma_is_averaged(acl, channel):
    data = jpeg(photo(64, 48), subsampling=0)
    wanted = ycc(data)[..., 1:].astype(int).reshape(24, 2, 32, 2, 2)
    p = decode(acl, channel, data, NV12)
    assert np.array_equal(p.planes()[1], (wanted.sum((1, 3)) + 2) // 4)
    p.free()


def test_jpeg_to_rgb_and_grey(acl, channel):
    data = jpeg(photo(101, 57), subsampling=2)
    wanted = np.asarray(Image.open(io.BytesIO(data)))
    for form in (RGB, BGR):
        p = decode(acl, channel, data, form)
        assert np.array_equal(p.planes()[0][..., list(ORDER[form])], wanted)
        p.free()
    data = jpeg(photo(101, 57, "L"))
    p = decode(acl, channel, data, NV12)
    assert np.array_equal(p.planes()[0][..., 0], np.asarray(Image.open(io.BytesIO(data))))
    assert (p.planes()[1] == 128).all()
    p.free()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_turned_upright(acl, channel, orientation):
    from PIL import ImageOps
    exif = Image.Exif()
    exif[0x112] = orientation
    data = jpeg(photo(96, 64), subsampling=0, exif=exif)
    p = decode(acl, channel, data, RGB)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(p.planes()[0], wanted)
    p.free()
    p = decode(acl, channel, data, NV12)
    assert (p.width, p.height) == (wanted.shape[1], wanted.shape[0])
    p.free()


@pytest.mark.parametrize("mode, form", [("RGB", RGB), ("L", RGB), ("RGBA", RGBA), ("LA", RGBA),
                                        ("P", RGB)])
def test_png(acl, channel, mode, form):
    image = photo(77, 31).convert("L" if mode == "LA" else "RGB")
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(np.arange(77 * 31, dtype=np.uint8).reshape(31, 77)))
    image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, "PNG")
    data = out.getvalue()
    source = acl.util.bytes_to_ptr(data)
    components = {"RGB": 3, "L": 1, "RGBA": 4, "LA": 2, "P": 3}[mode]
    assert acl.media.dvpp_png_get_image_info(source, len(data)) == (77, 31, components, 0)
    for asked, mode in ((UNKNOWN, "RGBA" if form == RGBA else "RGB"), (RGB, "RGB")):
        p = decode(acl, channel, data, asked, "png")
        assert (p.stride, p.rows) == (128 * BYTES[p.form], 32)
        # Without alpha, not on black: its pixels stay as they are.
        wanted = np.asarray(image.convert("RGBA"))[..., :len(mode)]
        assert np.array_equal(p.planes()[0], wanted)
        p.free()


# ---- scaling ----

SIZES = [((64, 48), (32, 24)), ((101, 57), (64, 64)), ((30, 20), (91, 47)), ((33, 17), (33, 17)),
         ((640, 480), (416, 416)), ((16, 6), (1, 1)), ((1, 1), (16, 6))]


@pytest.mark.parametrize("source, target", SIZES)
@pytest.mark.parametrize("form", [GREY, NV12, NV24, YUV, RGB, RGBA])
def test_resize_is_bilinear(acl, channel, form, source, target):
    a = Picture(acl, form, *source).fill()
    b = Picture(acl, form, *target)
    config = acl.media.dvpp_create_resize_config()
    wait(acl, acl.media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0))
    assert acl.media.dvpp_get_pic_desc_ret_code(b.desc) == 0
    # Weights have 11 bits, and sums lose four.
    close(b, [bilinear(p, q.shape[1], q.shape[0]) for p, q in zip(a.planes(), b.planes())], 1)
    acl.media.dvpp_destroy_resize_config(config)
    a.free()
    b.free()


@pytest.mark.parametrize("interpolation", range(5))
def test_other_interpolations(acl, channel, interpolation):
    config = acl.media.dvpp_create_resize_config()
    assert acl.media.dvpp_set_resize_config_interpolation(config, interpolation) == 0
    assert acl.media.dvpp_get_resize_config_interpolation(config) == interpolation
    for source, target in SIZES:
        a, b = Picture(acl, NV12, *source).fill(1), Picture(acl, NV12, *target)
        wait(acl, acl.media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0))
        sizes = [(q.shape[1], q.shape[0]) for q in b.planes()]
        if interpolation in (0, 2):
            wanted = [bilinear(p, *s, interpolation == 2) for p, s in zip(a.planes(), sizes)]
            close(b, wanted, 1)
        else:
            offset = 0.5 if interpolation == 4 else 0
            number = np.float32 if interpolation == 3 else np.float64
            close(b, [nearest(p, *s, offset, number) for p, s in zip(a.planes(), sizes)], 0)
        a.free()
        b.free()
    acl.media.dvpp_destroy_resize_config(config)


# ---- cutting and pasting ----

def untouched(b, area):
    """That all of b outside an area of pixels is as it was made."""
    left, right, top, bottom = area
    for view, (x, y) in zip(b.planes(), ((0, 0), SUBS.get(b.form, (0, 0)))):
        outside = np.ones(view.shape[:2], bool)
        outside[top >> y:(bottom >> y) + 1, left >> x:(right >> x) + 1] = False
        assert (view[outside] == 0xA5).all()


@pytest.mark.parametrize("form", [NV12, NV21, NV16, NV24, GREY, RGB, ARGB])
@pytest.mark.parametrize("crop, paste", [((0, 63, 0, 47), (0, 63, 0, 47)),
                                         ((10, 41, 8, 29), (16, 47, 2, 23)),
                                         ((10, 41, 8, 29), (32, 63, 12, 47))])
def test_crop_and_paste(acl, channel, form, crop, paste):
    m = acl.media
    a, b = Picture(acl, form, 64, 48).fill(2), Picture(acl, form, 64, 48)
    rois = [m.dvpp_create_roi_config(*r) for r in (crop, paste)]
    wait(acl, m.dvpp_vpc_crop_and_paste_async(channel, a.desc, b.desc, *rois, 0))
    for p, q, (x, y) in zip(a.planes(), b.planes(), ((0, 0), SUBS.get(form, (0, 0)))):
        cut = p[crop[2] >> y:(crop[3] >> y) + 1, crop[0] >> x:(crop[1] >> x) + 1]
        put = q[paste[2] >> y:(paste[3] >> y) + 1, paste[0] >> x:(paste[1] >> x) + 1]
        wanted = bilinear(cut, put.shape[1], put.shape[0])
        assert np.abs(put - wanted).max() <= 1
        if cut.shape == put.shape:
            assert np.array_equal(put, cut)
    untouched(b, paste)
    for roi in rois:
        assert m.dvpp_destroy_roi_config(roi) == 0
    a.free()
    b.free()


def test_batches(acl, channel):
    m = acl.media
    batch = [m.dvpp_create_batch_pic_desc(n) for n in (2, 3)]
    source = [Picture(acl, NV12, 64, 48, desc=m.dvpp_get_pic_desc(batch[0], i)).fill(i)
              for i in range(2)]
    target = [Picture(acl, NV12, 32, 20, desc=m.dvpp_get_pic_desc(batch[1], i)) for i in range(3)]
    crops = [(0, 31, 0, 19), (8, 39, 4, 23), (32, 63, 28, 47)]
    rois = [m.dvpp_create_roi_config(*r) for r in crops]
    made, ret = m.dvpp_vpc_batch_crop_async(channel, batch[0], [1, 2], batch[1], rois, 0)
    assert made == batch[1]
    wait(acl, ret)
    for b, crop, a in zip(target, crops, (source[0], source[1], source[1])):
        for p, q, s in zip(a.planes(), b.planes(), (0, 1)):
            assert np.array_equal(q, p[crop[2] >> s:(crop[3] >> s) + 1,
                                       crop[0] >> s:(crop[1] >> s) + 1])
    with pytest.raises(ValueError):
        m.dvpp_vpc_batch_crop_async(channel, batch[0], [1, 2], batch[1], rois[:2], 0)
    made, ret = m.dvpp_vpc_batch_crop_async(channel, batch[0], [1, 1, 1], batch[1], rois, 0)
    assert ret == 100000 and "size is 3" in acl.get_recent_err_msg()
    for p in source + target:
        p.free()
    for b in batch:
        assert m.dvpp_destroy_batch_pic_desc(b) == 0
    for roi in rois:
        m.dvpp_destroy_roi_config(roi)


# ---- formats and colour ----

def to_444(planes, form):
    """Y, U, V of each pixel, chroma repeated; None where it is interpolated instead."""
    y = planes[0].astype(float)
    if form in (YUYV, UYVY, YVYU, VYUY):
        order = {YUYV: (0, 1, 2, 3), UYVY: (1, 0, 3, 2), YVYU: (0, 3, 2, 1), VYUY: (1, 2, 3, 0)}
        groups = planes[0].reshape(planes[0].shape[0], -1, 4)[..., order[form]]
        luma = groups[..., (0, 2)].reshape(planes[0].shape[0], -1, 1)
        return luma, groups[..., (1, 3)]
    if form == YUV:
        return y[..., :1], y[..., 1:]
    chroma = planes[1] if len(planes) > 1 else None
    if chroma is not None and form in (NV21, NV61, NV42, VU440):
        chroma = chroma[..., ::-1]
    return planes[0], chroma


@pytest.mark.parametrize("source", [GREY, NV12, NV21, NV16, NV61, NV24, NV42, UV440, VU440, YUYV,
                                    UYVY, YVYU, VYUY, YUV])
@pytest.mark.parametrize("target", [GREY, NV12, NV21, NV16, NV42, UV440, YUYV, VYUY, YUV])
@pytest.mark.parametrize("size", [(64, 48), (18, 10)])
def test_yuv_formats(acl, channel, source, target, size):
    a, b = Picture(acl, source, *size).fill(3), Picture(acl, target, *size)
    wait(acl, acl.media.dvpp_vpc_convert_color_async(channel, a.desc, b.desc, 0))
    luma, chroma = to_444(a.planes(), source)
    new_luma, new_chroma = to_444(b.planes(), target)
    assert np.array_equal(luma, new_luma)
    if new_chroma is not None:
        h, w = new_chroma.shape[:2]
        wanted = 128 if chroma is None else bilinear(chroma, w, h)
        assert np.abs(new_chroma - wanted).max() <= (0 if chroma is None else 1)
    a.free()
    b.free()


MATRICES = {0: (0.299, 0.114, 0, 255, 255), 1: (0.299, 0.114, 16, 219, 224),
            2: (0.2126, 0.0722, 0, 255, 255), 3: (0.2126, 0.0722, 16, 219, 224),
            4: (0.2627, 0.0593, 0, 255, 255), 5: (0.2627, 0.0593, 16, 219, 224)}


def to_rgb(yuv, matrix):
    kr, kb, low, sy, sc = MATRICES[matrix]
    kg = 1 - kr - kb
    y = (yuv[..., 0].astype(float) - low) * 255 / sy
    u, v = ((yuv[..., c].astype(float) - 128) * 255 / sc for c in (1, 2))
    r, b = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    return np.clip(np.stack([r, (y - kr * r - kb * b) / kg, b], -1), 0, 255)


def to_yuv(rgb, matrix):
    """Unrounded."""
    kr, kb, low, sy, sc = MATRICES[matrix]
    r, g, b = (rgb[..., c].astype(float) for c in range(3))
    y = kr * r + (1 - kr - kb) * g + kb * b
    return np.stack([low + y * sy / 255, 128 + (b - y) / (2 * (1 - kb)) * sc / 255,
                     128 + (r - y) / (2 * (1 - kr)) * sc / 255], -1)


@pytest.mark.parametrize("matrix", range(6))
@pytest.mark.parametrize("form", [RGB, BGR, ARGB, ABGR, RGBA, BGRA])
def test_yuv_and_rgb(acl, media, form, matrix):
    channel = media.dvpp_create_channel_desc()
    assert media.dvpp_set_channel_desc_param(channel, 0, 4, matrix) == 0
    assert media.dvpp_create_channel(channel) == 0
    a, b = Picture(acl, YUV, 62, 46).fill(4), Picture(acl, form, 62, 46)
    c = Picture(acl, YUV, 62, 46)
    wait(acl, media.dvpp_vpc_convert_color_async(channel, a.desc, b.desc, 0))
    order = list(ORDER[form])
    assert np.abs(b.planes()[0][..., order] - to_rgb(a.planes()[0], matrix)).max() <= 0.51
    if form in (ARGB, ABGR, RGBA, BGRA):
        assert (b.planes()[0][..., 0 if form in (ARGB, ABGR) else 3] == 255).all()
    b.fill(5)
    wait(acl, media.dvpp_vpc_convert_color_async(channel, b.desc, c.desc, 0))
    wanted = to_yuv(b.planes()[0][..., order], matrix)
    below = wanted - c.planes()[0]
    assert below.min() >= -0.01 and below.max() <= 1.01  # downwards
    assert media.dvpp_destroy_channel(channel) == 0
    media.dvpp_destroy_channel_desc(channel)
    for p in (a, b, c):
        p.free()


def test_greys_stay_grey(acl, channel):
    a, b = Picture(acl, RGB, 256, 6), Picture(acl, YUV, 256, 6)
    a.planes()[0][...] = np.arange(256)[None, :, None]
    wait(acl, acl.media.dvpp_vpc_convert_color_async(channel, a.desc, b.desc, 0))
    assert np.array_equal(b.planes()[0][..., 0], np.tile(np.arange(256), (6, 1)))
    assert (b.planes()[0][..., 1:] == 128).all()
    a.free()
    b.free()


def test_rgb_orders(acl, channel):
    for source in ORDER:
        for target in ORDER:
            a, b = Picture(acl, source, 20, 6).fill(6), Picture(acl, target, 20, 6)
            wait(acl, acl.media.dvpp_vpc_convert_color_async(channel, a.desc, b.desc, 0))
            assert np.array_equal(a.planes()[0][..., list(ORDER[source])],
                                  b.planes()[0][..., list(ORDER[target])])
            a.free()
            b.free()


@pytest.mark.parametrize("source, target", [(RGB, NV12), (NV12, RGB), (YUYV, NV21), (BGRA, RGB)])
def test_resize_with_conversion(acl, channel, source, target):
    """In steps it comes out the same."""
    media = acl.media
    config = media.dvpp_create_resize_config()
    a, b = Picture(acl, source, 90, 62).smooth(), Picture(acl, target, 48, 40)
    wait(acl, media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0))
    before = target if source in (YUYV, BGRA) else NV24
    c, d = Picture(acl, before, 90, 62), Picture(acl, before, 48, 40)
    e = Picture(acl, target, 48, 40)
    wait(acl, media.dvpp_vpc_convert_color_async(channel, a.desc, c.desc, 0))
    wait(acl, media.dvpp_vpc_resize_async(channel, c.desc, d.desc, config, 0))
    wait(acl, media.dvpp_vpc_convert_color_async(channel, d.desc, e.desc, 0))
    close(e, [p.astype(int) for p in b.planes()], 3)
    media.dvpp_destroy_resize_config(config)
    for p in (a, b, c, d, e):
        p.free()


# ---- filters ----

BORDER_MODES = {1: "edge", 2: "symmetric", 3: "reflect"}


@pytest.mark.parametrize("form", [GREY, NV12, NV21, NV24, RGB, ARGB, YUV])
@pytest.mark.parametrize("kind", range(4))
def test_make_border(acl, channel, form, kind):
    media = acl.media
    sides = {"left": 4, "right": 10, "top": 2, "bottom": 6}
    a = Picture(acl, form, 40, 22).fill(7)
    b = Picture(acl, form, 54, 30)
    config = media.dvpp_create_border_config()
    for side, width in sides.items():
        assert getattr(media, f"dvpp_set_border_config_{side}")(config, width) == 0
    assert media.dvpp_set_border_config_border_type(config, kind) == 0
    values = [10, 20, 30, 40]
    for i, value in enumerate(values):
        assert media.dvpp_set_border_config_value(config, i, value) == 0
    wait(acl, media.dvpp_vpc_make_border_async(channel, a.desc, b.desc, config, 0))
    for k, (p, q) in enumerate(zip(a.planes(), b.planes())):
        x, y = SUBS.get(form, (0, 0)) if k else (0, 0)
        pads = ((sides["top"] >> y, sides["bottom"] >> y),
                (sides["left"] >> x, sides["right"] >> x))
        for c in range(p.shape[2]):
            value = values[(3 - c if form == NV21 else 1 + c) - 1 if k == 0 else
                           (2 - c if form == NV21 else 1 + c)] if k else values[c]
            extra = {"constant_values": value} if kind == 0 else {}
            wanted = np.pad(p[..., c], pads, BORDER_MODES.get(kind, "constant"), **extra)
            assert np.array_equal(q[..., c], wanted)
    assert media.dvpp_destroy_border_config(config) == 0
    a.free()
    b.free()


def test_pyramid(acl, channel):
    for form in (GREY, NV12, RGB):
        for width, height in ((40, 22), (41, 23), (16, 6)):
            a = Picture(acl, form, width, height).fill(8)
            b = Picture(acl, form, (width + 1) // 2, (height + 1) // 2)
            wait(acl, acl.media.dvpp_vpc_pyr_down_async(channel, a.desc, b.desc, 0, 0))
            weights = np.array([1, 4, 6, 4, 1])
            for p, q in zip(a.planes(), b.planes()):
                padded = np.pad(p.astype(int), ((2, 2), (2, 2), (0, 0)), "reflect")
                rows = sum(w * padded[i:i + p.shape[0]] for i, w in enumerate(weights))
                both = sum(w * rows[:, i:i + p.shape[1]] for i, w in enumerate(weights))
                assert np.array_equal(q, (both[::2, ::2] + 128) // 256)
            a.free()
            b.free()


def channels_of(p):
    """Name of the channel, 0 to 2, and its values."""
    if p.form in (YUYV, UYVY, YVYU, VYUY):
        luma, chroma = to_444(p.planes(), p.form)
        return [luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]
    if p.form in ORDER:
        return [p.planes()[0][..., c].ravel() for c in ORDER[p.form]]
    luma, chroma = to_444(p.planes(), p.form)
    if chroma is None:
        return [luma.ravel()]
    return [luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]


@pytest.mark.parametrize("form", [GREY, NV12, NV21, NV16, YUYV, UYVY, YUV, RGB, BGR, BGRA])
def test_tables_and_histograms(acl, channel, form):
    media = acl.media
    lut, hist = media.dvpp_create_lut_map(), media.dvpp_create_hist()
    tables = np.random.default_rng(9).integers(0, 256, (3, 256), dtype=np.uint8)
    for i in range(3):
        ptr, length, ret = media.dvpp_get_lut_map_data(lut, i)
        assert ret == 0
        data = acl.util.ptr_to_numpy(ptr, (length,), 2)
        assert np.array_equal(data, np.arange(256))
        data[:] = tables[i]
    a, b = Picture(acl, form, 40, 22).fill(10), Picture(acl, form, 40, 22)
    wait(acl, media.dvpp_vpc_equalize_hist_async(channel, a.desc, b.desc, lut, 0))
    wait(acl, media.dvpp_vpc_calc_hist_async(channel, b.desc, hist, 0, 0))
    before, after = channels_of(a), channels_of(b)
    assert media.dvpp_get_hist_dims(hist) == len(after)
    assert media.dvpp_get_hist_ret_code(hist) == 0
    for i, (x, y) in enumerate(zip(before, after)):
        assert np.array_equal(tables[i][x.astype(int)], y)
        ptr, length, ret = media.dvpp_get_hist_data(hist, i)
        counts = acl.util.ptr_to_numpy(ptr, (length,), 6)
        assert ret == 0 and np.array_equal(counts, np.bincount(y.astype(int), minlength=256))
    assert media.dvpp_clear_hist(hist) == 0 and not counts.any()
    media.dvpp_destroy_lut_map(lut)
    media.dvpp_destroy_hist(hist)
    a.free()
    b.free()


# ---- what does not fit ----

def test_what_is_refused(acl, channel):
    media = acl.media
    config = media.dvpp_create_resize_config()
    a, b = Picture(acl, NV12, 64, 48), Picture(acl, NV12, 32, 24)

    def refused(part, setting, value, pic=b):
        getter = getattr(media, f"dvpp_get_pic_desc_{setting}")
        setter = getattr(media, f"dvpp_set_pic_desc_{setting}")
        before = getter(pic.desc)
        assert setter(pic.desc, value) == 0
        code = media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0)
        text = acl.get_recent_err_msg()
        assert code != 0 and part in text and text.startswith("acldvppVpcResizeAsync: "), text
        setter(pic.desc, before)

    refused("16385 x 24", "width", 16385)
    refused("0 x 24", "width", 0)
    refused("width stride is 31", "width_stride", 31)
    refused("height stride is 23", "height_stride", 23)
    refused("memory has 1151 bytes", "size", b.size - 1)
    refused("no memory", "data", 0)
    refused("format 20", "format", 20)
    refused("inputDesc", "size", 100, a)
    # More memory than was allocated for it.
    assert media.dvpp_set_pic_desc_size(b.desc, 1 << 20) == 0
    assert media.dvpp_set_pic_desc_height_stride(b.desc, 4000) == 0
    code = media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0)
    assert code == 100000 and "outputDesc" in acl.get_recent_err_msg()
    roi = media.dvpp_create_roi_config(0, 64, 0, 47)
    media.dvpp_set_pic_desc_height_stride(b.desc, 24)
    assert media.dvpp_vpc_crop_async(channel, a.desc, b.desc, roi, 0) == 100000
    assert "64 x 48" in acl.get_recent_err_msg()
    assert media.dvpp_create_roi_config(5, 4, 0, 1) == 0
    for mode in (0, 16):
        assert media.dvpp_set_channel_desc_mode(channel, mode) == 100000
    assert media.dvpp_set_channel_desc_mode(channel, 2) == 0
    assert media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0) == 100000
    assert "not for VPC" in acl.get_recent_err_msg()
    a.free()
    b.free()


@pytest.mark.parametrize("chip, works, fails", [
    ("310", [], ["stride 40", "rows 25", "small", "convert", "png", "odd area", "paste at 8",
                 "times 17", "large output"]),
    ("310P", ["convert", "times 17", "rows 25 of YUYV"],
     ["stride 40", "rows 25", "small", "odd area", "paste at 8", "large output"]),
    ("310B", ["stride 40", "rows 25", "convert", "times 17"],
     ["small", "odd area", "paste at 8", "large output"]),
    ("", ["stride 40", "rows 25", "small", "convert", "odd area", "paste at 8", "times 17",
          "large output"], []),
    ("311", [], ["stride 40"]),
])
def test_strict(build_dir, chip, works, fails):
    import os
    import subprocess
    done = subprocess.run([sys.executable, __file__, str(build_dir / "python"), *works, "--",
                           *fails], env={**os.environ, "PRUSIK_STRICT": chip},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def strict_case(acl, channel, name):
    """The code of one call that some chip would refuse."""
    media = acl.media
    a, b = Picture(acl, NV12, 64, 48), Picture(acl, NV12, 32, 24)
    config = media.dvpp_create_resize_config()
    if name == "stride 40":
        b = Picture(acl, NV12, 32, 24, stride=40)
    elif name == "rows 25":
        b = Picture(acl, NV12, 32, 24, rows=25)
    elif name == "rows 25 of YUYV":
        a, b = Picture(acl, YUYV, 64, 48), Picture(acl, YUYV, 32, 24, rows=25)
    elif name == "small":
        b = Picture(acl, NV12, 8, 6, stride=32)
    elif name == "large output":
        b = Picture(acl, NV12, 4098, 6)
        a = Picture(acl, NV12, 4098, 6)
    elif name == "times 17":
        b = Picture(acl, NV12, 64 * 17, 48)
    elif name == "convert":
        c = Picture(acl, RGB, 64, 48)
        return media.dvpp_vpc_convert_color_async(channel, a.desc, c.desc, 0)
    elif name == "png":
        out = io.BytesIO()
        photo(64, 48).save(out, "PNG")
        data = out.getvalue()
        c = Picture(acl, RGB, 64, 48, stride=384, rows=48)
        return media.dvpp_png_decode_async(channel, acl.util.bytes_to_ptr(data), len(data), c.desc,
                                           0)
    elif name == "odd area":
        roi = media.dvpp_create_roi_config(0, 30, 0, 23)
        return media.dvpp_vpc_crop_async(channel, a.desc, b.desc, roi, 0)
    elif name == "paste at 8":
        rois = [media.dvpp_create_roi_config(*r) for r in ((0, 15, 0, 15), (8, 23, 0, 15))]
        return media.dvpp_vpc_crop_and_paste_async(channel, a.desc, b.desc, *rois, 0)
    return media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0)


def strict_main(folder, *names):
    sys.path.insert(0, folder)
    import acl
    import os
    acl.init()
    acl.rt.set_device(0)
    channel = acl.media.dvpp_create_channel_desc()
    acl.media.dvpp_create_channel(channel)
    at = names.index("--")
    for name in names[:at]:
        assert strict_case(acl, channel, name) == 0, (name, acl.get_recent_err_msg())
        assert acl.rt.synchronize_stream(0) == 0
    for name in names[at + 1:]:
        code, text = strict_case(acl, channel, name), acl.get_recent_err_msg()
        assert code != 0 and "PRUSIK_STRICT" in text, (name, code, text)
        assert os.environ["PRUSIK_STRICT"] in text


if __name__ == "__main__":
    strict_main(*sys.argv[1:])
