"""Control: has each viewer do what they were granted and the lease leaves them, at once when either changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from voxy.session.events import InputEvent
from voxy.session.lease import Lease
from voxy.session.permissions import Permission, Person
from voxy.session.viewer import Request, Viewer


class Control:
    """Used in the loop. `settle` lets go of what a viewer held without right; `wake` has all told what changed."""

    def __init__(self, settle: Callable[[Viewer, list[InputEvent]], Awaitable[None]], wake: Callable[[], None]) -> None:
        self.lease = Lease()
        self._settle = settle
        self._wake = wake
        self._viewers: dict[Viewer, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_number = 0

    def join(self, viewer: Viewer) -> None:
        """Note somebody who may be held back by the lease from the first."""
        self._last_number += 1
        viewer.number = self._last_number
        self._viewers[viewer] = None
        viewer.permissions = self.lease.leaves(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Note that somebody is gone, and whoever is next may act."""
        self._viewers.pop(viewer, None)
        self.lease.leave(viewer, time.monotonic())
        self._change_soon()

    def succeed(self, former: Viewer, viewer: Viewer) -> None:
        """Have a viewer take the place of one that was the same page by another connection."""
        if Permission.CONTROL in viewer.person.permissions:
            self.lease.succeed(former, viewer)
        self._change_soon()

    async def admit(self, viewer: Viewer, person: Person) -> None:
        """Have a viewer do no more than this person may."""
        viewer.person = person
        if Permission.CONTROL not in person.permissions:
            self.lease.leave(viewer, time.monotonic())
        await self.change()

    async def receive(self, viewer: Viewer, request: Request) -> None:
        """Take a viewer's request."""
        self.lease.receive(viewer, request, self._viewers, time.monotonic())
        await self.change()

    async def change(self) -> None:
        """Have all do what they may now."""
        self._set_timer()
        # All before the first await: nobody acts between the one who loses control and the one who gets it.
        changed = {viewer: self.lease.leaves(viewer) for viewer in self._viewers}
        held = {
            viewer: viewer.permit(permissions)
            for viewer, permissions in changed.items()
            if permissions != viewer.permissions
        }
        for viewer, events in held.items():
            await self._settle(viewer, events)
        self._wake()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.close()
        left_s = self.lease.left_s(time.monotonic())
        if left_s is not None:
            self._timer = asyncio.get_running_loop().call_later(left_s + 0.001, self._expire)

    def _expire(self) -> None:
        self.lease.expire(time.monotonic())
        self._change_soon()

    def _change_soon(self) -> None:
        task = asyncio.create_task(self.change())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
