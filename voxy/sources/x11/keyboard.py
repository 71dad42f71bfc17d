"""Types keysyms on an X server by XTEST, whatever its layout and whatever modifiers are down."""

import time

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from voxy.session.events import Key
from voxy.sources.x11.keymap import ISO_LEVEL3, NUM_LOCK, SHIFTS, Keymap, Modifier, Place

_REFUSED = {0xFED5, *range(0x1008FE01, 0x1008FE0D), 0x1008FE20, 0x1008FE21, 0x1008FE22, 0x1008FE23}
"""Terminate_Server, switches of virtual terminals, and keysyms that regrab or ungrab: they end the desktop for all."""

_SHORTCUT = Modifier.CONTROL | Modifier.MOD1 | Modifier.MOD4
_SPARE_REST_S = 0.1
"""Seconds until a spare key may mean something else: programs read the keymap after they got the key."""


class Keyboard:
    """Presses and releases keys. All calls come from the source's thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self.keymap = Keymap(display)
        self._down: dict[str, int] = {}

    def type(self, key: Key) -> float:
        """Press or release; the seconds after which to try again where no spare key is to be had yet, else 0."""
        place = key.code or f"keysym {key.keysym}"
        if not key.is_down:
            keycode = self._down.pop(place, 0)
            if keycode and keycode not in self._down.values():
                self._fake(X.KeyRelease, keycode)
            return 0.0
        # A key that is held repeats by itself, in the server.
        if place in self._down or key.keysym in _REFUSED:
            return 0.0
        return self._press(place, key.keysym)

    def release_all(self) -> None:
        for keycode in reversed(list(self._down.values())):
            self._fake(X.KeyRelease, keycode)
        self._down.clear()

    def _press(self, place: str, keysym: int) -> float:
        if Keymap.is_modifier(keysym):
            if found := self.keymap.places(keysym):
                self._hold(place, found[0].keycode)
            return 0.0
        state = self._state()
        if choice := self._choose(keysym, state):
            self._press_with(place, choice, state)
            return 0.0
        keycode, wait_s = self.keymap.lend_spare(keysym, time.monotonic(), _SPARE_REST_S, set(self._down.values()))
        if keycode:
            self._hold(place, keycode)
        return wait_s

    def _choose(self, keysym: int, state: int) -> Place | None:
        """The place of `keysym` in the current group that needs the fewest changes of modifiers."""
        group = state >> 13 & 3
        level3 = self.keymap.mask_of(ISO_LEVEL3)
        possible = [
            place for place in self.keymap.places(keysym) if place.group == group and (level3 or place.level < 2)
        ]
        return min(possible, key=lambda place: (self._changes(place, state).bit_count(), place.level), default=None)

    def _changes(self, place: Place, state: int) -> int:
        """Bits of Shift and AltGr that have to be turned for `place` to give its keysym."""
        level3 = self.keymap.mask_of(ISO_LEVEL3)
        wanted = (Modifier.SHIFT if place.level & 1 else 0) | (level3 if place.level & 2 else 0)
        has = state & (Modifier.SHIFT | level3)
        is_capital = place.is_alphabetic and bool(state & Modifier.LOCK)
        turned = is_capital or (place.is_keypad and bool(state & self.keymap.mask_of(NUM_LOCK)))
        return (wanted ^ has) ^ (Modifier.SHIFT if turned and place.level < 2 else 0)

    def _press_with(self, place: str, choice: Place, state: int) -> None:
        changes = self._changes(choice, state)
        if state & _SHORTCUT and not choice.level & 2:
            # Ctrl+A is Ctrl and the key A, whatever CapsLock says; another Shift would make it another shortcut.
            changes = 0
        lifted, added = [], []
        for mask, keysyms in ((Modifier.SHIFT, SHIFTS), (self.keymap.mask_of(ISO_LEVEL3), (ISO_LEVEL3,))):
            keycodes = [p.keycode for keysym in keysyms for p in self.keymap.places(keysym)]
            if changes & mask and state & mask:
                lifted += [keycode for keycode in keycodes if self._is_pressed(keycode)]
            elif changes & mask:
                added += keycodes[:1]
        for keycode in lifted:
            self._fake(X.KeyRelease, keycode)
        for keycode in added:
            self._fake(X.KeyPress, keycode)
        self._hold(place, choice.keycode)
        for keycode in added:
            self._fake(X.KeyRelease, keycode)
        for keycode in lifted:
            self._fake(X.KeyPress, keycode)

    def _hold(self, place: str, keycode: int) -> None:
        if keycode in self._down.values():
            # The same key with another modifier while it is still down (rolling from “=” to “+”): press it anew.
            self._fake(X.KeyRelease, keycode)
        self._down[place] = keycode
        self._fake(X.KeyPress, keycode)

    def _state(self) -> int:
        """Modifiers that are down or locked, and the group in bits 13 and 14."""
        return int(self._display.screen().root.query_pointer().mask)

    def _is_pressed(self, keycode: int) -> bool:
        return bool(self._display.query_keymap()[keycode // 8] >> keycode % 8 & 1)

    def _fake(self, kind: int, keycode: int) -> None:
        xtest.fake_input(self._display, kind, keycode)
