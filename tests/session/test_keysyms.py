import pytest

from voxy.session.keysyms import keysym_of


@pytest.mark.parametrize(
    ("key", "code", "keysym"),
    [
        ("a", "KeyA", 0x61),
        ("A", "KeyA", 0x41),
        ("é", "Digit2", 0xE9),
        ("€", "KeyE", 0x010020AC),
        ("あ", "", 0x01003042),
        ("😀", "", 0x0101F600),
        ("Enter", "Enter", 0xFF0D),
        ("Enter", "NumpadEnter", 0xFF8D),
        ("5", "Numpad5", 0xFFB5),
        ("Shift", "ShiftLeft", 0xFFE1),
        ("Shift", "ShiftRight", 0xFFE2),
        ("ArrowRight", "ArrowRight", 0xFF53),
        ("AltGraph", "AltRight", 0xFE03),
        ("F12", "F12", 0xFFC9),
        ("Dead", "BracketLeft", 0),
        ("Process", "KeyA", 0),
        ("", "", 0),
        ("\x07", "", 0),
        ("\ud800", "", 0),
    ],
)
def test_keysym(key: str, code: str, keysym: int) -> None:
    assert keysym_of(key, code) == keysym
