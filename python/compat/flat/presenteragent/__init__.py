# SPDX-License-Identifier: Apache-2.0
"""acllite.presenteragent under its bare name: one set of module objects."""
import sys

import acllite.presenteragent

for _name, _module in list(sys.modules.items()):
    if _name.startswith("acllite.presenteragent"):
        sys.modules[__name__ + _name[len("acllite.presenteragent"):]] = _module
