"""Whatever way leads to VoXY, it asks for the same, and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.e2e.support import VOXY, serving
from tests.stack import HELLO
from tests.xservers import xvfb
from voxy.blocks import Size

SIZE = Size(320, 240)
WAYS = ["tcp", "base path", "unix", "tls", "systemd", "metrics"]
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
# As systemd does it: the sockets are those from 3 on, and the process is the one that is meant.
_ACTIVATE = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); " + (
    "os.environ['LISTEN_FDS'] = '1'; os.execv(sys.argv[2], sys.argv[2:])"
)


@contextlib.asynccontextmanager
async def activated(*options: str) -> AsyncIterator[str]:
    """A `voxy serve` whose socket was open before it; gives what it prints."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _ACTIVATE, str(number), VOXY, "serve", *options), stdout=PIPE, pass_fds=[number]
        )
        try:
            assert process.stdout
            printed = (await asyncio.wait_for(process.stdout.readline(), 15)).decode().strip()
            assert f":{listener.getsockname()[1]}/" in printed
            yield printed
        finally:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 5) == 0


@contextlib.asynccontextmanager
async def reaching(way: str, display: str, folder: str) -> AsyncIterator[tuple[str, str, aiohttp.BaseConnector]]:
    """The address of a VoXY that is reached this way, its token, and what connects there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    options = ["--display", display]
    path = f"{folder}/voxy.sock"
    more = {
        "base path": ["--base-path", "/desk"],
        "unix": ["--listen", f"unix:{path}"],
        "tls": ["--tls", "self-signed"],
        "metrics": ["--metrics-listen", f"unix:{folder}/metrics.sock", "--trusted-proxy", "unix"],
    }.get(way, [])
    starting = activated(*options) if way == "systemd" else None
    async with contextlib.AsyncExitStack() as stack:
        if starting:
            printed = await stack.enter_async_context(starting)
        else:
            environment = {**os.environ, "XDG_STATE_HOME": folder}
            printed = (await stack.enter_async_context(serving(*options, *more, environment=environment))).url
        url, _, token = printed.partition("#token=")
        if way == "unix":
            yield "http://localhost", token, aiohttp.UnixConnector(path)
        else:
            yield url.rstrip("/"), token, aiohttp.TCPConnector(ssl=context)
    assert [name for name in os.listdir(folder) if name.endswith(".sock")] == []


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_comes_in_without_the_token(way: str) -> None:
    with xvfb(SIZE) as server, tempfile.TemporaryDirectory() as folder:
        async with reaching(way, server.display, folder) as (url, token, connector):
            origin = "/".join(url.split("/")[:3])
            async with aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": origin}
            ) as session:
                for path in ("session", "status.json", "metrics", "stream"):
                    headers = UPGRADE if path == "stream" else {"Authorization": "Bearer "}
                    async with session.get(f"{url}/{path}", headers=headers) as response:
                        assert response.status == 401, path
                async with session.post(f"{url}/ticket", json={"origin": origin}) as response:
                    assert response.status == 401
                async with session.post(f"{url}/login", json={"token": token}) as response:
                    assert response.status == 204
                # The client keeps the cookie for its path alone, and sends a secure one over TLS only.
                async with session.ws_connect(f"{url}/stream") as viewer:
                    await viewer.send_json(HELLO)
                    assert (await viewer.receive_json())["type"] == "welcome"


async def test_options_that_are_said_twice_are_one_list() -> None:
    async with (
        xserver() as display,
        serving("--display", display, "--host-name", "a.test", "--host-name", "b.test") as served,
        aiohttp.ClientSession() as session,
    ):
        url = served.url.partition("#")[0]
        for name, status in (("a.test", 401), ("b.test", 401), ("c.test", 421)):
            async with session.get(f"{url}session", headers={"Host": name}) as response:
                assert response.status == status


@contextlib.asynccontextmanager
async def xserver() -> AsyncIterator[str]:
    with xvfb(SIZE) as server:
        yield server.display
