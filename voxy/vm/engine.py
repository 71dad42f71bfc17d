"""The engine: finds QEMU, starts guests that outlive the program that started them, and stops them."""

import asyncio
import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from voxy.errors import GuestLost, MachineError
from voxy.vm.qmp import Monitor
from voxy.vm.spec import Spec

Ending = Literal["powered down", "quit", "killed"]
"""How a guest was stopped."""

_PROGRAM = "qemu-system-x86_64"
_PROBE_S = 20.0
_START_S = 60.0
_ASK_AGAIN_S = 0.02
_QUIT_S = 20.0
_SOCKET_PATH_MOST = 107
"""Bytes that the path of a unix socket may have, on Linux."""

_FLOCK = "hhqqi"
"""Linux's struct flock: type, whence, start, length, pid."""

_LOG_TAIL = 3
"""Lines of QEMU's log that say why it ended."""


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU of this host, and what it can be asked for."""

    program: str
    version: tuple[int, ...]
    machines: frozenset[str]

    @classmethod
    async def find(cls, program: str = _PROGRAM) -> Self:
        """Probe the QEMU called `program`; MachineError where there is none."""
        path = shutil.which(program)
        if path is None:
            raise MachineError(
                f"There is no {program} on this host: install it (Debian: apt install qemu-system-x86 qemu-utils)."
            )
        said = await _output(path, "--version")
        number = re.search(r"QEMU emulator version (\d+(?:\.\d+)*)", said)
        if number is None:
            raise MachineError(f"{path} is no QEMU: it says “{said.strip()[:80]}” when asked for its version.")
        machines = (line.split()[0] for line in (await _output(path, "-machine", "help")).splitlines()[1:] if line)
        return cls(path, tuple(map(int, number[1].split("."))), frozenset(machines))

    def check(self, spec: Spec) -> None:
        """MachineError where this QEMU can't be the machine."""
        if spec.machine not in self.machines:
            version = ".".join(map(str, self.version))
            raise MachineError(f"The QEMU {version} of this host has no {spec.machine}: install a newer one.")


@dataclass(frozen=True, slots=True)
class Disk:
    """What a guest's disk is made of on this host: nodes for `-blockdev`, the lowest first, and the top one's name."""

    nodes: Sequence[Mapping[str, Any]]
    top: str


