"""What a viewer says to a VNC server (RFC 6143, section 7.5, and rfbproto.rst), as bytes."""

import struct
from collections.abc import Sequence

from voxy.blocks import Rect

CURSOR, X_CURSOR, ALPHA_CURSOR = -239, -240, -314
DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE, DESKTOP_NAME, LAST_RECT = -223, -308, -307, -224
QEMU_KEYS, QEMU_POINTER = -258, -257
FENCE, CONTINUOUS_UPDATES, EXTENDED_CLIPBOARD = -312, -313, 0xC0A1E5CE - (1 << 32)
COMPRESS_LEVEL_1 = -255

FENCE_REQUEST = 1 << 31
FENCE_KNOWN = 0b111


def set_pixel_format() -> bytes:
    """32 bits to a pixel, little-endian: 0x00RRGGBB."""
    return struct.pack(">Bxxx BBBB HHH BBB xxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


def set_encodings(encodings: Sequence[int]) -> bytes:
    return struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)


def ask_update(rect: Rect, is_incremental: bool) -> bytes:
    return struct.pack(">BBHHHH", 3, is_incremental, *rect)


def continue_updates(rect: Rect, is_on: bool) -> bytes:
    """Have updates of a rect come as it changes, without being asked for each; or have that end."""
    return struct.pack(">BBHHHH", 150, is_on, *rect)


def key(keysym: int, is_down: bool) -> bytes:
    return struct.pack(">BBxxI", 4, is_down, keysym)


def placed_key(keysym: int, keycode: int, is_down: bool) -> bytes:
    """A key by its place too: a scancode of the XT keyboard, 0x80 and more for those that come after 0xE0."""
    return struct.pack(">BBHII", 255, 0, is_down, keysym, keycode)


def pointer(x: int, y: int, buttons: int) -> bytes:
    """`buttons`: bit 0 left, 1 middle, 2 right, 3 to 6 the wheel up, down, left and right."""
    return struct.pack(">BBHH", 5, buttons, x, y)


def cut_text(text: str) -> bytes:
    """Text for the server's clipboard, in the Latin-1 that RFC 6143 knows; what that lacks becomes a question mark."""
    data = text.replace("\r\n", "\n").encode("latin-1", "replace")
    return struct.pack(">BxxxI", 6, len(data)) + data


def extended_clipboard(flags: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BxxxiI", 6, -(4 + len(payload)), flags) + payload


def fence(flags: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxIB", 248, flags, len(payload)) + payload


def desktop_size(width: int, height: int) -> bytes:
    """Ask for one screen of that size."""
    return struct.pack(">BxHHBx", 251, width, height, 1) + struct.pack(">IHHHHI", 0, 0, 0, width, height, 0)
