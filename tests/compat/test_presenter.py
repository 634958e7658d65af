# SPDX-License-Identifier: Apache-2.0
"""The client of a presenter server, against a small server that reads its messages with the
protobuf package."""
import socket
import struct
import sys
import threading

import pytest

np = pytest.importorskip("numpy")
protobuf = pytest.importorskip("google.protobuf")
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402

pytestmark = pytest.mark.in_process
PACKAGE = "ascend.presenter.proto"
KINDS = descriptor_pb2.FieldDescriptorProto
ANSWER = [(1, "error_code", KINDS.TYPE_INT32), (2, "error_message", KINDS.TYPE_STRING)]
MESSAGES = {  # name -> [(number, field, type, or message, with * a list)]
    "OpenChannelRequest": [(1, "channel_name", KINDS.TYPE_STRING),
                           (2, "content_type", KINDS.TYPE_INT32)],
    "OpenChannelResponse": ANSWER,
    "PresentImageResponse": ANSWER,
    "HeartbeatMessage": [],
    "Coordinate": [(1, "x", KINDS.TYPE_UINT32), (2, "y", KINDS.TYPE_UINT32)],
    "Rectangle_Attr": [(1, "left_top", "Coordinate"), (2, "right_bottom", "Coordinate"),
                       (3, "label_text", KINDS.TYPE_STRING)],
    "PresentImageRequest": [(1, "format", KINDS.TYPE_INT32), (2, "width", KINDS.TYPE_UINT32),
                            (3, "height", KINDS.TYPE_UINT32), (4, "data", KINDS.TYPE_BYTES),
                            (5, "rectangle_list", "Rectangle_Attr*")],
}


@pytest.fixture(scope="module")
def messages():
    """Name -> class of the protobuf package."""
    file = descriptor_pb2.FileDescriptorProto(name="presenter.proto", package=PACKAGE,
                                              syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            row = message.field.add(name=field, number=number, label=KINDS.LABEL_OPTIONAL)
            if isinstance(kind, str):
                row.type, row.type_name = KINDS.TYPE_MESSAGE, f".{PACKAGE}.{kind.rstrip('*')}"
                row.label = KINDS.LABEL_REPEATED if "*" in kind else KINDS.LABEL_OPTIONAL
            else:
                row.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


@pytest.fixture(scope="module")
def presenteragent(paths):
    sys.path[:0] = paths
    import presenteragent
    yield presenteragent
    for path in paths:
        sys.path.remove(path)


class Server(threading.Thread):
    """Takes one connection, keeps what comes, and answers requests with a code."""

    def __init__(self, messages, code=0, raw=None):
        super().__init__(daemon=True)
        self.messages, self.code, self.raw = messages, code, raw
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seen = []
        self.start()

    def run(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(5)) == 5:
                total, n = struct.unpack(">IB", head)
                name, body = stream.read(n).decode(), stream.read(total - 5 - n)
                assert name.startswith(PACKAGE + ".") and len(body) == total - 5 - n
                name = name[len(PACKAGE) + 1:]
                self.seen.append((name, self.messages[name].FromString(body)))
                answer = {"OpenChannelRequest": "OpenChannelResponse",
                          "PresentImageRequest": "PresentImageResponse"}.get(name)
                if self.raw is not None:
                    connection.sendall(self.raw)
                elif answer:
                    data = self.messages[answer](error_code=self.code,
                                                 error_message="no" * bool(self.code))
                    data, full = data.SerializeToString(), f"{PACKAGE}.{answer}".encode()
                    connection.sendall(struct.pack(">IB", 5 + len(full) + len(data), len(full)) +
                                       full + data)


@pytest.fixture
def config(tmp_path):
    def write(port, name="Straße", kind=1):
        path = tmp_path / "presenter.conf"
        path.write_text("[baseconf]\npresenter_server_ip=127.0.0.1\npresenter_server_port="
                        f"{port}\nchannel_name={name}\ncontent_type={kind}\n")
        return str(path)
    return write


def test_pictures_and_boxes_arrive(messages, presenteragent, config):
    server = Server(messages)
    channel = presenteragent.presenter_channel.open_channel(config(server.port))
    assert channel is not None
    jpeg = np.arange(70000, dtype=np.uint32).astype(np.uint8)
    result = presenteragent.presenter_datatype.ObjectDetectionResult(0, 3, 640, 300, "dog 90%")
    outside = presenteragent.presenter_datatype.ObjectDetectionResult(0, 0, 641, 1)
    result.confidence = 0.9
    assert channel.send_detection_data(640, 480, jpeg, [result, outside])
    assert channel.send_image(640, 480, jpeg.tobytes())
    assert not channel.send_image(640, 480, "a.jpg")
    channel.close()
    assert not channel.send_image(640, 480, jpeg)
    server.join(5)
    (first, opened), (_, picture), (_, plain) = server.seen
    assert first == "OpenChannelRequest" and opened.channel_name == "Straße"
    assert opened.content_type == 1
    assert (picture.width, picture.height, picture.format) == (640, 480, 0)
    assert picture.data == plain.data == jpeg.tobytes()
    box, = picture.rectangle_list
    assert (box.left_top.x, box.left_top.y) == (0, 3) and box.label_text == "dog 90%"
    assert (box.right_bottom.x, box.right_bottom.y) == (640, 300)
    assert not plain.rectangle_list
    assert channel._answers.value == 2


def test_heartbeat(messages, presenteragent, monkeypatch):
    monkeypatch.setattr(presenteragent.presenter_agent, "_HEARTBEAT_SECONDS", 0.01)
    server = Server(messages)
    agent = presenteragent.presenter_agent.PresenterAgent("127.0.0.1", server.port)
    assert agent.connect_server() == 0
    agent.start_heard_beat_thread()
    while len(server.seen) < 3:
        assert server.is_alive()
    agent.exit()
    assert {name for name, _ in server.seen} == {"HeartbeatMessage"}


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff\x05", b"\x00\x00\x00\x04\x00", b"\x00\x00",
                                 b"\x00\x00\x00\x0c\x02ab\x12\x99\x99\x99\x01"])
