"""Which blocks of what was grabbed differ from what viewers are shown, and what of it only moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Copy, Rect
from voxy.blocks.generations import Blocks
from voxy.screen.framebuffer import Framebuffer
from voxy.screen.motion import find_scroll, move_rows

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""

_LEAST_BLOCKS = 40
"""Changed blocks from which on a scroll is looked for; fewer are sent quicker than searched."""

_WORTHWHILE = 0.7
"""A copy is made if it leaves at most this share of the changed blocks to be sent."""

_Cells = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """The blocks that changed; and, if a copy makes most of that change, the copy and the blocks that it leaves."""

    changed: Blocks
    copy: Copy | None = None
    left: Blocks | None = None


class BlockDiffer:
    """Compares exactly, pixel by pixel, within the damage; never by a hash that could miss a change."""

    def diff(self, framebuffer: Framebuffer, damage: tuple[Rect, ...]) -> Difference:
        """Bring `framebuffer.front` up to date with what was grabbed; return what changed.

        Where the size changed, front and generations start anew and every block has changed.
        """
        if framebuffer.adopt_size():
            framebuffer.front[:] = framebuffer.back
            return Difference(framebuffer.generations.newer_than(0))
        grid = framebuffer.grid
        areas = [cells for rect in damage if (cells := grid.cells(rect))]
        changed = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        for cells in areas:
            changed[_within(cells)] |= _compare(framebuffer, cells)
        copy, left = self._find_copy(framebuffer, changed)
        for cells in areas:
            if changed[_within(cells)].any():
                where = _pixels(cells)
                framebuffer.front[where] = framebuffer.back[where]
        return Difference(np.flatnonzero(changed), copy, left)

    @staticmethod
    def _find_copy(framebuffer: Framebuffer, changed: _Cells) -> tuple[Copy | None, Blocks | None]:
        """Move in the front what moved, if that is most of the change."""
        if np.count_nonzero(changed) < _LEAST_BLOCKS:
            return None, None
        cells = _around(changed)
        area = Rect(*(side * BLOCK for side in cells)).intersect(Rect.of(framebuffer.size))
        assert area
        offset = find_scroll(framebuffer.front, framebuffer.back, area)
        if not offset:
            return None, None
        kept = framebuffer.front[_pixels(cells)].copy()
        source, target = move_rows(framebuffer.front, area, offset)
        left = np.zeros_like(changed)
        left[_within(cells)] = _compare(framebuffer, cells)
        if np.count_nonzero(left) > _WORTHWHILE * np.count_nonzero(changed):
            framebuffer.front[_pixels(cells)] = kept
            return None, None
        # What the copy changed in blocks that had not changed themselves has to be put right too.
        changed |= left
        framebuffer.front[_pixels(cells)] = framebuffer.back[_pixels(cells)]
        return Copy(source, target.x, target.y), np.flatnonzero(left)


def _compare(framebuffer: Framebuffer, cells: Rect) -> _Cells:
    """Which of `cells` differ between back and front."""
    where = _pixels(cells)
    back, front = framebuffer.back[where], framebuffer.front[where]
    # Pairs of pixels compare as 64-bit words, and eight results or together as one word: five times as fast as
    # reducing booleans.
    unequal = (back.view(np.uint64) != front.view(np.uint64)).view(np.uint64)
    rows = np.bitwise_or.reduce(unequal.reshape(cells.height, BLOCK, -1), axis=1)
    mask: _Cells = np.bitwise_or.reduce(rows.reshape(cells.height, cells.width, _WORDS), axis=2) != 0
    return mask


def _pixels(cells: Rect) -> tuple[slice, slice]:
    return np.s_[cells.y * BLOCK : cells.bottom * BLOCK, cells.x * BLOCK : cells.right * BLOCK]


def _within(cells: Rect) -> tuple[slice, slice]:
    return np.s_[cells.y : cells.bottom, cells.x : cells.right]


def _around(mask: _Cells) -> Rect:
    """The smallest rect of cells with all that are set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
