"""Machines that move, while they run, between this host's QEMU and others: there and back, with all they ever wrote."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.vm.hosts import host, introduce
from tests.vm.journeys import arrived, check_stopped, compare, counted, downtimes, roles, started, top, until_counted
from tests.vm.machines import small
from tests.vm.test_follow import LETTERS, looking, until_typed
from tests.vm.tick import make_image

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("foreign", ["windows", "newer"])
async def test_there_and_back(
    foreign: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    qemu = request.getfixturevalue(foreign)
    async with host(tmp_path, "a") as a, host(tmp_path, "b", qemu=qemu) as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        with downtimes() as took:
            async with started(a, b):
                for source, target in ((a, b), (b, a), (a, b), (b, a)):
                    before = await counted(source)
                    sent = await source.move("desk", target)
                    assert sent
                    assert roles(source, target) == ["copy", "owner"]
                    assert not source.machine().is_running
                    assert await until_counted(target, 8) > before
                    await compare(top(source.machine()), arrived(target.machine()))
                await check_stopped(a)
    with capsys.disabled():
        print(f"\n{foreign}: halted for {', '.join(f'{seconds:.2f}' for seconds in took)} s (there, back, there, back)")


@pytest.mark.parametrize("foreign", ["windows", "newer"])
async def test_who_looks_on_and_types_goes_along(
    foreign: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    qemu = request.getfixturevalue(foreign)
    async with host(tmp_path, "a") as a, host(tmp_path, "b", qemu=qemu) as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        with downtimes() as took:
            async with started(a, b), looking(a) as onlooker:
                sent = ""
                for source, target in ((a, b), (b, a), (a, b), (b, a)):
                    moving = asyncio.create_task(source.move("desk", target))
                    while not moving.done():
                        sent += (letter := LETTERS[len(sent) % 26])
                        await onlooker.press(letter)
                        await asyncio.sleep(0.2)
                    assert await moving
                    assert len(sent) <= 160, "the guest shows no more"
                    await onlooker.until_seen(8)
                    await until_typed(target, sent)
                assert onlooker.seen == sorted(onlooker.seen)
    with capsys.disabled():
        halted = ", ".join(f"{seconds:.2f}" for seconds in took)
        print(f"\n{foreign}: looked at and typed into, halted for {halted} s (there, back, there, back)")
