# SPDX-License-Identifier: Apache-2.0
"""acllite.acllite_utils under the name of atlas_utils: one module object."""
import sys

import acllite.acllite_utils

sys.modules[__name__] = acllite.acllite_utils
