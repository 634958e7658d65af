# SPDX-License-Identifier: Apache-2.0
"""What speaks with the server: it sends what is queued, and reads the answers."""
import threading

from acllite.acllite_logger import log_error
from acllite.presenteragent import presenter_datatype as dtype
from acllite.presenteragent import presenter_message as pm
from acllite.presenteragent.socket_client import AgentSocket

_HEARTBEAT_SECONDS = 2
_ANSWER_SECONDS = 2  # the last answers may take


class PresenterAgent:
    """A connection that is kept alive by a heartbeat."""

    def __init__(self, server_ip, port):
        self.socket = AgentSocket(server_ip, port)
        self._ended = threading.Event()
        self._heartbeat = None

    def connect_server(self):
        """0, or an errno."""
        return self.socket.connect()

    def start_heard_beat_thread(self):
        self._heartbeat = threading.Thread(target=self._beat, daemon=True)
        self._heartbeat.start()

    def _beat(self):
        while not self._ended.wait(_HEARTBEAT_SECONDS):
            if self.socket.send_msg(pm.heartbeat_message()) != 0:
                return

    def exit(self):
        self._ended.set()
        if self._heartbeat is not None:
            self._heartbeat.join()
            self._heartbeat = None
        self.socket.close()


def _read_answers(agent, open_status, data_respone_counter):
    """Until the connection ends."""
    while True:
        name, body = agent.socket.recv_msg()
        if name is None:
            break
        try:
            code, sentence = pm.read_response(body)
        except ValueError as error:
            log_error("{} cannot be read: {}".format(name, error))
            break
        if code:
            log_error("the presenter server answers {} with error {}: {}".format(
                name, code, sentence))
        if pm.is_open_channel_response(name):
            open_status.value = dtype.STATUS_DISCONNECT if code else dtype.STATUS_OPENED
        elif pm.is_image_frame_response(name):
            data_respone_counter.value += 1
    if open_status.value not in (dtype.STATUS_EXITING, dtype.STATUS_EXITTED):
        open_status.value = dtype.STATUS_DISCONNECT


def StartPresenterAgent(msg_queue, server_ip, port, open_status, data_respone_counter):
    """Runs until a FinishMsg is taken from msg_queue or the connection ends. open_status and
    data_respone_counter have a field value: the state, and how many pictures were answered."""
    agent = PresenterAgent(server_ip, port)
    if agent.connect_server() != 0:
        open_status.value = dtype.STATUS_DISCONNECT
        return
    open_status.value = dtype.STATUS_CONNECTED
    reader = threading.Thread(target=_read_answers, daemon=True,
                              args=(agent, open_status, data_respone_counter))
    reader.start()
    agent.start_heard_beat_thread()
    while True:
        message = msg_queue.get()
        if isinstance(message, dtype.FinishMsg):
            break
        if agent.socket.send_msg(message) != 0:
            open_status.value = dtype.STATUS_DISCONNECT
            break
    if open_status.value != dtype.STATUS_DISCONNECT:
        open_status.value = dtype.STATUS_EXITING
    agent.socket.finish()
    reader.join(_ANSWER_SECONDS)
    agent.exit()
    reader.join()
    if open_status.value != dtype.STATUS_DISCONNECT:
        open_status.value = dtype.STATUS_EXITTED
