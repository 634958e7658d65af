# SPDX-License-Identifier: Apache-2.0
from . import flags

print(flags())
