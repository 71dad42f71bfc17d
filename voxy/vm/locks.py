"""Locks: files that one process at a time holds, and that are free when it ends, however it ends."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_ASK_AGAIN_S = 0.05

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], is_patient: bool) -> None:
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if not is_patient:
                    raise BlockingIOError from None
            time.sleep(_ASK_AGAIN_S)
else:
    import fcntl

    def _lock(file: IO[bytes], is_patient: bool) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))


@contextmanager
def held(path: Path, is_patient: bool = False) -> Iterator[None]:
    """Hold the file; BlockingIOError where another does, unless one is patient."""
    with path.open("ab") as file:
        _lock(file, is_patient)
        yield
