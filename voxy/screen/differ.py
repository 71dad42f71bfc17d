"""Which blocks of what was grabbed differ from what viewers are shown, and what of it only moved."""

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, BlockGrid, Copy, Rect
from voxy.blocks.generations import NO_BLOCKS, Blocks
from voxy.blocks.geometry import to_pixels
from voxy.screen.content import tiled
from voxy.screen.film import changed_beside
from voxy.screen.framebuffer import Framebuffer, Moved
from voxy.screen.motion import find_copy, find_moved

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""

_LEAST_BLOCKS = 12
"""Blocks of which most changed from which on it is searched what moved; fewer are sent quicker than searched."""

_MOST_SKIPPED = 8
"""Pictures that are not searched at the most, after as many in which nothing had moved."""

_MOST_PATCHED = 192
"""Changed blocks up to which the changed pixels are looked for in all of them; of more, in those at the edge."""

_PIECE = 16
"""Blocks that are looked at at a time, for the processor's cache."""

_PATCHED_SHARE = 0.5
"""They are sent alone if they are at most this share of the block: what is typed is a tenth of its block."""

_MERGED_SHARE = 1.3
"""Neighbours are sent as one rect if that has at most so many times the pixels that they have."""

_Cells = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """The blocks that changed; and the change in fewer words, if there are such.

    That is a copy, then rects of pixels (`patches`), with the blocks that are `left` to be sent whole.
    """

    changed: Blocks
    copy: Copy | None = None
    left: Blocks = field(default_factory=lambda: NO_BLOCKS)
    patches: tuple[Rect, ...] = ()
    beside: Blocks = field(default_factory=lambda: NO_BLOCKS)
    """The blocks in which something beside a film changed."""


class BlockDiffer:
    """Compares exactly, pixel by pixel, within the damage; never by a hash that could miss a change."""

    def __init__(self) -> None:
        self._misses = 0
        self._skipped = 0
        self._last: Copy | None = None
        """What moved in the last picture."""

    def diff(self, framebuffer: Framebuffer, damage: tuple[Rect, ...], film: Rect | None = None) -> Difference:
        """Bring `framebuffer.front` up to date with what was grabbed; return what changed, also beside a film.

        Where the size changed, front and generations start anew and every block has changed.
        """
        moved, framebuffer.moved = framebuffer.moved, None
        if framebuffer.adopt_size():
            framebuffer.front[:] = framebuffer.back
            return Difference(framebuffer.generations.newer_than(0))
        grid = framebuffer.grid
        areas = _distinct([cells for rect in damage if (cells := grid.cells(rect))], grid)
        beside = changed_beside(framebuffer, film) if film else NO_BLOCKS
        copy = (moved and _told_copy(framebuffer, moved)) or self._follow_copy(framebuffer, areas)
        if copy:
            changed = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
            changed[_cells_of(copy, framebuffer).slices] = True
        else:
            changed = _compare(framebuffer, areas)
            whole, patches = _split(framebuffer, changed)
            copy = self._find_copy(framebuffer, changed) if whole.size >= _LEAST_BLOCKS else None
        left = changed
        if copy:
            # The rest is what differs from the front as the copy leaves it.
            framebuffer.apply(copy)
            left = _compare(framebuffer, _distinct([*areas, _cells_of(copy, framebuffer)], grid))
            changed |= left
            self._last = copy
            whole, patches = _split(framebuffer, left)
        _adopt(framebuffer, left)
        return Difference(np.flatnonzero(changed), copy, whole, patches, beside)

    def _follow_copy(self, framebuffer: Framebuffer, areas: list[Rect]) -> Copy | None:
        """What moved in the last picture mostly goes on moving: the copy, where that is so, without a comparison."""
        last, self._last = self._last, None
        moved = last and framebuffer.grid.cells(last.source.union(last.target))
        if not last or not moved:
            return None
        touching = [cells for cells in areas if cells.intersect(moved)]
        around = functools.reduce(Rect.union, touching) if touching else None
        if around is None or around.union(moved) != around:
            return None
        pictures = framebuffer.front, framebuffer.back
        return find_copy(*pictures, to_pixels(around), framebuffer.size, core=to_pixels(moved), last=last.offset)

    def _find_copy(self, framebuffer: Framebuffer, changed: _Cells) -> Copy | None:
        # A film never moves as a whole: it is looked at less and less often, and anew when it has ended.
        self._skipped += 1
        if self._skipped <= min(self._misses - 2, _MOST_SKIPPED):
            return None
        self._skipped = 0
        copy = find_copy(framebuffer.front, framebuffer.back, to_pixels(_around(changed)), framebuffer.size)
        self._misses = 0 if copy else self._misses + 1
        return copy


