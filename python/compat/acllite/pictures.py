# SPDX-License-Identifier: Apache-2.0
"""Decoded pictures on their way into memory for DVPP; PyAV (package av) decodes."""
import acl
import numpy as np

import acllite.acllite_utils as utils
import acllite.constants as const
from acllite.acllite_image import AclLiteImage

_PLANES = {const.PIXEL_FORMAT_YUV_SEMIPLANAR_420: "nv12",
           const.PIXEL_FORMAT_YVU_SEMIPLANAR_420: "nv21"}


def need_av(what):
    """The module av; ImportError with a sentence when it is not installed."""
    try:
        import av
    except ImportError:
        raise ImportError("{} needs PyAV, which is not installed: pip install av".format(
            what)) from None
    return av


def to_dvpp(frame, image=AclLiteImage, pixel_format=const.PIXEL_FORMAT_YUV_SEMIPLANAR_420):
    """A frame of PyAV as an image in DVPP's memory: an even number of rows whose distance is a
    multiple of 16, as VDEC writes them. None after a logged error."""
    width, height = frame.width // 2 * 2, frame.height // 2 * 2
    planes = frame.reformat(width, height, _PLANES[pixel_format]).to_ndarray()
    stride = utils.align_up16(width)
    if stride != width:
        planes = np.pad(planes, ((0, 0), (0, stride - width)))
    planes = np.ascontiguousarray(planes)
    run_mode, _ = acl.rt.get_run_mode()
    data = utils.copy_data_to_dvpp(acl.util.numpy_to_ptr(planes), planes.nbytes, run_mode)
    if data is None:
        return None
    result = image(data, width, height, size=planes.nbytes, memory_type=const.MEMORY_DVPP)
    result.align_width, result.align_height = stride, height
    return result
