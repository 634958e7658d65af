# SPDX-License-Identifier: Apache-2.0
"""Boxes, states, and the message that ends an agent."""

STATUS_DISCONNECT = 0
STATUS_CONNECTED = 1
STATUS_OPEN_CH_REQUEST = 2
STATUS_OPENED = 3
STATUS_EXITING = 4
STATUS_EXITTED = 5

CONTENT_TYPE_IMAGE = 0
CONTENT_TYPE_VIDEO = 1

STATUS_OK = 0
STATUS_ERROR = 1


class Point:
    """In pixels, from the top left."""

    def __init__(self, x=0, y=0):
        self.x = x
        self.y = y


class Box:
    def __init__(self, lt, rb):
        self.lt = lt if isinstance(lt, Point) else Point(lt)
        self.rb = rb if isinstance(rb, Point) else Point(rb)

    def box_valid(self):
        """Whether no corner is negative and the second is not before the first."""
        return 0 <= self.lt.x <= self.rb.x and 0 <= self.lt.y <= self.rb.y


class ObjectDetectionResult:
    """A box with its label; programs fill the fields in afterwards."""

    def __init__(self, ltx=0, lty=0, rbx=0, rby=0, text=None):
        self.object_class = 0
        self.confidence = 0
        self.box = Box(Point(ltx, lty), Point(rbx, rby))
        self.result_text = text

    def check_box_vaild(self, width, height):
        """Whether the box lies inside a picture of that size."""
        return self.box.box_valid() and self.box.rb.x <= width and self.box.rb.y <= height


class FinishMsg:
    """Queued by PresenterChannel.close(): what is before it is sent, then the agent ends."""

    def __init__(self, data):
        self.data = data
