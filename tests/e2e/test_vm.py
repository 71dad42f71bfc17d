"""A machine's screen in a real browser, over its starts and stops."""

import asyncio
import contextlib
import shutil
import sys
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import canvas, eventually, open_page, serving, until_connection
from tests.sources.vnc.servers import ECHO, GREETING
from tests.vm.machines import small
from voxy.vm.engine import Guest, Qemu
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


async def test_a_machine_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "voxy"), "serve", "--vm", "desk", "--state-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert said.decode().strip() == "voxy: There is no machine “desk” here: create it first."
