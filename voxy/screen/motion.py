"""Finds what moved: a scroll is a copy of what a viewer shows already, and only what is really new follows.

The two pictures of an area are compared by a 64-bit hash of each row. A hash proposes, never decides: what a copy
doesn't get right is found by an exact comparison afterwards, and sent as blocks.
"""

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import BLOCK, Rect
from voxy.screen.framebuffer import Pixels

_STRIDE = 8
"""Every eighth pair of pixels goes into a row's hash: 0.1 ms for a whole screen."""

_LEAST_ROWS = 24
"""Rows that must agree on an offset, and the share of all rows that can tell one."""
_LEAST_SHARE = 0.5

_weights = np.random.default_rng().integers(1, 2**63, size=16384 // 2, dtype=np.uint64) | np.uint64(1)
"""Random for each process, so that no picture can be drawn to look like another."""


def find_scroll(before: Pixels, after: Pixels, area: Rect) -> int:
    """Rows by which the content of `area` moved down (negative: up) from one picture to the other; 0 if it didn't."""
    # The outermost blocks may belong half to what stands still beside a pane.
    inset = BLOCK if area.width >= 4 * BLOCK else 0
    columns = slice(area.x + inset, (area.right - inset) & ~1)  # whole pairs of pixels
    rows = slice(area.y, area.bottom)
    old, old_at = _telling_rows(_hash_rows(before[rows, columns]))
    new, new_at = _telling_rows(_hash_rows(after[rows, columns]))
    common, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    offsets = new_at[in_new] - old_at[in_old]
    offsets = offsets[offsets != 0]
    if offsets.size < max(_LEAST_ROWS, common.size * _LEAST_SHARE):
        return 0
    values, counts = np.unique(offsets, return_counts=True)
    best = int(counts.argmax())
    return int(values[best]) if counts[best] >= max(_LEAST_ROWS, common.size * _LEAST_SHARE) else 0


def scroll_rects(area: Rect, offset: int) -> tuple[Rect, Rect, Rect]:
    """For content of `area` that moves by `offset` rows: where it comes from, where it goes, what it leaves bare."""
    left, top, right, bottom = area.x, area.y, area.right, area.bottom
    if offset > 0:
        source = Rect.between(left, top, right, bottom - offset)
        target = Rect.between(left, top + offset, right, bottom)
        return source, target, Rect.between(left, top, right, target.y)
    source = Rect.between(left, top - offset, right, bottom)
    target = Rect.between(left, top, right, bottom + offset)
    return source, target, Rect.between(left, target.bottom, right, bottom)


def _hash_rows(pixels: Pixels) -> NDArray[np.uint64]:
    pairs = pixels.view(np.uint64)[:, ::_STRIDE]
    hashes: NDArray[np.uint64] = np.einsum("ij,j->i", pairs, _weights[: pairs.shape[1]])
    return hashes


def _telling_rows(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The hashes that occur once, sorted, and in which rows: an empty line says nothing of where it came from."""
    values, rows, counts = np.unique(hashes, return_index=True, return_counts=True)
    once = counts == 1
    return values[once], rows[once]
