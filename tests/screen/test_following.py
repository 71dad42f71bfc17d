import numpy as np
import pytest

from tests.pictures import photograph, text
from voxy.blocks import BLOCK, Copy, Rect, Size
from voxy.blocks.geometry import to_pixels
from voxy.screen.differ import BlockDiffer
from voxy.screen.following import check, follow
from voxy.screen.framebuffer import Framebuffer, Pixels

SIZE = Size(1280, 800)
LONG = text(Size(640, 2048))
WIDE = photograph(Size(1600, 1200))
WALL = photograph(SIZE, seed=7)
PANE = Rect(301, 130, 640, 512)


def pane(picture: np.ndarray, x: int, y: int) -> np.ndarray:
    """A screen with a pane that shows a part of a picture."""
    screen = WALL.copy()
    screen[PANE.slices] = picture[y : y + PANE.height, x : x + PANE.width]
    return screen


def dragged(x: int, y: int) -> np.ndarray:
    """A screen with a window, which may be partly outside."""
    screen = WALL.copy()
    inside = Rect(x, y, 600, 400).intersect(Rect.of(SIZE))
    assert inside
    screen[inside.slices] = LONG[inside.y - y : inside.bottom - y, inside.x - x : inside.right - x]
    return screen


def scrolled(by: int) -> Copy:
    return Copy(Rect(PANE.x, PANE.y + by, PANE.width, PANE.height - by), PANE.x, PANE.y)


def followed(before: Pixels, after: Pixels, last: Copy) -> Copy | None:
    """What `follow` says where the whole blocks are damaged in which something changed."""
    rows, columns = (np.flatnonzero((before != after).any(axis=axis)) // BLOCK for axis in (1, 0))
    cells = Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if rows.size else None
    damaged = to_pixels(cells).intersect(Rect.of(SIZE)) if cells else Rect.of(SIZE)
    assert damaged
    return follow(before, after, last, damaged)


def test_a_scroll_goes_on() -> None:
    assert followed(pane(LONG, 0, 100), pane(LONG, 0, 106), scrolled(6)) == scrolled(6)


def test_a_scroll_goes_on_faster() -> None:
    assert followed(pane(LONG, 0, 100), pane(LONG, 0, 118), scrolled(6)) == scrolled(18)


@pytest.mark.parametrize(("x", "y"), [(3, 5), (-40, 7), (1, -60), (0, 4)])
def test_a_picture_moves_on_in_its_pane(x: int, y: int) -> None:
    last = Copy(Rect(PANE.x + 2, PANE.y + 2, PANE.width - 2, PANE.height - 2), PANE.x, PANE.y)
    copy = followed(pane(WIDE, 200, 200), pane(WIDE, 200 - x, 200 - y), last)
    assert copy
    assert copy.offset == (x, y)
    assert copy.target == PANE.intersect(PANE.moved(x, y))


@pytest.mark.parametrize(("x", "y"), [(5, 3), (20, -13), (-31, 60), (0, 1)])
def test_a_window_is_dragged_on(x: int, y: int) -> None:
    last = Copy(Rect(290, 195, 600, 400), 300, 200)
    copy = followed(dragged(300, 200), dragged(300 + x, 200 + y), last)
    assert copy == Copy(Rect(300, 200, 600, 400), 300 + x, 200 + y)


@pytest.mark.parametrize(("x", "y"), [(150, 60), (60, -20)])
def test_a_window_is_dragged_on_fast(x: int, y: int) -> None:
    last = Copy(Rect(200, 160, 600, 400), 300, 200)
    copy = followed(dragged(300, 200), dragged(300 + x, 200 + y), last)
    assert copy == Copy(Rect(300, 200, 600, 400), 300 + x, 200 + y)


def test_a_window_is_dragged_over_the_edge() -> None:
    copy = followed(dragged(670, 200), dragged(700, 200), Copy(Rect(640, 200, 600, 400), 670, 200))
    assert copy == Copy(Rect(670, 200, 580, 400), 700, 200)
    # Quicker before, it would be where there is no screen.
    copy = followed(dragged(670, 200), dragged(690, 210), Copy(Rect(0, 200, 600, 400), 670, 200))
    assert copy == Copy(Rect(670, 200, 590, 400), 690, 210)


def test_what_has_come_to_rest_moves_no_more() -> None:
    assert followed(pane(LONG, 0, 100), pane(LONG, 0, 100), scrolled(6)) is None
    assert followed(dragged(300, 200), dragged(300, 200), Copy(Rect(290, 195, 600, 400), 300, 200)) is None


def test_what_jumps_is_searched() -> None:
    last = Copy(Rect(290, 195, 600, 400), 300, 200)
    assert followed(dragged(300, 200), dragged(500, 300), last) == Copy(Rect(300, 200, 600, 400), 500, 300)


def test_a_scroll_that_jumps_is_searched_as_one_that_begins() -> None:
    assert followed(pane(LONG, 0, 100), pane(LONG, 0, 300), scrolled(6)) is None
    framebuffer, differ = Framebuffer(SIZE), BlockDiffer()
    for at, moved in ((0, None), (6, 6), (12, 6), (212, 200), (218, 6)):
        framebuffer.fit_back(SIZE)[: SIZE.height, : SIZE.width] = pane(LONG, 0, at)
        copies = differ.diff(framebuffer, (Rect.of(SIZE),)).copies
        assert [copy.offset for copy in copies] == ([(0, -moved)] if moved else [])
        assert differ.follows is bool(moved)
    framebuffer.fit_back(SIZE)[: SIZE.height, : SIZE.width] = pane(WIDE, 0, 0)
    differ.diff(framebuffer, (Rect.of(SIZE),))
    assert not differ.follows, "it has come to rest"


def test_what_has_gone_moves_no_more() -> None:
    assert followed(dragged(300, 200), WALL, Copy(Rect(290, 195, 600, 400), 300, 200)) is None


def test_what_a_server_says_is_checked() -> None:
    before, after = dragged(300, 200), dragged(310, 220)
    assert check(before, after, Rect(310, 220, 600, 400), (10, 20)) == Copy(Rect(300, 200, 600, 400), 310, 220)
    assert check(before, after, Rect(310, 220, 600, 400), (10, 19)) is None
    assert check(before, after, Rect(700, 220, 600, 400), (10, 20)) is None, "a part of it is beyond the screen"
