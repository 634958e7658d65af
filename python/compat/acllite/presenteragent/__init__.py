# SPDX-License-Identifier: Apache-2.0
"""Sends pictures and boxes to a presenter server, which shows them in a browser. The server is a
program of its own (Ascend/samples: common/presenterserver)."""
from acllite.presenteragent import (  # noqa: F401  (programs reach the modules through the package)
    presenter_agent, presenter_channel, presenter_datatype, presenter_message, socket_client)
