"""Pixels to image files: one table of encoders, each a function of pixels and quality."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray

from voxy.blocks import Encoding
from voxy.screen.framebuffer import Pixels

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _RGBA = 2, 6
"""PNG's numbers of colour types."""
_FILTER_UP = 2
"""PNG's number of the row filter that takes the difference to the row above."""


def encode_png(pixels: Pixels, quality: int = 100) -> bytes:
    """An RGB PNG of BGRX pixels: exact, and through ISA-L's deflate quicker than a JPEG of the same text."""
    height, width = pixels.shape
    rows = np.zeros((height, 1 + width * 3), dtype=np.uint8)
    rgb = rows[:, 1:].reshape(height, width, 3)
    channels = pixels.view(np.uint8).reshape(height, width, 4)
    for channel in range(3):
        rgb[:, :, channel] = channels[:, :, 2 - channel]
    if _is_noisy(pixels):
        rows[1:, 1:] -= rows[:-1, 1:].copy()
        rows[1:, 0] = _FILTER_UP
    return _png(width, height, _RGB, rows)


def _is_noisy(pixels: Pixels) -> bool:
    """Whether few neighbours are equal, as in photographs: there the difference to the row above halves the size."""
    sample = pixels[::16]
    unequal = sample[:, 1:] != sample[:, :-1]
    return bool(np.count_nonzero(unequal) > 0.7 * unequal.size)


def encode_rgba_png(rgba: bytes, width: int, height: int) -> bytes:
    """A PNG with transparency, for cursors."""
    rows = np.zeros((height, 1 + width * 4), dtype=np.uint8)
    rows[:, 1:] = np.frombuffer(rgba, dtype=np.uint8).reshape(height, width * 4)
    return _png(width, height, _RGBA, rows)


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """A JPEG of BGRX pixels with 4:2:0 chroma."""
    height, width = pixels.shape
    channels = pixels.view(np.uint8).reshape(height, width, 4)
    image: bytes = simplejpeg.encode_jpeg(channels, quality, "BGRX", "420", True)
    return image


ENCODERS: dict[Encoding, Callable[[Pixels, int], bytes]] = {
    Encoding.PNG: encode_png,
    Encoding.JPEG: encode_jpeg,
}


def _png(width: int, height: int, colour_type: int, rows: NDArray[np.uint8]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"".join(
        (
            _PNG_SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", isal_zlib.compress(rows, 1)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", isal_zlib.crc32(body, zlib.crc32(kind)))
