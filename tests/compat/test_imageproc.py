# SPDX-License-Identifier: Apache-2.0
"""Pictures by acllite and atlas_utils: decoding against Pillow, scaling against OpenCV's rule, cut
and paste, encoding, and what goes wrong."""
import io

import pytest

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.in_process

BEGIN = """
import numpy as np
import acl
import acllite.constants as const
{imports}
resource = Resource()
resource.init()
proc = Proc(resource)
def planes(image, width, height):
    data = image.{bytes}().view(np.uint8)[:width * height * 3 // 2].reshape(-1, width)
    return data[:height], data[height:].reshape(height // 2, width // 2, 2)
"""
STYLES = {
    "acllite": BEGIN.format(imports="from acllite_resource import AclLiteResource as Resource\n"
                                    "from acllite_imageproc import AclLiteImageProc as Proc\n"
                                    "from acllite_image import AclLiteImage as Image",
                            bytes="byte_data_to_np_array"),
    "atlas_utils": BEGIN.format(
        imports="from atlas_utils.acl_resource import AclResource as Resource\n"
                "from acl_dvpp import Dvpp as Proc\n"
                "from atlas_utils.acl_image import AclImage as Image", bytes="nparray"),
}


def photo(width, height):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 255 // width, rows * 255 // height, (rows + columns) % 200 // 2],
                    -1).astype(np.uint8)


@pytest.fixture(params=[(200, 160), (130, 98)], ids="{0[0]}x{0[1]}".format)
def jpeg(request, tmp_path):
    """Size, and the luma and chroma Pillow decodes, which is libjpeg-turbo too."""
    width, height = request.param
    Image.fromarray(photo(width, height)).save(tmp_path / "a.jpg", quality=95, subsampling=2)
    picture = Image.open(tmp_path / "a.jpg")
    picture.draft("YCbCr", picture.size)
    np.savez(tmp_path / "want.npz", y=np.asarray(picture.convert("YCbCr"))[..., 0])
    return width, height


@pytest.mark.parametrize("style", STYLES)
def test_decode_scale_encode(python, jpeg, tmp_path, style):
    width, height = jpeg
    python(STYLES[style] + f"""
width, height = {width}, {height}
picture = Image("a.jpg")
assert (picture.width, picture.height) == (width, height)
yuv = proc.jpegd(picture.copy_to_dvpp())
stride, rows = (width + 127) // 128 * 128, (height + 15) // 16 * 16
if type(yuv).__name__ == "AclLiteImage":
    assert (yuv.width, yuv.height, yuv.align_width, yuv.align_height) == (
        width, height, stride, rows)
else:
    assert (yuv.width, yuv.height) == (stride, rows)
assert yuv.size == stride * rows * 3 // 2 and not yuv.is_local()
luma, _ = planes(yuv, stride, rows)
want = np.load("want.npz")["y"]
assert np.abs(luma[:height, :width].astype(int) - want).max() <= 1
half = proc.resize(yuv, 64, 50)
assert half.size == 64 * 50 * 3 // 2 and half.height == 50
np.save("half.npy", planes(half, 64, 50)[0])
file = proc.jpege(half)
file.save("half.jpg")
proc.destroy()
proc.destroy()
own = Proc()  # a stream of its own
assert own.resize(half, 32, 26).size == 32 * 26 * 3 // 2
del own
""", cwd=tmp_path)
    half = np.load(tmp_path / "half.npy")
    file = Image.open(tmp_path / "half.jpg")
    file.draft("YCbCr", file.size)  # what rounds on the way to RGB is none of the encoder's doing
    back = np.asarray(file.convert("YCbCr"))[..., 0]
    assert back.shape == half.shape and np.abs(back.astype(int) - half).max() <= 4
    # Where the picture's own part lies, the scaled luma goes along with it.
    if style == "acllite":
        small = np.asarray(Image.open(tmp_path / "a.jpg").convert("YCbCr").resize(
            (64, 50), Image.BOX))[..., 0]
        assert np.abs(half.astype(int) - small).mean() < 12


@pytest.mark.parametrize("style", STYLES)
def test_cut_and_paste(python, tmp_path, style):
    """A wide grey picture with a black rest; its middle fills all when it may be stretched."""
    python(STYLES[style] + """
width, height, stride = 96, 48, 96
data = np.full(stride * height * 3 // 2, 128, np.uint8)
data[:stride * height] = 200
memory, ret = acl.media.dvpp_malloc(data.nbytes)
acl.rt.memcpy(memory, data.nbytes, acl.util.numpy_to_ptr(data), data.nbytes, 1)
source = Image(memory, width, height, size=data.nbytes, memory_type=const.MEMORY_DVPP)
canvas = proc.crop_and_paste(source, width, height, 64, 64)
luma, chroma = planes(canvas, 64, 64)
assert (luma[:32] == 200).all() and (luma[32:] == 0).all() and (chroma == 128).all()
assert canvas.size == 64 * 64 * 3 // 2
if type(canvas).__name__ == "AclLiteImage":
    assert (canvas.width, canvas.height) == (96, 48)
    assert (canvas.align_width, canvas.align_height) == (64, 32)
else:
    assert (canvas.width, canvas.height) == (64, 32)
whole = proc.crop_and_paste_get_roi(source, width, height, 64, 64)
assert (planes(whole, 64, 64)[0] == 200).all() and whole.height == 64
tall = proc.crop_and_paste(source, 24, 48, 64, 64)
luma, _ = planes(tall, 64, 64)
assert (luma[:, :32] == 200).all() and (luma[:, 32:] == 0).all()
""", cwd=tmp_path)


@pytest.mark.parametrize("style", STYLES)
def test_what_goes_wrong(python, tmp_path, style):
    Image.fromarray(photo(64, 64)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[:40])
    grey = io.BytesIO()
    Image.new("L", (64, 64)).save(grey, "PNG")
    (tmp_path / "b.jpg").write_bytes(grey.getvalue())
    out = python(STYLES[style] + """
data = np.zeros(64 * 64 * 3 // 2, np.uint8)
memory, ret = acl.media.dvpp_malloc(data.nbytes)
source = Image(memory, 64, 64, size=data.nbytes, memory_type=const.MEMORY_DVPP)

def all_fail():
    for name in ("a.jpg", "b.jpg"):
        picture = Image(name)
        picture.width = picture.height = 640
        assert proc.jpegd(picture.copy_to_dvpp()) is None
    for bad in ((0, 0), (-2, 64)):
        assert proc.resize(source, *bad) is None, bad
    assert proc.crop_and_paste(source, 1280, 640, 640, 640) is None, "larger than the picture"
    assert proc.crop_and_paste(source, 0, 64, 64, 64) is None
    assert proc.jpege(Image(memory, 640, 64, size=data.nbytes)) is None
    assert proc.jpegd(None) is None and proc.resize(None, 32, 32) is None
    return int(open("/proc/self/statm").read().split()[0]) * 4096

before = [all_fail() for _ in range(3)][-1]
# Of the 600 KB that each picture takes nothing may stay; 60 rounds would leave 36 MB at least.
grown = max(all_fail() for _ in range(60)) - before
assert grown < 16 << 20, "what failed must give its memory back"
""", cwd=tmp_path)
    assert out.count("[ERROR] ") >= 9
