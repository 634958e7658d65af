# SPDX-License-Identifier: Apache-2.0
"""acllite.cameracapture with the names of atlas_utils."""
import ctypes

from acllite.cameracapture import (  # noqa: F401  (the module's constants)
    CAMERA_CLOSED, CAMERA_ERROR, CAMERA_OK, CAMERA_OPENED, CameraCapture)
from atlas_utils.acl_image import AclImage


class CameraOutputC(ctypes.Structure):
    """What the library of a board fills in; for programs that call it themselves."""

    _fields_ = [("size", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_ubyte))]


class Camera(CameraCapture):
    _image = AclImage

    def __init__(self, camera_id, fps=20, size=(1280, 720)):
        super().__init__(camera_id, fps, size)
