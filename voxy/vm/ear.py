"""Ear: hears what is told of a machine of this host when it is moved."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import msgspec

from voxy.errors import GuestLost, MachineError
from voxy.vm.news import News
from voxy.vm.sockets import UnixSocket, has_unix_sockets
from voxy.vm.store import Machine

Hear: TypeAlias = Callable[[News], Awaitable[None]]
"""Returns when the news is heeded."""

_LOCK_S, _ASK_AGAIN_S = 5.0, 0.05
_READ_AHEAD_BYTES = 1 << 16


@asynccontextmanager
async def listening(machine: Machine, hear: Hear) -> AsyncIterator[None]:
    """Hear what is told of `machine`, by whatever process moves it from this host.

    If that process dies, the guest goes on where it can, and this is heard as well.
    """
    if not has_unix_sockets():
        yield
        return
    machine.run.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = machine.run.folder / f"ear-{secrets.token_hex(3)}.sock"
    tasks: set[asyncio.Task[None]] = set()

    def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_hear(machine, hear, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        server, _ = await UnixSocket(path).serve(enter, _READ_AHEAD_BYTES)
    except OSError as error:
        raise MachineError(f"{path} can't be listened at ({error}): use a shorter --state-dir.") from None
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hear(machine: Machine, hear: Hear, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    news, heard = None, 0
    try:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                news, heard = msgspec.json.decode(line, type=News), heard + 1
                await hear(news)
                writer.write(b"%d\n" % heard)
    finally:
        writer.close()
    if news and news.kind not in ("arrived", "stays"):
        await hear(msgspec.structs.replace(news, kind="stays", reason=await _go_on(machine)))


async def _go_on(machine: Machine) -> str:
    """Have a guest go on whose mover has died; the reason why it can't."""
    for _ in range(int(_LOCK_S / _ASK_AGAIN_S)):
        try:
            with machine.lock():
                machine.check_move()
                async with machine.guest():
                    return ""
        except GuestLost:
            return ""  # who looks at it sees that
        except MachineError as error:
            if (move := machine.layers.state.move) and move.phase == "committing":
                return str(error)
        # Another who looks at it is just doing the same.
        await asyncio.sleep(_ASK_AGAIN_S)
    return ""
