"""The stamp: what every frame of a scene carries in two corners, so that a page can tell which frame it shows.

48 cells in a row, black or white, the highest bit first: 8 bits of sync, 20 bits of time (ms modulo 2^20), 12 bits that
count the inputs seen, and the sum of the ten nibbles before. Large cells survive JPEG and video.
"""

from typing import NamedTuple, Self

CELL_PX = 8
CELLS = 48
WIDTH_PX = CELL_PX * CELLS

_SYNC = 0b10110010
_MS = 1 << 20
_INPUTS = 1 << 12


class Stamp(NamedTuple):
    """When a frame was drawn, in ms modulo 2^20, and how many inputs its program had seen, modulo 2^12."""

    ms: int
    inputs: int

    @classmethod
    def parse(cls, word: int) -> Self | None:
        """The stamp that 48 bits make, or None where they make none, as in a corner half painted."""
        if word >> 40 != _SYNC or word & 0xFF != _sum_of_nibbles(word):
            return None
        return cls(word >> 20 & _MS - 1, word >> 8 & _INPUTS - 1)

    def serialize(self) -> int:
        """The 48 bits of this stamp."""
        word = _SYNC << 40 | self.ms % _MS << 20 | self.inputs % _INPUTS << 8
        return word | _sum_of_nibbles(word)

    def age_ms(self, now_ms: float) -> int:
        """How long ago this was drawn; negative where the clocks differ a little."""
        return (round(now_ms) - self.ms + _MS // 2) % _MS - _MS // 2

    def inputs_since(self, earlier: Self) -> int:
        """How many inputs were seen between an earlier stamp and this one."""
        return (self.inputs - earlier.inputs) % _INPUTS


def _sum_of_nibbles(word: int) -> int:
    return sum(word >> shift & 0xF for shift in range(8, 48, 4)) & 0xFF
