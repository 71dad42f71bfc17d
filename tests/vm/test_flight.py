"""Machines that move while they run: at no moment on both hosts, and with all that they ever wrote."""

import shutil
from pathlib import Path

import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import arrived, check_stopped, compare, counted, roles, started, top, until_counted
from tests.vm.tick import check_disk, count
from voxy.errors import GuestLost, MachineError
from voxy.vm import move
from voxy.vm.arrival import Commit
from voxy.vm.engine import Qemu
from voxy.vm.flight import Flight
from voxy.vm.peer import PeerClient, PeerGone
from voxy.vm.qmp import Event
from voxy.vm.state import State

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]


async def test_a_running_machine_goes_there_and_back_and_goes_on_counting(a: Host, b: Host) -> None:
    async with started(a, b):
        before = await counted(a)
        for source, target in ((a, b), (b, a), (a, b)):
            assert await source.move("desk", target)
            assert roles(source, target) == ["copy", "owner"]
            assert not source.machine().is_running
            await compare(top(source.machine()), arrived(target.machine()))
            after = await until_counted(target, 8)
            assert after > before
            before = after
            for each in (source, target):
                assert await each.machine().layers.verify(is_running=each.machine().is_running) == []
        await check_stopped(b)


async def test_both_hosts_have_the_same_disk_at_the_switchover(a: Host, b: Host, tmp_path: Path) -> None:
    async with started(a, b):
        await a.move("desk", b)
        await compare(top(a.machine()), arrived(b.machine()))
        assert a.machine().layers.state.tip == b.machine().layers.state.tip


async def test_of_three_hosts_one_is_left_behind_and_catches_up(a: Host, b: Host, tmp_path: Path) -> None:
    async with host(tmp_path, "c") as c:
        await introduce(a, b, c)
        async with started(a, b, c):
            for source, target in ((a, b), (b, c), (c, b), (b, c), (c, a), (a, b)):
                assert await source.move("desk", target)
                await compare(top(source.machine()), arrived(target.machine()))
                await until_counted(target, 8)
            assert roles(a, b, c) == ["copy", "owner", "copy"]
            await check_stopped(b)


@pytest.mark.parametrize("is_before", [True, False])
async def test_without_an_answer_to_the_commit_it_runs_on_one_host_after_asking(
    is_before: bool, a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PeerClient.commit

    async def cut(self: PeerClient, commit: Commit) -> None:
        if not is_before:
            await real(self, commit)
        raise PeerGone("b doesn't answer.")

    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(PeerClient, "commit", cut)
            with pytest.raises(PeerGone, match="voxy vm move desk b asks again"):
                await a.move("desk", b)
        halted = await counted(a)
        assert await a.move("desk", b) is None
        assert roles(a, b) == ["copy", "owner"]
        assert not a.machine().is_running
        assert await until_counted(b, 8) > halted
        await check_stopped(b)


async def test_when_the_other_agent_is_gone_before_the_commit_the_guest_goes_on_here_after_asking(
    a: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(self: PeerClient, commit: Commit) -> None:
        raise PeerGone("b doesn't answer.")

    async with host(tmp_path, "b") as b:
        await introduce(a, b)
        async with started(a, b):
            with monkeypatch.context() as patched:
                patched.setattr(PeerClient, "commit", cut)
                with pytest.raises(PeerGone):
                    await a.move("desk", b)
            # The QEMU that has arrived there is killed, and with it what it alone had.
            b.store.run_folder("desk").kill()
            sent = await a.move("desk", b)
            assert sent, "the first was taken back, and the machine moved anew"
            assert await until_counted(b, 8) > 8
            await check_stopped(b)


@pytest.mark.parametrize("step", ["prepare", "tunnel", "mirror", "memory"])
async def test_a_qemu_there_that_is_killed_leaves_the_guest_running_here(
    step: str, a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object) -> None:
        b.store.run_folder("desk").kill()

    if step in ("prepare", "tunnel"):
        real = getattr(PeerClient, step)

        async def broken(self: PeerClient, *arguments: object) -> object:
            if step == "tunnel":
                kill()
            result = await real(self, *arguments)
            kill()
            return result

        target, name = PeerClient, step
    else:
        name = "_mirror" if step == "mirror" else "_memory_sent"
        target = Flight
        if step == "mirror":
            real = Flight._mirror

            async def broken(self: Flight, *arguments: object) -> object:
                result = await real(self, *arguments)
                kill()
                return result
        else:
            name, real = "_until", Flight._until

            async def broken(self: Flight, *arguments: object) -> object:
                result = await real(self, *arguments)
                if getattr(result, "name", "") == "MIGRATION":
                    kill()
                return result

    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(target, name, broken)
            with pytest.raises(MachineError):
                await a.move("desk", b)
        # It runs on, on this host alone, and the next try succeeds.
        assert a.machine().layers.state.role == "owner"
        await until_counted(a, 8)
        assert await a.move("desk", b)
        assert roles(a, b) == ["copy", "owner"]
        await until_counted(b, 8)
        await check_stopped(b)


async def test_a_guest_that_is_killed_here_while_it_moves_starts_again_here(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Flight._mirror
    seen: list[int] = []

    async def broken(self: Flight, disk: Path) -> None:
        await real(self, disk)
        seen.append(await count(self._guest))
        a.store.run_folder("desk").kill()

    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(Flight, "_mirror", broken)
            with pytest.raises(GuestLost):
                await a.move("desk", b)
        assert roles(a, b) == ["owner", "copy"]
        assert not b.machine().is_running
        check_disk(top(a.machine()), seen[0])
        assert await a.move("desk", b)
        check_disk(b.machine().layers.folder / b.machine().layers.state.frozen[-1].file, seen[0])


async def test_a_guest_whose_mover_was_killed_at_the_worst_moment_goes_on_when_looked_at(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Flight._until
    left: list[State] = []

    async def cut(self: Flight, *arguments: object) -> Event:
        event = await real(self, *arguments)  # type: ignore[arg-type]
        if event.data.get("status") == "pre-switchover":
            left.append(a.machine().layers.state)
            raise MachineError("killed")
        return event

    async def nothing(*_: object) -> None:
        pass

    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(Flight, "_until", cut)
            patched.setattr(move, "take_back", nothing)
            patched.setattr(PeerClient, "abort", nothing)
            with pytest.raises(MachineError, match="killed"):
                await a.move("desk", b)
        machine = a.machine()
        machine.layers.save(move=left[0].move)
        with machine.lock(), pytest.raises(MachineError, match="runs already"):
            await machine.start(await Qemu.find())
        assert a.machine().layers.state.move is None
        await until_counted(a, 8)
        assert await a.move("desk", b)
        await until_counted(b, 8)
        await check_stopped(b)
