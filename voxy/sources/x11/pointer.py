"""Moves the pointer, presses its buttons and turns its wheel on an X server by XTEST."""

from Xlib import X
from Xlib.ext import xtest

from voxy.blocks import Size
from voxy.session.events import Motion, Pointer, Wheel
from voxy.sources.x11.connection import Connection

_BUTTONS = {0: 1, 1: 2, 2: 3, 3: 8, 4: 9}
"""Bit of the mask → X button."""

_RELATIVE = 1
"""Detail of a motion that says how far, not where (the XTEST protocol)."""

_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
_NOTCH = 120
_NOTCHES_MOST = 100
"""Notches of one event; a program would be busy for long with what a broken viewer may ask for."""


class PointerDevice:
    """All calls come from the source's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buttons = 0
        self._is_relative = False
        self._turned = {"x": 0, "y": 0}

    def move(self, event: Pointer, screen: Size) -> None:
        self._is_relative = False
        self._move(event.x, event.y, screen)
        self._press(event.buttons)

    def nudge(self, event: Motion) -> None:
        self._is_relative = True
        if event.dx or event.dy:
            self._fake(X.MotionNotify, _RELATIVE, _bounded(event.dx), _bounded(event.dy))
        self._press(event.buttons)

    def turn(self, event: Wheel, screen: Size) -> None:
        # Who moves it by steps doesn't know where it is.
        if not self._is_relative:
            self._move(event.x, event.y, screen)
        self._turn("x", event.dx, _LEFT, _RIGHT)
        self._turn("y", event.dy, _UP, _DOWN)

    def release_all(self) -> None:
        self._press(0)

    def _press(self, buttons: int) -> None:
        changed = buttons ^ self._buttons
        for bit, button in _BUTTONS.items():
            if changed >> bit & 1:
                self._fake(X.ButtonPress if buttons >> bit & 1 else X.ButtonRelease, button)
        self._buttons = buttons

    def _move(self, x: int, y: int, screen: Size) -> None:
        x, y = max(0, min(x, screen.width - 1)), max(0, min(y, screen.height - 1))
        # A program may have warped the pointer meanwhile, so even the same place is told.
        self._fake(X.MotionNotify, 0, x, y)

    def _turn(self, axis: str, by: int, back: int, forth: int) -> None:
        turned = self._turned[axis]
        if turned * by < 0:
            turned = 0
        notches, self._turned[axis] = _split(turned + by)
        for _ in range(min(abs(notches), _NOTCHES_MOST)):
            button = forth if notches > 0 else back
            self._fake(X.ButtonPress, button)
            self._fake(X.ButtonRelease, button)

    def _fake(self, kind: int, button: int, x: int = 0, y: int = 0) -> None:
        fake_input(self._connection, kind, button, x, y)


def fake_input(connection: Connection, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
    """Have the server act as if a key or button (`detail`) had been pressed or released, or the pointer moved."""
    connection.ask(
        xtest.FakeInput, xtest.extname, event_type=kind, detail=detail, time=X.CurrentTime, root=X.NONE, x=x, y=y
    )


def _bounded(way: int) -> int:
    """As far as a request can say."""
    return max(-32768, min(32767, way))


def _split(turned: int) -> tuple[int, int]:
    """Whole notches, and what is left of the next; both with the sign of `turned`."""
    sign = -1 if turned < 0 else 1
    notches, rest = divmod(abs(turned), _NOTCH)
    return sign * notches, sign * rest
