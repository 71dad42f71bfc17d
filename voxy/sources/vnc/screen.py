"""Screen: what a VNC server has shown so far, and what changed since that was taken last."""

import numpy as np
from numpy.typing import NDArray

from voxy.blocks import Rect, Size
from voxy.blocks.geometry import MAX_SIDE
from voxy.errors import SourceLost
from voxy.screen.framebuffer import Moved, Pixels

_MOST_PIXELS = 1 << 25
"""Pixels of a screen that are believed: those of 8K."""

_RECTS_MOST = 64
"""Rects of damage that are told apart."""

_WAYS_MOST = 8
"""Things that were copied elsewhere, each its own way, that are told apart."""


class Screen:
    """`pixels` are what it shows, with anything in their highest byte; `take_damage` tells where they changed."""

    def __init__(self) -> None:
        self.size = Size(0, 0)
        self.pixels: Pixels = np.zeros((0, 0), dtype=np.uint32)
        self.is_blank = True
        """Whether nothing has been shown in this size yet."""
        self._damage: list[Rect] = []
        self._moved: dict[tuple[int, int], Rect] = {}

    def resize(self, width: int, height: int) -> None:
        """Begin anew in another size; SourceLost for one that no screen has."""
        if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= _MOST_PIXELS):
            raise SourceLost(f"The VNC server says that its screen has {width}x{height} pixels, which can't be shown.")
        self.size = Size(width, height)
        self.pixels = np.zeros((height, width), dtype=np.uint32)
        self.is_blank = True
        self._damage = [Rect.of(self.size)]
        self._moved = {}

    def check(self, rect: Rect) -> None:
        """SourceLost for a rect that is not on the screen."""
        if rect.right > self.size.width or rect.bottom > self.size.height:
            raise SourceLost("The VNC server draws beyond its screen.")

    def put(self, rect: Rect, pixels: NDArray[np.uint32] | np.uint32) -> None:
        self.pixels[rect.slices] = pixels

    def copy(self, rect: Rect, x: int, y: int) -> None:
        """Show at `rect` what is at (x, y)."""
        source = Rect(x, y, rect.width, rect.height)
        self.check(source)
        self.pixels[rect.slices] = self.pixels[source.slices].copy()
        way = rect.x - x, rect.y - y
        if rect.area and (way in self._moved or len(self._moved) < _WAYS_MOST):
            self._moved[way] = self._moved.get(way, rect).union(rect)

    def note(self, rect: Rect) -> None:
        """Note that a rect changed."""
        if not rect.area:
            return
        self.is_blank = False
        if len(self._damage) >= _RECTS_MOST:
            self._damage = [_around(self._damage)]
        self._damage.append(rect)

    @property
    def is_damaged(self) -> bool:
        return bool(self._damage)

    def take_damage(self) -> tuple[Rect, ...]:
        taken, self._damage = tuple(self._damage), []
        return taken

    def take_moved(self) -> Moved | None:
        """The largest thing that was copied."""
        moved, self._moved = self._moved, {}
        way = max(moved, key=lambda way: moved[way].area, default=None)
        return Moved(moved[way], *way) if way else None


def _around(rects: list[Rect]) -> Rect:
    around = rects[0]
    for rect in rects[1:]:
        around = around.union(rect)
    return around
