import numpy as np
import pytest

from voxy.blocks import BlockGrid, Rect, Size
from voxy.blocks.geometry import around_most


def test_size_reads_what_it_prints() -> None:
    assert Size.parse("1366x768") == (1366, 768)
    assert str(Size(1366, 768)) == "1366x768"


@pytest.mark.parametrize("text", ["", "x", "10", "10x", "0x10", "10x-1", "16385x1", "axb"])
def test_size_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Size.parse(text)


def test_rects_intersect_and_unite() -> None:
    a, b = Rect(0, 0, 10, 10), Rect(5, 6, 10, 10)
    assert a.intersect(b) == Rect(5, 6, 5, 4)
    assert a.union(b) == Rect(0, 0, 15, 16)
    assert a.intersect(Rect(10, 0, 5, 5)) is None


def test_grid_covers_odd_sizes() -> None:
    grid = BlockGrid(Size(1366, 768))
    assert (grid.columns, grid.rows, grid.count) == (22, 12, 264)
    assert grid.padded == (1408, 768)


def test_cells_are_those_that_a_rect_touches() -> None:
    grid = BlockGrid(Size(1021, 743))
    assert grid.cells(Rect(63, 64, 2, 64)) == Rect(0, 1, 2, 1)
    assert grid.cells(Rect(1000, 700, 500, 500)) == Rect(15, 10, 1, 2)
    assert grid.cells(Rect(1021, 0, 5, 5)) is None
    assert grid.cells(Rect(-5, -5, 6, 6)) == Rect(0, 0, 1, 1)


def test_around_most_leaves_out_what_stands_apart() -> None:
    mask = np.zeros((30, 60), dtype=np.bool_)
    mask[5:9, 10:14] = True
    assert around_most(mask) == Rect(10, 5, 4, 4)
    mask[0, :6] = mask[29, 54:] = mask[12, 20] = True
    assert around_most(mask) == Rect(10, 5, 4, 4)
    # One cell that touches is taken in, with all that lies between.
    mask[8, 14:18] = True
    assert around_most(mask) == Rect(10, 5, 8, 4)
