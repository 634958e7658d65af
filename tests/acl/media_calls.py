# SPDX-License-Identifier: Apache-2.0
"""The part of test_pyacl_calls.py on acl.media: what its functions return, and a call of each."""
import io

import numpy as np
from PIL import Image

FIELDS = {
    "pic_desc": "data size format width height width_stride height_stride ret_code",
    "stream_desc": "data size format eos ret_code timestamp",
    "resize_config": "interpolation", "jpege_config": "level",
    "border_config": "border_type left right top bottom",
}
OTHERS = """
malloc ii | free i | create_channel i | destroy_channel i | get_channel_desc_channel_id i
set_channel_desc_mode i | set_channel_desc_param i | get_channel_desc_param ii | get_pic_desc i
set_roi_config i | set_roi_config_left i | set_roi_config_right i | set_roi_config_top i
set_roi_config_bottom i | set_border_config_value i | get_border_config_value f
get_lut_map_dims i | get_lut_map_data iii | clear_hist i | get_hist_dims i | get_hist_ret_code i
get_hist_data iii | jpeg_get_image_info iiii | jpeg_get_image_info_v2 iiiii
jpeg_predict_dec_size ii | jpeg_predict_enc_size ii | jpeg_decode_async i | jpeg_encode_async i
png_get_image_info iiii | png_predict_dec_size ii | png_decode_async i | vpc_resize_async i
vpc_crop_async i | vpc_crop_resize_async i | vpc_crop_and_paste_async i
vpc_crop_resize_paste_async i | vpc_convert_color_async i | vpc_pyr_down_async i
vpc_equalize_hist_async i | vpc_make_border_async i | vpc_calc_hist_async i
vpc_batch_crop_async ii | vpc_batch_crop_and_paste_async ii | vpc_batch_crop_resize_async i
vpc_batch_crop_resize_paste_async i | vpc_batch_crop_resize_make_border_async i
"""


VIDEO = {
    "vdec": "channel_id thread_id entype out_pic_format out_pic_width out_pic_height out_mode "
            "ref_frame_num bit_depth",
    "venc": "thread_id entype pic_format pic_width pic_height key_frame_interval buf_addr buf_size "
            "rc_mode src_rate max_bit_rate",
}


def returns():
    table = {}
    for kind in ("channel_desc", "pic_desc", "batch_pic_desc", "stream_desc", "roi_config",
                 "resize_config", "jpege_config", "border_config", "lut_map", "hist"):
        table[f"create_{kind}"] = table[f"destroy_{kind}"] = "i"
    for kind, fields in FIELDS.items():
        for field in fields.split():
            table[f"set_{kind}_{field}"] = table[f"get_{kind}_{field}"] = "i"
    for line in OTHERS.strip().splitlines():
        table.update(entry.split() for entry in line.split("|"))
    table = {"media.dvpp_" + name: kinds for name, kinds in table.items()}
    for kind, fields in VIDEO.items():
        for name in ("create_channel", "destroy_channel", "create_channel_desc",
                     "destroy_channel_desc", "create_frame_config", "destroy_frame_config",
                     "set_channel_desc_callback", "set_channel_desc_param", "send_frame"):
            table[f"media.{kind}_{name}"] = "i"
        for field in fields.split():
            table[f"media.{kind}_set_channel_desc_{field}"] = "i"
            table[f"media.{kind}_get_channel_desc_{field}"] = "i"
        table[f"media.{kind}_get_channel_desc_param"] = "ii"
        table[f"media.{kind}_get_channel_desc_callback"] = "*"  # a function or None
    for name in ("vdec_send_skipped_frame", "venc_get_channel_desc_channel_id",
                 "venc_set_frame_config_eos", "venc_get_frame_config_eos",
                 "venc_set_frame_config_force_i_frame", "venc_get_frame_config_force_i_frame"):
        table["media." + name] = "i"
    return table


