"""Arrival: what a host does with the layers of a machine that comes to it."""

import os
import secrets
from pathlib import Path

import msgspec

from voxy.errors import MachineError
from voxy.vm import freight, images, sparse, state
from voxy.vm.freight import Reader
from voxy.vm.landing import Landing
from voxy.vm.layers import Layers
from voxy.vm.sparse import Checksum
from voxy.vm.state import Boundary, Layer, Move, Peer, State

PROTOCOL = 4
"""Version 1 sent layers as they are, 2 with their small holes; 3 sent what tunnels carry as it is."""


class OtherBytes(MachineError):
    """A layer that has arrived, and isn't what its checksum says."""


class Arrival:
    """The receiving side of a move, for a machine of which this host has a copy, or nothing yet.

    What has arrived stays when a move fails: the next one goes on from there. Until the commit, the machine may not be
    started here.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    @property
    def _state(self) -> State:
        return self._layers.state

    def begin(self, move: str, peer: str, epoch: int) -> None:
        """Take part in a move, instead of in any that was left; MachineError where the machine lives here."""
        if self._state.role != "copy":
            raise MachineError("it lives there too: roll back or remove the one that is wrong")
        if epoch < self._state.epoch:
            raise MachineError("it has been on from there since: the one here is an older one")
        self._layers.save(move=Move(move, peer, "receiving"))

    def cut(self, move: str, common: Boundary | None) -> None:
        """Drop what the other host has never had, above the newest boundary that both have had."""
        self.check(move)
        kept = [n for n, layer in enumerate(self._state.frozen, 1) if common and layer.ends == common]
        if common and not kept:
            raise MachineError(f"generation {common.generation} has been merged away there")
        number = max(kept, default=0)
        files = (*(layer.file for layer in self._state.frozen[number:]), self._state.active)
        self._layers.save(
            frozen=self._state.frozen[:number],
            active="",
            history=tuple(b for b in self._state.history if common and b.generation <= common.generation),
            unused=tuple(file for file in files if file),
        )
        self._layers.drop_unused()

    def arrived_bytes(self, layer: Layer) -> int:
        """How much of a layer is here from an earlier try."""
        part = self._part(layer)
        return part.stat().st_size if part.exists() else 0

    async def take(self, move: str, layer: Layer, offset: int, data: Reader) -> None:
        """Write a layer from `offset` on, and put it on top when it is whole and its checksum right."""
        self.check(move)
        assert layer.ends
        if not 0 < layer.bytes <= self._layers.layer_most_bytes:
            raise MachineError(f"a layer of {layer.bytes} bytes is none of this machine's")
        part = self._part(layer)
        if offset != self.arrived_bytes(layer):
            raise MachineError(f"{self.arrived_bytes(layer)} bytes of this layer are there, and not {offset}")
        try:
            await freight.unpack(data, part, offset, layer.bytes)
        except OSError as error:
            raise MachineError(f"its disk can't take the layer ({error.strerror}): make room there") from None
        found = await sparse.checksum(part)
        if part.stat().st_size > layer.bytes or str(found) != layer.sha256:
            part.unlink()
            raise OtherBytes("a layer arrived with other bytes than were sent: it was dropped, try again")
        await self._put_on_top(layer.ends, part, found)

    async def _put_on_top(self, ends: Boundary, part: Path, found: Checksum) -> None:
        await images.check_layer(part, has_below=bool(self._state.frozen))
        if self._state.frozen:
            await images.set_backing(part, self._state.frozen[-1].file)
            found = await sparse.with_new_head(found, part)
        file = state.new_file()
        os.replace(part, self._layers.folder / file)
        state.sync(self._layers.folder)
        self._layers.put_on_top(Layer(file, ends, str(found), (self._layers.folder / file).stat().st_size))

    async def commit(self, said: "Commit", peer: Peer, landing: Landing | None) -> bool:
        """Have the machine live here from now on; False where it did already, and only the answer was lost."""
        if self._state.last_move == said.move:
            return False
        self.check(said.move)
        frozen, file = self._state.frozen, state.new_file()
        if said.is_running:
            if not landing or landing.move != said.move:
                raise MachineError("its QEMU has ended")
            landing.machine.layers = self._layers
            file = await landing.settle()
            frozen = (*frozen, Layer(landing.file, said.at))
        elif self._state.tip != said.at:
            raise MachineError(f"generation {said.at.generation} has not arrived")
        else:
            self._layers.save(unused=(*self._state.unused, file))
            await self._layers.overlay(file)
        assert self._state.move
        self._layers.save(
            role="owner",
            frozen=frozen,
            active=file,
            unused=tuple(unused for unused in self._state.unused if unused not in (file, frozen[-1].file)),
            history=said.history,
            next_generation=said.at.generation + 1,
            epoch=said.epoch,
            peers={**self._state.peers, self._state.move.peer: peer},
            move=None,
            last_move=said.move,
        )
        return True

    def abort(self, move: str) -> None:
        """Never commit this move; harmless when repeated."""
        if self._state.last_move == move:
            raise MachineError("it lives there now: it was committed")
        if self._state.move and self._state.move.id == move:
            self._layers.save(move=None)

    def check(self, move: str) -> None:
        """MachineError where this is not the move that is under way."""
        if not self._state.move or self._state.move.id != move or self._state.move.phase != "receiving":
            raise MachineError("it knows nothing of this move")

    def _part(self, layer: Layer) -> Path:
        # By checksum: after a merge, another host's file of the same generation has other bytes.
        return self._layers.folder / f"{layer.sha256}.part"


class Version(msgspec.Struct, frozen=True):
    """The protocol that one speaks, in whatever it says first."""

    protocol: int = 1


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one host asks another first."""

    move: str
    name: str
    spec: msgspec.Raw
    epoch: int
    protocol: int = PROTOCOL


class Answer(msgspec.Struct, frozen=True):
    """What that one has had of the machine, and how much of layers that are not whole there, by checksum."""

    history: tuple[Boundary, ...]
    parts: dict[str, int]
    protocol: int = 1


class Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take the machine: it is complete up to `at`, and where it is running, its memory is there as well."""

    move: str
    at: Boundary
    history: tuple[Boundary, ...]
    epoch: int
    is_running: bool = False


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go back to what both have had."""

    move: str
    common: Boundary | None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Do the next step of a move: get ready for a machine that runs, or forget the move."""

    move: str


def other_version(there: int, here: int) -> str:
    """Why two hosts can't talk, as the one over there says it."""
    return f"it speaks version {there} of the protocol, and this one version {here}: use the same VoXY on both"


def new_move() -> str:
    """An id that no other move has had."""
    return secrets.token_hex(16)
