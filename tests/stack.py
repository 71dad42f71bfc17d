"""A whole VoXY in this process for fast tests: the demo source, a desktop, the web application, and a raw viewer."""

import asyncio
import json
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from voxy.access.audit import Audit
from voxy.access.rules import RulesFile
from voxy.blocks import Size
from voxy.clipboard import SharedClipboard
from voxy.desktop import Desktop
from voxy.session.wire import PROTOCOL
from voxy.sources.base import Source
from voxy.sources.demo import DemoSource
from voxy.web.access import Access
from voxy.web.app import make_app, mounted
from voxy.web.auth import Gate
from voxy.web.embedding import Embedding

TOKEN = "the-right-token"
HELLO = {"type": "hello", "protocol": PROTOCOL}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass
class Stack:
    url: str
    desktop: Desktop
    source: Source
    clipboard: SharedClipboard
    gate: Gate


@asynccontextmanager
async def running(
    source: Source | None = None,
    token: str | None = None,
    clipboard: SharedClipboard | None = None,
    embedders: frozenset[str] = frozenset(),
    access: Access | None = None,
    base_path: str = "",
    rules: RulesFile | None = None,
    audit: Audit | None = None,
    proxies: Container[object] = (),
    **ways: Any,
) -> AsyncIterator[Stack]:
    """VoXY on a free port of loopback."""
    source = source or DemoSource(Size(320, 240), is_still=True)
    clipboard = clipboard or SharedClipboard(source)
    desktop = Desktop("test", source, clipboard=clipboard)
    await desktop.open()
    task = asyncio.create_task(desktop.run())
    gate = Gate(token, embedding=Embedding(embedders), access=access or Access(), rules=rules or RulesFile(), **ways)
    app = mounted(make_app(desktop, gate, proxies, audit), base_path)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Stack(f"http://127.0.0.1:{runner.addresses[0][1]}", desktop, source, clipboard, gate)
    finally:
        await runner.cleanup()
        task.cancel()
        await asyncio.wait([task])


@dataclass
class RawViewer:
    """Speaks the protocol without a browser."""

    socket: aiohttp.ClientWebSocketResponse
    texts: list[dict] = field(default_factory=list)

    async def next_update(self, ack: bool = True) -> bytes:
        """The next update; what comes before it is kept in `texts`."""
        while True:
            message = await self.socket.receive(timeout=10)
            if message.type is aiohttp.WSMsgType.BINARY:
                if ack:
                    await self.send(type="ack", seq=int.from_bytes(message.data[6:10], "little"))
                return message.data
            assert message.type is aiohttp.WSMsgType.TEXT, message
            self.texts.append(json.loads(message.data))

    async def next_text(self, kind: str) -> dict:
        """The next text message of this type; updates before it are acknowledged."""
        while True:
            message = await self.socket.receive(timeout=10)
            if message.type is aiohttp.WSMsgType.BINARY:
                await self.send(type="ack", seq=int.from_bytes(message.data[6:10], "little"))
                continue
            assert message.type is aiohttp.WSMsgType.TEXT, message
            if (text := json.loads(message.data))["type"] == kind:
                return text

    async def close_code(self) -> int:
        """Read until the server closes; the code it gave."""
        while not self.socket.closed:
            await self.socket.receive(timeout=10)
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def send(self, **message: object) -> None:
        await self.socket.send_json(message)


@asynccontextmanager
async def viewing(stack: Stack, greet: bool = True) -> AsyncIterator[RawViewer]:
    """A viewer of `stack`, from its own page's origin."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{stack.url}/stream", origin=stack.url, max_msg_size=0) as socket,
    ):
        viewer = RawViewer(socket)
        if greet:
            await viewer.send(**HELLO)
        yield viewer


async def log_in(session: aiohttp.ClientSession, url: str, token: str, origin: str | None = None) -> int:
    """Exchange a token for a session; the status of the answer."""
    headers = {"Origin": origin or url}
    async with session.post(f"{url}/login", json={"token": token}, headers=headers) as response:
        return response.status
