"""`make bench-vm`: what a machine's move costs, by the share of its disk that was rewritten.

It asserts nothing: times are of one machine and one hour. Guests run under TCG, both hosts are this machine, and the
line between them is shaped. What is written is random, so that nothing is saved by compressing it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from tests.bench.rewriting import BLOCK_BYTES, rewrite
from tests.bench.shaped import Shaped, shaped_line
from tests.bench.vm_report import MIB, Full, Leg, Speed, downtime_told, draw, table
from tests.foreign.windows import windows_qemu, wine
from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import counted, downtimes, top
from tests.vm.packages import Missing
from tests.vm.tick import DISK_BYTES, Work, count, make_image, wait_count
from voxy.vm import programs
from voxy.vm.engine import Guest, Qemu
from voxy.vm.identity import Identity
from voxy.vm.spec import Spec

_FOLDER = Path("build/bench")
_MEMORY_MIB = 64
_GUEST_BYTES = 8 * MIB
"""Where the guest writes itself; the rest of the disk is rewritten from outside."""

_AT_FULL_SPEED, _SPEED_SPAN, _SPEED_S = 60000, 192, 4.0
_DOWNTIME_MOVES = 10


class Bench:
    """Two hosts with lines between them, and a machine that runs."""

    def __init__(self, hosts: Sequence[Host], lines: Sequence[Shaped], disk_bytes: int, mbit_s: float) -> None:
        self._at, self._to = hosts
        self._lines = dict(zip((each.name for each in hosts), lines, strict=True))
        self._disk_bytes = disk_bytes
        self._mbit_s = mbit_s

    async def first_copy(self, part: float) -> Full:
        """Bring all of the disk to the other host; only the beginning of it over the shaped line, if so wished."""
        line, wanted = self._lines[self._to.name], int(self._disk_bytes * part)
        with line.at(self._mbit_s):
            began, before = time.monotonic(), line.carried.value
            sync = asyncio.create_task(self._at.sync("desk", self._to))
            while not sync.done() and line.carried.value - before < wanted:
                await asyncio.sleep(0.05)
            seconds, sent = time.monotonic() - began, line.carried.value - before
        await sync
        return Full(self._disk_bytes, sent, seconds)

    async def leg(self, share: float, seed: int) -> Leg:
        """Rewrite a share of the disk, start the machine, and move it to the host that has it as it was before."""
        blocks = int(self._disk_bytes * share) // BLOCK_BYTES
        machine, line = self._at.machine(), self._lines[self._to.name]
        if machine.is_running:
            async with await Guest.attach("desk", machine.run) as guest:
                await guest.stop(within_s=0)
        await asyncio.to_thread(rewrite, top(machine), _GUEST_BYTES, self._disk_bytes, blocks, seed)
        await start(self._at)
        with line.at(self._mbit_s):
            began, before = time.monotonic(), line.carried.value
            await self._at.move("desk", self._to)
            seconds = time.monotonic() - began
            await asyncio.sleep(0.1)
            sent = line.carried.value - before
        self._at, self._to = self._to, self._at
        return Leg(share, blocks * BLOCK_BYTES, sent, seconds)


async def start(on: Host) -> None:
    machine = on.machine()
    with machine.lock():
        guest = await machine.start(await Qemu.find(on.qemu))
    async with guest:
        await wait_count(guest, 8)


@contextlib.asynccontextmanager
async def two_hosts(folder: Path, qemu: str = programs.SYSTEM) -> AsyncIterator[tuple[Host, Host]]:
    """Two hosts that know each other; no machine of theirs is left running."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        async with host(folder, "a") as a, host(folder, "b", qemu=qemu) as b:
            try:
                await introduce(a, b)
                yield a, b
            finally:
                for each in (a, b):
                    for name in each.store.names():
                        each.store.run_folder(name).kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def measure_shares(
    folder: Path, disk_bytes: int, shares: Sequence[float], mbit_s: float, part: float
) -> tuple[Full, list[Leg]]:
    """The copy of all, and then a move for each share; the first leg has nothing rewritten."""
    async with two_hosts(folder) as (a, b):
        image = make_image(folder / "image")
        await asyncio.to_thread(_fill, image, disk_bytes)
        await a.store.create("desk", Spec.new(disk_bytes, memory_mib=_MEMORY_MIB), image)
        image.unlink()
        with shaped_line(a.port) as to_a, shaped_line(b.port) as to_b:
            for one, other, line in ((a, b, to_b), (b, a, to_a)):
                _reach_by(one.identity, other, line)
            bench = Bench((a, b), (to_a, to_b), disk_bytes, mbit_s)
            full = await bench.first_copy(part)
            print(f"{full.sent_bytes / MIB:.0f} MiB of a full copy took {full.seconds:.1f} s", flush=True)
            legs = []
            for seed, share in enumerate((0.0, *shares)):
                legs.append(await bench.leg(share, seed))
                print(legs[-1], flush=True)
            return full, legs


