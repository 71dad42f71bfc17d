"""What hands do becomes what VNC servers take."""

import struct

from voxy.session.events import Key, Motion, Pointer, Wheel
from voxy.sources.vnc import requests
from voxy.sources.vnc.input import Hands, scancode


def places(data: bytes) -> list[tuple[int, int, int]]:
    """Pointer messages: the place and the buttons of each."""
    return [(x, y, buttons) for kind, buttons, x, y in struct.iter_unpack(">BBHH", data) if kind == 5]


def test_places_and_buttons() -> None:
    hands = Hands()
    assert places(hands.act(Pointer(10, 20, 0b101))) == [(10, 20, 0b101)]
    assert places(hands.act(Pointer(11, 20, 0b1000))) == [(11, 20, 0b1000_0000)]


def test_a_wheel_is_buttons_that_are_pressed_where_it_turns() -> None:
    hands = Hands()
    hands.act(Pointer(1, 1, 1))
    assert places(hands.act(Wheel(5, 6, 0, 240))) == [
        (5, 6, 1), (5, 6, 1 | 16), (5, 6, 1), (5, 6, 1 | 16), (5, 6, 1),
    ]  # fmt: skip
    assert places(hands.act(Wheel(5, 6, 60, -60))) == [(5, 6, 1)]
    assert places(hands.act(Wheel(5, 6, 60, -60))) == [(5, 6, 1), (5, 6, 65), (5, 6, 1), (5, 6, 9), (5, 6, 1)]


def test_motion_is_a_place_unless_the_server_takes_ways() -> None:
    hands = Hands()
    hands.act(Pointer(100, 100, 0))
    assert places(hands.act(Motion(-3, 4, 1))) == [(97, 104, 1)]
    hands.takes_motion = True
    assert places(hands.act(Motion(-3, 4, 1))) == [(0x7FFC, 0x8003, 1)]
    assert places(hands.act(Pointer(94, 118, 1))) == [(0x7FFF, 0x7FFF + 10, 1)]
    assert places(hands.act(Wheel(94, 118, 0, 120))) == [(0x7FFF, 0x7FFF, 1), (0x7FFF, 0x7FFF, 17), (0x7FFF, 0x7FFF, 1)]


def test_keys_go_by_their_place_where_the_server_takes_that() -> None:
    hands = Hands()
    assert hands.act(Key(ord("y"), "KeyZ", True)) == requests.key(ord("y"), True)
    hands.takes_places = True
    assert hands.act(Key(ord("y"), "KeyZ", True)) == requests.placed_key(ord("y"), 0x2C, True)
    assert hands.act(Key(0, "ArrowUp", True)) == requests.placed_key(0, 0xC8, True)
    assert hands.act(Key(0, "", True)) == b""


def test_text_without_keys_has_the_shift_that_it_needs() -> None:
    hands = Hands()
    assert hands.act(Key(ord("A"), "", True)) == requests.key(0xFFE1, True) + requests.key(ord("A"), True)
    assert hands.act(Key(ord("A"), "", False)) == requests.key(ord("A"), False) + requests.key(0xFFE1, False)
    hands.act(Key(0xFFE1, "ShiftLeft", True))
    assert hands.act(Key(ord("A"), "", True)) == requests.key(ord("A"), True)


def test_scancodes() -> None:
    # The XT keyboard's, as QEMU's documentation has them; 0x80 for those after 0xE0.
    known = {"Escape": 0x01, "KeyA": 0x1E, "Space": 0x39, "F12": 0x58, "ControlRight": 0x9D, "Delete": 0xD3}
    assert {code: scancode(code) for code in known} == known
    assert scancode("NoSuchKey") == 0
