"""Sizes, rects and the grid of blocks that covers a screen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from voxy.blocks.generations import Blocks, blocks_in

BLOCK = 64
"""Pixels a block is wide and high: a multiple of JPEG's 16-pixel units, and 510 of them cover 1920×1080."""

MAX_SIDE = 16384
"""Pixels: the widest and highest screen, so that a block's index fits 16 bits on the wire."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1920x1080`; raise ValueError for anything else or a side outside 1…16384."""
        width, _, height = text.lower().partition("x")
        size = cls(int(width), int(height))
        if not (0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE):
            raise ValueError(f"a size from 1x1 to {MAX_SIDE}x{MAX_SIDE} is needed, not {text}")
        return size

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Rect(NamedTuple):
    """A rectangle of pixels; `right` and `bottom` are the first pixel outside.

    What is done hundreds of times for a picture unpacks it once: each look at a property is a call.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array of pixels."""
        x, y, width, height = self
        return slice(y, y + height), slice(x, x + width)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The rect that covers a whole screen of `size`."""
        return cls(0, 0, size.width, size.height)

    @classmethod
    def between(cls, left: int, top: int, right: int, bottom: int) -> Self:
        return cls(left, top, right - left, bottom - top)

    def moved(self, x: int, y: int) -> "Rect":
        """As large, `x` columns to the right and `y` rows below."""
        return Rect(self.x + x, self.y + y, self.width, self.height)

    def intersect(self, other: "Rect") -> "Rect | None":
        """The part that both cover, or None."""
        x, y, width, height = self
        its_x, its_y, its_width, its_height = other
        left, top = max(x, its_x), max(y, its_y)
        right, bottom = min(x + width, its_x + its_width), min(y + height, its_y + its_height)
        return Rect(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def union(self, other: "Rect") -> "Rect":
        """The smallest rect that covers both."""
        x, y, width, height = self
        its_x, its_y, its_width, its_height = other
        left, top = min(x, its_x), min(y, its_y)
        right, bottom = max(x + width, its_x + its_width), max(y + height, its_y + its_height)
        return Rect(left, top, right - left, bottom - top)

    def grown(self, by: int) -> "Rect":
        """With so many columns and rows more on each side, which may be beyond the screen."""
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def beside(self, inner: "Rect") -> "list[Rect]":
        """What it has beside `inner`, which it has all of."""
        around = (
            Rect.between(self.x, self.y, self.right, inner.y),
            Rect.between(self.x, inner.bottom, self.right, self.bottom),
            Rect.between(self.x, inner.y, inner.x, inner.bottom),
            Rect.between(inner.right, inner.y, self.right, inner.bottom),
        )
        return [rect for rect in around if rect.area]


def to_pixels(cells: Rect) -> Rect:
    """The pixels of a rect of cells, with what of its blocks is beyond the screen."""
    x, y, width, height = cells
    return Rect(BLOCK * x, BLOCK * y, BLOCK * width, BLOCK * height)


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """The blocks that cover a screen, numbered row by row from the top left."""

    size: Size
    block: int = BLOCK

    @property
    def columns(self) -> int:
        return -(-self.size.width // self.block)

    @property
    def rows(self) -> int:
        return -(-self.size.height // self.block)

    @property
    def count(self) -> int:
        return self.columns * self.rows

    @property
    def padded(self) -> Size:
        """The size rounded up to whole blocks."""
        return Size(self.columns * self.block, self.rows * self.block)

    def rect(self, index: int) -> Rect:
        """The pixels of block `index`, clipped to the screen."""
        row, column = divmod(index, self.columns)
        x, y = column * self.block, row * self.block
        return Rect.between(x, y, min(x + self.block, self.size.width), min(y + self.block, self.size.height))

    def cells(self, rect: Rect) -> Rect | None:
        """The rect of cells (columns and rows, not pixels) that `rect` touches; None where it is off screen."""
        inside = rect.intersect(Rect.of(self.size))
        if inside is None:
            return None
        return Rect.between(
            inside.x // self.block,
            inside.y // self.block,
            -(-inside.right // self.block),
            -(-inside.bottom // self.block),
        )

    def touched(self, rects: Iterable[Rect]) -> Blocks:
        """Indices of all blocks that any of `rects` touches, ascending."""
        mask = np.zeros((self.rows, self.columns), dtype=np.bool_)
        for rect in rects:
            if cells := self.cells(rect):
                mask[cells.slices] = True
        return blocks_in(mask)

    def rects(self, blocks: Blocks) -> list[Rect]:
        """Rects that have the pixels of these blocks, clipped to the screen, each once."""
        mask = np.zeros(self.count, dtype=np.bool_)
        mask[blocks] = True
        cells, screen = rects_of(mask.reshape(self.rows, self.columns)), Rect.of(self.size)
        return [inside for rect in cells if (inside := to_pixels(rect).intersect(screen))]


def rects_of(mask: NDArray[np.bool_]) -> list[Rect]:
    """Rects that have each cell that is set once, and no others."""
    if mask.any() and mask[(whole := around(mask)).slices].all():
        return [whole]
    edged = np.zeros((len(mask), mask.shape[1] + 2), dtype=np.bool_)
    edged[:, 1:-1] = mask
    rows, edges = np.nonzero(edged[:, 1:] != edged[:, :-1])
    found: list[Rect] = []
    growing: dict[tuple[int, int], Rect] = {}
    for row, left, right in zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        above = growing.pop((left, right), None)
        if above and above.bottom < row:
            found.append(above)
            above = None
        growing[left, right] = Rect.between(left, above.y if above else row, right, row + 1)
    return [*found, *growing.values()]


def around(mask: NDArray[np.bool_]) -> Rect:
    """The smallest rect of cells, or of pixels, with all that are set; there must be one."""
    rows, columns = (blocks_in(np.logical_or.reduce(mask, axis=axis)) for axis in (1, 0))
    return Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def around_most(mask: NDArray[np.bool_]) -> Rect:
    """The rect around most of the cells that are set, without others that stand apart; there must be one."""
    top, bottom = _fullest(mask.sum(axis=1))
    left, right = _fullest(mask[top:bottom].sum(axis=0))
    top, bottom = _fullest(mask[:, left:right].sum(axis=1))
    return Rect.between(left, top, right, bottom)


def _fullest(counts: NDArray[np.intp]) -> tuple[int, int]:
    """Where the run of lines begins and ends that have most, none of which is empty."""
    edges = np.flatnonzero(np.diff(counts > 0, prepend=False, append=False))
    until = np.append(0, np.cumsum(counts))
    fullest = int(np.argmax(until[edges[1::2]] - until[edges[::2]]))
    return int(edges[2 * fullest]), int(edges[2 * fullest + 1])
