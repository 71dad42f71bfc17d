"""The guest of these tests: a boot sector that writes its disk, from tick.asm (`nasm -f bin tick.asm`).

Write n fills block (n*mult) mod span with n, so the disk that must exist follows from the counter alone: a lost write
is seen, wherever it was lost.
"""

import asyncio
import base64
import re
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxy.vm.engine import Guest

DISK_BYTES = 16 << 20
_SECTOR = 512
_BASE = 2048
_PARAMETERS, _NOISE, _COUNT_ADDRESS = 24, 64, 0x7C30
_FACTOR, _STEP = 0x9E3779B1, 0x85EBCA77
"""Odd and large: what follows from them is noise to who would compress it."""

_CODE = zlib.decompress(
    base64.b85decode(
        "c-s4Ac%bh_--SI4HNXG7wx2K|%s(PB#M9Z^fq{Xc0f-qm7#J9V6bq065<>@!$ea!_pPC)a3}*$lFz#efI4kfaZD9^enl+nAP05$E"
        "#U?e~dKxvYZ%Z<K(-s=kq&cK@9!}$5&*o5*!63kH_&<$*JD*m~!H4W=tJ9d-TxuSDPwTvq_FYY-ChfbKL`_=f1t3SJ1}LXcleV~`"
        "cA-|y;-cDp1+`ruYZ;u+3Kz4d{b#eNc@3frYF<ytVA#Q))-7gGvp<A!CkI2?!9y$^7gYFdxMVW*xA3oi^lpCx(`Kff3Jhr%5AC?k"
        "|LqWCDbogp)sH?jA5Zvqy7XB$pAOJqg~tYc2h@N@GBBhy+qu**lt={xrY-cSG5o)ifd%2%#U3@05v&Z1p0CesVLU6w-}3+87KXE8"
        "TljXf1A_#p-=^mEGXYS5GB5}*3<?ms3INw9i0J"
    )
)


@dataclass(frozen=True)
class Work:
    """What the guest does on each of its 18.2 ticks a second: `rate` writes, and `dirty_pages` of memory changed.

    It writes to `span` blocks of `sectors`, whose beginnings are `stride` sectors apart; what nobody can compress, if
    it is noise, and else the same number over and over.
    """

    rate: int = 4
    mult: int = 1
    span: int = 64
    stride: int = 128
    sectors: int = 8
    dirty_pages: int = 64
    is_noise: bool = False

    @property
    def words(self) -> tuple[int, int]:
        """Word i of write n is n times the first of these and i times the second."""
        return (_FACTOR, _STEP) if self.is_noise else (1, 0)


def make_image(path: Path, rate: int = 4, mult: int = 1, work: Work | None = None) -> Path:
    """A raw disk that boots the guest."""
    does = work or Work(rate, mult)
    parameters = struct.pack(
        "<IIIIHHH", does.span, does.stride, _BASE, does.mult, does.rate, does.sectors, does.dirty_pages
    )
    code = bytearray(_CODE)
    code[_PARAMETERS : _PARAMETERS + len(parameters)] = parameters
    code[_NOISE : _NOISE + 8] = struct.pack("<II", *does.words)
    with path.open("wb") as file:
        file.write(code)
        file.truncate(DISK_BYTES)
    return path


async def count(guest: Guest) -> int:
    """Writes that the guest has seen completed, from its memory."""
    said = await guest.monitor.execute("human-monitor-command", {"command-line": f"xp /1wx {_COUNT_ADDRESS:#x}"})
    (number,) = re.findall(r": 0x([0-9a-f]{8})", said)
    return int(number, 16)


async def wait_count(guest: Guest, at_least: int) -> int:
    """Wait until the guest has written so often."""
    while (number := await count(guest)) < at_least:
        await asyncio.sleep(0.02)
    return number


def check_disk(image: Path, acknowledged: int, mult: int = 1, work: Work | None = None) -> int:
    """Assert that the disk of a stopped guest is the one after some counter, no less than that acknowledged; which."""
    raw = image.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", str(image), str(raw)], check=True, capture_output=True)
    does = work or Work(mult=mult)
    span, size = does.span, does.sectors * _SECTOR
    with raw.open("rb") as file:
        blocks = [
            _writes(file.seek((_BASE + n * does.stride) * _SECTOR) and file.read(size), does) for n in range(span)
        ]
    raw.unlink()
    last = max(writes[0] for writes in blocks)
    assert last >= acknowledged, f"the guest has seen {acknowledged} writes, its disk has {last}"
    for block, writes in enumerate(blocks):
        newest = next((n for n in range(last, max(last - span, 0), -1) if n * does.mult % span == block), 0)
        # The last one may have been on its way, its sectors in this order.
        expected = {newest, newest - span, 0} if newest == last else {newest}
        assert set(writes) <= expected, f"block {block} has {set(writes)} after {last} writes"
    return last


def _writes(data: bytes, work: Work) -> list[int]:
    """By which write each word of a block came there; 0 for what nobody has written."""
    factor, step = work.words
    words = np.frombuffer(data, "<u4")
    each = np.arange(words.size, dtype=np.uint32) * np.uint32(step)
    writes = (words - each) * np.uint32(pow(factor, -1, 1 << 32))
    is_written = words.reshape(-1, _SECTOR // 4).any(axis=1).repeat(_SECTOR // 4)
    return [int(n) for n in np.where(is_written, writes, 0)]