class RunFolder:
    """Where a guest that runs has its sockets, log and pid file, which QEMU keeps locked as long as it lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.qmp = folder / "qmp.sock"
        self.vnc = folder / "vnc.sock"
        self.log = folder / "qemu.log"
        self.pid_file = folder / "pid"

    def make(self) -> None:
        if len(os.fsencode(self.qmp)) > _SOCKET_PATH_MOST:
            raise MachineError(f"The path {self.qmp} is too long for a socket: use a shorter --state-dir.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def pid(self) -> int | None:
        """The process that has the pid file locked: right after kill -9 too, and where a pid was given anew."""
        try:
            with self.pid_file.open("rb") as file:
                asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        except FileNotFoundError:
            return None
        return None if kind == fcntl.F_UNLCK else pid

    def kill(self) -> bool:
        """kill -9, for a QEMU that doesn't answer; returns when it has ended, or False where none runs."""
        with contextlib.suppress(ProcessLookupError):
            if pid := self.pid():
                handle = os.pidfd_open(pid)
                try:
                    # The number may have been given anew until then, the lock not.
                    if self.pid() == pid:
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                        select.select([handle], [], [], _QUIT_S)
                        return True
                finally:
                    os.close(handle)
        return False

    def last_words(self) -> str:
        """The end of QEMU's log, in one line."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return " ".join(line.strip().removeprefix(f"{_PROGRAM}: ") for line in lines[-_LOG_TAIL:])
        return ""


class Guest:
    """A guest that runs, with a connection to its QEMU."""

    def __init__(self, name: str, run: RunFolder, pid: int, monitor: Monitor, process: subprocess.Popen[bytes] | None):
        self.name = name
        self.run = run
        self.pid = pid
        self.monitor = monitor
        self._process = process
        # Kept open, a pidfd means this process for ever, whoever gets its number later.
        self._pidfd = os.pidfd_open(pid)

    @classmethod
    async def start(
        cls, qemu: Qemu, spec: Spec, name: str, disk: Disk, run: RunFolder, extra: Sequence[str] = ()
    ) -> Self:
        """Start a machine; MachineError says why QEMU didn't want to."""
        qemu.check(spec)
        run.make()
        if run.pid() is not None:
            raise MachineError(f"{name} runs already.")
        process = _spawn([qemu.program, *_argv(spec, name, disk, run), *extra], run)
        try:
            monitor = await _first_connection(process, run, name)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return cls(name, run, process.pid, monitor, process)

    @classmethod
    async def attach(cls, name: str, run: RunFolder) -> Self:
        """Connect to a guest that runs; GuestLost where none does."""
        pid = run.pid()
        if pid is None:
            raise GuestLost(f"{name} doesn't run.")
        try:
            monitor = await Monitor.connect(run.qmp, name)
        except OSError:
            raise GuestLost(f"The QEMU of {name} is just ending.") from None
        try:
            return cls(name, run, pid, monitor, None)
        except ProcessLookupError:
            await monitor.close()
            raise GuestLost(f"The QEMU of {name} has ended.") from None

    async def wait_end(self, within_s: float) -> None:
        """Wait until QEMU's process has ended; TimeoutError."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, ended.set)
        try:
            async with asyncio.timeout(within_s):
                await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)
        if self._process:
            self._process.wait()

    async def stop(self, within_s: float) -> Ending:
        """Ask the guest to power down; when it hasn't after so many seconds, have QEMU quit, or kill it."""
        ways: list[tuple[Ending, str, float]] = [("quit", "quit", _QUIT_S)]
        if within_s > 0:
            ways.insert(0, ("powered down", "system_powerdown", within_s))
        for ending, command, seconds in ways:
            with contextlib.suppress(TimeoutError, GuestLost):
                await self.monitor.execute(command)
            with contextlib.suppress(TimeoutError):
                await self.wait_end(seconds)
                return ending
        self.kill()
        await self.wait_end(_QUIT_S)
        return "killed"

    def kill(self) -> None:
        """kill -9, whatever the guest does; harmless when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def close(self) -> None:
        """Let go of the guest, which runs on. Harmless when repeated."""
        await self.monitor.close()
        if self._pidfd >= 0:
            if self._process and select.select([self._pidfd], [], [], 0)[0]:
                self._process.wait()
            os.close(self._pidfd)
            self._pidfd = -1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _argv(spec: Spec, name: str, disk: Disk, run: RunFolder) -> list[str]:
    """All arguments: the machine, and what this host chooses for it."""
    arguments = ["-name", f"guest={name.replace(',', ',,')}", "-accel", "tcg"]
    for node in disk.nodes:
        arguments += ["-blockdev", msgspec.json.encode(node).decode()]
    arguments += ["-netdev", "user,id=net"]
    arguments += spec.argv({"disk": disk.top, "net": "net"})
    # In its folder, no path has a comma that QEMU would read.
    arguments += ["-display", "none", "-vnc", f"unix:{run.vnc.name}", "-qmp", f"unix:{run.qmp.name},server=on,wait=off"]
    return [*arguments, "-pidfile", run.pid_file.name]


def _spawn(command: Sequence[str], run: RunFolder) -> subprocess.Popen[bytes]:
    """A process that outlives this one and its event loop, which asyncio's wouldn't."""
    with run.log.open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=run.folder,
            start_new_session=True,  # Ctrl+C at a terminal is not for the guest
        )


async def _first_connection(process: subprocess.Popen[bytes], run: RunFolder, name: str) -> Monitor:
    try:
        async with asyncio.timeout(_START_S):
            while process.poll() is None:
                # Until QEMU holds its pid file, a socket in the folder may be that of its predecessor.
                if run.pid() == process.pid:
                    with contextlib.suppress(OSError):
                        return await Monitor.connect(run.qmp, name)
                await asyncio.sleep(_ASK_AGAIN_S)
    except TimeoutError:
        raise MachineError(f"{name} didn't start within {_START_S:.0f} s; its log is {run.log}.") from None
    raise MachineError(f"{name} didn't start: QEMU said “{run.last_words()}”.")


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_PROBE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise MachineError(f"{command[0]} doesn't answer.") from None
    return said.decode(errors="replace")
