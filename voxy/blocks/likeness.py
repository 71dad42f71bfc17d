"""Likeness: blocks of kept images that differ from another in little, of which then only that is sent.

A photograph in which a clock goes or a caret blinks takes a hundred times as much anew as what has changed in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from voxy.blocks.generations import Blocks
from voxy.blocks.geometry import BLOCK, BlockGrid, Rect
from voxy.blocks.memory import Shelf

BANDS = 8
"""Parts of a block, from top to bottom and as wide as it, by whose digests is told in which of them blocks differ."""

_MOST_CHANGED = 3
"""Bands from the first that differs to the last; where there are more, the whole block is worth being kept."""

_MOST_FIXES = 32
"""Rects that go at a time at the most, once for what is new and once for what rests; each is 1,536 pixels or less."""

_MOST_BLOCKS = 1 << 14
"""Blocks that are known at the most; each takes some 600 bytes."""

Clues: TypeAlias = tuple[int, int]
"""Numbers, of the upper and of the lower half of a block: blocks that have one of them in common may be alike."""


class Likenesses:
    """Which blocks of images are like another, for all viewers of a desktop."""

    def __init__(self) -> None:
        self._bands: dict[tuple[int, int], bytes] = {}
        """The digests of the bands of each block, one after the other, by its image and place; the oldest first."""
        self._clues: dict[tuple[int, int], Clues] = {}
        self._newest: dict[tuple[int, int], tuple[int, int]] = {}
        """By half and its clue: the newest block that has it."""

    def __bool__(self) -> bool:
        return bool(self._bands)

    def add(self, image: int, clues: Sequence[Clues], bands: Sequence[bytes]) -> None:
        """Note what the blocks of a new image are."""
        for place, (both, digests) in enumerate(zip(clues, bands, strict=True)):
            block = image, place
            self._bands[block], self._clues[block] = digests, both
            self._newest.update(dict.fromkeys(enumerate(both), block))
        while len(self._bands) > _MOST_BLOCKS:
            self._drop(next(iter(self._bands)))

    def _drop(self, block: tuple[int, int]) -> None:
        del self._bands[block]
        for half in enumerate(self._clues.pop(block)):
            if self._newest.get(half) == block:
                del self._newest[half]

    def recall(
        self,
        blocks: Blocks,
        clues: Mapping[int, Clues],
        bands: Callable[[int], bytes],
        shelf: Shelf,
        grid: BlockGrid,
    ) -> tuple[Blocks, dict[int, dict[int, int]], tuple[Rect, ...]]:
        """The blocks that aren't like one on the shelf; for each image the others, with their places in it; and the
        rects in which these differ from what is there.

        `clues` are those of `blocks`; `bands` gives the digests of the bands of a block.
        """
        missing: list[int] = []
        found: dict[int, dict[int, int]] = {}
        fixes: list[Rect] = []
        for index in blocks.tolist():
            like = self._like(clues[index], shelf) if len(fixes) < _MOST_FIXES else None
            changed = like and _between(bands(index), self._bands[like])
            if not like or changed is None:
                missing.append(index)
                continue
            image, place = like
            found.setdefault(image, {})[index] = place
            if fix := _rows_of(grid.rect(index), changed):
                fixes.append(fix)
        return np.array(missing, dtype=np.intp), found, tuple(fixes)

    def _like(self, clues: Clues, shelf: Shelf) -> tuple[int, int] | None:
        """The newest block on the shelf that has one of these clues."""
        candidates = map(self._newest.get, enumerate(clues))
        return next((block for block in candidates if block and block[0] in shelf), None)


def _between(one: bytes, other: bytes) -> range | None:
    """From the first band that differs to the last; None for more than are worth it."""
    size = len(one) // BANDS
    changed = [band for band in range(BANDS) if one[band * size :][:size] != other[band * size :][:size]]
    between = range(changed[0], changed[-1] + 1) if changed else range(0)
    return between if len(between) <= _MOST_CHANGED else None


def _rows_of(block: Rect, bands: range) -> Rect | None:
    """The pixels of bands of a block, which may end with the screen before they do; None for none."""
    height = BLOCK // BANDS
    return Rect(block.x, block.y + bands.start * height, block.width, len(bands) * height).intersect(block)
