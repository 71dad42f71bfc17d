"""Audit: who did what, where and from where, and what was decided, as one line of JSON each."""

import contextlib
import json
import logging
import os
from collections import OrderedDict
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from voxy.access.guesses import place_of
from voxy.errors import ConfigError

logger = logging.getLogger(__name__)

_MOST_BYTES, _FILES_KEPT = 10 << 20, 5
_MOST_CHARACTERS = 200
"""Of one value: what others choose, such as the note of an invitation, fills no file."""

_MINUTE_S, _MOST_REFUSED, _MOST_ALLOWED, _KINDS_KEPT = 60.0, 1, 20, 4096
"""Lines of a kind that are written in a minute; a flood would push out what is worth reading."""


class Audit:
    """Writes to a file, which only its owner can read and which is rotated; nowhere without one. Never any secret.

    All times are seconds since 1970. ConfigError for a file that can't be written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._writer = _open(file) if file else None
        self._kinds: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def note(
        self, now: float, *, who: str, what: str, desktop: str, address: str, decision: str, viewer: int = 0
    ) -> None:
        """Write what happened; of many of a kind the first, and with the next one how many were left out."""
        if self._writer is None:
            return
        left_out = self._count((who, what, place_of(address), decision, viewer), decision, now)
        if left_out is None:
            return
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        values = {"who": who, "what": what, "desktop": desktop, "address": address, "decision": decision}
        numbers = {"viewer": viewer, "left_out": left_out}
        shown = {name: text[:_MOST_CHARACTERS] for name, text in values.items()}
        line = json.dumps({"at": at} | shown | {name: number for name, number in numbers.items() if number})
        # JSON escapes all other control characters by itself.
        self._writer.emit(logging.makeLogRecord({"msg": line.replace("\x7f", "\\u007f")}))

    def _count(self, kind: tuple[object, ...], decision: str, now: float) -> int | None:
        """How many of a kind were left out before this one; None if it is left out too."""
        most = _MOST_REFUSED if decision.startswith("refused") else _MOST_ALLOWED
        began, count = self._kinds.get(kind, (now, 0))
        is_over = not 0 <= now - began < _MINUTE_S
        self._kinds[kind] = (now, 1) if is_over else (began, count + 1)
        self._kinds.move_to_end(kind)
        if len(self._kinds) > _KINDS_KEPT:
            self._kinds.popitem(last=False)
        return max(0, count - most) if is_over else 0 if count < most else None

    def close(self) -> None:
        # What a full disk didn't take is lost; that was said.
        with contextlib.suppress(OSError):
            if self._writer:
                self._writer.close()


def _open(file: Path) -> "_Writer":
    try:
        return _Writer(file, maxBytes=_MOST_BYTES, backupCount=_FILES_KEPT, encoding="ascii")
    except OSError as error:
        raise ConfigError(f"The audit can't be written to {file} ({error.strerror}): choose another file.") from None


class _Writer(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        """A new file, as each one after a rotation is, is its owner's alone."""
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk stops nobody's work."""
        logger.error("! The audit can't be written to %s: make room, or choose another file.", self.baseFilename)
