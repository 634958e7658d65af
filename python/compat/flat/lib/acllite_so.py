# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.lib.acllite_so

sys.modules[__name__] = acllite.lib.acllite_so
