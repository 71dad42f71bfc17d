"""Moves: which window has moved since the last grab, as the X server tells. It saves a search in the pixels."""

from Xlib.protocol import event as core

from voxy.blocks import Rect
from voxy.screen.framebuffer import Moved


class Moves:
    """Windows on the root, and where each was when that was told last."""

    def __init__(self) -> None:
        self._places: dict[int, Rect] = {}
        self._moved: tuple[int, Rect] | None = None
        """The window that moved last, and where it was in the last grab."""

    def note(self, configured: core.ConfigureNotify) -> None:
        """A window has another place or size."""
        window, border = int(configured.window), 2 * configured.border_width
        place = Rect(configured.x, configured.y, configured.width + border, configured.height + border)
        before = self._places.get(window)
        self._places[window] = place
        if before and (before.width, before.height) == (place.width, place.height):
            if self._moved is None or self._moved[0] != window:
                self._moved = window, before
        else:
            self._moved = None

    def forget(self, window: int) -> None:
        """It is no more, or has been put into the frame of a window manager, which moves in its place."""
        self._places.pop(window, None)
        if self._moved and self._moved[0] == window:
            self._moved = None

    def take(self) -> Moved | None:
        """What moved until now, once."""
        moved, self._moved = self._moved, None
        if moved is None:
            return None
        window, before = moved
        place = self._places[window]
        x, y = place.x - before.x, place.y - before.y
        return Moved(place, x, y) if x or y else None
