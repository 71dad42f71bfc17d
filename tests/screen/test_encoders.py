import io

import numpy as np
import pytest
from PIL import Image

from tests.pictures import photograph, text, to_pixels
from voxy.blocks import Size
from voxy.screen.encoders import encode_jpeg, encode_png, encode_rgba_png
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
