"""Update: the one message that carries pixels, as `wire` specifies it."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from voxy.blocks import Atlas, Copy, Deflated, Fill, Operation, Patches, Recall, Rect, Size, Video
from voxy.blocks.generations import Blocks

_UPDATE = struct.Struct("<BBHHI")
_COPY = struct.Struct("<BHHHHHH")
_FILL = struct.Struct("<BBBBH")
_OF_RECTS = struct.Struct("<BBHI")
_RECT = struct.Struct("<HHHH")
_ATLAS = struct.Struct("<BBHHII")
_RECALL = struct.Struct("<BIH")
_VIDEO = struct.Struct("<BBBBHHHHI")


class Update:
    """One atomically painted set of operations for a screen of `size`."""

    TYPE: ClassVar[int] = 1
    COPY: ClassVar[int] = 1
    FILL: ClassVar[int] = 2
    RECALL: ClassVar[int] = 3
    ATLAS: ClassVar[int] = 4
    PATCHES: ClassVar[int] = 5
    DEFLATED: ClassVar[int] = 6
    VIDEO: ClassVar[int] = 7

    def __init__(self, seq: int, size: Size, operations: Iterable[Operation]) -> None:
        self.seq = seq
        self.size = size
        self.operations = tuple(operations)

    def serialize(self) -> bytes:
        return b"".join(self._parts())

    def _parts(self) -> Iterator[bytes]:
        yield _UPDATE.pack(self.TYPE, 0, *self.size, self.seq)
        for operation in self.operations:
            match operation:
                case Copy(source, x, y):
                    yield _COPY.pack(self.COPY, *source, x, y)
                case Fill(colour, blocks):
                    yield _FILL.pack(self.FILL, colour >> 16, colour >> 8 & 255, colour & 255, blocks.size)
                    yield _indices(blocks)
                case Recall(number, blocks, places):
                    yield _RECALL.pack(self.RECALL, number, blocks.size)
                    yield _indices(blocks)
                    yield _indices(places)
                case Atlas(encoding, columns, blocks, image, number):
                    yield _ATLAS.pack(self.ATLAS, encoding, columns, blocks.size, number, len(image))
                    yield _indices(blocks)
                    yield image
                case Patches(encoding, rects, image):
                    yield from _of_rects(self.PATCHES, encoding, rects, image)
                case Deflated(rects, stream, is_indexed):
                    yield from _of_rects(self.DEFLATED, is_indexed, rects, stream)
                case Video(codec, stream, is_key, rect, chunk):
                    yield _VIDEO.pack(self.VIDEO, codec, stream, is_key, *rect, len(chunk))
                    yield chunk

    def __str__(self) -> str:
        kinds = ", ".join(
            f"{type(o).__name__} {o.blocks.size}" if isinstance(o, Fill | Atlas | Recall) else type(o).__name__
            for o in self.operations
        )
        return f"update {self.seq} of {self.size}: {kinds}"


def _of_rects(kind: int, how: int, rects: Sequence[Rect], data: bytes) -> Iterator[bytes]:
    """An operation that draws rects, all from the same data."""
    yield _OF_RECTS.pack(kind, how, len(rects), len(data))
    yield from (_RECT.pack(*rect) for rect in rects)
    yield data


def _indices(blocks: Blocks) -> bytes:
    data: bytes = blocks.astype("<u2").tobytes()
    return data
