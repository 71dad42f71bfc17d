"""Mirror: what a viewer has of the screen and of past images, as far as the server knows; and what is on its way.

It outlives a connection: a viewer that comes back says what it painted last, and what it missed is forgotten here.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from voxy.blocks import Generations, Holding
from voxy.blocks.generations import NO_BLOCKS, Blocks
from voxy.blocks.memory import Shelf


@dataclass(slots=True)
class _Sent:
    """An update on its way: the blocks that it brings up to date, and the images that it has kept or recalled."""

    seq: int
    blocks: Blocks
    used: Sequence[tuple[int, int]]


class Mirror:
    """What one viewer has, once it has painted all that was sent to it."""

    def __init__(self, keeps: int = 0) -> None:
        self.holding = Holding(0)
        self.shelf = Shelf(keeps)
        self._generations: Generations | None = None
        self._acked_shelf = Shelf(keeps)
        self._acked_seq = 0
        self._inflight: deque[_Sent] = deque()
        self._taken = NO_BLOCKS

    def follow(self, generations: Generations) -> Holding:
        """What the viewer has of the array that these count; nothing, if it is another than before."""
        if generations is not self._generations:
            self._generations = generations
            self.holding = Holding(generations.of_block.size)
            # What is on its way is of the array before: for this one it is no loss.
            for sent in self._inflight:
                sent.blocks = NO_BLOCKS
        return self.holding

    def take(self, blocks: Blocks) -> None:
        """Note that the next update brings these blocks up to date."""
        self._taken = blocks

    def sent(self, seq: int, rough: Blocks, used: Sequence[tuple[int, int]], now: float) -> None:
        """Note that this was update `seq`, with the blocks `rough` in it lossy, and these images kept or recalled."""
        self._inflight.append(_Sent(seq, self._taken, used))
        self._taken = NO_BLOCKS
        self.holding.roughen(rough, now)
        self.shelf.take(used)

    def acked(self, seq: int) -> None:
        """Note that all updates up to `seq` are painted."""
        while self._inflight and self._inflight[0].seq <= seq:
            sent = self._inflight.popleft()
            self._acked_seq = sent.seq
            self._acked_shelf.take(sent.used)

    def cut(self, painted: int) -> bool:
        """Forget what came after update `painted`, the last that the viewer got.

        False if it acknowledged later ones: what it says is not of this picture.
        """
        if painted < self._acked_seq:
            return False
        self.acked(painted)
        for lost in (*(sent.blocks for sent in self._inflight), self._taken):
            self.holding.lose(lost)
        self._inflight.clear()
        self._taken = NO_BLOCKS
        self.shelf = self._acked_shelf.copy()
        return True

    def forget_images(self, keeps: int) -> None:
        """Note that the viewer has no images any more, and keeps so many bytes of those that come."""
        self.shelf, self._acked_shelf = Shelf(keeps), Shelf(keeps)
