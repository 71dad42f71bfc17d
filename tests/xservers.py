"""Real X servers for tests, each on a display that is free, listening on no TCP port, ended with its context."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from voxy.blocks import Size

_SIZE = Size(1280, 720)


@dataclass
class XServer:
    """A running X server; `display` is its name, as in `:7`."""

    display: str
    process: subprocess.Popen[bytes]
    modes: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which X clients find this server."""
        return {**os.environ, "DISPLAY": self.display}

    def run(self, *command: str, stdin: Path | None = None) -> str:
        """Run a client to its end, with what it reads in a file; its output."""
        with open(stdin or os.devnull, "rb") as given:
            done = subprocess.run(
                command, env=self.environment, check=True, stdin=given, capture_output=True, timeout=10
            )
        return done.stdout.decode()

    def resize(self, size: Size) -> None:
        """Change the size by RandR; Xvnc only."""
        mode, (width, height) = f"voxy-{size}", size
        if mode not in self.modes:
            self.modes.add(mode)
            self.run("xrandr", "--newmode", mode, *map(str, (0, width, 0, 0, 0, height, 0, 0, 0)))
            self.run("xrandr", "--addmode", "VNC-0", mode)
        # By itself xrandr rounds the millimetres down each time, in the end to 0, which the server refuses.
        self.run("xrandr", "--dpi", "96", "--output", "VNC-0", "--mode", mode)

    def stop(self) -> None:
        """Let it hang, until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would: without a word."""
        self.process.kill()
        self.process.wait(timeout=10)


@contextlib.contextmanager
def xvfb(size: Size = _SIZE, display: str | None = None, depth: int = 24, *options: str) -> Iterator[XServer]:
    """An Xvfb, which can't become larger. `display` names the one to use (to start anew where another one died)."""
    with serving_x("Xvfb", "-screen", "0", f"{size}x{depth}", "-noreset", *options, display=display) as server:
        yield server


@contextlib.contextmanager
def xvnc(size: Size = _SIZE, display: str | None = None, *options: str) -> Iterator[XServer]:
    """TigerVNC's X server: its size changes by RandR."""
    with tempfile.TemporaryDirectory() as folder:
        silent = ("-SecurityTypes", "None", "-rfbunixpath", str(Path(folder) / "rfb"), "-rfbport", "-1")
        with serving_x("Xvnc", "-geometry", str(size), "-depth", "24", *silent, *options, display=display) as server:
            yield server


@contextlib.contextmanager
def client(server: XServer, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """An X client that runs beside the test; its output is `stdout`, and it is ended with its context."""
    with subprocess.Popen(
        command, env=server.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait(timeout=10)


@contextlib.contextmanager
def serving_x(program: str, *options: str, display: str | None) -> Iterator[XServer]:
    """Start an X server and wait until it says, through -displayfd, that it is ready and which display it took."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as ready:
        try:
            process = subprocess.Popen(
                [program, *([display] if display else []), "-displayfd", str(writing), "-nolisten", "tcp", *options],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(writing)
        try:
            number = ready.readline().strip().decode()
            assert number, f"{program} ended before it was ready"
            yield XServer(f":{number}", process)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
