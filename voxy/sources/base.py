"""What every source of pixels is, and how one is opened by name."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from voxy.blocks import Rect, Size
from voxy.errors import ConfigError
from voxy.screen.framebuffer import Framebuffer
from voxy.session.clips import Clip
from voxy.session.events import InputEvent

Damage: TypeAlias = tuple[Rect, ...]
"""The rects of the screen that may have changed since the last grab."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A pointer's shape: straight (not premultiplied) RGBA, `width`×`height`×4 bytes; the hot spot is (x, y)."""

    id: int
    width: int
    height: int
    x: int
    y: int
    rgba: bytes


class SourceState(Enum):
    """How a source is, as viewers are told."""

    LIVE = "live"
    STALLED = "stalled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CursorChanged:
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class NameChanged:
    """What the desktop calls itself; sources that have no name for it never say so."""

    name: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The source stalls (it doesn't answer) or lives again; `reason` is a sentence for people."""

    state: SourceState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClipChanged:
    """A program copied something, which `fetch_clip` gets. Sources without a clipboard never say so."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """One of those that a screen is divided into; where, in its pixels."""

    name: str
    rect: Rect
    is_primary: bool


@dataclass(frozen=True, slots=True)
class MonitorsChanged:
    monitors: tuple[Monitor, ...]


@dataclass(frozen=True, slots=True)
class SizingChanged:
    """Whether the source takes the sizes that it is given: `reason` is empty, or says to people why it doesn't."""

    reason: str


@dataclass(frozen=True, slots=True)
class PlaceChanged:
    """On which host a machine runs, whose screen this is, and to which one it moves, if it does.

    `is_near`: it is the host of this server. Sources that stay where they are never say so.
    """

    host: str
    to: str
    is_near: bool


SourceEvent: TypeAlias = (
    CursorChanged | NameChanged | StateChanged | ClipChanged | MonitorsChanged | SizingChanged | PlaceChanged
)
Notify: TypeAlias = Callable[[SourceEvent], None]


class Source(Protocol):
    """Gives one screen's pixels and takes its input. Used from one event loop, one grab at a time.

    `open`   connects and returns the size; raises SourceUnavailable. `notify` is called in the loop from then on.
    `grab`   waits until something may have changed, writes what the screen shows there into
             `framebuffer.back` (`fit_back` or `lend_back` make it fit), and returns where. The first grab after
             `open`, and the first after the size changed, covers the whole screen. Raises SourceLost. Cancelling it
             loses no damage.
    `inject` sends input; raises SourceLost. It waits for no drawing. Input takes effect in its order: what is
             pasted by a key after an Offer is that offer's content, even where that comes later. Sources without
             a clipboard let offers pass; those that have never said SizingChanged, with no reason, let Resize pass.
    `fetch_clip`
             gets what was copied last, at most so many bytes; raises SourceLost. What a program doesn't give in time
             is left out. A second call ends the first, which is cancelled.
    `close`  frees everything; harmless when repeated, and the source can be opened again after.
    """

    async def open(self, notify: Notify) -> Size: ...
    async def grab(self, framebuffer: Framebuffer) -> Damage: ...
    async def inject(self, event: InputEvent) -> None: ...
    async def fetch_clip(self, most_bytes: int) -> Clip: ...
    async def close(self) -> None: ...


def open_source(name: str) -> Source:
    """The source that `name` says (`x11::1`, `demo:`), not yet opened; ConfigError for an unknown kind."""
    kind, _, rest = name.partition(":")
    match kind:
        case "x11":
            from voxy.sources.x11 import X11Source

            return X11Source(rest)
        case "demo":
            from voxy.sources.demo import DemoSource

            return DemoSource.parse(rest)
    raise ConfigError(f"there is no source “{name}”: use x11:DISPLAY or demo:")
