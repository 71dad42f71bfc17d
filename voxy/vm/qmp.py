"""Monitor: one connection to a QEMU's QMP socket, with a log of events that misses none."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient, Runstate, StateError

from voxy.errors import GuestLost, MachineError
from voxy.vm.sockets import Socket

# The library logs, as errors, what it raises as well.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)

ANSWER_S = 20.0
"""Seconds in which a QEMU that lives answers, on a busy machine too."""


class Event(NamedTuple):
    """What QEMU said by itself, and when, by the host's clock."""

    name: str
    data: Mapping[str, Any]
    at: float = 0.0


class CommandRefused(MachineError):
    """QEMU's own answer to a command that it won't do."""


class Monitor:
    """Commands and events of the QEMU of the machine `name`.

    Take `cursor` before the command whose event is awaited: what QEMU said since then is found, even where it came
    before the wait began. When QEMU ends, or is silent for longer than it may be, all calls raise GuestLost.
    """

    def __init__(self, client: QMPClient, name: str) -> None:
        self._client = client
        self._name = name
        self._events: list[Event] = []
        self._said = asyncio.Condition()
        self._is_lost = False
        self._tasks = [asyncio.create_task(self._log()), asyncio.create_task(self._follow())]

    @classmethod
    async def connect(cls, socket: Socket, name: str) -> Self:
        """Raises OSError where nobody listens, and GuestLost where the one who does is no QEMU or doesn't answer."""
        client = QMPClient(name)
        try:
            async with asyncio.timeout(ANSWER_S):
                await client.connect(socket.address)
        except ConnectError as error:
            if isinstance(error.exc, OSError):
                raise error.exc from None
            raise GuestLost(f"The QEMU of {name} broke off: {error.exc or error.error_message}.") from None
        except TimeoutError:
            raise _silent(name) from None
        return cls(client, name)

    @property
    def cursor(self) -> int:
        """The place in the log after all that QEMU has said."""
        return len(self._events)

    async def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, within_s: float = ANSWER_S
    ) -> Any:
        """QEMU's answer; CommandRefused with its reason, GuestLost where it can't answer any more."""
        try:
            async with asyncio.timeout(within_s):
                return await self._client.execute(command, dict(arguments) if arguments else None)
        except ExecuteError as error:
            raise CommandRefused(f"The QEMU of {self._name} refused {command}: {error}.") from None
        except (ExecInterruptedError, StateError, EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise _silent(self._name) from None
            raise self._lost() from None

    async def wait_event(self, accepts: Callable[[Event], bool], since: int, within_s: float) -> Event:
        """The first event after the cursor `since` that `accepts` takes; TimeoutError, or GuestLost."""
        position = since
        async with asyncio.timeout(within_s), self._said:
            while True:
                for event in self._events[position:]:
                    if accepts(event):
                        return event
                position = len(self._events)
                if self._is_lost:
                    raise self._lost()
                await self._said.wait()

    async def close(self) -> None:
        """Hang up; QEMU goes on. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hang_up()

    async def _log(self) -> None:
        async for message in self._client.events:
            await self._append(message)

    async def _append(self, *messages: Mapping[str, Any]) -> None:
        async with self._said:
            self._events += [_event(message) for message in messages]
            self._said.notify_all()

    async def _follow(self) -> None:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
        # What QEMU said last may still wait to be logged.
        await self._append(*self._client.events.clear())
        async with self._said:
            self._is_lost = True
            self._said.notify_all()

    def _lost(self) -> GuestLost:
        return GuestLost(f"The QEMU of {self._name} has ended.")

    async def _hang_up(self) -> None:
        # The library repeats here what the line broke of, which the commands have said already.
        with contextlib.suppress(EOFError, OSError, StateError):
            async with asyncio.timeout(ANSWER_S):
                await self._client.disconnect()


def _silent(name: str) -> GuestLost:
    return GuestLost(f"The QEMU of {name} doesn't answer.")


def _event(message: Mapping[str, Any]) -> Event:
    at = message.get("timestamp", {})
    return Event(str(message["event"]), message.get("data", {}), at.get("seconds", 0) + at.get("microseconds", 0) / 1e6)
