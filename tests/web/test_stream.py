import asyncio
import contextlib
import json
from contextlib import AsyncExitStack

import numpy as np
import pytest

from tests.stack import HELLO, RawViewer, running, viewing
from voxy.blocks import Size
from voxy.session.events import InputEvent, Key
from voxy.sources.demo import DemoSource


class RecordingSource(DemoSource):
    """The demo that also keeps what is injected."""

    def __init__(self) -> None:
        super().__init__(Size(320, 240), is_still=True)
        self.injected: list[InputEvent] = []
        self.arrived = asyncio.Event()

    async def inject(self, event: InputEvent) -> None:
        self.injected.append(event)
        self.arrived.set()
        await super().inject(event)

    async def next_injected(self) -> InputEvent:
        async with asyncio.timeout(5):
            while not self.injected:
                self.arrived.clear()
                await self.arrived.wait()
        return self.injected.pop(0)


MALFORMED: list[str | bytes] = [
    b"",
    b"\x10\x00",
    b"\x10" + b"\0" * 6,
    b"\x63\0\0\0\0\0",
    b"\x10\0\0\0\0\xff",
    "",
    "nonsense",
    '{"type":"nothing"}',
    json.dumps(HELLO),
    '{"type":"key","key":"a","code":"KeyA","down":"yes"}',
    '{"type":"ack","seq":99999999999}',
    "[" * 60_000,
]


@pytest.mark.parametrize("data", MALFORMED, ids=lambda d: str(d[:24]))
async def test_malformed_message_closes_that_viewer_only(data: str | bytes) -> None:
    source = RecordingSource()
    async with running(source) as stack, viewing(stack) as good, viewing(stack) as bad:
        await good.next_update()
        await bad.next_update()
        await (bad.socket.send_bytes(data) if isinstance(data, bytes) else bad.socket.send_str(data))
        assert await bad.close_code() == 4400
        assert source.injected == []
        await good.send(type="key", key="x", code="KeyX", down=True)
        await good.next_update()


async def test_oversized_message_closes_with_1009() -> None:
    async with running() as stack, viewing(stack) as viewer:
        await viewer.next_update()
        await viewer.socket.send_bytes(b"\x10" * (64 * 1024 + 1))
        assert await viewer.close_code() == 1009


async def test_random_bytes_reach_nobody() -> None:
    random = np.random.default_rng(7)
    source = RecordingSource()
    async with running(source) as stack:
        for size in random.integers(7, 4000, 30).tolist():
            async with viewing(stack) as viewer:
                await viewer.socket.send_bytes(random.bytes(size))
                assert await viewer.close_code() == 4400
    assert source.injected == []


async def test_hello_must_come_first() -> None:
    async with running() as stack, viewing(stack, greet=False) as viewer:
        await viewer.send(type="ping", id=1)
        assert await viewer.close_code() == 4400


async def test_greeting_tells_state_and_cursor_once() -> None:
    async with running() as stack, viewing(stack) as viewer:
        await viewer.next_update()
        await viewer.send(type="key", key="x", code="KeyX", down=True)
        await viewer.next_update()
    kinds = [text["type"] for text in viewer.texts]
    assert kinds == ["welcome", "state", "people", "cursor"]
    assert viewer.texts[0]["name"] == "test"
    assert viewer.texts[1]["state"] == "live"
    assert viewer.texts[2] == {"type": "people", "count": 1}
    assert viewer.texts[3]["png"]


async def updates_until_silence(viewer: RawViewer, ack: bool) -> int:
    """How many updates come until a second passes without one."""
    count = 0
    with contextlib.suppress(TimeoutError):
        while True:
            message = await viewer.socket.receive(timeout=1.0)
            if isinstance(message.data, bytes):
                count += 1
                if ack:
                    await viewer.send(type="ack", seq=int.from_bytes(message.data[6:10], "little"))
    return count


async def test_nothing_is_sent_while_nothing_changes() -> None:
    async with running() as stack, viewing(stack) as viewer:
        assert await updates_until_silence(viewer, ack=True) == 2, "the picture, and its photograph at rest"
        assert await updates_until_silence(viewer, ack=True) == 0


async def test_nothing_more_is_sent_while_the_window_is_full() -> None:
    async with running(DemoSource(Size(1920, 1080), is_still=False)) as stack, viewing(stack) as viewer:
        assert 1 <= await updates_until_silence(viewer, ack=False) <= 4


async def test_ping_is_answered_by_its_id() -> None:
    async with running() as stack, viewing(stack) as viewer:
        await viewer.send(type="ping", id=77)
        assert (await viewer.next_text("pong"))["id"] == 77


async def test_times_come_on_request() -> None:
    async with running() as stack, viewing(stack) as viewer:
        await viewer.next_update()
        await viewer.send(type="statistics", on=True)
        times = await viewer.next_text("times")
        assert times["encode_ms"] > 0
        assert times["ack_ms"] > 0
        assert 0 < times["exact"] <= 1
        await viewer.send(type="key", key="x", code="KeyX", down=True)
        assert (await viewer.next_text("times"))["seq"] > times["seq"]


