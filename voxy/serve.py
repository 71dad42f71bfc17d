"""`voxy serve`: puts source, desktop and web together, and takes them apart again."""

import asyncio
import ctypes
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpProcessingError

from voxy.access.audit import Audit
from voxy.access.rules import RulesFile
from voxy.blocks import Size
from voxy.clipboard import SharedClipboard
from voxy.config import ACCESS_FILE, Config, state_folder
from voxy.desktop import Desktop
from voxy.errors import ConfigError, SourceUnavailable
from voxy.listeners import activated, is_loopback, listening
from voxy.session.permissions import OWNER, VIEWER
from voxy.sources.base import Source, open_source
from voxy.values import Listen
from voxy.web.access import Access
from voxy.web.app import CHANGED, make_app, make_metrics_app, mounted
from voxy.web.auth import GATE, Gate
from voxy.web.doorman import HEAD_S, IDLE_S, Doorman
from voxy.web.embedding import Embedding
from voxy.web.proxied import ProxyHeaders
from voxy.web.record import DESKTOP
from voxy.web.vouching import Verifier, Vouching

if TYPE_CHECKING:
    from voxy.tls import Certificate
    from voxy.web.openid import OpenId

_SHUTDOWN_S = 1.0
_TOKEN_LEAST = 16
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
"""malloc.h's numbers of these settings."""


async def serve(config: Config) -> None:
    """Serve until SIGINT or SIGTERM."""
    _bound_memory()
    logging.basicConfig(level=config.log_level.upper(), format="%(levelname).1s %(name)s %(message)s")
    logging.getLogger("aiohttp.server").addFilter(is_ours)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        # First of all, so that a port in use or a bad certificate is said at once.
        listeners = [stack.enter_context(listener) for listener in activated(os.environ)]
        listeners = listeners or [stack.enter_context(listening(config.listen))]
        watcher = stack.enter_context(listening(config.metrics_listen)) if config.metrics_listen else None
        _check_listeners(config, listeners)
        certificate = _certificate(config)
        app = create_app(config)
        await stack.enter_async_context(_site(mounted(app, config.base_path), listeners, certificate))
        if config.rules:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app[CHANGED].set)
        if watcher:
            await stack.enter_async_context(_site(make_metrics_app(app[DESKTOP], app[GATE]), [watcher], None))
        print(_url(config, listeners[0], app[GATE].token), flush=True)
        if certificate and config.tls == "self-signed":
            print(f"certificate SHA-256 {certificate.fingerprint}", flush=True)
        # Garbage comes from sessions: to look for it in all that is loaded takes 40 ms, in which no key arrives.
        gc.freeze()
        await stopping.wait()


def is_ours(record: logging.LogRecord) -> bool:
    """Whether it is our own fault: what isn't HTTP gets 400 and needs no traceback, which could fill a disk."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def create_app(config: Config) -> web.Application:
    """The whole of VoXY as an application: it starts its desktop at the startup and ends it at the cleanup.

    It works under any path: `root.add_subapp("/desktops/", create_app(Config(...)))`. What says where to listen is not
    heeded. Errors of the configuration are raised here or at the startup.
    """
    most = VIEWER if config.view_only else OWNER
    access = Access(state_folder(config.state_dir, os.environ) / ACCESS_FILE)
    embedding = Embedding(frozenset(config.embed_origin))
    rules = RulesFile(Path(config.rules).expanduser() if config.rules else None, _desktop_name(config))
    gate = Gate(
        _token(config),
        frozenset(config.host_name),
        most,
        embedding,
        access,
        rules,
        ProxyHeaders(config.auth_header, config.auth_groups_header, config.auth_role, config.auth_logout),
        _vouching(config),
        _openid(config),
    )
    audit = Audit(Path(config.audit).expanduser() if config.audit else None)
    app = make_app(None, gate, config.trusted_proxy, audit)

    async def with_desktop(app: web.Application) -> AsyncIterator[None]:
        async with _desktop(config) as desktop:
            app[DESKTOP] = desktop
            yield

    app.cleanup_ctx.append(with_desktop)
    return app


def _vouching(config: Config) -> Vouching:
    """Whom tickets of others let in."""
    verifier = Verifier(config.verify_url, config.auth_role) if config.verify_url else None
    if not config.launch_key:
        return Vouching(None, verifier)
    from voxy.access.launch import Launches

    key = _read(config.launch_key, "The key of launch tickets").strip().encode()
    return Vouching(Launches(key, config.launch_audience, config.launch_issuer, config.auth_role), verifier)


def _openid(config: Config) -> "OpenId | None":
    """The provider at which people sign in, if there is one."""
    if not config.oidc_issuer:
        return None
    from voxy.access.openid import Client
    from voxy.web.openid import OpenId

    secret = _read(config.oidc_secret_file, "The provider's secret").strip() if config.oidc_secret_file else ""
    client = Client(
        config.oidc_issuer,
        config.oidc_client,
        config.public_url,
        secret,
        config.oidc_name_claim,
        config.oidc_groups_claim,
        config.auth_role,
    )
    return OpenId(client)


def _read(file: str, what: str) -> str:
    """The text of a file that the configuration names; ConfigError says what can't be read."""
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} can't be read from {file}: {error}.") from None


