# SPDX-License-Identifier: Apache-2.0
"""libatlas: the native library of a board's cameras as ctypes.CDLL, or None; see
acllite.lib.acllite_so."""
from acllite.lib.acllite_so import load

libatlas = load("libatlasutil.so")
