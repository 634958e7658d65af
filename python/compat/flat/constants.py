# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.constants

sys.modules[__name__] = acllite.constants
