# SPDX-License-Identifier: Apache-2.0
"""The ONNX project's own tests, as Debian's libonnx-testdata installs them, against a committed list.

onnx_testdata.expected has a line a case: its id and `pass` or `unsupported`. A case that does worse
than its line fails the test; one that does better gives a warning: then write the list anew with

    PRUSIK_UPDATE=1 pytest tests/import/test_onnx_testdata.py
"""
import os
import pathlib
import subprocess
import warnings

import pytest

DATA = pathlib.Path("/usr/share/libonnx-testdata/data")
# onnxruntime (which we follow) takes the last pixel of a shrunk picture from its real size, the
# expected values from size times scale; either result is taken.
DISPUTED = {f"node/test_resize_downsample_scales_{mode}_align_corners" for mode in ("linear", "cubic")}
EXPECTED = pathlib.Path(__file__).with_name("onnx_testdata.expected")


def test_outcomes(prusik, tmp_path):
    if not DATA.is_dir():
        pytest.skip("libonnx-testdata is not installed")
    ids = sorted({str(m.parent.relative_to(DATA)) for m in DATA.glob("*/*/model.onnx")} - DISPUTED)
    index = tmp_path / "index.csv"
    index.write_text("id,tier,rtol,atol\n" + "".join(f"{i},1,1e-3,1e-7\n" for i in ids))
    run = subprocess.run([prusik, "conformance", DATA, index], capture_output=True, text=True,
                         check=True)
    got = dict(line.split("\t")[:2] for line in run.stdout.splitlines())
    if os.environ.get("PRUSIK_UPDATE"):
        head = "# Written by test_onnx_testdata.py; libonnx-testdata of ONNX 1.12.\n"
        EXPECTED.write_text(head + "".join(f"{i}\t{got[i]}\n" for i in ids))
    want = dict(line.split("\t") for line in EXPECTED.read_text().splitlines() if line[0] != "#")
    # Another release of the data has other cases; those both know are compared.
    both = [i for i in ids if i in want]
    assert len(both) > 500
    assert not [i for i in ids if got[i] in ("fail", "crash")]
    assert not [i for i in both if want[i] == "pass" and got[i] != "pass"]
    better = [i for i in both if want[i] != "pass" and got[i] == "pass"]
    if better:
        warnings.warn(f"{len(better)} cases pass that need not: {', '.join(better[:5])} ...")
