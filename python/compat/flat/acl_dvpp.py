# SPDX-License-Identifier: Apache-2.0
import sys

import atlas_utils.acl_dvpp

sys.modules[__name__] = atlas_utils.acl_dvpp
