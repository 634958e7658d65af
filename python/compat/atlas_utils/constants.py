# SPDX-License-Identifier: Apache-2.0
"""acllite.constants under the name of atlas_utils: one module object."""
import sys

import acllite.constants

sys.modules[__name__] = acllite.constants
