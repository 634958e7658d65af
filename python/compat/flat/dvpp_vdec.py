# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.dvpp_vdec

sys.modules[__name__] = acllite.dvpp_vdec
