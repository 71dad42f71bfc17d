"""Report: the progress of a move for who sits before it; one line that changes on a terminal, else one now and then."""

import shutil
import time
from collections.abc import Callable
from typing import TextIO

import click

from voxy.vm.progress import Progress

_TERMINAL_S = 0.2
_PLAIN_S = 10.0
_ERASE = "\r\x1b[K"


class Report:
    """Writes to `stream`, and nothing at all where that is None."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream is not None and stream.isatty()
        self._told_at = -_PLAIN_S
        self._phase = ""

    def tell(self, progress: Progress) -> None:
        """Write how far it is, where that is due."""
        now = self._clock()
        is_due = now - self._told_at >= (_TERMINAL_S if self._is_terminal else _PLAIN_S)
        if self._stream is None or not (is_due or progress.phase != self._phase):
            return
        self._told_at, self._phase = now, progress.phase
        sentence = progress.sentence(now)
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"{_ERASE}{_capital(sentence)[:width]}", self._stream, nl=False)
        else:
            click.echo(f"{_capital(sentence)}.", self._stream)

    def note(self, sentence: str) -> None:
        """Write what stays to be read."""
        if self._stream:
            click.echo(f"{_ERASE if self._is_terminal else ''}{sentence}", self._stream)

    def close(self) -> None:
        """Leave the line to others. Harmless when repeated."""
        if self._stream and self._is_terminal and self._phase:
            click.echo(_ERASE, self._stream, nl=False)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
