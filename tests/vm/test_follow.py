"""Whoever looks at a machine goes along with it: the picture goes on, and what is typed arrives once."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import started
from voxy.blocks import Size
from voxy.errors import MachineError, SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.events import Key
from voxy.sources.base import PlaceChanged, SourceEvent, SourceState, StateChanged
from voxy.sources.vnc import MovingSource
from voxy.vm import move
from voxy.vm.arrival import Commit
from voxy.vm.engine import Guest
from voxy.vm.flight import Flight
from voxy.vm.follow import Follower
from voxy.vm.peer import PeerClient, PeerGone, PeerRefused
from voxy.vm.state import Boundary

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]

CELL_WIDTH, CELL_HEIGHT, CELLS_ROW, CELLS = 9, 16, 4, 32
"""Where the guest shows its counter: a row of cells, white for 1, the highest bit first, and below it the same again.
One row is drawn after the other: a picture in which they differ is of a guest that was drawing them."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Onlooker:
    """One who looks at a machine from a host, and types."""

    source: MovingSource
    told: list[SourceEvent] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    framebuffer: Framebuffer = field(default_factory=lambda: Framebuffer(Size(1, 1)))

    async def look(self) -> None:
        """Note what the counter shows, until the source is lost."""
        while True:
            await self.source.grab(self.framebuffer)
            back = self.framebuffer.back
            if back.shape[0] < 400 or back.shape[1] < 720:
                self.seen.append(-1)
                continue
            counter, again = (_number(back, row) for row in (CELLS_ROW, CELLS_ROW + 1))
            if counter == again:
                self.seen.append(counter)

    async def press(self, letter: str) -> None:
        await self.source.inject(Key(ord(letter), f"Key{letter.upper()}", True))
        await asyncio.sleep(0.01)
        await self.source.inject(Key(ord(letter), f"Key{letter.upper()}", False))

    async def until_seen(self, more: int) -> None:
        target = self.seen[-1] + more
        async with asyncio.timeout(10):
            while self.seen[-1] < target:
                await asyncio.sleep(0.01)

    @property
    def places(self) -> list[tuple[str, str]]:
        return [(event.host, event.to) for event in self.told if isinstance(event, PlaceChanged)]

    @property
    def states(self) -> list[StateChanged]:
        return [event for event in self.told if isinstance(event, StateChanged)]


def _number(screen: Pixels, row: int) -> int:
    cells = screen[row * CELL_HEIGHT + 8, 4 : CELLS * CELL_WIDTH : CELL_WIDTH] & 0xFF > 0x7F
    return int("".join("01"[bool(cell)] for cell in cells), 2)


@contextlib.asynccontextmanager
async def following(on: Host) -> AsyncIterator[Onlooker]:
    """As `voxy serve --vm desk` there has it, with nothing to look at yet."""
    follower = Follower(on.store, "desk", on.folder)
    source = MovingSource(follower.find)
    async with follower.following(source):
        try:
            yield Onlooker(source)
        finally:
            await source.close()


@contextlib.asynccontextmanager
async def looking(on: Host) -> AsyncIterator[Onlooker]:
    """The same, while it is looked at."""
    async with following(on) as onlooker:
        await onlooker.source.open(onlooker.told.append)
        task = asyncio.create_task(onlooker.look())
        try:
            async with asyncio.timeout(10):
                while not onlooker.seen or onlooker.seen[-1] < 1:
                    await asyncio.sleep(0.01)
            yield onlooker
            assert not task.done(), "the picture was lost"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def memory(on: Host, command: str) -> list[int]:
    async with await Guest.attach("desk", on.store.run_folder("desk")) as guest:
        said = await guest.monitor.execute("human-monitor-command", {"command-line": command})
        return [
            int(word, 16) for line in said.splitlines() for word in re.findall(r"0x([0-9a-f]+)", line.split(":")[1])
        ]


async def typed(on: Host) -> str:
    """What the guest has echoed."""
    words = await memory(on, "xp /160hx 0xb8000")
    return "".join(chr(word & 0xFF) for word in words).strip()


async def until_typed(on: Host, wanted: str) -> None:
    said = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while (said := await typed(on)) != wanted:
                await asyncio.sleep(0.05)
    assert said == wanted


