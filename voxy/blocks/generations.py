"""Who has which blocks: generations of the array, and what one holder of a copy has of it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Blocks: TypeAlias = NDArray[np.intp]
"""Indices of blocks, ascending."""

NO_BLOCKS: Blocks = np.empty(0, dtype=np.intp)


def without(blocks: Blocks, others: Blocks) -> Blocks:
    """Those of `blocks` that are none of `others`."""
    return np.setdiff1d(blocks, others, assume_unique=True) if blocks.size and others.size else blocks


def common(blocks: Blocks, others: Blocks) -> Blocks:
    """Those of `blocks` that are some of `others` too."""
    return np.intersect1d(blocks, others, assume_unique=True) if blocks.size and others.size else NO_BLOCKS


def joined(blocks: Blocks, others: Blocks) -> Blocks:
    """Those of either."""
    if blocks.size and others.size:
        return np.union1d(blocks, others)
    return blocks if blocks.size else others


def blocks_in(mask: NDArray[np.bool_]) -> Blocks:
    """The blocks that are set in a mask of all, by what numpy's `flatnonzero` comes to in eight calls."""
    return mask.ravel().nonzero()[0]


class Generations:
    """The generation in which each block last changed; everything starts as changed in generation 1."""

    def __init__(self, count: int) -> None:
        self.current = 1
        self.of_block = np.ones(count, dtype=np.uint32)
        self.but_film = self.of_block.copy()
        """The generation in which each block last changed otherwise than by a frame of the film that is running."""

    def mark(self, blocks: Blocks, filmed: Blocks = NO_BLOCKS) -> int:
        """Note that `blocks` changed, as one new generation; return it (or the current, if none changed).

        Those of them that are `filmed` changed by a frame of a film alone.
        """
        if blocks.size:
            self.current += 1
            self.of_block[blocks] = self.current
            self.but_film[without(blocks, filmed)] = self.current
        return self.current

    def end_film(self) -> None:
        """Note that the film has ended, or another has begun: its frames were changes like others."""
        self.but_film[:] = self.of_block

    def newer_than(self, generation: int) -> Blocks:
        """The blocks that changed after `generation`; 0 gives all of them."""
        return blocks_in(self.of_block > generation)


class Holding:
    """What one holder has of an array of blocks: the generation of each, and which of them only roughly.

    A block that was put roughly (lossy) is owed an exact copy once it has rested. Times are seconds of any
    monotonic clock.
    """

    def __init__(self, count: int) -> None:
        self._generations = np.zeros(count, dtype=np.uint32)
        self._rough_since = np.full(count, np.inf)
        self.rough_since = np.inf
        """When the block that has been rough for longest was put; infinity if all is exact."""
        self.level = 0
        """The generation of which the holder was last given all that it lacked."""

    def has_all(self, generations: Generations) -> bool:
        """Whether the holder lacks nothing, and all that it has is exact."""
        return self.level == generations.current and self.is_exact

    def missing(self, generations: Generations) -> Blocks:
        """The blocks of which the holder has an older generation, or none."""
        return blocks_in(generations.of_block > self._generations)

    def missing_but_film(self, generations: Generations) -> Blocks:
        """Of the blocks that are missing, those that a frame of the film wouldn't bring."""
        missing = self.missing(generations)
        return missing[generations.but_film[missing] > self._generations[missing]]

    def take_all(self, generations: Generations) -> Blocks:
        """Note that the holder is given all that it lacks, exactly; return that."""
        missing = self.missing(generations)
        self.put(missing, generations)
        self.level = generations.current
        return missing

    def put(self, blocks: Blocks, generations: Generations) -> None:
        """Note that the holder is given the current `blocks`, exactly."""
        if not blocks.size:
            return
        self._generations[blocks] = generations.of_block[blocks]
        self._forget_rough(blocks)

    def lose(self, blocks: Blocks) -> None:
        """Note that the holder didn't get these blocks after all, and may have nothing of them."""
        self._generations[blocks] = 0
        self._forget_rough(blocks)
        self.level = 0

    def roughen(self, blocks: Blocks, now: float) -> None:
        """Note that of what was put just now, `blocks` went lossy."""
        if not blocks.size:
            return
        self._rough_since[blocks] = now
        self.rough_since = float(self._rough_since.min(initial=np.inf))

    def rested(self, generations: Generations, before: float) -> Blocks:
        """The blocks that were put roughly before `before` and have not changed since."""
        if self.rough_since > before:
            return NO_BLOCKS
        return blocks_in((self._rough_since <= before) & (generations.of_block == self._generations))

    @property
    def rough(self) -> Blocks:
        """The blocks that were put roughly."""
        if self.is_exact:
            return NO_BLOCKS
        return blocks_in(self._rough_since < np.inf)

    @property
    def exact_share(self) -> float:
        """The share of the blocks that were not put roughly."""
        return 1.0 - self.rough.size / max(1, self._rough_since.size)

    @property
    def is_exact(self) -> bool:
        return self.rough_since == np.inf

    def _forget_rough(self, blocks: Blocks) -> None:
        if not self.is_exact:
            self._rough_since[blocks] = np.inf
            self.rough_since = float(self._rough_since.min(initial=np.inf))
