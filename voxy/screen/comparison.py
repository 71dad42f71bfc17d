"""Comparison: what of the back differs from what viewers will show, exactly, pixel for pixel; never by a hash that
could miss a change.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Copy, Rect
from voxy.blocks.generations import Blocks
from voxy.blocks.geometry import to_pixels
from voxy.screen.framebuffer import Framebuffer, Pixels

Cells = NDArray[np.bool_]
"""(rows, columns) of a grid."""

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""

_MOST_PATCHED = 192
"""Changed blocks up to which any may be a patch; of more, those at the edge."""

_PATCHED_SHARE = 0.5
"""The changed pixels of a block are sent alone if they are at most this share of it: what is typed is a tenth."""

_MERGED_SHARE = 1.3
"""Neighbours are sent as one rect if that has at most so many times the pixels that they have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cells that differ, and for each, row by row, from where to where in it: pairs of pixels, rows of pixels."""

    cells: Cells
    where: NDArray[np.intp]
    """(cells, 4): left, top, right, bottom, in pixels of the screen, but that columns come by twos."""

    def split(self) -> tuple[Blocks, tuple[Rect, ...]]:
        """The blocks to be sent whole, and the rects of changed pixels of the others."""
        rows, columns = np.nonzero(self.cells)
        left, top, right, bottom = self.where.T
        is_patch = (right - left) * (bottom - top) <= _PATCHED_SHARE * BLOCK * BLOCK
        if rows.size > _MOST_PATCHED:
            is_patch &= ~_inside(self.cells)[rows, columns]
        along_rows = _merge([Rect.between(*sides) for sides in self.where[is_patch].tolist()])
        whole = self.cells.copy()
        whole[rows[is_patch], columns[is_patch]] = False
        return np.flatnonzero(whole), tuple(_merge(sorted(along_rows)))


def compare(framebuffer: Framebuffer, areas: list[Rect], copy: Copy | None = None) -> Comparison:
    """Compare the cells within `areas` (each in one of them) with the front, or with that as `copy` would leave it."""
    grid = framebuffer.grid
    cells = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
    where = np.zeros((grid.rows, grid.columns, 4), dtype=np.intp)
    for area in _pieces(areas, copy) if copy else areas:
        pixels = to_pixels(area)
        # Pairs of pixels compare as 64-bit words, and eight results or together as one: five times as fast as booleans.
        now, shown = framebuffer.back[pixels.slices], _shown(framebuffer.front, pixels, copy)
        unequal = (now.view(np.uint64) != shown.view(np.uint64)).view(np.uint64)
        words = unequal.reshape(area.height, BLOCK, area.width, _WORDS)
        down = np.bitwise_or.reduce(unequal.reshape(area.height, BLOCK, -1), axis=1).reshape(-1, area.width, _WORDS)
        rows, columns = np.nonzero(down.any(axis=2))
        if rows.size:
            across = np.bitwise_or.reduce(words[rows, :, columns], axis=2) != 0
            left, right = _span(down[rows, columns].view(np.bool_))
            top, bottom = _span(across)
            at = rows + area.y, columns + area.x
            cells[at] = True
            where[at] = np.stack([2 * left, top, 2 * right, bottom], axis=1) + BLOCK * np.stack(at[::-1] * 2, axis=1)
    # Where a screen is an odd number of pixels wide, the last of them has a pair beyond it.
    np.minimum(where[..., 2], grid.size.width, out=where[..., 2])
    return Comparison(cells, where[cells])


def _pieces(areas: list[Rect], copy: Copy) -> Iterator[Rect]:
    """The same cells, those that the copy covers whole apart: they needn't be put together to be compared."""
    target = copy.target
    left, top = -(-target.x // BLOCK), -(-target.y // BLOCK)
    covered = Rect.between(left, top, max(left, target.right // BLOCK), max(top, target.bottom // BLOCK))
    for area in areas:
        inner = area.intersect(covered)
        if not inner:
            yield area
            continue
        yield inner
        around = (
            Rect.between(area.x, area.y, area.right, inner.y),
            Rect.between(area.x, inner.bottom, area.right, area.bottom),
            Rect.between(area.x, inner.y, inner.x, inner.bottom),
            Rect.between(inner.right, inner.y, area.right, inner.bottom),
        )
        yield from (piece for piece in around if piece.area)


def _shown(front: Pixels, area: Rect, copy: Copy | None) -> Pixels:
    """What viewers show of `area` once they have done the copy."""
    moved = copy and area.intersect(copy.target)
    if not copy or not moved:
        return front[area.slices]
    x, y = copy.offset
    source = front[moved.moved(-x, -y).slices]
    # Pixels that begin at an odd one aren't whole words.
    if moved == area and x % 2 == 0:
        return source
    shown = front[area.slices].copy()
    shown[moved.moved(-area.x, -area.y).slices] = source
    return shown


def _span(mask: Cells) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row of `mask`: the first that is set, and after the last."""
    return mask.argmax(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1)


def _inside(mask: Cells) -> Cells:
    """Of the cells that are set, those whose neighbours are as well; there are none beyond the screen."""
    around = np.pad(mask, 1, constant_values=True)
    return mask & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]


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
