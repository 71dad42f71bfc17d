import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import framebuffer_of, photograph
from voxy.blocks import BLOCK, BlockGrid, Rect, Size
from voxy.blocks.likeness import BANDS, Likenesses
from voxy.blocks.memory import Shelf
from voxy.screen.digests import Digests, clues
from voxy.screen.framebuffer import Pixels

SIZE = Size(250, 126)
"""Two rows of four blocks, of which the last are cut off by the screen's edge."""

GRID = BlockGrid(SIZE)
BLOCKS = np.arange(GRID.count)


def shelf_with(*images: int) -> Shelf:
    shelf = Shelf(1000)
    shelf.take([(image, 1) for image in images])
    return shelf


class Memory:
    """Likenesses, and the pictures of which they are."""

    def __init__(self) -> None:
        self.likenesses = Likenesses()
        self.digests = Digests()
        self.pictures: dict[int, Pixels] = {}

    def keep(self, image: int, pixels: Pixels) -> None:
        framebuffer = framebuffer_of(pixels)
        bands = [self.digests.of_bands(framebuffer, block) for block in BLOCKS.tolist()]
        self.likenesses.add(image, [*clues(framebuffer, BLOCKS).values()], bands)
        self.pictures[image] = framebuffer.front

    def draw(self, pixels: Pixels, shelf: Shelf) -> tuple[list[int], tuple[Rect, ...]]:
        """The blocks that are missing, and the fixes; with both, what is drawn of kept pictures is the screen."""
        framebuffer = framebuffer_of(pixels)
        drawn = np.zeros_like(framebuffer.front)
        missing, found, fixes = self.likenesses.recall(
            BLOCKS, clues(framebuffer, BLOCKS), lambda block: self.digests.of_bands(framebuffer, block), shelf, GRID
        )
        for image, places in found.items():
            assert image in shelf
            for block, place in places.items():
                drawn[whole(block)] = self.pictures[image][whole(place)]
        for block in missing.tolist():
            drawn[whole(block)] = framebuffer.front[whole(block)]
        for fix in fixes:
            assert fix.intersect(Rect.of(SIZE)) == fix
            drawn[fix.slices] = framebuffer.front[fix.slices]
        assert (drawn == framebuffer.front).all()
        return missing.tolist(), fixes


def whole(block: int) -> tuple[slice, slice]:
    row, column = divmod(block, GRID.columns)
    return slice(row * BLOCK, (row + 1) * BLOCK), slice(column * BLOCK, (column + 1) * BLOCK)


def test_a_clock_in_a_photograph_is_all_that_goes_anew() -> None:
    memory, clocked = Memory(), photograph(SIZE)
    memory.keep(1, photograph(SIZE))
    clocked[9:15, 100:140] = 0xFFFFFF
    assert memory.draw(clocked, shelf_with(1)) == ([], (Rect(64, 8, 64, 8), Rect(128, 8, 64, 8)))


def test_the_last_band_ends_with_the_screen() -> None:
    memory, changed = Memory(), photograph(SIZE)
    memory.keep(1, changed.copy())
    changed[-1, -1] ^= 1
    assert memory.draw(changed, shelf_with(1)) == ([], (Rect(192, 120, 58, 6),))


@pytest.mark.parametrize(("bands", "is_missing"), [(3, False), (4, True)])
def test_what_differs_in_much_of_it_is_sent_whole(bands: int, is_missing: bool) -> None:
    memory, changed = Memory(), photograph(SIZE)
    memory.keep(1, changed.copy())
    changed[: bands * BLOCK // BANDS, :BLOCK] ^= 1
    assert memory.draw(changed, shelf_with(1))[0] == [0] * is_missing


def test_only_what_is_on_the_shelf_is_drawn_from() -> None:
    memory = Memory()
    memory.keep(1, photograph(SIZE))
    memory.keep(2, photograph(SIZE, seed=2))
    assert memory.draw(photograph(SIZE), shelf_with(2)) == (BLOCKS.tolist(), ())
    assert memory.draw(photograph(SIZE, seed=2), shelf_with(2)) == ([], ())


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxy.blocks.likeness._MOST_BLOCKS", 12)
    memory = Memory()
    memory.keep(1, photograph(SIZE))
    memory.keep(2, photograph(SIZE, seed=2))
    assert memory.draw(photograph(SIZE), shelf_with(1, 2)) == ([0, 1, 2, 3], ())


@given(
    st.lists(st.tuples(st.integers(0, 249), st.integers(0, 125), st.integers(1, 60), st.integers(1, 40)), max_size=6)
)
def test_whatever_changed_what_is_drawn_is_the_screen(changes: list[tuple[int, int, int, int]]) -> None:
    memory, changed = Memory(), photograph(SIZE)
    memory.keep(1, photograph(SIZE))
    for number, (x, y, width, height) in enumerate(changes):
        changed[y : y + height, x : x + width] ^= 0x808080
        memory.draw(changed, shelf_with(*range(1, 2 + number)))
        memory.keep(2 + number, changed)
