# SPDX-License-Identifier: Apache-2.0
"""Pictures in the memory of acl.media, for the tests of DVPP."""
import sys

import numpy as np
import pytest

GREY, NV12, NV21, NV16, NV61, NV24, NV42 = range(7)
YUYV, UYVY, YVYU, VYUY, YUV, RGB, BGR, ARGB, ABGR, RGBA, BGRA = range(7, 18)
UV440, VU440, UNKNOWN = 1000, 1001, 10000
SUBS = {NV12: (1, 1), NV21: (1, 1), NV16: (1, 0), NV61: (1, 0), NV24: (0, 0), NV42: (0, 0),
        UV440: (0, 1), VU440: (0, 1)}
BYTES = {GREY: 1, YUYV: 2, UYVY: 2, YVYU: 2, VYUY: 2, YUV: 3, RGB: 3, BGR: 3, ARGB: 4, ABGR: 4,
         RGBA: 4, BGRA: 4}
ORDER = {RGB: (0, 1, 2), BGR: (2, 1, 0), ARGB: (1, 2, 3), ABGR: (3, 2, 1), RGBA: (0, 1, 2),
         BGRA: (2, 1, 0)}


@pytest.fixture(scope="module")
def acl(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    assert acl.init() == 0
    assert acl.rt.set_device(0) == 0
    yield acl
    acl.rt.reset_device(0)
    acl.finalize()


@pytest.fixture(scope="module")
def media(acl):
    return acl.media


@pytest.fixture
def channel(media):
    desc = media.dvpp_create_channel_desc()
    assert media.dvpp_create_channel(desc) == 0
    yield desc
    assert media.dvpp_destroy_channel(desc) == 0
    assert media.dvpp_destroy_channel_desc(desc) == 0


def up(n, to):
    return (n + to - 1) // to * to


class Picture:
    """Memory and a description; `fill` and `read` go by planes."""

    def __init__(self, acl, form, width, height, stride=None, rows=None, desc=None):
        self.acl, self.m, self.form = acl, acl.media, form
        self.width, self.height = width, height
        self.stride = stride or up(width, 16) * BYTES.get(form, 1)
        self.rows = rows or up(height, 2)
        chroma = 0
        if form in SUBS:
            x, y = SUBS[form]
            chroma = self.stride * (1 if x else 2) * ((self.rows + (1 << y) - 1) >> y)
        self.size = self.stride * self.rows + chroma
        self.ptr, ret = self.m.dvpp_malloc(self.size)
        assert ret == 0
        assert acl.rt.memset(self.ptr, self.size, 0xA5, self.size) == 0
        self.desc, self.own = desc or self.m.dvpp_create_pic_desc(), desc is None
        for field, value in (("data", self.ptr), ("size", self.size), ("format", form),
                             ("width", width), ("height", height), ("width_stride", self.stride),
                             ("height_stride", self.rows)):
            assert getattr(self.m, f"dvpp_set_pic_desc_{field}")(self.desc, value) == 0

    def memory(self):
        return self.acl.util.ptr_to_numpy(self.ptr, (self.size,), 2)

    def planes(self):
        """Views: (height, width, channels) of each plane, without what pads it."""
        raw, n = self.memory(), BYTES.get(self.form, 1)
        columns = up(self.width, 2) if self.form in (YUYV, UYVY, YVYU, VYUY) else self.width
        first = raw[:self.stride * self.rows].reshape(self.rows, self.stride)
        views = [first[:self.height, :columns * n].reshape(self.height, columns, n)]
        if self.form in SUBS:
            x, y = SUBS[self.form]
            pitch = self.stride * (1 if x else 2)
            second = raw[self.stride * self.rows:].reshape(-1, pitch)
            w, h = (self.width + (1 << x) - 1) >> x, (self.height + (1 << y) - 1) >> y
            views.append(second[:h, :w * 2].reshape(h, w, 2))
        return views

    def fill(self, seed=0):
        random = np.random.default_rng(seed)
        for view in self.planes():
            view[...] = random.integers(0, 256, view.shape, dtype=np.uint8)
        return self

    def smooth(self, seed=0):
        """What pictures are like: neighbours alike."""
        random = np.random.default_rng(seed)
        for view in self.planes():
            h, w, n = view.shape
            y, x = np.mgrid[:h, :w]
            for c in range(n):
                a, b, p = random.uniform(2, 6, 3)
                view[..., c] = (127 + 60 * np.sin(a * x / w + p) + 60 * np.cos(b * y / h)).round()
        return self

    def free(self):
        assert self.m.dvpp_free(self.ptr) == 0
        if self.own:
            assert self.m.dvpp_destroy_pic_desc(self.desc) == 0


def wait(acl, ret=0):
    assert ret == 0, acl.get_recent_err_msg()
    assert acl.rt.synchronize_stream(0) == 0, acl.get_recent_err_msg()


def psnr(a, b):
    """In dB, of bytes."""
    return 10 * np.log10(255 ** 2 / max(1e-9, np.mean((a.astype(float) - b) ** 2)))
