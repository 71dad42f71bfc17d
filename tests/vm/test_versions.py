"""Another version of QEMU as the other host; make test-foreign has more of them."""

import shutil
from pathlib import Path

import pytest

from tests.vm.hosts import host, introduce
from tests.vm.journeys import arrived, check_stopped, compare, roles, started, top, until_counted
from tests.vm.machines import small
from tests.vm.packages import Missing, newer_qemu
from tests.vm.tick import make_image
from voxy.vm.engine import Qemu

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.timeout(180),
]


async def test_a_machine_goes_to_a_newer_qemu_and_back(tmp_path: Path) -> None:
    try:
        newer = str(newer_qemu())
    except Missing as missing:
        pytest.skip(str(missing))
    assert (await Qemu.find(newer)).version > (await Qemu.find()).version
    async with host(tmp_path, "a") as a, host(tmp_path, "b", qemu=newer) as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        async with started(a, b):
            for source, target in ((a, b), (b, a)):
                assert await source.move("desk", target)
                assert roles(source, target) == ["copy", "owner"]
                await compare(top(source.machine()), arrived(target.machine()))
                await until_counted(target, 8)
            await check_stopped(a)
