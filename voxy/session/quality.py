"""Quality: how coarse pictures have to be for what a line carries, and for what a person chose. No I/O, no clock."""

import sys
from typing import Literal, TypeAlias

from voxy.session.line import Line

_PICTURE_S = 0.050
"""Seconds that a lossy picture may take on the line before it gets coarser."""

Level: TypeAlias = Literal["auto", "exact", "light"]
"""What a person chose: what the line carries, nothing lossy, or as few bytes as can be."""

LOSSLESS = 0
"""The quality at which nothing may go lossy."""

ANY = sys.maxsize
"""As many pixels as there may be."""

_LIGHT_BYTES_S = 60_000.0
"""What a film may take of a line that is to be spared."""

QUALITIES = (35, 50, 65, 80)
"""Few steps, so that viewers on like lines need the same pictures and share them."""

_PIXEL_BYTES = (0.05, 0.065, 0.085, 0.14)
"""What a pixel of a photograph takes in these qualities, roughly."""

_TEXT_PIXEL_BYTES = 0.13
"""What an exact pixel of dense text takes, roughly."""

_BIG_PICTURE_S = 0.05
"""Seconds that a picture may take on a line that is known to be slow, if there is a quality for it: what is cut to in a
film is coarse for a moment, rather than two of its frames late."""

_GOOD_PICTURES = 20
"""Pictures that were quick on the line before the next is tried finer."""


class Quality:
    """Follows a line: coarser at once, finer after a while."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._step = len(QUALITIES) - 1
        self._good_pictures = 0
        self.level: Level = "auto"

    @property
    def jpeg(self) -> int:
        """JPEG quality for what may go lossy."""
        match self.level:
            case "exact":
                return LOSSLESS
            case "light":
                return QUALITIES[0]
        return QUALITIES[self._step]

    def jpeg_for(self, pixels: int) -> int:
        """The quality for a picture of so many pixels: coarser than others where it would be long on its way."""
        most_bytes = self._line.bytes_s * _BIG_PICTURE_S
        fitting = sum(pixels * pixel_bytes <= most_bytes for pixel_bytes in _PIXEL_BYTES)
        return min(self.jpeg, QUALITIES[max(0, fitting - 1)])

    @property
    def most_text(self) -> int:
        """Pixels of text that are soon across exactly, a power of two, so that viewers on like lines share pictures."""
        is_known_slow = self._step < len(QUALITIES) - 1 or self._line.is_known_slow
        pixels = int(self._line.bytes_s * _BIG_PICTURE_S / _TEXT_PIXEL_BYTES)
        return 1 << pixels.bit_length() >> 1 if is_known_slow and self.level != "exact" else ANY

    @property
    def film_bytes_s(self) -> float:
        """What a film may take of the line."""
        return min(self._line.bytes_s, _LIGHT_BYTES_S) if self.level == "light" else self._line.bytes_s

    def adapt(self, late_s: float) -> None:
        """Take that a picture came so long after the least round trip."""
        self._good_pictures = self._good_pictures + 1 if late_s < _PICTURE_S / 2 else 0
        if late_s > _PICTURE_S:
            self._step = max(0, self._step - 1)
        elif self._good_pictures >= _GOOD_PICTURES:
            self._step = min(len(QUALITIES) - 1, self._step + 1)
            self._good_pictures = 0
