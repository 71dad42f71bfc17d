"""HeldKeys: what is let go before a machine moves, and pressed again after."""

from voxy.session.events import Key
from voxy.sources.vnc.held import HeldKeys

SHIFT, A, W = Key(0xFFE1, "ShiftLeft", True), Key(ord("a"), "KeyA", True), Key(ord("w"), "KeyW", True)
TEXT = Key(0xFFE2, "", True)


def held(*keys: Key) -> HeldKeys:
    made = HeldKeys()
    for key in keys:
        made.note(key)
    return made


def up(key: Key) -> Key:
    return Key(key.keysym, key.code, False)


def test_modifiers_stay_down_and_are_pressed_elsewhere() -> None:
    keys = held(SHIFT, TEXT)
    assert list(keys.lift()) == []
    assert list(keys.press_again(is_elsewhere=True)) == [SHIFT, TEXT]


def test_modifiers_are_not_pressed_again_where_they_are_down() -> None:
    keys = held(SHIFT)
    assert list(keys.lift()) == []
    assert list(keys.press_again(is_elsewhere=False)) == []


def test_what_types_is_let_go_and_typed_no_second_time() -> None:
    keys = held(SHIFT, A)
    assert list(keys.lift()) == [up(A)]
    assert list(keys.press_again(is_elsewhere=True)) == [SHIFT]
    assert list(keys.lift()) == []


def test_what_repeats_goes_on_in_either_place() -> None:
    for is_elsewhere in (True, False):
        keys = held(W, W)
        assert list(keys.lift()) == [up(W)]
        assert list(keys.press_again(is_elsewhere)) == [W]


def test_what_was_released_is_held_no_more() -> None:
    keys = held(SHIFT, A, up(A), up(SHIFT))
    assert list(keys.lift()) == []
    assert list(keys.press_again(is_elsewhere=True)) == []
