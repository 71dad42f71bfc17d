"""Window: through which a host shows another the screen of a machine that lives here."""

import asyncio

import msgspec
from aiohttp import web

from voxy.errors import MachineError
from voxy.vm.ear import listening
from voxy.vm.news import News
from voxy.vm.state import Role
from voxy.vm.store import Machine, Store
from voxy.vm.tunnel import HEARTBEAT_S, MESSAGE_MOST_BYTES, relay


class Whereabouts(msgspec.Struct, frozen=True):
    """What is said first: whether the machine lives here, and runs."""

    role: Role
    is_running: bool


class Window:
    """Answers hosts that are known, about the machines of `store` that they have had."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def news(self, request: web.Request) -> web.WebSocketResponse:
        """Say where the machine is, and what is told of it from now on; each word is answered when it is heeded."""
        machine, line = self._find(request), _line()
        answers: asyncio.Queue[None] = asyncio.Queue()

        async def pass_on(news: News) -> None:
            await line.send_bytes(msgspec.json.encode(news))
            await answers.get()

        async with listening(machine, pass_on):
            await line.prepare(request)
            said = Whereabouts(machine.layers.state.role, machine.is_running)
            await line.send_bytes(msgspec.json.encode(said))
            async for _ in line:
                answers.put_nowait(None)
        return line

    async def screen(self, request: web.Request) -> web.WebSocketResponse:
        """Carry what QEMU's VNC server says, and what it is told."""
        machine, line = self._find(request), _line()
        try:
            reader, writer = await machine.run.socket("vnc").connect()
        except OSError:
            raise MachineError("it doesn't run there") from None
        await line.prepare(request)
        await relay(reader, writer, line)
        return line

    def _find(self, request: web.Request) -> Machine:
        """The machine that is asked for. Only those who have had it know how its generations are called."""
        machine = self._store.find(request.match_info["uuid"])
        had = request.query["had"]
        if not any(boundary.id == had for boundary in machine.layers.state.history):
            raise MachineError("it has never been where it is looked at from")
        return machine


def _line() -> web.WebSocketResponse:
    return web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST_BYTES, compress=False)
