"""Finds what moved: a scroll or a dragged window is a copy of what a viewer shows, and only what is really new follows.

Hashes of samples propose by how far something moved, they never decide: what a copy doesn't get right is found by an
exact comparison afterwards, and sent.
"""

import itertools
import secrets
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, BlockGrid, Copy, Rect, Size
from voxy.blocks.geometry import around, around_most, to_pixels
from voxy.screen.framebuffer import Pixels

Hash = TypeVar("Hash", bound=np.generic)

_STRIP, _LOOKED = 4, 16
"""Blocks across that tell a scroll: all of a wide screen would take longer to read than to compare. They are those in
which most changed, of so many rows."""

_STRIDE = 2
"""Every second pair of pixels goes into a row's hash."""

_LEAST_ROWS = 24
"""Rows that must agree on an offset, and the share of all rows that can tell one."""
_LEAST_SHARE = 0.5

# Random for each process, so that no picture can be drawn to look like another.
_weights = np.frombuffer(secrets.token_bytes((_STRIP + 1) * BLOCK // 2 * 8), dtype=np.uint64) | np.uint64(1)

_PATCH = Size(32, 16)
"""A patch is told by every second of its rows, whole: even of text there are few that look alike."""

_base = np.uint32(secrets.randbits(30) * 2 + 2**21 + 1)
_powers, _inverses = (
    np.cumprod(np.array([1, *[factor] * 16384], dtype=np.uint32), dtype=np.uint32)
    for factor in (int(_base), pow(int(_base), -1, 2**32))
)
"""A row of a patch is hashed as a polynomial modulo 2³², so that sums along a row of the picture give it anywhere."""

_row_weights = np.frombuffer(secrets.token_bytes(_PATCH.height // 2 * 4), dtype=np.uint32) | np.uint32(1)

_GRID = 16
"""Patches are taken at every sixteenth column of one picture and at every sixteenth row of the other: however far
something moved, one patch of its 256 is in both."""

_KEPT = np.uint32(7)
"""Of all hashes those that are 0 in these bits are looked at: the same ones in both pictures."""

_LEAST_PATCHES = 8
_SEARCHED = Size(1024, 640)
"""The middle of what changed is searched, for 1.5 ms at the most."""

_TILE = 16
_TILE_STEP = 4
_LEAST_TILES = 40
"""Tiles (of 16×16 pixels, every fourth row of them compared) that must have moved; less is sent as quickly as it is
copied."""

_ALL = np.uint64(0x0101010101010101)
"""Eight booleans that are all true."""

_NEARLY_WHOLE = 0.7
"""Share of what changed from which on to look at all of it would be to look at the same once more."""

_SPARSE = 0.15
"""Rows and columns with fewer moved tiles, compared with the fullest, are not of the thing that moved."""

_AMISS = 0.1
"""Share of the tiles of a sparse row or column from which on they don't fit: it is beside the thing, and not plain."""


def find_copy(before: Pixels, after: Pixels, changed: NDArray[np.bool_], film: Rect | None = None) -> Copy | None:
    """The copy that makes most of the blocks that `changed` from one picture to the other, if one does.

    What is in a `film` tells nothing.
    """
    # What changes beside what moves, as a clock, would have it looked for in the middle between them.
    most, whole = (to_pixels(cells).intersect(all_of(after)) for cells in (around_most(changed), around(changed)))
    assert most
    assert whole
    offset = find_motion(before, after, most)
    if not offset and most.area < _NEARLY_WHOLE * whole.area:
        offset = find_motion(before, after, whole)
    return find_moved(before, after, whole, offset, film) if offset else None


def find_motion(before: Pixels, after: Pixels, area: Rect) -> tuple[int, int] | None:
    """Columns and rows by which most of `area` moved, right and down; None if nothing did."""
    rows = find_scroll(before, after, area)
    return (0, rows) if rows else find_offset(before, after, area)


def all_of(pixels: Pixels) -> Rect:
    return Rect(0, 0, pixels.shape[1], pixels.shape[0])


def find_scroll(before: Pixels, after: Pixels, area: Rect) -> int:
    """Rows by which the content of `area` moved down (negative: up) from one picture to the other; 0 if it didn't."""
    # The outermost blocks may belong half to what stands still beside a pane.
    inset = BLOCK if area.width >= 4 * BLOCK else 0
    strip = _busiest(before, after, Rect(area.x + inset, area.y, area.width - 2 * inset & ~1, area.height)).slices
    old, old_at = _telling(_hash_rows(before[strip]))
    new, new_at = _telling(_hash_rows(after[strip]))
    common, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    offsets = new_at[in_new] - old_at[in_old]
    return _agreed(offsets[offsets != 0], max(_LEAST_ROWS, common.size * _LEAST_SHARE))


def _busiest(before: Pixels, after: Pixels, area: Rect) -> Rect:
    """The part of `area`, as high and not too wide, in which most changed."""
    blocks = area.width // BLOCK
    if blocks <= _STRIP:
        return area
    looked = np.s_[area.y : area.bottom : max(1, area.height // _LOOKED), area.x : area.x + blocks * BLOCK]
    differs = (before[looked] != after[looked]).reshape(-1, blocks, BLOCK)
    until = np.cumsum(np.append(0, np.count_nonzero(differs, axis=(0, 2))))
    first = int((until[_STRIP:] - until[:-_STRIP]).argmax())
    return Rect(area.x + first * BLOCK, area.y, _STRIP * BLOCK, area.height)


def find_offset(before: Pixels, after: Pixels, area: Rect) -> tuple[int, int] | None:
    """Columns and rows by which most of what moved in `area` moved, right and down; None if nothing did."""
    width, height = min(area.width, _SEARCHED.width), min(area.height, _SEARCHED.height)
    if width < 2 * _PATCH.width or height < 2 * _PATCH.height:
        return None
    left, top = area.x + (area.width - width) // 2, area.y + (area.height - height) // 2
    where = np.s_[top : top + height, left : left + width]
    old, (old_y, old_x) = _choose(_hash_at_columns(before[where]), 1, _GRID)
    new, (new_y, new_x) = _choose(_hash_at_rows(after[where]), _GRID, 1)
    _, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    offsets = (new_x[in_new] - old_x[in_old]) * 65536 + (new_y[in_new] - old_y[in_old])
    offsets = offsets[offsets != 0]
    offset = _agreed(offsets, max(_LEAST_PATCHES, offsets.size * _LEAST_SHARE))
    if not offset:
        return None
    x = (offset + 32768) // 65536
    return x, offset - x * 65536


def _agreed(offsets: NDArray[np.intp], least: float) -> int:
    """The offset that occurs most often, if it does `least` times; else 0."""
    values, counts = np.unique(offsets, return_counts=True)
    return int(values[counts.argmax()]) if counts.max(initial=0) >= least else 0


def _hash_rows(pixels: Pixels) -> NDArray[np.uint64]:
    pairs = pixels.view(np.uint64)[:, ::_STRIDE]
    hashes: NDArray[np.uint64] = np.einsum("ij,j->i", pairs, _weights[: pairs.shape[1]])
    return hashes


def _hash_at_columns(pixels: Pixels) -> NDArray[np.uint32]:
    """Hashes of the patches that begin at every sixteenth column, in any row."""
    columns = pixels.shape[1] // _GRID
    sixteen = np.einsum("rci,i->rc", pixels[:, : columns * _GRID].reshape(-1, columns, _GRID), _powers[:_GRID])
    across = sixteen[:, :-1] + sixteen[:, 1:] * _powers[_GRID]
    height = pixels.shape[0] - _PATCH.height
    hashes = np.zeros((height, columns - 1), dtype=np.uint32)
    for number, weight in enumerate(_row_weights):
        hashes += across[2 * number : 2 * number + height] * weight
    return hashes


def _hash_at_rows(pixels: Pixels) -> NDArray[np.uint32]:
    """Hashes of the patches that begin at every sixteenth row, in any column."""
    rows, width = pixels.shape[0] // _GRID, pixels.shape[1]
    # Rows are weighted before they are summed along, which is an eighth of the sums.
    weighted = np.einsum("rjc,j->rc", pixels[: rows * _GRID : 2].reshape(rows, -1, width), _row_weights)
    sums = np.zeros((rows, width + 1), dtype=np.uint32)
    np.cumsum(weighted * _powers[:width], axis=1, dtype=np.uint32, out=sums[:, 1:])
    hashes: NDArray[np.uint32] = sums[:, _PATCH.width :] - sums[:, : -_PATCH.width]
    hashes *= _inverses[: hashes.shape[1]]
    return hashes


def _choose(
    hashes: NDArray[np.uint32], row_step: int, column_step: int
) -> tuple[NDArray[np.uint32], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The hashes that can tell an offset, and the rows and columns of their patches."""
    rows, columns = np.nonzero((hashes >> np.uint32(20) & _KEPT) == 0)
    telling, at = _telling(hashes[rows, columns])
    return telling, (rows[at] * row_step, columns[at] * column_step)


def _telling(hashes: NDArray[Hash]) -> tuple[NDArray[Hash], NDArray[np.intp]]:
    """The hashes that occur once, sorted, and where: an empty line says nothing of where it came from."""
    values, at, counts = np.unique(hashes, return_index=True, return_counts=True)
    once = counts == 1
    return values[once], at[once]


def swept(film: Rect, offset: tuple[int, int]) -> Rect:
    """Where a film was, or would be if it had moved by `offset`: what is there tells nothing."""
    return film.union(film.moved(*offset))


def find_moved(
    before: Pixels, after: Pixels, area: Rect, offset: tuple[int, int], film: Rect | None = None
) -> Copy | None:
    """The rect of `area` to which something moved by `offset`; None if that is little.

    What is in a `film`, which may have moved along, neither speaks for that nor against it.
    """
    x, y = offset
    target = area.intersect(area.moved(x, y))
    if target is None or target.width < _TILE or target.height < _TILE:
        return None
    rows = _sampled(target)
    fits = after[rows] == before[_sampled(target.moved(-x, -y))]
    differs = after[rows] != before[rows]
    is_right = _tiles(fits, np.bitwise_and) == _ALL
    moved = is_right & (_tiles(differs, np.bitwise_or) != 0)
    if film:
        grid = BlockGrid(Size(target.width, target.height), _TILE)
        if tiles := grid.cells(swept(film, offset).moved(-target.x, -target.y)):
            moved[tiles.slices], is_right[tiles.slices] = False, True
    if np.count_nonzero(moved) < _LEAST_TILES:
        return None
    tiles = _extent(moved, is_right)
    left, right = target.x + tiles.x * _TILE, target.x + tiles.right * _TILE
    top, bottom = target.y + tiles.y * _TILE, target.y + tiles.bottom * _TILE
    # The tiles lie anyhow on what moved: its edges are up to a tile further out, or between two sampled rows.
    found = Rect.between(left, top + _TILE_STEP, right, bottom - _TILE_STEP)
    sides = _widened(before, after, found, target, offset)
    return Copy(sides.moved(-x, -y), sides.x, sides.y)


def _widened(before: Pixels, after: Pixels, found: Rect, limit: Rect, offset: tuple[int, int]) -> Rect:
    """`found` with the rows and columns next to it that moved as well."""

    def fits(strip: Rect, along: int) -> list[bool]:
        x, y = offset
        whole: list[bool] = np.all(after[strip.slices] == before[strip.moved(-x, -y).slices], axis=along).tolist()
        return whole

    left, top, right, bottom = found.x, found.y, found.right, found.bottom
    above = fits(Rect.between(left, limit.y, right, top), 1)
    below = fits(Rect.between(left, bottom, right, limit.bottom), 1)
    before_it = fits(Rect.between(limit.x, top, left, bottom), 0)
    after_it = fits(Rect.between(right, top, limit.right, bottom), 0)
    return Rect.between(
        left - _run(reversed(before_it)), top - _run(reversed(above)), right + _run(after_it), bottom + _run(below)
    )


def _run(fits: Iterable[bool]) -> int:
    """How many are true before the first that isn't."""
    return sum(1 for _ in itertools.takewhile(bool, fits))


def _sampled(rect: Rect) -> tuple[slice, slice]:
    """Some rows of each tile of `rect`; what doesn't fill a tile at the right and the bottom is left out."""
    bottom, right = rect.y + rect.height // _TILE * _TILE, rect.x + rect.width // _TILE * _TILE
    return np.s_[rect.y : bottom : _TILE_STEP, rect.x : right]


def _tiles(mask: NDArray[np.bool_], combine: np.ufunc) -> NDArray[np.uint64]:
    """Eight pixels as a word, for quickness; the words of each tile combined."""
    rows, columns = mask.shape[0] * _TILE_STEP // _TILE, mask.shape[1] // _TILE
    words = mask.view(np.uint64).reshape(rows, _TILE // _TILE_STEP, columns * _TILE // 8)
    by_row = combine.reduce(words, axis=1).reshape(rows, columns, _TILE // 8)
    tiles: NDArray[np.uint64] = combine.reduce(by_row, axis=2)
    return tiles


def _extent(moved: NDArray[np.bool_], fits: NDArray[np.bool_]) -> Rect:
    """The tiles of what moved: from the first row (column) to the last that isn't sparse, but not over a gap.

    Beside a pane may be another that moves by as much, and what stands still between them doesn't fit.
    """
    found = Rect(0, 0, moved.shape[1], moved.shape[0])
    # What is beside it may have gaps in other places: those are looked for in what is left.
    for axis, looks_for_gaps in ((1, False), (0, False), (0, True), (1, True)):
        inside = moved[found.slices]
        counts = inside.sum(axis=axis)
        is_full = counts > counts.max() * _SPARSE
        misfits = np.count_nonzero(~fits[found.slices], axis=axis)
        gaps = ~is_full & (misfits > _AMISS * inside.shape[axis]) & looks_for_gaps
        parts = np.cumsum(gaps)
        part = np.flatnonzero(is_full & (parts == np.bincount(parts, counts * is_full).argmax()))
        start, end = int(part[0]), int(part[-1]) + 1
        if axis == 1:
            found = Rect(found.x, found.y + start, found.width, end - start)
        else:
            found = Rect(found.x + start, found.y, end - start, found.height)
    return found