def _reach_by(identity: Identity, other: Host, line: Shaped) -> None:
    known = identity.peer(other.name)
    identity.learn(msgspec.structs.replace(known, address=f"127.0.0.1:{line.port.value}"))


def _fill(image: Path, disk_bytes: int) -> None:
    with image.open("r+b") as file:
        file.seek(_GUEST_BYTES)
        for _ in range(_GUEST_BYTES, disk_bytes, MIB):
            file.write(os.urandom(MIB))


async def measure_downtime(folder: Path, qemu: str) -> list[float]:
    """How long the guest is halted, to that QEMU, in moves there and back of which those there count."""
    async with two_hosts(folder, qemu) as (a, b):
        await a.store.create("desk", Spec.new(DISK_BYTES, memory_mib=_MEMORY_MIB), make_image(folder / "image"))
        await start(a)
        with downtimes() as took:
            for number in range(_DOWNTIME_MOVES * 2):
                await (b if number % 2 else a).move("desk", a if number % 2 else b)
                await counted(a if number % 2 else b)
        return took[::2]


async def measure_speed(folder: Path) -> Speed:
    """How fast a guest writes: to blocks that it has, right after a freeze, and again to the same blocks."""
    async with two_hosts(folder) as (a, _):
        image = make_image(folder / "image", work=Work(rate=_AT_FULL_SPEED, span=_SPEED_SPAN))
        machine = await a.store.create("desk", Spec.new(DISK_BYTES, memory_mib=_MEMORY_MIB), image)
        with machine.lock():
            async with await machine.start(await Qemu.find()) as guest:
                await wait_count(guest, 2 * _SPEED_SPAN)
                before = await _writes(guest, _SPEED_S)
                await machine.layers.freeze(guest)
                began, first = time.monotonic(), await count(guest)
                await wait_count(guest, first + _SPEED_SPAN)
                first_pass = _SPEED_SPAN / (time.monotonic() - began)
                return Speed(before, first_pass, await _writes(guest, _SPEED_S))


async def _writes(guest: Guest, seconds: float) -> float:
    began, first = time.monotonic(), await count(guest)
    await asyncio.sleep(seconds)
    last = await count(guest)
    return (last - first) / (time.monotonic() - began)


def _sizes(text: str) -> list[float]:
    return [float(word) / 100 for word in text.split(",") if word]


@click.command()
@click.option("--disk", "disk_mib", default=4096, show_default=True, help="MiB of disk.")
@click.option("--shares", default="0.1,1,10,50", show_default=True, help="Percent of the disk rewritten, by commas.")
@click.option("--line", "mbit_s", default=100.0, show_default=True, help="Mbit/s.")
@click.option("--part", default=1.0, show_default=True, help="Part of the full copy that is measured.")
@click.option("--only", type=click.Choice(["shares", "downtime", "speed"]), help="Measure nothing else.")
def main(disk_mib: int, shares: str, mbit_s: float, part: float, only: str | None) -> None:
    """Measure, print, and draw into build/bench/."""
    folder = (_FOLDER / "vm-hosts").absolute()
    told: list[str] = []
    if only in (None, "speed"):
        told.append(str(asyncio.run(measure_speed(folder))))
    if only in (None, "downtime"):
        told.append(downtime_told("Linux to Linux", asyncio.run(measure_downtime(folder, programs.SYSTEM))))
        try:
            program = windows_qemu()
            with wine():
                told.append(downtime_told("to the Windows build", asyncio.run(measure_downtime(folder, str(program)))))
        except Missing as missing:
            told.append(f"Not measured, to the Windows build: {missing}.")
    if only in (None, "shares"):
        full, legs = asyncio.run(measure_shares(folder, disk_mib * MIB, _sizes(shares), mbit_s, part))
        told.append(table(full, legs, mbit_s))
        draw(full, legs, _FOLDER / "vm.png")
        (_FOLDER / "vm.json").write_text(json.dumps({"full": asdict(full), "legs": [asdict(leg) for leg in legs]}))
    (_FOLDER / "vm.md").write_text("\n\n".join(told) + "\n")
    print("\n\n".join(told))


if __name__ == "__main__":
    main()
