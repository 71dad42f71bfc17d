"""Layers on the wire: all their bytes, none of their holes, from wherever a line broke; and nothing that isn't one."""

import asyncio
import hashlib
import os
import random
import struct
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxy.errors import MachineError
from voxy.vm import freight
from voxy.vm.freight import pack, unpack
from voxy.vm.sparse import Extent, extents
from voxy.vm.zstandard import zstd

MIB = 1 << 20
PLAIN, ZSTD = 1, 2
HEAD_BYTES, TABLE_BYTES = 17, 4 + 12


def head(kind: int, packed: int, whole: int, length: int) -> bytes:
    return struct.pack(">BIIQ", kind, packed, whole, length)


def load(data: bytes, *runs: tuple[int, int]) -> bytes:
    """What a record says unpacked; one run of all the data where no other is said."""
    runs = runs or ((0, len(data)),)
    return struct.pack(">I", len(runs)) + b"".join(struct.pack(">QI", *run) for run in runs) + data


def plain(load: bytes, length: int) -> bytes:
    return head(PLAIN, len(load), len(load), length) + load


def packed(load: bytes, whole: int, length: int, times: int = 1) -> bytes:
    frames = zstd.compress(load) * times
    return head(ZSTD, len(frames), whole, length) + frames


def make(path: Path, *parts: tuple[str, int], seed: int = 0) -> Path:
    """A file of holes, text and noise."""
    noise = random.Random(seed)
    with path.open("wb") as file:
        for kind, size in parts:
            if kind == "hole":
                file.seek(size, os.SEEK_CUR)
            else:
                file.write(noise.randbytes(size) if kind == "noise" else (b"all work and no play " * size)[:size])
        file.truncate(file.tell())
    return path


def size_of(path: Path) -> int:
    return path.stat().st_size


async def wire_of(path: Path, offset: int = 0) -> bytes:
    return b"".join([record.wire async for record in pack(path, offset, size_of(path))])


async def arrive(wire: bytes, path: Path, offset: int, size: int) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    await unpack(reader, path, offset, size)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_file_arrives_with_its_bytes_and_its_holes(tmp_path: Path) -> None:
    parts = (("hole", 4 * MIB), ("text", 3 * MIB), ("hole", 64 * MIB), ("noise", 2 * MIB), ("hole", 8 * MIB))
    sent = make(tmp_path / "sent", *parts)
    wire = await wire_of(sent)
    assert len(wire) < 2.1 * MIB, "holes and text take next to nothing"
    await arrive(wire, tmp_path / "got", 0, sent.stat().st_size)
    assert digest(tmp_path / "got") == digest(sent)
    assert (tmp_path / "got").stat().st_blocks <= sent.stat().st_blocks + 64


async def test_what_cant_be_compressed_goes_as_it_is(tmp_path: Path) -> None:
    sent = make(tmp_path / "sent", ("noise", 5 * MIB + 7))
    assert len(await wire_of(sent)) == 5 * MIB + 7 + 6 * (HEAD_BYTES + TABLE_BYTES)


async def test_scattered_writes_go_together_and_without_what_is_between(tmp_path: Path) -> None:
    noise, sent = random.Random(0), tmp_path / "sent"
    with sent.open("wb") as file:
        for n in range(2000):
            file.seek(n * 16384)
            file.write(noise.randbytes(4096))
    size = size_of(sent)
    records = [record async for record in pack(sent, 0, size)]
    assert sum(record.data_bytes for record in records) == sum(
        end - start for start, end in await extents(sent, 0, size)
    )
    assert len(records) == 8
    wire = b"".join(record.wire for record in records)
    assert len(wire) < 2000 * 4096 * 1.004
    await arrive(wire, tmp_path / "got", 0, size)
    assert digest(tmp_path / "got") == digest(sent)
    assert (tmp_path / "got").stat().st_blocks <= sent.stat().st_blocks + 64


async def test_pieces_may_be_as_small_as_a_disk_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = make(tmp_path / "sent", ("noise", 3 * MIB + 5))

    async def crumbs(path: Path, offset: int, size: int) -> list[Extent]:
        return [Extent(start, min(start + 512, size)) for start in range(offset, size, 512)]

    monkeypatch.setattr(freight, "extents", crumbs)
    await arrive(await wire_of(sent), tmp_path / "got", 0, size_of(sent))
    assert digest(tmp_path / "got") == digest(sent)


