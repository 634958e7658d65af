# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.videocapture

sys.modules[__name__] = acllite.videocapture
