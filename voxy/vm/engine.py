"""The engine: finds QEMU, starts guests that outlive the program that started them, and stops them."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from voxy.errors import GuestLost, MachineError
from voxy.vm import process, programs
from voxy.vm.process import Process
from voxy.vm.qmp import Monitor
from voxy.vm.sockets import LoopbackPort, Socket, UnixSocket, escaped, free_ports, has_unix_sockets
from voxy.vm.spec import Spec
from voxy.vm.state import write_whole

_children: list[subprocess.Popen[bytes]] = []
"""All QEMUs that this process started: a guest that was let go of must be reaped too, when it ends."""

Ending = Literal["powered down", "quit", "killed"]
"""How a guest was stopped."""

_PROBE_S = 20.0
_START_S = 60.0
_ASK_AGAIN_S = 0.02
_QUIT_S = 20.0
_SOCKET_PATH_MOST = 107
"""Bytes that the path of a unix socket may have, on Linux."""

_SOCKETS = ("qmp", "vnc", "disk", "memory")
"""What a QEMU is met for; where it has no unix sockets, each has a port of loopback."""

if sys.platform == "win32":
    _APART = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _APART = 0

GATE = "gate"
"""A disk without anything, of which no guest knows. What is told of it keeps a guest from being halted (flight.py)."""

_GATE_BYTES = 65536
_LOG_TAIL = 3
"""Lines of QEMU's log that say why it ended."""


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU of this host, and what it can be asked for."""

    program: str
    version: tuple[int, ...]
    machines: frozenset[str]
    accelerators: frozenset[str] = frozenset()

    @classmethod
    async def find(cls, program: str = programs.SYSTEM) -> Self:
        """Probe the QEMU called `program`; MachineError where there is none."""
        path = programs.find(program)
        if path is None:
            raise MachineError(
                f"There is no {program} on this host: install it (Debian: apt install qemu-system-x86 qemu-utils)."
            )
        said, machines, accelerators = await asyncio.gather(
            _output(path, "--version"), _output(path, "-machine", "help"), _output(path, "-accel", "help")
        )
        number = re.search(r"QEMU emulator version (\d+(?:\.\d+)*)", said)
        if number is None:
            raise MachineError(f"{path} is no QEMU: it says “{said.strip()[:80]}” when asked for its version.")
        names = (line.split()[0] for line in machines.splitlines()[1:] if line)
        return cls(path, tuple(map(int, number[1].split("."))), frozenset(names), frozenset(accelerators.split()))

    @property
    def has_unix_sockets(self) -> bool:
        """Whether it is met in its folder. A build for Windows, the only one with WHPX, is met at ports of loopback."""
        return has_unix_sockets() and "whpx" not in self.accelerators

    @property
    def file_options(self) -> Mapping[str, Any]:
        """What it is told of each layer's file, for nobody else writes them: Linux's builds would have the system
        forget all that it has of them when a machine arrives, which takes a tenth of a second for each gigabyte."""
        return {"drop-cache": False} if sys.platform == "linux" and self.has_unix_sockets else {}

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
    """Where a guest that runs has its sockets, log and pid file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "qemu.log"
        self.pid_file = folder / "pid"
        self._ports_file = folder / "ports.json"

    def make(self, has_unix_sockets: bool) -> None:
        """Get ready for a QEMU to be met in it, or at ports that are free now."""
        longest = self.folder / f"{max(_SOCKETS, key=len)}-out.sock"
        if has_unix_sockets and len(os.fsencode(longest)) > _SOCKET_PATH_MOST:
            raise MachineError(f"The path {longest} is too long for a socket: use a shorter --state-dir.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if has_unix_sockets:
            self._ports_file.unlink(missing_ok=True)
        else:
            ports = dict(zip(_SOCKETS, free_ports(len(_SOCKETS)), strict=True))
            write_whole(self._ports_file, msgspec.json.encode(ports))

    def socket(self, name: str) -> Socket:
        """Where this QEMU is met for "qmp", "vnc", "disk" or "memory"."""
        ports = self._ports()
        return LoopbackPort(ports[name]) if ports else UnixSocket(self.folder / f"{name}.sock")

    def entrance(self, name: str) -> Socket:
        """Where this QEMU can enter a tunnel."""
        return LoopbackPort(0) if self._ports() else UnixSocket(self.folder / f"{name}-out.sock")

    def _ports(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._ports_file.read_bytes(), type=dict[str, int])
        except FileNotFoundError:
            return {}

    def pid(self) -> int | None:
        """The process of the QEMU that runs here."""
        return Process.find(self.pid_file)

    def kill(self) -> bool:
        """kill -9, for a QEMU that doesn't answer; returns when it has ended, or False where none runs."""
        return process.kill(self.pid_file, _QUIT_S)

    def last_words(self) -> str:
        """The end of QEMU's log, in one line."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return " ".join(line.strip().removeprefix(f"{programs.SYSTEM}: ") for line in lines[-_LOG_TAIL:])
        return ""


class Guest:
    """A guest that runs, with a connection to its QEMU."""

    def __init__(self, name: str, run: RunFolder, pid: int, monitor: Monitor, child: subprocess.Popen[bytes] | None):
        self.name = name
        self.run = run
        self.pid = pid
        self.monitor = monitor
        self._child = child
        self._process = Process(pid)

    @classmethod
    async def start(
        cls, qemu: Qemu, spec: Spec, name: str, disk: Disk, run: RunFolder, extra: Sequence[str] = ()
    ) -> Self:
        """Start a machine; MachineError says why QEMU didn't want to."""
        qemu.check(spec)
        run.make(qemu.has_unix_sockets)
        if run.pid() is not None:
            raise MachineError(f"{name} runs already.")
        child = _spawn([qemu.program, *_argv(qemu, spec, name, disk, run), *extra], run)
        try:
            monitor = await _first_connection(child, run, name)
        except BaseException:
            child.kill()
            child.wait()
            raise
        return cls(name, run, child.pid, monitor, child)

    @classmethod
    async def attach(cls, name: str, run: RunFolder) -> Self:
        """Connect to a guest that runs; GuestLost where none does."""
        pid = run.pid()
        if pid is None:
            raise GuestLost(f"{name} doesn't run.")
        try:
            monitor = await Monitor.connect(run.socket("qmp"), name)
        except OSError:
            raise GuestLost(f"The QEMU of {name} is just ending.") from None
        try:
            return cls(name, run, pid, monitor, None)
        except ProcessLookupError:
            await monitor.close()
            raise GuestLost(f"The QEMU of {name} has ended.") from None

    async def wait_end(self, within_s: float) -> None:
        """Wait until QEMU's process has ended; TimeoutError."""
        await self._process.wait_end(within_s)
        if self._child:
            self._child.wait()

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
        self._process.kill()

    async def close(self) -> None:
        """Let go of the guest, which runs on. Harmless when repeated."""
        await self.monitor.close()
        if self._child:
            self._child.poll()
        self._process.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _argv(qemu: Qemu, spec: Spec, name: str, disk: Disk, run: RunFolder) -> list[str]:
    """All arguments: the machine, and what this host chooses for it."""
    arguments = ["-name", f"guest={escaped(name)}", "-accel", "tcg"]
    for node in disk.nodes:
        said = {**node, "file": {**node["file"], **qemu.file_options}}
        arguments += ["-blockdev", msgspec.json.encode(said).decode()]
    arguments += ["-blockdev", f"null-co,node-name={GATE},size={_GATE_BYTES}"]
    arguments += ["-netdev", "user,id=net"]
    arguments += spec.argv({"disk": disk.top, "net": "net"})
    arguments += ["-display", "none", "-vnc", escaped(run.socket("vnc").vnc)]
    arguments += ["-qmp", f"{run.socket('qmp').chardev},server=on,wait=off"]
    return [*arguments, "-pidfile", run.pid_file.name]


def _spawn(command: Sequence[str], run: RunFolder) -> subprocess.Popen[bytes]:
    """A process that outlives this one and its event loop, which asyncio's wouldn't."""
    for ended in [child for child in _children if child.poll() is not None]:
        _children.remove(ended)
    with run.log.open("wb") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=run.folder,
            start_new_session=True,  # Ctrl+C at a terminal is not for the guest
            creationflags=_APART,  # the same on Windows
        )
    _children.append(child)
    return child


async def _first_connection(child: subprocess.Popen[bytes], run: RunFolder, name: str) -> Monitor:
    try:
        async with asyncio.timeout(_START_S):
            while child.poll() is None:
                # Until QEMU holds its pid file, a socket in the folder may be that of its predecessor.
                if run.pid() == child.pid:
                    with contextlib.suppress(OSError):
                        return await Monitor.connect(run.socket("qmp"), name)
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
