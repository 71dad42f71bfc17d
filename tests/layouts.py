"""Keyboards of eight countries and what is written on them: keys are looked up in the X server's own keymap."""

import contextlib
import time
from dataclasses import dataclass

from Xlib import XK, X
from Xlib.ext import xtest

from tests.programs import connect
from tests.xservers import XServer
from voxy.session.keysyms import keysym_of
from voxy.sources.x11.unicode_keysyms import canonical

SHIFT, ALTGR = 0xFFE1, 0xFE03
DEAD = {"`": 0xFE50, "´": 0xFE51, "^": 0xFE52, "¨": 0xFE57}
_KEYPAD = {"7": 0xFFB7, "0": 0xFFB0, ".": 0xFFAE, "+": 0xFFAB, "/": 0xFFAF}
_KEY_S = 0.004
"""Seconds between two events of a keyboard: some programs look at its state after an event has come."""


@dataclass(frozen=True)
class Layout:
    """A keyboard by its names for setxkbmap; what is written on it by keys, and by a dead key and another."""

    names: tuple[str, ...]
    text: str
    composed: tuple[tuple[str, str, str], ...] = ()
    """The dead key's accent, the key after it, and what they make."""


LAYOUTS = {
    "us": Layout(("us",), "~!@#$%^&*()_+{}|:\"<>?`-=[]\\;',./ aqzwm AQZWM 1234567890"),
    "gb": Layout(("gb",), '£¬"@~#|\\€ ¦ ¹²³ øæ ŁØÆ'),
    "de": Layout(
        ("de",),
        "zyZY äöüÄÖÜß §°€@²³{[]}\\~µ<>| '#*+?=()/&%$",
        (("´", "e", "é"), ("`", "a", "à"), ("^", "o", "ô"), ("´", "E", "É")),
    ),
    "fr": Layout(
        ("fr",),
        "aqzwAQZW éèçàù &\"'(-_)= 1234567890 °+€@{}[]|\\£µ*%!§:/;.,?<>",
        (("^", "e", "ê"), ("¨", "i", "ï"), ("^", "O", "Ô")),
    ),
    "jp": Layout(("jp",), "@[]:;^\\_~|`{}*+= !\"#$%&'()<>?,./ zyZY"),
    "dvorak": Layout(("us", "dvorak"), "',.pyfgcrl/=aoeuidhtns-;qjkxbmwvz \"<>PYFGCRL?+AOEUIDHTNS_:QJKXBMWVZ"),
    "ru": Layout(("ru",), "йцукенгшщзхъфывапролджэячсмитьбюё ЙЦУКЕНГШЩЗХЪЁ №;:?*()_+.,"),
    "es": Layout(
        ("es",),
        'ñÑçÇ ¡¿ºª·€@#|¬[]{}\\ =?!"$%&/()',
        (("´", "a", "á"), ("´", "e", "é"), ("¨", "u", "ü"), ("^", "i", "î"), ("`", "o", "ò"), ("´", "U", "Ú")),
    ),
}


def stop_repeating(server: XServer) -> None:
    """Have keys that are held for long not repeat."""
    with contextlib.closing(connect(server)) as display:
        display.change_keyboard_control(auto_repeat_mode=X.AutoRepeatModeOff)
        display.sync()


class Typist:
    """Types on a display's keyboard, as it is laid out there."""

    def __init__(self, server: XServer) -> None:
        self._server = server

    def type(self, layout: Layout) -> str:
        """Type all that is to be typed with this layout, and Return; what was written then."""
        with contextlib.closing(connect(self._server)) as self._display:
            self._type(layout)
        return layout.text + "".join(made for *_, made in layout.composed)

    def type_with_locks(self) -> str:
        """Type on a US keyboard with CapsLock and with NumLock, and Return; what was written then."""
        with contextlib.closing(connect(self._server)) as self._display:
            for lock, keys in ((XK.XK_Caps_Lock, "ab1c"), (XK.XK_Num_Lock, _KEYPAD)):
                for keysym in (lock, *(_KEYPAD.get(key) or ord(key) for key in keys), lock):
                    self._press(self._display.keysym_to_keycode(keysym))
            self._tap(ord("d"))
            self._tap(XK.XK_Return)
        return "AB1C" + "".join(_KEYPAD) + "d"

    def _type(self, layout: Layout) -> None:
        for character in layout.text:
            self._tap(keysym_of(character, ""))
        for accent, key, _ in layout.composed:
            self._tap(DEAD[accent])
            self._tap(keysym_of(key, ""))
        self._tap(XK.XK_Return)

    def _tap(self, keysym: int) -> None:
        code, level = self._find(keysym)
        modifiers = [mask for bit, mask in ((1, SHIFT), (2, ALTGR)) if level & bit]
        self._press(*(self._display.keysym_to_keycode(modifier) for modifier in modifiers), code)

    def _press(self, *codes: int) -> None:
        for kind, ordered in ((X.KeyPress, codes), (X.KeyRelease, codes[::-1])):
            for code in ordered:
                xtest.fake_input(self._display, kind, code)
                self._display.sync()
                time.sleep(_KEY_S)

    def _find(self, keysym: int) -> tuple[int, int]:
        for level in range(4):
            for code in range(8, 128):
                # The core protocol's columns: two levels of the first group, two of the second, then levels 3 and 4.
                column = level if level < 2 else level + 2
                if canonical(self._display.keycode_to_keysym(code, column)) == canonical(keysym):
                    return code, level
        raise AssertionError(f"no key of this layout gives keysym {keysym:#x}")
