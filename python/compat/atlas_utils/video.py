# SPDX-License-Identifier: Apache-2.0
"""acllite.videocapture with the names of atlas_utils."""
from acllite.videocapture import (  # noqa: F401  (the module's constants)
    DECODE_STATUS_ERROR, DECODE_STATUS_EXIT, DECODE_STATUS_INIT, DECODE_STATUS_PYAV_FINISH,
    DECODE_STATUS_READY, DECODE_STATUS_RUNNING, DECODE_STATUS_STOP, WAIT_FIRST_DECODED_FRAME,
    WAIT_INTERVAL, WAIT_READY_MAX, VideoCapture)
from atlas_utils.acl_image import AclImage


class AclVideo(VideoCapture):
    _image = AclImage
