"""Lead: whose window the desktop takes the size of, and what viewers are told of that. No I/O, no clock."""

from voxy.session import wire
from voxy.session.events import Resize
from voxy.session.permissions import Permission
from voxy.session.viewer import Viewer

LEAST_WIDTH, LEAST_HEIGHT = 320, 200
"""Pixels: in a smaller window the desktop is shown smaller, for no program can be used there."""

MOST_PIXELS = 8192 * 4320
"""More than any window has: each of them takes 12 bytes of memory."""

LEAST_SCALE, MOST_SCALE = 0.5, 4.0
"""A page may be zoomed further than text and pointers make sense."""


class Lead:
    """The viewers that want to be followed: the first leads until it is dropped, or another takes the lead.

    `mode` is how the desktop is shown where nobody has chosen otherwise.
    """

    def __init__(self, mode: wire.Mode) -> None:
        self.mode = mode
        self._fixed = "The size of this desktop can't be changed."
        """Why it can't follow, for people; empty where it can."""
        self.monitors: wire.Monitors | None = None
        self.wish: Resize | None = None
        """What the desktop was to become last; it stays so when nobody leads any more."""
        self._windows: dict[Viewer, wire.Window] = {}

    def follow(self, viewer: Viewer, window: wire.Window | None) -> Resize | None:
        """Take a viewer's window, None where it is hidden or has left; what the desktop becomes, if that changes."""
        if window and window.follow:
            self._windows[viewer] = window
            if window.lead:
                self._windows = {viewer: window, **self._windows}
        else:
            self._windows.pop(viewer, None)
        before, self.wish = self.wish, self._leading() or self.wish
        return self.wish if self.wish != before else None

    def succeed(self, former: Viewer, viewer: Viewer) -> None:
        """Have a viewer take the place of one that was the same page by another connection."""
        self._windows = {viewer if key is former else key: window for key, window in self._windows.items()}

    def fix(self, reason: str) -> None:
        """Note why the desktop can't follow any window; with an empty reason it can, and viewers ask for it anew."""
        self._fixed = reason
        if reason:
            self._windows.clear()
            self.wish = None

    def news_for(self, viewer: Viewer) -> list[wire.Message]:
        """What a viewer is to know of the desktop's size and monitors."""
        if "size" not in viewer.capabilities:
            return []
        fixed = self._fixed if Permission.RESIZE in viewer.permissions else "You may not change this desktop's size."
        mode = "fit" if fixed and self.mode == "follow" else self.mode
        sizing = wire.Sizing(mode, not fixed, fixed)
        return [sizing, self.monitors] if self.monitors else [sizing]

    def _leading(self) -> Resize | None:
        return next(map(resize_to, self._windows.values()), None)


def resize_to(window: wire.Window) -> Resize:
    """What the desktop becomes to follow a window: its size, within reason."""
    width, height = max(window.width, LEAST_WIDTH), max(window.height, LEAST_HEIGHT)
    if width * height > MOST_PIXELS:
        shrink = (MOST_PIXELS / (width * height)) ** 0.5
        width, height = int(width * shrink), int(height * shrink)
    return Resize(width, height, min(max(window.scale, LEAST_SCALE), MOST_SCALE))
