# SPDX-License-Identifier: Apache-2.0
"""Pictures by DVPP (acl.media): decode, scale, cut and paste, encode; NV12 in DVPP's memory."""
import contextlib

import acl
import numpy as np

import acllite.acllite_utils as utils
import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.acllite_utils import check_ret
from acllite.resource_list import resource_list

_NV12 = const.PIXEL_FORMAT_YUV_SEMIPLANAR_420
_JPEG_QUALITY = 100
_CHIPS_OF_64 = ("310P", "310B")  # their decoder's rows are multiples of 64, not of 128


class _Failed(Exception):
    """What went wrong, to be logged once."""


def _succeed(call, ret):
    if ret != const.ACL_SUCCESS:
        raise _Failed("{} failed with {}: {}".format(call, ret, acl.get_recent_err_msg()))


class AclLiteImageProc:
    """Without acl_resource the object has a stream of its own; a context must be current either
    way. Methods give a new image, or None after a logged error."""

    def __init__(self, acl_resource=None):
        self._stream = acl_resource.stream if acl_resource is not None else None
        self._owns_stream = self._stream is None
        self._channel = self._resize_config = self._jpege_config = None
        try:
            self._open()
        except Exception:
            self.destroy()
            raise
        resource_list.register(self)

    def _open(self):
        if self._owns_stream:
            self._stream, ret = acl.rt.create_stream()
            check_ret("acl.rt.create_stream", ret)
        self._channel = acl.media.dvpp_create_channel_desc()
        check_ret("acl.media.dvpp_create_channel", acl.media.dvpp_create_channel(self._channel))
        self._resize_config = acl.media.dvpp_create_resize_config()
        self._jpege_config = acl.media.dvpp_create_jpege_config()
        check_ret("acl.media.dvpp_set_jpege_config_level",
                  acl.media.dvpp_set_jpege_config_level(self._jpege_config, _JPEG_QUALITY))

    # The class of results, and how they tell their sizes, is atlas_utils' to change.
    def _result(self, data, width, height, stride_width, stride_height, size):
        return AclLiteImage(data, width, height, stride_width, stride_height, size,
                            const.MEMORY_DVPP)

    @staticmethod
    def _strides(image):
        return (image.align_width or utils.align_up16(image.width),
                image.align_height or utils.align_up2(image.height))

    @contextlib.contextmanager
    def _described(self, data, size, width, height, strides):
        desc = acl.media.dvpp_create_pic_desc()
        try:
            for field, value in (("data", data), ("size", size), ("format", _NV12),
                                 ("width", width), ("height", height),
                                 ("width_stride", strides[0]), ("height_stride", strides[1])):
                setter = getattr(acl.media, "dvpp_set_pic_desc_" + field)
                _succeed("acl.media.dvpp_set_pic_desc_" + field, setter(desc, int(value)))
            yield desc
        finally:
            acl.media.dvpp_destroy_pic_desc(desc)

    def _input(self, image):
        if image is None or image.data() is None:
            raise _Failed("the image has no data")
        return self._described(image.data(), image.size, image.width, image.height,
                               self._strides(image))

    @contextlib.contextmanager
    def _output(self, size):
        """Memory that is given back unless everything goes well."""
        data, ret = acl.media.dvpp_malloc(size)
        _succeed("acl.media.dvpp_malloc of {} bytes".format(size), ret)
        try:
            yield data
        except BaseException:
            acl.media.dvpp_free(data)
            raise

    def _wait(self, call, ret):
        _succeed(call, ret)
        _succeed(call, acl.rt.synchronize_stream(self._stream))

    @staticmethod
    def _or_none(work, *arguments):
        try:
            return work(*arguments)
        except _Failed as error:
            log_error(error)
            return None

    def jpegd(self, image):
        """A JPEG file in DVPP's memory (AclLiteImage(path).copy_to_dvpp()) as NV12."""
        return self._or_none(self._jpegd, image)

    def _jpegd(self, image):
        if image is None or image.data() is None:
            raise _Failed("the image has no data")
        width, height, align = image.width, image.height, 128
        if any(chip in acl.get_soc_name() for chip in _CHIPS_OF_64):
            width, height, align = utils.align_up2(width), utils.align_up2(height), 64
        strides = utils.align_up(width, align), utils.align_up16(height)
        size = utils.yuv420sp_size(*strides)
        if image.is_local():
            predicted, ret = acl.media.dvpp_jpeg_predict_dec_size(image.data(), image.size, _NV12)
            _succeed("acl.media.dvpp_jpeg_predict_dec_size", ret)
            size = max(size, predicted)
        with self._output(size) as data:
            if strides != (width, height):  # what lies beside the picture may be scaled with it
                self._blacken(data, strides[0] * strides[1], size)
            with self._described(data, size, width, height, strides) as desc:
                self._wait("acl.media.dvpp_jpeg_decode_async", acl.media.dvpp_jpeg_decode_async(
                    self._channel, image.data(), image.size, desc, self._stream))
            return self._result(data, width, height, *strides, utils.yuv420sp_size(*strides))

    def resize(self, image, resize_width, resize_height):
        """An NV12 image scaled to a size, without keeping its aspect."""
        return self._or_none(self._resize, image, resize_width, resize_height)

    def _resize(self, image, width, height):
        strides = utils.align_up16(width), utils.align_up2(height)
        size = utils.yuv420sp_size(*strides)
        with self._input(image) as source, self._output(size) as data:
            with self._described(data, size, width, height, strides) as target:
                self._wait("acl.media.dvpp_vpc_resize_async", acl.media.dvpp_vpc_resize_async(
                    self._channel, source, target, self._resize_config, self._stream))
            return self._result(data, width, height, *strides, size)

    def crop_and_paste(self, image, width, height, crop_and_paste_width, crop_and_paste_height):
        """The top left width x height of an image, scaled into the top left of a black picture of
        crop_and_paste_width x crop_and_paste_height so far as its aspect allows. The result's
        align_width and align_height tell the scaled part, as programs expect."""
        return self._or_none(self._paste, image, width, height, crop_and_paste_width,
                             crop_and_paste_height, True)

    def crop_and_paste_get_roi(self, image, width, height, crop_and_paste_width,
                               crop_and_paste_height):
        """The top left width x height of an image, stretched to crop_and_paste_width x
        crop_and_paste_height."""
        return self._or_none(self._paste, image, width, height, crop_and_paste_width,
                             crop_and_paste_height, False)

    @staticmethod
    def _part(width, height, into_width, into_height):
        """The part of a picture that another of its aspect takes, both margins cut from the end."""
        ratio_x, ratio_y = width / into_width, height / into_height
        margin_x = margin_y = 0
        if ratio_x > ratio_y:
            margin_y = int((into_height - height / ratio_x) / 2)
        else:
            margin_x = int((into_width - width / ratio_y) / 2)
        return into_width - 2 * margin_x, into_height - 2 * margin_y

    def _blacken(self, data, luma, size):
        _succeed("acl.rt.memset", acl.rt.memset(data, luma, 0, luma))
        _succeed("acl.rt.memset", acl.rt.memset(data + luma, size - luma, 128, size - luma))

    def _paste(self, image, width, height, into_width, into_height, keep_aspect):
        if min(width, height, into_width, into_height) < 2:
            raise _Failed("{} x {} cannot be pasted into {} x {}".format(
                width, height, into_width, into_height))
        strides = utils.align_up16(into_width), utils.align_up2(into_height)
        size = utils.yuv420sp_size(*strides)
        part = self._part(width, height, into_width, into_height) if keep_aspect \
            else (into_width, into_height)
        # Areas end on odd pixels, which belong to them.
        crop = acl.media.dvpp_create_roi_config(0, (width // 2 * 2) - 1, 0, (height // 2 * 2) - 1)
        paste = acl.media.dvpp_create_roi_config(0, (part[0] // 2 * 2) - 1,
                                                 0, (part[1] // 2 * 2) - 1)
        try:
            with self._input(image) as source, self._output(size) as data:
                self._blacken(data, strides[0] * strides[1], size)
                with self._described(data, size, into_width, into_height, strides) as target:
                    self._wait("acl.media.dvpp_vpc_crop_and_paste_async",
                               acl.media.dvpp_vpc_crop_and_paste_async(
                                   self._channel, source, target, crop, paste, self._stream))
                if keep_aspect:
                    return self._pasted(data, image, part, strides, size)
                return self._result(data, into_width, into_height, *strides, size)
        finally:
            acl.media.dvpp_destroy_roi_config(crop)
            acl.media.dvpp_destroy_roi_config(paste)

    def _pasted(self, data, image, part, strides, size):
        return self._result(data, image.width, image.height, *part, size)

    def jpege(self, image):
        """An NV12 image as the bytes of a JPEG file."""
        return self._or_none(self._jpege, image)

    def _jpege(self, image):
        with self._input(image) as source:
            capacity, ret = acl.media.dvpp_jpeg_predict_enc_size(source, self._jpege_config)
            _succeed("acl.media.dvpp_jpeg_predict_enc_size", ret)
            size = np.array([capacity], np.uint32)  # room before, what was used after
            with self._output(capacity) as data:
                self._wait("acl.media.dvpp_jpeg_encode_async", acl.media.dvpp_jpeg_encode_async(
                    self._channel, source, data, acl.util.numpy_to_ptr(size), self._jpege_config,
                    self._stream))
                return self._encoded(data, image, int(size[0]))

    def _encoded(self, data, image, size):
        return self._result(data, image.width, image.height, 0, 0, size)

    def destroy(self):
        """Gives channel and settings back; may be called again."""
        if self._resize_config is not None:
            acl.media.dvpp_destroy_resize_config(self._resize_config)
        if self._jpege_config is not None:
            acl.media.dvpp_destroy_jpege_config(self._jpege_config)
        if self._channel is not None:
            acl.media.dvpp_destroy_channel(self._channel)
            acl.media.dvpp_destroy_channel_desc(self._channel)
        if self._owns_stream and self._stream is not None:
            acl.rt.destroy_stream(self._stream)
        self._resize_config = self._jpege_config = self._channel = self._stream = None
        resource_list.unregister(self)

    def __del__(self):
        if getattr(self, "_channel", None) is not None:
            self.destroy()
