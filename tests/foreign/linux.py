"""A guest with a real Linux: Debian's kernel, busybox, and a loop that writes the disk and says so on the screen.

Write n fills a block with n and the uptime then, is on the disk, and only then is on the screen.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.vm.packages import Missing, kernel
from voxy.vm.engine import Guest

DISK_BYTES = 128 << 20
_BOOT_BYTES = 64 << 20
"""A FAT file system that boots; what the guest writes is beyond it."""

_BLOCK_BYTES, _SPAN = 4096, 64
_FIRST_BLOCK = 96 << 8
_TEXT_BYTES = 32 << 10
"""All that the card has for text: Linux scrolls by showing another part of it."""
_TEXT_AT = 0xB8000
_MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")
_NEEDED = {"syslinux": "syslinux", "mcopy": "mtools", "cpio": "cpio", "busybox": "busybox-static"}

_INIT = f"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t devtmpfs none /dev
for module in {" ".join(_MODULES)}; do /bin/busybox insmod /$module.ko; done
n=0
while :; do
  n=$((n + 1))
  read up rest < /proc/uptime
  printf 'write %s at %s;' $n $up | /bin/busybox dd of=/dev/vda bs={_BLOCK_BYTES} count=1 \\
    seek=$(({_FIRST_BLOCK} + n % {_SPAN})) conv=sync,notrunc,fsync 2>/dev/null && echo "write $n at $up;"
done
"""
_SYSLINUX = "DEFAULT linux\nLABEL linux\nKERNEL vmlinuz\nINITRD initrd\nAPPEND quiet nomodeset\n"
_SAID = re.compile(rb"write (\d+) at ([\d.]+);")


def make_linux(image: Path) -> Path:
    """A disk that boots; Missing says what it lacks."""
    for program, package in _NEEDED.items():
        if not shutil.which(program):
            raise Missing(f"there is no {program} (Debian: apt install {package})")
    files = kernel()
    (vmlinuz,) = files.glob("boot/vmlinuz-*")
    with tempfile.TemporaryDirectory() as folder:
        initrd = _make_initrd(Path(folder), files)
        (Path(folder) / "syslinux.cfg").write_text(_SYSLINUX)
        with image.open("wb") as file:
            file.truncate(_BOOT_BYTES)
        at = ("-i", str(image))
        _run("mformat", *at, "-F", "-t", str(_BOOT_BYTES >> 20), "-h", "64", "-s", "32", "::")
        _run("mcopy", *at, str(vmlinuz), "::vmlinuz")
        _run("mcopy", *at, str(initrd), "::initrd")
        _run("mcopy", *at, f"{folder}/syslinux.cfg", "::syslinux.cfg")
        _run("syslinux", "--install", str(image))
    with image.open("r+b") as file:
        file.truncate(DISK_BYTES)
    return image


def _make_initrd(folder: Path, files: Path) -> Path:
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, root / "bin/busybox")
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    for module in _MODULES:
        found = list(files.glob(f"lib/modules/*/kernel/drivers/**/{module}.ko"))
        if not found:
            raise Missing(f"Debian's kernel has no {module}.ko")
        shutil.copy(found[0], root)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    packed = _run("cpio", "-o", "-H", "newc", cwd=root, stdin=names.encode())
    (folder / "initrd").write_bytes(packed)
    return folder / "initrd"


def _run(*command: str, cwd: Path | None = None, stdin: bytes = b"") -> bytes:
    return subprocess.run(command, cwd=cwd, input=stdin, check=True, capture_output=True).stdout


async def progress(guest: Guest) -> tuple[int, float]:
    """The last write that the guest has said is done, and its uptime then; zeros before the first."""
    command = {"command-line": f"xp /{_TEXT_BYTES // 2}hx {_TEXT_AT:#x}"}
    said = await guest.monitor.execute("human-monitor-command", command)
    words = (word for line in said.splitlines() for word in line.split(":")[1].split())
    found = _SAID.findall(bytes(int(word, 16) & 255 for word in words))
    return max(((int(number), float(up)) for number, up in found), default=(0, 0.0))


def check_linux(image: Path, acknowledged: int) -> int:
    """Assert that the disk of a stopped guest has all the writes that it said are done; the last."""
    raw = image.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", str(image), str(raw)], check=True, capture_output=True)
    with raw.open("rb") as file:
        file.seek(_FIRST_BLOCK * _BLOCK_BYTES)
        blocks = [file.read(_BLOCK_BYTES) for _ in range(_SPAN)]
    raw.unlink()
    found = [int(match[1]) if (match := _SAID.match(block)) else 0 for block in blocks]
    last = max(found)
    assert last >= acknowledged, f"the guest has said that {acknowledged} writes are done, its disk has {last}"
    for block, number in enumerate(found):
        newest = next((n for n in range(last, max(last - _SPAN, 0), -1) if n % _SPAN == block), 0)
        assert number == newest, f"block {block} has write {number} instead of {newest}"
    return last
