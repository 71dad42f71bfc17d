"""What X11Source grabs is what the screen shows, whatever the size and however the pixels come."""

import asyncio
import contextlib
import random
import time

import pytest
from Xlib import X

from tests.sources.told import Follower, check_told, scribble
from tests.sources.x11.support import Looker, Opened, looking, opened
from tests.xservers import XServer, xvfb, xvnc
from voxy.blocks import BlockGrid, Rect, Size
from voxy.errors import SourceUnavailable
from voxy.screen.framebuffer import COLOUR
from voxy.sources.x11.readers import SharedPixmaps


async def assert_exact(desktop: Opened, looker: Looker) -> None:
    """The framebuffer becomes the screen; beyond the screen it is black."""
    width, height = looker.pixels().shape[::-1]

    def is_exact() -> bool:
        back = desktop.framebuffer.back
        # One that is larger may show as much of the same colour, before it is known that the screen isn't.
        is_fit = back.shape == BlockGrid(Size(width, height)).padded[::-1]
        return is_fit and bool((back[:height, :width] == looker.pixels()).all())

    async with asyncio.timeout(10):
        await desktop.grab_until(is_exact)
    assert not desktop.framebuffer.back[height:].any()
    assert not desktop.framebuffer.back[:, width:].any()


@pytest.mark.parametrize("serving", [xvfb, xvnc])
@pytest.mark.parametrize("size", [Size(1366, 768), Size(1021, 743), Size(64, 64)])
async def test_pixels_are_exact(serving, size: Size) -> None:
    with serving(size) as server, looking(server) as looker:
        async with opened(server) as desktop:
            assert desktop.size == size
            assert desktop.source.shm_reason == ""
            scribble(looker, size, 20)
            assert await desktop.grab() == (Rect.of(size),)
            await assert_exact(desktop, looker)
            scribble(looker, size, 20, seed=2)
            await assert_exact(desktop, looker)


async def test_images_where_the_server_shares_no_pixmaps(server: XServer, monkeypatch) -> None:
    monkeypatch.setattr(SharedPixmaps, "create", lambda *_: None)
    with looking(server) as looker:
        async with opened(server) as desktop:
            assert desktop.source.shm_reason == ""
            scribble(looker, desktop.size, 5)
            await assert_exact(desktop, looker)
            scribble(looker, desktop.size, 5, seed=2)
            await assert_exact(desktop, looker)


async def test_get_image_where_memory_cannot_be_shared() -> None:
    with xvfb(Size(1021, 743), None, 24, "-extension", "MIT-SHM") as server, looking(server) as looker:
        async with opened(server) as desktop:
            assert "MIT-SHM" in desktop.source.shm_reason
            scribble(looker, desktop.size, 5)
            await assert_exact(desktop, looker)


async def test_grabs_only_what_was_drawn(server: XServer) -> None:
    with looking(server) as looker:
        async with opened(server) as desktop:
            await assert_exact(desktop, looker)
            looker.fill(Rect(100, 100, 10, 10), 0x654321)
            await desktop.grab()
            looker.fill(Rect(700, 300, 10, 10), 0x123456)
            damage = await desktop.grab()
            told = "what the grab before had comes into the other pixmap as well, untold"
            assert damage == (Rect(700, 300, 10, 10),), told
            await assert_exact(desktop, looker)


async def test_many_small_drawings_are_few_rects(server: XServer) -> None:
    with looking(server) as looker:
        async with opened(server) as desktop:
            await assert_exact(desktop, looker)
            context = looker.root.create_gc(foreground=0xFEDCBA)
            chance = random.Random(3)
            points = [(chance.randrange(1366), chance.randrange(768)) for _ in range(2000)]
            looker.root.poly_point(context, X.CoordModeOrigin, points)
            looker.display.sync()
            assert len(await desktop.grab()) <= 6
            await assert_exact(desktop, looker)


async def test_cancelled_grabs_lose_no_damage(server: XServer) -> None:
    with looking(server) as looker:
        async with opened(server) as desktop:
            await assert_exact(desktop, looker)
            for number in range(60):
                grab = asyncio.create_task(desktop.grab())
                await asyncio.sleep(0)
                rect = Rect(number * 20, number * 10, 15, 15)
                looker.fill(rect, 0x400000 + number)
                # Sooner or later: while it waits, while it grabs, or when it has just been answered.
                for _ in range(number % 12):
                    await asyncio.sleep(0.0002)
                grab.cancel()
                await asyncio.wait([grab])
            await assert_exact(desktop, looker)


