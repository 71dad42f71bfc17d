"""Resumption: viewers whose connection broke go on with what they have. Times are seconds of any monotonic clock."""

from collections import OrderedDict
from dataclasses import dataclass

from voxy.session.viewer import Viewer

KEPT_S = 600.0
"""Seconds for which it is remembered what a viewer has that is gone."""

MOST_KEPT = 64
"""Viewers that are gone and remembered, at the most: each takes as much as its page has blocks and images, 12 bytes
a block and 200 an image."""


@dataclass(slots=True)
class _Ticket:
    viewer: Viewer
    gone_at: float | None = None


class Resumptions:
    """Knows viewers by the tokens that they were given, while they are connected and for a while afterwards."""

    def __init__(self) -> None:
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tickets)

    def enter(self, viewer: Viewer) -> None:
        """Let `viewer` be resumed by its token, which nobody could guess."""
        self._tickets[viewer.token] = _Ticket(viewer)

    def leave(self, viewer: Viewer, now: float) -> None:
        """Note that `viewer` is gone."""
        if ticket := self._tickets.get(viewer.token):
            ticket.gone_at = now
            self._tickets.move_to_end(viewer.token)
        gone = [(token, ticket.gone_at) for token, ticket in self._tickets.items() if ticket.gone_at is not None]
        for number, (token, gone_at) in enumerate(gone):
            if gone_at + KEPT_S < now or number < len(gone) - MOST_KEPT:
                del self._tickets[token]

    def take(self, token: str, who: str, now: float) -> Viewer | None:
        """The viewer of this token, which is used up; None if it is unknown, was gone for too long or is another's.

        It may still be connected as far as the server knows: then that connection is a dead one.
        """
        ticket = self._tickets.pop(token, None)
        if ticket is None or (ticket.gone_at is not None and ticket.gone_at + KEPT_S < now):
            return None
        # Somebody else may have signed in on the same page.
        return ticket.viewer if ticket.viewer.person.name == who else None
