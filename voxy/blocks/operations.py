"""Update operations: what a holder does to bring its array of blocks up to date."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from voxy.blocks.generations import Blocks
from voxy.blocks.geometry import Rect


class Encoding(IntEnum):
    """How an atlas' image is encoded; the number travels."""

    PNG = 1
    JPEG = 2


class VideoCodec(IntEnum):
    """How a film is encoded; the number travels."""

    H264 = 1
    VP8 = 2


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the pixels of `source`, as they were before the update, to the place with its left top at (x, y)."""

    source: Rect
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Step:
    """A change from generation `base` to the next in few words: a copy, or patches; and the blocks that these leave.

    Only who has all of generation `base`, and the `touched` blocks of it exactly, may take it.
    """

    base: int
    touched: Blocks
    left: Blocks
    copy: Copy | None = None
    patches: tuple[Rect, ...] = ()


@dataclass(frozen=True, slots=True)
class Fill:
    """Paint `blocks` with one colour, 0xRRGGBB."""

    colour: int
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Atlas:
    """Draw `blocks` from one image that holds them row by row, `columns` to a row."""

    encoding: Encoding
    columns: int
    blocks: Blocks
    image: bytes


@dataclass(frozen=True, slots=True)
class Patches:
    """Draw `rects` from one image that holds them one below the other, from its left edge."""

    encoding: Encoding
    rects: tuple[Rect, ...]
    image: bytes


@dataclass(frozen=True, slots=True)
class Video:
    """Draw the frame that `chunk` decodes to on `rect`; its chunks are those of one `stream`, from a key one on."""

    codec: VideoCodec
    stream: int
    is_key: bool
    rect: Rect
    chunk: bytes


Operation: TypeAlias = Copy | Fill | Atlas | Patches | Video
