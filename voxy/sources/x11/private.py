"""PrivateDisplay: an X server with a window manager and a program, which ends with VoXY."""

import asyncio
import contextlib
import logging
import os
import secrets
import shlex
import shutil
import signal
import socket
import struct
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from Xlib import error
from Xlib.display import Display

from voxy.blocks import Size
from voxy.errors import ConfigError, SourceUnavailable

logger = logging.getLogger(__name__)

_FILES = Path(__file__).parent / "desktop"
_BACKGROUND = 0x3B4C60
"""A calm slate blue."""

_START_S, _READY_S = 10.0, 2.0
"""Seconds that the server, and the window manager, may take."""
_GRACE_S = 0.7
"""Seconds that programs have to end by themselves before they are killed."""

_AGAIN_FIRST_S, _AGAIN_MOST_S = 0.1, 5.0
"""Seconds until a program that ended is started again: doubled while it ends within `_STEADY_S`."""
_STEADY_S = 2.0

_FAMILY_LOCAL, _FAMILY_WILD = 256, 65535
_COOKIE = b"MIT-MAGIC-COOKIE-1"


class PrivateDisplay:
    """Starts an X server of its own on a free display; `name` and `environment` say how clients find it.

    Server, window manager and command are started again when they end. Entering raises SourceUnavailable where no X
    server is installed or none starts.
    """

    def __init__(self, size: Size, command: str) -> None:
        self._server = find_server()
        self._size = size
        self._command = shlex.split(command)
        if not self._command or not shutil.which(self._command[0]):
            raise ConfigError(f"There is no program “{command}” to start: install it, or name another with --command.")
        self.name = ""
        self._server_process: Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[Process] = set()
        self._stack = contextlib.ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The environment for programs of this desktop."""
        return {
            **os.environ,
            "DISPLAY": self.name,
            "XAUTHORITY": str(self._authority),
            "XENVIRONMENT": str(_FILES / "resources"),
        }

    async def __aenter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="voxy-")))
        self._authority = self._folder / "authority"
        write_cookie(self._authority)
        self._stack.enter_context(_environment_variable("XAUTHORITY", str(self._authority)))
        try:
            server = await self._start_server()
        except BaseException:
            await self._end()
            raise
        self._keep(self._start_server, server)
        if shutil.which("openbox"):
            self._keep(self._start_window_manager, await self._start_window_manager())
        self._keep(lambda: self._start(*self._command, environment=self.environment))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        # The server last: programs that are asked first can put their things in order.
        clients = [process for process in self._running if process is not self._server_process]
        await _end_all(clients)
        await _end_all(list(self._running))
        self._stack.close()

    def _keep(self, start: Callable[[], Awaitable[Process]], process: Process | None = None) -> None:
        self._tasks.append(asyncio.create_task(self._keep_forever(start, process)))

    async def _keep_forever(self, start: Callable[[], Awaitable[Process]], process: Process | None) -> None:
        """Start again whatever ends; quicker the longer it lived."""
        delay_s = _AGAIN_FIRST_S
        while True:
            started_at = time.monotonic()
            try:
                process = process or await start()
                await process.wait()
                self._running.discard(process)
            except SourceUnavailable as reason:
                logger.warning("%s", reason)
            process = None
            delay_s = _AGAIN_FIRST_S if time.monotonic() - started_at > _STEADY_S else min(delay_s * 2, _AGAIN_MOST_S)
            await asyncio.sleep(delay_s)

    async def _start_server(self) -> Process:
        """Start the server, on the display that it had before if it had one, and wait until it takes clients."""
        async with _telling() as (tell, told):
            command = [*_until_death(), self._server, *([self.name] if self.name else []), "-displayfd", str(tell)]
            process = self._server_process = await self._start(*command, *self._options(), inherit=(tell,))
            number = await told(_START_S)
        if not number.strip():
            await _end_all([process])
            self._running.discard(process)
            raise SourceUnavailable(f"The X server {self._server} did not start: try “{self._server} :99” by hand.")
        self.name = f":{int(number)}"
        await asyncio.to_thread(_paint_background, self.name)
        return process

    def _options(self) -> list[str]:
        common = ["-auth", str(self._authority), "-nolisten", "tcp", "-noreset", "-dpi", "96", "-s", "0"]
        if self._server == "Xvnc":
            # Its VNC side can't be switched off: it listens in a folder that only this user can enter.
            rfb = ["-rfbport", "-1", "-rfbunixpath", str(self._folder / "rfb"), "-SecurityTypes", "None"]
            return [*common, "-geometry", str(self._size), "-depth", "24", "-AcceptCutText=0", "-SendCutText=0", *rfb]
        return [*common, "-screen", "0", f"{self._size}x24"]

    async def _start_window_manager(self) -> Process:
        paths = {"XDG_DATA_DIRS": _FILES / "share", "XDG_CONFIG_DIRS": _FILES / "xdg"}
        environment = self.environment
        for variable, folder in paths.items():
            others = environment.get(variable) or ("/usr/local/share:/usr/share" if "DATA" in variable else "/etc/xdg")
            environment[variable] = f"{folder}:{others}"
        config = str(_FILES / "xdg" / "openbox" / "voxy-rc.xml")
        # A window that comes while Openbox starts stays unmapped until the next event: it has to say that it is ready.
        async with _telling() as (tell, told):
            ready = f'sh -c "echo ready >&{tell}"'
            command = ["openbox", "--config-file", config, "--startup", ready]
            process = await self._start(*command, environment=environment, inherit=(tell,))
            await told(_READY_S)
        return process

    async def _start(
        self, *command: str, environment: dict[str, str] | None = None, inherit: tuple[int, ...] = ()
    ) -> Process:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=Path.home(),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            pass_fds=inherit,
            start_new_session=True,
        )
        self._running.add(process)
        return process


def find_server() -> str:
    """The X server to start: one whose size can change, if there is one; SourceUnavailable without any."""
    for server in ("Xvnc", "Xvfb"):
        if shutil.which(server):
            return server
    raise SourceUnavailable("There is no X server to be had: install Debian's tigervnc-standalone-server.")


def write_cookie(file: Path) -> None:
    """Write an Xauthority file with a new key, that only this user can read, for any display of this machine."""
    key = secrets.token_bytes(16)

    def field(data: bytes) -> bytes:
        return struct.pack(">H", len(data)) + data

    entries = b"".join(
        struct.pack(">H", family) + field(address) + field(b"") + field(_COOKIE) + field(key)
        for family, address in ((_FAMILY_LOCAL, socket.gethostname().encode()), (_FAMILY_WILD, b""))
    )
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(entries)


def _until_death() -> list[str]:
    """A prefix that has a program end when VoXY is killed; the programs of a server end with it."""
    return ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


@contextlib.contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.asynccontextmanager
async def _telling() -> AsyncIterator[tuple[int, Callable[[float], Awaitable[bytes]]]]:
    """A pipe's end for a program to write a line to, and how to wait for that line (empty if none comes in time)."""
    told, tell = os.pipe()
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    ends = [told, tell]

    async def wait(timeout_s: float) -> bytes:
        os.close(ends.pop())
        data = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not data.endswith(b"\n"):
                    await readable.wait()
                    readable.clear()
                    if not (piece := os.read(told, 64)):
                        break
                    data += piece
        return data

    loop.add_reader(told, readable.set)
    try:
        yield tell, wait
    finally:
        loop.remove_reader(told)
        for end in ends:
            os.close(end)


async def _end_all(processes: list[Process]) -> None:
    """End the process groups, by force what doesn't go."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        waiting = [process for process in processes if process.returncode is None]
        for process in waiting:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        if waiting:
            await asyncio.wait([asyncio.create_task(process.wait()) for process in waiting], timeout=_GRACE_S)


def _paint_background(name: str) -> None:
    try:
        display = Display(name)
    except (error.DisplayError, OSError) as failure:
        logger.warning("The background of %s stays as it is: %s", name, failure)
        return
    root = display.screen().root
    root.change_attributes(background_pixel=_BACKGROUND)
    root.clear_area()
    display.sync()
    display.close()
