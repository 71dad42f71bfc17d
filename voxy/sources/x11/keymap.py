"""The X server's keymap: which keys give which keysyms with which modifiers, and spare keys for what it lacks."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import IntFlag

from Xlib.display import Display

from voxy.sources.x11.unicode_keysyms import canonical

ISO_LEVEL3, MODE_SWITCH, NUM_LOCK = 0xFE03, 0xFF7E, 0xFF7F
SHIFTS = (0xFFE1, 0xFFE2)
_FIRST_MODIFIER, _LAST_MODIFIER = 0xFFE1, 0xFFEE

_COLUMNS = {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 2), 5: (0, 3), 6: (1, 2), 7: (1, 3)}
"""Column of the core keymap → (group, level), as XKB servers lay it out; level bit 0 is Shift, bit 1 is AltGr."""


class Modifier(IntFlag):
    """Bits of the core modifier state."""

    SHIFT = 1
    LOCK = 2
    CONTROL = 4
    MOD1 = 8
    MOD2 = 16
    MOD3 = 32
    MOD4 = 64
    MOD5 = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where a keysym is: on which key, in which group, on which level; and whether CapsLock turns that level."""

    keycode: int
    group: int
    level: int
    is_alphabetic: bool
    is_keypad: bool


class Keymap:
    """What the server's keys give. Read again after a MappingNotify that isn't of our own making."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._spares: OrderedDict[int, float] = OrderedDict()
        self._own_changes = 0
        self.read()

    def read(self) -> None:
        """Read the whole keymap and the modifiers."""
        info = self._display.display.info
        first = info.min_keycode
        rows = self._display.get_keyboard_mapping(first, info.max_keycode - first + 1)
        self._places: dict[int, list[Place]] = {}
        free = []
        for keycode, row in enumerate(rows, first):
            keysyms = list(row)
            if any(keysyms):
                self._add(keycode, keysyms)
            else:
                free.append(keycode)
        # Keys lent out stay lent: what they give now was found in the keymap as if it were the layout's own.
        self._spares = OrderedDict(
            (keycode, 0.0) for keycode in [*self._spares, *free] if keycode not in self._used_codes()
        )
        self.modifier_of = self._read_modifiers()

    def _used_codes(self) -> set[int]:
        return {place.keycode for places in self._places.values() for place in places} - set(self._spares)

    def _add(self, keycode: int, keysyms: list[int]) -> None:
        lower, upper = (canonical(k) for k in (*keysyms, 0, 0)[:2])
        is_alphabetic = upper == _upper(lower) != lower
        is_keypad = any(0xFF80 <= keysym <= 0xFFBD for keysym in keysyms[:2])
        for column, keysym in enumerate(keysyms[:8]):
            if not keysym:
                continue
            group, level = _COLUMNS[column]
            place = Place(keycode, group, level, is_alphabetic, is_keypad)
            places = self._places.setdefault(canonical(keysym), [])
            if not any((p.keycode, p.group, p.level) == (keycode, group, level) for p in places):
                places.append(place)

    def _read_modifiers(self) -> dict[int, int]:
        """keycode → modifier bits"""
        found: dict[int, int] = {}
        for index, keycodes in enumerate(self._display.get_modifier_mapping()):
            for keycode in keycodes:
                if keycode:
                    found[keycode] = found.get(keycode, 0) | 1 << index
        return found

    def places(self, keysym: int) -> list[Place]:
        return self._places.get(canonical(keysym), [])

    def mask_of(self, keysym: int) -> int:
        """The modifier bits that a key with this keysym sets; 0 if none does."""
        mask = 0
        for place in self.places(keysym):
            mask |= self.modifier_of.get(place.keycode, 0)
        return mask

    @staticmethod
    def is_modifier(keysym: int) -> bool:
        return _FIRST_MODIFIER <= keysym <= _LAST_MODIFIER or keysym in (ISO_LEVEL3, MODE_SWITCH, NUM_LOCK)

    # Spare keys

    def lend_spare(self, keysym: int, now: float, rest_s: float, held: set[int]) -> tuple[int, float]:
        """A spare keycode that gives `keysym`, and 0; or (0, seconds to wait) until one has rested `rest_s`.

        A key that is given another keysym too soon would change what programs read of its last press.
        """
        for place in self.places(keysym):
            if place.keycode in self._spares:
                self._spares.move_to_end(place.keycode)
                self._spares[place.keycode] = now
                return place.keycode, 0.0
        free = [(used_at, keycode) for keycode, used_at in self._spares.items() if keycode not in held]
        if not free:
            return 0, 0.0
        used_at, keycode = min(free)
        if used_at and now - used_at < rest_s:
            return 0, rest_s - (now - used_at)
        self._give(keycode, keysym)
        self._spares.move_to_end(keycode)
        self._spares[keycode] = now
        return keycode, 0.0

    def return_spares(self) -> None:
        """Leave the keymap as it was found."""
        for keycode, used_at in self._spares.items():
            if used_at:
                self._display.change_keyboard_mapping(keycode, [(0,)])

    def _give(self, keycode: int, keysym: int) -> None:
        for places in self._places.values():
            places[:] = [place for place in places if place.keycode != keycode]
        # On all of the first two levels, so that neither Shift nor CapsLock matters.
        self._display.change_keyboard_mapping(keycode, [(keysym, keysym)])
        self._own_changes += 1
        self._display.sync()
        for level in (0, 1):
            self._places.setdefault(canonical(keysym), []).append(Place(keycode, 0, level, False, False))

    def notice(self, first_keycode: int, count: int) -> None:
        """Take a MappingNotify: our own changes are known already."""
        if self._own_changes and count == 1 and first_keycode in self._spares:
            self._own_changes -= 1
        else:
            self.read()


def _upper(keysym: int) -> int:
    if not 0x01000000 <= keysym <= 0x0110FFFF:
        return keysym
    upper = chr(keysym - 0x01000000).upper()
    return 0x01000000 + ord(upper) if len(upper) == 1 else keysym
