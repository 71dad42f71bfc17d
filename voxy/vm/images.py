"""Images: what `qemu-img` does with the files of layers that no QEMU has open."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from voxy.errors import MachineError
from voxy.vm import programs
from voxy.vm.state import sync

_OPTIONS = "extended_l2=on"
"""Tracks what was written in units of 2 KiB instead of 64: a write of 4 KiB costs little more, here and on the way."""

_LEAKS = 3
"""Exit status of a check that has found nothing but space that is not used."""


async def create_empty(path: Path, size: int) -> None:
    """A layer with nothing below it."""
    await _run("create", "-q", "-f", "qcow2", "-o", _OPTIONS, str(path), str(size))


async def create_overlay(path: Path, backing: str, size: int) -> None:
    """An empty layer over the file `backing` of the same folder, which need not be whole yet."""
    await _run("create", "-q", "-f", "qcow2", "-o", _OPTIONS, "-b", backing, "-F", "qcow2", "-u", str(path), str(size))
    sync(path)
    sync(path.parent)


async def convert(image: Path, path: Path, size: int) -> None:
    """A layer with all that an image has, whatever its format and what it is based on; grown to `size`."""
    await _run("convert", "-q", "-O", "qcow2", "-o", _OPTIONS, str(image), str(path))
    await _run("resize", "-q", "-f", "qcow2", str(path), str(size))


async def virtual_bytes(image: Path) -> int:
    """The size of the disk in an image; MachineError where it is none."""
    if not await asyncio.to_thread(image.is_file):
        raise MachineError(f"There is no image {image}.")
    return int((await info(image))["virtual-size"])


def used_bytes(path: Path) -> int:
    """What a file takes of the host's disk; where that isn't known, as on Windows, how long it is."""
    if sys.platform == "win32":
        return path.stat().st_size
    return path.stat().st_blocks * 512


async def info(path: Path, layer: bool = False) -> dict[str, Any]:
    """What an image says of itself; MachineError where it can't be read."""
    # Whoever asks while a guest runs must not be refused for QEMU's lock.
    kind = ("-f", "qcow2") if layer else ()
    said: dict[str, Any] = msgspec.json.decode(await _run("info", "-U", *kind, "--output=json", str(path)))
    return said


async def backing_of(path: Path) -> str:
    """The file that a layer's header names as the one below, or nothing."""
    return str((await info(path, layer=True)).get("backing-filename", ""))


async def check_layer(path: Path, has_below: bool) -> None:
    """MachineError where a layer from elsewhere would have QEMU open other files of this host."""
    said = await info(path, layer=True)
    data = said.get("format-specific", {}).get("data", {})
    if "data-file" in data or (not has_below and "backing-filename" in said):
        raise MachineError("a layer names a file of its host: it was not taken")


async def commit(top: Path, into: Path) -> None:
    """Write all that `top` and the layers between have into `into`; they are unchanged. Can be repeated."""
    await _run("commit", "-q", "-d", "-f", "qcow2", "-b", into.name, str(top), cwd=top.parent)


async def set_backing(path: Path, backing: str) -> None:
    """Have a layer's header name another file as the one below; nothing else of it changes."""
    await _run("rebase", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", "qcow2", str(path))


async def check(path: Path) -> str:
    """What is wrong with a layer, or nothing. Space that is not used, as kill -9 leaves it, is not wrong."""
    try:
        await _run("check", "-q", "-f", "qcow2", str(path), allowed=_LEAKS)
    except MachineError as error:
        return str(error)
    return ""


async def mend(path: Path) -> None:
    """Free the space in a layer that nothing uses."""
    await _run("check", "-q", "-f", "qcow2", "-r", "leaks", str(path))


async def _run(*arguments: str, cwd: Path | None = None, allowed: int = 0) -> bytes:
    program = programs.find(programs.IMAGE)
    if program is None:
        raise MachineError("There is no qemu-img on this host: install it (Debian: apt install qemu-utils).")
    process = await asyncio.create_subprocess_exec(
        *(program, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )
    try:
        out, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode in (0, allowed):
        return out
    reason = " ".join((complaint or out).decode(errors="replace").replace(f"{programs.IMAGE}: ", "").split())
    if "No space left" in reason:
        raise MachineError(
            f"The disk of this host is full: make room and try again (qemu-img {arguments[0]}: {reason})."
        )
    raise MachineError(f"qemu-img {arguments[0]} failed: {reason or process.returncode}.")