def _distinct(areas: list[Rect], grid: BlockGrid) -> list[Rect]:
    """The same cells, each once: servers tell damage in dozens of rects that share their blocks with others."""
    if len(areas) < 2:
        return areas
    mask = np.zeros((grid.rows, grid.columns + 2), dtype=np.bool_)
    for cells in areas:
        mask[cells.y : cells.bottom, cells.x + 1 : cells.right + 1] = True
    rows, edges = np.nonzero(mask[:, 1:] != mask[:, :-1])
    found: list[Rect] = []
    growing: dict[tuple[int, int], Rect] = {}
    for row, left, right in zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        above = growing.pop((left, right), None)
        if above and above.bottom < row:
            found.append(above)
            above = None
        growing[left, right] = Rect.between(left, above.y if above else row, right, row + 1)
    return [*found, *growing.values()]


def _told_copy(framebuffer: Framebuffer, moved: Moved) -> Copy | None:
    """What the source says that moved, as far as that is so."""
    area = moved.target.union(moved.target.moved(-moved.x, -moved.y)).intersect(Rect.of(framebuffer.size))
    return find_moved(framebuffer.front, framebuffer.back, area, (moved.x, moved.y)) if area else None


def _cells_of(copy: Copy, framebuffer: Framebuffer) -> Rect:
    cells = framebuffer.grid.cells(copy.target)
    assert cells
    return cells


def _compare(framebuffer: Framebuffer, areas: list[Rect]) -> _Cells:
    """The cells within `areas` in which back and front differ."""
    mask = np.zeros((framebuffer.grid.rows, framebuffer.grid.columns), dtype=np.bool_)
    for cells in areas:
        where = to_pixels(cells).slices
        back, front = framebuffer.back[where].view(np.uint64), framebuffer.front[where].view(np.uint64)
        # Pairs of pixels compare as 64-bit words, and eight results or together as one word: five times as fast as
        # reducing booleans.
        unequal = (back != front).view(np.uint64).reshape(cells.height, BLOCK, cells.width * _WORDS)
        words = np.bitwise_or.reduce(unequal, axis=1).reshape(cells.height, cells.width, _WORDS)
        mask[cells.slices] |= np.bitwise_or.reduce(words, axis=2) != 0
    return mask


def _split(framebuffer: Framebuffer, changed: _Cells) -> tuple[Blocks, tuple[Rect, ...]]:
    """The blocks to be sent whole, and the rects of changed pixels of the others."""
    blocks = np.flatnonzero(changed)
    looked_at = changed if blocks.size <= _MOST_PATCHED else changed & ~_inside(changed)
    rows, columns = np.nonzero(looked_at)
    if not rows.size:
        return blocks, ()
    back, front = tiled(framebuffer.back), tiled(framebuffer.front)
    spans = []
    for start in range(0, blocks.size, _PIECE):
        piece = rows[start : start + _PIECE], slice(None), columns[start : start + _PIECE]
        unequal = back[piece] != front[piece]
        spans.append((*_span(unequal.any(axis=2)), *_span(unequal.any(axis=1))))
    top, bottom, left, right = (np.concatenate(sides) for sides in zip(*spans, strict=True))
    is_patch = (bottom - top) * (right - left) <= _PATCHED_SHARE * BLOCK * BLOCK
    corners = np.stack([columns * BLOCK + left, rows * BLOCK + top, columns * BLOCK + right, rows * BLOCK + bottom])
    along_rows = _merge([Rect.between(*corner) for corner in corners[:, is_patch].T.tolist()])
    whole = changed.copy()
    whole[rows[is_patch], columns[is_patch]] = False
    return np.flatnonzero(whole), tuple(_merge(sorted(along_rows)))


def _inside(mask: _Cells) -> _Cells:
    """Of the cells that are set, those whose neighbours are as well; there are none beyond the screen."""
    around = np.pad(mask, 1, constant_values=True)
    return mask & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]


def _span(mask: _Cells) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row of `mask`: the first that is set, and after the last."""
    return mask.argmax(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1)


def _merge(rects: list[Rect]) -> list[Rect]:
    """The same with neighbours joined: an image of few wide rects is smaller, and sooner drawn."""
    merged: list[Rect] = []
    for rect in rects:
        union = merged[-1].union(rect) if merged else rect
        if merged and union.area <= _MERGED_SHARE * (merged[-1].area + rect.area):
            merged[-1] = union
        else:
            merged.append(rect)
    return merged


def _adopt(framebuffer: Framebuffer, changed: _Cells) -> None:
    """Copy the changed cells from back to front, whole runs of rows at once."""
    for row in np.flatnonzero(changed.any(axis=1)).tolist():
        columns = np.flatnonzero(changed[row])
        where = to_pixels(Rect.between(int(columns[0]), row, int(columns[-1]) + 1, row + 1)).slices
        framebuffer.front[where] = framebuffer.back[where]


def _around(mask: _Cells) -> Rect:
    """The smallest rect of cells with all that are set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Rect.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
