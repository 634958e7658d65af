# SPDX-License-Identifier: Apache-2.0
"""libacllite: the native library of a board's cameras as ctypes.CDLL, or None. It is closed and
made for the board, so it is loaded only where a program runs on the device itself; cameras here
need none (acllite.cameracapture)."""
import ctypes

import acl

import acllite.constants as const
from acllite.acllite_logger import log_error

_NAME = "libpython_acllite.so"


def load(name):
    """The library of that name where one is of use: None beside a device, and None after a logged
    error when it is not there."""
    if acl.rt.get_run_mode()[0] != const.ACL_DEVICE:
        return None
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        log_error("{} cannot be loaded: {}; it comes with the board's system".format(name, error))
        return None


libacllite = load(_NAME)
