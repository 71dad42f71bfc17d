"""News: what whoever moves a machine tells those who look at it, by sockets in the machine's folder."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from voxy.vm.sockets import UnixSocket

Kind: TypeAlias = Literal["moving", "hold", "release", "arrived", "stays"]

_HEED_S = 1.0
"""Seconds that a move waits for one who looks on."""


class News(msgspec.Struct, frozen=True):
    """What becomes of a machine that moves to the host `host` (its id), which is called `name` where it comes from.

    moving: it is on its way, and works meanwhile. hold: it may be halted at any moment; heeded by those who have sent
    it nothing more, and know that it has taken what they sent. release: not yet. arrived: it goes on there. stays: it
    goes on here; where there is a `reason`, it is halted.
    """

    kind: Kind
    host: str
    name: str
    reason: str = ""


class Audience:
    """All who look at the machine that runs in `folder`, as one tells them who moves it to `host`."""

    def __init__(self, folder: Path, host: str, name: str) -> None:
        self._folder = folder
        self._host = host
        self._name = name
        self._lines: dict[Path, _Line] = {}
        self.told: Kind | None = None

    @property
    def is_there(self) -> bool:
        """Whether anybody looks at it."""
        return any(self._ears())

    def _ears(self) -> Iterator[Path]:
        return self._folder.glob("ear-*.sock")

    async def tell(self, kind: Kind, reason: str = "") -> None:
        """Tell all, and wait until they have heeded it; who doesn't in time, or is gone, holds nothing up."""
        self.told = kind
        data = msgspec.json.encode(News(kind, self._host, self._name, reason))
        await asyncio.gather(*(self._tell(path, data) for path in self._ears()))

    async def _tell(self, path: Path, data: bytes) -> None:
        try:
            async with asyncio.timeout(_HEED_S):
                if path not in self._lines:
                    self._lines[path] = _Line(*await UnixSocket(path).connect())
                await self._lines[path].say(data)
        except ConnectionRefusedError:
            # Who listened there was killed.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        except OSError:
            pass

    def close(self) -> None:
        while self._lines:
            self._lines.popitem()[1].writer.close()


class _Line:
    """A connection to one of them, which answers with how much it has heard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._said = 0

    async def say(self, data: bytes) -> None:
        self._said += 1
        self.writer.write(data + b"\n")
        # Answers to what was said before may come first.
        while (heard := await self._reader.readline()) and int(heard) < self._said:
            pass
