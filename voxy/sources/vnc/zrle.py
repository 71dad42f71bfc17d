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

_TOO_SHORT = "The VNC server sends a picture that ends too early."


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
            raise SourceLost(_TOO_SHORT)
        self._at += count
        return data

    def _byte(self) -> int:
        if self._at == len(self._data):
            raise SourceLost(_TOO_SHORT)
        self._at += 1
        return self._data[self._at - 1]

    def _colours(self, count: int) -> NDArray[np.uint32]:
        return _joined(self._bytes(3 * count))

    def _packed(self, colours: int, width: int, height: int) -> NDArray[np.uint32]:
        palette = self._colours(colours)
        bits = 1 if colours <= 2 else 2 if colours <= 4 else 4
        row = (width * bits + 7) // 8
        packed = np.frombuffer(self._bytes(row * height), dtype=np.uint8).reshape(height, row)
        single = np.unpackbits(packed, axis=1).reshape(height, -1, bits)[:, :width].astype(np.intp)
        return _of_palette(palette, single @ (1 << np.arange(bits - 1, -1, -1)))

    def _plain_runs(self, count: int) -> NDArray[np.uint32]:
        colours, lengths, left = [], [], count
        while left > 0:
            colours.append(self._bytes(3))
            lengths.append(self._run())
            left -= lengths[-1]
        return _repeated(_joined(b"".join(colours)), lengths, count)

    def _palette_runs(self, colours: int, count: int) -> NDArray[np.uint32]:
        palette = self._colours(colours)
        indices, lengths, left = bytearray(), [], count
        while left > 0:
            index = self._byte()
            indices.append(index & 127)
            lengths.append(self._run() if index & 128 else 1)
            left -= lengths[-1]
        return _repeated(_of_palette(palette, np.frombuffer(indices, dtype=np.uint8)), lengths, count)

    def _run(self) -> int:
        length = 1
        while True:
            more = self._byte()
            length += more
            if more != 255:
                return length


def _joined(data: bytes) -> NDArray[np.uint32]:
    """Pixels of their blue, green and red."""
    triples = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3).astype(np.uint32)
    joined: NDArray[np.uint32] = triples[:, 0] | triples[:, 1] << np.uint32(8) | triples[:, 2] << np.uint32(16)
    return joined


def _of_palette(palette: NDArray[np.uint32], indices: NDArray[np.intp] | NDArray[np.uint8]) -> NDArray[np.uint32]:
    if indices.size and indices.max() >= palette.size:
        raise SourceLost("The VNC server uses a colour that it hasn't sent.")
    chosen: NDArray[np.uint32] = palette[indices]
    return chosen


def _repeated(colours: NDArray[np.uint32], lengths: list[int], count: int) -> NDArray[np.uint32]:
    """Each colour as often as its run is long; all runs are `count` pixels."""
    if sum(lengths) != count:
        raise SourceLost("The VNC server sends a run that leaves its tile.")
    return np.repeat(colours, lengths)