def _token(config: Config) -> str | None:
    """What opens the desktop: that of the file or of the environment, or a new one."""
    if config.auth == "none":
        return None
    token = os.environ.get("VOXY_TOKEN", "")
    if config.token_file:
        token = _read(config.token_file, "The token").strip()
    if (config.token_file or token) and len(token) < _TOKEN_LEAST:
        raise ConfigError(f"A token of {len(token)} characters could be guessed: use {_TOKEN_LEAST} or more.")
    return token or secrets.token_urlsafe(24)


def _check_listeners(config: Config, listeners: list[socket.socket]) -> None:
    if config.auth == "none" and not config.insecure and not all(map(is_loopback, listeners)):
        raise ConfigError(
            "--auth none would let everybody use this desktop at the socket that systemd opened: "
            "have it listen on 127.0.0.1, use --auth token, or say --insecure if you mean it."
        )


def _certificate(config: Config) -> "Certificate | None":
    if config.tls == "off" and not config.tls_cert:
        return None
    from voxy.tls import Certificate, self_signed

    if config.tls_cert:
        cert = Path(config.tls_cert).expanduser()
        return Certificate(cert, Path(config.tls_key).expanduser() if config.tls_key else cert)
    own = {config.listen.host} if isinstance(config.listen, Listen) else set()
    return self_signed(
        state_folder(config.state_dir, os.environ), frozenset({*config.host_name, *own} - {"0.0.0.0", "::"})
    )


def _bound_memory() -> None:
    """Have what big pictures took given back to the system (glibc): all threads share one pool, which is cut when it
    is free at its end, and what is as big as a quarter of a screen never comes from it, so that it gets no holes."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, 2 << 20)
        mallopt(_M_TRIM_THRESHOLD, 2 << 20)


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
        desktop = Desktop(_desktop_name(config), source, config.max_fps, clipboard, mode)
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
        return await _vm_source(config, stack)
    return _vnc_source(config) if config.vnc else open_source(await _source_name(config, stack))


async def _vm_source(config: Config, stack: AsyncExitStack) -> Source:
    """The screen of a machine, wherever it runs, and whether it does now or not."""
    from voxy.sources.vnc import MovingSource
    from voxy.vm.cli import open_store

    store = open_store(config.state_dir)
    store.open(config.vm)
    from voxy.vm.follow import Follower

    follower = Follower(store, config.vm, state_folder(config.state_dir, os.environ))
    source = MovingSource(follower.find)
    await stack.enter_async_context(follower.following(source))
    return source


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
    return _read(config.vnc_password_file, "The password").rstrip("\r\n")


def _desktop_name(config: Config) -> str:
    """What the desktop is called by pages, by the audit and by the rules."""
    return config.vm or config.vnc or config.display or socket.gethostname()


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
async def _site(
    app: web.Application, listeners: list[socket.socket], certificate: "Certificate | None"
) -> AsyncIterator[None]:
    doorman = Doorman()
    app.middlewares.append(doorman.leave_alone)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_S, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        for listener in listeners:
            server = await _listen(listener, lambda: doorman.admit(_connection(runner)), certificate)
            stack.callback(server.close)
        yield


def _connection(runner: web.AppRunner) -> web.RequestHandler:
    assert runner.server
    return runner.server()


async def _listen(
    listener: socket.socket, admit: Callable[[], web.RequestHandler], certificate: "Certificate | None"
) -> asyncio.Server:
    loop, tls = asyncio.get_running_loop(), certificate.context if certificate else None
    patience_s = HEAD_S if certificate else None
    if listener.family == socket.AF_UNIX:
        return await loop.create_unix_server(admit, sock=listener, ssl=tls, ssl_handshake_timeout=patience_s)
    return await loop.create_server(admit, sock=listener, ssl=tls, ssl_handshake_timeout=patience_s)


def _url(config: Config, listener: socket.socket, token: str | None) -> str:
    """What opens the desktop; behind a unix socket only a proxy knows the whole of it."""
    secret = f"#token={token}" if token else ""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}{config.base_path}/{secret}"
    host, port = listener.getsockname()[:2]
    shown = Listen(socket.gethostname() if host in ("0.0.0.0", "::") else host, port)
    scheme = "https" if config.tls_cert or config.tls != "off" else "http"
    return f"{scheme}://{shown}{config.base_path}/{secret}"