def test_answers_that_are_none(messages, presenteragent, config, raw, monkeypatch, capsys):
    monkeypatch.setattr(presenteragent.presenter_channel, "_WAIT_SECONDS", 0.3)
    server = Server(messages, raw=raw)
    assert presenteragent.presenter_channel.open_channel(config(server.port)) is None
    assert "does not open" in capsys.readouterr().out


def test_refused(messages, presenteragent, config, monkeypatch, capsys):
    monkeypatch.setattr(presenteragent.presenter_channel, "_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(presenteragent.socket_client, "_PAUSE", 0.01)
    server = Server(messages, code=3)
    assert presenteragent.presenter_channel.open_channel(config(server.port)) is None
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert presenteragent.presenter_channel.open_channel(config(port)) is None
    assert presenteragent.presenter_channel.open_channel("nowhere.conf") is None
    assert presenteragent.presenter_channel.open_channel(config("many")) is None
    text = capsys.readouterr().out
    for part in ("with error 3: no", "cannot be reached", "nowhere.conf", "not a presenter conf"):
        assert part in text


def test_wire(messages, presenteragent):
    pm = presenteragent.presenter_message
    for numbers in ((0, 0), (1, 127), (128, 16384), (2 ** 32 - 1, 1)):
        whole = pm.image_frame_request(*numbers, b"", None)
        total, n = struct.unpack(">IB", whole[:5])
        assert total == len(whole)
        read = messages["PresentImageRequest"].FromString(whole[5 + n:])
        assert (read.width, read.height) == numbers
    answer = messages["OpenChannelResponse"](error_code=300, error_message="x" * 200)
    assert pm.read_response(answer.SerializeToString()) == (300, "x" * 200)
    for bad in (b"\x08", b"\x08" + b"\xff" * 12, b"\x12\x05ab", b"\x0d\x00\x00\x00\x00"):
        with pytest.raises(ValueError):
            pm.read_response(bad)
    with pytest.raises(ValueError):
        pm.image_frame_request(-1, 1, b"", [])
    with pytest.raises(ValueError):
        pm.pack_message("n" * 256, b"")


def test_one_set_of_modules(presenteragent):
    import acllite.presenteragent.presenter_channel as theirs
    import atlas_utils.presenteragent
    import presenteragent.presenter_channel as flat
    from atlas_utils import presenteragent as package
    assert theirs is flat is atlas_utils.presenteragent.presenter_channel
    assert package.presenter_datatype is presenteragent.presenter_datatype
