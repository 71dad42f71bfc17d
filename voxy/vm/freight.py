"""Freight: a layer's file on its way to another host, compressed, and without its holes.

The wire is a row of records, each with a head of 13 bytes: kind, bytes that follow, bytes of the file. Each is whole by
itself, so that a file whose beginning has arrived goes on from its end, wherever the line broke; and none is larger
than a megabyte, so that no head makes the other side keep more than that.
"""

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from enum import IntEnum
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from voxy.errors import MachineError
from voxy.vm.sparse import Extent, extents, runs

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SILENCE_S = 30.0
"""Seconds in which a line that lives carries something."""

_HEAD = struct.Struct(">BIQ")
_RECORD_MOST_BYTES = 1 << 20
_WINDOW_LOG_MOST = 20
"""No record needs a larger one; a hostile one could ask for 2 GB."""

_HOLE_LEAST_BYTES = 1 << 16
"""Smaller ones go as the zeros that they are: a record for each would cost more."""

_LEVEL = 1
"""Measured on a program's code: 180 MB/s; level 3 makes 9 % less of it, at half the speed."""


class Record(NamedTuple):
    """What is sent next, and how many bytes of the file's own, without holes, it brings."""

    wire: bytes
    data_bytes: int


class Reader(Protocol):
    """Where records come from: asyncio's StreamReader, or aiohttp's."""

    async def read(self, n: int = -1, /) -> bytes: ...


class _Kind(IntEnum):
    HOLE = 0
    PLAIN = 1
    ZSTD = 2


async def lading(path: Path, offset: int, size: int) -> list[Extent]:
    """The pieces of a file from `offset` to `size` that are sent."""
    return await extents(path, offset, size, _HOLE_LEAST_BYTES)


async def pack(path: Path, offset: int, size: int) -> AsyncIterator[Record]:
    """The records of a file from `offset` to `size`; the next is made while one is sent."""
    found = await lading(path, offset, size)
    ahead: asyncio.Task[Record] | None = None
    try:
        for step in _steps(found, offset, size):
            made, ahead = ahead, asyncio.create_task(asyncio.to_thread(_record, path, *step))
            if made:
                yield await made
        if ahead:
            yield await ahead
    finally:
        if ahead:
            ahead.cancel()


def _steps(found: list[Extent], offset: int, size: int) -> list[tuple[_Kind, int, int]]:
    """The file in pieces of which each makes one record."""
    steps, at = [], offset
    for start, end in found:
        if at < start:
            steps.append((_Kind.HOLE, at, start))
        pieces = range(start, end, _RECORD_MOST_BYTES)
        steps += [(_Kind.PLAIN, piece, min(piece + _RECORD_MOST_BYTES, end)) for piece in pieces]
        at = end
    return [*steps, (_Kind.HOLE, at, size)] if at < size else steps


def _record(path: Path, kind: _Kind, start: int, end: int) -> Record:
    if kind is _Kind.HOLE:
        return Record(_HEAD.pack(kind, 0, end - start), 0)
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(end - start)
    packed = zstd.compress(data, _LEVEL)
    if len(packed) < len(data):
        return Record(_HEAD.pack(_Kind.ZSTD, len(packed), len(data)) + packed, len(data))
    return Record(_HEAD.pack(_Kind.PLAIN, len(data), len(data)) + data, len(data))


async def unpack(reader: Reader, path: Path, offset: int, size: int) -> None:
    """Write the records of a file of `size` bytes of which this host has `offset`; holes are holes again.

    MachineError where the line is silent or broke, or the records aren't what they should be, and OSError where the
    disk is full; what is there of the file is right then, and the next try goes on from its end.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        while offset < size:
            kind, packed, length = _HEAD.unpack(await _exactly(reader, _HEAD.size))
            _check(kind, packed, length, size - offset)
            await _in_thread(_write, file, offset, kind, await _exactly(reader, packed), length)
            offset += length


def _check(kind: int, packed: int, length: int, left: int) -> None:
    """Raise MachineError before anything is kept for what a head asks for."""
    is_sound = {
        _Kind.HOLE: packed == 0,
        _Kind.PLAIN: packed == length <= _RECORD_MOST_BYTES,
        _Kind.ZSTD: packed < length <= _RECORD_MOST_BYTES,
    }
    if not 0 < length <= left or not is_sound.get(kind):  # type: ignore[call-overload]
        raise _unreadable()


def _write(file: FileIO, at: int, kind: int, data: bytes, length: int) -> None:
    whole = b"" if kind == _Kind.HOLE else _inflate(data, length) if kind == _Kind.ZSTD else data
    for start, end in runs(whole):
        left = memoryview(whole)[start:end]
        file.seek(at + start)
        while left:
            left = left[file.write(left) :]
    file.truncate(at + length)


def _inflate(data: bytes, length: int) -> bytes:
    options: Any = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MOST}
    decompressor = zstd.ZstdDecompressor(options=options)
    try:
        # One more than it may be, so that the end of the frame is read as well.
        found = decompressor.decompress(data, length + 1)
    except zstd.ZstdError:
        raise _unreadable() from None
    if len(found) != length or not decompressor.eof or decompressor.unused_data:
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


async def _in_thread(work: Callable[..., None], *arguments: Any) -> None:
    """As asyncio.to_thread; who is cancelled waits until the work is done, and the file can be closed."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _unreadable() -> MachineError:
    return MachineError("a layer arrived in pieces that can't be read: use the same version of VoXY on both")
