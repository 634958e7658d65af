# SPDX-License-Identifier: Apache-2.0
"""What must be given back before the device is: objects with destroy(), in order of creation."""

REGISTER, UNREGISTER = 0, 1


class _ResourceList:
    """One for the process."""

    _instance = None

    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.resources = []
        return cls._instance

    def __init__(self):
        pass

    def register(self, resource):
        self.resources.append({"resource": resource, "status": REGISTER})

    def unregister(self, resource):
        """The entry stays while destroy() walks the list; it is skipped from now on."""
        for item in self.resources:
            if item["resource"] is resource:
                item["status"], item["resource"] = UNREGISTER, None

    def destroy(self):
        for item in list(self.resources):
            if item["status"] == REGISTER:
                resource = item["resource"]
                item["status"], item["resource"] = UNREGISTER, None
                resource.destroy()
        self.resources.clear()


resource_list = _ResourceList()
