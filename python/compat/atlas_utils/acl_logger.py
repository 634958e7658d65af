# SPDX-License-Identifier: Apache-2.0
"""acllite.acllite_logger under the name of atlas_utils: one module object."""
import sys

import acllite.acllite_logger

sys.modules[__name__] = acllite.acllite_logger
