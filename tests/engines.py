"""Browsers of three engines, each on an X display of its own and used by its keys and pointer, as by a person."""

import asyncio
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import async_playwright
from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext import xtest

from tests.programs import connect
from tests.xservers import XServer, client, xvfb
from voxy.blocks import Size

SIZE = Size(1000, 700)
_START_S = 30
_MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"

Evaluate = Callable[[str], Awaitable[Any]]
"""Gives the value of an expression in the page, which may be a promise."""


@dataclass
class Engine:
    """A browser that shows a page on `local`, which is the machine at hand: its clipboard is the browser's."""

    local: XServer
    display: Display
    evaluate: Evaluate

    def press(self, *keys: str) -> None:
        """Press keys together by their X names, and let them go: `press("Control_L", "v")`."""
        codes = [self.display.keysym_to_keycode(XK.string_to_keysym(key)) for key in keys]
        for code in codes:
            xtest.fake_input(self.display, X.KeyPress, code)
        for code in reversed(codes):
            xtest.fake_input(self.display, X.KeyRelease, code)
        self.display.sync()

    async def click(self, x: int, y: int) -> None:
        """Press and release the left button there until the page has felt it.

        A window may not be there yet; and a window manager that gives the keyboard to what is clicked holds the click
        back, but not the keys after it.
        """
        felt = "new Promise((done) => addEventListener('pointerup', () => done(true), {capture: true, once: true}))"
        await self.evaluate(f"Boolean(window.clicked = {felt})")
        is_felt = False
        async with asyncio.timeout(_START_S):
            while not is_felt:
                xtest.fake_input(self.display, X.MotionNotify, x=x, y=y)
                xtest.fake_input(self.display, X.ButtonPress, 1)
                xtest.fake_input(self.display, X.ButtonRelease, 1)
                self.display.sync()
                is_felt = await self.evaluate("Promise.race([clicked, new Promise((done) => setTimeout(done, 3000))])")


class BrowserCrashed(Exception):
    """The browser ended by itself, as WebKitGTK does now and then; pytest tries again."""


@contextlib.asynccontextmanager
async def browsing(engine: str, url: str) -> AsyncIterator[Engine]:
    """A new browser with an empty profile, that shows the page at `url`: `chromium`, `firefox` or `webkit`."""
    opening = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[engine]
    with xvfb(SIZE) as local, client(local, "openbox"), _connected(local) as display:
        async with opening(local, url) as evaluate:
            try:
                yield Engine(local, display, evaluate)
            except Exception as failure:
                if engine == "webkit" and await _has_crashed(evaluate):
                    raise BrowserCrashed from failure
                raise


async def _has_crashed(evaluate: Evaluate) -> bool:
    """Whether the driver has lost the page, which it says when it is asked for the second time at the latest."""
    for _ in range(2):
        try:
            await asyncio.wait_for(evaluate("1"), _START_S)
        except (AssertionError, TimeoutError) as failure:
            if "page crash" in str(failure):
                return True
    return False


def missing(engine: str) -> str:
    """The program that this engine needs and this machine lacks; empty if it is there."""
    programs = {"chromium": ["chromium"], "firefox": ["firefox-esr"], "webkit": ["WebKitWebDriver"]}[engine]
    return " ".join(program for program in [*programs, "openbox"] if not shutil.which(program))


@contextlib.contextmanager
def _connected(server: XServer) -> Iterator[Display]:
    display = connect(server)
    try:
        yield display
    finally:
        display.close()


@contextlib.asynccontextmanager
async def _chromium(local: XServer, url: str) -> AsyncIterator[Evaluate]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            headless=False,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-component-update", "--test-type"],
            env=dict(local.environment),
        )
        page = await browser.new_page(no_viewport=True)
        await page.goto(url)
        yield page.evaluate
        await browser.close()


