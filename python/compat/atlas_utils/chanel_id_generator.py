# SPDX-License-Identifier: Apache-2.0
"""Numbers for channels, each once in a process."""
from acllite.videocapture import _ChannelIdGenerator, gen_unique_channel_id  # noqa: F401
