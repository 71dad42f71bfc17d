"""Programs that a measurement starts: each with all its children ended with its context, and what they cost."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

_START_S = 15.0
_END_S = 3.0


class NotStarted(Exception):
    """A program ended, or said nothing for too long, before it was ready."""


class Program:
    """A running program."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log
        self.pid = process.pid

    def wait_for_port(self, port: int) -> None:
        """Wait until it listens on a port of loopback."""
        self._wait(lambda: _is_listening(port))

    def wait_for_word(self, word: str) -> None:
        """Wait until it has printed a line that is just this word."""
        self._wait(lambda: word in self._log.read_text(errors="replace").splitlines())

    def _wait(self, is_ready: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + _START_S
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                lines = self._log.read_text(errors="replace").split("\n")
                last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
                raise NotStarted(f"{Path(self._log).stem} did not start: {last}")
            time.sleep(0.05)


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Program]:
    """Run a program until the context is left; its output goes to the file `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Program(process, log)
    finally:
        family = list(_families([process.pid]))
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.terminate()
        _, stubborn = psutil.wait_procs(family, timeout=_END_S)
        for member in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that these programs and their children have used."""
    return sum(_cpu_s(process.pid) for process in _families(pids))


def pss_mb(pids: Iterable[int]) -> float:
    """Memory of these programs and their children; what is shared counts in parts (PSS)."""
    total = 0
    for process in _families(pids):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def _families(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


def _cpu_s(pid: int) -> float:
    # The process's own clock, by its number as in clock_getcpuclockid(3): /proc counts in steps of 10 ms, which is
    # more than a typed letter costs.
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
