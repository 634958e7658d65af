# SPDX-License-Identifier: Apache-2.0
"""acllite.acllite_imageproc with the names and images of atlas_utils, whose width and height are
those of rows and columns in memory."""
import acllite.acllite_utils as utils
import acllite.constants as const
from acllite.acllite_imageproc import AclLiteImageProc
from atlas_utils.acl_image import AclImage


class Dvpp(AclLiteImageProc):
    def __init__(self, acl_resource=None):
        super().__init__(acl_resource)

    @staticmethod
    def _strides(image):
        return utils.align_up16(image.width), utils.align_up2(image.height)

    def _result(self, data, width, height, stride_width, stride_height, size):
        return AclImage(data, stride_width, stride_height, size, const.MEMORY_DVPP)

    def _encoded(self, data, image, size):
        return AclImage(data, image.width, image.height, size, const.MEMORY_DVPP)
