"""Follower: has the screen of a machine shown from wherever it runs, and go along when it moves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from voxy.errors import MachineError, SourceError
from voxy.vm.ear import listening
from voxy.vm.news import News
from voxy.vm.places import Place, Places, Way
from voxy.vm.store import Store

logger = logging.getLogger(__name__)

_RETIRE_S = 1.0
"""Seconds in which a host that the machine has left is still answered: it waits to know that this was heeded."""


class Screen(Protocol):
    """What shows the machine, and knows the next place before it goes there.

    `hold`     keeps what is typed from here on, and returns when the guest has taken what was typed before.
    `release`  types it where the machine is; where there is a `reason`, that is why the machine is halted.
    `prepare`  connects to where the machine will be; SourceError.
    `switch`   shows that from now on, and types there what was kept; SourceError where nothing is prepared.
    `place`    says where the machine is, and where it moves to, if it does.
    """

    async def hold(self) -> None: ...
    async def release(self, reason: str = "") -> None: ...
    async def prepare(self, address: str, is_near: bool) -> None: ...
    async def switch(self) -> None: ...
    def place(self, host: str, to: str, is_near: bool) -> None: ...


class Follower:
    """Knows where the machine `name` is, and has `screen` know."""

    def __init__(self, store: Store, name: str, folder: Path) -> None:
        self._name = name
        self._places = Places(store, name, folder, self._hear)
        self._place: Place | None = None
        self._next: asyncio.Task[Place] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._screen: Screen | None = None

    @asynccontextmanager
    async def following(self, screen: Screen) -> AsyncIterator[None]:
        """Have `screen` go along with the machine."""
        self._screen = screen
        try:
            async with listening(self._places.machine, self._hear):
                yield
        finally:
            await self._leave()
            for task in self._retiring:
                task.cancel()
            await asyncio.gather(*self._retiring, return_exceptions=True)

    async def find(self) -> Way:
        """Where its screen is; MachineError says why there is none."""
        await self._leave()
        try:
            place = await self._places.find()
        except MachineError:
            if self._screen:
                self._screen.place("", "", is_near=False)
            raise
        self._arrive(place)
        return place.way

    def _arrive(self, place: Place) -> None:
        self._place = place
        self._tell()

    def _tell(self, to: str = "") -> None:
        if self._screen and self._place:
            self._screen.place(self._place.host, to, self._place.way.is_near)

    async def _leave(self) -> None:
        await self._forget_next()
        place, self._place = self._place, None
        if place:
            await place.leave()

    # Moves

    async def _hear(self, news: News) -> None:
        if self._place is None or self._screen is None:
            return
        logger.info("= %s: %s %s %s", self._name, news.kind, news.name, news.reason)
        match news.kind:
            case "moving":
                self._tell(self._places.name_of(news.host, news.name))
            case "hold":
                self._tell(self._places.name_of(news.host, news.name))
                # Its QEMU is there already, and waits.
                self._next = self._next or asyncio.create_task(self._prepare(news))
                await self._screen.hold()
            case "release":
                await self._screen.release()
            case "arrived":
                await self._go_along(news)
            case "stays":
                await self._forget_next()
                await self._screen.release(news.reason)
                self._tell()

    async def _prepare(self, news: News) -> Place:
        """Connect to the QEMU on the host to which the machine moves."""
        assert self._screen
        place = await self._places.place(news.host, news.name)
        try:
            await self._screen.prepare(*place.way)
        except BaseException:
            await place.leave()
            raise
        return place

    async def _go_along(self, news: News) -> None:
        task, self._next = self._next, None
        # If the first was too early, there is a second; after that the screen is lost and looked for everywhere.
        for preparing in (task or self._prepare(news), None):
            try:
                await self._switch(await (preparing or self._prepare(news)))
            except (MachineError, SourceError) as error:
                logger.info("x %s: %s", self._name, error)
            else:
                break

    async def _switch(self, place: Place) -> None:
        assert self._screen
        try:
            await self._screen.switch()
        except SourceError:
            await place.leave()
            raise
        if self._place:
            task = asyncio.create_task(_retire(self._place))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        self._arrive(place)

    async def _forget_next(self) -> None:
        task, self._next = self._next, None
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, MachineError, SourceError):
                await (await task).leave()


async def _retire(place: Place) -> None:
    try:
        await asyncio.sleep(_RETIRE_S)
    finally:
        await place.leave()
