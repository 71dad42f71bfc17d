"""Process: a QEMU as its host sees it, found by its pid file; it outlives whoever started it."""

import asyncio
import contextlib
import os
import select
import signal
import struct
import sys
from pathlib import Path

_NAME = "qemu"
"""What the programs' names begin with."""

_ASK_AGAIN_S = 0.05
_LATER_S = 2.0
"""Seconds by which a pid file may seem older than the process that wrote it: file systems count in coarse steps."""

_FLOCK = "hhqqi"
"""Linux's struct flock: type, whence, start, length, pid."""


if sys.platform == "linux":
    import fcntl

    class LinuxProcess:
        """A QEMU that keeps its pid file locked as long as it lives, held by a pidfd.

        So it is known right after kill -9 too, and where its number was given anew.
        """

        def __init__(self, pid: int) -> None:
            """ProcessLookupError where there is none."""
            self.pid = pid
            self._handle = os.pidfd_open(pid)

        @staticmethod
        def find(pid_file: Path) -> int | None:
            """The process that has the pid file locked."""
            try:
                with pid_file.open("rb") as file:
                    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                    kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
            except FileNotFoundError:
                return None
            return None if kind == fcntl.F_UNLCK else pid

        def kill(self) -> None:
            """kill -9; harmless when it has ended."""
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

        def wait(self, within_s: float) -> None:
            """Block until it has ended, or that long."""
            select.select([self._handle], [], [], within_s)

        async def wait_end(self, within_s: float) -> None:
            """TimeoutError where it lives on."""
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_reader(self._handle, ended.set)
            try:
                async with asyncio.timeout(within_s):
                    await ended.wait()
            finally:
                loop.remove_reader(self._handle)

        def close(self) -> None:
            """Let go of it. Harmless when repeated."""
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1


class PortableProcess:
    """A QEMU where there are no pidfds, as on Windows, and where it locks no pid file.

    Its number is taken for it where the process of that number has been there since before the file was written.
    """

    def __init__(self, pid: int) -> None:
        import psutil

        self.pid = pid
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            raise ProcessLookupError(pid) from None

    @staticmethod
    def find(pid_file: Path) -> int | None:
        import psutil

        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int(pid_file.read_text(encoding="ascii"))
            process = psutil.Process(pid)
            is_old = process.create_time() <= pid_file.stat().st_mtime + _LATER_S
            if is_old and _NAME in process.name().lower() and process.status() != psutil.STATUS_ZOMBIE:
                return pid
        return None

    def _has_ended(self) -> bool:
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            return not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
        return True

    def kill(self) -> None:
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.kill()

    def wait(self, within_s: float) -> None:
        import psutil

        with contextlib.suppress(psutil.TimeoutExpired):
            self._process.wait(within_s)

    async def wait_end(self, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while not self._has_ended():  # noqa: ASYNC110 - nothing says when it ends
                await asyncio.sleep(_ASK_AGAIN_S)

    def close(self) -> None:
        pass


if sys.platform == "linux":
    Process = LinuxProcess
else:
    Process = PortableProcess


def kill(pid_file: Path, within_s: float) -> bool:
    """kill -9 the QEMU of a pid file; returns when it has ended, or False where none runs."""
    with contextlib.suppress(ProcessLookupError):
        if pid := Process.find(pid_file):
            with contextlib.closing(Process(pid)) as process:
                # The number may have been given anew until then, the lock not.
                if Process.find(pid_file) == pid:
                    process.kill()
                    process.wait(within_s)
                    return True
    return False
