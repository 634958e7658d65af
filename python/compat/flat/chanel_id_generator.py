# SPDX-License-Identifier: Apache-2.0
import sys

import atlas_utils.chanel_id_generator

sys.modules[__name__] = atlas_utils.chanel_id_generator
