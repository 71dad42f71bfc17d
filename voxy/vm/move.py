"""Departure: a machine's way from this host to another, in steps of which each can be repeated or taken back.

The commit is the point of no return. Before it is sent, this host has the machine whatever happens. When it has been
sent and no answer came, only the other host knows: this one doesn't start the machine, and asks again.
"""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from voxy.errors import GuestLost, MachineError
from voxy.vm import sparse
from voxy.vm.arrival import Answer, Commit, Cut, Offer, Step, new_move
from voxy.vm.engine import Guest
from voxy.vm.flight import Flight, take_back
from voxy.vm.news import Audience
from voxy.vm.peer import PeerClient, PeerGone, PeerGotOther, PeerRefused
from voxy.vm.progress import Phase, Progress
from voxy.vm.sizes import shown
from voxy.vm.state import Boundary, Layer, Move, Peer
from voxy.vm.store import Machine
from voxy.vm.tunnel import entrances

_ROUNDS_MOST = 3
"""After so many, a guest that goes on to write much is slowed down."""

_LITTLE_BYTES = 4 << 20
_LITTLE_S = 5.0
"""What a guest has written meanwhile goes while it runs, where that takes no longer; else it is frozen as well."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a move or a sync has sent as frozen layers, and how long it had the guest stand still."""

    at: Boundary
    layers: int
    bytes: int
    seconds: float = 0.0
    halted_s: float = 0.0