async def test_held_keys_go_up_when_the_viewer_vanishes() -> None:
    source = RecordingSource()
    async with running(source) as stack:
        async with viewing(stack) as viewer:
            await viewer.send(type="key", key="Shift", code="ShiftLeft", down=True)
            await viewer.socket.send_bytes(b"\x10\x05\x00\x06\x00\x01")
            assert (await source.next_injected()).is_down
            assert (await source.next_injected()).buttons == 1
        released = [await source.next_injected(), await source.next_injected()]
    assert released[0].keysym == 0xFFE1
    assert not released[0].is_down
    assert (released[1].x, released[1].y, released[1].buttons) == (5, 6, 0)


async def test_held_keys_go_up_when_the_viewer_falls_silent() -> None:
    source = RecordingSource()
    async with running(source) as stack, viewing(stack) as viewer:
        await viewer.send(type="key", key="Shift", code="ShiftLeft", down=True)
        assert (await source.next_injected()).is_down
        assert not (await source.next_injected()).is_down
        await viewer.send(type="ping", id=1)
        assert (await viewer.next_text("pong"))["id"] == 1, "the viewer itself stays"


async def test_hidden_page_gets_no_update() -> None:
    async with running() as stack, viewing(stack, greet=False) as viewer:
        await viewer.send(**HELLO, hidden=True)
        await viewer.next_text("cursor")
        with pytest.raises(TimeoutError):
            await viewer.socket.receive(timeout=0.5)
        await viewer.send(type="view", hidden=False)
        await viewer.next_update()


async def test_viewers_of_the_same_need_get_the_same_bytes() -> None:
    async with running() as stack, viewing(stack) as first, viewing(stack) as second:
        seen: list[set[bytes]] = [set(), set()]
        # They come one after the other; from when both have the picture at rest they need the same.
        async with asyncio.timeout(10):
            while not seen[0] & seen[1]:
                await first.send(type="key", key="x", code="KeyX", down=True)
                await first.send(type="key", key="x", code="KeyX", down=False)
                for viewer, updates in zip((first, second), seen, strict=True):
                    updates.add(await viewer.next_update())


async def test_server_that_ends_says_going_away() -> None:
    async with AsyncExitStack() as ending:
        stack = await ending.enter_async_context(running())
        async with viewing(stack) as viewer:
            await viewer.next_update()
            code = asyncio.create_task(viewer.close_code())
            await ending.aclose()
            assert await code == 1001


async def test_viewer_that_resumes_gets_nothing_that_it_has() -> None:
    async with running() as stack:
        async with viewing(stack) as viewer:
            await viewer.next_update()
            welcome = viewer.texts[0]
            assert not welcome["resumed"]
            await updates_until_silence(viewer, ack=True)
            seq = stack.desktop.viewers[0].flow.last_seq
        resume = {"token": welcome["token"], "seq": seq, "images": True}
        async with viewing(stack, greet=False) as back:
            await back.send(**HELLO, resume=resume)
            again = await back.next_text("welcome")
            assert again["resumed"]
            assert again["token"] != welcome["token"]
            assert await updates_until_silence(back, ack=True) == 0
        async with viewing(stack, greet=False) as stranger:
            await stranger.send(**HELLO, resume=resume)
            assert not (await stranger.next_text("welcome"))["resumed"], "a token serves once"
            assert await updates_until_silence(stranger, ack=True) >= 1


async def test_connection_that_was_taken_for_alive_is_closed_and_its_keys_let_go() -> None:
    source = RecordingSource()
    async with running(source) as stack, viewing(stack) as dead, viewing(stack, greet=False) as viewer:
        seq = int.from_bytes((await dead.next_update())[6:10], "little")
        await dead.send(type="key", key="x", code="KeyX", down=True)
        down = await source.next_injected()
        assert isinstance(down, Key)
        assert down.is_down
        await viewer.send(**HELLO, resume={"token": dead.texts[0]["token"], "seq": seq, "images": True})
        assert (await viewer.next_text("welcome"))["resumed"]
        assert await dead.close_code() == 4409
        assert await source.next_injected() == Key(down.keysym, down.code, False)


@pytest.mark.parametrize("seq", [2**32 - 1, 0])
async def test_who_lies_about_what_it_has_harms_nobody(seq: int) -> None:
    async with running() as stack, viewing(stack) as good:
        await good.next_update()
        async with viewing(stack) as liar:
            await liar.next_update(ack=False)
            token = liar.texts[0]["token"]
        async with viewing(stack, greet=False) as liar:
            await liar.send(**HELLO, resume={"token": token, "seq": seq, "images": True})
            await liar.next_text("welcome")
            await good.send(type="key", key="x", code="KeyX", down=True)
            await good.next_update()
            await liar.next_update()
