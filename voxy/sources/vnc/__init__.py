"""VNC servers as sources of pixels."""

from voxy.sources.vnc.line import Address
from voxy.sources.vnc.moving import MovingSource
from voxy.sources.vnc.security import Credentials
from voxy.sources.vnc.source import VncSource

__all__ = ["Address", "Credentials", "MovingSource", "VncSource"]
