"""A few moves between real agents amid which things are killed; `make chaos-vm` does as many as one likes."""

import shutil

import pytest

from tests.vm.chaos import run

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
    pytest.mark.timeout(240),
]


async def test_whatever_is_killed_amid_a_move_no_write_is_lost() -> None:
    outcomes = await run(moves=5, seed=5)
    assert sum(outcomes.values()) == 5
