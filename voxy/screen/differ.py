"""Which blocks of what was grabbed differ from what viewers are shown, and what of it only moved."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Copy, Rect
from voxy.blocks.generations import NO_BLOCKS, Blocks
from voxy.screen.framebuffer import Framebuffer
from voxy.screen.motion import find_scroll, scroll_rects

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""

_LEAST_BLOCKS = 40
"""Changed blocks from which on a scroll is looked for; fewer are sent quicker than searched."""

_WORTHWHILE = 0.7
"""A copy is made if it leaves at most this share of the changed blocks to be sent."""

_MOST_PATCHED = 24
"""Changed blocks up to which the changed pixels within them are sent alone."""

_PATCHED_SHARE = 0.4
"""They are if they are at most this share of the blocks: what is typed is a tenth of its block."""

_Cells = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """The blocks that changed; and a change in few words, if there is one.

    That is a copy with the blocks that it leaves `left`, or the rects of pixels that changed within few blocks.
    """

    changed: Blocks
    copy: Copy | None = None
    left: Blocks = field(default_factory=lambda: NO_BLOCKS)
    patches: tuple[Rect, ...] = ()


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
            _note(changed, framebuffer, _pixels(cells))
        copy, left = self._find_copy(framebuffer, changed)
        patches = _find_patches(framebuffer, changed)
        for cells in areas:
            if changed[cells.y : cells.bottom, cells.x : cells.right].any():
                where = _slices(_pixels(cells))
                framebuffer.front[where] = framebuffer.back[where]
        return Difference(np.flatnonzero(changed), copy, left, patches)

    @staticmethod
    def _find_copy(framebuffer: Framebuffer, changed: _Cells) -> tuple[Copy | None, Blocks]:
        """The copy that makes most of the change, if one does, and the blocks that it leaves."""
        if np.count_nonzero(changed) < _LEAST_BLOCKS:
            return None, NO_BLOCKS
        area = _pixels(_around(changed)).intersect(Rect.of(framebuffer.size))
        assert area
        offset = find_scroll(framebuffer.front, framebuffer.back, area)
        if not offset:
            return None, NO_BLOCKS
        source, target, bare = scroll_rects(area, offset)
        left = np.zeros_like(changed)
        _note(left, framebuffer, target, source)
        _note(left, framebuffer, bare)
        if np.count_nonzero(left) > _WORTHWHILE * np.count_nonzero(changed):
            return None, NO_BLOCKS
        # What the copy spoils in blocks that did not change has to be put right too.
        changed |= left
        return Copy(source, target.x, target.y), np.flatnonzero(left)


def _find_patches(framebuffer: Framebuffer, changed: _Cells) -> tuple[Rect, ...]:
    """The rects of pixels that changed within the blocks; none if they save little."""
    if np.count_nonzero(changed) > _MOST_PATCHED:
        return ()
    patches: list[Rect] = []
    for row, column in np.argwhere(changed).tolist():
        where = _slices(_pixels(Rect(column, row, 1, 1)))
        inner = _around(framebuffer.back[where] != framebuffer.front[where])
        rect = Rect(column * BLOCK + inner.x, row * BLOCK + inner.y, inner.width, inner.height)
        last = patches[-1] if patches else None
        # What goes on in the next block at the same height is one rect with it.
        if last and (last.right, last.y, last.height) == (rect.x, rect.y, rect.height):
            patches[-1] = last.union(rect)
        else:
            patches.append(rect)
    pixels = sum(rect.width * rect.height for rect in patches)
    return tuple(patches) if pixels <= _PATCHED_SHARE * np.count_nonzero(changed) * BLOCK * BLOCK else ()


def _note(mask: _Cells, framebuffer: Framebuffer, target: Rect, source: Rect | None = None) -> None:
    """Set in `mask` the cells in which `target` of the back differs from `source` of the front (from `target` itself).

    `target` begins at a block's left edge, and covers whole blocks but for those that the screen's edge cuts.
    """
    first, last = target.x // BLOCK, -(-target.right // BLOCK)
    columns = slice(first * BLOCK, last * BLOCK)
    origin = source or target
    back = framebuffer.back[target.y : target.bottom, columns].view(np.uint64)
    front = framebuffer.front[origin.y : origin.bottom, columns].view(np.uint64)
    # Pairs of pixels compare as 64-bit words, and eight results or together as one word: five times as fast as
    # reducing booleans.
    unequal = (back != front).view(np.uint64)
    rows = np.arange(target.y // BLOCK, -(-target.bottom // BLOCK))
    starts = np.maximum(rows * BLOCK - target.y, 0)
    words = np.bitwise_or.reduceat(unequal, starts, axis=0).reshape(rows.size, last - first, _WORDS)
    mask[rows[0] : rows[-1] + 1, first:last] |= np.bitwise_or.reduce(words, axis=2) != 0


def _pixels(cells: Rect) -> Rect:
    return Rect(*(side * BLOCK for side in cells))


def _slices(rect: Rect) -> tuple[slice, slice]:
    return np.s_[rect.y : rect.bottom, rect.x : rect.right]


def _around(mask: _Cells) -> Rect:
    """The smallest rect of cells with all that are set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
