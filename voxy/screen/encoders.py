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
"""An eighth less than level 3 makes, in 7 ms more a screen of text."""

_MOST_COLOURS = 16
_SAMPLED = 8192
"""Colours that coarse pixels have, two of them in a byte; and runs of pixels that are looked at to choose them."""

_CHANNELS = np.indices((4, 4, 4)).reshape(3, -1).T
"""(64, 3): red, green and blue of each shade."""

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
    """A zlib stream of a row of BGRX pixels in 16 of their colours, for lines that are too slow for all of them.

    Of text it is a quarter of the exact one, and shows the same letters on the same ground.
    """
    # Of text and plain grounds one in ten differs from the one before.
    starts = np.flatnonzero(np.append(True, pixels[1:] != pixels[:-1]))
    firsts, lengths = pixels[starts] & COLOUR, np.diff(starts, append=pixels.size)
    palette, index_of_shade = _few_colours(firsts, lengths)
    indices = np.repeat(index_of_shade[_shades(firsts)], lengths)
    return zlib.compress(_nibbles(indices).tobytes() + _rgb(palette).tobytes(), _COARSE_LEVEL)


def _rgb(pixels: Pixels) -> NDArray[np.uint8]:
    bgrx = pixels.view(np.uint8).reshape(-1, 4)
    rgb = np.empty((pixels.size, 3), dtype=np.uint8)
    for channel in range(3):
        rgb[:, channel] = bgrx[:, 2 - channel]
    return rgb


def _few_colours(firsts: Pixels, lengths: NDArray[np.intp]) -> tuple[Pixels, NDArray[np.uint8]]:
    """The palette for runs of these colours and lengths, and for each shade the index of the colour nearest to it.

    Of a shade it has the colour that most pixels have, so that grounds and inks stay as they are.
    """
    some = np.s_[:: 1 + firsts.size // _SAMPLED]
    colours, which = np.unique(firsts[some], return_inverse=True)
    by_frequency = colours[np.argsort(-np.bincount(which, lengths[some]), kind="stable")]
    _, first_of_shade = np.unique(_shades(by_frequency), return_index=True)
    palette = by_frequency[np.sort(first_of_shade)[:_MOST_COLOURS]]
    apart = _CHANNELS[:, np.newaxis] - _CHANNELS[_shades(palette)]
    return palette, np.square(apart).sum(axis=2).argmin(axis=1).astype(np.uint8)


def _shades(colours: Pixels) -> NDArray[np.uint8]:
    """The two highest bits of each channel."""
    return (colours >> 18 & 0x30 | colours >> 12 & 0x0C | colours >> 6 & 0x03).astype(np.uint8)


def _nibbles(indices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two to a byte, the first in its upper half."""
    pairs = np.append(indices, np.zeros(indices.size % 2, dtype=np.uint8)).reshape(-1, 2)
    return pairs[:, 0] << np.uint8(4) | pairs[:, 1]


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
