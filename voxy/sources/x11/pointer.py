"""Moves the pointer, presses its buttons and turns its wheel on an X server by XTEST."""

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from voxy.blocks import Size
from voxy.session.events import Pointer, Wheel

_BUTTONS = {0: 1, 1: 2, 2: 3, 3: 8, 4: 9}
"""Bit of the mask → X button."""

_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
_NOTCH = 120


class PointerDevice:
    """All calls come from the source's thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._buttons = 0
        self._turned = {"x": 0, "y": 0}

    def move(self, event: Pointer, screen: Size) -> None:
        self._move(event.x, event.y, screen)
        changed = event.buttons ^ self._buttons
        for bit, button in _BUTTONS.items():
            if changed >> bit & 1:
                self._fake(X.ButtonPress if event.buttons >> bit & 1 else X.ButtonRelease, button)
        self._buttons = event.buttons

    def turn(self, event: Wheel, screen: Size) -> None:
        self._move(event.x, event.y, screen)
        self._turn("x", event.dx, _LEFT, _RIGHT)
        self._turn("y", event.dy, _UP, _DOWN)

    def release_all(self) -> None:
        for bit, button in _BUTTONS.items():
            if self._buttons >> bit & 1:
                self._fake(X.ButtonRelease, button)
        self._buttons = 0

    def _move(self, x: int, y: int, screen: Size) -> None:
        x, y = min(x, screen.width - 1), min(y, screen.height - 1)
        # A program may have warped the pointer meanwhile, so even the same place is told.
        xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)

    def _turn(self, axis: str, by: int, back: int, forth: int) -> None:
        turned = self._turned[axis]
        if turned * by < 0:
            turned = 0
        notches, self._turned[axis] = _split(turned + by)
        for _ in range(min(abs(notches), 100)):
            button = forth if notches > 0 else back
            self._fake(X.ButtonPress, button)
            self._fake(X.ButtonRelease, button)

    def _fake(self, kind: int, button: int) -> None:
        xtest.fake_input(self._display, kind, button)


def _split(turned: int) -> tuple[int, int]:
    """Whole notches, and what is left of the next; both with the sign of `turned`."""
    sign = -1 if turned < 0 else 1
    notches, rest = divmod(abs(turned), _NOTCH)
    return sign * notches, sign * rest
