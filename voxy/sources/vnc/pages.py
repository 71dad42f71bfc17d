"""Pages: the arrays that a server draws into, in turn: what is whole is left alone, and nothing is copied for that."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, BlockGrid, Rect, Size
from voxy.blocks.geometry import rects_of
from voxy.screen.framebuffer import Pixels, blank


@dataclass(eq=False, slots=True)
class _Page:
    pixels: Pixels
    stale: NDArray[np.bool_]
    """(rows of pixels, columns of blocks): where it is older than the page before it."""

    def mark(self, rect: Rect) -> None:
        self.stale[rect.y : rect.bottom, rect.x // BLOCK : -(-rect.right // BLOCK)] = True


class Pages:
    """`drawn` is what is drawn into; `turn` makes it `whole`, and goes on with one that nobody looks at.

    That one is older, but is mostly painted over: only what wasn't is copied, when it becomes whole in its turn.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._grid = BlockGrid(size)
        self._pages: list[_Page] = []
        self._whole: _Page | None = None
        self._page = self._new()

    @property
    def drawn(self) -> Pixels:
        return self._page.pixels

    @property
    def whole(self) -> Pixels | None:
        """The newest that is whole; nobody draws into it any more while it is this, or in use."""
        return self._whole.pixels if self._whole else None

    def begin(self, rect: Rect) -> None:
        """`rect` is about to be drawn."""
        # Of a block that is painted in part, the rest must not be copied over that later.
        for side in (rect.x, rect.right):
            if side % BLOCK and side < self._size.width:
                self.settle(rect.y, rect.bottom, side // BLOCK, side // BLOCK + 1)

    def painted(self, rect: Rect) -> None:
        """All of `rect` was drawn."""
        right = self._grid.columns if rect.right == self._size.width else rect.right // BLOCK
        self._page.stale[rect.y : rect.bottom, -(-rect.x // BLOCK) : right] = False

    def settle(self, top: int = 0, bottom: int | None = None, left: int = 0, right: int | None = None) -> None:
        """Bring what is older up to date, in these rows of pixels and columns of blocks."""
        stale = self._page.stale[top:bottom, left:right]
        if not self._whole or not stale.any():
            return
        for rect in rects_of(stale):
            columns = Rect.between(BLOCK * rect.x, rect.y, BLOCK * rect.right, rect.bottom)
            there = columns.moved(BLOCK * left, top).slices
            self._page.pixels[there] = self._whole.pixels[there]
        stale[:] = False

    def turn(self, painted: Iterable[Rect], in_use: tuple[Pixels, ...]) -> None:
        """What was drawn, which differs from the last that was whole in `painted`, is whole."""
        self.settle()
        self._whole = self._page
        for page in self._pages:
            if page is not self._whole:
                for rect in painted:
                    page.mark(rect)
        taken = (self._whole.pixels, *in_use)
        free = (page for page in self._pages if all(page.pixels is not pixels for pixels in taken))
        self._page = next(free, None) or self._new()

    def _new(self) -> _Page:
        page = _Page(blank(self._grid), np.ones((self._size.height, self._grid.columns), dtype=np.bool_))
        self._pages.append(page)
        return page
