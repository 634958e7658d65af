# SPDX-License-Identifier: Apache-2.0
"""Decodes H.264 and H.265 packet by packet, by VDEC (acl.media.vdec_*)."""
import atexit
import queue

import acl

import acllite.acllite_utils as utils
import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.resource_list import resource_list

READ_TIMEOUT = 5
WAIT_INTERVAL = 0.1

_REPORT_TIMEOUT = 100  # ms
_ENTYPES = (const.ENTYPE_H265_MAIN, const.ENTYPE_H264_BASE, const.ENTYPE_H264_MAIN,
            const.ENTYPE_H264_HIGH)
_FORMATS = (const.PIXEL_FORMAT_YUV_SEMIPLANAR_420, const.PIXEL_FORMAT_YVU_SEMIPLANAR_420)
_QUEUED = 64  # pictures that may wait to be read


class DvppVdec:
    """width and height are those of the stream; entype one of const.ENTYPE_*; output_format NV12 or
    NV21."""

    _image = AclLiteImage

    def __init__(self, channel_id, width, height, entype, ctx,
                 output_format=const.PIXEL_FORMAT_YUV_SEMIPLANAR_420):
        self._channel_id = channel_id
        self._width, self._height = width, height
        self._entype = entype
        self._context = ctx
        self._format = output_format
        self._channel = self._thread = None
        self._frames = queue.Queue()
        self._sent = {}  # memory of packets and pictures whose callback is to come, by number
        self._number = 0
        self._ends = False

    def init(self):
        """SUCCESS, or FAILED after a logged error."""
        if self._entype not in _ENTYPES or self._format not in _FORMATS:
            log_error("entype {} to pixel format {} is not decoded; use const.ENTYPE_* and NV12 or "
                      "NV21".format(self._entype, self._format))
            return const.FAILED
        self.destroy()
        self._ends = False
        context = self._context or acl.rt.get_context()[0]
        self._thread, ret = acl.util.start_thread(self._run_callbacks, [context])
        self._channel = acl.media.vdec_create_channel_desc()
        for name, value in (("channel_id", self._channel_id), ("thread_id", self._thread),
                            ("callback", self._called), ("entype", self._entype),
                            ("out_pic_format", self._format)):
            if ret == const.ACL_SUCCESS:
                setter = getattr(acl.media, "vdec_set_channel_desc_" + name)
                ret = setter(self._channel, value)
        if ret == const.ACL_SUCCESS:
            ret = acl.media.vdec_create_channel(self._channel)
        if ret != const.ACL_SUCCESS:
            self._log("cannot be opened", ret)
            self._close()
            return const.FAILED
        resource_list.register(self)
        atexit.register(self.destroy)  # while the thread of the callbacks can still run
        return const.SUCCESS

    def _log(self, what, ret):
        log_error("channel {} {}: {} ({})".format(self._channel_id, what,
                                                  acl.get_recent_err_msg(), ret))

    def _run_callbacks(self, arguments):
        acl.rt.set_context(arguments[0])
        while not self._ends:
            acl.rt.process_report(_REPORT_TIMEOUT)

    def process(self, input_data, input_size, user_data):
        """Sends the packet (a whole access unit) at an address to be decoded; a size of 0 ends the
        stream and waits for all its pictures. FAILED after a logged error, and while 64 pictures
        wait to be read."""
        if self._channel is None:
            log_error("channel {}: call init() first".format(self._channel_id))
            return const.FAILED
        if input_size and self._frames.qsize() + len(self._sent) >= _QUEUED:
            log_error("channel {}: {} pictures wait to be read".format(self._channel_id, _QUEUED))
            return const.FAILED
        stream = acl.media.dvpp_create_stream_desc()
        acl.media.dvpp_set_stream_desc_format(stream, self._entype)
        ret = self._send(stream, input_data, input_size, user_data) if input_size else \
            self._send_end(stream)
        if ret != const.ACL_SUCCESS:
            self._log("packet {} is not decoded".format(user_data), ret)
            return const.FAILED
        return const.SUCCESS

    def _send_end(self, stream):
        acl.media.dvpp_set_stream_desc_eos(stream, 1)
        ret = acl.media.vdec_send_frame(self._channel, stream, 0, None, None)
        acl.media.dvpp_destroy_stream_desc(stream)
        return ret

    def _send(self, stream, input_data, input_size, user_data):
        """What a callback frees: the packet's copy, since programs free theirs at once, and the
        descriptions. The memory for the picture becomes the image's."""
        run_mode, _ = acl.rt.get_run_mode()
        packet = utils.copy_data_to_dvpp(input_data, input_size, run_mode)
        size = utils.yuv420sp_size(utils.align_up16(self._width), utils.align_up2(self._height))
        memory, ret = acl.media.dvpp_malloc(size)
        picture = acl.media.dvpp_create_pic_desc()
        number, self._number = self._number, self._number + 1
        self._sent[number] = packet, memory, size, user_data
        if ret == const.ACL_SUCCESS and packet is not None:
            acl.media.dvpp_set_stream_desc_data(stream, packet)
            acl.media.dvpp_set_stream_desc_size(stream, input_size)
            acl.media.dvpp_set_pic_desc_data(picture, memory)
            acl.media.dvpp_set_pic_desc_size(picture, size)
            acl.media.dvpp_set_pic_desc_format(picture, self._format)
            ret = acl.media.vdec_send_frame(self._channel, stream, picture, None, number)
            if ret == const.ACL_SUCCESS:
                return ret
        self._free(number, stream, picture)
        return ret or const.FAILED

    def _free(self, number, stream, picture):
        """(memory of the picture, its size, what the program said of the packet)."""
        packet, memory, size, user_data = self._sent.pop(number)
        if packet is not None:
            acl.media.dvpp_free(packet)
        acl.media.dvpp_destroy_stream_desc(stream)
        acl.media.dvpp_destroy_pic_desc(picture)
        return memory, size, user_data

    def _called(self, stream, picture, number):
        """In the thread of the callbacks."""
        get = {name: getattr(acl.media, "dvpp_get_pic_desc_" + name)(picture)
               for name in ("ret_code", "width", "height", "width_stride", "height_stride")}
        if get["ret_code"]:
            self._log("packet {} gives no picture".format(self._sent[number][3]), get["ret_code"])
        memory, size, user_data = self._free(number, stream, picture)
        if get["ret_code"]:
            acl.media.dvpp_free(memory)
            return
        width, height = get["width"], get["height"]
        if (width, height) != (self._width, self._height):
            log_error("channel {}: a picture is {} x {}, not {} x {}".format(
                self._channel_id, width, height, self._width, self._height))
        image = self._image(memory, width, height, size=utils.yuv420sp_size(
            get["width_stride"], get["height_stride"]), memory_type=const.MEMORY_DVPP)
        image.align_width, image.align_height = get["width_stride"], get["height_stride"]
        self._frames.put(image)

    def read(self, no_wait=False):
        """(SUCCESS, image in DVPP's memory), or (SUCCESS, None) when none comes within
        READ_TIMEOUT, with no_wait at once."""
        try:
            return const.SUCCESS, self._frames.get(not no_wait, READ_TIMEOUT)
        except queue.Empty:
            return const.SUCCESS, None

    def is_finished(self):
        """Whether every picture that came was taken."""
        return self._frames.empty()

    def _close(self):
        acl.media.vdec_destroy_channel_desc(self._channel)
        self._channel = None
        self._ends = True
        if self._thread:
            acl.util.stop_thread(self._thread)
            self._thread = None

    def destroy(self):
        """Gives everything back; may be called again."""
        if self._channel is not None:
            acl.media.vdec_destroy_channel(self._channel)
            self._close()
            resource_list.unregister(self)
            atexit.unregister(self.destroy)
        for packet, memory, _, _ in self._sent.values():  # without a callback
            acl.media.dvpp_free(packet)
            acl.media.dvpp_free(memory)
        self._sent.clear()
        while not self._frames.empty():
            self._frames.get_nowait()
