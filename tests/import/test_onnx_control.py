# SPDX-License-Identifier: Apache-2.0
"""Branches, loops and sequences of ONNX models, which the importer resolves, against onnxruntime."""
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import parser  # noqa: E402

from case_runner import reference, run_cases  # noqa: E402

rng = np.random.default_rng(11)
HEAD = '<ir_version: 8, opset_import: ["" : 16]>\n'

# name: (text of the model, inputs)
MODELS = {
    # The shape of x decides, as exporters write a squeeze.
    "if_by_shape": ("""g (float[1,3] x) => (float[N] y) {
        axis = Constant <value_int = 0> ()
        one = Constant <value_int = 1> ()
        shape = Shape (x)
        dim = Gather (shape, axis)
        c = Equal (dim, one)
        y = If (c) <
            then_branch = a () => (float[N] t) { zero = Constant <value_ints = [0]> ()  t = Squeeze (x, zero) },
            else_branch = b () => (float[N] e) { e = Identity (x) }>
    }""", [(1, 3)]),
    "if_open": ("""g (bool c, float[2,3] x) => (float[2,3] y) {
        z = Relu (x)
        y = If (c) <
            then_branch = a () => (float[2,3] t) { t = Add (z, x) },
            else_branch = b () => (float[2,3] e) { e = Neg (z) }>
    }""", [np.array(False), (2, 3)]),
    "loop_counted": ("""g (float[2] x) => (float[2] y, float[N,2] all) {
        m = Constant <value_int = 4> ()
        t = Constant <value_int = 1> ()
        c = Cast <to = 9> (t)
        y, all = Loop (m, c, x) <body = b (int64 i, bool go, float[2] v) => (bool go2, float[2] v2, float[2] s) {
            go2 = Identity (go)
            f = Cast <to = 1> (i)
            v2 = Add (v, f)
            s = Mul (v2, x)
        }>
    }""", [(2,)]),
    # Ends by its own condition, at the third trip.
    "loop_ends": ("""g (float[2] x) => (float[2] y, float[N,2] all) {
        y, all = Loop (, , x) <body = b (int64 i, bool go, float[2] v) => (bool go2, float[2] v2, float[2] s) {
            two = Constant <value_int = 2> ()
            go2 = Less (i, two)
            v2 = Add (v, v)
            s = Identity (v)
        }>
    }""", [(2,)]),
    "scan_sum": ("""g (float[2] s0, float[3,2] x) => (float[2] s, float[3,2] all) {
        s, all = Scan <num_scan_inputs = 1, body = b (float[2] a, float[2] e) => (float[2] a2, float[2] o) {
            a2 = Add (a, e)
            o = Identity (a2)
        }> (s0, x)
    }""", [(2,), (3, 2)]),
    "scan_axes": ("""g (float[2] s0, float[2,3] x, float[3,2] w) => (float[2] s, float[2,3] all) {
        s, all = Scan <num_scan_inputs = 2, scan_input_axes = [1, 0], scan_input_directions = [1, 0],
                       scan_output_axes = [-1], scan_output_directions = [1],
                       body = b (float[2] a, float[2] e, float[2] f) => (float[2] a2, float[2] o) {
            a2 = Add (a, e)
            o = Mul (a2, f)
        }> (s0, x, w)
    }""", [(2,), (2, 3), (3, 2)]),
    # What exporters write for torch.split, chunk and unbind.
    "split_lengths": ("""g (float[2,7] x) => (float[2,4] y, float[2,1] z) {
        lengths = Constant <value_ints = [2, 1, 4]> ()
        last = Constant <value_int = -1> ()
        one = Constant <value_int = 1> ()
        s = SplitToSequence <axis = 1> (x, lengths)
        y = SequenceAt (s, last)
        z = SequenceAt (s, one)
    }""", [(2, 7)]),
    "split_step": ("""g (float[7,2] x) => (float[3,2] y, float[1,2] z) {
        step = Constant <value_int = 3> ()
        one = Constant <value_int = 1> ()
        two = Constant <value_int = 2> ()
        s = SplitToSequence (x, step)
        y = SequenceAt (s, one)
        z = SequenceAt (s, two)
    }""", [(7, 2)]),
    "split_unbind": ("""g (float[2,3] x) => (float[2] y, float[2] z) {
        zero = Constant <value_int = 0> ()
        two = Constant <value_int = 2> ()
        s = SplitToSequence <axis = -1, keepdims = 0> (x)
        y = SequenceAt (s, two)
        z = SequenceAt (s, zero)
    }""", [(2, 3)]),
}


def make(text, shapes):
    inputs = [s if isinstance(s, np.ndarray) else rng.uniform(-2, 2, s).astype(np.float32) for s in shapes]
    return parser.parse_model(HEAD + text), inputs


@pytest.fixture(scope="module")
def results(prusik, tmp_path_factory):
    cases = {}
    for name, (text, shapes) in MODELS.items():
        model, inputs = make(text, shapes)
        cases[name] = model, inputs, reference(model, inputs)
    return run_cases(prusik, tmp_path_factory.mktemp("control"), cases)


@pytest.mark.parametrize("name", MODELS)
def test_control(results, name):
    status, detail = results[name]
    assert status == "pass", detail


def test_a_loop_of_unknown_length_is_named(prusik, tmp_path):
    text = MODELS["loop_counted"][0].replace("m = Constant <value_int = 4> ()", "m = ArgMax (x)")
    model, inputs = make(text, [(2,)])
    results = run_cases(prusik, tmp_path, {"open": (model, inputs, [])})
    assert results["open"][0] == "unsupported"
    assert "Loop" in results["open"][1] and "trips" in results["open"][1]


@pytest.mark.parametrize("use", ["ConcatFromSequence <axis = 0> (s)", "Identity (s)"])
def test_a_sequence_that_is_read_as_a_whole_is_named(prusik, tmp_path, use):
    text = f"""g (float[4] x) => (float[4] y, float[1] z) {{
        zero = Constant <value_int = 0> ()
        s = SplitToSequence (x)
        z = SequenceAt (s, zero)
        y = {use}
    }}"""
    model, inputs = make(text, [(4,)])
    results = run_cases(prusik, tmp_path, {"whole": (model, inputs, [])})
    assert results["whole"][0] == "unsupported"
    assert "SplitToSequence" in results["whole"][1]


def test_a_table_of_lengths_is_named(prusik, tmp_path):
    """Lengths are a list or a number; this has no element at all."""
    text = """g (float[4] x) => (float[1] y) {
        lengths = Constant <value = int64[0,1] {}> ()
        zero = Constant <value_int = 0> ()
        s = SplitToSequence (x, lengths)
        y = SequenceAt (s, zero)
    }"""
    model, inputs = make(text, [(4,)])
    results = run_cases(prusik, tmp_path, {"table": (model, inputs, [])})
    assert results["table"][0] == "unsupported"
    assert "how many pieces" in results["table"][1]