async def shift_flag(on: Host) -> int:
    """The BIOS's word on whether a Shift is down: bit 1 the left one."""
    (flags,) = await memory(on, "xp /1bx 0x417")
    return flags & 3


async def test_the_picture_goes_on_over_moves_there_and_back(a: Host, b: Host) -> None:
    async with started(a, b), looking(a) as onlooker:
        for source, target in ((a, b), (b, a), (a, b)):
            before = len(onlooker.seen)
            assert await source.move("desk", target)
            await onlooker.until_seen(20)
            assert len(onlooker.seen) > before
        assert onlooker.seen == sorted(onlooker.seen), f"no older picture, and no other: {onlooker.seen}"
        assert {state.state for state in onlooker.states} <= {SourceState.LIVE}
        here = onlooker.places[0][0]
        assert [place for n, place in enumerate(onlooker.places) if place not in onlooker.places[n - 1 : n]] == [
            *((here, ""), (here, "b"), ("b", ""), ("b", here)),
            *((here, ""), (here, "b"), ("b", "")),
        ]


async def test_what_is_typed_over_the_move_arrives_once_and_in_order(a: Host, b: Host) -> None:
    async with started(a, b), looking(a) as onlooker:
        moved = asyncio.create_task(a.move("desk", b))
        sent = ""
        while not moved.done() or len(sent) < 10:
            sent += (letter := LETTERS[len(sent) % 26])
            await onlooker.press(letter)
            await asyncio.sleep(0.01)
        assert await moved
        for letter in "xyz":
            await onlooker.press(letter)
        await until_typed(b, (sent + "xyz")[-160:])


