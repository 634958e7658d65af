# SPDX-License-Identifier: Apache-2.0
"""bench/end_to_end.py compares like with like: its Python program prepares a photo as the network's
authors do, also where the scaled size is no whole number."""
import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.long
def test_boxes_agree(build_dir, data_dir):
    pytest.importorskip("cv2")
    model = data_dir / "models" / "yolox_nano_416.onnx"
    photo = data_dir / "images" / "coco_val128" / "images" / "000000006723.jpg"  # 640 x 361
    if not model.exists() or not photo.exists():
        pytest.skip("the network or the photo is not in the test data")
    done = subprocess.run([sys.executable, ROOT / "bench" / "end_to_end.py", "--build", build_dir,
                           "--rounds", "1", model, photo], capture_output=True, text=True)
    assert done.returncode == 0 and "boxes agree" in done.stdout, done.stdout + done.stderr
