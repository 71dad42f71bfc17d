"""Comparison: what of the back differs from what viewers will show, exactly, pixel for pixel; never by a hash that
could miss a change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Copy, Rect
from voxy.blocks.generations import NO_BLOCKS, Blocks, blocks_in
from voxy.blocks.geometry import around, to_pixels
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

_MOST_TRIMMED = 24 * BLOCK * BLOCK
"""Pixels of damage that are looked at rect by rect rather than block by block."""

_MOST_PATCHED = 192
"""Changed blocks up to which any may be a patch; of more, those at the edge."""

_MOST_PIXELS = BLOCK * BLOCK // 2
"""Pixels of a block that are sent alone at the most: what is typed is a tenth of it."""

_MERGED_SHARE = 1.3
"""Neighbours are sent as one rect if that has at most so many times the pixels that they have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cells that differ, and where in each: one rect around that, or two where it is far apart."""

    cells: Cells
    where: NDArray[np.intp]
    """(rects, 4): left, top, right, bottom, in pixels of the screen, but that columns come by twos."""

    def split(self) -> tuple[Blocks, tuple[Rect, ...]]:
        """The blocks to be sent whole, and the rects of changed pixels of the others."""
        left, top, right, bottom = self.where.T
        blocks = top // BLOCK * self.cells.shape[1] + left // BLOCK
        is_whole = np.bincount(blocks, (right - left) * (bottom - top), self.cells.size) > _MOST_PIXELS
        if np.count_nonzero(self.cells) > _MOST_PATCHED:
            is_whole |= _inside(self.cells).ravel()
        boxes = np.stack([left, top, right - left, bottom - top], axis=1)
        along_rows = _merge(list(map(Rect._make, boxes[~is_whole[blocks]].tolist())))
        return blocks_in(is_whole), tuple(_merge(sorted(along_rows)))


def trim(framebuffer: Framebuffer, rects: tuple[Rect, ...]) -> tuple[Rect, ...] | None:
    """What differs from the front within a few small rects, as less of each; None where that isn't sent alone.

    Most of what changes is as small as a letter, of which all else would take longer.
    """
    if sum(rect.area for rect in rects) > _MOST_TRIMMED:
        return None
    screen = Rect.of(framebuffer.size)
    trimmed: list[Rect] = []
    for rect in rects:
        if not (inside := rect.intersect(screen)):
            continue
        differs = framebuffer.back[inside.slices] != framebuffer.front[inside.slices]
        if differs.any():
            box = around(differs).moved(inside.x, inside.y)
            cells = framebuffer.grid.cells(box)
            if cells and box.area > _MOST_PIXELS * cells.area:
                return None
            trimmed.append(box)
    return tuple(_merge(trimmed))


def are_apart(one: Copy, other: Copy) -> bool:
    """Whether one is compared with, and done, as if the other weren't there."""
    drawn, others = _by_pairs(one.target), _by_pairs(other.target)
    overlaps = drawn.intersect(others) or drawn.intersect(other.source) or one.source.intersect(others)
    return overlaps is None


def compare(framebuffer: Framebuffer, areas: list[Rect], copies: Sequence[Copy] = ()) -> Comparison:
    """Compare the cells within `areas` (each in one of them) with the front, or with that as copies would leave it,
    which are apart.
    """
    grid = framebuffer.grid
    # Pairs of pixels compare as 64-bit words, and eight results or together as one: five times as fast as booleans.
    unequal = np.empty((grid.padded.height, grid.columns * _WORDS), dtype=np.uint64)
    down = np.zeros((grid.rows, grid.columns, _WORDS), dtype=np.uint64)
    with np.errstate():
        np.setbufsize(_BUFFER)
        for area in areas:
            pixels = to_pixels(area)
            for piece, touching in _pieces(pixels, copies):
                _compare_piece(framebuffer, piece, touching, unequal.view(np.bool_))
            compared = unequal[pixels.y : pixels.bottom, area.x * _WORDS : area.right * _WORDS]
            in_rows = compared.reshape(area.height, BLOCK, area.width * _WORDS)
            down[area.slices] = np.bitwise_or.reduce(in_rows, axis=1).reshape(area.height, area.width, _WORDS)
    cells: Cells = np.bitwise_or.reduce(down, axis=2) != 0
    rows, columns = np.nonzero(cells)
    words = unequal.reshape(grid.rows, BLOCK, grid.columns, _WORDS)
    across = np.bitwise_or.reduce(words[rows, :, columns], axis=2) != 0
    left, right = _span(down[rows, columns].view(np.bool_))
    # Where a screen is an odd number of pixels wide, the last of them has a pair beyond it.
    right = np.minimum(BLOCK * columns + 2 * right, grid.size.width)
    return Comparison(cells, _boxes(across, BLOCK * rows, BLOCK * columns + 2 * left, right))


