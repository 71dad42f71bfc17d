"""How a VNC server packs the pixels of a rect (RFC 6143, section 7.7): Raw, CopyRect, Hextile; `Decoders` knows all."""

import struct
from collections.abc import Callable

import numpy as np

from voxy.blocks import Rect
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import MOST_BORROWED, Borrow, Flow, Read
from voxy.sources.vnc.tight import Tight
from voxy.sources.vnc.zrle import Zrle

RAW, COPY_RECT, HEXTILE, TIGHT, ZRLE, TIGHT_PNG = 0, 1, 5, 7, 16, -260

_TILE = 16
_IS_RAW, _HAS_BACKGROUND, _HAS_FOREGROUND, _HAS_RECTS, _HAS_COLOURS = 1, 2, 4, 8, 16

Decoder = Callable[[Screen, Rect], Flow[None]]


class Decoders:
    """A connection's decoders; some go on from rect to rect."""

    def __init__(self) -> None:
        tight = Tight()
        self._known: dict[int, Decoder] = {
            RAW: read_raw,
            COPY_RECT: read_copy,
            HEXTILE: read_hextile,
            TIGHT: tight.read,
            TIGHT_PNG: tight.read,
            ZRLE: Zrle().read,
        }

    def get(self, encoding: int) -> Decoder | None:
        return self._known.get(encoding)


def read_raw(screen: Screen, rect: Rect) -> Flow[None]:
    rows = max(1, MOST_BORROWED // (4 * max(1, rect.width)))
    for y in range(rect.y, rect.bottom, rows):
        band = Rect(rect.x, y, rect.width, min(rows, rect.bottom - y))
        data = yield Borrow(4 * band.area)
        screen.put(band, np.frombuffer(data, dtype="<u4").reshape(band.height, band.width))


def read_copy(screen: Screen, rect: Rect) -> Flow[None]:
    x, y = struct.unpack(">HH", (yield Read(4, rect.area)))
    screen.copy(rect, x, y)


def read_hextile(screen: Screen, rect: Rect) -> Flow[None]:
    background = foreground = np.uint32(0)
    for y in range(rect.y, rect.bottom, _TILE):
        for x in range(rect.x, rect.right, _TILE):
            tile = Rect(x, y, min(_TILE, rect.right - x), min(_TILE, rect.bottom - y))
            (kind,) = yield Read(1)
            if kind & _IS_RAW:
                data = yield Read(4 * tile.area)
                screen.put(tile, np.frombuffer(data, dtype="<u4").reshape(tile.height, tile.width))
                continue
            if kind & _HAS_BACKGROUND:
                background = _colour((yield Read(4)))
            if kind & _HAS_FOREGROUND:
                foreground = _colour((yield Read(4)))
            screen.put(tile, background)
            if kind & _HAS_RECTS:
                yield from _read_rects(screen, tile, foreground, has_colours=bool(kind & _HAS_COLOURS))


def _read_rects(screen: Screen, tile: Rect, foreground: np.uint32, has_colours: bool) -> Flow[None]:
    (count,) = yield Read(1)
    size = 6 if has_colours else 2
    data = yield Read(count * size)
    bounds = Rect(0, 0, tile.width, tile.height)
    for at in range(0, len(data), size):
        colour = _colour(data[at : at + 4]) if has_colours else foreground
        place, extent = data[at + size - 2], data[at + size - 1]
        # A rect that leaves its tile is cut: what is beyond belongs to others.
        part = Rect(place >> 4, place & 15, (extent >> 4) + 1, (extent & 15) + 1).intersect(bounds)
        if part:
            screen.put(Rect(tile.x + part.x, tile.y + part.y, part.width, part.height), colour)


def _colour(data: bytes) -> np.uint32:
    return np.uint32(int.from_bytes(data, "little"))
