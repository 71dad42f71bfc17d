"""The pixels of a desktop, twice: what a source grabs into, and what viewers are brought up to date with."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BlockGrid, Generations, Rect, Size

Pixels = NDArray[np.uint32]
"""(rows, columns) of BGRX pixels: 0xXXRRGGBB as a little-endian number."""

COLOUR = np.uint32(0x00FFFFFF)
"""The bits of a pixel that are colour; what drawing programs leave in the others is anything."""


def blank(grid: BlockGrid) -> Pixels:
    """Black pixels for a whole grid, padded to whole blocks."""
    return np.zeros((grid.padded.height, grid.padded.width), dtype=np.uint32)


class Moved(NamedTuple):
    """What a source knows to have moved: the rect around where it is now, and how far it came, right and down."""

    target: Rect
    x: int
    y: int


class Framebuffer:
    """A padded array of BGRX pixels with its generations.

    `back` is grabbed into by the source; `front` is what was compared last, what encoders read, and what
    `generations` counts. What was compared becomes the front, and the front the back, without a copy: so the back is
    as old as the grab before the last. Rows and columns beyond the screen are black and stay so.
    """

    def __init__(self, size: Size) -> None:
        self.grid = BlockGrid(size)
        self.front = blank(self.grid)
        self.generations = Generations(self.grid.count)
        self.back = self.front.copy()
        self.noticed_at = 0.0
        """When the source noticed the first change that its last grab brought, by the monotonic clock."""
        self.moved: Moved | None = None
        """What moved with the last grab, from a source that knows; it needn't be right."""
        self._back_grid = self.grid
        self._stale: Iterable[Rect] = ()

    @property
    def size(self) -> Size:
        return self.grid.size

    def fit_back(self, size: Size) -> Pixels:
        """The array to grab a screen of `size` into, padded; in the same size it shows what the front does."""
        if size != self._back_grid.size:
            self.lend_back(size, blank(BlockGrid(size)))
        stale, self._stale = self._stale, ()
        for rect in stale:
            if inside := rect.intersect(Rect.of(size)):
                self.back[inside.slices] = self.front[inside.slices]
        return self.back

    def lend_back(self, size: Size, back: Pixels) -> None:
        """Have a source's own array, padded, be what it grabs into: it saves a copy and its memory.

        It has to show all that the front does; the source must leave it alone while it is the front.
        """
        self._back_grid = BlockGrid(size)
        self.back = back
        self._stale = ()

    def swap(self, changed: Iterable[Rect]) -> None:
        """Make what was grabbed the front, which differed there alone; looked at when the back is to show it too."""
        self.front, self.back = self.back, self.front
        self._stale = changed

    def adopt_size(self) -> bool:
        """Follow the size of what was grabbed: it is the front, generations start anew. False if it didn't change."""
        if self.grid == self._back_grid:
            return False
        self.grid = self._back_grid
        self.front, self.back = self.back, blank(self.grid)
        self._stale = (Rect.of(self.grid.size),)
        generation = self.generations.current + 1
        self.generations = Generations(self.grid.count)
        self.generations.current = generation
        self.generations.of_block[:] = generation
        return True
