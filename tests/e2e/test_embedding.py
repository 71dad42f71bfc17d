"""Desktops inside of another site's page, as elements and in frames: what arrives there, and what doesn't."""

import asyncio
import base64
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import web
from PIL import Image
from playwright.async_api import BrowserContext, Page, Response

from tests.e2e.support import eventually, focused, paint, screen, serving, typed, until_same, until_typed, x_client
from tests.pictures import text, to_pixels
from tests.programs import copying, pasting
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

SIZE = Size(480, 320)
TOKEN = "a-token-that-is-known"
_LISTEN = """<script type="module">
window.told = [];
for (const element of document.querySelectorAll('voxy-desktop')) {
  for (const type of ['connect', 'disconnect', 'resize', 'clipboard', 'control', 'error']) {
    element.addEventListener(type, ({ detail }) => told.push([element.id, type, detail]));
  }
}
</script>"""


@dataclass
class Site:
    """A site of somebody else with one page."""

    origin: str
    body: str = ""
    policy: str = ""
    head: str = field(default=_LISTEN)


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[Site]:
    async def page(_: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": made.policy} if made.policy else {}
        content = f"<!DOCTYPE html><title>home</title>{made.body}{made.head}"
        return web.Response(text=content, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    made = Site(f"http://localhost:{runner.addresses[0][1]}")
    try:
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Element:
    """The canvas of a desktop that is an element."""

    page: Page
    id: str

    async def evaluate(self, expression: str, /) -> Any:
        root = f"document.getElementById('{self.id}').shadowRoot"
        return await self.page.evaluate(expression.replace("document", root))


def element(url: str, name: str, more: str = "") -> str:
    style = f"width: {SIZE.width}px; height: {SIZE.height}px; margin: 30px"
    return f'<voxy-desktop id="{name}" src="{url}" style="{style}" {more}></voxy-desktop>'


def script(url: str) -> str:
    return f'<script type="module" src="{url}voxy.js"></script>'


async def until_told(page: Page, name: str, kind: str) -> Any:
    """The detail of the newest such event."""
    found: list[Any] = []

    async def is_told() -> bool:
        found[:] = await page.evaluate(f"told.filter(([n, k]) => n === '{name}' && k === '{kind}')")
        return bool(found)

    await eventually(is_told, 10, f"{name} tells of {kind}")
    return found[-1][2]


@contextlib.asynccontextmanager
async def served(server: XServer, made: Site, *options: str) -> AsyncIterator[str]:
    options = ("--display", server.display, "--auth", "none", "--embed-origin", made.origin, *options)
    async with serving(*options) as running:
        yield running.url


async def test_several_elements_side_by_side_get_their_own_keys(context: BrowserContext) -> None:
    with xvfb(SIZE) as one, xvfb(SIZE) as two:
        async with site() as made, served(one, made) as first, served(two, made) as second:
            made.body = f"<input id=field>{script(first)}{element(first, 'one')}{element(second, 'two')}"
            page = await context.new_page()
            await page.goto(made.origin)
            for name, server in (("one", one), ("two", two)):
                assert (await until_told(page, name, "control"))["may"][:3] == ["view", "pointer", "keyboard"]
                await asyncio.to_thread(paint, server, text(SIZE, f"desktop {name} "))
                await until_same(Element(page, name), server, within_s=5)
            with focused(one) as at_one, focused(two) as at_two:
                await page.fill("#field", "")
                await page.type("#field", "x")
                await page.locator("#one").click(position={"x": 50, "y": 60})
                await page.keyboard.press("a")
                await eventually(lambda: keys(at_one, "a"), 5, "the key arrives")
                await page.locator("#two").click(position={"x": 50, "y": 60})
                await page.keyboard.press("b")
                pressed = [("b", True), ("b", False)]
                await until_typed(at_two, lambda found: found == pressed, "the key arrives, and goes up")
                await page.focus("#field")
                await page.keyboard.press("c")
                await page.evaluate("document.getElementById('one').sendKeys('d')")
                await eventually(lambda: keys(at_one, "d"), 5, "only what was sent arrives")
                assert typed(at_two) == []
            assert await page.input_value("#field") == "xc"
            # Where the pointer is in the element, it is on the desktop.
            await page.locator("#two").hover(position={"x": 100, "y": 70})
            await eventually(lambda: pointer_at(two, 100, 70), 5, "the pointer is there")


async def keys(display: Any, *names: str) -> bool:
    """Whether just these keys have come since the last."""
    found = [name for name, is_down in await asyncio.to_thread(typed, display) if is_down]
    assert found in ([], list(names)), found
    return bool(found)


async def pointer_at(server: XServer, x: int, y: int) -> bool:
    with x_client(server) as display:
        found = display.screen().root.query_pointer()
        return bool((found.root_x, found.root_y) == (x, y))


async def test_element_to_look_on_sends_nothing(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"{script(url)}{element(url, 'one', 'view-only toolbar=off')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await until_told(page, "one", "connect")
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(Element(page, "one"), server, within_s=5)
            with focused(server) as display:
                await page.locator("#one").click(position={"x": 50, "y": 60})
                await page.keyboard.press("a")
                assert await page.evaluate("document.getElementById('one').paste('text')") is False
                await page.evaluate("document.getElementById('one').sendKeys('b')")
                # It is one line, so that what comes back is later than what was typed.
                await asyncio.to_thread(paint, server, text(SIZE, "later "))
                await until_same(Element(page, "one"), server, within_s=5)
                assert typed(display) == []
            assert await page.evaluate("document.getElementById('one').shadowRoot.getElementById('controls').hidden")


async def test_server_that_lets_look_on_only_is_not_overridden(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made, "--view-only") as url:
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            await page.goto(made.origin)
            assert await until_told(page, "one", "control") == {"may": ["view"]}
            with focused(server) as display:
                await page.evaluate("document.getElementById('one').sendKeys('b')")
                await asyncio.to_thread(paint, server, text(SIZE, "later "))
                await until_same(Element(page, "one"), server, within_s=5)
                assert typed(display) == []


async def test_element_tells_of_its_life_and_takes_pictures(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"{script(url)}{element(url, 'one', 'manual')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await page.evaluate("customElements.whenDefined('voxy-desktop')")
            assert await page.evaluate("document.getElementById('one').shadowRoot.children.length") == 0
            await page.evaluate("document.getElementById('one').connect()")
            assert await until_told(page, "one", "resize") == {"width": SIZE.width, "height": SIZE.height}
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(Element(page, "one"), server, within_s=5)
            picture = await page.evaluate(
                """document.getElementById('one').screenshot().then((blob) => new Promise((done) => {
                    const reader = new FileReader();
                    reader.onload = () => done(reader.result);
                    reader.readAsDataURL(blob);
                }))"""
            )
            pixels = to_pixels(
                np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.split(",")[1]))).convert("RGB"))
            )
            assert (pixels == await asyncio.to_thread(screen, server)).all()
            await page.evaluate("document.getElementById('one').disconnect()")
            assert await until_told(page, "one", "disconnect") == {"code": None}
            await page.evaluate("document.getElementById('one').connect()")
            await asyncio.to_thread(paint, server, text(SIZE, "again "))
            await until_same(Element(page, "one"), server, within_s=5)
            # Out of the page it is gone, and comes back with it.
            await page.evaluate("window.one = document.getElementById('one'); one.remove()")
            await page.evaluate("document.body.append(one)")
            await eventually(lambda: page.evaluate("one.shadowRoot.querySelector('.stage') !== null"), 5, "it is back")
            await page.evaluate("one.removeAttribute('manual'); one.connect()")
            await until_same(Element(page, "one"), server, within_s=5)


