"""Update: the one message that carries pixels, as `wire` specifies it."""

import struct
from collections.abc import Iterable, Iterator
from typing import ClassVar

from voxy.blocks import Atlas, Copy, Fill, Indexed, Operation, Patches, Recall, Size, Video
from voxy.blocks.generations import Blocks

_UPDATE = struct.Struct("<BBHHI")
_COPY = struct.Struct("<BHHHHHH")
_FILL = struct.Struct("<BBBBH")
_PATCHES = struct.Struct("<BBHI")
_INDEXED = struct.Struct("<BBH")
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
    INDEXED: ClassVar[int] = 6
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
                    yield _PATCHES.pack(self.PATCHES, encoding, len(rects), len(image))
                    yield from (_RECT.pack(*rect) for rect in rects)
                    yield image
                case Indexed(rects, colours, pixels):
                    yield _INDEXED.pack(self.INDEXED, len(colours) - 1, len(rects))
                    yield from (_RECT.pack(*rect) for rect in rects)
                    yield from (colour.to_bytes(3, "big") for colour in colours)
                    yield pixels
                case Video(codec, stream, is_key, rect, chunk):
                    yield _VIDEO.pack(self.VIDEO, codec, stream, is_key, *rect, len(chunk))
                    yield chunk

    def __str__(self) -> str:
        kinds = ", ".join(
            f"{type(o).__name__} {o.blocks.size}" if isinstance(o, Fill | Atlas | Recall) else type(o).__name__
            for o in self.operations
        )
        return f"update {self.seq} of {self.size}: {kinds}"


def _indices(blocks: Blocks) -> bytes:
    data: bytes = blocks.astype("<u2").tobytes()
    return data
