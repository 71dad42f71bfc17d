"""Two hosts that know each other; the machine `desk` lives on the first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.machines import small
from tests.vm.tick import make_image


@pytest.fixture
async def a(tmp_path: Path) -> AsyncIterator[Host]:
    async with host(tmp_path, "a") as made:
        await made.store.create("desk", small(), make_image(tmp_path / "image"))
        yield made


@pytest.fixture
async def b(tmp_path: Path, a: Host) -> AsyncIterator[Host]:
    async with host(tmp_path, "b") as made:
        await introduce(a, made)
        yield made
