# SPDX-License-Identifier: Apache-2.0
"""AscendCL's life: started by init(), ended when the object goes."""
from acllite.acllite_resource import AclLiteResource


class AclResource(AclLiteResource):
    """Device, context and stream; run_mode is 0 on the device, 1 beside it."""
