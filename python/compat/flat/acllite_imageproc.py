# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.acllite_imageproc

sys.modules[__name__] = acllite.acllite_imageproc
