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
_READS = 64

_RUN = struct.Struct(">QQ")


class Extent(NamedTuple):
    """A piece of a file that is no hole."""

    start: int
    end: int


async def extents(path: Path, offset: int, size: int, least_hole_bytes: int = 0) -> list[Extent]:
    """What a file has from `offset` to `size`, but for its holes; those under `least_hole_bytes` count as data."""
    return await asyncio.to_thread(_extents, path, offset, size, least_hole_bytes)


def _extents(path: Path, offset: int, size: int, least_hole_bytes: int) -> list[Extent]:
    if sys.platform == "win32":  # nothing says there where they are; zeros are sent small as well
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
            last = found[-1] if found else Extent(offset, offset)
            if start - last.end < least_hole_bytes:
                start = last.start
                del found[-1:]
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


async def checksum(path: Path) -> str:
    """SHA-256 over what a file has and where, which is on the host's disk for good when it is said."""
    said = _Checksum()
    size, pieces = await asyncio.to_thread(_open, path)
    # Piece by piece, so that who doesn't want it any more needn't wait for the whole file.
    while await asyncio.to_thread(_add, said, pieces):
        pass
    return said.end(size)


def _open(path: Path) -> tuple[int, Iterator[tuple[int, bytes]]]:
    sync(path)
    size = path.stat().st_size
    return size, _pieces(path, _extents(path, 0, size, 0))


def _add(said: "_Checksum", pieces: Iterator[tuple[int, bytes]]) -> bool:
    for _ in range(_READS):
        if (piece := next(pieces, None)) is None:
            return False
        said.add(*piece)
    return True


def _pieces(path: Path, found: list[Extent]) -> Iterator[tuple[int, bytes]]:
    """What is in the extents, with all of each block that they touch, and where."""
    with path.open("rb") as file:
        at = 0
        for start, end in found:
            at = max(at, start // _BLOCK_BYTES * _BLOCK_BYTES)
            file.seek(at)
            while at < end and (data := file.read(min(_READ_BYTES, -(-(end - at) // _BLOCK_BYTES) * _BLOCK_BYTES))):
                yield at, data
                at += len(data)


class _Checksum:
    """Of the bytes of all runs, and of where each begins and how long it is."""

    def __init__(self) -> None:
        self._data, self._places = hashlib.sha256(), hashlib.sha256()
        self._run = Extent(0, 0)

    def add(self, at: int, data: bytes) -> None:
        view = memoryview(data)
        for start, end in runs(data):
            self._data.update(view[start:end])
            if at + start != self._run.end:
                self._close_run(Extent(at + start, at + start))
            self._run = self._run._replace(end=at + end)

    def _close_run(self, following: Extent) -> None:
        self._places.update(_RUN.pack(*self._run))
        self._run = following

    def end(self, size: int) -> str:
        self._close_run(Extent(size, size))
        return hashlib.sha256(self._data.digest() + self._places.digest() + _RUN.pack(*self._run)).hexdigest()
