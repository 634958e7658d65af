# SPDX-License-Identifier: Apache-2.0
"""Decodes H.264 and H.265 packet by packet. PyAV's decoder does the work, in the program's thread;
the channel's number and context are kept for programs that read them."""
import queue

import acl
import numpy as np

import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.pictures import need_av, to_dvpp

READ_TIMEOUT = 5
WAIT_INTERVAL = 0.1

_CODECS = {const.ENTYPE_H265_MAIN: "hevc", const.ENTYPE_H264_BASE: "h264",
           const.ENTYPE_H264_MAIN: "h264", const.ENTYPE_H264_HIGH: "h264"}
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
        self._decoder = None
        self._error = ()
        self._frames = queue.Queue(_QUEUED)
        self._new_packet = None

    def init(self):
        """SUCCESS, or FAILED after a logged error."""
        av = need_av("decoding")
        if self._entype not in _CODECS or self._format not in _FORMATS:
            log_error("entype {} to pixel format {} is not decoded; use const.ENTYPE_* and NV12 or "
                      "NV21".format(self._entype, self._format))
            return const.FAILED
        self._decoder = av.CodecContext.create(_CODECS[self._entype], "r")
        self._new_packet = av.Packet
        self._error = av.error.FFmpegError
        return const.SUCCESS

    def process(self, input_data, input_size, user_data):
        """Decodes the packet (a whole access unit) at an address; a size of 0 ends the stream.
        FAILED after a logged error, and while 64 pictures wait to be read."""
        if self._decoder is None:
            log_error("channel {}: call init() first".format(self._channel_id))
            return const.FAILED
        if self._frames.full():
            log_error("channel {}: {} pictures wait to be read".format(self._channel_id, _QUEUED))
            return const.FAILED
        try:
            if not input_size:
                self._take(self._decoder.decode(None))
                return const.SUCCESS
            data = np.empty(input_size, np.uint8)
            ret = acl.rt.memcpy(acl.util.numpy_to_ptr(data), input_size, input_data, input_size,
                                const.ACL_MEMCPY_DEVICE_TO_HOST
                                if acl.rt.get_run_mode()[0] == const.ACL_HOST
                                else const.ACL_MEMCPY_DEVICE_TO_DEVICE)
            if ret != const.ACL_SUCCESS:
                log_error("channel {}: copying {} bytes failed with {}".format(
                    self._channel_id, input_size, ret))
                return const.FAILED
            self._take(self._decoder.decode(self._new_packet(data.tobytes())))
        except (self._error, EOFError) as error:
            log_error("channel {}, packet {}: {}".format(self._channel_id, user_data, error))
            return const.FAILED
        return const.SUCCESS

    def _take(self, frames):
        for frame in frames:
            if (frame.width, frame.height) != (self._width, self._height):
                log_error("channel {}: a picture is {} x {}, not {} x {}".format(
                    self._channel_id, frame.width, frame.height, self._width, self._height))
            self._frames.put(frame)

    def read(self, no_wait=False):
        """(SUCCESS, image in DVPP's memory), or (SUCCESS, None) when none comes within
        READ_TIMEOUT, with no_wait at once."""
        try:
            frame = self._frames.get(not no_wait, READ_TIMEOUT)
        except queue.Empty:
            return const.SUCCESS, None
        image = to_dvpp(frame, self._image, self._format)
        return (const.FAILED if image is None else const.SUCCESS), image

    def is_finished(self):
        """Whether every picture was taken."""
        return self._frames.empty()

    def destroy(self):
        """Gives everything back; may be called again."""
        self._decoder = None
        while not self._frames.empty():
            self._frames.get_nowait()
