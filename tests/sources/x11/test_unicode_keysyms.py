"""Old keysyms and Unicode's are one character."""

import pytest

from voxy.sources.x11.unicode_keysyms import canonical, is_character, to_lower, to_upper


@pytest.mark.parametrize(
    ("keysym", "character"),
    [
        (0x61, "a"), (0xE9, "é"), (0x1A1, "Ą"), (0x2A1, "Ħ"), (0x3BD, "Ŋ"), (0x4B1, "ア"), (0x5C7, "ا"), (0x6C1, "а"),
        (0x6AD, "ґ"), (0x7E1, "α"), (0x7F3, "ς"), (0x8FB, "←"), (0xAA9, "—"), (0xAD0, "‘"), (0xAF1, "†"), (0xCE0, "א"),
        (0xDA1, "ก"), (0xEA1, "ㄱ"), (0x12A1, "Ḃ"), (0x13BC, "Œ"), (0x20AC, "€"), (0x01006F22, "漢"),
    ],
)  # fmt: skip
def test_canonical(keysym: int, character: str) -> None:
    assert canonical(keysym) == 0x01000000 + ord(character)
    assert is_character(keysym)


@pytest.mark.parametrize("keysym", [0, 0x0A, 0xFF0D, 0xFFB1, 0x1008FF11, 0x0100000A, 0x0100D800, 0x01110000, 1 << 40])
def test_others_are_themselves(keysym: int) -> None:
    assert canonical(keysym) == keysym
    assert not is_character(keysym)


def test_case() -> None:
    assert to_upper(0x6C1) == canonical(ord("А") + 0x01000000)
    assert to_lower(0x41) == canonical(0x61)
    assert to_upper(0xDF) == 0xDF  # ß has no capital of one letter
    assert to_upper(0xFFB1) == 0xFFB1
