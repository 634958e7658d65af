# SPDX-License-Identifier: Apache-2.0
"""A connection to a presenter server."""
import socket
import struct
import threading
import time

from acllite.acllite_logger import log_error

_TRIES, _PAUSE = 5, 0.2
_MAX_MESSAGE = 1 << 20  # answers have a code and a sentence


class AgentSocket:
    """IPv4 TCP; recv_msg and send_msg wait. Messages of two threads do not mix."""

    def __init__(self, server_ip, port):
        self._address = (server_ip, int(port))
        self._socket = None
        self._send_lock = threading.Lock()

    def connect(self):
        """0, or the errno of the last of five tries."""
        ret = 0
        for _ in range(_TRIES):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                ret = self._socket.connect_ex(self._address)
            except OSError as error:  # a name that does not resolve
                ret = error.errno or 1
            if ret == 0:
                return 0
            self._socket.close()
            self._socket = None
            time.sleep(_PAUSE)
        log_error("the presenter server {}:{} cannot be reached, error {}".format(
            *self._address, ret))
        return ret

    def send_msg(self, data):
        """0, or 1 after a logged error."""
        if self._socket is None:
            log_error("there is no connection to a presenter server; call connect()")
            return 1
        try:
            with self._send_lock:
                self._socket.sendall(data)
            return 0
        except OSError as error:
            log_error("the presenter server takes nothing more: {}".format(error))
            return 1

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                return None
            data += part
        return data

    def recv_msg(self):
        """(name, protocol buffer) of the next message; (None, None) at the end, or when what
        comes is no message."""
        if self._socket is None:
            return None, None
        try:
            head = self._read(5)
            if head is None:
                return None, None
            total, name_size = struct.unpack(">IB", head)
            if not 5 + name_size <= total <= _MAX_MESSAGE:
                log_error("the presenter server sends what is no message; its length is {}".format(
                    total))
                return None, None
            name, body = self._read(name_size), self._read(total - 5 - name_size)
        except OSError as error:
            log_error("reading from the presenter server failed: {}".format(error))
            return None, None
        if name is None or body is None:
            return None, None
        return name.decode(errors="replace"), body

    def finish(self):
        """Says that nothing more is sent; answers are still read. To close with answers unread
        would take back what the server has not read yet."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the server was faster

    def close(self):
        if self._socket is None:
            return
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was faster
        self._socket.close()
        self._socket = None
