# SPDX-License-Identifier: Apache-2.0
"""Bilinear scaling of acl.media beside libswscale's, through PyAV, in dB of PSNR.

libswscale mixes two samples by two, where ours does, when it enlarges (SWS_BILINEAR) and, at every
ratio, with SWS_FAST_BILINEAR and results of 16 bits. SWS_BILINEAR widens its filter where a picture
shrinks. SWS_FAST_BILINEAR with results of 8 bits takes a short cut across rows: it steps by
(from - 2) / (to - 2), not from / to, and so is two times scale - 1 pixels off at the right end.
Both are other pictures than anybody's two taps. RGB goes through YUV within libswscale; the flags
full_chroma keep all of its chroma.

Run with -s, the tests print the lowest figure for each format and size."""
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")
filters = pytest.importorskip("av.filter")
from dvpp_pictures import (GREY, NV12, RGB, Picture, acl, channel, media,  # noqa: E402, F401
                           psnr, wait)

pytestmark = pytest.mark.in_process

NAMES = {GREY: "gray", NV12: "nv12", RGB: "rgb24"}
WIDE = {GREY: "gray16le", NV12: "p016le", RGB: "rgb48le"}
FULL = "accurate_rnd+full_chroma_int+full_chroma_inp"
WANTED = 50  # dB; bytes of which each is rounded by itself have 58.9
SIZES = [(640, 640), (416, 416), (320, 180), (224, 224), (98, 62), (1366, 768), (1920, 1080)]


def swscale(planes, source, target, size, flags):
    """Planes of the source in the target's format, as a graph of one `scale` filter gives them."""
    height, width = planes[0].shape[:2]
    frame = av.VideoFrame(width, height, source)
    for plane, ours in zip(frame.planes, planes):
        room = np.zeros((len(ours), plane.line_size), np.uint8)
        room[:, :ours[0].size] = ours.reshape(len(ours), -1)
        plane.update(room)
    frame.pts = 0
    graph = filters.Graph()
    chain = [graph.add_buffer(width=width, height=height, format=source, time_base=Fraction(1, 25)),
             graph.add("scale", f"{size[0]}:{size[1]}:flags={flags}"),
             graph.add("format", target), graph.add("buffersink")]
    for link, after in zip(chain, chain[1:]):
        link.link_to(after)
    graph.configure()
    graph.push(frame)
    kind = np.uint16 if target in WIDE.values() else np.uint8
    made = graph.pull()
    for plane, ours in zip(made.planes, planes):
        n, rows = ours.shape[2], -(-size[1] * len(ours) // height)
        columns = -(-size[0] * ours.shape[1] // width)
        pixels = np.frombuffer(plane, kind).reshape(plane.height, -1)[:rows, :columns * n]
        yield pixels.reshape(rows, columns, n).astype(float) / (256 if kind == np.uint16 else 1)


def photos(data_dir):
    """Pixels of every photograph, and of some smaller pictures; both sides made even."""
    images = data_dir / "images"
    for path in [*sorted((images / "photos").iterdir()),
                 *sorted((images / "imagenet50").glob("*.JPEG"))[::5]]:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        yield path.name, rgb[:rgb.shape[0] & ~1, :rgb.shape[1] & ~1]


def as_planes(rgb, form):
    height, width = rgb.shape[:2]
    if form == RGB:
        return [rgb]
    yuv = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    chroma = yuv[::2, ::2, 1:]
    return [yuv[..., :1]] if form == GREY else [yuv[..., :1], chroma]


@pytest.fixture
def resize(acl, channel):
    config = acl.media.dvpp_create_resize_config()

    def run(planes, form, size):
        height, width = planes[0].shape[:2]
        a, b = Picture(acl, form, width, height), Picture(acl, form, *size)
        for to, plane in zip(a.planes(), planes):
            to[...] = plane
        wait(acl, acl.media.dvpp_vpc_resize_async(channel, a.desc, b.desc, config, 0))
        made = [plane.copy() for plane in b.planes()]
        a.free()
        b.free()
        return made
    yield run
    acl.media.dvpp_destroy_resize_config(config)


def worst(ours, theirs):
    return min(psnr(p, q) for p, q in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_photos(data_dir, resize, form, size):
    """Two taps by two, shrinking and enlarging."""
    figures = {}
    for name, rgb in photos(data_dir):
        planes = as_planes(rgb, form)
        theirs = swscale(planes, NAMES[form], WIDE[form], size, f"fast_bilinear+{FULL}")
        figures[name] = worst(resize(planes, form, size), theirs)
    name = min(figures, key=figures.get)
    print(f"{NAMES[form]} to {size[0]} x {size[1]}: {figures[name]:.1f} dB ({name})")
    assert len(figures) > 10 and figures[name] > WANTED, figures


def smooth(width, height):
    """Waves with less detail than the smallest of the results has room for."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 60 * np.sin(a * x / width + c) + 60 * np.cos(b * y / height)
             for a, b, c in ((3, 5, 0), (6, 2, 1), (4, 4, 2))]
    return np.stack(waves, -1).round().astype(np.uint8)


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("source", [(640, 480), (322, 246), (50, 34)])
def test_smooth_pictures(resize, form, source):
    for size in SIZES + [(source[0] - 2, source[1] + 2), (source[0] // 2, source[1] // 2)]:
        if size[0] > 16 * source[0]:
            continue
        planes = as_planes(smooth(*source), form)
        theirs = swscale(planes, NAMES[form], WIDE[form], size, f"fast_bilinear+{FULL}")
        figure = worst(resize(planes, form, size), theirs)
        print(f"{NAMES[form]} {source} to {size}: {figure:.1f} dB")
        assert figure > WANTED, (size, figure)


@pytest.mark.parametrize("form", NAMES)
def test_enlarged_by_swscale_bilinear(data_dir, resize, form):
    """Its ordinary filter, of 8 bits: where nothing shrinks it has two taps too."""
    figures = {}
    for name, rgb in photos(data_dir):
        planes, size = as_planes(rgb, form), (rgb.shape[1] * 3 // 2 & ~1, rgb.shape[0] + 6)
        theirs = swscale(planes, NAMES[form], NAMES[form], size, f"bilinear+{FULL}")
        figures[name] = worst(resize(planes, form, size), theirs)
    print(f"{NAMES[form]}, enlarged: {min(figures.values()):.1f} dB")
    assert min(figures.values()) > WANTED, figures
