"""The beginning of a connection to a VNC server, but for who may come in (RFC 6143, sections 7.1 and 7.3)."""

import re
import struct

from voxy.errors import SourceUnavailable
from voxy.sources.vnc import requests
from voxy.sources.vnc.answers import read_name
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import Flow, Read, Send


def agree_on_version() -> Flow[tuple[int, int]]:
    """The version that both speak: (3, 3), (3, 7) or (3, 8)."""
    greeting = yield Read(12)
    found = re.fullmatch(rb"RFB (\d{3})\.(\d{3})\n", greeting)
    if not found:
        raise SourceUnavailable("What listens there is no VNC server: check the address.")
    said = (int(found[1]), int(found[2]))
    if said < (3, 3):
        raise SourceUnavailable(f"The VNC server speaks version {said[0]}.{said[1]}, which nobody else does.")
    # Apple says 3.889, RealVNC 4.1 and 5.0: they speak 3.8 with whoever asks for it.
    version = max(known for known in ((3, 3), (3, 7), (3, 8)) if known <= said)
    yield Send(b"RFB %03d.%03d\n" % version)
    return version


def initialise(screen: Screen) -> Flow[str]:
    """Share the desktop; `screen` has its size then. Its name."""
    yield Send(b"\1")
    width, height = struct.unpack(">HH16x", (yield Read(20)))
    name = yield from read_name()
    screen.resize(width, height)
    yield Send(requests.set_pixel_format())
    return name
