"""The checksum of a layer: the same however a disk keeps its holes, and another for each other file."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxy.vm.sparse import checksum, extents, runs, with_new_head

BLOCK = 4096
CLUSTER = 16 * BLOCK


async def sum_of(data: bytes, tmp_path: Path) -> str:
    file = tmp_path / "file"
    file.write_bytes(data)
    return str(await checksum(file))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * BLOCK)), max_size=8))
def test_holes_are_the_same_as_zeros(pieces: list[tuple[bool, int]]) -> None:
    with TemporaryDirectory() as folder:
        written, sparse = Path(folder) / "written", Path(folder) / "sparse"
        with written.open("wb") as one, sparse.open("wb") as other:
            for is_hole, size in pieces:
                one.write(bytes(size) if is_hole else b"x" * size)
                if is_hole:
                    other.seek(size, os.SEEK_CUR)
                else:
                    other.write(b"x" * size)
            other.truncate(sum(size for _, size in pieces))
        assert asyncio.run(checksum(written)) == asyncio.run(checksum(sparse))


async def test_each_other_file_has_another(tmp_path: Path) -> None:
    one, two, empty = b"a" * BLOCK, b"b" * BLOCK, bytes(BLOCK)
    behind = bytes(CLUSTER)
    files = [
        behind, behind + b"\0", behind + empty, behind + one, behind + two, behind + one + two, behind + two + one,
        behind + one + empty + two, behind + one + two + empty, behind + empty + one + two, one + behind, two + behind,
        b"", b"\0", empty, empty * 2, one, two, one + two, two + one, one + empty + two, one + two + empty,
        empty + one + two, one + b"a", one + b"\0", one + empty + two + empty, one[:-1] + b"b", b"a", b"a\0",
        one + empty * 256 + two, one + empty * 257 + two,
    ]  # fmt: skip
    assert len({await sum_of(data, tmp_path) for data in files}) == len(files)


@pytest.mark.parametrize("size", [3 << 20, (3 << 20) + 4097])
async def test_any_byte_that_changes_is_noticed(size: int, tmp_path: Path) -> None:
    data = bytearray(size)
    before = await sum_of(data, tmp_path)
    for at in (0, 4095, 4096, CLUSTER - 1, CLUSTER, (1 << 20) - 1, 1 << 20, size - 1):
        data[at] ^= 1
        after = await sum_of(data, tmp_path)
        assert after != before
        before = after


async def test_a_new_head_needs_no_look_at_the_rest(tmp_path: Path) -> None:
    file, body = tmp_path / "file", b"a" * CLUSTER
    for head in (b"the layer below", b"another"):
        file.write_bytes(head.ljust(CLUSTER, b"\0") + body)
        known = await checksum(file)
        file.write_bytes(b"a new one".ljust(CLUSTER, b"\0") + body)
        assert await with_new_head(known, file) == await checksum(file) != known


def test_runs() -> None:
    x, empty = b"x" + bytes(BLOCK - 1), bytes(BLOCK)
    assert [*runs(empty + x + x + empty + x + b"\0")] == [(BLOCK, 3 * BLOCK), (4 * BLOCK, 5 * BLOCK)]
    assert [*runs(empty + b"\0x")] == [(BLOCK, BLOCK + 2)]
    assert [*runs(b"")] == []


async def test_extents_are_what_is_no_hole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as made:
        for at in (0, 1 << 20):
            made.seek(at)
            made.write(b"x" * BLOCK)
        made.truncate(2 << 20)
    assert await extents(file, 0, 2 << 20) == [(0, BLOCK), (1 << 20, (1 << 20) + BLOCK)]
    assert await extents(file, 100, (1 << 20) + 100) == [(100, BLOCK), (1 << 20, (1 << 20) + 100)]