@pytest.mark.parametrize("kind", ["pixmaps", "images", "plain"])
async def test_what_is_told_is_all_that_changes(kind: str, monkeypatch) -> None:
    if kind == "images":
        monkeypatch.setattr(SharedPixmaps, "create", lambda *_: None)
    options = ("-extension", "MIT-SHM") if kind == "plain" else ()
    with xvfb(Size(640, 480), None, 24, *options) as server:
        async with opened(server) as desktop:
            await check_told(desktop.source, server, Size(640, 480))


async def test_what_is_drawn_amid_a_grab_is_told(server: XServer, monkeypatch) -> None:
    ask, seen = SharedPixmaps.ask, Rect(100, 100, 200, 200)
    with looking(server) as looker, looking(server) as artist:
        async with opened(server) as desktop:
            follower = Follower(desktop.source, desktop.size)
            for rect in (Rect(0, 0, 9, 9), Rect(9, 0, 9, 9), seen):
                looker.fill(rect, 0x123456)
                await follower.take()

            def ask_late(reader: SharedPixmaps, region: int) -> None:
                """The damage has been taken, the pixels not: now somebody draws where the back is older."""
                reader._connection.send_and_recv(flush=True)
                artist.root.fill_rectangle(artist.root.create_gc(foreground=0x654321), 150, 150, 50, 50)
                artist.display.flush()
                time.sleep(0.05)
                ask(reader, region)

            looker.fill(Rect(600, 300, 9, 9), 0x123456)
            with monkeypatch.context() as patch:
                patch.setattr(SharedPixmaps, "ask", ask_late)
                await follower.take()
            async with asyncio.timeout(10):
                while not (
                    follower.shown[: desktop.size.height, : desktop.size.width] & COLOUR == looker.pixels()
                ).all():
                    await follower.take(1)


async def test_another_framebuffer_is_filled_whole(server: XServer) -> None:
    with looking(server) as looker:
        async with opened(server) as desktop:
            await assert_exact(desktop, looker)
            desktop.framebuffer = Opened(desktop.source, desktop.size).framebuffer
            looker.fill(Rect(0, 0, 1, 1), 0x777777)
            assert await desktop.grab() == (Rect.of(desktop.size),)
            await assert_exact(desktop, looker)


async def test_follows_the_size() -> None:
    with xvnc(Size(800, 600)) as server, looking(server) as looker:
        async with opened(server) as desktop:
            await desktop.grab()
            for size in (Size(1366, 768), Size(640, 480)):
                await asyncio.to_thread(server.resize, size)
                async with asyncio.timeout(5):
                    while await desktop.grab() != (Rect.of(size),):
                        pass
                scribble(looker, size, 3)
                await assert_exact(desktop, looker)


async def test_survives_two_hundred_resizes() -> None:
    sizes = [Size(*side) for side in ((800, 600), (1021, 743), (1366, 768), (64, 64), (1920, 1080), (333, 777))]
    chance = random.Random(4)

    def shake(server: XServer) -> None:
        for _ in range(200):
            server.resize(chance.choice(sizes))

    with xvnc() as server, looking(server) as looker:
        async with opened(server) as desktop:

            async def draw_and_grab() -> None:
                while True:
                    await desktop.grab()
                    looker.fill(Rect(0, 0, 2000, 2000), chance.randrange(1 << 24))

            grabbing = asyncio.create_task(draw_and_grab())
            await asyncio.to_thread(shake, server)
            assert not grabbing.done()
            grabbing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await grabbing
            await assert_exact(desktop, looker)


@pytest.mark.parametrize(
    ("depth", "options", "says"),
    [(16, (), "16 bits of colour"), (24, ("-extension", "DAMAGE"), "lacks the extension DAMAGE")],
)
async def test_says_what_the_server_lacks(depth: int, options: tuple[str, ...], says: str) -> None:
    with xvfb(Size(320, 240), None, depth, *options) as server, pytest.raises(SourceUnavailable, match=says):
        async with opened(server):
            pass
