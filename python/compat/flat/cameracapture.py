# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.cameracapture

sys.modules[__name__] = acllite.cameracapture
