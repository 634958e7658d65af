# SPDX-License-Identifier: Apache-2.0
import sys

import acllite.resource_list

sys.modules[__name__] = acllite.resource_list
