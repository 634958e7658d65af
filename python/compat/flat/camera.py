# SPDX-License-Identifier: Apache-2.0
import sys

import atlas_utils.camera

sys.modules[__name__] = atlas_utils.camera
