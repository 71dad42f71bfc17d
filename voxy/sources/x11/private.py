"""PrivateDisplay: an X server with a window manager and a program, which ends with VoXY."""

import asyncio
import contextlib
import logging
import os
import shlex
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from Xlib.protocol import request

from voxy.blocks import Size
from voxy.errors import ConfigError, SourceUnavailable
from voxy.session.events import Resize
from voxy.sources.x11 import janitor
from voxy.sources.x11.authority import write_key
from voxy.sources.x11.connection import Closed, Connection
from voxy.sources.x11.resize import Resizer

logger = logging.getLogger(__name__)

_FILES = Path(__file__).parent / "desktop"
_BACKGROUND = 0x3B4C60
"""A calm slate blue."""

_XVFB_MOST = Size(3840, 2160)
"""Xvfb's screen can't become larger than it was at its start."""

_START_S, _READY_S = 10.0, 2.0
"""Seconds that the server, and the window manager, may take."""

_AGAIN_FIRST_S, _AGAIN_MOST_S = 0.1, 5.0
"""Seconds until a program that ended is started again: doubled while it ends within `_STEADY_S`."""
_STEADY_S = 2.0

_WAIT_FOR_END = 'while read -r line; do number=$line; done; exec "$0" -I -S "$1" "$2" "$number"'
"""Shell: reads what VoXY says (the display's number) until VoXY is gone, then cleans up. A shell takes 1 MB for it."""

_NOT_OURS = ("WAYLAND_DISPLAY", "WAYLAND_SOCKET", "SESSION_MANAGER", "DESKTOP_STARTUP_ID", "WINDOWID")
_X_ONLY = {"XDG_SESSION_TYPE": "x11", "GDK_BACKEND": "x11", "QT_QPA_PLATFORM": "xcb"}
"""VoXY may be started from a desktop: programs must not find that one instead."""


