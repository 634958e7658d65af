# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.acllite_image

sys.modules[__name__] = acllite.acllite_image
