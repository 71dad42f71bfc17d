"""Pixels to image files: one table of encoders, each a function of pixels and quality."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray

from voxy.blocks import Encoding
from voxy.screen.framebuffer import COLOUR, Pixels

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _RGBA = 2, 6
"""PNG's numbers of colour types."""
_FILTER_UP = 2
"""PNG's number of the row filter that takes the difference to the row above."""

_STRIP = 64
"""Rows that are prepared at a time: what fits the processor's cache, and no second picture in memory."""

_DEFLATE_LEVEL = 3
"""Of what scrolls in, it makes 14 % less than ISA-L in 0.15 ms more; level 6 makes 4 % less again in 0.2 ms."""

_COARSE_LEVEL = 6
"""A fifth less than level 3 makes, in 0.4 ms more a line of text."""

_ALIKE = np.uint32(0xC0C0C0)
"""The bits of a colour that are the same in those that are alike."""

_QUICK_QUALITY = 80
"""The quality of JPEGs from which on time is worth more than bytes."""


def encode_png(pixels: Pixels, quality: int = 100) -> bytes:
    """An RGB PNG of BGRX pixels: exact, and through ISA-L's deflate quicker than a JPEG of the same text.

    Where `quality` tells that the line is slow for as much, text is packed smaller.
    """
    height, width = pixels.shape
    is_noisy = _is_noisy(pixels)
    is_worth_more = 0 < quality < _QUICK_QUALITY and not is_noisy
    return _png(width, height, _RGB, _scanlines(pixels, is_noisy), is_worth_more)


def _scanlines(pixels: Pixels, is_noisy: bool) -> Iterator[NDArray[np.uint8]]:
    """The rows as PNG has them, some at a time, each behind the number of its filter; to be used before the next."""
    height, width = pixels.shape
    channels = pixels.view(np.uint8).reshape(height, width, 4)
    lines = np.zeros((1 + min(_STRIP, height), 1 + width * 3), dtype=np.uint8)
    rgb = lines[:, 1:].reshape(-1, width, 3)
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        for channel in range(3):
            rgb[1 : 1 + rows, :, channel] = channels[top : top + rows, :, 2 - channel]
        if is_noisy:
            filtered = lines[1 : 1 + rows] - lines[:rows]
            filtered[:, 0] = _FILTER_UP
            yield filtered
            lines[0] = lines[rows]
        else:
            yield lines[1 : 1 + rows]


def _is_noisy(pixels: Pixels) -> bool:
    """Whether few neighbours are equal, as in photographs: there the difference to the row above halves the size."""
    sample = pixels[::16]
    unequal = sample[:, 1:] != sample[:, :-1]
    return bool(np.count_nonzero(unequal) > 0.7 * unequal.size)


def encode_rgba_png(rgba: bytes, width: int, height: int) -> bytes:
    """A PNG with transparency, for cursors."""
    rows = np.zeros((height, 1 + width * 4), dtype=np.uint8)
    rows[:, 1:] = np.frombuffer(rgba, dtype=np.uint8).reshape(height, width * 4)
    return _png(width, height, _RGBA, [rows])


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """A JPEG of BGRX pixels with 4:2:0 chroma."""
    height, width = pixels.shape
    channels = pixels.view(np.uint8).reshape(height, width, 4)
    image: bytes = simplejpeg.encode_jpeg(channels, quality, "BGRX", "420", True)
    return image


def deflate(pixels: Pixels) -> bytes:
    """A zlib stream of the RGB of a row of BGRX pixels, for so few that a smaller stream is worth more time."""
    return zlib.compress(_rgb(pixels).tobytes(), _DEFLATE_LEVEL)


def deflate_coarse(pixels: Pixels) -> bytes:
    """A zlib stream of indexed pixels in few of their colours, for lines that are too slow for all of them.

    Of text it is less than a third of the exact one, and shows the same letters on the same ground.
    """
    palette, indices = _coarse(*_indexed(pixels & COLOUR))
    return zlib.compress(indices.astype(np.uint8).tobytes() + _rgb(palette).tobytes(), _COARSE_LEVEL)


def _rgb(pixels: Pixels) -> NDArray[np.uint8]:
    bgrx = pixels.view(np.uint8).reshape(-1, 4)
    rgb = np.empty((pixels.size, 3), dtype=np.uint8)
    for channel in range(3):
        rgb[:, channel] = bgrx[:, 2 - channel]
    return rgb


def _indexed(pixels: Pixels) -> tuple[Pixels, NDArray[np.intp]]:
    """The different pixels of a row, sorted, and which of them each is."""
    # Of text and plain grounds one in ten differs from the one before.
    starts = np.flatnonzero(np.append(True, pixels[1:] != pixels[:-1]))
    firsts = pixels[starts]
    ordered = np.sort(firsts)
    palette = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return palette, np.repeat(np.searchsorted(palette, firsts), np.diff(starts, append=pixels.size))


def _coarse(palette: Pixels, indices: NDArray[np.intp]) -> tuple[Pixels, NDArray[np.intp]]:
    """The same in 64 colours at the most: of those that are alike all become the one that most pixels have."""
    by_frequency = np.argsort(-np.bincount(indices), kind="stable")
    _, first, of_colour = np.unique(palette[by_frequency] & _ALIKE, return_index=True, return_inverse=True)
    chosen = np.empty_like(by_frequency)
    chosen[by_frequency] = of_colour
    return palette[by_frequency[first]], chosen[indices]


ENCODERS: dict[Encoding, Callable[[Pixels, int], bytes]] = {
    Encoding.PNG: encode_png,
    Encoding.JPEG: encode_jpeg,
}


def _png(
    width: int, height: int, colour_type: int, scanlines: Iterable[NDArray[np.uint8]], is_worth_more: bool = False
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    compressor = zlib.compressobj(_DEFLATE_LEVEL) if is_worth_more else isal_zlib.compressobj(1)
    compressed = [compressor.compress(rows.data) for rows in scanlines]
    return b"".join(
        (
            _PNG_SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", b"".join((*compressed, compressor.flush()))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", isal_zlib.crc32(body, zlib.crc32(kind)))
