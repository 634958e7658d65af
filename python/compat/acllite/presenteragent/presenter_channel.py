# SPDX-License-Identifier: Apache-2.0
"""A channel of a presenter server: a name under which it shows pictures, or a stream of them."""
import configparser
import queue
import threading
import time

import numpy as np

from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error
from acllite.presenteragent import presenter_datatype as dtype
from acllite.presenteragent import presenter_message as pm
from acllite.presenteragent.presenter_agent import StartPresenterAgent

_QUEUED = 64       # pictures that may wait for the server
_WAIT_SECONDS = 5  # for a connection, for the channel, for room in the queue
_INTERVAL = 0.02


class _Value:
    """What multiprocessing.Value is between processes; the agent is a thread, since a process with
    AscendCL in it should not be forked."""

    def __init__(self, value):
        self.value = value


class PresenterChannel:
    def __init__(self, server_ip, port, name='video', content_type=dtype.CONTENT_TYPE_VIDEO):
        self._server_ip = server_ip
        self._port = int(port)
        self._name = name
        self._type = int(content_type)
        self._queue = queue.Queue(_QUEUED)
        self._status = _Value(dtype.STATUS_DISCONNECT)
        self._answers = _Value(0)
        self._agent = None

    def startup(self):
        """Connects and asks for the channel; 0, or 1 after a logged error."""
        self._agent = threading.Thread(
            target=StartPresenterAgent, daemon=True,
            args=(self._queue, self._server_ip, self._port, self._status, self._answers))
        self._agent.start()
        self._queue.put(pm.open_channel_request(self._name, self._type))
        end = time.monotonic() + _WAIT_SECONDS
        while self._agent.is_alive() and time.monotonic() < end:
            if self._status.value == dtype.STATUS_OPENED:
                return dtype.STATUS_OK
            time.sleep(_INTERVAL)
        log_error("channel '{}' of the presenter server {}:{} does not open".format(
            self._name, self._server_ip, self._port))
        self.close()
        return dtype.STATUS_ERROR

    def send_message(self, data):
        """Queues a packed message; waits while many are queued. False when it stays so."""
        if self._agent is None or not self._agent.is_alive():
            log_error("channel '{}' is not open".format(self._name))
            return False
        try:
            self._queue.put(data, timeout=_WAIT_SECONDS)
        except queue.Full:
            log_error("the presenter server takes no pictures; this one is dropped")
            return False
        return True

    def send_detection_data(self, image_width, image_height, image, detection_result):
        """Queues a picture with its boxes. image: the bytes of a JPEG file, as an array, as bytes
        or as an image object (such as jpege() returns). False after a logged error."""
        if isinstance(image, AclLiteImage):
            image = image.byte_data_to_np_array()
        if isinstance(image, np.ndarray):
            image = image.tobytes()
        if not isinstance(image, (bytes, bytearray)):
            log_error("a picture for the presenter server is an array or an image, not {}".format(
                type(image).__name__))
            return False
        return self.send_message(pm.image_frame_request(image_width, image_height, image,
                                                        detection_result))

    def send_image(self, image_width, image_height, image):
        return self.send_detection_data(image_width, image_height, image, [])

    def close(self):
        """Sends what is queued, then ends the connection."""
        agent, self._agent = self._agent, None
        if agent is None:
            return
        while agent.is_alive():
            try:
                self._queue.put(dtype.FinishMsg(b""), timeout=_INTERVAL)
                break
            except queue.Full:
                pass
        agent.join(_WAIT_SECONDS)

    def __del__(self):
        self.close()


def get_channel_config(config_file):
    """(ip, port, channel name, content type) of section baseconf of an .ini file."""
    config = configparser.ConfigParser()
    if not config.read(config_file):
        raise FileNotFoundError("{}: there is no such presenter configuration".format(config_file))
    base = config["baseconf"]
    return (base["presenter_server_ip"], base.getint("presenter_server_port"),
            base["channel_name"], base.getint("content_type"))


def open_channel(config_file):
    """A PresenterChannel that is open, or None after a logged error."""
    try:
        ip, port, name, kind = get_channel_config(config_file)
    except (OSError, KeyError, ValueError, configparser.Error) as error:
        log_error("{}: not a presenter configuration: {}".format(config_file, error))
        return None
    channel = PresenterChannel(ip, port, name, kind)
    return channel if channel.startup() == dtype.STATUS_OK else None