def video(call_any):
    """What needs no FFmpeg; test_codecs.py decodes and encodes."""
    for kind, fields in VIDEO.items():
        def call(name, *arguments, **options):
            return call_any(f"media.{kind}_{name}", *arguments, **options)

        desc, config = call("create_channel_desc"), call("create_frame_config")
        for field in fields.split():
            value = 64 if "width" in field or "height" in field else 0 if "bit_d" in field else 1
            call(f"set_channel_desc_{field}", desc, value)
            assert call(f"get_channel_desc_{field}", desc) == value
        call("set_channel_desc_param", desc, 9, 2)
        assert call("get_channel_desc_param", desc, 9) == 2
        assert call("get_channel_desc_callback", desc) is None
        call("create_channel", desc, fails=True)
        call("set_channel_desc_callback", desc, print)
        call("destroy_channel", desc, fails=True)
        if kind == "vdec":
            stream, pic = (call_any(f"media.dvpp_create_{of}_desc") for of in ("stream", "pic"))
            call("send_frame", desc, stream, pic, None, None, fails=True)
            call("send_skipped_frame", desc, stream, None, None, fails=True)
            for of, handle in (("stream", stream), ("pic", pic)):
                call_any(f"media.dvpp_destroy_{of}_desc", handle)
        else:
            call("get_channel_desc_channel_id", desc)
            for field in ("eos", "force_i_frame"):
                call(f"set_frame_config_{field}", config, 1)
                assert call(f"get_frame_config_{field}", config) == 1
            call("send_frame", desc, 0, 0, config, None, fails=True)
        call("destroy_frame_config", config)
        call("destroy_channel_desc", desc)


def pictures(call_any):
    def call(name, *arguments, **options):
        return call_any("media.dvpp_" + name, *arguments, **options)

    def wait():
        call_any("rt.synchronize_stream", 0)

    def describe(desc, form, width, height):
        size = width * height * 3
        memory.append(call("malloc", size))
        for field, value in (("data", memory[-1]), ("size", size), ("format", form),
                             ("width", width), ("height", height), ("width_stride", width),
                             ("height_stride", height)):
            call(f"set_pic_desc_{field}", desc, value)
            assert call(f"get_pic_desc_{field}", desc) == value
        return desc

    memory = []
    channel = call("create_channel_desc")
    call("set_channel_desc_mode", channel, 15)
    call("set_channel_desc_param", channel, 0, 2)
    assert call("get_channel_desc_param", channel, 0) == 2
    call("set_channel_desc_param", channel, 0, 4, 0)
    assert call("get_channel_desc_param", channel, 0, 4) == 0
    number = call("get_channel_desc_param", channel, 2)
    assert call("get_channel_desc_channel_id", channel) == number
    call("create_channel", channel)
    call("create_channel", channel, fails=True)
    for kind, fields in FIELDS.items():
        handle = call(f"create_{kind}")
        for field in fields.split():
            call(f"set_{kind}_{field}", handle, 1)
            assert call(f"get_{kind}_{field}", handle) == 1
        if kind == "border_config":
            call("set_border_config_value", handle, 3, 7.5)
            assert call("get_border_config_value", handle, 3) == 7.5
        call(f"destroy_{kind}", handle)
        call(f"destroy_{kind}", handle, fails=True)
    a = describe(call("create_pic_desc"), 1, 64, 32)
    b = describe(call("create_pic_desc"), 1, 32, 16)
    files(call, wait, channel, a)
    call("set_pic_desc_format", a, 1)
    for side in ("width", "width_stride"):
        call(f"set_pic_desc_{side}", a, 64)
    for side in ("height", "height_stride"):
        call(f"set_pic_desc_{side}", a, 32)
    roi, other = call("create_roi_config", 0, 31, 0, 15), call("create_roi_config", 0, 1, 0, 1)
    call("set_roi_config", other, 2, 33, 2, 17)
    for side, value in (("left", 16), ("right", 31), ("top", 0), ("bottom", 15)):
        call(f"set_roi_config_{side}", other, value)
    resize, border = call("create_resize_config"), call("create_border_config")
    for side in ("left", "right", "top", "bottom"):
        call(f"set_border_config_{side}", border, 2)
    call("vpc_resize_async", channel, a, b, resize, 0)
    call("vpc_resize_async", channel, a, b, 0, 0, fails=True)
    call("vpc_crop_async", channel, a, b, roi, 0)
    call("vpc_crop_resize_async", channel, a, b, roi, resize, 0)
    call("vpc_crop_and_paste_async", channel, a, b, roi, other, 0)
    call("vpc_crop_resize_paste_async", channel, a, b, roi, other, resize, 0)
    call("vpc_convert_color_async", channel, a, a, 0)
    call("vpc_pyr_down_async", channel, a, b, 0, 0)
    call("vpc_make_border_async", channel, a, b, border, 0, fails=True)
    wait()
    tables(call, wait, channel, b)
    batches = [call("create_batch_pic_desc", 1) for _ in range(2)]
    describe(call("get_pic_desc", batches[0], 0), 1, 64, 32)
    describe(call("get_pic_desc", batches[1], 0), 1, 32, 16)
    lists = (channel, batches[0], [1], batches[1], [roi])
    assert call("vpc_batch_crop_async", *lists, 0) == batches[1]
    assert call("vpc_batch_crop_and_paste_async", *lists, [other], 0) == batches[1]
    call("vpc_batch_crop_resize_async", *lists, resize, 0)
    call("vpc_batch_crop_resize_paste_async", *lists, [other], resize, 0)
    call("vpc_batch_crop_resize_make_border_async", *lists, [border], resize, 0)
    wait()
    for batch in batches:
        call("destroy_batch_pic_desc", batch)
    for kind, handles in (("pic_desc", (a, b)), ("roi_config", (roi, other)),
                          ("resize_config", (resize,)), ("border_config", (border,))):
        for handle in handles:
            call(f"destroy_{kind}", handle)
    call("destroy_channel", channel)
    call("destroy_channel_desc", channel)
    for ptr in memory:
        call("free", ptr)


