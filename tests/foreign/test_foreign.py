"""Machines that move, while they run, between this host's QEMU and others: there and back, with all they ever wrote."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import arrived, check_stopped, compare, counted, downtimes, roles, started, top, until_counted
from tests.vm.machines import small
from tests.vm.test_follow import LETTERS, looking, until_typed
from tests.vm.tick import make_image

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.timeout(300),
]


class Foreign(NamedTuple):
    name: str
    qemu: str


@pytest.fixture(params=["windows", "newer"])
def foreign(request: pytest.FixtureRequest) -> Foreign:
    return Foreign(request.param, request.getfixturevalue(request.param))


@contextlib.asynccontextmanager
async def travelling(
    foreign: Foreign, folder: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[tuple[Host, Host]]:
    """A machine that runs on the first host, and the second that is foreign; says how long each move halted it."""
    async with host(folder, "a") as a, host(folder, "b", qemu=foreign.qemu) as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(folder / "image"))
        with downtimes() as took:
            async with started(a, b):
                yield a, b
    with capsys.disabled():
        print(
            f"\n{foreign.name}: halted for {', '.join(f'{seconds:.2f}' for seconds in took)} s, there, back, and again"
        )


async def test_there_and_back(foreign: Foreign, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with travelling(foreign, tmp_path, capsys) as (a, b):
        for source, target in ((a, b), (b, a), (a, b), (b, a)):
            before = await counted(source)
            sent = await source.move("desk", target)
            assert sent
            assert roles(source, target) == ["copy", "owner"]
            assert not source.machine().is_running
            assert await until_counted(target, 8) > before
            await compare(top(source.machine()), arrived(target.machine()))
        await check_stopped(a)


async def test_who_looks_on_and_types_goes_along(
    foreign: Foreign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with travelling(foreign, tmp_path, capsys) as (a, b), looking(a) as onlooker:
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
