"""`voxy vm move` and `sync` as processes that are stopped: wherever that is, the machine runs on one host."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.vm.hosts import Host
from tests.vm.journeys import check_stopped, counted, roles, started, until_counted
from tests.vm.line import Line, line
from tests.vm.test_flight import pytestmark
from voxy.vm.arrival import Arrival, Commit

VOXY = str(Path(sys.executable).parent / "voxy")
BYTES_PER_S = 500e3

__all__ = ["pytestmark"]


class Command:
    """A `voxy vm …` of the host `on` that runs, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []

    async def until(self, beginning: str) -> None:
        """Wait for a line of its progress."""
        assert self._process.stderr
        while data := await self._process.stderr.readline():
            self.said.append(data.decode().strip())
            if self.said[-1].startswith(beginning):
                return
        raise AssertionError(f"it never said {beginning}: {self.said}")

    def stop(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)

    async def end(self) -> tuple[int, str]:
        """Its status, and what it said in the end."""
        out, rest = await self._process.communicate()
        self.said += rest.decode().splitlines()
        assert self._process.returncode is not None
        return self._process.returncode, out.decode().strip() or self.said[-1]


@contextlib.asynccontextmanager
async def command(on: Host, *arguments: str) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        *(VOXY, "vm", *arguments, "--state-dir", str(on.folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
async def slow(a: Host, b: Host) -> AsyncIterator[Line]:
    async with line(a, b, BYTES_PER_S) as made:
        yield made


PHASES = ["Asking", "Sending layers", "Sending what is written", "Sending memory", "Halted"]


@pytest.mark.parametrize("phase", PHASES)
async def test_ctrl_c_leaves_the_machine_where_it_is(phase: str, a: Host, b: Host, slow: Line) -> None:
    async with started(a, b):
        async with command(a, "move", "desk", "b") as moving:
            await moving.until(phase)
            # So that the phase lasts until the signal has arrived.
            slow.hold()
            moving.stop()
            await moving.until("Stopping; desk stays on this host.")
            moving.stop()  # who is impatient changes nothing
            slow.let_go()
            stays = "Stopped: desk stays on this host. What b has got needn't be sent again."
            assert await moving.end() == (130, stays)
        assert roles(a)[0] == "owner"
        assert a.machine().layers.state.move is None
        await until_counted(a, 8)
        slow.bytes_per_s = 1e9
        assert await a.move("desk", b)
        assert roles(a, b) == ["copy", "owner"]
        await until_counted(b, 8)
        await check_stopped(b)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_so_do_other_ways_to_end_it(number: int, a: Host, b: Host, slow: Line) -> None:
    async with started(a, b):
        async with command(a, "move", "desk", "b") as moving:
            await moving.until("Halted")
            slow.hold()
            moving.stop(number)
            await moving.until("Stopping")
            slow.let_go()
            assert (await moving.end())[0] == 130
        assert not b.machine().is_running
        await until_counted(a, 8)
        await check_stopped(a)


async def test_a_sync_that_is_stopped_goes_on_where_it_was(a: Host, b: Host, slow: Line) -> None:
    async with started(a, b):
        async with command(a, "sync", "desk", "b") as syncing:
            await syncing.until("Sending layers")
            slow.hold()
            syncing.stop()
            await syncing.until("Stopping")
            slow.let_go()
            assert (await syncing.end())[0] == 130
        await until_counted(a, 8)
        slow.bytes_per_s = 1e9
        async with command(a, "sync", "desk", "b", "--quiet") as syncing:
            status, said = await syncing.end()
            assert status == 0
            assert said.startswith("b has generation ")
            assert syncing.said == []
        await check_stopped(a)


async def test_ctrl_c_after_the_commit_was_sent_waits_for_the_answer(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_commits(monkeypatch)
    async with started(a, b):
        async with command(a, "move", "desk", "b") as moving:
            await moving.until("Handing over")
            moving.stop()
            await moving.until("b has been told to take desk: waiting for its answer, or Ctrl+C again.")
            go_on.set()
            status, said = await moving.end()
            assert status == 0
            assert said.startswith("desk lives on b now; ")
        assert roles(a, b) == ["copy", "owner"]
        await until_counted(b, 8)
        await check_stopped(b)


async def test_ctrl_c_again_says_how_to_go_on(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = hold_commits(monkeypatch)
    async with started(a, b):
        async with command(a, "move", "desk", "b") as moving:
            await moving.until("Handing over")
            moving.stop()
            await moving.until("b has been told")
            moving.stop()
            status, said = await moving.end()
            assert status == 2
            assert "isn't started here: voxy vm move desk b asks again." in said
        halted = await counted(a)
        go_on.set()
        async with command(a, "move", "desk", "b") as moving:
            assert await moving.end() == (0, "desk lives on b now; it had arrived before.")
        assert roles(a, b) == ["copy", "owner"]
        assert await until_counted(b, 8) > halted
        await check_stopped(b)


def hold_commits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have no agent of this process commit before the event."""
    real, go_on = Arrival.commit, asyncio.Event()

    async def commit(self: Arrival, said: Commit, *others: Any) -> bool:
        await go_on.wait()
        return await real(self, said, *others)

    monkeypatch.setattr(Arrival, "commit", commit)
    return go_on
