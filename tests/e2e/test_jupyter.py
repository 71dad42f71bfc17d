"""A desktop in Jupyter, by a real jupyter-server-proxy."""

import asyncio
import contextlib
import importlib.util
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import eventually, open_page, paint, until_same
from tests.pictures import text
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(640, 480)
TOKEN = "a-token-of-jupyter"


@contextlib.asynccontextmanager
async def jupyter(server: XServer) -> AsyncIterator[str]:
    """A Jupyter server that knows VoXY by its entry point; what VoXY serves is said by its environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        options = [f"--ServerApp.port={port}", "--ip=127.0.0.1", "--no-browser", f"--ServerApp.root_dir={home}"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyter_server", "--allow-root", f"--IdentityProvider.token={TOKEN}", *options),
            env={**os.environ, "HOME": home, "VOXY_DISPLAY": server.display, "JUPYTER_RUNTIME_DIR": f"{home}/runtime"},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            await eventually(lambda: is_open(port), 20, "Jupyter listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def is_open(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def test_desktop_in_jupyter(context: BrowserContext) -> None:
    if importlib.util.find_spec("jupyter_server_proxy") is None:
        pytest.skip("there is no jupyter-server-proxy: pip install '.[jupyter]'")
    with xvfb(SIZE) as server:
        async with jupyter(server) as url, aiohttp.ClientSession() as stranger:
            page = await open_page(context, f"{url}/voxy/?token={TOKEN}")
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(page, server, within_s=5)
            # Jupyter lets nobody else get there.
            for path in ("", "session", "stream"):
                async with stranger.get(f"{url}/voxy/{path}", allow_redirects=False) as response:
                    assert response.status in (302, 403)
