"""Several windows of the browser each show one monitor of the desktop."""

import asyncio

from playwright.async_api import BrowserContext

from tests.e2e.support import eventually, open_page, paint, serving, until_same, x_client
from tests.e2e.test_input import Recorder, recorded
from tests.pictures import text
from tests.xservers import xvfb
from voxy.blocks import Size

SCREEN = Size(2000, 700)


async def test_each_window_shows_its_monitor(context: BrowserContext) -> None:
    with xvfb(SCREEN) as server, x_client(server) as display:
        server.run("xrandr", "--setmonitor", "left", "1200/300x700/180+0+0", "screen")
        server.run("xrandr", "--setmonitor", "right", "800/200x600/160+1200+50", "none")
        recorder = Recorder(display)
        async with serving("--display", server.display, "--auth", "none") as served:
            left = await open_page(context, f"{served.url}#monitor=left")
            right = await open_page(context, f"{served.url}#monitor=right")
            for page, monitor in ((left, (0, 0, 1200, 700)), (right, (1200, 50, 800, 600))):
                await page.bring_to_front()

                async def is_cropped(page=page, monitor=monitor) -> bool:
                    box = await page.locator("#clip").bounding_box()
                    return bool(box and (box["width"], box["height"]) == monitor[2:])

                await eventually(is_cropped, 5, "only the monitor is shown")
                box = await page.locator("#clip").bounding_box()
                assert box
                await page.mouse.click(box["x"] + 100.5, box["y"] + 60.5)
                (_, _, x, y), _ = await recorded(recorder, 2)
                assert (x, y) == (monitor[0] + 100, monitor[1] + 60)
            await asyncio.to_thread(paint, server, text(SCREEN))
            await until_same(right, server)
            # The other one is chosen in the page, and then all of them.
            await right.keyboard.press("Control+Alt+Shift+KeyM")
            await right.click("[data-opens=size]")
            await right.check("input[name=monitor][value=left]")
            assert right.url.endswith("#monitor=left")
            box = await right.locator("#clip").bounding_box()
            assert box
            assert box["width"] == 1200
            await right.check("input[name=monitor][value='']")
            assert "#" not in right.url
            box = await right.locator("#clip").bounding_box()
            assert box
            assert abs(box["width"] / box["height"] - SCREEN.width / SCREEN.height) < 0.01
