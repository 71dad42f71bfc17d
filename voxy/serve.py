"""`voxy serve`: puts source, desktop and web together, and takes them apart again."""

import asyncio
import ctypes
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from voxy.blocks import Size
from voxy.clipboard import SharedClipboard
from voxy.config import Config, Listen
from voxy.desktop import Desktop
from voxy.errors import ConfigError, SourceUnavailable
from voxy.sources.base import Source, open_source
from voxy.web.app import make_app
from voxy.web.auth import Gate

_IDLE_CONNECTION_S = 75.0
_SHUTDOWN_S = 1.0
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
"""malloc.h's numbers of these settings."""


async def serve(config: Config) -> None:
    """Serve until SIGINT or SIGTERM."""
    _bound_memory()
    logging.basicConfig(level=config.log_level.upper(), format="%(levelname).1s %(name)s %(message)s")
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    token = secrets.token_urlsafe(24) if config.auth == "token" else None
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_bind(config.listen))
        desktop = await stack.enter_async_context(_desktop(config))
        app = make_app(desktop, Gate(token, frozenset(config.host_name)))
        await stack.enter_async_context(_site(app, listener))
        print(_url(listener, token), flush=True)
        await stopping.wait()


def _bound_memory() -> None:
    """Have what big pictures took given back to the system (glibc): all threads share one pool, which is cut when it
    is free at its end, and what is as big as a quarter of a screen never comes from it, so that it gets no holes."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, 2 << 20)
        mallopt(_M_TRIM_THRESHOLD, 2 << 20)


def _bind(listen: Listen) -> socket.socket:
    """A listening socket; bound before all else is started, so that a port in use is said at once."""
    try:
        family, *_, address = socket.getaddrinfo(*listen, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"Can't listen on {listen} ({reason}): choose another with --listen ADDRESS:PORT.") from None


@asynccontextmanager
async def _desktop(config: Config) -> AsyncIterator[Desktop]:
    """The desktop that the configuration asks for, running."""
    async with AsyncExitStack() as stack:
        source = await _source(config, stack)
        clipboard = SharedClipboard(source, int(config.clipboard_in), int(config.clipboard_out))
        mode = (
            config.resize
            if config.resize != "auto"
            else "fit"
            if config.display or config.vnc or config.vm
            else "follow"
        )
        name = config.vm or config.vnc or config.display or socket.gethostname()
        desktop = Desktop(name, source, config.max_fps, clipboard, mode)
        try:
            await desktop.open()
        except SourceUnavailable as error:
            if not config.vm:
                raise
            print(f"voxy: {error} It is shown as soon as it runs.", file=sys.stderr)
        task = asyncio.create_task(desktop.run())
        try:
            yield desktop
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _source(config: Config, stack: AsyncExitStack) -> Source:
    if config.vm:
        return _vm_source(config)
    return _vnc_source(config) if config.vnc else open_source(await _source_name(config, stack))


def _vm_source(config: Config) -> Source:
    """The screen of a machine of this host, whether it runs now or not."""
    from voxy.sources.vnc import Address, Credentials, VncSource
    from voxy.vm.cli import open_store

    machine = open_store(Path(config.state_dir).expanduser() if config.state_dir else None).open(config.vm)
    absence = f"{machine.name} doesn't run: voxy vm start {machine.name}."
    return VncSource(Address(path=str(machine.run.vnc)), Credentials(), absence=absence)


def _vnc_source(config: Config) -> Source:
    """The VNC server that the configuration names: no other is ever dialled."""
    from voxy.sources.vnc import Address, Credentials, VncSource

    try:
        address = Address.parse(config.vnc)
    except ValueError as error:
        raise ConfigError(f"--vnc can't be “{config.vnc}”: {error}.") from None
    credentials = Credentials(config.vnc_user, _vnc_password(config), config.vnc_insecure, config.vnc_server_key)
    return VncSource(address, credentials, Path(config.vnc_ca).expanduser() if config.vnc_ca else None)


def _vnc_password(config: Config) -> str:
    if not config.vnc_password_file:
        return os.environ.get("VOXY_VNC_PASSWORD", "")
    try:
        return Path(config.vnc_password_file).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The password can't be read from {config.vnc_password_file}: {error}.") from None


async def _source_name(config: Config, stack: AsyncExitStack) -> str:
    return f"x11:{config.display}" if config.display else await _private_source(config, stack)


async def _private_source(config: Config, stack: AsyncExitStack) -> str:
    """Start a private desktop and name it; without an X server to be had, say so and name the demo."""
    from voxy.sources.x11.private import PrivateDisplay

    try:
        display = await stack.enter_async_context(PrivateDisplay(Size.parse(config.size), config.command))
    except SourceUnavailable as error:
        print(f"voxy: {error} The built-in demo is served instead.", file=sys.stderr)
        return f"demo:{config.size}"
    return f"x11:{display.name}"


@asynccontextmanager
async def _site(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=_IDLE_CONNECTION_S, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()


def _url(listener: socket.socket, token: str | None) -> str:
    host, port = listener.getsockname()[:2]
    shown = Listen(socket.gethostname() if host in ("0.0.0.0", "::") else host, port)
    return f"http://{shown}/" + (f"#token={token}" if token else "")
