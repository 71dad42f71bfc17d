"""What VideoEncoder makes, the page decodes: one picture for each chunk, in the colours of the source."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from playwright.async_api import BrowserContext

from tests.e2e.support import canvas, until_connection
from tests.pictures import photograph
from voxy.blocks import Rect, Size, Video, VideoCodec
from voxy.screen.framebuffer import Pixels
from voxy.screen.video import VideoEncoder
from voxy.session import wire
from voxy.session.update import Update

pytest.importorskip("av", reason="without the extra voxy[video] there is nothing to encode with")

STATIC = Path(__file__).parents[2] / "static"
SCREEN = Size(800, 600)
RECTS = [Rect(101, 77, 641, 361), Rect(80, 40, 640, 360)]


@asynccontextmanager
async def serving_page(viewers: "asyncio.Queue[tuple[web.WebSocketResponse, dict]]") -> AsyncIterator[str]:
    """The page, and a stream on which a test can say what it likes once the viewer has said hello."""

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = await socket.receive_json(timeout=10)
        await socket.send_str(wire.Welcome(wire.PROTOCOL, "0", "film", "", False).serialize())
        await socket.send_str(wire.State("live").serialize())
        viewers.put_nowait((socket, hello))
        await asyncio.Event().wait()
        return socket

    app = web.Application()
    app.router.add_get("/stream", stream)
    app.router.add_static("/", STATIC)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/index.html"
    finally:
        await runner.cleanup()


async def until_ack(socket: web.WebSocketResponse, seq: int) -> None:
    while True:
        message = await socket.receive(timeout=10)
        text = json.loads(message.data)
        if text["type"] == "ack" and text["seq"] >= seq:
            return


def colour_error(shown: Pixels, wanted: Pixels) -> "tuple[float, np.ndarray]":
    """The mean error of a channel, and the mean of each channel's error, in which noise is gone."""
    channels = [pixels[..., None] >> np.array([16, 8, 0], dtype=np.uint32) & 255 for pixels in (shown, wanted)]
    error = channels[0].astype(int) - channels[1]
    return float(np.abs(error).mean()), np.abs(error.mean(axis=(0, 1)))


@pytest.mark.parametrize("rect", RECTS, ids=["odd", "even"])
@pytest.mark.parametrize("codec", list(VideoCodec), ids=lambda codec: codec.name)
async def test_each_chunk_is_painted_in_the_colours_of_the_source(
    context: BrowserContext, codec: VideoCodec, rect: Rect
) -> None:
    viewers: asyncio.Queue[tuple[web.WebSocketResponse, dict]] = asyncio.Queue()
    async with serving_page(viewers) as url:
        page = await context.new_page()
        await page.goto(url)
        socket, hello = await asyncio.wait_for(viewers.get(), 10)
        assert codec.name.lower() in hello["capabilities"]
        encoder = VideoEncoder(codec, Size(rect.width, rect.height), 6_000_000)
        whole = photograph(Size(rect.width + 50, rect.height + 50))
        for seq in range(1, 13):
            wanted = whole[seq * 3 :, seq * 2 :][: rect.height, : rect.width]
            chunk = encoder.encode(wanted, is_key=seq == 7)
            video = Video(codec, 2, chunk.is_key, rect, chunk.data)
            await socket.send_bytes(Update(seq, SCREEN, [video]).serialize())
            # Without this the page may paint several at once: that each chunk gives a frame would not be seen.
            await until_ack(socket, seq)
        await until_connection(page, "live")
        shown = await canvas(page)
        inside = shown[rect.y : rect.bottom, rect.x : rect.right]
        noise, bias = colour_error(inside, wanted)
        assert noise < 4
        assert (bias < 1.5).all()
        shown[rect.y : rect.bottom, rect.x : rect.right] = 0
        assert not shown.any()
