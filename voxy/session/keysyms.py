"""X keysyms of the DOM's keys (UI Events KeyboardEvent key and code values; X11/keysymdef.h)."""

_NAMED = {
    "Backspace": 0xFF08, "Tab": 0xFF09, "Clear": 0xFF0B, "Enter": 0xFF0D, "Pause": 0xFF13,
    "ScrollLock": 0xFF14, "PrintScreen": 0xFF61, "Escape": 0xFF1B, "Delete": 0xFFFF,
    "Home": 0xFF50, "ArrowLeft": 0xFF51, "ArrowUp": 0xFF52, "ArrowRight": 0xFF53, "ArrowDown": 0xFF54,
    "PageUp": 0xFF55, "PageDown": 0xFF56, "End": 0xFF57, "Insert": 0xFF63, "Select": 0xFF60,
    "Execute": 0xFF62, "Undo": 0xFF65, "Redo": 0xFF66, "ContextMenu": 0xFF67, "Find": 0xFF68,
    "Cancel": 0xFF69, "Help": 0xFF6A, "NumLock": 0xFF7F, "ModeChange": 0xFF7E, "CapsLock": 0xFFE5,
    "Shift": 0xFFE1, "Control": 0xFFE3, "Alt": 0xFFE9, "AltGraph": 0xFE03, "Meta": 0xFFEB,
    "Super": 0xFFEB, "Hyper": 0xFFED,
    "Convert": 0xFF23, "NonConvert": 0xFF22, "KanaMode": 0xFF2D, "Romaji": 0xFF24, "Hiragana": 0xFF25,
    "Katakana": 0xFF26, "HiraganaKatakana": 0xFF27, "Zenkaku": 0xFF28, "Hankaku": 0xFF29,
    "ZenkakuHankaku": 0xFF2A, "Eisu": 0xFF30, "KanjiMode": 0xFF21, "HangulMode": 0xFF31,
    "HanjaMode": 0xFF34, "JunjaMode": 0xFF38,
    "AudioVolumeDown": 0x1008FF11, "AudioVolumeMute": 0x1008FF12, "AudioVolumeUp": 0x1008FF13,
    "MediaPlayPause": 0x1008FF14, "MediaStop": 0x1008FF15, "MediaTrackPrevious": 0x1008FF16,
    "MediaTrackNext": 0x1008FF17, "BrowserBack": 0x1008FF26, "BrowserForward": 0x1008FF27,
    "BrowserRefresh": 0x1008FF29, "BrowserHome": 0x1008FF18, "BrowserSearch": 0x1008FF1B,
    "Copy": 0x1008FF57, "Cut": 0x1008FF58, "Paste": 0x1008FF6D,
} | {f"F{n}": 0xFFBD + n for n in range(1, 36)}  # fmt: skip

_RIGHT = {"Shift": 0xFFE2, "Control": 0xFFE4, "Alt": 0xFFEA, "Meta": 0xFFEC, "Super": 0xFFEC}
"""The right-hand twins, told by a code that ends with Right."""

_KEYPAD = {
    "Enter": 0xFF8D, "Home": 0xFF95, "ArrowLeft": 0xFF96, "ArrowUp": 0xFF97, "ArrowRight": 0xFF98,
    "ArrowDown": 0xFF99, "PageUp": 0xFF9A, "PageDown": 0xFF9B, "End": 0xFF9C, "Clear": 0xFF9D,
    "Insert": 0xFF9E, "Delete": 0xFF9F, "=": 0xFFBD, "*": 0xFFAA, "+": 0xFFAB, ",": 0xFFAC, "-": 0xFFAD,
    ".": 0xFFAE, "/": 0xFFAF,
} | {str(n): 0xFFB0 + n for n in range(10)}  # fmt: skip


def keysym_of(key: str, code: str) -> int:
    """The keysym of a DOM `key` at the physical key `code`; 0 for what X has no key for (Dead, Process, …)."""
    if code.startswith("Numpad") and key in _KEYPAD:
        return _KEYPAD[key]
    if code.endswith("Right") and key in _RIGHT:
        return _RIGHT[key]
    if len(key) != 1:
        return _NAMED.get(key, 0)
    point = ord(key)
    if 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xFF:
        return point
    # keysymdef.h: every other character of Unicode is its code point with this bit.
    return 0x01000000 + point if point > 0xFF and not 0xD800 <= point <= 0xDFFF else 0
