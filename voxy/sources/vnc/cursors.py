"""Pointer shapes as VNC servers send them; each becomes a Cursor of straight RGBA."""

import struct

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import Rect
from voxy.errors import SourceLost
from voxy.sources.base import Cursor
from voxy.sources.vnc.encodings import RAW
from voxy.sources.vnc.requests import ALPHA_CURSOR, CURSOR
from voxy.sources.vnc.steps import Flow, Read

_MOST_SIDE = 1024


def read_cursor(encoding: int, rect: Rect, number: int) -> Flow[Cursor]:
    """The shape of a rect whose place is its hot spot; it gets `number` for its id."""
    if rect.width > _MOST_SIDE or rect.height > _MOST_SIDE:
        raise SourceLost(
            f"The VNC server sends a pointer of {rect.width}x{rect.height}: more than {_MOST_SIDE} a side."
        )
    if encoding == ALPHA_CURSOR:
        rgba = yield from _read_alpha(rect)
    elif not rect.area:
        return _nothing(number)
    elif encoding == CURSOR:
        rgba = yield from _read_pixels(rect)
    else:
        rgba = yield from _read_two_colours(rect)
    return Cursor(number, rect.width, rect.height, rect.x, rect.y, rgba.tobytes()) if rect.area else _nothing(number)


def _nothing(number: int) -> Cursor:
    return Cursor(number, 1, 1, 0, 0, bytes(4))


def _read_pixels(rect: Rect) -> Flow[NDArray[np.uint8]]:
    bgrx = np.frombuffer((yield Read(4 * rect.area)), dtype=np.uint8).reshape(rect.height, rect.width, 4)
    rgba = bgrx[:, :, [2, 1, 0, 3]].copy()
    rgba[:, :, 3] = (yield from _read_mask(rect)) * 255
    return rgba


def _read_two_colours(rect: Rect) -> Flow[NDArray[np.uint8]]:
    colours = np.frombuffer((yield Read(6)), dtype=np.uint8).reshape(2, 3)
    is_first = yield from _read_mask(rect)
    is_shown = yield from _read_mask(rect)
    rgba = np.empty((rect.height, rect.width, 4), dtype=np.uint8)
    rgba[:, :, :3] = colours[1 - is_first]
    rgba[:, :, 3] = is_shown * 255
    return rgba


def _read_alpha(rect: Rect) -> Flow[NDArray[np.uint8]]:
    (encoding,) = struct.unpack(">i", (yield Read(4)))
    if encoding != RAW:
        raise SourceLost(f"The VNC server packs its pointer in way {encoding}, which isn't known.")
    shape = np.frombuffer((yield Read(4 * rect.area)), dtype=np.uint8).reshape(rect.height, rect.width, 4)
    alpha = np.maximum(shape[:, :, 3:].astype(np.uint16), 1)
    straight = np.minimum(shape[:, :, :3].astype(np.uint16) * 255 // alpha, 255)
    return np.concatenate([straight.astype(np.uint8), shape[:, :, 3:]], axis=2)


def _read_mask(rect: Rect) -> Flow[NDArray[np.uint8]]:
    """A bit for each pixel, whole bytes to a row."""
    row = (rect.width + 7) // 8
    data = np.frombuffer((yield Read(row * rect.height)), dtype=np.uint8).reshape(rect.height, row)
    return np.unpackbits(data, axis=1)[:, : rect.width]
