import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pictures import framebuffer_of, photograph, text
from voxy.blocks import Rect, Size
from voxy.screen.differ import BlockDiffer
from voxy.screen.motion import find_scroll

SIZE = Size(640, 512)
LONG = text(Size(SIZE.width, 2048))
AREA = Rect.of(SIZE)


def window(top: int) -> np.ndarray:
    return LONG[top : top + SIZE.height].copy()


@pytest.mark.parametrize("offset", [-200, -20, -6, -1, 1, 7, 64, 300])
def test_scrolls_of_any_length_are_found(offset: int) -> None:
    assert find_scroll(window(500), window(500 - offset), AREA) == offset


def test_other_text_is_no_scroll() -> None:
    assert find_scroll(window(0), text(SIZE, "something else altogether "), AREA) == 0


def test_what_stands_still_is_no_scroll() -> None:
    assert find_scroll(window(9), window(9), AREA) == 0
    flat = np.zeros((SIZE.height, SIZE.width), dtype=np.uint32)
    assert find_scroll(flat, flat, AREA) == 0


def test_photograph_scrolls_too() -> None:
    picture = photograph(Size(SIZE.width, 800))
    assert find_scroll(picture[100:612].copy(), picture[90:602].copy(), AREA) == 10


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1500), st.integers(-300, 300), st.integers(0, 300), st.integers(0, 200))
def test_copy_and_what_it_leaves_make_the_whole_change(top: int, by: int, still_rows: int, still_columns: int) -> None:
    """The oracle: the old picture, moved, with the blocks that are left put in, is the new picture."""
    after = window(min(max(top + by, 0), 1536))
    before = window(top)
    after[:still_rows], after[:, :still_columns] = before[:still_rows], before[:, :still_columns]
    framebuffer = framebuffer_of(before)
    model = framebuffer.front.copy()
    framebuffer.back[: SIZE.height, : SIZE.width] = after
    difference = BlockDiffer().diff(framebuffer, (AREA,))
    blocks = difference.changed
    if difference.copy and difference.left is not None:
        source, x, y = difference.copy.source, difference.copy.x, difference.copy.y
        moved = model[source.y : source.bottom, source.x : source.right].copy()
        model[y : y + source.height, x : x + source.width] = moved
        blocks = difference.left
        assert set(blocks.tolist()) <= set(difference.changed.tolist())
        assert blocks.size < difference.changed.size
    for block in blocks.tolist():
        rect = framebuffer.grid.rect(block)
        where = np.s_[rect.y : rect.bottom, rect.x : rect.right]
        model[where] = framebuffer.back[where]
    assert (model == framebuffer.back).all()
    assert (framebuffer.front == framebuffer.back).all()
