"""What fails amid a move, phase by phase: the guest goes on where it was, and the next try succeeds."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.vm.hosts import Host
from tests.vm.journeys import arrived, check_stopped, compare, counted, roles, started, top, until_counted
from voxy.errors import MachineError
from voxy.vm import flight
from voxy.vm.flight import Flight
from voxy.vm.qmp import Monitor

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]

_SAVES_MOST = 20
_PATIENCE_S = 4.0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
@pytest.mark.parametrize(
    ("command", "is_after"),
    [("blockdev-mirror", True), ("migrate", True), ("block-job-cancel", False), ("migrate-continue", True)],
    ids=["disk", "memory", "halted", "device"],
)
async def test_a_qemu_there_that_fails_is_tried_again(
    number: signal.Signals, command: str, is_after: bool, a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Monitor.execute
    done: list[str] = []

    async def execute(self: Monitor, said: str, arguments: Mapping[str, Any] | None = None, *rest: float | None) -> Any:
        is_it = said == command and not done
        if is_it and not is_after:
            done.append(fail())
        # A QEMU that waits for another that hangs answers nobody.
        answer = await real(self, said, arguments, *((_PATIENCE_S,) if done else rest))
        if is_it and is_after:
            done.append(fail())
        return answer

    def fail() -> str:
        pid = b.machine().run.pid()
        assert pid
        os.kill(pid, number)
        return command

    monkeypatch.setattr(flight, "_HALTED_SILENCE_S", 1.0)
    monkeypatch.setattr(Flight._until, "__defaults__", (1.0,))
    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(Monitor, "execute", execute)
            with pytest.raises(MachineError):
                await a.move("desk", b)
        assert done
        assert a.machine().layers.state.role == "owner"
        before = await counted(a)
        await until_counted(a, 4)
        assert await a.move("desk", b)
        assert roles(a, b) == ["copy", "owner"]
        await compare(top(a.machine()), arrived(b.machine()))
        assert await until_counted(b, 8) > before
        await check_stopped(b)


@pytest.mark.timeout(180)
async def test_a_mover_killed_at_any_line_of_its_journal_is_followed_by_another(a: Host, b: Host) -> None:
    async with started(a, b):
        source, target, times = a, b, 0
        while times < _SAVES_MOST:
            times += 1
            before = await counted(source)
            command = (sys.executable, "-m", "tests.vm.killed", str(source.folder), target.name, str(times))
            status = await (await asyncio.create_subprocess_exec(*command)).wait()
            if status == 0:
                source, target = target, source
                break
            assert status == -signal.SIGKILL
            # The last line says that the machine is gone; whoever is asked for it again says so.
            if source.machine().layers.state.role == "owner":
                await source.move("desk", target)
            assert roles(source, target) == ["copy", "owner"], f"killed after line {times}"
            assert not source.machine().is_running
            await compare(top(source.machine()), arrived(target.machine()))
            assert await until_counted(target, 4) > before
            source, target = target, source
        assert 5 < times < _SAVES_MOST
        await check_stopped(source)
