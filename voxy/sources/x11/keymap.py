"""The X server's keymap, as XKB has it: which keysym a key gives with which modifiers, and spare keys to lend.

Sources: the X Keyboard Extension protocol 1.0, sections 12.2 (key types), 12.3 (groups) and 16.3.6 (GetMap).
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from Xlib import X
from Xlib.protocol import request

from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.requests import XKB_MAP_NOTIFY, XKB_NEW_KEYBOARD, XKB_STATE_NOTIFY
from voxy.sources.x11.unicode_keysyms import canonical, to_upper

LOCK = 2
_PARTS = 0b111
"""Key types, keysyms and modifiers."""

_ALL_OF_STATE, _MODIFIERS_AND_GROUP = 0x3FFF, 0xFF
"""Of the rest, buttons of the pointer are a part: each notch of a wheel would bring two events."""

_TWO_LEVELS_MASK = 1
_SPARE_REST_S = 0.3
"""Seconds until a spare key may mean something else: programs look up what a key means after they got its press, which
on a busy machine takes them more than a tenth of a second."""


class XkbMissing(Exception):
    """The server doesn't have XKB."""


@dataclass(frozen=True, slots=True)
class KeyType:
    """Which level of a key the modifiers in `mask` choose."""

    mask: int
    levels: dict[int, int]

    def level(self, mods: int) -> int:
        return self.levels.get(mods & self.mask, 0)


@dataclass(frozen=True, slots=True)
class KeyGroups:
    """What one key gives: for each of its groups a type and the keysyms of its levels."""

    types: tuple[KeyType, ...]
    keysyms: tuple[tuple[int, ...], ...]
    info: int = 0

    def group(self, group: int) -> int:
        """The group that applies where the keyboard is in `group`."""
        count = len(self.types)
        if group < count:
            return group
        match self.info & 0xC0:
            case 0x40:
                return count - 1
            case 0x80:
                redirect = self.info >> 4 & 3
                return redirect if redirect < count else 0
        return group % count

    def keysym(self, group: int, mods: int) -> int:
        """What it gives; 0 for nothing."""
        kind, keysyms = self.types[group], self.keysyms[group]
        level = kind.level(mods)
        keysym = keysyms[level] if level < len(keysyms) else 0
        # A type that doesn't know of CapsLock leaves it to the programs, and those take the capital.
        return to_upper(keysym) if mods & LOCK and not kind.mask & LOCK else keysym


class Place(NamedTuple):
    """Where a keysym is."""

    keycode: int
    group: int
    level: int


@dataclass(slots=True)
class Loan:
    """What a spare key was lent for, and when it was used last."""

    keysym: int
    used_at: float


_SPARE_TYPE = KeyType(_TWO_LEVELS_MASK, {1: 1})


