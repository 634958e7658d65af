# SPDX-License-Identifier: Apache-2.0
"""The text form of protocol buffers, held against Google's own reader: the same texts give the same
bytes, and what that reader refuses is refused."""
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent

TAKEN = [
    "",
    "i32: 1, s32: -0x7fffffff; u64: 01777777777777777777777 i64: -9223372036854775808",
    "real: 1.5f wide: .5 reals: [1, 2.F, 1e-3, -inf, infinity, 1e38] reals: 3",
    "real: 3.4028235e38 wide: 1.7976931348623157e308",
    "flag: True flags: [true, false, t, f, 1, 0, False]",
    "colour: RED colours: [5, -3, DARK_BLUE]",
    r"""text: "a'b" 'c"d' "\n\t\\\x41\101\'" raw: '\000\xff\x0G' texts: ['x' 'y', 'z']""",
    r'text: "\u00e9\u20ac\U0001F600"',
    "one { id: 1 inner < id: 2 > inner: { id: 3 label: 'x' } } # a comment",
    "many [{ id: 1 }, < id: 2 >] many: { id: 3; } many: [] numbers: []",
    "left: 4",
    "right: 'r'",
    "kinds { kinds { kinds { i32: 5 } } }",
    "numbers: 1 numbers: [2, 3] numbers: 4 longs: -1",
]
REFUSED = [
    "i32: 2147483648", "u32: -1", "i32: 1.0", "i32: 08", "real: 0x1", "real: 010", "flag: yes",
    "flag: 2", "colour: PINK", "colour: 17", "colour: 'RED'", "text: word", "text: 'a\nb'",
    "one: 1", "one { id: 1 >", "one { id: 1", "}", "i32 1", "i32: ",
    "nothing: 1", "i32: 1 i32: 2", "left: 1 right: 'x'", "numbers: [1 2]", "numbers: [1,]",
    "numbers: [[1]]", "i32: [1]", "i32: 1,,", ";", "real: 1..5", "real: e5", "i32: --1", "text: 'a",
]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """The message class of textformat.proto."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    out = tmp_path_factory.mktemp("proto") / "kinds.ds"
    subprocess.run(["protoc-c", f"--descriptor_set_out={out}", f"-I{HERE}", "textformat.proto"],
                   check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for f in files.file:
        pool.Add(f)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kinds.Kinds"))


def ours(build_dir, text):
    return subprocess.run([build_dir / "tests" / "import" / "test_textformat", "pack"],
                          input=text.encode(), capture_output=True)


@pytest.mark.parametrize("text", TAKEN)
def test_same_bytes(build_dir, kinds, text):
    from google.protobuf import text_format
    run = ours(build_dir, text)
    assert run.returncode == 0, run.stderr.decode()
    assert kinds.FromString(run.stdout) == text_format.Parse(text, kinds())


@pytest.mark.parametrize("text", REFUSED)
def test_same_refusals(build_dir, kinds, text):
    from google.protobuf import text_format
    with pytest.raises(text_format.ParseError):
        text_format.Parse(text, kinds())
    run = ours(build_dir, text)
    assert run.returncode == 1 and run.stderr.startswith(b"text:1:")
