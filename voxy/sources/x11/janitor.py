"""Ends what belongs to a private desktop: all programs that carry its key in their environment, and what they left.

A program can leave its parent, its session and its process group; its environment it keeps. VoXY calls `end`
itself; where it was killed, a shell that noticed runs this file, which therefore needs nothing but Python.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

SERVERS = ("Xvnc", "Xvfb")
KEY = "authority"
"""The file of the desktop's folder that XAUTHORITY names in each of its programs."""

_GRACE_S = 0.7
"""Seconds that programs have to end by themselves before they are killed."""
_KILL_S, _KNOCK_S = 0.3, 0.01
_ROUNDS_MOST = 10
"""Times that it kills, where programs start others faster than they are found."""


def end(folder: Path, number: str) -> None:
    """End the programs of the desktop with this folder, its server last, and leave nothing of display `number`."""
    end_programs(folder)
    end_programs(folder, with_server=True)
    if number:
        _remove_socket(number)
    shutil.rmtree(folder, ignore_errors=True)


def end_programs(folder: Path, with_server: bool = False) -> None:
    """Ask the programs to end; end by force what hasn't in time."""
    _signal_all(folder, with_server, signal.SIGTERM, _GRACE_S)
    for _ in range(_ROUNDS_MOST):
        if not _signal_all(folder, with_server, signal.SIGKILL, _KILL_S):
            return


def _signal_all(folder: Path, with_server: bool, number: int, patience_s: float) -> bool:
    """Send a signal and wait until all have ended, or not any longer; whether there were any."""
    with contextlib.ExitStack() as stack:
        waiting: set[int] = set()
        poll = select.poll()
        for pid in _find(folder, with_server):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                descriptor = os.pidfd_open(pid)
                stack.callback(os.close, descriptor)
                signal.pidfd_send_signal(descriptor, number)
                poll.register(descriptor, select.POLLIN)
                waiting.add(descriptor)
        were_any = bool(waiting)
        until = time.monotonic() + patience_s
        while waiting and (left_s := until - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left_s * 1000):
                poll.unregister(descriptor)
                waiting.discard(descriptor)
        return were_any


def _find(folder: Path, with_server: bool) -> list[int]:
    mark = f"XAUTHORITY={folder / KEY}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end while they are looked at, and those of others can't be.
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                is_server = (process / "comm").read_text().strip() in SERVERS
                if with_server or not is_server:
                    found.append(int(process.name))
    return found


def _remove_socket(number: str) -> None:
    """Remove what a server that was killed leaves, unless another has taken its place."""
    path = Path(f"/tmp/.X11-unix/X{number}")
    until = time.monotonic() + _KILL_S
    # A server that is dying still takes connections when its environment can't be read any more.
    while path.exists() and time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as knocking:
            try:
                knocking.connect(str(path))
                time.sleep(_KNOCK_S)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                Path(f"/tmp/.X{number}-lock").unlink(missing_ok=True)
            except OSError:
                return


if __name__ == "__main__":
    end(Path(sys.argv[1]), sys.argv[2])
