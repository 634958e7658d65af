# SPDX-License-Identifier: Apache-2.0
"""acllite.dvpp_vdec with the images of atlas_utils."""
import acllite.dvpp_vdec
from acllite.dvpp_vdec import READ_TIMEOUT, WAIT_INTERVAL  # noqa: F401
from atlas_utils.acl_image import AclImage


class DvppVdec(acllite.dvpp_vdec.DvppVdec):
    _image = AclImage
