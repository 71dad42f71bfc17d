"""Tight (rfbproto.rst, “Tight Encoding”): one colour, JPEG, PNG, or filtered pixels in one of four zlib streams.

A pixel takes three bytes: R, G, B.
"""

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from voxy.blocks import Rect
from voxy.errors import SourceLost
from voxy.sources.vnc.inflate import Inflate
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import Flow, Read

_FILL, _JPEG, _PNG = 8, 9, 10
_HAS_FILTER = 4
_COPY, _PALETTE, _GRADIENT = 0, 1, 2
_LEAST_PACKED = 12
"""Bytes below which nothing is packed."""


class Tight:
    """The decoder of one connection."""

    def __init__(self) -> None:
        self._streams = [Inflate() for _ in range(4)]

    def read(self, screen: Screen, rect: Rect) -> Flow[None]:
        (control,) = yield Read(1)
        for bit, stream in enumerate(self._streams):
            if control >> bit & 1:
                stream.reset()
        kind = control >> 4
        if kind == _FILL:
            screen.put(rect, _colours((yield Read(3, rect.area)))[0])
        elif kind in (_JPEG, _PNG):
            data = yield from self._read_picture(rect)
            screen.put(rect, _decode_jpeg(data, rect) if kind == _JPEG else _decode_png(data, rect))
        elif kind < _FILL:
            yield from self._read_basic(screen, rect, self._streams[kind & 3], bool(kind & _HAS_FILTER))
        else:
            raise SourceLost(f"The VNC server packs a rect in way {kind}, which doesn't exist.")

    def _read_picture(self, rect: Rect) -> Flow[bytes]:
        length = yield from _read_length()
        if length > 4 * rect.area + (1 << 16):
            raise SourceLost(f"The VNC server sends {length} bytes for {rect.area} pixels.")
        return (yield Read(length, rect.area))

    def _read_basic(self, screen: Screen, rect: Rect, stream: Inflate, has_filter: bool) -> Flow[None]:
        kind = (yield Read(1))[0] if has_filter else _COPY
        if kind == _PALETTE:
            (last,) = yield Read(1)
            palette = _colours((yield Read(3 * (last + 1))))
            yield from self._read_palette(screen, rect, stream, palette)
        elif kind in (_COPY, _GRADIENT):
            data = yield from self._read_data(stream, 3 * rect.area)
            if kind == _COPY:
                screen.put(rect, _colours(data).reshape(rect.height, rect.width))
            else:
                screen.put(rect, _ungraded(data, rect))
        else:
            raise SourceLost(f"The VNC server filters a rect in way {kind}, which doesn't exist.")

    def _read_palette(self, screen: Screen, rect: Rect, stream: Inflate, palette: NDArray[np.uint32]) -> Flow[None]:
        is_bits = palette.size <= 2
        row = (rect.width + 7) // 8 if is_bits else rect.width
        data = yield from self._read_data(stream, row * rect.height)
        indices = np.frombuffer(data, dtype=np.uint8).reshape(rect.height, row)
        if is_bits:
            indices = np.unpackbits(indices, axis=1)[:, : rect.width]
        if indices.size and indices.max() >= palette.size:
            raise SourceLost("The VNC server uses a colour that it hasn't sent.")
        screen.put(rect, palette[indices])

    def _read_data(self, stream: Inflate, size: int) -> Flow[bytes]:
        if size < _LEAST_PACKED:
            return (yield Read(size))
        length = yield from _read_length()
        if length > size + size // 100 + 1024:
            raise SourceLost(f"The VNC server sends {length} bytes for a picture of {size}.")
        return stream.exactly((yield Read(length, size)), size)


def _read_length() -> Flow[int]:
    """A number of one to three bytes, seven bits of it in each, the lowest first."""
    (first,) = yield Read(1)
    if not first & 128:
        return int(first)
    (second,) = yield Read(1)
    if not second & 128:
        return first & 127 | second << 7
    (third,) = yield Read(1)
    return first & 127 | (second & 127) << 7 | third << 14


def _colours(data: bytes) -> NDArray[np.uint32]:
    return _joined(np.frombuffer(data, dtype=np.uint8).reshape(-1, 3))


def _joined(triples: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Pixels of their red, green and blue, which are the last axis."""
    wide = triples.astype(np.uint32)
    joined: NDArray[np.uint32] = wide[..., 0] << np.uint32(16) | wide[..., 1] << np.uint32(8) | wide[..., 2]
    return joined


def _ungraded(data: bytes, rect: Rect) -> NDArray[np.uint32]:
    """Pixels whose difference to what their neighbours make expect was sent."""
    height, width = rect.height, rect.width
    sent = np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3).astype(np.int16)
    # With a row and a column of nothing before them.
    found = np.zeros((height + 1, width + 1, 3), dtype=np.int16)
    # All pixels of a diagonal depend on those of the two before it only.
    for diagonal in range(height + width - 1):
        rows = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        columns = diagonal - rows
        expected = found[rows + 1, columns] + found[rows, columns + 1] - found[rows, columns]
        found[rows + 1, columns + 1] = sent[rows, columns] + np.clip(expected, 0, 255) & 255
    return _joined(found[1:, 1:].astype(np.uint8))


def _decode_jpeg(data: bytes, rect: Rect) -> NDArray[np.uint32]:
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        _check_size(width, height, rect)
        decoded = simplejpeg.decode_jpeg(data, colorspace="BGRA")
    except ValueError as error:
        raise SourceLost(f"The VNC server sends a JPEG that can't be read: {error}.") from None
    pixels: NDArray[np.uint32] = np.ascontiguousarray(decoded).view(np.uint32)[:, :, 0]
    return pixels


def _decode_png(data: bytes, rect: Rect) -> NDArray[np.uint32]:
    try:
        # Before Pillow warns of its size: a PNG's begins with it.
        _check_size(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), rect)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            # A second header counts.
            _check_size(*image.size, rect)
            return _joined(np.asarray(image.convert("RGB")))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceLost(f"The VNC server sends a PNG that can't be read: {error}.") from None


def _check_size(width: int, height: int, rect: Rect) -> None:
    if (width, height) != (rect.width, rect.height):
        raise SourceLost(f"The VNC server sends a picture of {width}x{height} for {rect.width}x{rect.height}.")
