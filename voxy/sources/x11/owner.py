"""Owner: has the clipboard on behalf of a viewer, and answers the programs that paste (ICCCM 2.2 to 2.7)."""

import logging
import struct
from dataclasses import dataclass
from typing import Any

from Xlib import X, Xatom, error
from Xlib.protocol import event as core
from Xlib.protocol import request

from voxy.session.clips import Clip
from voxy.session.events import Delivery, Offer
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.selection import (
    INCR_CHUNK_BYTES,
    TARGETS_OF,
    Atoms,
    atoms_in,
    create_window,
    get_property,
)

logger = logging.getLogger(__name__)

_WAITING_MOST, _TRANSFERS_MOST, _PAIRS_MOST = 32, 16, 16
"""Programs that wait for content, long answers under way, and answers to one MULTIPLE; more are refused."""

_WAIT_S = 15.0
"""Seconds that a program waits for content that is still on its way from the viewer."""

_TAKE_S = 5.0
"""Seconds that a program has to take a piece of a long answer."""


@dataclass(slots=True)
class _Transfer:
    """An answer that goes piece by piece; the piece of no bytes is the last."""

    kind: int
    data: bytes
    deadline: float
    at: int = 0


class Owner:
    """All calls come from the source's thread; none waits for the programs that paste."""

    def __init__(self, connection: Connection, atoms: Atoms) -> None:
        self._connection = connection
        self._atoms = atoms
        self._window = create_window(connection)
        self._time = X.CurrentTime
        self._offer: Offer | None = None
        self._clip: Clip | None = None
        self._waiting: list[tuple[float, Any]] = []
        self._transfers: dict[tuple[int, int], _Transfer] = {}

    @property
    def window(self) -> int:
        return self._window

    @property
    def due(self) -> float | None:
        """When `step` has to be called next."""
        ends = [deadline for deadline, _ in self._waiting] + [t.deadline for t in self._transfers.values()]
        return min(ends, default=None)

    def offer(self, offer: Offer) -> None:
        """Own the clipboard; who pastes waits until the content is there."""
        self._offer, self._clip = offer, None
        self._time = self._server_time()
        self._own(self._window)

    def deliver(self, delivery: Delivery, now: float) -> None:
        """Answer those who wait, unless something else has been copied meanwhile."""
        if delivery.offer is not self._offer:
            return
        self._clip = delivery.clip
        if not self._clip:
            self._own(X.NONE)
            self._offer = None
        waiting, self._waiting = self._waiting, []
        for _, event in waiting:
            self._answer(event, now)

    def take(self, event: Any, now: float) -> None:
        """Take an event."""
        match event:
            case core.SelectionRequest():
                self._answer(event, now)
            case core.SelectionClear() if event.time >= self._time:
                self._offer = self._clip = None
                self._refuse_waiting(None)
            case core.PropertyNotify() if event.state == X.PropertyDelete:
                self._continue(event.window, event.atom, now)

    def step(self, now: float) -> None:
        """Give up on those who take too long."""
        self._refuse_waiting(now)
        for place in [place for place, transfer in self._transfers.items() if transfer.deadline <= now]:
            self._drop(place)

    def _own(self, window: int) -> None:
        request.SetSelectionOwner(
            display=self._connection, window=window, selection=self._atoms["CLIPBOARD"], time=self._time
        )

    def _server_time(self) -> int:
        """The server's clock, from the event of a property that is added nothing to."""
        request.ChangeProperty(
            display=self._connection,
            mode=X.PropModeAppend,
            window=self._window,
            property=self._atoms["TIMESTAMP"],
            type=Xatom.INTEGER,
            data=(32, b""),
        )
        self._connection.sync()
        times = [
            event.time
            for event in self._connection.event_queue
            if isinstance(event, core.PropertyNotify) and event.window == self._window
        ]
        return int(times[-1]) if times else X.CurrentTime

    # Answers

    def _answer(self, event: Any, now: float) -> None:
        is_ours = self._offer and event.selection == self._atoms["CLIPBOARD"]
        is_content = event.target not in (self._atoms["TARGETS"], self._atoms["TIMESTAMP"])
        if is_ours and is_content and not self._clip and len(self._waiting) < _WAITING_MOST:
            self._waiting.append((now + _WAIT_S, event))
            return
        # Clients of old times name no property and mean the target's.
        name = event.property or event.target
        try:
            if not is_ours:
                has_answer = False
            elif event.target == self._atoms["MULTIPLE"]:
                has_answer = self._put_multiple(event.requestor, name, now)
            else:
                has_answer = self._put(event.requestor, event.target, name, now)
        except error.XError as failure:
            logger.debug("! clipboard: %s", failure)
            return
        self._notify(event, name if has_answer else X.NONE)

    def _notify(self, event: Any, name: int) -> None:
        notice = core.SelectionNotify(
            time=event.time, requestor=event.requestor, selection=event.selection, target=event.target, property=name
        )
        request.SendEvent(
            display=self._connection, propagate=False, destination=event.requestor, event_mask=0, event=notice
        )

    def _refuse_waiting(self, now: float | None) -> None:
        """Refuse those whose time is over at `now`; everybody if that is None."""
        waiting, self._waiting = self._waiting, []
        for deadline, event in waiting:
            if now is None or deadline <= now:
                self._notify(event, X.NONE)
            else:
                self._waiting.append((deadline, event))

    def _put_multiple(self, window: int, name: int, now: float) -> bool:
        """Answer several targets at once, by pairs of target and property; those refused get no property."""
        pairs = atoms_in(get_property(self._connection, window, name, 0, 8 * _PAIRS_MOST))
        for at in range(0, len(pairs) - 1, 2):
            if not self._put(window, pairs[at], pairs[at + 1], now):
                pairs[at + 1] = X.NONE
        self._change(window, name, self._atoms["ATOM_PAIR"], 32, struct.pack(f"{len(pairs)}I", *pairs))
        return bool(pairs)

    def _put(self, window: int, target: int, name: int, now: float) -> bool:
        """Put the content, as `target` has it, into a property; whether it is to be had so."""
        if target == self._atoms["TARGETS"]:
            targets = struct.pack(f"{len(self._targets())}I", *self._targets())
            self._change(window, name, Xatom.ATOM, 32, targets)
            return True
        if target == self._atoms["TIMESTAMP"]:
            self._change(window, name, Xatom.INTEGER, 32, struct.pack("I", self._time))
            return True
        found = self._content(target)
        if found is None:
            return False
        kind, data = found
        if len(data) > INCR_CHUNK_BYTES:
            return self._begin(window, name, _Transfer(kind, data, now + _TAKE_S))
        self._change(window, name, kind, 8, data)
        return True

    def _targets(self) -> list[int]:
        assert self._offer
        names = ["TARGETS", "TIMESTAMP", "MULTIPLE"]
        types = self._clip.parts if self._clip else self._offer.types
        for kind in types:
            names += TARGETS_OF[kind]
        return [self._atoms[name] for name in names]

    def _content(self, target: int) -> tuple[int, bytes] | None:
        """The content for a target, and the type that it has."""
        assert self._clip
        for kind, data in self._clip.parts.items():
            for name in TARGETS_OF[kind]:
                if target != self._atoms[name]:
                    continue
                if name == "STRING":
                    # Latin-1 alone (ICCCM 2.6.2).
                    data = data.decode().encode("latin-1", errors="replace")
                return self._atoms["UTF8_STRING"] if name == "TEXT" else target, data
        return None

    def _change(self, window: int, name: int, kind: int, form: int, data: bytes) -> None:
        request.ChangeProperty(
            display=self._connection,
            mode=X.PropModeReplace,
            window=window,
            property=name,
            type=kind,
            data=(form, data),
        )

    # Long answers

    def _begin(self, window: int, name: int, transfer: _Transfer) -> bool:
        # The root's events are selected for more than this.
        if len(self._transfers) >= _TRANSFERS_MOST or window in (self._connection.root, self._window):
            return False
        self._select(window, X.PropertyChangeMask)
        self._transfers[window, name] = transfer
        self._change(window, name, self._atoms["INCR"], 32, struct.pack("I", min(len(transfer.data), 0xFFFFFFFF)))
        return True

    def _continue(self, window: int, name: int, now: float) -> None:
        """The requestor has taken a piece: give it the next."""
        transfer = self._transfers.get((window, name))
        if not transfer:
            return
        piece = transfer.data[transfer.at : transfer.at + INCR_CHUNK_BYTES]
        self._change(window, name, transfer.kind, 8, piece)
        transfer.at += len(piece)
        transfer.deadline = now + _TAKE_S
        if not piece:
            self._drop((window, name))

    def _drop(self, place: tuple[int, int]) -> None:
        del self._transfers[place]
        window, _ = place
        if all(window != other for other, _ in self._transfers):
            self._select(window, X.NoEventMask)

    def _select(self, window: int, mask: int) -> None:
        request.ChangeWindowAttributes(display=self._connection, window=window, event_mask=mask)
