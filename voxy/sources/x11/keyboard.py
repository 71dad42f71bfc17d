"""Types keysyms on an X server by XTEST, whatever its layout and whatever modifiers are down or locked."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from Xlib import X

from voxy.session.events import Key
from voxy.session.keycodes import KEYCODES
from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.keymap import LOCK, Keymap, Place
from voxy.sources.x11.pointer import fake_input
from voxy.sources.x11.unicode_keysyms import canonical, is_character, to_lower

_CONTROL, _ALT, _SUPER = 4, 8, 64
_SHORTCUT = _CONTROL | _ALT | _SUPER
_SWITCHES = ((0xFFE1, 0xFFE2), (0xFE03,), (0xFE11,))
"""Keysyms of the keys that choose a level: Shift on either side, AltGr, and Level 5."""

_MODIFIERS = {*range(0xFFE1, 0xFFEF), *range(0xFE01, 0xFE14), 0xFF7E, 0xFF7F, 0xFF14}
"""Keys that are never typed by way of others: they are pressed, where there are such keys."""

_LEFT_TWIN = {0xFFE2: 0xFFE1, 0xFFE4: 0xFFE3, 0xFFE8: 0xFFE7, 0xFFEA: 0xFFE9, 0xFFEC: 0xFFEB, 0xFFEE: 0xFFED}

_BACKSPACE = 0xFF08
_FIRST_KEYCODE = 8
_NUM_LOCK = 0xFF7F
_KEYPAD = range(0xFF80, 0xFFBE)
_REFUSED = {0xFED5, *range(0x1008FE01, 0x1008FF00)}
"""Terminate_Server, and the XFree86 keysyms that switch terminals or modes or end grabs: they hit everybody."""

_HELD_MOST = 32
"""Keys that may be down at a time; no hands hold more."""


@dataclass(frozen=True, slots=True)
class State:
    """Modifiers in effect, those of them that are locked, and the group in effect and locked."""

    mods: int
    locked: int
    group: int
    locked_group: int


@dataclass(frozen=True, slots=True)
class Way:
    """How to have a key give the keysym wanted: which switches to turn on and off, and which locks, meanwhile."""

    place: Place
    cost: int = 0
    added: int = 0
    lifted: int = 0
    relocked: int = 0
    is_other_group: bool = False

    @property
    def is_plain(self) -> bool:
        return not (self.added or self.lifted or self.relocked or self.is_other_group)

    @property
    def rank(self) -> tuple[int, int, int]:
        return self.cost, self.place.level, self.place.keycode


class Keyboard:
    """Presses and releases keys. All calls come from the source's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.keymap = Keymap(connection)
        self._down: dict[str, int] = {}
        self._resting: State | None = None

    def notice(self, event: requests.XkbEvent) -> None:
        """Take an event that tells of a changed keymap or state."""
        if event.kind == requests.XKB_STATE_NOTIFY:
            self._resting = None
        else:
            self.keymap.notice(event)

    def type(self, key: Key) -> float:
        """Press or release; the seconds after which to try again where no spare key is to be had yet, else 0."""
        name = key.code or f"keysym {canonical(key.keysym)}"
        if not is_character(key.keysym):
            self._resting = None
        if not key.is_down:
            self._release(name)
            return 0.0
        # A key that is held repeats by itself, in the server.
        if name in self._down or key.keysym in _REFUSED or len(self._down) >= _HELD_MOST:
            return 0.0
        self.keymap.refresh()
        if not key.keysym:
            self._press_place(name, key.code)
            return 0.0
        if key.keysym in _MODIFIERS:
            self._press_modifier(name, key.keysym)
            return 0.0
        return self._press(name, key)

    def release_all(self) -> None:
        for keycode in reversed(self._down.values()):
            self._fake(X.KeyRelease, keycode)
        self._down.clear()

    def _release(self, name: str) -> None:
        keycode = self._down.pop(name, 0)
        if keycode and keycode not in self._down.values():
            self._fake(X.KeyRelease, keycode)

    def _press_modifier(self, name: str, keysym: int) -> None:
        places = self.keymap.places(keysym) or self.keymap.places(_LEFT_TWIN.get(keysym, 0))
        if places:
            sets = self.keymap.modifiers
            best = min(places, key=lambda place: (place.level, place.keycode not in sets, place.keycode))
            self._hold(name, best.keycode)

    def _press_place(self, name: str, code: str) -> None:
        """Press whatever key is there; X servers count keys as Linux does, from 8 on."""
        state, keycode = self._state(), KEYCODES.get(code, 0) + _FIRST_KEYCODE
        keysym = self.keymap.keysym(keycode, state.group, state.mods)
        if keysym and keysym not in _REFUSED and not _ends_server(keysym, state):
            self._resting = None
            self._hold(name, keycode)

    def _press(self, name: str, key: Key) -> float:
        state, keysym = self._state(), key.keysym
        if _ends_server(keysym, state):
            return 0.0
        way = self._find_way(keysym, state)
        if way is None and state.mods & _SHORTCUT and key.code in KEYCODES:
            # A shortcut by a letter that this keymap lacks, as Ctrl and С of a Cyrillic keyboard, is that of the key.
            self._press_place(name, key.code)
            return 0.0
        if way is None and is_character(keysym):
            if wait_s := self.keymap.lend_spare(keysym, time.monotonic(), set(self._down.values())):
                return wait_s
            way = self._find_way(keysym, state)
        if way and self._is_harmless(way, state):
            self._press_by(way, name, state)
        return 0.0

    def _find_way(self, keysym: int, state: State) -> Way | None:
        """The one with the fewest changes."""
        ways = self._plain_ways(keysym, state) or list(self._ways(keysym, state))
        best = min(ways, key=lambda way: way.rank, default=None)
        if state.mods & _SHORTCUT and not (best and best.is_plain):
            # Ctrl+C is Ctrl and the key C, whatever CapsLock says; turning Shift would make it another shortcut.
            places = [place for place in self.keymap.places(to_lower(keysym)) if place.level == 0]
            groups = self.keymap.key
            others = [groups(place.keycode).group(state.group) != place.group for place in places]
            keys = [Way(place, is_other_group=other) for place, other in zip(places, others, strict=True)]
            return min(keys, key=lambda way: way.rank, default=best)
        return best

    def _plain_ways(self, keysym: int, state: State) -> list[Way]:
        """Those that change nothing, as most that is typed needs; they are found in a tenth of the time."""
        wanted = canonical(keysym)
        keys = ((place, self.keymap.key(place.keycode)) for place in self.keymap.places(keysym))
        return [
            Way(place)
            for place, key in keys
            if key.group(state.group) == place.group and canonical(key.keysym(place.group, state.mods)) == wanted
        ]

    def _ways(self, keysym: int, state: State) -> Iterator[Way]:
        return itertools.chain.from_iterable(
            self._ways_at(place, canonical(keysym), state) for place in self.keymap.places(keysym)
        )

    def _ways_at(self, place: Place, wanted: int, state: State) -> Iterator[Way]:
        key = self.keymap.key(place.keycode)
        is_other_group = key.group(state.group) != place.group
        num_lock = self.keymap.modifier_key((_NUM_LOCK,))[1]
        # Programs take the keypad with Shift for something else: there NumLock is turned rather.
        switch_cost = 5 if wanted in _KEYPAD else 1
        for relocked in {0, state.locked & LOCK, num_lock, state.locked & LOCK | num_lock}:
            for change in _subsets([mask for _, mask in self._switches()]):
                mods = state.mods ^ relocked ^ change
                added, lifted = change & mods, change & ~mods
                if lifted & ~self._own_mods() == 0 and canonical(key.keysym(place.group, mods)) == wanted:
                    cost = switch_cost * change.bit_count() + 3 * relocked.bit_count() + 2 * is_other_group
                    yield Way(place, cost, added, lifted, relocked, is_other_group)

    def _switches(self) -> list[tuple[int, int]]:
        """Keys that choose a level, and the modifier each sets."""
        found = [self.keymap.modifier_key(keysyms) for keysyms in _SWITCHES]
        return [(keycode, mask) for keycode, mask in found if keycode]

    def _own_mods(self) -> int:
        """Modifiers that are down because of us: only those can be let go for a moment."""
        mods = 0
        for keycode in self._down.values():
            mods |= self.keymap.modifiers.get(keycode, 0)
        return mods

    def _is_harmless(self, way: Way, state: State) -> bool:
        """Whether the key gives none of the refused keysyms, as Ctrl+Alt+F1 would."""
        mods = state.mods ^ way.relocked ^ way.lifted ^ way.added
        return self.keymap.key(way.place.keycode).keysym(way.place.group, mods) not in _REFUSED

    def _press_by(self, way: Way, name: str, state: State) -> None:
        keycode = way.place.keycode
        self.keymap.note_use(keycode, time.monotonic())
        if way.is_plain:
            self._hold(name, keycode)
            return
        self._resting = None
        lifted = [held for held in self._down.values() if self.keymap.modifiers.get(held, 0) & way.lifted]
        added = [switch for switch, mask in self._switches() if mask & way.added]
        if way.relocked or way.is_other_group:
            self._lock(way.relocked, ~state.locked, way.place.group if way.is_other_group else None)
        self._fake_all(X.KeyRelease, lifted)
        self._fake_all(X.KeyPress, added)
        # Not held: while it repeats, the modifiers would be others.
        self._tap(keycode)
        self._fake_all(X.KeyRelease, added[::-1])
        self._fake_all(X.KeyPress, lifted)
        if way.relocked or way.is_other_group:
            self._lock(way.relocked, state.locked, state.locked_group if way.is_other_group else None)

    def _tap(self, keycode: int) -> None:
        for name in [name for name, held in self._down.items() if held == keycode]:
            self._release(name)
        self._fake(X.KeyPress, keycode)
        self._fake(X.KeyRelease, keycode)

    def _hold(self, name: str, keycode: int) -> None:
        if keycode in self._down.values():
            # The same key with another modifier while it is still down (rolling from “=” to “+”): press it anew.
            self._fake(X.KeyRelease, keycode)
        self._down[name] = keycode
        self._fake(X.KeyPress, keycode)

    def _state(self) -> State:
        """The server's; while only characters are typed and no modifier is down, it is asked for once."""
        if self._resting:
            return self._resting
        reply = self._connection.ask(requests.XkbGetState, requests.XKB, device=requests.CORE_KEYBOARD)
        state = State(reply.mods, reply.locked_mods, reply.group, reply.locked_group)
        if (state.mods, state.group) == (state.locked, state.locked_group):
            self._resting = state
        return state

    def _lock(self, affected: int, mods: int, group: int | None) -> None:
        self._connection.ask(
            requests.XkbLatchLockState,
            requests.XKB,
            device=requests.CORE_KEYBOARD,
            affect_mod_locks=affected,
            mod_locks=mods & affected,
            lock_group=group is not None,
            group_lock=group or 0,
            affect_mod_latches=0,
            mod_latches=0,
            latch_group=False,
            group_latch=0,
        )

    def _fake_all(self, kind: int, keycodes: list[int]) -> None:
        for keycode in keycodes:
            self._fake(kind, keycode)

    def _fake(self, kind: int, keycode: int) -> None:
        fake_input(self._connection, kind, keycode)


def _ends_server(keysym: int, state: State) -> bool:
    return bool(state.mods & _CONTROL and state.mods & _ALT and keysym == _BACKSPACE)


def _subsets(masks: list[int]) -> list[int]:
    """All the ways to turn some of `masks`."""
    return [sum(turned) for turned in itertools.product(*((0, mask) for mask in masks))]
