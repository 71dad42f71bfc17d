"""Real VNC servers for tests, each on loopback, ended with its context."""

import contextlib
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pictures import to_pixels
from tests.xservers import XServer, client, serving_x, xvfb
from voxy.blocks import Size
from voxy.screen.framebuffer import Pixels

SIZE = Size(1021, 743)


@dataclass
class VncServer:
    """A VNC server, and the X server whose screen it shows."""

    address: str
    x: XServer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def tigervnc(
    size: Size = SIZE, options: tuple[str, ...] = (), display: str | None = None, port: int = 0
) -> Iterator[VncServer]:
    """Xvnc, at a TCP port."""
    port = port or free_port()
    security = () if "-SecurityTypes" in options else ("-SecurityTypes", "None")
    command = ("Xvnc", "-geometry", str(size), "-depth", "24", "-rfbport", str(port), "-localhost", *security, *options)
    with serving_x(*command, display=display) as x:
        yield VncServer(f"127.0.0.1:{port}", x)


@contextlib.contextmanager
def tigervnc_by_socket(size: Size = SIZE) -> Iterator[VncServer]:
    """Xvnc, at a unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/rfb"
        command = ("Xvnc", "-geometry", str(size), "-depth", "24", "-rfbport", "-1", "-rfbunixpath", path)
        with serving_x(*command, "-SecurityTypes", "None", display=None) as x:
            yield VncServer(f"unix:{path}", x)


@contextlib.contextmanager
def x11vnc(size: Size = SIZE) -> Iterator[VncServer]:
    """x11vnc in front of an Xvfb."""
    with xvfb(size) as x:
        port = free_port()
        options = ("-localhost", "-nopw", "-forever", "-shared", "-noxrecord", "-quiet", "-noipv6")
        with client(x, "x11vnc", "-rfbport", str(port), *options):
            until_listening(port)
            yield VncServer(f"127.0.0.1:{port}", x)


def until_listening(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError(f"nobody listens at {port}")


def until_there(path: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError(f"there is no {path}")


@dataclass
class Machine:
    """A virtual machine with a console, by its address, and a monitor that is asked beside it."""

    address: str
    folder: Path

    def ask(self, command: str) -> str:
        """What the monitor answers."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(5)
            monitor.connect(f"{self.folder}/monitor")
            said = b""
            for line in (None, command):
                if line:
                    said = b""
                    monitor.sendall(f"{line}\n".encode())
                while not said.endswith(b"(qemu) "):
                    said += monitor.recv(1 << 16)
        return said.decode("latin-1")

    def screen(self) -> Pixels:
        """What the machine shows, by QEMU's own word."""
        file = self.folder / "screen.ppm"
        self.ask(f"screendump {file}")
        with Image.open(file) as image:
            return to_pixels(np.asarray(image.convert("RGB")))

    def text(self) -> str:
        """What is written in the memory of its text mode, 80 columns to a line."""
        words = re.findall(r"0x([0-9a-f]{4})\b", self.ask("xp /2000hx 0xb8000"))
        return "".join(chr(int(word, 16) & 255) for word in words)


GREETING = b"VoXY boots\r\n"
_CODE = bytes.fromhex(
    "fa 31c0 8ed8 8ed0 bc007c fb"  # registers and a stack
    "b80300 cd10"  # text mode
    "be407c ac 84c0 7409 b40e bb0700 cd10 ebf2"  # say the greeting, letter by letter
    "b400 cd16 3c09 7409"  # wait for a key; Tab is another matter
    "b40e bb0700 cd10 ebef"  # write it
    "b81200 cd10 ebe8"  # Tab: a graphics mode of another size
)
ECHO = (_CODE.ljust(0x40, b"\0") + GREETING + b"\0").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector that greets, and writes what is typed."""


@contextlib.contextmanager
def qemu(boot_sector: bytes = ECHO, port: int = 0) -> Iterator[Machine]:
    """A machine that boots a sector, with its console at a TCP port, or else at a unix socket."""
    assert len(boot_sector) == 512
    with tempfile.TemporaryDirectory() as folder:
        disk, path = Path(folder) / "disk", f"{folder}/vnc"
        disk.write_bytes(boot_sector + bytes(1 << 20))
        machine = ("-machine", "pc,accel=tcg", "-m", "32", "-vga", "std", "-display", "none", "-nic", "none")
        console = f"127.0.0.1:{port - 5900}" if port else f"unix:{path}"
        outside = ("-name", "desk", "-vnc", console, "-monitor", f"unix:{folder}/monitor,server,nowait")
        command = ("qemu-system-x86_64", *machine, "-drive", f"file={disk},format=raw", *outside)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                if port:
                    until_listening(port)
                else:
                    until_there(Path(path))
                until_there(Path(folder, "monitor"))
                yield Machine(f"127.0.0.1:{port}" if port else f"unix:{path}", Path(folder))
            finally:
                process.kill()
