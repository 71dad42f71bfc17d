"""What a flow asks of the one who drives it: RFB's client side is written as generators that do no I/O.

A driver runs a flow with `next` and `send`, does what each step asks, and gets the flow's result from `StopIteration`.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

MOST_BORROWED = 1 << 18


@dataclass(frozen=True, slots=True)
class Read:
    """Wait for exactly `size` bytes; they are sent back. Many pixels are made of them where `makes` says so."""

    size: int
    makes: int = 0


@dataclass(frozen=True, slots=True)
class Borrow:
    """Wait for exactly `size` bytes, `MOST_BORROWED` at most; a view of them is sent back, good until the next step."""

    size: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send `data`; b"" is sent back."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Wrap the connection in TLS, verified by a certificate or not at all; b"" is sent back."""

    kind: Literal["anonymous", "certificate"]


Step: TypeAlias = Read | Borrow | Send | StartTls
T = TypeVar("T")
Flow: TypeAlias = Generator[Step, bytes, T]
