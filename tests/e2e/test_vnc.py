"""VNC servers in a real browser: the canvas equals their screen, and they may come and go under their viewers."""

import asyncio
import shutil
from pathlib import Path

import psutil
import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import Served, canvas, eventually, open_page, paint, serving, until_connection, until_same
from tests.pictures import photograph, text
from tests.sources.vnc.servers import GREETING, SIZE, free_port, qemu, tigervnc, x11vnc
from tests.xservers import client

RESTARTS = 20
POOLED = 8
"""Threads that its two pools may yet start on a machine with two cores, when there is more to do at once."""


async def test_tigervnc_is_shown_and_typed_into(context: BrowserContext, tmp_path: Path) -> None:
    file, ready = tmp_path / "typed.txt", tmp_path / "ready"
    with tigervnc() as server:
        async with serving("--vnc", server.address, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await until_same(page, server.x, within_s=3)
            for top in (0, 6, 12, 80):
                await asyncio.to_thread(paint, server.x, text(SIZE)[top:])
                await until_same(page, server.x, within_s=3)
            await asyncio.to_thread(paint, server.x, photograph(SIZE))
            await until_same(page, server.x, within_s=3)
            with client(server.x, "xterm", "-u8", "-e", "sh", "-c", f"touch {ready}; head -n 1 > {file}; sleep 60"):
                await eventually(lambda: asyncio.to_thread(ready.exists), 10, "the terminal runs")
                await page.mouse.move(200, 100)
                await page.keyboard.type("Hello, World! <42> ")
                await page.keyboard.insert_text("ñ é ß € あ")
                await page.keyboard.press("Enter")

                async def is_written() -> bool:
                    return file.exists() and file.read_text().endswith("\n")

                await eventually(is_written, 5, "the line arrives")
                assert file.read_text() == "Hello, World! <42> ñ é ß € あ\n"
                await until_same(page, server.x, within_s=3)


async def test_x11vnc_is_shown(context: BrowserContext) -> None:
    with x11vnc() as server:
        async with serving("--vnc", server.address, "--auth", "none") as served:
            page = await open_page(context, served.url)
            await asyncio.to_thread(paint, server.x, text(SIZE))
            await until_same(page, server.x, within_s=5)


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64")
@pytest.mark.parametrize("way", ["unix", "tcp"])
async def test_a_machine_is_watched_while_it_boots(context: BrowserContext, way: str) -> None:
    with qemu(port=free_port() if way == "tcp" else 0) as machine:
        async with serving("--vnc", machine.address, "--auth", "none") as served:
            page = await open_page(context, served.url)

            async def is_shown() -> bool:
                wanted, shown = await asyncio.to_thread(machine.screen), await canvas(page)
                return wanted.shape == shown.shape and bool((wanted == shown).all())

            async def says(words: str) -> bool:
                return words in await asyncio.to_thread(machine.text)

            await eventually(lambda: says(GREETING.decode().strip()), 20, "the machine has booted")
            await eventually(is_shown, 5, "the canvas equals the machine's screen")
            assert await page.title() == "QEMU (desk) — VoXY"
            await page.keyboard.type("by place, Locked OR NOT")
            await eventually(lambda: says("by place, Locked OR NOT"), 5, "what is typed arrives")
            await page.keyboard.press("CapsLock")
            for letter in "Ab":
                await page.keyboard.press(letter)
            await eventually(lambda: says("NOTAb"), 5, "what is typed with a lock arrives")
            await eventually(is_shown, 5, "the canvas equals the machine's screen")
            before = (await asyncio.to_thread(machine.screen)).shape
            await page.keyboard.press("Tab")

            async def has_changed() -> bool:
                return (await asyncio.to_thread(machine.screen)).shape != before

            await eventually(has_changed, 5, "the machine has another size")
            await eventually(is_shown, 5, "the canvas equals the machine's screen")


def belongings(served: Served) -> tuple[int, int]:
    """Files and threads of a server."""
    process = psutil.Process(served.process.pid)
    return process.num_fds(), process.num_threads()


async def test_a_server_comes_and_goes_under_two_viewers(context: BrowserContext) -> None:
    port = free_port()
    with tigervnc(port=port) as server:
        address, display = server.address, server.x.display
        manager = serving("--vnc", address, "--auth", "none")
        served = await manager.__aenter__()
        pages = [await open_page(context, served.url) for _ in range(2)]
        for page in pages:
            await page.bring_to_front()
            await until_same(page, server.x, within_s=5)
        await pages[1].evaluate("window.isOld = true")
        before = belongings(served)
        server.x.kill()
    try:
        for count in range(RESTARTS):
            for page in pages:
                await until_connection(page, "lost")
            with tigervnc(port=port, display=display) as server:
                await asyncio.to_thread(paint, server.x, text(SIZE, f"round {count} "))
                for page in pages:
                    await page.bring_to_front()
                    await until_connection(page, "live")
                    await until_same(page, server.x, within_s=2)
                server.x.kill()
        assert await pages[1].evaluate("window.isOld"), "no page was loaded anew"

        async def is_as_before() -> bool:
            files, threads = belongings(served)
            return files <= before[0] and threads <= before[1] + POOLED

        await eventually(is_as_before, 5, f"as many files and threads as before, {before}")
    finally:
        await manager.__aexit__(None, None, None)