def files(call, wait, channel, desc):
    def file(kind):
        out = io.BytesIO()
        Image.new("RGB", (32, 16), (200, 100, 50)).save(out, kind)
        return np.frombuffer(out.getvalue(), np.uint8)

    jpeg, png = file("JPEG"), file("PNG")
    at, size = jpeg.ctypes.data, jpeg.size
    assert call("jpeg_get_image_info", at, size) == (32, 16, 3)
    assert call("jpeg_get_image_info_v2", at, size) == (32, 16, 3, 2)
    assert call("jpeg_predict_dec_size", at, size, 1) == 128 * 16 * 3 // 2
    for field in ("width_stride", "height_stride"):
        call(f"set_pic_desc_{field}", desc, 32)
    call("jpeg_decode_async", channel, at, size, desc, 0)
    wait()
    assert call("get_pic_desc_width", desc) == 32
    config = call("create_jpege_config")
    call("set_jpege_config_level", config, 101, fails=True)
    room = call("jpeg_predict_enc_size", desc, config)
    out, count = np.zeros(room, np.uint8), np.uint32([room])
    call("jpeg_encode_async", channel, desc, out.ctypes.data, count.ctypes.data, config, 0)
    wait()
    assert np.asarray(Image.open(io.BytesIO(out[:count[0]].tobytes()))).shape == (16, 32, 3)
    call("destroy_jpege_config", config)
    at, size = png.ctypes.data, png.size
    assert call("png_get_image_info", at, size) == (32, 16, 3)
    assert call("png_predict_dec_size", at, size, 12) == 128 * 3 * 16
    call("set_pic_desc_format", desc, 12)
    call("set_pic_desc_width_stride", desc, 96)
    call("png_decode_async", channel, at, size, desc, 0)
    wait()


def tables(call, wait, channel, desc):
    lut, hist = call("create_lut_map"), call("create_hist")
    assert call("get_lut_map_dims", lut) == 3
    assert call("get_lut_map_data", lut, 2)[1] == 256
    call("get_lut_map_data", lut, 3, fails=True)
    call("vpc_equalize_hist_async", channel, desc, desc, lut, 0)
    call("vpc_calc_hist_async", channel, desc, hist, 0, 0)
    wait()
    assert call("get_hist_dims", hist) == 3 and call("get_hist_ret_code", hist) == 0
    assert call("get_hist_data", hist, 0)[1] == 256
    call("clear_hist", hist)
    call("destroy_lut_map", lut)
    call("destroy_hist", hist)