async def test_page_with_a_strict_policy_of_its_own(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            origin, socket = url.rstrip("/"), url.rstrip("/").replace("http:", "ws:")
            made.policy = (
                f"default-src 'none'; script-src 'self' {origin}; connect-src {origin} {socket}; "
                f"worker-src blob: {origin}; img-src {origin} blob:; style-src-attr 'unsafe-inline'; "
                "require-trusted-types-for 'script'; trusted-types voxy-line voxy-markup"
            )
            made.head = ""
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            await page.goto(made.origin)
            await asyncio.to_thread(paint, server, text(SIZE))
            await eventually(
                lambda: Element(page, "one").evaluate("document.getElementById('screen') !== null"), 5, "up"
            )
            await until_same(Element(page, "one"), server, within_s=5)
            assert [line for line in said if "favicon" not in line and "404" not in line] == []


async def test_site_that_is_not_named_gets_nothing(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as good, site() as evil, served(server, good) as url:
            evil.body = f'{script(url)}{element(url, "one")}<iframe id="two" src="{url}"></iframe>'
            page = await context.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
                await page.goto(evil.origin)
            await eventually(lambda: cors_said(said), 5, "the module is refused")
            assert await page.evaluate("customElements.get('voxy-desktop') === undefined")


async def cors_said(said: list[str]) -> bool:
    return any("CORS policy" in line for line in said)


_FRAME = """<iframe id="frame" src="{url}" width="480" height="320"></iframe><script type="module">
import {{ DesktopFrame }} from '{base}frame.js';
window.told = [];
window.desktop = new DesktopFrame(document.getElementById('frame'));
for (const type of ['connect', 'disconnect', 'resize', 'control']) {{
  desktop.addEventListener(type, ({{ detail }}) => told.push(['frame', type, detail]));
}}
</script>"""


async def test_frame_is_used_by_messages_and_answers_its_own_page_only(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.head = ""
            made.body = _FRAME.format(url=f"{url}?toolbar=off&scale=fit", base=url)
            page = await context.new_page()
            await page.goto(made.origin)
            assert await until_told(page, "frame", "resize") == {"width": SIZE.width, "height": SIZE.height}
            with focused(server) as display:
                await page.evaluate("desktop.sendKeys('a')")
                await eventually(lambda: keys(display, "a"), 5, "the key arrives")
                # Somebody else in the page, such as an advertisement in a frame, isn't listened to.
                await page.evaluate(
                    f"""new Promise((done) => {{
                    const other = document.createElement('iframe');
                    other.srcdoc = `<script>
                        const target = parent.document.getElementById('frame').contentWindow;
                        target.postMessage({{ voxy: 1, type: 'keys', keys: ['x'] }}, '{url}');
                        parent.done();
                    <\\/script>`;
                    window.done = done;
                    document.body.append(other);
                }})"""
                )
                for wrong in ("{ voxy: 2, type: 'keys', keys: ['x'] }", "{ voxy: 1, type: 'keys', keys: 'x' }", "null"):
                    await page.evaluate(f"document.getElementById('frame').contentWindow.postMessage({wrong}, '{url}')")
                await page.evaluate("desktop.sendKeys('b')")
                await eventually(lambda: keys(display, "b"), 5, "only what its page sends arrives")
            size = await page.evaluate("desktop.screenshot().then((blob) => blob.size)")
            assert size > 100
            frame = page.frames[1]
            assert await frame.evaluate("document.getElementById('controls').hidden")
            await page.evaluate("desktop.disconnect()")
            await until_told(page, "frame", "disconnect")


async def test_text_goes_both_ways_by_program(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await until_told(page, "one", "control")
            with copying(server, UTF8_STRING="copied there"):
                assert await until_told(page, "one", "clipboard") == {"text": "copied there"}
            assert await page.evaluate("document.getElementById('one').paste('from here')")
            await eventually(lambda: pasted(server, b"from here"), 5, "the text is there")


async def pasted(server: XServer, content: bytes) -> bool:
    def paste() -> bytes | None:
        with pasting(server) as paster:
            return paster.paste("UTF8_STRING")

    return await asyncio.to_thread(paste) == content


async def test_desktop_follows_the_size_of_its_element(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made, "--resize", "follow") as url:
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await until_told(page, "one", "control")
            for width, height in ((400, 300), (360, 200)):
                await page.evaluate(
                    f"Object.assign(document.getElementById('one').style, {{width: '{width}px', height: '{height}px'}})"
                )
                said = f'JSON.stringify(told.at(-1)) === \'["one","resize",{{"width":{width},"height":{height}}}]\''
                await eventually(lambda said=said: page.evaluate(said), 10, "the desktop has the element's size")
            await asyncio.to_thread(paint, server, text(Size(360, 200)))
            await until_same(Element(page, "one"), server, within_s=5)


async def test_element_takes_the_whole_screen(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await until_told(page, "one", "control")
            await page.locator("#one").click(position={"x": 50, "y": 60})
            await page.keyboard.press("Control+Alt+Shift+KeyF")
            shown = (
                "document.fullscreenElement?.id === 'one' && document.fullscreenElement.clientHeight === innerHeight"
            )
            await eventually(lambda: page.evaluate(shown), 5, "it has the whole screen")
            # Its places are where they were: in the middle now.
            box = await page.locator("#one").locator("#screen").bounding_box()
            assert box
            assert abs(box["x"] + box["width"] / 2 - 700) < 2
            await page.mouse.move(box["x"] + 100, box["y"] + 70)
            await eventually(lambda: pointer_at(server, 100, 70), 5, "the pointer is there")
            await page.keyboard.press("Control+Alt+Shift+KeyF")
            await eventually(lambda: page.evaluate("document.fullscreenElement === null"), 5, "it has its own place")


async def test_toolbar_of_an_element_is_at_its_own_edge(context: BrowserContext) -> None:
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"<p style='height: 200px'>home</p>{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            await page.goto(made.origin)
            await until_told(page, "one", "control")
            toolbar = page.locator("#one").locator("#toolbar")
            await page.locator("#one").hover(position={"x": 240, "y": 1})
            await toolbar.wait_for(state="visible")
            inside, host = await toolbar.bounding_box(), await page.locator("#one").bounding_box()
            assert inside
            assert host
            assert host["x"] <= inside["x"]
            assert inside["x"] + inside["width"] <= host["x"] + host["width"]
            assert host["y"] <= inside["y"] < host["y"] + 30
            await page.locator("#one").locator("[data-opens=help]").click()
            assert await page.locator("#one").locator("#help").is_visible()


async def test_what_an_element_adds_to_a_page_is_small(context: BrowserContext) -> None:
    """60 kB at most, not compressed, until a picture is shown and keys arrive; and nothing from elsewhere."""
    with xvfb(SIZE) as server:
        async with site() as made, served(server, made) as url:
            made.body = f"{script(url)}{element(url, 'one')}"
            page = await context.new_page()
            answers: list[Response] = []
            page.on("response", lambda answer: answers.append(answer))
            await page.goto(made.origin)
            await until_told(page, "one", "control")
            await asyncio.to_thread(paint, server, text(SIZE))
            await until_same(Element(page, "one"), server, within_s=5)
            with focused(server) as display:
                await page.locator("#one").click(position={"x": 50, "y": 60})
                await page.keyboard.press("a")
                await eventually(lambda: keys(display, "a"), 5, "the key arrives")
            fetched = {answer.url: len(await answer.body()) for answer in answers if answer.status == 200}
            ours = {name.removeprefix(url): size for name, size in fetched.items() if name.startswith(url)}
            elsewhere = {name for name in fetched if not name.startswith((url, made.origin))}
            assert {name for name in elsewhere if not name.startswith("blob:")} == set()
            assert {"voxy.js", "js/viewer.js", "js/line_worker.js", "js/bundle.js", "style.css"} <= set(ours)
            assert sum(ours.values()) <= 60_000, ours
