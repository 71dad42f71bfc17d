"""The example portal on another origin, with a login of its own: two desktops as elements, one in a frame."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright

from tests.e2e.conftest import CHROMIUM
from tests.e2e.support import Evaluating, eventually
from tests.engines import browsing, missing

PORTAL = Path(__file__).parent.parent.parent / "docs" / "examples" / "portal" / "portal.py"
_HAS_SECRETS = (
    "Object.keys(localStorage).concat(Object.keys(sessionStorage)).filter((key) => /pass|ticket|token/.test(key))"
)
_ARRIVED = "told.some(([name, type, detail]) => name === 'lab' && type === 'clipboard' && detail.text === 'typed')"
# It copies each line that is typed: the portal is told what is copied. The first lines may come before it is there.
_COPYING = "xterm -e sh -c 'while read line; do printf %s \"$line\" | xclip -selection clipboard; done'"
_LOG_IN = """fetch('/login', {method: 'POST', body: new URLSearchParams({user: 'alice', password: 'wonderland'})})
    .then(() => { setTimeout(() => location.reload()); return true; })"""


@contextlib.asynccontextmanager
async def portal() -> AsyncIterator[str]:
    """Run the example until it is left; it must end with status 0."""
    environment = {**os.environ, "VOXY_COMMAND": _COPYING}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PORTAL), "--port", "0", stdout=PIPE, env=environment
    )
    assert process.stdout
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        assert url.startswith("http://localhost:"), url
        yield url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0


@contextlib.asynccontextmanager
async def page_without_foreign_cookies() -> AsyncIterator[Page]:
    """A page of a Chromium that blocks third-party cookies."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM, "--test-third-party-cookie-phaseout"]
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 1000})
        yield page
        await browser.close()


async def until_all_are_connected(page: Evaluating) -> None:
    said = "[...document.querySelectorAll('.state')].map((state) => state.textContent).join()"

    async def is_so() -> bool:
        return bool(await page.evaluate(said) == "connected,connected,connected")

    try:
        await eventually(is_so, 20, "all three desktops are connected")
    except AssertionError as error:
        error.add_note(f"said: {await page.evaluate(said)}; told: {await page.evaluate('JSON.stringify(told)')}")
        raise


async def test_portal_shows_three_desktops_where_foreign_cookies_are_blocked() -> None:
    async with portal() as url, page_without_foreign_cookies() as page:
        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.url))
        page.on("websocket", lambda socket: seen.append(socket.url))
        await page.goto(url)
        await page.fill("[name=user]", "alice")
        await page.fill("[name=password]", "wonderland")
        await page.click("button")
        await until_all_are_connected(page)
        # What lets them in is in no cookie, no address, and nothing that is kept.
        assert {cookie["name"] for cookie in await page.context.cookies()} == {"portal-session"}
        assert not [address for address in seen if "pass" in address or "token" in address or "ticket=" in address]
        assert await page.evaluate(_HAS_SECRETS) == []
        # The keyboard stays in the portal until somebody clicks on a desktop.
        assert await page.evaluate("document.activeElement === document.body")
        await page.fill("#notes", "")
        await page.type("#notes", "mine")
        assert await page.input_value("#notes") == "mine"
        assert await page.evaluate("told.find(([name, type]) => name === 'office' && type === 'control')[2].may") == [
            "view"
        ]
        for name in ("office", "lab"):
            await page.locator(f"#{name}").click(position={"x": 200, "y": 150})

            async def type_a_line() -> bool:
                await page.keyboard.type("typed\n")
                return bool(await page.evaluate(_ARRIVED))

            await (eventually(type_a_line, 10, "what is typed arrives") if name == "lab" else type_a_line())
        assert await page.evaluate("told.filter(([name, type]) => type === 'clipboard' && name !== 'lab')") == []
        # The frame is used by messages.
        assert await page.evaluate("frame.screenshot().then((blob) => blob.type)") == "image/png"
        await page.reload()
        await until_all_are_connected(page)


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
async def test_portal_in_other_engines(engine: str) -> None:
    if program := missing(engine):
        pytest.skip(f"there is no {program}")
    async with portal() as url, browsing(engine, url) as browser:
        assert await browser.evaluate(_LOG_IN)
        await until_all_are_connected(browser)
        # The keyboard is the element's that has the focus, inside of its shadow root too.
        await browser.evaluate("document.getElementById('lab').shadowRoot.getElementById('field').focus()")
        await eventually(lambda: browser.evaluate("document.hasFocus()"), 5, "the window has the keyboard")

        async def type_a_line() -> bool:
            for key in (*"typed", "Return"):
                browser.press(key)
            return bool(await browser.evaluate(_ARRIVED))

        await eventually(type_a_line, 10, "what is typed arrives")
        assert (
            await browser.evaluate("told.filter(([name, type]) => type === 'clipboard' && name !== 'lab').length") == 0
        )
        assert await browser.evaluate("document.getElementById('lab').screenshot().then((blob) => blob.size > 100)")
        assert await browser.evaluate("frame.screenshot().then((blob) => blob.size > 100)")


async def test_portal_gives_tickets_to_those_who_have_logged_in_only() -> None:
    async with portal() as url, aiohttp.ClientSession() as session:
        async with session.post(f"{url}/ticket/0", headers={"Origin": url}) as response:
            assert response.status == 401
        async with session.post(f"{url}/login", data={"user": "alice", "password": "guess"}) as response:
            assert response.status == 401
        async with session.post(f"{url}/login", data={"user": "alice", "password": "wonderland"}) as response:
            assert response.status == 200
        async with session.post(f"{url}/ticket/0", headers={"Origin": "http://evil.example"}) as response:
            assert response.status == 403
        async with session.post(f"{url}/ticket/0", headers={"Origin": url}) as response:
            assert (await response.json())["ticket"]
