"""Lease: who alone may act on a desktop, for a while. No I/O, no clock."""

from collections.abc import Iterable

from voxy.session import wire
from voxy.session.permissions import INPUT, Permission
from voxy.session.viewer import Request, Viewer

HELD = INPUT | Permission.CLIPBOARD_IN | Permission.RESIZE
"""What only the holder may do while there is one."""


class Lease:
    """Held by one viewer at a time; others ask, and the first of them is next. While nobody holds it, all may act."""

    def __init__(self) -> None:
        self.holder: Viewer | None = None
        self._claim: wire.AskControl | wire.TakeControl = wire.AskControl()
        self._ends_at = 0.0
        self._asking: dict[Viewer, wire.AskControl] = {}

    def receive(self, viewer: Viewer, request: Request, viewers: Iterable[Viewer], now: float) -> None:
        """Take a request of somebody who may send it."""
        match request:
            case wire.AskControl() if self.holder in (None, viewer):
                self._hold(viewer, request, now)
            case wire.AskControl():
                self._asking[viewer] = request
            case wire.TakeControl():
                self._hold(viewer, request, now)
            case wire.GiveControl(to):
                heir = next((other for other in viewers if other.number == to), None)
                if self.holder is viewer and heir and Permission.CONTROL in heir.person.permissions:
                    self._hold(heir, self._asking.get(heir, wire.AskControl()), now)
            case wire.LeaveControl():
                self.leave(viewer, now)

    def leave(self, viewer: Viewer, now: float) -> None:
        """Note that a viewer neither holds nor wants it any more."""
        self._asking.pop(viewer, None)
        if self.holder is viewer:
            self._pass_on(now)

    def succeed(self, former: Viewer, viewer: Viewer) -> None:
        """Have a viewer take the place of one that was the same page by another connection."""
        if self.holder is former:
            self.holder = viewer
        if request := self._asking.pop(former, None):
            self._asking[viewer] = request

    def left_s(self, now: float) -> float | None:
        """Seconds until it ends, which may be over; None while nobody holds it."""
        return max(0.0, self._ends_at - now) if self.holder else None

    def expire(self, now: float) -> None:
        """End it if it is over."""
        if self.left_s(now) == 0.0:
            self._pass_on(now)

    def leaves(self, viewer: Viewer) -> Permission:
        """What it leaves a viewer of all that was granted."""
        return viewer.person.permissions if self.holder in (None, viewer) else viewer.person.permissions & ~HELD

    def news_for(self, viewer: Viewer, viewers: Iterable[Viewer]) -> wire.Control:
        """What a viewer is to know: who is there, and who holds it or wants it."""
        return wire.Control([self._somebody(other, other is viewer) for other in viewers if other.has_greeted])

    def _somebody(self, viewer: Viewer, is_me: bool) -> wire.Somebody:
        holds = viewer is self.holder
        claim = self._claim if holds else self._asking.get(viewer)
        may_hold = Permission.CONTROL in viewer.person.permissions
        kind, reason = (claim.kind, claim.reason) if claim else ("person", "")
        asks = viewer in self._asking
        return wire.Somebody(viewer.number, viewer.person.name, is_me, may_hold, holds, asks, kind, reason)

    def _hold(self, viewer: Viewer, claim: wire.AskControl | wire.TakeControl, now: float) -> None:
        self._asking.pop(viewer, None)
        self.holder, self._claim, self._ends_at = viewer, claim, now + claim.seconds

    def _pass_on(self, now: float) -> None:
        self.holder = None
        if self._asking:
            viewer, request = next(iter(self._asking.items()))
            self._hold(viewer, request, now)
