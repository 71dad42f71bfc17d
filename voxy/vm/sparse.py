"""Sparse: what a layer's file has beside its holes, and the checksum that is the same however a disk keeps those.

A layer of scattered writes is mostly holes: each write of 4 KiB has a cluster of 64 to itself.
"""

import asyncio
import hashlib
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from voxy.vm.state import sync

_BLOCK_BYTES = 4096
_ZEROS = bytes(_BLOCK_BYTES)
_READ_BYTES = 1 << 20
_STEP_BYTES = 16 << 20
_HEAD_BYTES = 1 << 16
"""qcow2's first cluster."""

_RUN = struct.Struct(">QQ")


class Extent(NamedTuple):
    """A piece of a file that is no hole."""

    start: int
    end: int


async def extents(path: Path, offset: int, size: int) -> list[Extent]:
    """What a file has from `offset` to `size`, but for its holes."""
    return await asyncio.to_thread(_extents, path, offset, size)


def _extents(path: Path, offset: int, size: int) -> list[Extent]:
    if sys.platform == "win32":  # nothing says there where they are; zeros aren't sent either
        return [Extent(offset, size)] if offset < size else []
    found: list[Extent] = []
    with path.open("rb") as file:
        end = offset
        while end < size:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # a hole up to the end
                break
            if start >= size:
                break
            end = min(os.lseek(file.fileno(), start, os.SEEK_HOLE), size)
            found.append(Extent(start, end))
    return found


def runs(data: bytes) -> Iterator[Extent]:
    """Where `data` has blocks with anything but zeros, neighbours together."""
    start = None
    for at in range(0, len(data), _BLOCK_BYTES):
        block = data[at : at + _BLOCK_BYTES]
        is_empty = block == _ZEROS if len(block) == _BLOCK_BYTES else not any(block)
        if is_empty and start is not None:
            yield Extent(start, at)
            start = None
        elif not is_empty and start is None:
            start = at
    if start is not None:
        yield Extent(start, len(data))


class Checksum(NamedTuple):
    """SHA-256 over what a file has and where; apart over its first cluster, where qcow2 names the layer below."""

    head: bytes
    rest: bytes

    def __str__(self) -> str:
        return hashlib.sha256(self.head + self.rest).hexdigest()


async def checksum(path: Path) -> Checksum:
    """Of a file which is on the host's disk for good when it is said."""
    said = _Rest()
    size, head, pieces = await asyncio.to_thread(_open, path)
    # Piece by piece, so that who doesn't want it any more needn't wait for the whole file.
    while await asyncio.to_thread(_add, said, pieces):
        pass
    return Checksum(head, said.end(size))


async def with_new_head(known: Checksum, path: Path) -> Checksum:
    """Of a file of which nothing but the first cluster has changed since."""
    _, head, _ = await asyncio.to_thread(_open, path)
    return known._replace(head=head)


def _open(path: Path) -> tuple[int, bytes, Iterator[tuple[int, bytes]]]:
    sync(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD_BYTES)).digest()
    return size, head, _pieces(path, size)


def _add(said: "_Rest", pieces: Iterator[tuple[int, bytes]]) -> bool:
    added = 0
    for at, data in pieces:
        said.add(at, data)
        added += len(data)
        if added >= _STEP_BYTES:
            return True
    return False


def _pieces(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """What is in the file after its head, with all of each block that has any, and where."""
    with path.open("rb", buffering=0) as file:
        at = _HEAD_BYTES
        for start, end in _extents(path, at, size):
            at = max(at, start // _BLOCK_BYTES * _BLOCK_BYTES)
            file.seek(at)
            while at < end and (data := file.read(min(_READ_BYTES, -(-(end - at) // _BLOCK_BYTES) * _BLOCK_BYTES))):
                yield at, data
                at += len(data)


class _Rest:
    """Of the bytes of all runs, and of where each begins and how long it is."""

    def __init__(self) -> None:
        self._data, self._places = hashlib.sha256(), hashlib.sha256()
        self._start = self._end = 0

    def add(self, at: int, data: bytes) -> None:
        view = memoryview(data)
        for start, end in runs(data):
            self._data.update(view[start:end])
            if at + start != self._end:
                self._begin_run(at + start)
            self._end = at + end

    def _begin_run(self, at: int) -> None:
        self._places.update(_RUN.pack(self._start, self._end))
        self._start = self._end = at

    def end(self, size: int) -> bytes:
        self._begin_run(size)
        self._places.update(_RUN.pack(size, size))
        return hashlib.sha256(self._data.digest() + self._places.digest()).digest()
