"""Requestor: gets what the owner of the clipboard has, whatever that owner does."""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from Xlib import X, error
from Xlib.protocol import event as core
from Xlib.protocol import request

from voxy.session.clips import HTML, PNG, TEXT, Clip, Mime, clean
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.selection import TARGETS_OF, Atoms, Property, atoms_in, create_window, get_property

logger = logging.getLogger(__name__)

_ANSWER_S = 2.0
"""Seconds that an owner has for each thing asked of it, and for each piece of a long one."""

_FETCH_S = 20.0
"""Seconds for all of it, however busy the owner looks."""

_PIECE_BYTES = 1 << 18
"""Read at a time; input that waits goes between the pieces."""

_TARGETS_BYTES = 4096


@dataclass(slots=True)
class _Conversion:
    """Content that the owner was asked for, as `target`; the list of its targets where `kind` is None."""

    kind: Mime | None
    target: str
    deadline: float
    is_there: bool = False
    """Whether there is something to read."""
    is_incremental: bool = False
    is_done: bool = False
    gathered: bytearray = field(default_factory=bytearray)
    read_bytes: int = 0
    """Of the property that is being read."""


class _Fetch:
    """One fetch, in a window of its own: what an owner says too late is heard by nobody."""

    def __init__(self, connection: Connection, atoms: Atoms, time: int, most_bytes: int, now: float) -> None:
        self._connection = connection
        self._atoms = atoms
        self._time = time
        self._left = most_bytes
        self._end_at = now + _FETCH_S
        self._wanted: deque[tuple[Mime, str]] = deque()
        self._parts: dict[Mime, bytes] = {}
        self._is_too_large = False
        self.window = create_window(connection)
        self._asked = self._ask(None, "TARGETS", now)

    @property
    def due(self) -> float:
        return 0.0 if self._asked.is_there or self._asked.is_done else min(self._asked.deadline, self._end_at)

    def take(self, event: Any) -> None:
        """Take an event of the window."""
        asked = self._asked
        target = self._atoms[asked.target]
        match event:
            case core.SelectionNotify() if event.target == target and not asked.is_incremental:
                asked.is_there = event.property != X.NONE
                asked.is_done = not asked.is_there
                if asked.is_done and not asked.kind:
                    # An owner of old times, which doesn't know TARGETS.
                    self._wanted.append((TEXT, "STRING"))
            case core.PropertyNotify() if event.atom == target and asked.is_incremental:
                asked.is_there = asked.is_there or event.state == X.PropertyNewValue

    def step(self, now: float) -> Clip | None:
        """Go on; what was got, when there is no more to get."""
        asked = self._asked
        if asked.is_there:
            self._read(asked, now)
        elif not asked.is_done and now >= min(asked.deadline, self._end_at):
            logger.debug("x the owner of the clipboard doesn't give %s", asked.target)
            self._wanted.clear()
            asked.is_done = True
        if not asked.is_done:
            return None
        if self._wanted and not self._is_too_large:
            self._asked = self._ask(*self._wanted.popleft(), now)
            return None
        return Clip(self._parts, self._is_too_large)

    def _ask(self, kind: Mime | None, target: str, now: float) -> _Conversion:
        number = self._atoms[target]
        request.ConvertSelection(
            display=self._connection,
            requestor=self.window,
            selection=self._atoms["CLIPBOARD"],
            target=number,
            property=number,
            time=self._time,
        )
        return _Conversion(kind, target, now + _ANSWER_S)

    def _read(self, asked: _Conversion, now: float) -> None:
        """Read one piece of what the owner put into the window's property."""
        most = _PIECE_BYTES if asked.kind else _TARGETS_BYTES
        found = get_property(self._connection, self.window, self._atoms[asked.target], asked.read_bytes, most)
        asked.deadline = now + _ANSWER_S
        if not asked.kind:
            self._choose(found)
            asked.is_done, asked.is_there = True, False
        elif found.kind == self._atoms["INCR"]:
            # Reading has deleted it, which asks for the first piece.
            asked.is_incremental, asked.is_there = True, False
        else:
            self._gather(asked, asked.kind, found)

    def _choose(self, found: Property) -> None:
        """Note what is to be had; an image only where there is no text, which would be a picture of the same."""
        offered = set(atoms_in(found))
        kinds: tuple[Mime, ...] = (TEXT, HTML, PNG)
        for kind in kinds:
            names = [name for name in TARGETS_OF[kind] if self._atoms[name] in offered]
            if names and not (kind == PNG and self._wanted and self._wanted[0][0] == TEXT):
                self._wanted.append((kind, names[0]))

    def _gather(self, asked: _Conversion, kind: Mime, found: Property) -> None:
        if found.after + len(found.data) > self._left or found.format not in (0, 8):
            self._is_too_large = found.format == 8
            asked.is_done, asked.is_there = True, False
            return
        self._left -= len(found.data)
        asked.gathered += found.data
        asked.read_bytes += len(found.data)
        if found.after:
            return
        asked.is_there = False
        asked.read_bytes = 0
        asked.is_done = not asked.is_incremental or not found.data
        if asked.is_done:
            self._keep(kind, bytes(asked.gathered), is_latin=found.kind == self._atoms["STRING"])

    def _keep(self, kind: Mime, data: bytes, is_latin: bool) -> None:
        content = clean(kind, data if kind == PNG else _to_utf8(data, is_latin))
        if content:
            self._parts[kind] = content


class Requestor:
    """One fetch at a time. All calls come from the source's thread, none waits for the owner."""

    def __init__(self, connection: Connection, atoms: Atoms) -> None:
        self._connection = connection
        self._atoms = atoms
        self._fetch: _Fetch | None = None

    def begin(self, time: int, most_bytes: int, now: float) -> None:
        """Start to fetch what has been on the clipboard since the X server's `time`; forget an earlier fetch."""
        self._end()
        self._fetch = _Fetch(self._connection, self._atoms, time, most_bytes, now)

    @property
    def due(self) -> float | None:
        """When `step` has to be called next; 0 for at once."""
        return self._fetch.due if self._fetch else None

    def take(self, event: Any) -> None:
        """Take an event of a window's property, or the owner's answer."""
        window = event.window if isinstance(event, core.PropertyNotify) else event.requestor
        if self._fetch and window == self._fetch.window:
            self._fetch.take(event)

    def step(self, now: float) -> Clip | None:
        """Go on; what was got, when there is no more to get."""
        if not self._fetch:
            return None
        try:
            clip = self._fetch.step(now)
        except error.XError as failure:
            logger.debug("! clipboard: %s", failure)
            clip = Clip({})
        if clip:
            self._end()
        return clip

    def _end(self) -> None:
        if self._fetch:
            request.DestroyWindow(display=self._connection, window=self._fetch.window)
            self._connection.free_resource_id(self._fetch.window)
        self._fetch = None


def _to_utf8(data: bytes, is_latin: bool) -> bytes:
    """Text as programs give it: UTF-8, Latin-1 as STRING, or UTF-16 with its mark as some browsers give HTML."""
    if is_latin:
        text = data.decode("latin-1")
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        text = data.decode(errors="replace")
    return text.encode()
