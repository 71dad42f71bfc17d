"""Freight: a layer's file on its way to another host, compressed, and without its holes.

The wire is a row of records, each with a head of 17 bytes: kind, bytes that follow, those unpacked, and how much of the
file the record is about. Unpacked, they are a number of runs, for each how much is empty before it and how long it is,
and then what is in all of them: a thousand scattered writes are one record. Each is whole by itself, so that a file
whose beginning has arrived goes on from its end, wherever the line broke; and none is much larger than a megabyte, so
that no head makes the other side keep more than that.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Iterator
from enum import IntEnum
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Protocol

from voxy.errors import MachineError
from voxy.vm.sparse import Extent, extents, runs
from voxy.vm.zstandard import LEVEL, decompressor, zstd

SILENCE_S = 20.0
"""Seconds in which a line that lives carries something."""

_HEAD, _COUNT, _RUN = struct.Struct(">BIIQ"), struct.Struct(">I"), struct.Struct(">QI")
_DATA_MOST_BYTES = 1 << 20
_PIECES_MOST = 1024
"""As small as pieces of a file may be where its disk has blocks of 1 KiB."""

_LOAD_MOST_BYTES = _DATA_MOST_BYTES + (1 << 16)
_SYNC_BYTES = 16 << 20
"""What has arrived is put on the host's disk in such pieces while more arrives, and not all of it in the end."""


class Record(NamedTuple):
    """What is sent next, and how many bytes of the file's own, without holes, it brings."""

    wire: bytes
    data_bytes: int


class Reader(Protocol):
    """Where records come from: asyncio's StreamReader, or aiohttp's."""

    async def read(self, n: int = -1, /) -> bytes: ...


class _Kind(IntEnum):
    PLAIN = 1
    ZSTD = 2


class _Step(NamedTuple):
    """A part of a file that makes one record, and what it has in it."""

    start: int
    end: int
    pieces: list[Extent]


async def pack(path: Path, offset: int, size: int) -> AsyncIterator[Record]:
    """The records of a file from `offset` to `size`; the next is made while one is sent."""
    found = await extents(path, offset, size)
    ahead: asyncio.Task[Record] | None = None
    try:
        for step in _steps(found, offset, size):
            made, ahead = ahead, asyncio.create_task(asyncio.to_thread(_record, path, step))
            if made:
                yield await made
        if ahead:
            yield await ahead
    finally:
        if ahead:
            ahead.cancel()


def _steps(found: list[Extent], offset: int, size: int) -> Iterator[_Step]:
    pieces: list[Extent] = []
    at, held_bytes = offset, 0
    for start, end in found:
        while start < end:
            piece = Extent(start, min(start + _DATA_MOST_BYTES - held_bytes, end))
            pieces.append(piece)
            start, held_bytes = piece.end, held_bytes + piece.end - piece.start
            if held_bytes == _DATA_MOST_BYTES or len(pieces) == _PIECES_MOST:
                yield _Step(at, piece.end, pieces)
                at, pieces, held_bytes = piece.end, [], 0
    if at < size:
        yield _Step(at, size, pieces)


def _record(path: Path, step: _Step) -> Record:
    table, data, at, read_bytes = [], [], step.start, 0
    with path.open("rb", buffering=0) as file:
        for start, end in step.pieces:
            file.seek(start)
            read = file.read(end - start)
            read_bytes += len(read)
            for first, last in runs(read):
                table.append(_RUN.pack(start + first - at, last - first))
                data.append(read[first:last])
                at = start + last
    load = b"".join((_COUNT.pack(len(table)), *table, *data))
    kind, packed = _Kind.ZSTD, zstd.compress(load, LEVEL)
    if len(packed) >= len(load):
        kind, packed = _Kind.PLAIN, load
    return Record(_HEAD.pack(kind, len(packed), len(load), step.end - step.start) + packed, read_bytes)


async def unpack(reader: Reader, path: Path, offset: int, size: int) -> None:
    """Write the records of a file of `size` bytes of which this host has `offset`; holes are holes again.

    MachineError where the line is silent or broke, or the records aren't what they should be, and OSError where the
    disk is full; what is there of the file is right then, and the next try goes on from its end.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        writer = _Writer(file)
        writing = asyncio.create_task(asyncio.sleep(0))
        try:
            while offset < size:
                kind, packed, whole, length = _HEAD.unpack(await _exactly(reader, _HEAD.size))
                _check(kind, packed, whole, length, size - offset)
                data = await _exactly(reader, packed)
                await _ended(writing)
                # While it is written, the next arrives.
                writing = asyncio.create_task(asyncio.to_thread(writer.write, offset, kind, data, whole, length))
                offset += length
            await _ended(writing)
        except MachineError:
            # What was wrong before that is told.
            await _ended(writing)
            raise
        finally:
            # Also for who is cancelled: the file is closed when nobody writes to it any more.
            await asyncio.wait([writing])


def _check(kind: int, packed: int, whole: int, length: int, left: int) -> None:
    """Raise MachineError before anything is kept for what a head asks for."""
    is_sound = {_Kind.PLAIN: packed == whole, _Kind.ZSTD: packed < whole}
    if not 0 < length <= left or whole > _LOAD_MOST_BYTES or not is_sound.get(kind):  # type: ignore[call-overload]
        raise _unreadable()


class _Writer:
    """Writes records to a file, and has the host's disk take them as they come."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._unsynced_bytes = 0

    def write(self, at: int, kind: int, data: bytes, whole: int, length: int) -> None:
        found = [*_unloaded(_inflate(data, whole) if kind == _Kind.ZSTD else data, length)]
        for start, left in found:
            self._file.seek(at + start)
            while left:
                left = left[self._file.write(left) :]
        self._file.truncate(at + length)
        self._unsynced_bytes += whole
        if self._unsynced_bytes >= _SYNC_BYTES:
            os.fsync(self._file.fileno())
            self._unsynced_bytes = 0


def _unloaded(load: bytes, length: int) -> Iterator[tuple[int, memoryview]]:
    """What a record of so much of a file has, and where in it."""
    if len(load) < _COUNT.size:
        raise _unreadable()
    used = _COUNT.size + _COUNT.unpack_from(load)[0] * _RUN.size
    if used > len(load):
        raise _unreadable()
    view, at = memoryview(load), 0
    for gap, size in _RUN.iter_unpack(view[_COUNT.size : used]):
        start, at = at + gap, at + gap + size
        if at > length:
            raise _unreadable()
        yield start, view[used : used + size]
        used += size
    if used != len(load):
        raise _unreadable()


def _inflate(data: bytes, length: int) -> bytes:
    unpacker = decompressor()
    try:
        # One more than it may be, so that the end of the frame is read as well.
        found = unpacker.decompress(data, length + 1)
    except zstd.ZstdError:
        raise _unreadable() from None
    if len(found) != length or not unpacker.eof or unpacker.unused_data:
        raise _unreadable()
    return found


async def _exactly(reader: Reader, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        try:
            async with asyncio.timeout(SILENCE_S):
                piece = await reader.read(count - len(data))
        except TimeoutError:
            raise MachineError(f"nothing came for {SILENCE_S:.0f} s within a layer") from None
        except OSError:
            piece = b""
        if not piece:
            raise MachineError("the line broke within a layer")
        data += piece
    return bytes(data)


async def _ended(task: asyncio.Task[None]) -> None:
    """As `await task`, but for who is cancelled: what a thread does can't be, and goes on."""
    await asyncio.wait([task])
    task.result()


def _unreadable() -> MachineError:
    return MachineError("a layer arrived in pieces that can't be read: use the same version of VoXY on both")
