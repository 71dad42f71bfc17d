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

Words = NDArray[np.uint64]

_WORDS = BLOCK // 2 // 8
"""64-bit words that hold one row of a block's comparison: a byte for each pair of pixels."""

_BUFFER = 128
"""Items that numpy puts together of several rows before it compares them; with as many as it has by itself, all that
isn't as wide as the screen is copied first, which takes as long as to compare it.
"""

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
        boxes = np.stack([left, top, right - left, bottom - top], axis=1)
        along_rows = _merge(list(map(Rect._make, boxes[is_patch].tolist())))
        whole = self.cells.copy()
        whole[rows[is_patch], columns[is_patch]] = False
        return np.flatnonzero(whole), tuple(_merge(sorted(along_rows)))


def compare(framebuffer: Framebuffer, areas: list[Rect], copy: Copy | None = None) -> Comparison:
    """Compare the cells within `areas` (each in one of them) with the front, or with that as `copy` would leave it."""
    grid = framebuffer.grid
    # Pairs of pixels compare as 64-bit words, and eight results or together as one: five times as fast as booleans.
    unequal = np.empty((grid.padded.height, grid.columns * _WORDS), dtype=np.uint64)
    down = np.zeros((grid.rows, grid.columns, _WORDS), dtype=np.uint64)
    with np.errstate():
        np.setbufsize(_BUFFER)
        for area in _pieces(areas, copy) if copy else areas:
            _compare_area(framebuffer, area, copy, unequal, down)
    cells: Cells = np.bitwise_or.reduce(down, axis=2) != 0
    rows, columns = np.nonzero(cells)
    words = unequal.reshape(grid.rows, BLOCK, grid.columns, _WORDS)
    across = np.bitwise_or.reduce(words[rows, :, columns], axis=2) != 0
    left, right = _span(down[rows, columns].view(np.bool_))
    top, bottom = _span(across)
    x, y = BLOCK * columns, BLOCK * rows
    # Where a screen is an odd number of pixels wide, the last of them has a pair beyond it.
    right = np.minimum(x + 2 * right, grid.size.width)
    return Comparison(cells, np.stack([x + 2 * left, y + top, right, y + bottom], axis=1))


def _compare_area(framebuffer: Framebuffer, area: Rect, copy: Copy | None, unequal: Words, down: Words) -> None:
    """Compare one rect of cells: `unequal` gets a byte for each pair of pixels, `down` for each column of a cell."""
    pixels = to_pixels(area)
    now, shown = framebuffer.back[pixels.slices], _shown(framebuffer.front, pixels, copy)
    compared = unequal[pixels.y : pixels.bottom, area.x * _WORDS : area.right * _WORDS]
    if shown.view(np.uint64).flags.aligned:
        np.not_equal(now.view(np.uint64), shown.view(np.uint64), out=compared.view(np.bool_))
    else:
        # What begins at an odd pixel isn't whole words: to compare pixels and pair the results is quicker than a copy.
        np.not_equal((now != shown).view(np.uint16), 0, out=compared.view(np.bool_))
    in_rows = compared.reshape(area.height, BLOCK, area.width * _WORDS)
    down[area.slices] = np.bitwise_or.reduce(in_rows, axis=1).reshape(area.height, area.width, _WORDS)


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
        yield from area.beside(inner)


def _shown(front: Pixels, area: Rect, copy: Copy | None) -> Pixels:
    """What viewers show of `area` once they have done the copy."""
    moved = copy and area.intersect(copy.target)
    if not copy or not moved:
        return front[area.slices]
    x, y = copy.offset
    source = front[moved.moved(-x, -y).slices]
    if moved == area:
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
