# SPDX-License-Identifier: Apache-2.0
"""Messages to the screen and to AscendCL's log."""
import os
import sys

import acl

_ACL_DEBUG, _ACL_INFO, _ACL_WARNING, _ACL_ERROR = range(4)


def _log(level, words, prefix="", show=True):
    text = " ".join(str(word) for word in words)
    if show:
        print(prefix + text)
    caller = sys._getframe(2)
    acl.app_log(level, "[{}:{} {}]{}".format(os.path.basename(caller.f_code.co_filename),
                                             caller.f_lineno, caller.f_code.co_name, text))


def log_error(*log_msg):
    _log(_ACL_ERROR, log_msg, "[ERROR] ")


def log_warning(*log_msg):
    _log(_ACL_WARNING, log_msg, "[WARNING] ")


def log_info(*log_msg):
    _log(_ACL_INFO, log_msg, "[INFO] ")


def log_debug(*log_msg):
    """To the log only."""
    _log(_ACL_DEBUG, log_msg, show=False)
