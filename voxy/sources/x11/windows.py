"""Windows: keeps what programs show on a screen that becomes smaller, and moves it back when it grows.

Openbox leaves windows where they are, so that they end up beyond the screen's edge. Other window managers move them by
themselves, or have their reasons not to, and aren't interfered with.
"""

from typing import NamedTuple

from Xlib import X, error
from Xlib.protocol import event, request

from voxy.blocks import Rect, Size
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.selection import Atoms

_MANAGER = b"Openbox"

_KEPT_BY_THE_MANAGER = (
    *("_NET_WM_WINDOW_TYPE_DOCK", "_NET_WM_WINDOW_TYPE_DESKTOP"),
    *("_NET_WM_STATE_FULLSCREEN", "_NET_WM_STATE_MAXIMIZED_VERT", "_NET_WM_STATE_MAXIMIZED_HORZ"),
)

_STEP = 64
"""Pixels: programs such as terminals take sizes in steps of their own, so they may be so much smaller than asked."""

_MOVE_AND_RESIZE = 1 | 0b1111 << 8 | 2 << 12
"""Of EWMH's _NET_MOVERESIZE_WINDOW: (x, y) is the frame's corner, all four numbers are given, a pager asks."""


class _Home(NamedTuple):
    """Of a window that was moved, with its frame."""

    frame: Rect
    """Where it was."""
    screen: Size
    """Of what size the screen was then."""
    asked: Rect
    """Where it was asked to go."""


class Windows:
    """All calls come from the source's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._atoms = Atoms(connection)
        self._homes: dict[int, _Home] = {}
        """Of each window that was moved."""

    def keep_on(self, screen: Size, former: Size) -> None:
        """Ask the window manager to have all windows on a screen of this size, which was of the `former` one."""
        try:
            if self._manager() != _MANAGER:
                return
        except error.XError:
            return
        homes, self._homes = self._homes, {}
        for window in self._property(self._connection.root, "_NET_CLIENT_LIST"):
            try:
                self._keep(window, screen, former, homes.get(window))
            except error.XError:
                # It has just been closed.
                continue

    def _keep(self, window: int, screen: Size, former: Size, home: _Home | None) -> None:
        states = self._property(window, "_NET_WM_WINDOW_TYPE") + self._property(window, "_NET_WM_STATE")
        if any(self._atoms[name] in states for name in _KEPT_BY_THE_MANAGER):
            return
        left, right, top, bottom = (*self._property(window, "_NET_FRAME_EXTENTS"), 0, 0, 0, 0)[:4]
        frame = self._frame(window, left, right, top, bottom)
        if not home or not is_where_asked(frame, home.asked):
            home = _Home(frame, former, frame)
        asked = fitted(home.frame, home.screen, screen)
        if asked != home.frame:
            self._homes[window] = home._replace(asked=asked)
        if not is_where_asked(frame, asked):
            self._move(window, asked, asked.width - left - right, asked.height - top - bottom)

    def _frame(self, window: int, left: int, right: int, top: int, bottom: int) -> Rect:
        size = request.GetGeometry(display=self._connection, drawable=window)
        place = request.TranslateCoords(
            display=self._connection, src_wid=window, dst_wid=self._connection.root, src_x=0, src_y=0
        )
        return Rect(place.x - left, place.y - top, size.width + left + right, size.height + top + bottom)

    def _move(self, window: int, frame: Rect, width: int, height: int) -> None:
        message = event.ClientMessage(
            window=window,
            client_type=self._atoms["_NET_MOVERESIZE_WINDOW"],
            data=(32, [_MOVE_AND_RESIZE, frame.x & 0xFFFFFFFF, frame.y & 0xFFFFFFFF, max(1, width), max(1, height)]),
        )
        request.SendEvent(
            display=self._connection,
            propagate=False,
            destination=self._connection.root,
            event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask,
            event=message,
        )

    def _manager(self) -> bytes:
        """The name of the window manager that runs; empty without one."""
        for window in self._property(self._connection.root, "_NET_SUPPORTING_WM_CHECK"):
            return self._read(window, "_NET_WM_NAME")
        return b""

    def _property(self, window: int, name: str) -> list[int]:
        """The numbers in a property; none where it isn't there."""
        data = self._read(window, name)
        return list(memoryview(data).cast("I")) if len(data) % 4 == 0 else []

    def _read(self, window: int, name: str) -> bytes:
        answer = request.GetProperty(
            display=self._connection,
            delete=False,
            window=window,
            property=self._atoms[name],
            type=X.AnyPropertyType,
            long_offset=0,
            long_length=1 << 16,
        )
        _, data = answer.value or (0, b"")
        return bytes(data)


def fitted(frame: Rect, former: Size, screen: Size) -> Rect:
    """Where a window of a `former` screen goes to be seen whole on this one: it stays where it is if it can, is smaller
    only if it must be, and has otherwise the same share of what is free on either side, as in the middle or at an edge.
    """
    width, height = min(frame.width, screen.width), min(frame.height, screen.height)
    x = _placed(frame.x, former.width - frame.width, screen.width - width)
    y = _placed(frame.y, former.height - frame.height, screen.height - height)
    return Rect(x, y, width, height)


def _placed(at: int, was_free: int, is_free: int) -> int:
    """Where a window is of which so many pixels of the screen were, and are, beside it."""
    if at <= is_free:
        return at
    return round(is_free * at / was_free) if at < was_free else is_free


def is_where_asked(frame: Rect, asked: Rect) -> bool:
    """Whether a window is where it was asked to go, and as large but for the steps in which it grows."""
    missing = asked.width - frame.width, asked.height - frame.height
    return (frame.x, frame.y) == (asked.x, asked.y) and all(0 <= side < _STEP for side in missing)
