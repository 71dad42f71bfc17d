"""A guest with a real Linux moves there and back while it runs: its uptime goes on, and its disk has all its writes."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from tests.foreign.linux import DISK_BYTES, check_linux, make_linux, progress
from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import downtimes, roles, top
from tests.vm.packages import Missing
from voxy.vm.engine import Guest, Qemu
from voxy.vm.spec import Spec

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.timeout(400),
]
_BOOT_S = 120.0


async def until_written(on: Host, more: int) -> tuple[int, float]:
    async with await Guest.attach("desk", on.machine().run) as guest:
        began, _ = await progress(guest)
        async with asyncio.timeout(_BOOT_S):
            while (now := await progress(guest))[0] < began + more:
                await asyncio.sleep(0.1)
        return now


@pytest.mark.parametrize("foreign", ["newer", "windows"])
async def test_a_linux_guest_goes_there_and_back(
    foreign: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        image = make_linux(tmp_path / "image")
    except Missing as missing:
        pytest.skip(str(missing))
    qemu = request.getfixturevalue(foreign)
    async with host(tmp_path, "a") as a, host(tmp_path, "b", qemu=qemu) as b:
        await introduce(a, b)
        machine = await a.store.create("desk", Spec.new(DISK_BYTES, memory_mib=192), image)
        try:
            with machine.lock():
                await (await machine.start(await Qemu.find())).close()
            began = time.monotonic()
            _, booted = await until_written(a, 8)
            with downtimes() as took:
                for source, target in ((a, b), (b, a)):
                    written, up = await until_written(source, 4)
                    assert await source.move("desk", target)
                    assert roles(source, target) == ["copy", "owner"]
                    now, later = await until_written(target, 8)
                    assert now > written
                    assert up < later, "its uptime goes on"
            async with await Guest.attach("desk", a.machine().run) as guest:
                await guest.monitor.execute("stop")
                written, up = await progress(guest)
                assert check_linux(top(a.machine()), written) >= written
        finally:
            for each in (a, b):
                if each.store.names():
                    each.store.run_folder("desk").kill()
    halted = " and ".join(f"{seconds:.2f}" for seconds in took)
    with capsys.disabled():
        print(f"\n{foreign}: Linux wrote {written} times, first at {booted:.1f} s, and was halted for {halted} s;")
        print(f"it is up for {up:.1f} s, of {time.monotonic() - began:.1f} s")