@contextlib.asynccontextmanager
async def _firefox(local: XServer, url: str) -> AsyncIterator[Evaluate]:
    """By WebDriver BiDi, which Firefox speaks by itself."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        preferences = {
            "browser.aboutwelcome.enabled": False,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "browser.startup.page": 0,
            # Among what automation would set is that windows needn't have the focus: then nothing is composed.
            "remote.prefs.recommended": False,
            "termsofuse.acceptedVersion": 999,
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items())
        (Path(home) / "user.js").write_text("\n".join(lines))
        command = ("firefox-esr", "--profile", home, "--no-remote", "--remote-debugging-port", "0")
        environment = {**local.environment, "HOME": home}
        async with (
            _running(command, environment, "WebDriver BiDi listening on (ws:.*)") as address,
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/session", max_msg_size=0) as line,
        ):
            ask = _Bidi(line).ask
            await ask("session.new", capabilities={})
            context = (await ask("browsingContext.getTree"))["contexts"][0]["context"]
            await ask("browsingContext.navigate", context=context, url=url, wait="complete")

            async def evaluate(expression: str) -> Any:
                target = {"context": context}
                said = await ask("script.evaluate", expression=expression, target=target, awaitPromise=True)
                assert said["type"] == "success", said
                return said["result"].get("value")

            yield evaluate


@dataclass
class _Bidi:
    line: aiohttp.ClientWebSocketResponse
    count: int = 0

    async def ask(self, method: str, **params: Any) -> Any:
        self.count += 1
        await self.line.send_json({"id": self.count, "method": method, "params": params})
        while (said := await self.line.receive_json(timeout=_START_S)).get("id") != self.count:
            pass
        assert said["type"] == "success", said
        return said["result"]


@contextlib.asynccontextmanager
async def _webkit(local: XServer, url: str) -> AsyncIterator[Evaluate]:
    """By WebDriver, with the small browser that comes with WebKitGTK."""
    browser = glob.glob(_MINI_BROWSERS)[0]
    options = {"webkitgtk:browserOptions": {"binary": browser, "args": ["--automation"]}}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {**local.environment, "HOME": home, "XDG_RUNTIME_DIR": home, "GDK_BACKEND": "x11"}
        if os.geteuid() == 0:
            environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
        port = _free_port()
        command = ("WebKitWebDriver", f"--port={port}")
        async with _running(command, environment, ""), aiohttp.ClientSession() as session:

            async def ask(method: str, path: str, body: object) -> Any:
                async with session.request(method, f"http://127.0.0.1:{port}{path}", json=body) as response:
                    said = (await response.json())["value"]
                    assert response.status == 200, said
                    return said

            opened = await _patiently(lambda: ask("POST", "/session", {"capabilities": {"alwaysMatch": options}}))
            place = f"/session/{opened['sessionId']}"
            await ask("POST", f"{place}/url", {"url": url})

            async def evaluate(expression: str) -> Any:
                script = f"const done = arguments[0]; Promise.resolve({expression}).then(done)"
                return await ask("POST", f"{place}/execute/async", {"script": script, "args": []})

            yield evaluate
            with contextlib.suppress(AssertionError):  # by one that has ended before
                await ask("DELETE", place, None)


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until somebody listens."""
    async with asyncio.timeout(_START_S):
        while True:
            try:
                return await ask()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.asynccontextmanager
async def _running(command: tuple[str, ...], environment: dict[str, str], pattern: str) -> AsyncIterator[str]:
    """Run a program until the context ends; what it says on standard error that fits the pattern, once it does."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    drain: asyncio.Task[None] | None = None
    try:
        found = await asyncio.wait_for(_said(process, pattern), _START_S) if pattern else ""
        drain = asyncio.create_task(_drain(process))
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            # A browser is a family of processes.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if drain:
            await drain


async def _said(process: Process, pattern: str) -> str:
    assert process.stderr
    while line := await process.stderr.readline():
        if found := re.search(pattern, line.decode()):
            return found[1].strip()
    raise AssertionError(f"{process} ended before it was ready")


async def _drain(process: Process) -> None:
    assert process.stderr
    while await process.stderr.read(1 << 16):
        pass
