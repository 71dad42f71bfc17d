"""Update operations: what a holder does to bring its array of blocks up to date."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np

from voxy.blocks.generations import NO_BLOCKS, Blocks
from voxy.blocks.geometry import BLOCK, BlockGrid, Rect


class Encoding(IntEnum):
    """How an atlas' image is encoded; the number travels."""

    PNG = 1
    JPEG = 2


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the pixels of `source`, as they were before the update, to the place with its left top at (x, y)."""

    source: Rect
    x: int
    y: int

    @property
    def target(self) -> Rect:
        return Rect(self.x, self.y, self.source.width, self.source.height)

    def carries(self, blocks: Blocks, grid: BlockGrid) -> Blocks:
        """The blocks into which pixels of any of `blocks` are copied."""
        rects = (grid.rect(block).intersect(self.source) for block in blocks.tolist())
        moved_x, moved_y = self.x - self.source.x, self.y - self.source.y
        return grid.touched(Rect(r.x + moved_x, r.y + moved_y, r.width, r.height) for r in rects if r)


@dataclass(frozen=True, slots=True)
class Step:
    """A change from generation `base` to the next in few words: a copy, then patches; and the blocks that these leave.

    Only who has all of generation `base` may take it.
    """

    base: int
    grid: BlockGrid
    left: Blocks
    copy: Copy | None = None
    patches: tuple[Rect, ...] = ()

    def roughens(self, rough: Blocks, changed: Blocks) -> Blocks:
        """Of the blocks that `changed`, and of those around a copy: which are rough, if `rough` were before."""
        carried = self.copy.carries(rough, self.grid) if self.copy else NO_BLOCKS
        return np.setdiff1d(np.union1d(np.intersect1d(rough, changed), carried), self.left)


@dataclass(frozen=True, slots=True)
class Fill:
    """Paint `blocks` with one colour, 0xRRGGBB."""

    colour: int
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Atlas:
    """Draw `blocks` from one image that holds them row by row, `columns` to a row; keep it as `number` (0: don't)."""

    encoding: Encoding
    columns: int
    blocks: Blocks
    image: bytes
    number: int = 0

    @property
    def kept_bytes(self) -> int:
        """What it takes as pixels of four bytes."""
        return self.columns * -(-self.blocks.size // self.columns) * BLOCK * BLOCK * 4


@dataclass(frozen=True, slots=True)
class Recall:
    """Draw `blocks` from an image that was kept, or that came earlier in the same update; `places` are theirs in it."""

    number: int
    blocks: Blocks
    places: Blocks


@dataclass(frozen=True, slots=True)
class Patches:
    """Draw `rects` from one image that holds them one below the other, from its left edge."""

    encoding: Encoding
    rects: tuple[Rect, ...]
    image: bytes


Operation: TypeAlias = Copy | Fill | Atlas | Recall | Patches
