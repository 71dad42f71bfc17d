"""Input on its way to a VNC server: keys by their place where it takes those, and a wheel that is buttons."""

from collections.abc import Iterator

from voxy.session.events import InputEvent, Key, Motion, Pointer, Wheel
from voxy.session.keycodes import KEYCODES
from voxy.sources.vnc import requests

_EXTENDED = 0x80
_XT = {
    # Up to 88, Linux counts keys as the XT keyboard does; these came later, after 0xE0.
    96: 0x1C, 97: 0x1D, 98: 0x35, 100: 0x38, 102: 0x47, 103: 0x48, 104: 0x49, 105: 0x4B, 106: 0x4D, 107: 0x4F,
    108: 0x50, 109: 0x51, 110: 0x52, 111: 0x53, 125: 0x5B, 126: 0x5C, 127: 0x5D,
}  # fmt: skip
_XT_PLAIN = {89: 0x73, 92: 0x79, 93: 0x70, 94: 0x7B, 121: 0x7E, 124: 0x7D}
_PRINT_SCREEN, _PAUSE = 99, 119

_SHIFT = 0xFFE1
_SHIFTED = set('~!@#$%^&*()_+{}|:"<>?') | set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_BUTTONS = {0: 0, 1: 1, 2: 2, 3: 7}
"""Bit of the wire's mask → bit of RFB's; 3 to 6 are the wheel."""
_UP, _DOWN, _LEFT, _RIGHT = 3, 4, 5, 6
_NOTCH = 120
_NOTCHES_MOST = 100
_MIDDLE = 0x7FFF
"""What a pointer that tells its way and not its place says when it rests."""


def scancode(code: str) -> int:
    """What QEMU calls the key at a place; 0 for one that it doesn't know."""
    key = KEYCODES.get(code, 0)
    if key == _PRINT_SCREEN:
        return 0x54
    if key == _PAUSE:
        return 0xC6
    if key in _XT:
        return _XT[key] | _EXTENDED
    return _XT_PLAIN.get(key, key if key <= 88 else 0)


class Hands:
    """What is held, and what a wheel has turned; makes the bytes of events."""

    def __init__(self) -> None:
        self.takes_places = False
        self.takes_motion = False
        self._x = self._y = self._buttons = 0
        self._turned = {"x": 0, "y": 0}
        self._held: dict[str, int] = {}

    def act(self, event: InputEvent) -> bytes:
        """What to send for an event; nothing for those that aren't the hands'."""
        match event:
            case Key():
                return b"".join(self._press(event))
            case Pointer(x, y, buttons):
                self._buttons = buttons
                return self._move(x, y)
            case Motion(dx, dy, buttons):
                return self._nudge(dx, dy, buttons)
            case Wheel(x, y, dx, dy):
                return self._move(x, y) + b"".join(
                    (*self._turn("x", dx, _LEFT, _RIGHT), *self._turn("y", dy, _UP, _DOWN))
                )
        return b""

    def succeed(self, former: "Hands") -> bytes:
        """Be where another pair of hands was; what has a server look up, though it changes nothing, and the buttons."""
        self._x, self._y, self._buttons = former._x, former._y, former._buttons
        return requests.key(_SHIFT, False) + (self._point() if self._buttons else b"")

    def _press(self, key: Key) -> Iterator[bytes]:
        name, place = key.code or f"keysym {key.keysym}", scancode(key.code) if self.takes_places else 0
        if not key.keysym and not place:
            return
        if key.is_down:
            self._held[name] = key.keysym
        else:
            self._held.pop(name, None)
        if place:
            yield requests.placed_key(key.keysym, place, key.is_down)
            return
        # Text has no keys; what has only these types it as a keyboard would.
        needs_shift = (
            not key.code and 0 < key.keysym < 127 and chr(key.keysym) in _SHIFTED and _SHIFT not in self._held.values()
        )
        if needs_shift and key.is_down:
            yield requests.key(_SHIFT, True)
        yield requests.key(key.keysym, key.is_down)
        if needs_shift and not key.is_down:
            yield requests.key(_SHIFT, False)

    def _nudge(self, dx: int, dy: int, buttons: int) -> bytes:
        self._buttons = buttons
        x, y = (max(0, min(0xFFFF, place)) for place in (self._x + dx, self._y + dy))
        return self._move(x, y, (dx, dy))

    def _move(self, x: int, y: int, way: tuple[int, int] | None = None) -> bytes:
        """Go to a place; where the server takes ways, by the way there, or by the one that the hand went."""
        dx, dy = way or (x - self._x, y - self._y)
        self._x, self._y = x, y
        return self._point(dx, dy)

    def _point(self, dx: int = 0, dy: int = 0, wheel: int = 0) -> bytes:
        x, y = self._x, self._y
        if self.takes_motion:
            x, y = (max(0, min(0xFFFF, _MIDDLE + way)) for way in (dx, dy))
        return requests.pointer(x, y, _mask(self._buttons) | wheel)

    def _turn(self, axis: str, by: int, back: int, forth: int) -> Iterator[bytes]:
        turned = self._turned[axis] + by if self._turned[axis] * by >= 0 else by
        notches = int(turned / _NOTCH)
        self._turned[axis] = turned - notches * _NOTCH
        wheel = 1 << (forth if notches > 0 else back)
        for _ in range(min(abs(notches), _NOTCHES_MOST)):
            yield self._point(wheel=wheel)
            yield self._point()


def _mask(buttons: int) -> int:
    return sum(1 << there for here, there in _BUTTONS.items() if buttons >> here & 1)
