# SPDX-License-Identifier: Apache-2.0
"""A picture in any kind of memory: the bytes of a file, an array, or an address."""
import acllite.constants as const
from acllite.acllite_image import AclLiteImage


class AclImage(AclLiteImage):
    def __init__(self, image, width=0, height=0, size=0, memory_type=const.MEMORY_NORMAL):
        super().__init__(image, width, height, size=size, memory_type=memory_type)

    def nparray(self):
        """The bytes as a new array in local memory."""
        return self.byte_data_to_np_array()

    def _copied(self, data, memory_type):
        if data is None:
            return None
        return AclImage(data, self.width, self.height, self.size, memory_type)