class Keymap:
    """What the server's keys give. Read when it is needed, and again after it changed."""

    def __init__(self, connection: Connection) -> None:
        if not connection.has_extension(requests.XKB):
            raise XkbMissing
        self._connection = connection
        connection.ask(requests.XkbUseExtension, requests.XKB, major=1, minor=0)
        connection.name_event(requests.XKB, 0, requests.XkbEvent)
        connection.ask(
            requests.XkbSelectEvents,
            requests.XKB,
            device=requests.CORE_KEYBOARD,
            which=1 << XKB_NEW_KEYBOARD | 1 << XKB_MAP_NOTIFY | 1 << XKB_STATE_NOTIFY,
            clear=0,
            select_all=1 << XKB_NEW_KEYBOARD,
            affect_map=_PARTS,
            map=_PARTS,
            affect_state=_ALL_OF_STATE,
            state=_MODIFIERS_AND_GROUP,
        )
        self._is_stale = True
        self._free: list[int] = []
        self._lent: dict[int, Loan] = {}
        self._keys: dict[int, KeyGroups] = {}
        self._places: dict[int, list[Place]] = {}
        self.modifiers: dict[int, int] = {}

    def notice(self, event: requests.XkbEvent) -> None:
        """Take an event that tells of a change; one of our own making is known already."""
        is_own = event.kind == XKB_MAP_NOTIFY and event.keys == 1 and event.first_key in self._lent
        self._is_stale = self._is_stale or not is_own

    def refresh(self) -> None:
        """Read the keymap if it has changed since."""
        if self._is_stale:
            self._is_stale = False
            self._read()

    def places(self, keysym: int) -> list[Place]:
        return self._places.get(canonical(keysym), [])

    def key(self, keycode: int) -> KeyGroups:
        return self._keys[keycode]

    def keysym(self, keycode: int, group: int, mods: int) -> int:
        """What a key gives; 0 where there is none, or nothing on it."""
        key = self._keys.get(keycode)
        return key.keysym(key.group(group), mods) if key and key.types else 0

    def modifier_key(self, keysyms: tuple[int, ...]) -> tuple[int, int]:
        """A key with one of these keysyms that sets a modifier, and the bits that it sets; (0, 0) if there is none."""
        for keysym in keysyms:
            for place in self.places(keysym):
                if mask := self.modifiers.get(place.keycode, 0):
                    return place.keycode, mask
        return 0, 0

    def _read(self) -> None:
        reply = self._connection.ask(
            requests.XkbGetMap,
            requests.XKB,
            device=requests.CORE_KEYBOARD,
            full=_PARTS,
        )
        body = bytes(reply.body[:])
        types, offset = _parse_types(body, reply.types)
        keys, offset = _parse_keys(body, offset, reply.first_key, reply.keys, types)
        pairs = body[offset : offset + 2 * reply.total_modmaps]
        self.modifiers = dict(zip(pairs[::2], pairs[1::2], strict=True))
        self._lent = {
            keycode: loan
            for keycode, loan in self._lent.items()
            if keycode in keys and set(keys[keycode].keysyms[0]) == {loan.keysym}
        }
        self._free = [code for code in range(reply.min_keycode, reply.max_keycode + 1) if code not in keys]
        self._keys, self._places = keys, {}
        for keycode in keys:
            self._index(keycode)

    def _index(self, keycode: int) -> None:
        for group, keysyms in enumerate(self._keys[keycode].keysyms):
            for level, keysym in enumerate(keysyms):
                if keysym:
                    self._places.setdefault(canonical(keysym), []).append(Place(keycode, group, level))

    # Spare keys

    def lend_spare(self, keysym: int, now: float, held: set[int]) -> float:
        """Have a spare key give `keysym`; the seconds to wait where none has rested yet, else 0.

        None may be to be had at all: then `places` is empty afterwards.
        """
        if self._free:
            keycode = self._free.pop()
        else:
            resting = [(loan.used_at, keycode) for keycode, loan in self._lent.items() if keycode not in held]
            if not resting:
                return 0.0
            used_at, keycode = min(resting)
            if (wait_s := used_at + _SPARE_REST_S - now) > 0:
                return wait_s
            places = self._places[canonical(self._lent[keycode].keysym)]
            places[:] = [place for place in places if place.keycode != keycode]
        self._map(keycode, keysym)
        self._lent[keycode] = Loan(keysym, now)
        self._keys[keycode] = KeyGroups((_SPARE_TYPE,), ((keysym, keysym),))
        self._index(keycode)
        return 0.0

    def note_use(self, keycode: int, now: float) -> None:
        if keycode in self._lent:
            self._lent[keycode].used_at = now

    def return_spares(self) -> None:
        for keycode in self._lent:
            self._map(keycode, X.NoSymbol)
        self._lent.clear()
        self._is_stale = True

    def _map(self, keycode: int, keysym: int) -> None:
        # Twice the same, or Shift and CapsLock would make a capital of it.
        request.ChangeKeyboardMapping(
            display=self._connection, first_keycode=keycode, keysyms=[(keysym, keysym)], onerror=None
        )


def _parse_types(body: bytes, count: int) -> tuple[list[KeyType], int]:
    types, offset = [], 0
    for _ in range(count):
        mask, _, _, _, entries, has_preserve = struct.unpack_from("=BBHBBBx", body, offset)
        offset += 8
        levels = {}
        for _ in range(entries):
            is_active, mods, level = struct.unpack_from("=BBB", body, offset)
            offset += 8
            if is_active:
                levels[mods] = level
        offset += 4 * entries * has_preserve
        types.append(KeyType(mask, levels))
    return types, offset


def _parse_keys(
    body: bytes, offset: int, first: int, count: int, types: list[KeyType]
) -> tuple[dict[int, KeyGroups], int]:
    """The keys that give anything, by keycode."""
    keys = {}
    for keycode in range(first, first + count):
        *kinds, info, width, total = struct.unpack_from("=4BBBH", body, offset)
        keysyms = struct.unpack_from(f"={total}I", body, offset + 8)
        offset += 8 + 4 * total
        if any(keysyms):
            groups = total // width
            keys[keycode] = KeyGroups(
                tuple(types[kind] for kind in kinds[:groups]),
                tuple(keysyms[group * width : (group + 1) * width] for group in range(groups)),
                info,
            )
    return keys, offset
