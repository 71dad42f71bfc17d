"""Resizer: gives an X screen the size that it is to have, by RandR, and puts back the one that it had."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from Xlib import X, error
from Xlib.ext import randr
from Xlib.protocol import request

from voxy.blocks import Size
from voxy.blocks.geometry import MAX_SIDE
from voxy.session.events import Resize
from voxy.sources.base import MonitorsChanged, SizingChanged, SourceEvent
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.monitors import Fixed, Head, RandR
from voxy.sources.x11.resources import USUAL_DPI, Resources
from voxy.sources.x11.windows import Windows

logger = logging.getLogger(__name__)

_REST_S = 0.1
"""Seconds between two changes: each costs the server and all programs a new layout of their windows."""

_OURS = "VoXY "
"""How the names of our modes begin."""

_MM_PER_INCH = 25.4
_REFRESH_HZ = 60


@dataclass(frozen=True, slots=True)
class _Found:
    """The screen as it was before the first change."""

    mode: int
    rotation: int
    size: Size
    millimetres: Size


class _Refused(Exception):
    """The server doesn't do what it was asked to; the screen is as it was."""


class Resizer:
    """All calls come from the source's thread. The newest of the sizes wanted counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._randr = RandR(connection)
        self._resources = Resources(connection)
        self._windows = Windows(connection)
        self._wish: Resize | None = None
        self._rests_until = 0.0
        self._millimetres = Size(connection.screen.width_in_mms, connection.screen.height_in_mms)
        self._found: _Found | None = None
        self._set_mode = 0
        """The mode that was set last; where the screen has another, somebody else has chosen it."""
        self._told: dict[type, SourceEvent] = {}
        self._is_stale = True

    def want(self, resize: Resize) -> None:
        """Have `step` make the screen this large."""
        self._wish = resize

    def notice(self) -> None:
        """The server says that the screen's size or monitors have changed."""
        self._is_stale = True

    @property
    def due(self) -> float | None:
        """When `step` has to be called next."""
        return self._rests_until if self._wish else None

    def step(self, now: float) -> list[SourceEvent]:
        """Change the size if that is wanted and due; what has become known of size and monitors since the last time."""
        if self._wish and now >= self._rests_until:
            wish, self._wish = self._wish, None
            self._rests_until = now + _REST_S
            self._change(wish)
        if not self._is_stale:
            return []
        self._is_stale = False
        news: tuple[SourceEvent, ...] = MonitorsChanged(self._randr.monitors()), SizingChanged(self._reason())
        changed = [event for event in news if self._told.get(type(event)) != event]
        self._told.update((type(event), event) for event in changed)
        return changed

    def close(self) -> None:
        """Put back the size, unless somebody has chosen another since, and the resources that were found."""
        self._resources.restore()
        if not (found := self._found):
            return
        try:
            with self._grabbed_server():
                head = self._randr.head()
                if head.mode == self._set_mode:
                    self._set(head, found.mode, found.rotation, found.size, found.millimetres)
                self._drop_modes()
        except (Fixed, _Refused, error.XError) as reason:
            logger.debug("! size not put back: %s", reason)

    def _reason(self) -> str:
        """Why the size may not be changed; empty where it may."""
        try:
            self._randr.head()
        except Fixed as reason:
            return str(reason)
        except error.XError as failure:
            # Monitors may go while they are asked for.
            logger.debug("! monitors: %s", failure)
            return "The X server doesn't tell what its monitor is, so its size is left as it is."
        return ""

    def _change(self, wish: Resize) -> None:
        try:
            with self._grabbed_server():
                # What was known of the screen may be true no more: it is asked for anew, with the server held.
                head, most = self._randr.head(), self._randr.most()
                size = Size(min(wish.width, most.width, MAX_SIDE), min(wish.height, most.height, MAX_SIDE))
                self._resources.scale(wish.scale)
                if size != self._size():
                    self._resize(head, size, wish.scale)
                    self._drop_modes()
        except Fixed as reason:
            logger.info("= size %sx%s: %s", wish.width, wish.height, reason)
        except (_Refused, error.XError) as failure:
            logger.warning("The desktop can't become %sx%s: %s", wish.width, wish.height, failure)

    def _resize(self, head: Head, size: Size, scale: float) -> None:
        if self._found is None:
            self._found = _Found(head.mode, head.rotation, self._size(), self._millimetres)
        dots_per_mm = USUAL_DPI * scale / _MM_PER_INCH
        millimetres = Size(*(max(1, round(side / dots_per_mm)) for side in size))
        mode = self._mode_for(head, size)
        self._set(head, mode, randr.Rotate_0, size, millimetres)
        self._set_mode = mode

    def _set(self, head: Head, mode: int, rotation: int, size: Size, millimetres: Size) -> None:
        """Show that mode. The screen must hold the old and the new one: it grows before, and shrinks after."""
        before = self._size()
        both = Size(max(before.width, size.width), max(before.height, size.height))
        if both != before:
            self._set_screen(both, self._millimetres)
        if not self._set_crtc(head, mode, rotation):
            self._set_screen(before, self._millimetres)
            raise _Refused("The X server refuses this size.")
        self._set_screen(size, millimetres)
        self._millimetres = millimetres
        self._windows.keep_on(size, before)

    def _set_crtc(self, head: Head, mode: int, rotation: int) -> bool:
        """Have the output show the mode; whether it does."""
        wanted = {"mode": mode, "rotation": rotation, "outputs": [head.output], "x": 0, "y": 0}
        stamps = {"timestamp": X.CurrentTime, "config_timestamp": head.config_timestamp}
        try:
            answer = self._connection.ask(randr.SetCrtcConfig, randr.extname, crtc=head.crtc, **stamps, **wanted)
        except error.XError as failure:
            logger.debug("! mode %s: %s", mode, failure)
            return False
        return bool(answer.status == randr.SetConfigSuccess)

    def _set_screen(self, size: Size, millimetres: Size) -> None:
        self._connection.ask(
            randr.SetScreenSize,
            randr.extname,
            window=self._connection.root,
            width=size.width,
            height=size.height,
            width_in_millimeters=millimetres.width,
            height_in_millimeters=millimetres.height,
        )

    def _mode_for(self, head: Head, size: Size) -> int:
        """A mode of this size that the output has, made where there is none."""
        found = [mode.number for mode in self._randr.modes() if mode.size == size]
        if usable := [number for number in found if number in head.modes]:
            return usable[0]
        number = found[0] if found else self._make_mode(size)
        self._connection.ask(randr.AddOutputMode, randr.extname, output=head.output, mode=number)
        return number

    def _make_mode(self, size: Size) -> int:
        (width, height), name = size, f"{_OURS}{size}"
        # No monitor ever sees these timings.
        horizontal = {"width": width, "h_sync_start": width, "h_sync_end": width, "h_total": width, "h_skew": 0}
        vertical = {"height": height, "v_sync_start": height, "v_sync_end": height, "v_total": height}
        rest = {"id": 0, "dot_clock": width * height * _REFRESH_HZ, "name_length": len(name), "flags": 0}
        mode = {**horizontal, **vertical, **rest}
        answer = self._connection.ask(
            randr.CreateMode, randr.extname, window=self._connection.root, mode=mode, name=name
        )
        return int(answer.mode)

    def _drop_modes(self) -> None:
        """Delete our modes but for the one that is shown."""
        head = self._randr.head()
        for mode in self._randr.modes():
            if mode.name.startswith(_OURS) and mode.number != head.mode:
                if mode.number in head.modes:
                    ask = {"output": head.output, "mode": mode.number}
                    self._connection.ask(randr.DeleteOutputMode, randr.extname, **ask)
                self._connection.ask(randr.DestroyMode, randr.extname, mode=mode.number)

    def _size(self) -> Size:
        geometry = request.GetGeometry(display=self._connection, drawable=self._connection.root)
        return Size(geometry.width, geometry.height)

    @contextmanager
    def _grabbed_server(self) -> Iterator[None]:
        """Nobody sees the screen between two sizes."""
        request.GrabServer(display=self._connection)
        try:
            yield
        finally:
            request.UngrabServer(display=self._connection)
            self._connection.flush()