def changed_beside(framebuffer: Framebuffer, rect: Rect, copies: Sequence[Copy] = ()) -> Blocks:
    """The blocks that `rect` covers in part and of which the back differs outside of it from what viewers will show.

    To be asked before the front is brought up to date.
    """
    cells = framebuffer.grid.cells(rect)
    if not cells:
        return NO_BLOCKS
    outer = to_pixels(cells)
    changed = np.zeros((framebuffer.grid.rows, framebuffer.grid.columns), dtype=np.bool_)
    rows, columns = slice(cells.y, cells.bottom), slice(cells.x, cells.right)

    def differs(left: int, top: int, right: int, bottom: int, axis: int) -> Cells:
        """Which blocks of a strip differ, along the other axis."""
        strip = Rect.between(left, top, right, bottom)
        lines = (framebuffer.back[strip.slices] != _shown(framebuffer.front, strip, copies)).any(axis=axis)
        blocks: Cells = lines.reshape(-1, BLOCK).any(axis=1)
        return blocks

    changed[cells.y, columns] |= differs(outer.x, outer.y, outer.right, rect.y, 0)
    changed[cells.bottom - 1, columns] |= differs(outer.x, rect.bottom, outer.right, outer.bottom, 0)
    changed[rows, cells.x] |= differs(outer.x, outer.y, rect.x, outer.bottom, 1)
    changed[rows, cells.right - 1] |= differs(rect.right, outer.y, outer.right, outer.bottom, 1)
    return blocks_in(changed)


def _boxes(lines: Cells, y: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rects around the `lines` that differ in each cell, which begins at `y`.

    There are two where one would be too much of the cell: above and below the most lines that don't differ.
    """
    top, bottom = _span(lines)
    boxes = np.stack([left, y + top, right, y + bottom], axis=1)
    is_full = (right - left) * (bottom - top) > _MOST_PIXELS
    apart = np.flatnonzero(is_full & (np.count_nonzero(lines, axis=1) < bottom - top))
    if not apart.size:
        return boxes
    # For each line, the last up to there that differs; and for each that differs, how far the one before it is.
    last = np.maximum.accumulate(np.where(lines[apart], np.arange(BLOCK), -1), axis=1)
    skipped = np.where(lines[apart, 1:], np.arange(1, BLOCK) - last[:, :-1], 0) * (last[:, :-1] >= 0)
    below = skipped.argmax(axis=1) + 1
    lower = boxes[apart]
    lower[:, 1] = y[apart] + below
    boxes[apart, 3] = y[apart] + last[np.arange(apart.size), below - 1] + 1
    return np.concatenate([boxes, lower])


def _compare_piece(framebuffer: Framebuffer, piece: Rect, copies: Sequence[Copy], unequal: Cells) -> None:
    """Compare a rect of pairs of pixels; `unequal` has an item for each pair of the screen."""
    now, shown = framebuffer.back[piece.slices], _shown(framebuffer.front, piece, copies)
    compared = unequal[piece.y : piece.bottom, piece.x // 2 : piece.right // 2]
    if shown.view(np.uint64).flags.aligned:
        np.not_equal(now.view(np.uint64), shown.view(np.uint64), out=compared)
    else:
        # What begins at an odd pixel isn't whole words: to compare pixels and pair the results is quicker than a copy.
        np.not_equal((now != shown).view(np.uint16), 0, out=compared)


def _by_pairs(rect: Rect) -> Rect:
    """The same with all of its pairs of pixels."""
    return Rect.between(rect.x & ~1, rect.y, rect.right + 1 & ~1, rect.bottom)


def _pieces(area: Rect, copies: Sequence[Copy]) -> Iterator[tuple[Rect, Sequence[Copy]]]:
    """The same pixels by pairs, each with the copy that touches it, if one does: apart what it brings all of."""
    if not copies:
        yield area, ()
        return
    copy, *others = copies
    touched = area.intersect(_by_pairs(copy.target))
    for untouched in area.beside(touched) if touched else (area,):
        yield from _pieces(untouched, others)
    if touched:
        left, top, right, bottom = copy.target.x, copy.target.y, copy.target.right, copy.target.bottom
        brought = touched.intersect(Rect.between(left + 1 & ~1, top, right & ~1, bottom))
        pieces = [brought, *touched.beside(brought)] if brought else [touched]
        yield from ((piece, (copy,)) for piece in pieces)


def _shown(front: Pixels, area: Rect, copies: Sequence[Copy]) -> Pixels:
    """What viewers show of `area` once they have done the copies."""
    brought = [(moved, copy) for copy in copies if (moved := area.intersect(copy.target))]
    shown = front[area.slices]
    if brought and brought[0][0] != area:
        shown = shown.copy()
    for moved, copy in brought:
        x, y = copy.offset
        source = front[moved.moved(-x, -y).slices]
        if moved == area:
            return source
        shown[moved.moved(-area.x, -area.y).slices] = source
    return shown


def _span(mask: Cells) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row of `mask`: the first that is set, and after the last."""
    return mask.argmax(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1)


def _inside(mask: Cells) -> Cells:
    """Of the cells that are set, those whose neighbours are as well; there are none beyond the screen."""
    padded = np.pad(mask, 1, constant_values=True)
    return mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


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
