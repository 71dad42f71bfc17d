"""VoXY inside another server: mounted under a path, it lives as long as that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext

import voxy
from tests.e2e.support import open_page, paint, until_same
from tests.pictures import text
from tests.xservers import xvfb
from voxy.blocks import Size
from voxy.config import Config
from voxy.errors import ConfigError, SourceError

SIZE = Size(640, 480)
TOKEN = "a-token-that-is-known"


@contextlib.asynccontextmanager
async def hosting(**apps: web.Application) -> AsyncIterator[str]:
    """A server of somebody else, with VoXY under /NAME/."""
    root = web.Application()
    for name, app in apps.items():
        root.add_subapp(f"/{name}/", app)
    runner = web.AppRunner(root, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_two_desktops_in_one_server(context: BrowserContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXY_TOKEN", TOKEN)
    before = asyncio.all_tasks()
    with xvfb(SIZE) as first, xvfb(SIZE) as second:
        apps = {name: voxy.create_app(Config(display=server.display)) for name, server in (("a", first), ("b", second))}
        async with hosting(**apps) as url:
            for name, server in (("a", first), ("b", second)):
                page = await open_page(context, f"{url}/{name}/#token={TOKEN}")
                await asyncio.to_thread(paint, server, text(SIZE, f"desktop {name} "))
                await until_same(page, server, within_s=5)
            # Each has a session of its own.
            assert {cookie["path"] for cookie in await context.cookies()} == {"/a/", "/b/"}
    assert {task for task in asyncio.all_tasks() if "voxy" in repr(task.get_coro())} <= before


async def test_display_that_is_not_there_is_said_at_the_startup() -> None:
    app = voxy.create_app(Config(display=":987", auth="none"))
    with pytest.raises(SourceError, match=":987"):
        async with hosting(a=app):
            pass


def test_token_that_could_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXY_TOKEN", "secret")
    with pytest.raises(ConfigError, match="guessed"):
        voxy.create_app(Config(display=":1"))


def test_token_file_that_can_not_be_read_is_said() -> None:
    with pytest.raises(ConfigError, match="/nowhere"):
        voxy.create_app(Config(token_file="/nowhere"))
