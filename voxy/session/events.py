"""Input on its way from a viewer to a source."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Pointer:
    """The pointer is at (x, y) with these buttons down: bit 0 left, 1 middle, 2 right, 3 back, 4 forward."""

    x: int
    y: int
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
    """A key went down or up: its X keysym, and the physical key by its DOM code (empty where unknown)."""

    keysym: int
    code: str
    is_down: bool


InputEvent: TypeAlias = Pointer | Wheel | Key
