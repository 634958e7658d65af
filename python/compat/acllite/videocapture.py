# SPDX-License-Identifier: Apache-2.0
"""Pictures of a video file or an RTSP stream. PyAV reads and decodes them in a thread of its own; a
few wait in memory, so that a program that is slow does not make it full."""
import queue
import threading

import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.pictures import need_av, to_dvpp
from acllite.resource_list import resource_list

WAIT_INTERVAL = 0.01
WAIT_READY_MAX = 10
WAIT_FIRST_DECODED_FRAME = 0.02

DECODE_STATUS_INIT = 0
DECODE_STATUS_READY = 1
DECODE_STATUS_RUNNING = 2
DECODE_STATUS_PYAV_FINISH = 3
DECODE_STATUS_ERROR = 4
DECODE_STATUS_STOP = 5
DECODE_STATUS_EXIT = 6

_AHEAD = 8  # decoded pictures that may wait
_RTSP = {"rtsp_transport": "tcp", "buffer_size": "1024000"}


class _ChannelIdGenerator:
    """Numbers from 0, each once in a process."""

    _instance = None
    _lock = threading.Lock()

    def __new__(cls):
        with cls._lock:
            if cls._instance is None:
                cls._instance = super().__new__(cls)
                cls._instance.next_id = 0
        return cls._instance

    def __init__(self):
        pass

    def generator_channel_id(self):
        with self._lock:
            self.next_id += 1
            return self.next_id - 1


def gen_unique_channel_id():
    return _ChannelIdGenerator().generator_channel_id()


class VideoCapture:
    """Decoding starts with the first read(). A name that cannot be opened is logged, and read()
    then fails."""

    _image = AclLiteImage

    def __init__(self, strame_name):
        self._name = str(strame_name)
        self._channel_id = gen_unique_channel_id()
        self._frames = queue.Queue(_AHEAD)
        self._status = DECODE_STATUS_INIT
        self._thread = None
        self._container = None
        self._width = self._height = 0
        self._open()
        resource_list.register(self)

    def _open(self):
        av = need_av("a video")
        try:
            self._container = av.open(self._name, options=_RTSP if self._name.startswith("rtsp")
                                      else {})
            video = self._container.streams.video[0]
        except (OSError, IndexError, av.error.FFmpegError) as error:
            log_error("{} is no video that can be read: {}".format(self._name, error))
            self._status = DECODE_STATUS_ERROR
            return
        video.thread_type = "AUTO"
        self._width, self._height = video.codec_context.width, video.codec_context.height
        self._status = DECODE_STATUS_READY

    def _decode(self):
        status = DECODE_STATUS_PYAV_FINISH
        try:
            for frame in self._container.decode(video=0):
                if not self._hand_over(frame):
                    return
        except Exception as error:  # whatever the decoder meets, a reader must not wait for ever
            log_error("{}: decoding ends with {}".format(self._name, error))
            status = DECODE_STATUS_ERROR
        self._status = status

    def _hand_over(self, frame):
        """False when the pictures are wanted no more."""
        while self._status == DECODE_STATUS_RUNNING:
            try:
                self._frames.put(frame, timeout=WAIT_INTERVAL)
                return True
            except queue.Full:
                pass
        return False

    def is_finished(self):
        """Whether all pictures were decoded and taken."""
        return self._status > DECODE_STATUS_RUNNING and self._frames.empty()

    def read(self, no_wait=False):
        """(SUCCESS, image in DVPP's memory); at the end, or when none is ready and no_wait is set,
        (SUCCESS, None); (FAILED, None) after an error."""
        if self._status == DECODE_STATUS_READY:
            self._status = DECODE_STATUS_RUNNING
            self._thread = threading.Thread(target=self._decode, daemon=True)
            self._thread.start()
        while True:
            ended = self._status != DECODE_STATUS_RUNNING  # asked first: nothing comes after it
            try:
                frame = self._frames.get(block=not (no_wait or ended), timeout=WAIT_INTERVAL)
                break
            except queue.Empty:
                if ended or no_wait:
                    failed = self._status in (DECODE_STATUS_ERROR, DECODE_STATUS_EXIT)
                    return (const.FAILED if failed else const.SUCCESS), None
        image = to_dvpp(frame, self._image)
        return (const.FAILED if image is None else const.SUCCESS), image

    def destroy(self):
        """Ends decoding and closes the video; may be called again."""
        if self._status == DECODE_STATUS_EXIT:
            return
        self._status = DECODE_STATUS_EXIT
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        while not self._frames.empty():
            self._frames.get_nowait()
        if self._container is not None:
            self._container.close()
            self._container = None
        resource_list.unregister(self)

    def __del__(self):
        if getattr(self, "_thread", None) is not None or getattr(self, "_container", None):
            self.destroy()
