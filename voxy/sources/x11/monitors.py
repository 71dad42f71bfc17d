"""The monitors of an X screen, by RandR, and whether its size may be changed.

It may where all that shows the screen is one output that is virtual: one without an EDID and without a size in
millimetres, which real monitors have, by a name that X servers without hardware give it (Xvnc's VNC-0, Xvfb's screen,
DUMMY0 of Xorg's dummy driver, rdp0 of xorgxrdp). Everything else may stand on somebody's desk, and isn't touched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from Xlib.ext import randr
from Xlib.protocol import request

from voxy.blocks import Rect, Size
from voxy.sources.base import Monitor
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.selection import Atoms

_VIRTUAL = re.compile(r"(VNC-|DUMMY|rdp)\d+|screen|default")

_VERSION_WITH_CURRENT, _VERSION_WITH_MONITORS = (1, 3), (1, 5)


class Fixed(Exception):
    """The screen's size may not be changed; the text says to people why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The one output that shows a screen: RandR's numbers of it, of its CRTC, and of the modes that it has."""

    output: int
    crtc: int
    mode: int
    rotation: int
    modes: tuple[int, ...]
    config_timestamp: int


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode that the server knows."""

    number: int
    name: str
    size: Size


class RandR:
    """What RandR tells of one screen. All calls come from the source's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._atoms = Atoms(connection)
        self._version = (0, 0)
        if connection.has_extension(randr.extname):
            answer = connection.ask(randr.QueryVersion, randr.extname, major_version=1, minor_version=5)
            self._version = (answer.major_version, answer.minor_version)
            connection.name_event(randr.extname, 0, randr.ScreenChangeNotify)
            connection.ask(
                randr.SelectInput, randr.extname, window=connection.root, mask=randr.RRScreenChangeNotifyMask
            )

    def monitors(self) -> tuple[Monitor, ...]:
        """The monitors, the primary one first; without RandR 1.5 the screen is one."""
        if self._version < _VERSION_WITH_MONITORS:
            return ()
        answer = self._connection.ask(randr.GetMonitors, randr.extname, window=self._connection.root, is_active=True)
        found = [
            Monitor(
                str(request.GetAtomName(display=self._connection, atom=monitor.name).name),
                Rect(monitor.x, monitor.y, monitor.width_in_pixels, monitor.height_in_pixels),
                bool(monitor.primary),
            )
            for monitor in answer.monitors
        ]
        return tuple(sorted(found, key=lambda monitor: not monitor.is_primary))

    def head(self) -> Head:
        """The output that shows the screen; raises Fixed where the screen's size may not be changed."""
        if self._version < _VERSION_WITH_CURRENT:
            raise Fixed("The X server can't change its size: it has no RandR 1.3.")
        if len(self.monitors()) > 1:
            raise Fixed("The desktop has several monitors, so its size is left as it is.")
        resources = self._resources()
        stamp = resources.config_timestamp
        outputs = {number: self._output(number, stamp) for number in resources.outputs}
        connected = {number: info for number, info in outputs.items() if info.connection != randr.Disconnected}
        if len(connected) != 1:
            raise Fixed("The desktop has several monitors, or none, so its size is left as it is.")
        number, info = connected.popitem()
        if any(other.crtc for key, other in outputs.items() if key != number) or not info.crtc:
            raise Fixed("The desktop's monitor is off, so its size is left as it is.")
        if not self._is_virtual(number, info):
            raise Fixed("The desktop's monitor may be a real one, so its size is left as it is.")
        crtc = self._connection.ask(randr.GetCrtcInfo, randr.extname, crtc=info.crtc, config_timestamp=stamp)
        return Head(number, info.crtc, crtc.mode, crtc.rotation, tuple(info.modes), stamp)

    def modes(self) -> Iterator[Mode]:
        """All modes of the server."""
        resources, at = self._resources(), 0
        for mode in resources.modes:
            name = resources.names[at : at + mode.name_length]
            at += mode.name_length
            yield Mode(mode.id, name, Size(mode.width, mode.height))

    def most(self) -> Size:
        """The largest size that the screen can have."""
        answer = self._connection.ask(randr.GetScreenSizeRange, randr.extname, window=self._connection.root)
        return Size(answer.max_width, answer.max_height)

    def _resources(self) -> randr.GetScreenResourcesCurrent:
        return self._connection.ask(randr.GetScreenResourcesCurrent, randr.extname, window=self._connection.root)

    def _output(self, number: int, stamp: int) -> randr.GetOutputInfo:
        return self._connection.ask(randr.GetOutputInfo, randr.extname, output=number, config_timestamp=stamp)

    def _is_virtual(self, number: int, info: randr.GetOutputInfo) -> bool:
        properties = self._connection.ask(randr.ListOutputProperties, randr.extname, output=number).atoms
        has_edid = self._atoms["EDID"] in list(properties)
        return bool(_VIRTUAL.fullmatch(info.name)) and not (has_edid or info.mm_width or info.mm_height)
