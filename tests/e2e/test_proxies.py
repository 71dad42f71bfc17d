"""Behind nginx, Apache and Caddy, under a path, with the samples that the documentation has."""

import asyncio
import contextlib
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext

from tests.e2e.support import open_page, paint, serving, until_connection, until_same
from tests.pictures import text
from tests.proxies import missing, proxying
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(640, 480)


@contextlib.asynccontextmanager
async def behind(proxy: str, server: XServer, *options: str) -> AsyncIterator[tuple[str, str]]:
    """VoXY behind a proxy, as the sample says; gives its address there, and its token."""
    options = ("--display", server.display, "--base-path", "/desktops", *options)
    with tempfile.TemporaryDirectory() as folder:
        # nginx' worker is nobody, and has to reach the socket.
        os.chmod(folder, 0o755)
        socket = f"{folder}/voxy.sock"
        has_socket = proxy != "apache2"
        listen = ("--listen", f"unix:{socket}", "--trusted-proxy", "unix")
        where = listen if has_socket else ("--trusted-proxy", "127.0.0.1")
        async with serving(*options, *where) as served:
            token = served.url.partition("#token=")[2]
            if has_socket:
                os.chmod(socket, 0o666)
            address = f"unix:{socket}" if has_socket else f"127.0.0.1:{served.url.split('/')[2].split(':')[1]}"
            async with proxying(proxy, Path(folder), address) as port:
                yield f"http://127.0.0.1:{port}/desktops", token


@pytest.mark.parametrize("proxy", ["nginx", "apache2", "caddy"])
async def test_desktop_under_a_path_behind_a_proxy(context: BrowserContext, proxy: str) -> None:
    if program := missing(proxy):
        pytest.skip(f"there is no {program}")
    with xvfb(SIZE) as server:
        async with behind(proxy, server) as (url, token):
            failed: list[str] = []
            context.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)
            # Without the slash at the end: the proxy leads in.
            page = await open_page(context, f"{url}#token={token}")
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(page, server, within_s=5)
            assert page.url == f"{url}/"
            assert failed == []
            (cookie,) = await context.cookies()
            assert cookie["path"] == "/desktops/"
            await page.reload()
            await until_connection(page, "live")
            await until_same(page, server, within_s=5)


@pytest.mark.parametrize("proxy", ["nginx", "apache2", "caddy"])
async def test_what_a_browser_forwards_itself_does_not_get_through(proxy: str) -> None:
    if program := missing(proxy):
        pytest.skip(f"there is no {program}")
    with xvfb(SIZE) as server:
        async with behind(proxy, server) as (url, token), aiohttp.ClientSession() as session:
            forged = {
                "X-Forwarded-For": "6.6.6.6",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example",
                "Forwarded": "host=evil.example",
            }
            origin = url.removesuffix("/desktops")
            headers = {**forged, "Origin": origin}
            async with session.post(f"{url}/login", json={"token": token}, headers=headers) as response:
                assert response.status == 204, await response.text()
            headers = {**forged, "Origin": "https://evil.example"}
            async with session.post(f"{url}/login", json={"token": token}, headers=headers) as response:
                assert response.status == 403


async def test_https_with_a_certificate_of_its_own(browser: Browser) -> None:
    with xvfb(SIZE) as server, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder}
        options = ("--display", server.display, "--tls", "self-signed")
        async with serving(*options, environment=environment) as served:
            assert served.url.startswith("https://")
            assert served.process.stdout
            line = (await asyncio.wait_for(served.process.stdout.readline(), 5)).decode()
            assert line.startswith("certificate SHA-256 ")
            shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", served.port))
            assert shown == (Path(folder) / "voxy" / "self-signed.pem").read_text()
            context = await browser.new_context(ignore_https_errors=True)
            page = await open_page(context, served.url)
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(page, server, within_s=5)
            (cookie,) = await context.cookies()
            assert cookie["secure"]
            await context.close()


async def test_metrics_have_a_listener_of_their_own() -> None:
    if not shutil.which("Xvfb"):
        pytest.skip("there is no Xvfb")
    with xvfb(SIZE) as server, tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/metrics.sock"
        async with (
            serving("--display", server.display, "--metrics-listen", f"unix:{socket}") as served,
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as watcher,
            aiohttp.ClientSession() as session,
        ):
            async with watcher.get("http://localhost/metrics") as response:
                assert "voxy_desktop_up 1" in (await response.text()).splitlines()
            async with watcher.get("http://localhost/status.json") as response:
                assert response.status == 404
            async with session.get(f"{served.url.split('#')[0]}metrics") as response:
                assert response.status == 401