class PrivateDisplay:
    """Starts an X server of its own on a free display; `name` and `environment` say how clients find it.

    Server, window manager and command are started again when they end. Entering raises SourceUnavailable where no
    server starts; so does making one where none is installed.
    """

    def __init__(self, size: Size, command: str) -> None:
        # The server first: without one the demo is served, which needs no program.
        self._server = find_server()
        self._command = _parse_command(command)
        self._size = size
        self.name = ""
        self._processes: set[Process] = set()
        self._stack = contextlib.AsyncExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The environment for programs of this desktop."""
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        if not any(inherited.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
            inherited["LANG"] = "C.UTF-8"
        ours = {"DISPLAY": self.name, "XAUTHORITY": str(self._key), "XENVIRONMENT": str(_FILES / "resources")}
        return {**inherited, **_X_ONLY, **ours}

    async def __aenter__(self) -> Self:
        async with self._stack as stack:
            self._folder = Path(tempfile.mkdtemp(prefix="voxy-"))
            stack.push_async_callback(self._clean_up)
            self._key = self._folder / janitor.KEY
            write_key(self._key)
            stack.enter_context(_environment_variable("XAUTHORITY", str(self._key)))
            await stack.enter_async_context(self._watched_by_janitor())
            server = await self._start_server()
            self._say_number()
            await stack.enter_async_context(_running(self._run(server)))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _clean_up(self) -> None:
        await asyncio.to_thread(janitor.end, self._folder, self.name.removeprefix(":"))
        await asyncio.gather(*(process.wait() for process in self._processes))

    @contextlib.asynccontextmanager
    async def _watched_by_janitor(self) -> AsyncIterator[None]:
        """Should VoXY be killed, a process of its own cleans up."""
        command = ["sh", "-c", _WAIT_FOR_END, sys.executable, janitor.__file__, str(self._folder)]
        # It must not carry the mark by which it finds what to end.
        process = await self._start(*command, environment={"PATH": os.environ.get("PATH", os.defpath)}, stdin=PIPE)
        self._janitor = process
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _say_number(self) -> None:
        assert self._janitor.stdin
        self._janitor.stdin.write(f"{self.name.removeprefix(':')}\n".encode())

    # Keeping it going

    async def _run(self, server: Process) -> None:
        """Keep the desktop going: programs for as long as their server lives, then all of it again."""
        servers = [server]

        async def next_server() -> Process:
            return servers.pop() if servers else await self._start_server()

        async def live(process: Process) -> None:
            async with _running(self._run_programs()):
                await process.wait()
            # A program that isn't of X doesn't notice that its desktop is gone.
            await asyncio.to_thread(janitor.end_programs, self._folder)

        await _keep(next_server, live)

    async def _run_programs(self) -> None:
        async with asyncio.TaskGroup() as group:
            if shutil.which("openbox"):
                is_managed = asyncio.Event()
                group.create_task(_keep(lambda: self._start_window_manager(is_managed)))
                await is_managed.wait()
            group.create_task(_keep(lambda: self._start(*self._command, environment=self.environment)))

    # Starting

    async def _start_server(self) -> Process:
        """Start the server, on the display that it had before if it had one, and wait until it takes clients."""
        told, tell = os.pipe()
        try:
            display = [self.name] if self.name else []
            command = [self._server, *display, "-displayfd", str(tell), *self._options()]
            try:
                process = await self._start(*command, inherit=(tell,))
            finally:
                os.close(tell)
            number = await _read_line(told, _START_S)
        finally:
            os.close(told)
        if not number:
            await asyncio.to_thread(janitor.end_programs, self._folder, with_server=True)
            raise SourceUnavailable(f"The X server {self._server} did not start: try “{self._server} :99” by hand.")
        self.name = f":{number}"
        await asyncio.to_thread(_prepare, self.name, self._size)
        return process

    def _options(self) -> list[str]:
        screen = ["-dpi", "96", "-s", "0", "-dpms"]
        common = ["-auth", str(self._key), "-nolisten", "tcp", "-noreset", *screen]
        if self._server == "Xvnc":
            # Its VNC side can't be switched off: it listens in a folder that only this user can enter.
            rfb = ["-rfbport", "-1", "-rfbunixpath", str(self._folder / "rfb"), "-SecurityTypes", "None"]
            return [*common, "-geometry", str(self._size), "-depth", "24", "-AcceptCutText=0", "-SendCutText=0", *rfb]
        most = Size(*map(max, self._size, _XVFB_MOST))
        return [*common, "-screen", "0", f"{most}x24"]

    async def _start_window_manager(self, is_managed: asyncio.Event) -> Process:
        """Start Openbox and wait until it is ready: a window that comes before stays unmapped until the next event."""
        environment = self.environment
        for variable, ours, others in (
            ("XDG_DATA_DIRS", "share", "/usr/local/share:/usr/share"),
            ("XDG_CONFIG_DIRS", "xdg", "/etc/xdg"),
        ):
            environment[variable] = f"{_FILES / ours}:{environment.get(variable) or others}"
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        os.mkfifo(ready)
        config = str(_FILES / "xdg" / "openbox" / "voxy-rc.xml")
        startup = f"sh -c 'echo ready >{shlex.quote(str(ready))}'"
        told = os.open(ready, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            process = await self._start(
                "openbox", "--sm-disable", "--config-file", config, "--startup", startup, environment=environment
            )
            await _read_line(told, _READY_S)
        finally:
            os.close(told)
        is_managed.set()
        return process

    async def _start(
        self,
        *command: str,
        environment: dict[str, str] | None = None,
        inherit: tuple[int, ...] = (),
        stdin: int = DEVNULL,
    ) -> Process:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=Path.home() if Path.home().is_dir() else "/",
            stdin=stdin,
            stdout=DEVNULL,
            stderr=DEVNULL,
            pass_fds=inherit,
            start_new_session=True,
        )
        self._processes = {other for other in self._processes if other.returncode is None} | {process}
        return process


def find_server() -> str:
    """The X server to start: one whose size can change, if there is one; SourceUnavailable without any."""
    for server in janitor.SERVERS:
        if shutil.which(server):
            return server
    raise SourceUnavailable("There is no X server to be had: install Debian's tigervnc-standalone-server.")


def _parse_command(text: str) -> list[str]:
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"“{text}” is no command line ({error}): quote it as a shell would have it.") from None
    if not command or not shutil.which(command[0]):
        raise ConfigError(f"There is no program “{text}” to start: install it, or name another with --command.")
    return command


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


async def _wait_for_end(process: Process) -> None:
    await process.wait()


async def _keep(
    start: Callable[[], Awaitable[Process]], live: Callable[[Process], Awaitable[None]] = _wait_for_end
) -> None:
    """Start again whatever ends; quicker the longer it lived. `live` lasts as long as the process does."""
    delay_s = _AGAIN_FIRST_S
    while True:
        started_at = time.monotonic()
        try:
            await live(await start())
        except (SourceUnavailable, OSError) as reason:
            logger.warning("%s", reason)
        delay_s = _AGAIN_FIRST_S if time.monotonic() - started_at > _STEADY_S else min(delay_s * 2, _AGAIN_MOST_S)
        await asyncio.sleep(delay_s)


@contextlib.asynccontextmanager
async def _running(coroutine: "asyncio._CoroutineLike[None]") -> AsyncIterator[None]:
    """Have it run for as long as the context lasts."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _read_line(descriptor: int, timeout_s: float) -> str:
    """The line that a program writes into a pipe; empty if it ends, or time is up, before."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    data = b""
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(timeout_s):
            while not data.endswith(b"\n"):
                await readable.wait()
                readable.clear()
                if not (piece := os.read(descriptor, 64)):
                    return ""
                data += piece
    except TimeoutError:
        return ""
    finally:
        loop.remove_reader(descriptor)
    return data.decode().strip()


def _prepare(name: str, size: Size) -> None:
    """Give the screen its size and its background, and programs the usual size of text and pointers."""
    try:
        connection = Connection(name)
    except SourceUnavailable as failure:
        logger.warning("Size and background stay as they are: %s", failure)
        return
    with contextlib.suppress(Closed), contextlib.closing(connection):
        resizer = Resizer(connection)
        resizer.want(Resize(*size, scale=1.0))
        resizer.step(time.monotonic())
        root = connection.root
        request.ChangeWindowAttributes(display=connection, window=root, background_pixel=_BACKGROUND)
        request.ClearArea(display=connection, window=root, exposures=0, x=0, y=0, width=0, height=0)
        connection.sync()
