"""Guests that write faster than the line carries: they arrive nevertheless, and are as fast as before afterwards."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import counted, roles, started, top, until_counted
from tests.vm.line import line
from tests.vm.machines import small
from tests.vm.tick import Work, check_disk, make_image
from voxy.errors import MachineError
from voxy.vm import brake, move
from voxy.vm.brake import Brake
from voxy.vm.engine import Guest
from voxy.vm.progress import Progress

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]

BUSY_DISK = Work(rate=16, span=128, stride=64, sectors=64, is_noise=True)
"""4 MiB of disk, written anew each second."""

BUSY_MEMORY = Work(rate=1, dirty_pages=112, is_noise=True)
"""448 KiB of memory, changed 18 times a second."""

HALTED_MOST_S = 10.0
"""What no test of this machine should need; what it needed is printed."""


@contextlib.asynccontextmanager
async def hosts(folder: Path, work: Work) -> AsyncIterator[tuple[Host, Host]]:
    """A machine that does this work on the first, and noise on the rest of its disk."""
    image = make_image(folder / "image", work=work)
    with image.open("r+b") as file:
        file.seek(10 << 20)
        file.write(os.urandom(4 << 20))
    async with host(folder, "a") as a, host(folder, "b") as b:
        await a.store.create("desk", small(), image)
        await introduce(a, b)
        yield a, b


async def limits(on: Host) -> set[int]:
    """How much its guest may write in a second, by QEMU's word."""
    async with await Guest.attach("desk", on.store.run_folder("desk")) as guest:
        disks = await guest.monitor.execute("query-block")
    return {disk["inserted"][key] for disk in disks if "inserted" in disk for key in ("bps_wr", "iops_wr")}


async def check(on: Host, work: Work) -> None:
    seen = await counted(on)
    assert on.store.run_folder("desk").kill()
    check_disk(top(on.machine()), seen, work=work)


async def test_a_guest_that_writes_its_disk_too_fast_is_slowed_down_and_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "_LITTLE_BYTES", 1 << 20)
    monkeypatch.setattr(move, "_LITTLE_S", 0.1)
    monkeypatch.setattr(brake, "_JUDGE_S", 1.0)
    notes: list[str] = []
    async with hosts(tmp_path, BUSY_DISK) as (a, b), started(a, b), line(a, b, bytes_per_s=1e6):
        await until_counted(a, 300)
        sent = await a.move("desk", b, Progress(note=notes.append))
        assert sent
        print(f"{notes}; {sent}")
        assert roles(a, b) == ["copy", "owner"]
        assert any("meanwhile: sending that too." in note for note in notes)
        assert any("desk writes faster than the line carries: it may write" in note for note in notes)
        assert 0 < sent.halted_s < HALTED_MOST_S
        assert await limits(b) == {0}
        await until_counted(b, 100)
        await check(b, BUSY_DISK)


async def test_a_guest_that_changes_its_memory_too_fast_is_slowed_down_and_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(brake.PARAMETERS, "cpu-throttle-initial", 90)
    monkeypatch.setattr(brake, "_JUDGE_S", 0.5)
    notes: list[str] = []
    async with hosts(tmp_path, BUSY_MEMORY) as (a, b), started(a, b):
        await a.sync("desk", b)
        for _ in range(3):
            async with line(a, b, bytes_per_s=5e5):
                sent = await a.move("desk", b, Progress(note=notes.append))
            assert sent
            print(f"{notes}; {sent}")
            if notes:
                break
            # Its memory had just been sent, all of it, when it was looked at before its next tick.
            assert await b.move("desk", a)
        else:
            pytest.skip("QEMU halted the guest each time before it had to be slowed down")
        assert roles(a, b) == ["copy", "owner"]
        assert "desk changes its memory faster than the line carries: its CPU is slowed down." in notes
        assert 0 < sent.halted_s < HALTED_MOST_S
        await until_counted(b, 20)
        await check(b, BUSY_MEMORY)


async def test_a_guest_whose_move_failed_is_as_fast_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brake, "_JUDGE_S", 1.0)
    async with hosts(tmp_path, BUSY_DISK) as (a, b), started(a, b):
        await a.sync("desk", b)
        while_slow: list[set[int]] = []
        async with line(a, b, bytes_per_s=1e6) as slow:
            real = Brake._slow_disk

            async def slow_then_cut(self: Brake, *arguments: Any) -> None:
                await real(self, *arguments)
                disks = await self._guest.monitor.execute("query-block")
                while_slow.append({disk["inserted"]["bps_wr"] for disk in disks if "inserted" in disk})
                slow.cut()

            monkeypatch.setattr(Brake, "_slow_disk", slow_then_cut)
            with pytest.raises(MachineError):
                await a.move("desk", b)
        assert 64 << 10 <= max(while_slow[0]) < 1e6
        assert roles(a, b) == ["owner", "copy"]
        assert await limits(a) == {0}
        await until_counted(a, 100)
        await check(a, BUSY_DISK)


class Told:
    """A QEMU that takes all it is told, and the name of its guest."""

    name = "desk"

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.monitor = self

    async def execute(self, command: str, arguments: Any = None) -> Any:
        self.said.append((command, arguments))
        return [{"qdev": "disk0", "inserted": {}}, {"qdev": "cd0"}] if command == "query-block" else {}

    @property
    def limits(self) -> list[int]:
        return [said["bps_wr"] for command, said in self.said if command == "block_set_io_throttle"]


async def test_who_catches_up_by_himself_is_let_be() -> None:
    told, notes = Told(), []
    braked = Brake(told, notes.append)  # type: ignore[arg-type]
    braked.mirrored()
    for second in range(60):
        await braked.watch_disk(second * 10_000_000, max(200_000_000 - second * 8_000_000, 100_000), float(second))
    assert told.said == notes == []


async def test_who_doesnt_is_slowed_down_more_and_more_but_never_stopped() -> None:
    told, notes = Told(), []
    braked = Brake(told, notes.append)  # type: ignore[arg-type]
    for second in range(120):
        await braked.watch_disk(second * 1_000_000, 50_000_000, float(second))
    assert told.limits == [500_000, 250_000, 125_000, 65536]
    assert len(notes) == 4


async def test_who_writes_little_but_always_is_slowed_down_until_nothing_is_left_for_once() -> None:
    told, notes = Told(), []
    braked = Brake(told, notes.append)  # type: ignore[arg-type]
    for second in range(8):
        await braked.watch_disk(second * 1_000_000, 100_000, float(second))
    assert told.limits == [500_000, 250_000]
    braked.mirrored()
    for second in range(8, 30):
        await braked.watch_disk(second * 1_000_000, 100_000, float(second))
    assert told.limits == [500_000, 250_000]


async def test_memory_that_never_settles_ends_the_move_in_a_sentence() -> None:
    told, notes = Told(), []
    braked = Brake(told, notes.append)  # type: ignore[arg-type]
    await braked.let_halt(True)
    await braked.clear(True)
    for second in range(40):
        await braked.watch_memory(90, float(second))
    with pytest.raises(MachineError, match="changes its memory faster than the line carries, slowed down as it is"):
        await braked.watch_memory(90, 300.0)
    allowed = [said["downtime-limit"] for command, said in told.said if command == "migrate-set-parameters"]
    assert allowed == [0, 150, 300, 600, 1200, 2400, 4800]
    assert notes[-1] == "That isn't enough: desk may be halted for 4.8 s."
