"""Which blocks of what was grabbed differ from what viewers are shown."""

from collections.abc import Iterable

import numpy as np

from voxy.blocks import BLOCK, Rect
from voxy.blocks.generations import Blocks
from voxy.screen.framebuffer import Framebuffer

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""


class BlockDiffer:
    """Compares exactly, pixel by pixel, within the damage; never by a hash that could miss a change."""

    def diff(self, framebuffer: Framebuffer, damage: Iterable[Rect]) -> Blocks:
        """Bring `framebuffer.front` up to date with what was grabbed; return the blocks that changed.

        Where the size changed, front and generations start anew and every block has changed.
        """
        if framebuffer.adopt_size():
            framebuffer.front[:] = framebuffer.back
            return framebuffer.generations.newer_than(0)
        grid = framebuffer.grid
        changed = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
        for rect in damage:
            if cells := grid.cells(rect):
                self._diff_cells(framebuffer, cells, changed)
        return np.flatnonzero(changed)

    @staticmethod
    def _diff_cells(
        framebuffer: Framebuffer, cells: Rect, changed: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    ) -> None:
        where = np.s_[cells.y * BLOCK : cells.bottom * BLOCK, cells.x * BLOCK : cells.right * BLOCK]
        back, front = framebuffer.back[where], framebuffer.front[where]
        # Pairs of pixels compare as 64-bit words, and eight results or together as one word: five times as fast
        # as reducing booleans.
        unequal = (back.view(np.uint64) != front.view(np.uint64)).view(np.uint64)
        rows = np.bitwise_or.reduce(unequal.reshape(cells.height, BLOCK, -1), axis=1)
        mask = np.bitwise_or.reduce(rows.reshape(cells.height, cells.width, _WORDS), axis=2) != 0
        if mask.any():
            front[:] = back
            changed[cells.y : cells.bottom, cells.x : cells.right] |= mask
