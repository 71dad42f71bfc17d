import io
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.pictures import photograph, read_image, text, to_pixels
from voxy.blocks import Size
from voxy.screen.encoders import deflate, deflate_coarse, encode_jpeg, encode_png, encode_rgba_png
from voxy.screen.framebuffer import Pixels


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


def test_coarse_text_is_half_as_long_and_nothing_is_far_from_what_it_was() -> None:
    for pixels in (text(Size(640, 480)).ravel(), photograph(Size(64, 64)).ravel(), text(Size(1, 1)).ravel()):
        data = zlib.decompress(deflate_coarse(pixels))
        indices, palette = np.frombuffer(data[: pixels.size], np.uint8), np.frombuffer(data[pixels.size :], np.uint8)
        assert palette.size == 3 * (int(indices.max()) + 1) <= 3 * 64
        shown = palette.reshape(-1, 3)[indices].astype(int)
        wanted = np.stack([pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255], axis=-1).astype(int)
        assert np.abs(shown - wanted).max() < 64
    pixels = text(Size(640, 480)).ravel()
    assert len(deflate_coarse(pixels)) < 0.5 * len(deflate(pixels))


def test_noise_is_packed_quickly_for_any_line() -> None:
    pixels = photograph(Size(256, 256))
    assert encode_png(pixels, 35) == encode_png(pixels, 80)
