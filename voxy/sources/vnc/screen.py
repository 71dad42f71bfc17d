"""Screen: what a VNC server draws, and what it has shown that is whole, with what changed since that was taken last."""

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import Rect, Size
from voxy.blocks.geometry import MAX_SIDE
from voxy.errors import SourceLost
from voxy.screen.framebuffer import Moved, Pixels
from voxy.sources.vnc.pages import Pages

_MOST_PIXELS = 1 << 25
"""Pixels of a screen that are believed: those of 8K."""

_RECTS_MOST = 64
"""Rects of damage that are told apart."""

_WAYS_MOST = 8
"""Things that were copied elsewhere, each its own way, that are told apart."""


class Screen:
    """Takes rects one by one, and an update, which is many of them, as one: what `take` gives is never half an update.

    Pixels have anything in their highest byte.
    """

    def __init__(self) -> None:
        self.size = Size(0, 0)
        self.is_blank = True
        """Whether nothing has been shown in this size yet."""
        self._pages = Pages(self.size)
        self._drawn: list[Rect] = []
        """What the update that is being drawn has changed."""
        self._damage: list[Rect] = []
        self._moved: dict[tuple[int, int], Rect] = {}

    @property
    def pixels(self) -> Pixels:
        """What is being drawn, on a screen padded to whole blocks; part of it may be old."""
        return self._pages.drawn

    def resize(self, width: int, height: int) -> None:
        """Begin anew in another size; SourceLost for one that no screen has."""
        if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= _MOST_PIXELS):
            raise SourceLost(f"The VNC server says that its screen has {width}x{height} pixels, which can't be shown.")
        self.size = Size(width, height)
        self._pages = Pages(self.size)
        self.is_blank = True
        self._drawn, self._damage = [Rect.of(self.size)], []
        self._moved = {}

    def check(self, rect: Rect) -> None:
        """SourceLost for a rect that is not on the screen."""
        if rect.right > self.size.width or rect.bottom > self.size.height:
            raise SourceLost("The VNC server draws beyond its screen.")

    def begin(self, rect: Rect) -> None:
        """A rect is about to be drawn; SourceLost for one that is not on the screen."""
        self.check(rect)
        self._pages.begin(rect)

    def put(self, rect: Rect, pixels: NDArray[np.uint32] | np.uint32) -> None:
        self.pixels[rect.slices] = pixels

    def copy(self, rect: Rect, x: int, y: int) -> None:
        """Show at `rect` what is at (x, y)."""
        source = Rect(x, y, rect.width, rect.height)
        self.check(source)
        self._pages.settle()
        self.pixels[rect.slices] = self.pixels[source.slices].copy()
        way = rect.x - x, rect.y - y
        if rect.area and (way in self._moved or len(self._moved) < _WAYS_MOST):
            self._moved[way] = self._moved.get(way, rect).union(rect)

    def note(self, rect: Rect) -> None:
        """Note that a rect was drawn."""
        if not rect.area:
            return
        self.is_blank = False
        self._pages.painted(rect)
        _add(self._drawn, rect)

    def finish(self, *in_use: Pixels) -> None:
        """An update is whole; what is `in_use` will not be drawn into."""
        if not self._drawn:
            return
        self._pages.turn(self._drawn, in_use)
        for rect in self._drawn:
            _add(self._damage, rect)
        self._drawn = []

    def owe(self) -> None:
        """Tell of everything again: nobody has got what was taken last."""
        self._damage = [Rect.of(self.size)]

    @property
    def is_damaged(self) -> bool:
        """Whether more is whole than was taken."""
        return bool(self._damage)

    @property
    def is_whole(self) -> bool:
        """Whether there is anything to take."""
        return self._pages.whole is not None and not self.is_blank

    def take(self) -> tuple[Pixels, tuple[Rect, ...], Moved | None]:
        """What is shown, padded, to be read only; where it changed, and the largest thing that was copied."""
        assert self._pages.whole is not None
        damage, self._damage = tuple(self._damage), []
        moved, self._moved = self._moved, {}
        way = max(moved, key=lambda way: moved[way].area, default=None)
        return self._pages.whole, damage, Moved(moved[way], *way) if way else None


def _add(rects: list[Rect], rect: Rect) -> None:
    if len(rects) >= _RECTS_MOST:
        rects[:] = [_around(rects)]
    rects.append(rect)


def _around(rects: list[Rect]) -> Rect:
    around = rects[0]
    for rect in rects[1:]:
        around = around.union(rect)
    return around
