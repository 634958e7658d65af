# SPDX-License-Identifier: Apache-2.0
"""The messages of the presenter server: a length of four bytes, most significant first, that counts
itself; the length of the name in one byte; the name; a protocol buffer. The buffers have a handful
of fields, so they are written here, without the protobuf package."""
import struct

from acllite.acllite_logger import log_warning

_PACKAGE = "ascend.presenter.proto."
_VARINT, _BYTES = 0, 2  # wire types
_FORMAT_JPEG = 0


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field, value):
    """A field of a number; like the protobuf package, nothing for 0."""
    value = int(value)
    if not 0 <= value < 2 ** 32:
        raise ValueError("{} is no uint32".format(value))
    return _varint(field << 3 | _VARINT) + _varint(value) if value else b""


def _bytes(field, value):
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _text(field, value):
    return _bytes(field, str(value).encode()) if value else b""


def pack_message(msg_name, msg_data):
    """A message as it is sent; msg_data is its protocol buffer, or an object of the protobuf
    package."""
    name = msg_name.encode()
    body = msg_data if isinstance(msg_data, (bytes, bytearray)) else msg_data.SerializeToString()
    if not 0 < len(name) < 256:
        raise ValueError("a name has 1 to 255 bytes, not {}".format(len(name)))
    return struct.pack(">IB", 5 + len(name) + len(body), len(name)) + name + bytes(body)


def open_channel_request(channel_name, content_type):
    return pack_message(_PACKAGE + "OpenChannelRequest",
                        _text(1, channel_name) + _number(2, content_type))


def image_frame_request(image_width, image_height, image_data, detection_result):
    """image_data: the bytes of a JPEG file. Boxes outside the picture are left out."""
    boxes = b""
    for result in detection_result or ():
        if not result.check_box_vaild(image_width, image_height):
            box = result.box
            log_warning("a box from ({}, {}) to ({}, {}) is not inside {} x {}: not sent".format(
                box.lt.x, box.lt.y, box.rb.x, box.rb.y, image_width, image_height))
            continue
        boxes += _bytes(5, _bytes(1, _number(1, result.box.lt.x) + _number(2, result.box.lt.y)) +
                        _bytes(2, _number(1, result.box.rb.x) + _number(2, result.box.rb.y)) +
                        _text(3, result.result_text))
    return pack_message(_PACKAGE + "PresentImageRequest",
                        _number(1, _FORMAT_JPEG) + _number(2, image_width) +
                        _number(3, image_height) + _bytes(4, bytes(image_data)) + boxes)


def heartbeat_message():
    return pack_message(_PACKAGE + "HeartbeatMessage", b"")


def is_open_channel_response(msg_name):
    return msg_name == _PACKAGE + "OpenChannelResponse"


def is_image_frame_response(msg_name):
    return msg_name == _PACKAGE + "PresentImageResponse"


def _read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number does not end")
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def read_response(data):
    """(error_code, error_message) of a server's answer; ValueError for what is none."""
    code, message, at = 0, "", 0
    while at < len(data):
        key, at = _read_varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            code = value if field == 1 else code
        elif kind == _BYTES:
            size, at = _read_varint(data, at)
            if size > len(data) - at:
                raise ValueError("a field runs past the end")
            if field == 2:
                message = data[at:at + size].decode(errors="replace")
            at += size
        else:
            raise ValueError("a field has wire type {}".format(kind))
    return code, message
