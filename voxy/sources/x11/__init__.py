"""X displays as sources of pixels."""

from voxy.sources.x11.source import X11Source

__all__ = ["X11Source"]