async def test_keys_typed_in_the_blackout_arrive_once(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PeerClient.commit

    async with started(a, b), looking(a) as onlooker:

        async def slow(self: PeerClient, commit: Commit) -> None:
            for letter in "blackout":
                await onlooker.press(letter)
            await real(self, commit)

        monkeypatch.setattr(PeerClient, "commit", slow)
        await onlooker.press("a")
        assert await a.move("desk", b)
        await onlooker.press("z")
        await until_typed(b, "ablackoutz")


async def test_keys_held_over_the_move_are_held_there_and_released(a: Host, b: Host) -> None:
    shift = Key(0xFFE1, "ShiftLeft", True)
    async with started(a, b), looking(a) as onlooker:
        await onlooker.source.inject(shift)
        await onlooker.source.inject(Key(ord("A"), "KeyA", True))
        assert await a.move("desk", b)
        await onlooker.source.inject(Key(ord("A"), "KeyA", False))
        await until_typed(b, "A")
        assert await shift_flag(b) == 2
        await onlooker.press("B")
        await until_typed(b, "AB")
        await onlooker.source.inject(Key(0xFFE1, "ShiftLeft", False))
        await onlooker.press("c")
        await until_typed(b, "ABc")
        assert await shift_flag(b) == 0


async def test_a_move_that_fails_leaves_the_picture_and_types_what_was_held(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(a, b), looking(a) as onlooker:

        async def refuse(*_: object) -> None:
            for letter in "held":
                await onlooker.press(letter)
            raise PeerRefused("b refused: it has no room.")

        monkeypatch.setattr(PeerClient, "commit", refuse)
        with pytest.raises(PeerRefused):
            await a.move("desk", b)
        await onlooker.until_seen(20)
        await until_typed(a, "held")
        assert onlooker.places[-1] == (onlooker.places[0][0], "")
        assert {state.state for state in onlooker.states} <= {SourceState.LIVE}


async def test_while_it_is_not_known_where_the_machine_lives_that_is_said(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise PeerGone("b doesn't answer.")

    async with started(a, b), looking(a) as onlooker:
        with monkeypatch.context() as patched:
            patched.setattr(PeerClient, "commit", cut)
            with pytest.raises(PeerGone):
                await a.move("desk", b)
        assert onlooker.states[-1].state is SourceState.STALLED
        assert "voxy vm move desk b asks again" in onlooker.states[-1].reason
        assert await a.move("desk", b) is None
        await onlooker.until_seen(20)
        assert onlooker.states[-1] == StateChanged(SourceState.LIVE)
        assert onlooker.places[-1] == ("b", "")


async def test_when_the_mover_dies_the_guest_goes_on_for_who_looks_at_it(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, killed = Flight._until, asyncio.Event()

    async def hang(self: Flight, *arguments: object) -> object:
        event = await real(self, *arguments)  # type: ignore[arg-type]
        if event.data.get("status") == "pre-switchover":
            killed.set()
            await asyncio.sleep(60)
        return event

    async def nothing(*_: object, **__: object) -> None:
        pass

    async with started(a, b), looking(a) as onlooker:
        with monkeypatch.context() as patched:
            # What a kill leaves: nobody is told, and nothing is taken back.
            patched.setattr(Flight, "_until", hang)
            patched.setattr(move, "take_back", nothing)
            patched.setattr(PeerClient, "abort", nothing)
            moving = asyncio.create_task(a.move("desk", b))
            await asyncio.wait_for(killed.wait(), 20)
            await onlooker.press("x")
            patched.setattr("voxy.vm.news.Audience.tell", nothing)
            patched.setattr("voxy.vm.layers.Layers.save", lambda *_, **__: None)
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
        await onlooker.until_seen(20)
        await until_typed(a, "x")
        assert a.machine().layers.state.move is None


async def test_a_copy_shows_the_machine_from_where_it_lives(a: Host, b: Host) -> None:
    async with started(a, b):
        await a.move("desk", b)
        async with looking(a) as onlooker:
            assert onlooker.places == [("b", "")]
            await onlooker.until_seen(20)
            await onlooker.press("q")
            await until_typed(b, "q")


async def test_a_move_between_others_is_gone_along_with(a: Host, b: Host, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(started(a, b))
        c = await stack.enter_async_context(host(tmp_path, "c"))
        stack.callback(lambda: c.store.run_folder("desk").kill())
        await introduce(a, b, c)
        await a.move("desk", b)
        async with looking(a) as onlooker:
            assert await b.move("desk", c)
            await onlooker.until_seen(20)
            assert onlooker.places[-1] == ("c", "")
            await onlooker.press("r")
            await until_typed(c, "r")
            # One that comes now, on the host that it left, finds it there as well.
            async with looking(b) as other:
                assert other.places == [("c", "")]


async def test_what_is_wrong_elsewhere_is_said_and_the_picture_comes_back(a: Host, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        agent = await stack.enter_async_context(contextlib.AsyncExitStack())
        b = await agent.enter_async_context(host(tmp_path, "b"))
        await introduce(a, b)
        await stack.enter_async_context(started(a, b))
        await a.move("desk", b)
        onlooker = await stack.enter_async_context(following(a))
        await onlooker.source.open(onlooker.told.append)
        await onlooker.source.grab(onlooker.framebuffer)
        await agent.aclose()
        with pytest.raises(SourceLost):
            async with asyncio.timeout(5):
                await onlooker.look()
        with pytest.raises(SourceUnavailable, match=r"desk lives on another host. b at .* Start voxy vm agent there"):
            await onlooker.source.open(onlooker.told.append)
        await agent.enter_async_context(host(tmp_path, "b", b.port))
        await onlooker.source.open(onlooker.told.append)
        await onlooker.source.grab(onlooker.framebuffer)
        async with await Guest.attach("desk", b.store.run_folder("desk")) as guest:
            await guest.stop(within_s=0)
        with pytest.raises(SourceUnavailable, match="desk lives on b and doesn't run: start it there"):
            await onlooker.source.open(onlooker.told.append)


async def test_only_who_has_had_the_machine_is_shown_it(a: Host, b: Host, tmp_path: Path) -> None:
    async with started(a), host(tmp_path, "c") as c:
        await introduce(a, c)
        uuid = a.machine().spec.uuid
        async with PeerClient(c.identity, c.identity.peer("a"), uuid) as client:
            for part in ("news", "tunnel/screen"):
                with pytest.raises(PeerRefused):
                    await client.window(part, Boundary(1, "0" * 16))
        async with PeerClient(b.identity, c.identity.peer("a"), uuid) as client:
            line = await client.window("news", a.machine().layers.state.history[-1])
            await line.close()
        # One that is paired no more isn't let in, whatever it knows.
        known = a.identity.peer("b")
        (a.folder / "peers" / f"{known.id}.json").unlink()
        async with PeerClient(b.identity, c.identity.peer("a"), uuid) as client:
            with pytest.raises(MachineError):
                await client.window("news", a.machine().layers.state.history[-1])
