import io
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import photograph, read_image, read_indexed, text, to_pixels
from voxy.blocks import Size
from voxy.screen.encoders import deflate, deflate_coarse, encode_jpeg, encode_png, encode_rgba_png
from voxy.screen.framebuffer import COLOUR, Pixels


@pytest.mark.parametrize("picture", [text(Size(320, 200)), photograph(Size(321, 199)), text(Size(1, 1))])
def test_png_is_exact(picture: Pixels) -> None:
    shown = Image.open(io.BytesIO(encode_png(picture)))
    assert shown.mode == "RGB"
    assert (to_pixels(np.asarray(shown)) == picture).all()


def test_jpeg_is_near_and_quality_matters() -> None:
    picture = photograph(Size(320, 256))
    fine, coarse = encode_jpeg(picture, 85), encode_jpeg(picture, 35)
    assert len(coarse) < len(fine)
    shown = np.asarray(Image.open(io.BytesIO(fine)).convert("RGB")).astype(int)
    wanted = np.stack([picture >> 16 & 255, picture >> 8 & 255, picture & 255], axis=-1).astype(int)
    assert np.abs(shown - wanted).mean() < 4


def test_cursor_keeps_its_transparency() -> None:
    rgba = bytes(range(4 * 3 * 5))
    shown = Image.open(io.BytesIO(encode_rgba_png(rgba, 3, 5)))
    assert (shown.size, shown.tobytes()) == ((3, 5), rgba)


def test_text_for_a_slow_line_is_packed_smaller_and_the_same() -> None:
    pixels = text(Size(640, 480))
    quick, small = encode_png(pixels, 80), encode_png(pixels, 35)
    assert len(small) < 0.95 * len(quick)
    assert (read_image(small) == pixels).all()


def test_coarse_text_is_a_third_as_long_and_nearly_the_same() -> None:
    pixels = text(Size(640, 480)).ravel()
    coarse = deflate_coarse(pixels)
    shown = read_indexed(zlib.decompress(coarse), pixels.size)
    assert len(coarse) < 0.35 * len(deflate(pixels))
    # Ground and ink, which most pixels have, are exact; what lies between them isn't far from what it was.
    colours, counts = np.unique(pixels, return_counts=True)
    for colour in colours[np.argsort(-counts)[:2]]:
        assert (shown[pixels == colour] == colour).all()
    assert _apart(shown, pixels).max() < 64


@pytest.mark.parametrize("side", [1, 3, 64])
def test_coarse_pixels_of_any_kind_are_their_own_colours(side: int) -> None:
    pixels = photograph(Size(side, side)).ravel() | np.uint32(0x5A000000)
    shown = read_indexed(zlib.decompress(deflate_coarse(pixels)), pixels.size)
    assert np.unique(shown).size <= 16
    assert np.isin(shown, pixels & COLOUR).all()
    assert _apart(shown, pixels).mean() < 64


def _apart(some: Pixels, others: Pixels) -> NDArray[np.intp]:
    """By how much the channels of pixels differ."""
    channels = [[pixels >> shift & 255 for shift in (0, 8, 16)] for pixels in (some, others)]
    return np.abs(np.subtract(*np.array(channels, dtype=np.intp)))


def test_noise_is_packed_quickly_for_any_line() -> None:
    pixels = photograph(Size(256, 256))
    assert encode_png(pixels, 35) == encode_png(pixels, 80)
