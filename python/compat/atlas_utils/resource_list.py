# SPDX-License-Identifier: Apache-2.0
"""acllite.resource_list under the name of atlas_utils: one module object."""
import sys

import acllite.resource_list

sys.modules[__name__] = acllite.resource_list
