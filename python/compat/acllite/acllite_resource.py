# SPDX-License-Identifier: Apache-2.0
"""AscendCL's life: started by init(), ended when the object goes."""
import acl

from acllite.acllite_logger import log_error
from acllite.acllite_utils import check_ret
from acllite.resource_list import (  # noqa: F401  (programs take them from here)
    REGISTER, UNREGISTER, _ResourceList, resource_list)


class AclLiteResource:
    """Device, context and stream; run_mode is 0 on the device, 1 beside it."""

    def __init__(self, device_id=0):
        self.device_id = device_id
        self.context = None
        self.stream = None
        self.run_mode = None
        self._started = self._device_set = False

    def init(self):
        """Raises when AscendCL cannot be started."""
        check_ret("acl.init", acl.init())
        self._started = True
        check_ret("acl.rt.set_device", acl.rt.set_device(self.device_id))
        self._device_set = True
        self.context, ret = acl.rt.create_context(self.device_id)
        check_ret("acl.rt.create_context", ret)
        self.stream, ret = acl.rt.create_stream()
        check_ret("acl.rt.create_stream", ret)
        self.run_mode, ret = acl.rt.get_run_mode()
        check_ret("acl.rt.get_run_mode", ret)

    def __del__(self):
        """Gives back what is registered, then stream, context, device and AscendCL itself."""
        if not self._started:
            return
        self._started = False
        resource_list.destroy()
        if self.stream:
            self._check("acl.rt.destroy_stream", acl.rt.destroy_stream(self.stream))
        if self.context:
            self._check("acl.rt.destroy_context", acl.rt.destroy_context(self.context))
        if self._device_set:
            self._check("acl.rt.reset_device", acl.rt.reset_device(self.device_id))
        self._check("acl.finalize", acl.finalize())

    @staticmethod
    def _check(call, ret):
        if ret != 0:
            log_error("{} failed with {} while closing".format(call, ret))
