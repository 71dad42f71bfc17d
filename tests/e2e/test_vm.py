"""A machine's screen in a real browser, over its starts and stops."""

import asyncio
import contextlib
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, WebSocket

from tests.e2e.support import canvas, eventually, open_page, serving, until_connection
from tests.sources.vnc.servers import ECHO, GREETING
from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import started
from tests.vm.machines import small
from tests.vm.tick import count, make_image
from voxy.vm.engine import Guest, Qemu
from voxy.vm.landing import Landing
from voxy.vm.store import Machine, Store

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]

TEXT_SIZE = (400, 720)
"""Rows and columns of pixels of a PC's text mode."""


async def start(machine: Machine) -> Guest:
    with machine.lock():
        return await machine.start(await Qemu.find())


async def until_booted(guest: Guest) -> None:
    async def greets() -> bool:
        said = await guest.monitor.execute("human-monitor-command", {"command-line": "xp /2000hx 0xb8000"})
        words = (word for line in said.splitlines() for word in line.split(":")[1].split())
        return GREETING.decode().strip() in "".join(chr(int(word, 16) & 255) for word in words)

    await eventually(greets, 20, "the machine has booted")


async def test_a_machine_is_shown_whenever_it_runs(context: BrowserContext, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(ECHO)
    machine = await Store(tmp_path / "vm").create("desk", small(), image)
    options = ("--vm", "desk", "--state-dir", str(tmp_path / "vm"), "--auth", "none")
    try:
        # It may be asked for before it runs.
        async with serving(*options) as served, contextlib.AsyncExitStack() as stack:
            guest = await stack.enter_async_context(await start(machine))
            page = await open_page(context, served.url)

            async def is_text() -> bool:
                picture = await canvas(page)
                return picture.shape[:2] == TEXT_SIZE and len(set(picture[..., :3].reshape(-1, 3).max(axis=1))) > 1

            await until_booted(guest)
            await eventually(is_text, 10, "the machine's text is shown")
            await guest.stop(within_s=0)
            await until_connection(page, "lost")
            await eventually(lambda: says(page, "desk doesn't run: voxy vm start desk."), 10, "the page says why")
            guest = await stack.enter_async_context(await start(machine))
            await until_connection(page, "live")
            await until_booted(guest)
            await eventually(is_text, 10, "the same page shows it again")
            await guest.stop(within_s=0)
    finally:
        machine.run.kill()


async def says(page: object, words: str) -> bool:
    return words in await page.inner_text("body")  # type: ignore[attr-defined]


WATCHING = """
window.seen = [];
window.said = [];
new MutationObserver((changes) => {
  const told = changes.find(({target}) => target.id === 'notice');
  if (told) said.push(told.target.textContent);
}).observe(document, {childList: true, subtree: true});
(function look() {
  const canvas = document.getElementById('screen');
  if (canvas?.width === 720 && canvas.height === 400) {
    const row = canvas.getContext('2d').getImageData(0, 72, 288, 1).data;
    let number = 0;
    for (let x = 4; x < 288; x += 9) number = number * 2 + (row[4 * x] > 127 ? 1 : 0);
    if (seen.at(-1)?.[1] !== number) seen.push([Date.now(), number]);
  }
  requestAnimationFrame(look);
})();
"""
"""Notes what the page says, and when its picture first shows each number of the guest of tests/vm/tick.py."""


async def until_newer(page: Page, number: int, since_s: float) -> float:
    """How many ms after that time the picture showed a higher number."""
    newer = await page.wait_for_function("number => seen.find(([, shown]) => shown > number)", arg=number)
    return float((await newer.json_value())[0]) - since_s * 1000


async def test_a_page_goes_along_with_a_machine_there_and_back(
    context: BrowserContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[tuple[int, float]] = []
    real = Landing.go_on

    async def go_on(self: Landing) -> None:
        resumed.append((await count(self.guest), time.time()))
        await real(self)

    monkeypatch.setattr(Landing, "go_on", go_on)
    async with host(tmp_path, "a") as a, host(tmp_path, "b") as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        options = ("--vm", "desk", "--state-dir", str(a.folder), "--auth", "none")
        async with started(a, b), serving(*options) as served:
            await context.add_init_script(WATCHING)
            page = await context.new_page()
            opened: list[WebSocket] = []
            page.on("websocket", lambda line: opened.append(line))
            await page.goto(served.url)
            await until_connection(page, "live")
            await until_newer(page, 0, 0)
            figures = [await moved(page, source, target, resumed) for source, target in ((a, b), (b, a))]
            print("first new picture after the resume:", *(f"{figure:.0f} ms" for figure in figures))
            assert max(figures) < 5000
            shown = [number for _, number in await page.evaluate("seen")]
            assert shown == sorted(shown), "no older picture, and no other"
            here = socket.gethostname()
            said = [words for words in await page.evaluate("said") if words]
            assert said == [
                *("desk is moving to b…", "desk runs on b now."),
                *(f"desk is moving to {here}…", f"desk runs on {here} now."),
            ]
            assert [line.is_closed() for line in opened] == [False]


async def moved(page: Page, source: Host, target: Host, resumed: list[tuple[int, float]]) -> float:
    """Move the machine while somebody types; how many ms after its resume the page showed what it did then."""
    typing = asyncio.create_task(page.keyboard.type("abcdefghij", delay=40))
    assert await source.move("desk", target)
    figure = await until_newer(page, *resumed[-1])
    await typing

    async def has_echoed() -> bool:
        async with await Guest.attach("desk", target.store.run_folder("desk")) as guest:
            said = await guest.monitor.execute("human-monitor-command", {"command-line": "xp /160hx 0xb8000"})
        words = (word for line in said.splitlines() for word in line.split(":")[1].split())
        return "".join(chr(int(word, 16) & 255) for word in words).strip() == "abcdefghij" * len(resumed)

    await eventually(has_echoed, 10, "all that was typed has arrived, once")
    assert await page.get_attribute("html", "data-connection") == "live"
    return figure


async def test_a_machine_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "voxy"), "serve", "--vm", "desk", "--state-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert said.decode().strip() == "voxy: There is no machine “desk” here: create it first."
