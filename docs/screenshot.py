"""Makes the pictures of docs/: a private desktop and the example portal in Chromium. Run by `make screenshot`."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.async_api import async_playwright

VOXY = Path(sys.executable).parent / "voxy"
PICTURES = Path(__file__).parent
SHELL = "xterm -e bash --norc --noprofile"
PROMPT = r"\[\e[1;34m\]\W\[\e[0m\] \$ "
COMMANDS = ("voxy --version", "voxy serve --help | head -19", "date '+%A, %-d %B %Y'")


async def main() -> None:
    process = await asyncio.create_subprocess_exec(
        VOXY,
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--size",
        "1280x800",
        "--command",
        SHELL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PS1": PROMPT, "PATH": f"{VOXY.parent}:{os.environ['PATH']}"},
    )
    assert process.stdout
    url = (await process.stdout.readline()).decode().strip()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.goto(url)
            await page.wait_for_selector("html[data-connection=live]", state="attached")
            await asyncio.sleep(2)
            await page.mouse.move(600, 300)
            for command in COMMANDS:
                await page.keyboard.type(f"{command}\n")
                await asyncio.sleep(0.5)
            await page.mouse.click(80, 620, button="right")
            await asyncio.sleep(1)
            await page.screenshot(path=PICTURES / "desktop.png")
            await page.keyboard.press("Escape")
            await page.keyboard.press("Control+Alt+Shift+KeyM")
            await page.click("[data-opens=keys]")
            await asyncio.sleep(0.5)
            await page.screenshot(path=PICTURES / "toolbar.png", clip={"x": 320, "y": 0, "width": 640, "height": 460})
            await browser.close()
    finally:
        process.terminate()
        await process.wait()


async def show_portal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PICTURES / "examples" / "portal" / "portal.py",
        "--port",
        "0",
        stdout=subprocess.PIPE,
        env={**os.environ, "VOXY_COMMAND": SHELL, "PS1": PROMPT, "PATH": f"{VOXY.parent}:{os.environ['PATH']}"},
    )
    assert process.stdout
    url = (await process.stdout.readline()).decode().strip()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page(viewport={"width": 1280, "height": 960})
            await page.goto(url)
            await page.fill("[name=user]", "alice")
            await page.fill("[name=password]", "wonderland")
            await page.click("button")
            await page.wait_for_function(
                "[...document.querySelectorAll('.state')].every((state) => state.textContent === 'connected')"
            )
            await asyncio.sleep(2)
            for place, command in (
                ("#course", "python3 -m this | head -18"),
                ("#lab", "voxy --version; ls --color /usr"),
            ):
                await page.locator(place).click(position={"x": 300, "y": 200})
                await page.keyboard.type(f"{command}\n")
                await asyncio.sleep(0.5)
            await page.locator("#lab").hover(position={"x": 286, "y": 1})
            await asyncio.sleep(1)
            await page.screenshot(path=PICTURES / "portal.png")
            await browser.close()
    finally:
        process.terminate()
        await process.wait()


if "portal" not in sys.argv:
    asyncio.run(main())
asyncio.run(show_portal())
