"""Which characters X's old keysyms mean (X11/keysymdef.h), so that a keymap can be searched by character."""

_UNICODE = 0x01000000

_BY_CODEC = {
    0x100: "iso8859_2",
    0x200: "iso8859_3",
    0x300: "iso8859_4",
    0x500: "iso8859_6",
    0xC00: "iso8859_8",
    0xD00: "tis_620",
}
"""Sets of keysyms whose low byte is a character of an ISO 8859 (or Thai) code page."""

_GREEK = "ΆΈΉΊΪ\0ΌΎΫ\0Ώ\0\0΅―\0άέήίϊΐόύϋΰώ\0\0\0\0\0ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ\0ΤΥΦΧΨΩ\0\0\0\0\0\0\0αβγδεζηθικλμνξοπρσςτυφχψω"
_CYRILLIC = "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏюабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ"
_KANA = (
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"
    "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"
)
_SINGLE = {0x20AC: "€", 0x13BC: "Œ", 0x13BD: "œ", 0x13BE: "Ÿ", 0x47E: "‾", 0xCDF: "‗", 0xDDF: "฿"}


def _table() -> dict[int, int]:
    table = {keysym: ord(character) for keysym, character in _SINGLE.items()}
    for first, codec in _BY_CODEC.items():
        for low in range(0xA1, 0x100):
            character = bytes([low]).decode(codec, errors="ignore")
            if character:
                table.setdefault(first + low, ord(character))
    for first, characters in ((0x4A1, _KANA), (0x6A1, _CYRILLIC), (0x7A1, _GREEK)):
        table.update({first + i: ord(character) for i, character in enumerate(characters) if character != "\0"})
    return table


_OLD = _table()


def canonical(keysym: int) -> int:
    """One number for all keysyms of the same character: Unicode's keysym; others are themselves."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return _UNICODE + keysym
    return _UNICODE + _OLD[keysym] if keysym in _OLD else keysym
