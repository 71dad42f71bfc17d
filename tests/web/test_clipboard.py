"""What is copied on the desktop goes to viewers who look on and may have it, and what they paste arrives there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.stack import HELLO, RawViewer, Stack, running, viewing
from voxy.blocks import Size
from voxy.clipboard import SharedClipboard
from voxy.session.clips import TEXT, Clip
from voxy.session.events import Delivery, InputEvent, Offer
from voxy.session.permissions import CONTROLLER, VIEWER, Permission, Person
from voxy.sources.base import ClipChanged
from voxy.sources.demo import DemoSource

WORDS = "ñ é ß あ 漢 🙂"


class CopyingSource(DemoSource):
    """The demo, on which a test copies, and which notes what is fetched and pasted."""

    def __init__(self) -> None:
        super().__init__(Size(320, 240), is_still=True)
        self.fetches = 0
        self.injected: asyncio.Queue[InputEvent] = asyncio.Queue()

    def copy(self, text: str) -> None:
        self._clip = Clip({TEXT: text.encode()})
        self._notify(ClipChanged())

    async def fetch_clip(self, most_bytes: int) -> Clip:
        self.fetches += 1
        return await super().fetch_clip(most_bytes)

    async def inject(self, event: InputEvent) -> None:
        await super().inject(event)
        self.injected.put_nowait(event)

    async def next_injected(self) -> InputEvent:
        return await asyncio.wait_for(self.injected.get(), 5)


@dataclass
class Paster:
    """A viewer that knows what a clipboard is, and takes only what belongs to one."""

    viewer: RawViewer
    limits: dict[str, Any] = field(default_factory=dict)

    async def message(self) -> dict[str, Any] | bytes:
        while True:
            data = (await self.viewer.socket.receive(timeout=5)).data
            if isinstance(data, bytes):
                if data[0] == 2:
                    return data[1:]
                await self.viewer.send(type="ack", seq=int.from_bytes(data[6:10], "little"))
            elif not any(f'"type":"{kind}"' in data for kind in ("welcome", "state", "people", "cursor")):
                return dict(json.loads(data))

    async def clip(self) -> dict[str, str]:
        """The next clip, each piece acknowledged."""
        begun = await self.message()
        assert isinstance(begun, dict), begun
        assert begun["type"] == "clip", begun
        size, data = sum(part["size"] for part in begun["parts"]), b""
        while len(data) < size:
            piece = await self.message()
            assert isinstance(piece, bytes), piece
            data += piece
            await self.viewer.send(type="clip_ack", size=len(piece))
        parts = {}
        for part in begun["parts"]:
            parts[part["mime"]], data = data[: part["size"]].decode(), data[part["size"] :]
        return parts

    async def send(self, text: str) -> None:
        data = text.encode()
        await self.viewer.send(type="clip", parts=[{"mime": TEXT, "size": len(data)}])
        for at in range(0, len(data), 60_000):
            await self.viewer.socket.send_bytes(b"\x11" + data[at : at + 60_000])


@contextlib.asynccontextmanager
async def pasting(stack: Stack, permissions: Permission = CONTROLLER, **hello: object) -> AsyncIterator[Paster]:
    async with viewing(stack, greet=False) as viewer:
        newest = stack.desktop.viewers[-1]
        newest.person, newest.permissions = Person("", permissions), permissions
        stack.clipboard.join(newest)
        await viewer.send(**{**HELLO, "capabilities": ["clipboard"], **hello})
        paster = Paster(viewer)
        limits = await paster.message()
        assert isinstance(limits, dict)
        paster.limits = limits
        yield paster


@contextlib.asynccontextmanager
async def copying(takes: int = 1 << 20, gives: int = 1 << 20) -> AsyncIterator[tuple[CopyingSource, Stack]]:
    source = CopyingSource()
    async with running(source, clipboard=SharedClipboard(source, takes, gives)) as stack:
        yield source, stack


async def test_what_is_copied_arrives() -> None:
    async with copying() as (source, stack), pasting(stack) as first, pasting(stack) as second:
        assert first.limits == {"type": "clipboard", "takes": 1 << 20, "gives": 1 << 20}
        for text in (WORDS, WORDS * 30_000):
            source.copy(text)
            assert await first.clip() == await second.clip() == {TEXT: text}
        assert source.fetches == 2


async def test_pasted_content_comes_before_the_key_that_pastes_it() -> None:
    async with copying() as (source, stack), pasting(stack) as paster:
        for text in (WORDS, WORDS * 30_000):
            await paster.send(text)
            await paster.viewer.send(type="key", key="v", code="KeyV", down=True)
            offer, delivery = await source.next_injected(), await source.next_injected()
            assert isinstance(offer, Offer)
            assert delivery == Delivery(offer, Clip({TEXT: text.encode()}))
            await source.next_injected()


async def test_a_viewer_whose_content_another_one_replaced_is_told() -> None:
    async with copying() as (source, stack), pasting(stack) as first, pasting(stack) as second:
        await first.send("first")
        assert await first.message() == {"type": "clip_ack", "size": 5}
        await second.send("second")
        assert await first.message() == {"type": "clip_gone"}
        assert await second.message() == {"type": "clip_ack", "size": 6}
        # So is one that pasted before the screen was lost and found again.
        await stack.desktop.open()
        assert await second.message() == {"type": "clip_gone"}
        await second.viewer.send(type="ping", id=1)
        assert await second.message() == {"type": "pong", "id": 1}
        assert source.injected.qsize() == 4


async def test_a_viewer_that_leaves_in_the_middle_lets_nobody_wait() -> None:
    async with copying() as (source, stack):
        async with pasting(stack) as paster:
            await paster.viewer.send(type="clip", parts=[{"mime": TEXT, "size": 1000}])
            offer = await source.next_injected()
        assert isinstance(offer, Offer)
        assert await source.next_injected() == Delivery(offer, None)


async def test_nothing_is_fetched_for_those_who_may_not_have_it_or_do_not_look() -> None:
    async with (
        copying() as (source, stack),
        pasting(stack, VIEWER) as stranger,
        pasting(stack, hidden=True) as hidden,
        viewing(stack) as old,
    ):
        await old.next_update()
        assert stranger.limits == {"type": "clipboard", "takes": 0, "gives": 0}
        source.copy("secret")
        assert await stranger.message() == {"type": "clip", "parts": []}
        assert source.fetches == 0
        # What was copied meanwhile doesn't come later: the person may have copied something elsewhere.
        await hidden.viewer.send(type="view", hidden=False)
        await hidden.viewer.send(type="ping", id=1)
        assert await hidden.message() == {"type": "pong", "id": 1}
        source.copy("for all")
        assert await hidden.clip() == {TEXT: "for all"}
        assert await stranger.message() == {"type": "clip", "parts": []}


async def test_a_viewer_that_may_not_pastes_nothing_and_stays() -> None:
    async with copying() as (source, stack), pasting(stack, CONTROLLER & ~Permission.CLIPBOARD_IN) as paster:
        await paster.send("secret")
        await paster.viewer.send(type="key", key="v", code="KeyV", down=True)
        assert not isinstance(await source.next_injected(), Offer)


async def test_directions_can_be_off() -> None:
    async with copying(takes=0, gives=0) as (source, stack), pasting(stack) as paster:
        assert paster.limits == {"type": "clipboard", "takes": 0, "gives": 0}
        source.copy("secret")
        assert await paster.message() == {"type": "clip", "parts": []}
        assert source.fetches == 0
        await paster.send("text")
        assert await paster.message() == {"type": "clip_ack", "size": 4}
        assert source.injected.empty()


async def test_limits_are_told() -> None:
    async with copying(takes=1024, gives=2048) as (source, stack), pasting(stack) as paster:
        source.copy("x" * 2049)
        assert await paster.clip() == {}
        assert await paster.message() == {"type": "notice", "code": "copy_too_large", "limit": 2048}
        await paster.viewer.send(type="clip", parts=[{"mime": TEXT, "size": 1025}])
        assert await paster.message() == {"type": "notice", "code": "paste_too_large", "limit": 1024}
        await paster.send("x" * 1024)
        assert isinstance(await source.next_injected(), Offer)


async def test_one_viewers_line_carries_pictures_while_content_waits_for_room() -> None:
    async with copying() as (source, stack), pasting(stack) as paster:
        source.copy("x" * 1_000_000)
        assert await paster.message() == {"type": "clip", "parts": [{"mime": TEXT, "size": 1_000_000}]}
        while (await paster.viewer.socket.receive(timeout=5)).data[0] != 1:
            pass
        # Not acknowledged, the rest stays where it is; keys still show.
        await paster.viewer.send(type="key", key="x", code="KeyX", down=True)
        await paster.viewer.next_update()


async def test_the_demo_copies_what_it_pasted() -> None:
    async with copying() as (_, stack), pasting(stack) as paster:

        async def press(*keys: str) -> None:
            for key in keys:
                await paster.viewer.send(type="key", key=key, code="", down=True)

        await press("a", "Control", "c")
        assert await paster.clip() == {TEXT: "a"}
        await paster.send(WORDS)
        assert isinstance(await paster.message(), dict)
        await press("м", "v", "c")
        assert await paster.clip() == {TEXT: f"a{WORDS}"}
