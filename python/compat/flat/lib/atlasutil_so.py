# SPDX-License-Identifier: Apache-2.0
import sys

import atlas_utils.lib.atlasutil_so

sys.modules[__name__] = atlas_utils.lib.atlasutil_so
