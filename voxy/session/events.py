"""Input on its way from a viewer to a source."""

from dataclasses import dataclass
from typing import TypeAlias

from voxy.session.clips import Clip, Mime


@dataclass(frozen=True, slots=True)
class Pointer:
    """The pointer is at (x, y) with these buttons down: bit 0 left, 1 middle, 2 right, 3 back, 4 forward."""

    x: int
    y: int
    buttons: int


@dataclass(frozen=True, slots=True)
class Motion:
    """The pointer went that far, wherever it was, with these buttons down: for programs that keep it to themselves."""

    dx: int
    dy: int
    buttons: int


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel turned at (x, y): 120 is one notch; dx right and dy down are positive."""

    x: int
    y: int
    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class Key:
    """A key went down or up: its X keysym, and the physical key by its DOM code (empty where unknown).

    Keysym 0 is whatever the desktop has at that place.
    """

    keysym: int
    code: str
    is_down: bool


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A viewer has content of these types to paste, which follows as a Delivery; what pastes meanwhile waits for it."""

    types: tuple[Mime, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The content of an offer, or None if it will never come."""

    offer: Offer
    clip: Clip | None


@dataclass(frozen=True, slots=True)
class Resize:
    """The desktop is to take this size in pixels, `scale` of which are as wide as one usually is; the newest counts."""

    width: int
    height: int
    scale: float


InputEvent: TypeAlias = Pointer | Motion | Wheel | Key | Offer | Delivery | Resize
