"""Which characters X's old keysyms mean (X11/keysymdef.h), so that a keymap can be searched by character."""

from collections.abc import Callable

_UNICODE = 0x01000000

_BY_CODEC = {
    0x100: "iso8859_2",
    0x200: "iso8859_3",
    0x300: "iso8859_4",
    0x500: "iso8859_6",
    0xC00: "iso8859_8",
    0xD00: "tis_620",
    0x1200: "iso8859_14",
}
"""Sets of keysyms whose low byte is a character of an ISO 8859 (or Thai) code page."""

_GREEK = "ΆΈΉΊΪ\0ΌΎΫ\0Ώ\0\0΅―\0άέήίϊΐόύϋΰώ\0\0\0\0\0ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ\0ΤΥΦΧΨΩ\0\0\0\0\0\0\0αβγδεζηθικλμνξοπρσςτυφχψω"
_CYRILLIC = "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏюабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ"
_KANA = (
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"
    "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"
)
_HANGUL = "".join(map(chr, range(0x3131, 0x3164)))
_PUBLISHING = (
    "\u2003\u2002\u2004\u2005\u2007\u2008\u2009\u200a—–\0␣\0…‥⅓⅔⅕⅖⅗⅘⅙⅚℅\0\0‒\u2329\0\u232a\0\0\0\0⅛⅜⅝⅞\0\0™☓\0◁▷○▯‘’“”℞‰′″\0✝\0"
    "▬◀▶●▮◦▫▭△▽☆•▪▲▼☜☞♣♦♥\0✠†‡✓✗♯♭♂♀☎⌕℗‸‚„"
)
_SINGLE = {
    0x13BC: "Œ", 0x13BD: "œ", 0x13BE: "Ÿ", 0x47E: "‾", 0xCDF: "‗", 0xDDF: "฿",
    0x8BC: "≤", 0x8BD: "≠", 0x8BE: "≥", 0x8BF: "∫", 0x8C0: "∴", 0x8C1: "∝", 0x8C2: "∞", 0x8C5: "∇", 0x8C8: "∼",
    0x8C9: "≃", 0x8CD: "⇔", 0x8CE: "⇒", 0x8CF: "≡", 0x8D6: "√", 0x8DA: "⊂", 0x8DB: "⊃", 0x8DC: "∩", 0x8DD: "∪",
    0x8DE: "∧", 0x8DF: "∨", 0x8EF: "∂", 0x8F6: "ƒ", 0x8FB: "←", 0x8FC: "↑", 0x8FD: "→", 0x8FE: "↓",
}  # fmt: skip


def _table() -> dict[int, int]:
    table = {keysym: ord(character) for keysym, character in _SINGLE.items()}
    # The signs of currencies have their code points for keysyms.
    table.update({point: point for point in range(0x20A0, 0x20AD)})
    for first, codec in _BY_CODEC.items():
        for low in range(0xA1, 0x100):
            character = bytes([low]).decode(codec, errors="ignore")
            if character:
                table.setdefault(first + low, ord(character))
    runs = ((0x4A1, _KANA), (0x6A1, _CYRILLIC), (0x7A1, _GREEK), (0xAA1, _PUBLISHING), (0xEA1, _HANGUL))
    for first, characters in runs:
        table.update({first + i: ord(character) for i, character in enumerate(characters) if character != "\0"})
    return table


_OLD = _table()


def canonical(keysym: int) -> int:
    """One number for all keysyms of the same character: Unicode's keysym; others are themselves."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return _UNICODE + keysym
    return _UNICODE + _OLD[keysym] if keysym in _OLD else keysym


def is_character(keysym: int) -> bool:
    """Whether it stands for a printable character."""
    point = canonical(keysym) - _UNICODE
    return 0x20 <= point <= 0x10FFFF and not 0x7F <= point < 0xA0 and not 0xD800 <= point < 0xE000


def to_upper(keysym: int) -> int:
    """The keysym of the capital; itself if there is none."""
    return _with_case(keysym, str.upper)


def to_lower(keysym: int) -> int:
    """The keysym of the small letter; itself if there is none."""
    return _with_case(keysym, str.lower)


def _with_case(keysym: int, change: Callable[[str], str]) -> int:
    if not is_character(keysym):
        return keysym
    character = chr(canonical(keysym) - _UNICODE)
    changed = change(character)
    return keysym if len(changed) != 1 or changed == character else _UNICODE + ord(changed)
