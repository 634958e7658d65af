# SPDX-License-Identifier: Apache-2.0
"""A camera: number n is /dev/video<n>, by V4L2. The original's number means a socket of one board,
and its library exists there only."""
import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.pictures import need_av, to_dvpp
from acllite.resource_list import resource_list

CAMERA_OK = 0
CAMERA_ERROR = 1

CAMERA_CLOSED = 0
CAMERA_OPENED = 1

DEVICE = "/dev/video{}"  # of a camera's number
FORMAT = "v4l2"          # the name FFmpeg has for it


class CameraCapture:
    """A camera that cannot be opened is logged; is_opened() is then false and read() gives None."""

    _image = AclLiteImage

    def __init__(self, camera_id, fps=15, size=(1280, 720)):
        self._id = camera_id
        self._fps = fps
        self._size = size
        self._container = self._frames = None
        self._status = CAMERA_CLOSED
        if self._open() == CAMERA_OK:
            self._status = CAMERA_OPENED
            resource_list.register(self)

    def _open(self):
        device = DEVICE.format(self._id)
        try:
            av = need_av("a camera")
        except ImportError as error:
            log_error(error)
            return CAMERA_ERROR
        try:
            self._container = av.open(device, format=FORMAT, options={
                "framerate": str(self._fps), "video_size": "{}x{}".format(*self._size)})
            self._frames = self._container.decode(video=0)
        except (OSError, ValueError, IndexError, av.error.FFmpegError) as error:
            log_error("camera {} cannot be opened as {}: {}".format(self._id, device, error))
            return CAMERA_ERROR
        return CAMERA_OK

    def is_opened(self):
        return self._status == CAMERA_OPENED

    def read(self):
        """The next picture as NV12 in DVPP's memory; None after a logged error."""
        if not self.is_opened():
            log_error("camera {} is not open".format(self._id))
            return None
        try:
            frame = next(self._frames)
        except (StopIteration, OSError) as error:
            log_error("camera {} gives no picture: {}".format(self._id, error or "it has ended"))
            return None
        return to_dvpp(frame, self._image, const.PIXEL_FORMAT_YUV_SEMIPLANAR_420)

    def close(self):
        """May be called again."""
        self._status = CAMERA_CLOSED
        self._frames = None
        if self._container is not None:
            self._container.close()
            self._container = None
            resource_list.unregister(self)

    destroy = close

    def __del__(self):
        if getattr(self, "_container", None) is not None:
            self.close()
