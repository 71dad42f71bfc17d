"""What is copied on one side and pasted on the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Mime: TypeAlias = Literal["text/plain", "text/html", "image/png"]

TEXT: Final = "text/plain"
HTML: Final = "text/html"
PNG: Final = "image/png"

UNLIMITED = 2**53 - 1
"""Bytes that nothing reaches; the largest whole number that a browser can count."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Clip:
    """Content by its types: TEXT and HTML in UTF-8, with lines that end with a line feed, and PNG."""

    parts: Mapping[Mime, bytes]
    is_too_large: bool = False
    """Whether some was left out for its size."""

    @property
    def size(self) -> int:
        return sum(map(len, self.parts.values()))


def clean(kind: Mime, data: bytes) -> bytes | None:
    """Content of that type as a Clip has it; None if it is no image. UnicodeDecodeError for a text that isn't UTF-8."""
    if kind == PNG:
        return data if data.startswith(_PNG_SIGNATURE) else None
    # A carriage return pasted into a terminal would be a second Return.
    return data.decode().replace("\r\n", "\n").replace("\0", "").encode()