async def test_blocks_of_zeros_take_no_room_where_they_arrive(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(b"".join(b"x" * 4096 + bytes(15 * 4096) for _ in range(256)) + bytes(77))
    await arrive(await wire_of(sent), tmp_path / "got", 0, size_of(sent))
    assert digest(tmp_path / "got") == digest(sent)
    assert (tmp_path / "got").stat().st_blocks <= sent.stat().st_blocks / 8


PIECES = st.lists(
    st.tuples(st.sampled_from(["hole", "text", "noise"]), st.integers(1, 3 * MIB // 2)), min_size=1, max_size=5
)


@settings(deadline=None, max_examples=40)
@given(parts=PIECES, cuts=st.lists(st.floats(0, 1), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_a_line_that_breaks_at_any_byte_is_gone_on_with(
    parts: list[tuple[str, int]], cuts: list[float], seed: int
) -> None:
    async def travel(folder: Path) -> None:
        sent, got = make(folder / "sent", *parts, seed=seed), folder / "got"
        size = sent.stat().st_size
        for cut in cuts:
            offset = got.stat().st_size if got.exists() else 0
            wire = await wire_of(sent, offset)
            part = wire[: int(len(wire) * cut)]
            if part == wire:
                break
            with pytest.raises(MachineError, match="the line broke within a layer"):
                await arrive(part, got, offset, size)
        offset = got.stat().st_size if got.exists() else 0
        await arrive(await wire_of(sent, offset), got, offset, size)
        assert got.stat().st_size == size
        assert digest(got) == digest(sent)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(travel(Path(folder)))


def bomb(size: int, window_log: int) -> bytes:
    """A frame of zeros that says that it needs a window of so many bytes."""
    options = {zstd.CompressionParameter.window_log: window_log, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    piece = bytes(16 * MIB)
    return b"".join([compressor.compress(piece) for _ in range(size // len(piece))]) + compressor.flush()


async def test_a_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    wires = [head(ZSTD, len(data), MIB, MIB) + data for data in (bomb(512 * MIB, 20), bomb(512 * MIB, 27))]
    for wire in wires:
        tracemalloc.start()
        try:
            with pytest.raises(MachineError, match="pieces that can't be read"):
                await arrive(wire, tmp_path / "got", 0, 4 * MIB)
            assert tracemalloc.get_traced_memory()[1] < 8 * MIB
        finally:
            tracemalloc.stop()
        assert (tmp_path / "got").stat().st_size == 0


EMPTY = load(b"", (0, 0))
LYING = {
    "a kind that is none": head(3, 4, 4, 5) + bytes(4),
    "a record too large": plain(load(bytes(2 * MIB)), 4096),
    "four gigabytes to come": head(ZSTD, 0xFFFFFFFF, MIB, 4096),
    "four gigabytes in it": head(ZSTD, 100, 0xFFFFFFFF, 4096) + bytes(100),
    "more than is left": plain(load(bytes(4097)), 4097),
    "a hole larger than the file": plain(EMPTY, 1 << 63),
    "an endless row of empty holes": plain(EMPTY, 0),
    "no number of runs": plain(b"\0\0\1", 4096),
    "more runs than there are": plain(struct.pack(">I", 1 << 31) + bytes(16), 4096),
    "a run behind its record": plain(load(b"abc", (4094, 3)), 4096),
    "a run far behind it": plain(load(b"abc", ((1 << 64) - 3, 3)), 4096),
    "a run of more than is there": plain(load(b"abc", (0, 4)), 4096),
    "bytes of no run": plain(load(b"abc", (0, 2)), 4096),
    "plain, but of another length": head(PLAIN, 4, 8, 8) + bytes(4),
    "less than it says": packed(load(bytes(100)), 4000, 4096),
    "more than it says": packed(load(bytes(4000)), 3000, 4096),
    "two frames": packed(load(bytes(2000)), 2 * len(load(bytes(2000))), 4096, times=2),
    "half a frame": head(ZSTD, 9, 4016, 4096) + zstd.compress(load(bytes(4000)))[:9],
    "no frame": head(ZSTD, 100, 4000, 4096) + bytes(100),
}


@pytest.mark.parametrize("wire", LYING.values(), ids=LYING.keys())
async def test_what_lies_is_refused(wire: bytes, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="a layer arrived in pieces that can't be read"):
        await arrive(wire, tmp_path / "got", 0, 4096)
    assert (tmp_path / "got").stat().st_size == 0


@settings(deadline=None, max_examples=200)
@given(wire=st.binary(max_size=200))
def test_whatever_arrives_ends_in_a_sentence(wire: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(MachineError):
        asyncio.run(arrive(wire, Path(folder) / "got", 0, 1 << 40))


async def test_a_sender_that_says_nothing_any_more_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freight, "SILENCE_S", 0.05)
    reader = asyncio.StreamReader()
    reader.feed_data(head(PLAIN, 100, 100, 100) + b"half")
    with pytest.raises(MachineError, match="nothing came for 0 s within a layer"):
        await unpack(reader, tmp_path / "got", 0, 4096)


async def test_a_full_disk_is_an_error_of_the_disk() -> None:
    with pytest.raises(OSError, match="No space left"):
        await arrive(plain(load(b"abc"), 3), Path("/dev/full"), 0, 3)
