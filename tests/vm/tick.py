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

from voxy.vm.engine import Guest

DISK_BYTES = 16 << 20
_SECTOR = 512
_BASE = 2048
_PARAMETERS, _COUNT_ADDRESS = 24, 0x7C30

_CODE = zlib.decompress(
    base64.b85decode(
        "c-s4Ac%bh_--SI4HNXG7Hl8pc%s(PB#M9Z^fq{Xc0f-qm7#J9V6bq0662kx;Vh%Msm>JFrY+>BVpm0{;OWML5mNaWNlbVt*X^Ty2"
        "y7e?_THlt$_@*s1s7Z53>pYynAi!?;KaGDopH|JmhwPuzR;P8|Nc*m)Qj_-GOrj>O^8%0~Q<KKbrcjf%*s6A+R?T9Q+I>c~T_CF%"
        "oX-juv#0%Mv#5Cuq6}(YFUVln!JgJFW>B*~gmEVaL)yVZEFBkA_-(jkGWECcuYUAye*@D_1%|YXhj!fN|8|J6lxc&4T4(D5hSiT="
        "ck}504OMu|*LOe-XdD9rD+8nF>knHP&x-N482;bFa8_&!-)?rG2Z6FSHLsrufP#d9L4aWxfY4O{Q-*RW"
    )
)


@dataclass(frozen=True)
class Work:
    """What the guest does on each of its 18.2 ticks a second: `rate` writes, and `dirty_pages` of memory changed.

    It writes to `span` blocks of `sectors`, whose beginnings are `stride` sectors apart.
    """

    rate: int = 4
    mult: int = 1
    span: int = 64
    stride: int = 128
    sectors: int = 8
    dirty_pages: int = 64


def make_image(path: Path, rate: int = 4, mult: int = 1, work: Work | None = None) -> Path:
    """A raw disk that boots the guest."""
    does = work or Work(rate, mult)
    parameters = struct.pack(
        "<IIIIHHH", does.span, does.stride, _BASE, does.mult, does.rate, does.sectors, does.dirty_pages
    )
    end = _PARAMETERS + len(parameters)
    with path.open("wb") as file:
        file.write(_CODE[:_PARAMETERS] + parameters + _CODE[end:])
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
        blocks = [_block(file.seek((_BASE + n * does.stride) * _SECTOR) and file.read(size)) for n in range(span)]
    raw.unlink()
    last = max(words[0] for words in blocks)
    assert last >= acknowledged, f"the guest has seen {acknowledged} writes, its disk has {last}"
    for block, words in enumerate(blocks):
        newest = next((n for n in range(last, max(last - span, 0), -1) if n * does.mult % span == block), 0)
        # The last one may have been on its way, its sectors in this order.
        expected = {newest, newest - span, 0} if newest == last else {newest}
        assert set(words) <= expected, f"block {block} has {set(words)} after {last} writes"
    return last


def _block(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data)
