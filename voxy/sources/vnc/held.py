"""HeldKeys: which keys are down, and what becomes of them where a machine goes on with another VNC server."""

from collections.abc import Iterator
from dataclasses import replace

from voxy.session.events import InputEvent, Key

_MODIFIERS = frozenset(f"{name}{side}" for name in ("Shift", "Control", "Alt", "Meta") for side in ("Left", "Right"))
_MODIFIER_KEYSYMS = frozenset({*range(0xFFE1, 0xFFE5), *range(0xFFE7, 0xFFEF), 0xFE03})
"""X's Shift, Control, Meta, Alt, Super and Hyper, left and right, and AltGr."""


class HeldKeys:
    """QEMU passes over the release of a key that it hasn't seen pressed, and a machine that moved has it down for ever.

    So a modifier is pressed once more there, which types nothing. Any other key would be typed twice: it is let go
    before the machine moves, and pressed again only if it is one that repeats.
    """

    def __init__(self) -> None:
        self._held: dict[str, Key] = {}
        self._repeating: set[str] = set()
        self._lifted: set[str] = set()

    def note(self, event: InputEvent) -> None:
        """A key has gone down or up on the server that is shown."""
        if not isinstance(event, Key):
            return
        name = _name(event)
        if event.is_down:
            self._repeating |= {name} & self._held.keys()
            self._held[name] = event
        else:
            self._held.pop(name, None)
            self._repeating.discard(name)

    def lift(self) -> Iterator[Key]:
        """Let go of what would be typed twice."""
        for name, key in self._held.items():
            if not _is_modifier(key):
                self._lifted.add(name)
                yield replace(key, is_down=False)

    def press_again(self, is_elsewhere: bool) -> Iterator[Key]:
        """What is to be down, on the server where it was, or elsewhere."""
        for name in self._lifted - self._repeating:
            self._held.pop(name, None)
        for name, key in self._held.items():
            if name in self._lifted or (is_elsewhere and _is_modifier(key)):
                yield key
        self._lifted.clear()


def _name(key: Key) -> str:
    return key.code or f"keysym {key.keysym}"


def _is_modifier(key: Key) -> bool:
    return key.code in _MODIFIERS or (not key.code and key.keysym in _MODIFIER_KEYSYMS)
