"""The clipboard of an X display: who has it, what is in it, and what a viewer puts there."""

from typing import Any

from Xlib import X
from Xlib.ext import xfixes
from Xlib.protocol import event as core

from voxy.session.clips import Clip
from voxy.session.events import Delivery, Offer
from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection
from voxy.sources.x11.owner import Owner
from voxy.sources.x11.requestor import Requestor
from voxy.sources.x11.selection import Atoms


class Clipboard:
    """Follows the selection CLIPBOARD. All calls come from the source's thread; none waits for another program."""

    EVENTS = (
        core.SelectionRequest,
        core.SelectionClear,
        core.SelectionNotify,
        core.PropertyNotify,
        xfixes.SelectionNotify,
    )

    def __init__(self, connection: Connection) -> None:
        atoms = Atoms(connection)
        self._owner = Owner(connection, atoms)
        self._requestor = Requestor(connection, atoms)
        self._changed_at = X.CurrentTime
        connection.name_event(requests.XFIXES, xfixes.XFixesSelectionNotify, xfixes.SelectionNotify)
        connection.ask(
            xfixes.SelectSelectionInput,
            requests.XFIXES,
            window=connection.root,
            selection=atoms["CLIPBOARD"],
            mask=xfixes.XFixesSetSelectionOwnerNotifyMask,
        )

    def take(self, event: Any, now: float) -> bool:
        """Take an event; whether it tells that a program has copied something."""
        match event:
            case xfixes.SelectionNotify():
                self._changed_at = event.timestamp
                return event.owner not in (X.NONE, self._owner.window)
            case core.SelectionNotify():
                self._requestor.take(event)
            case core.PropertyNotify():
                self._requestor.take(event)
                self._owner.take(event, now)
            case _:
                self._owner.take(event, now)
        return False

    def paste(self, event: Offer | Delivery, now: float) -> None:
        """Take what a viewer has to paste."""
        match event:
            case Offer():
                self._owner.offer(event)
            case Delivery():
                self._owner.deliver(event, now)

    def fetch(self, most_bytes: int, now: float) -> None:
        """Start to fetch what was copied last; `step` gives it."""
        self._requestor.begin(self._changed_at, most_bytes, now)

    @property
    def due(self) -> float | None:
        """When `step` has to be called next; 0 for at once."""
        due = [at for at in (self._owner.due, self._requestor.due) if at is not None]
        return min(due, default=None)

    def step(self, now: float) -> Clip | None:
        """Go on with what is under way; what was fetched, when it is complete."""
        self._owner.step(now)
        return self._requestor.step(now)
