"""ZRLE (RFC 6143, section 7.7.6): tiles of palettes and runs in one zlib stream. A pixel takes three bytes: B, G, R."""

import itertools
import struct

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import Rect
from voxy.errors import SourceLost
from voxy.sources.vnc.inflate import Inflate
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import Flow, Read

_TILE = 64
_TILE_BYTES = 1 + 3 * 127 + 4 * _TILE * _TILE
"""What a tile takes at the most: a run of each single pixel."""

_PLAIN_RUNS, _PALETTE_RUNS = 128, 130


class Zrle:
    """The decoder of one connection."""

    def __init__(self) -> None:
        self._stream = Inflate()

    def read(self, screen: Screen, rect: Rect) -> Flow[None]:
        (length,) = struct.unpack(">I", (yield Read(4)))
        tiles = list(_tiles(rect))
        most = len(tiles) * _TILE_BYTES
        if length > most + most // 100 + 1024:
            raise SourceLost(f"The VNC server sends {length} bytes for a picture that takes {most} at the most.")
        data = self._stream.at_most((yield Read(length, rect.area)), most)
        parser = _Tiles(data)
        for tile in tiles:
            screen.put(tile, parser.take(tile.width, tile.height))


def _tiles(rect: Rect) -> itertools.chain[Rect]:
    return itertools.chain.from_iterable(
        (Rect(x, y, min(_TILE, rect.right - x), min(_TILE, rect.bottom - y)) for x in range(rect.x, rect.right, _TILE))
        for y in range(rect.y, rect.bottom, _TILE)
    )


class _Tiles:
    """Reads tile after tile from what was unpacked."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, width: int, height: int) -> NDArray[np.uint32]:
        (kind,) = self._bytes(1)
        count = width * height
        if kind == 0:
            pixels = self._colours(count)
        elif kind == 1:
            pixels = np.broadcast_to(self._colours(1), (count,))
        elif kind <= 16:
            pixels = self._packed(kind, width, height)
        elif kind == _PLAIN_RUNS:
            pixels = self._plain_runs(count)
        elif kind >= _PALETTE_RUNS:
            pixels = self._palette_runs(kind - 128, count)
        else:
            raise SourceLost(f"The VNC server sends a tile of kind {kind}, which doesn't exist.")
        return pixels.reshape(height, width)

    def _bytes(self, count: int) -> bytes:
        data = self._data[self._at : self._at + count]
        if len(data) != count:
            raise SourceLost("The VNC server sends a picture that ends too early.")
        self._at += count
        return data

    def _colours(self, count: int) -> NDArray[np.uint32]:
        triples = np.frombuffer(self._bytes(3 * count), dtype=np.uint8).reshape(-1, 3).astype(np.uint32)
        colours: NDArray[np.uint32] = triples[:, 0] | triples[:, 1] << np.uint32(8) | triples[:, 2] << np.uint32(16)
        return colours

    def _packed(self, colours: int, width: int, height: int) -> NDArray[np.uint32]:
        palette = self._colours(colours)
        bits = 1 if colours <= 2 else 2 if colours <= 4 else 4
        row = (width * bits + 7) // 8
        packed = np.frombuffer(self._bytes(row * height), dtype=np.uint8).reshape(height, row)
        single = np.unpackbits(packed, axis=1).reshape(height, -1, bits)[:, :width].astype(np.intp)
        return _of_palette(palette, single @ (1 << np.arange(bits - 1, -1, -1)))

    def _plain_runs(self, count: int) -> NDArray[np.uint32]:
        pixels, filled = np.empty(count, dtype=np.uint32), 0
        while filled < count:
            colour = self._colours(1)
            filled = _fill(pixels, filled, colour[0], self._run())
        return pixels

    def _palette_runs(self, colours: int, count: int) -> NDArray[np.uint32]:
        palette = self._colours(colours)
        pixels, filled = np.empty(count, dtype=np.uint32), 0
        while filled < count:
            (index,) = self._bytes(1)
            length = self._run() if index & 128 else 1
            filled = _fill(pixels, filled, _of_palette(palette, np.array([index & 127]))[0], length)
        return pixels

    def _run(self) -> int:
        length = 1
        while True:
            (more,) = self._bytes(1)
            length += more
            if more != 255:
                return length


def _of_palette(palette: NDArray[np.uint32], indices: NDArray[np.intp]) -> NDArray[np.uint32]:
    if indices.size and indices.max() >= palette.size:
        raise SourceLost("The VNC server uses a colour that it hasn't sent.")
    chosen: NDArray[np.uint32] = palette[indices]
    return chosen


def _fill(pixels: NDArray[np.uint32], start: int, colour: np.uint32, length: int) -> int:
    """Where the next run begins."""
    if start + length > pixels.size:
        raise SourceLost("The VNC server sends a run that leaves its tile.")
    pixels[start : start + length] = colour
    return start + length
