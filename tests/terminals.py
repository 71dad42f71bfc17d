"""A terminal on an X server, and what is typed into it."""

import asyncio
import contextlib
import os
import select
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.xservers import XServer, client

_WAIT_S = 10


class Terminal:
    """An xterm whose program passes lines on."""

    def __init__(self, server: XServer, pipe: int) -> None:
        self.server = server
        self._pipe = pipe
        self._came = b""

    async def line(self) -> str:
        """The next line; fails with what came of it where it isn't whole within 10 s."""
        # No thread waits for it: one that reads can't be called back, and whoever closes what it reads waits as well.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_S):
                while b"\n" not in self._came:
                    try:
                        self._came += os.read(self._pipe, 1 << 16)
                    except BlockingIOError:
                        await asyncio.sleep(0.005)
        line, end, self._came = self._came.partition(b"\n")
        assert end, f"of a line, {line.decode()!r} came within {_WAIT_S} s"
        return line.decode()


@contextlib.contextmanager
def terminal_on(server: XServer, *options: str) -> Iterator[Terminal]:
    """An xterm with these options, until the context ends; gives it once it runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "typed"
        os.mkfifo(path)
        # Open for both, it neither waits for a terminal that doesn't start nor ends with one that does.
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            command = f"stty -ixon; exec > {path}; echo; exec cat"
            with client(server, "xterm", "-u8", *options, "-e", "sh", "-c", command):
                assert select.select([pipe], [], [], _WAIT_S)[0], "the terminal did not start"
                os.read(pipe, 1)
                yield Terminal(server, pipe)
        finally:
            os.close(pipe)
