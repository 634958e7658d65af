# SPDX-License-Identifier: Apache-2.0
import sys

import atlas_utils.acl_image

sys.modules[__name__] = atlas_utils.acl_image