class Departure:
    """Moves `machine`, whose lock is held, to the host of `peer`.

    It may be cancelled while `stage` is here, and the machine stays. From told on, only the other host knows; there,
    nothing is left to do that takes time.
    """

    def __init__(self, machine: Machine, peer: PeerClient, progress: Progress) -> None:
        self._machine = machine
        self._layers = machine.layers
        self._peer = peer
        self._progress = progress
        self._halted_at = self._answered_at = 0.0
        self._audience = Audience(machine.run.folder, peer.known.id, peer.known.name)
        self.stage: Literal["here", "told", "there"] = "here"

    async def move(self) -> Sent | None:
        """Move the machine, running or not; None where an earlier move had arrived and only its answer was lost."""
        try:
            return await self._move()
        except BaseException as error:
            if self._audience.told not in (None, "arrived"):
                # Where it is not known whether it has gone, it is halted here.
                await self._audience.tell("stays", str(error) if self._layers.state.move else "")
            raise
        finally:
            self._audience.close()

    async def _move(self) -> Sent | None:
        async with self._machine.guest() as guest:
            if (move := self._layers.state.move) and await self._ask_again(move, guest):
                return None
            self._check_owner()
            if guest:
                await self._audience.tell("moving")
            sent, move_id = await self._send_until_little_is_left(guest)
            if guest:
                at = Boundary(self._layers.state.next_generation, secrets.token_hex(8))
                await self._fly(move_id, guest)
            else:
                at = sent.at
            await self._commit(Move(move_id, self._peer.known.name, "committing", at), guest)
            return replace(sent, halted_s=self._answered_at - self._halted_at) if guest else sent

    async def _send_until_little_is_left(self, guest: Guest | None) -> tuple[Sent, str]:
        """Freeze and send, and again where a guest that runs has written much meanwhile."""
        layers = total = 0
        for number in range(1, _ROUNDS_MOST + 1):
            await self._layers.freeze(guest)
            sent, move_id = await self._send()
            layers, total = layers + sent.layers, total + sent.bytes
            written = self._layers.active_bytes if guest else 0
            if written <= max(_LITTLE_BYTES, _LITTLE_S * sent.bytes / max(sent.seconds, 0.001)):
                break
            if number < _ROUNDS_MOST:
                self._progress.note(f"{self._machine.name} has written {shown(written)} meanwhile: sending that too.")
        return replace(sent, layers=layers, bytes=total), move_id

    async def _fly(self, move_id: str, guest: Guest) -> None:
        """Bring the memory and the newest layer there; whatever fails, the guest goes on here."""
        flight = Flight(guest, self._layers.disk().top, self._progress, self._audience)
        try:
            await self._peer.prepare(Step(move_id))
            places = {name: self._machine.run.entrance(name) for name in ("disk", "memory")}
            async with entrances(places, self._peer.tunnel, {"memory": flight.pace}) as sockets:
                await flight.fly(sockets["disk"], sockets["memory"])
        except BaseException:
            with contextlib.suppress(GuestLost):
                await take_back(guest)
            self._layers.save(move=None)
            with contextlib.suppress(PeerGone, PeerRefused):
                await self._peer.abort(Step(move_id))
            raise
        self._halted_at = flight.halted_at

    async def sync(self) -> Sent:
        """Send all that is frozen, and stay here; the machine may run meanwhile."""
        if (move := self._layers.state.move) and move.phase == "committing":
            raise MachineError(f"{self._machine.name} was told to go to {move.peer}: voxy vm move asks again.")
        self._check_owner()
        async with self._machine.guest() as guest:
            await self._layers.freeze(guest)
        sent, move_id = await self._send()
        await self._peer.abort(Step(move_id))
        self._layers.save(move=None)
        return sent

    def _check_owner(self) -> None:
        if self._layers.state.role != "owner":
            raise MachineError(f"{self._machine.name} lives on another host: move it from there.")

    async def _send(self) -> tuple[Sent, str]:
        """Send what the other lacks; it has all that is frozen then, and waits for the commit."""
        layers, move_id = self._layers, new_move()
        await layers.seal()
        at = layers.state.tip
        assert at
        layers.save(move=Move(move_id, self._peer.known.name, "copying"))
        self._progress.enter(Phase.ASKING)
        try:
            spec = msgspec.Raw(self._machine.spec.serialize())
            answer = await self._peer.offer(Offer(move_id, self._machine.name, spec, layers.state.epoch))
            common, lacking = layers.state.missing_for(answer.history)
            await self._peer.cut(Cut(move_id, common))
            began_at = time.monotonic()
            total = await self._send_layers(move_id, lacking, answer)
        except BaseException:
            layers.save(move=None)
            raise
        layers.save(peers={**layers.state.peers, self._peer.known.id: Peer(self._peer.known.name, at)})
        return Sent(at, len(lacking), total, time.monotonic() - began_at), move_id

    async def _send_layers(self, move_id: str, lacking: tuple[Layer, ...], answer: Answer) -> int:
        """Send these layers, each from where an earlier try ended; how many bytes that took."""
        ways = []
        for layer in lacking:
            path = self._layers.folder / layer.file
            if (found := path.stat().st_size) != layer.bytes:
                raise self._damaged(layer, f"has {found} bytes instead of {layer.bytes}")
            ways.append((layer, path, min(max(answer.parts.get(layer.sha256, 0), 0), layer.bytes)))
        sizes = [await sparse.extents(path, offset, layer.bytes) for layer, path, offset in ways]
        self._progress.enter(Phase.LAYERS, sum(extent.end - extent.start for found in sizes for extent in found))
        total = 0
        for layer, path, offset in ways:
            try:
                total += await self._peer.send(move_id, layer, path, offset, self._progress)
            except PeerGotOther:
                if str(await sparse.checksum(path)) != layer.sha256:
                    raise self._damaged(layer, "has other bytes than when it was frozen") from None
                raise
        return total

    def _damaged(self, layer: Layer, fault: str) -> MachineError:
        name = self._machine.name
        return MachineError(f"The layer {layer.file} of {name} {fault}: voxy vm verify {name} says what is damaged.")

    async def _commit(self, move: Move, guest: Guest | None) -> None:
        state = self._layers.state
        assert move.at
        is_running = move.at not in state.history
        history = (*state.history, move.at) if is_running else state.history
        self._layers.save(move=move)
        self._progress.enter(Phase.HANDING_OVER)
        self.stage = "told"
        try:
            try:
                await self._peer.commit(Commit(move.id, move.at, history, state.epoch + 1, is_running))
            except PeerRefused:
                # It may refuse because it is still at the first commit. Once it has said that it forgets the move,
                # it can't commit any more.
                await self._peer.abort(Step(move.id))
                if guest:
                    await take_back(guest)
                self._layers.save(move=None)
                self.stage = "here"
                raise
        except PeerGone as error:
            raise self._unknown(error, move) from None
        except asyncio.CancelledError:
            raise self._unknown(PeerGone(f"The answer of {move.peer} was not waited for."), move) from None
        except PeerRefused as error:
            if self._layers.state.move:
                raise self._unknown(error, move) from None
            raise
        self.stage, self._answered_at = "there", time.time()
        if guest:
            await self._audience.tell("arrived")
            await guest.stop(within_s=0)
        self._leave(move, is_running)

    def _unknown(self, error: MachineError, move: Move) -> PeerGone:
        name = self._machine.name
        return PeerGone(
            f"{error} Whether {name} lives there now is not known, so it isn't started here: "
            f"voxy vm move {name} {move.peer} asks again."
        )

    def _leave(self, move: Move, was_running: bool) -> None:
        """This host has a copy from now on, of what it had at the commit."""
        state = self._layers.state
        assert move.at
        peer = Peer(move.peer, move.at)
        self._layers.save(
            role="copy",
            active="",
            frozen=(*state.frozen, Layer(state.active, move.at)) if was_running else state.frozen,
            history=(*state.history, move.at) if was_running else state.history,
            next_generation=move.at.generation + 1,
            unused=() if was_running else (state.active,),
            epoch=state.epoch + 1,
            peers={**state.peers, self._peer.known.id: peer},
            move=None,
        )
        self._layers.drop_unused()

    async def _ask_again(self, move: Move, guest: Guest | None) -> bool:
        """Whether an earlier move to this host has arrived after all; where it hasn't, it is taken back."""
        if move.phase != "committing":
            self._layers.save(move=None)
            return False
        if move.peer != self._peer.known.name:
            raise MachineError(f"{self._machine.name} was told to go to {move.peer}: ask there first.")
        with contextlib.suppress(PeerRefused):
            await self._commit(move, guest)
            return True
        return False
