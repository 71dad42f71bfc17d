"""State: what a host has of a machine, and what it is just doing with it, in a file that is whole or unchanged."""

import os
import secrets
import sys
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from voxy.errors import MachineError

Role: TypeAlias = Literal["owner", "copy", "unclaimed"]
"""owner: the machine may run here; copy: an older one of a machine that is elsewhere; unclaimed: nobody knows."""


class Boundary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of a disk at the end of a generation. The id is random: two hosts may each make a 4th."""

    generation: int
    id: str


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen layer: what changed up to `ends`, which is missing for a layer that is half merged into another.

    `sha256` is the file's checksum (sparse.py says of what), and empty until it has been computed.
    """

    file: str
    ends: Boundary | None
    sha256: str = ""
    bytes: int = 0


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another host that has a copy, and the generation at which it stands."""

    name: str
    at: Boundary


class Freezing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="freeze"):
    """The guest is about to write to the new layer `file`; or does already."""

    file: str


class Merging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="merge"):
    """All layers above `into`, up to and with `top`, are being written into it; `above` is the layer on `top`."""

    into: str
    top: str
    above: str


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A move under way, from or to the host `peer`.

    copying: this host has the machine, and may take all back. committing: the other has been told to take it, and only
    it knows whether it did. receiving: the other host has the machine.
    """

    id: str
    peer: str
    phase: Literal["copying", "committing", "receiving"]
    at: Boundary | None = None


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is frozen (the lowest first), what is written, and at which boundaries the disk has ever been.

    `doing` was written before it was begun: who finds it finishes it, or takes it back. `unused` are files that
    nothing needs any more. `epoch` counts the moves; `last_move` is the last that brought the machine here.
    """

    role: Role
    active: str
    next_generation: int
    frozen: tuple[Layer, ...] = ()
    history: tuple[Boundary, ...] = ()
    peers: dict[str, Peer] = {}
    doing: Freezing | Merging | None = None
    unused: tuple[str, ...] = ()
    epoch: int = 1
    move: Move | None = None
    last_move: str = ""
    format: Literal[1] = 1

    @property
    def chain(self) -> tuple[str, ...]:
        """The files of the whole disk, the lowest first."""
        return (*(layer.file for layer in self.frozen), *([self.active] if self.active else []))

    @property
    def tip(self) -> Boundary | None:
        """The newest that is frozen."""
        return self.frozen[-1].ends if self.frozen else None

    def freeze(self, file: str) -> "State":
        """The active layer is frozen, and `file` is written from now on."""
        ends = Boundary(self.next_generation, secrets.token_hex(8))
        return msgspec.structs.replace(
            self,
            frozen=(*self.frozen, Layer(self.active, ends)),
            history=(*self.history, ends),
            active=file,
            next_generation=ends.generation + 1,
            doing=None,
        )

    def missing_for(self, history: tuple[Boundary, ...]) -> tuple[Boundary | None, tuple[Layer, ...]]:
        """What one lacks who has had these boundaries: the newest that both have had, and the layers from there on.

        A layer may have more than is needed, where its beginning has been merged away; what it has is right anyway.
        """
        ours = {boundary.id for boundary in self.history}
        common = max((b for b in history if b.id in ours), key=lambda b: b.generation, default=None)
        reached = common.generation if common else 0
        known = [n for n, layer in enumerate(self.frozen, 1) if layer.ends and layer.ends.generation <= reached]
        return common, self.frozen[max(known, default=0) :]


def new_file() -> str:
    """A name for a layer; it says nothing, since what a layer covers changes when others are merged into it."""
    return f"{secrets.token_hex(6)}.qcow2"


def load(path: Path, name: str) -> State:
    """The state of the machine `name`; MachineError says what to do about one that is cut or missing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        layers = sorted(path.parent.glob("layers/*.qcow2"))
        raise MachineError(
            f"The state of {name} in {path} can't be read ({reason}); its {len(layers)} layers are still there: "
            f"voxy vm recover {name} makes the state anew from them."
        ) from None


def save(path: Path, state: State) -> None:
    """Replace the file; it is the old or the new one, also after a power cut."""
    write_whole(path, msgspec.json.encode(state))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there with all its bytes, or isn't there; MachineError where the host's disk is full."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        raise MachineError(f"{path} can't be written ({error.strerror}): what was there is unchanged.") from None


def sync(path: Path) -> None:
    """Have what was written to a file or folder outlast a power cut."""
    if sys.platform == "win32":
        # There, a folder can't be synced, and a file only by who may write it; NTFS has renames in its journal.
        if path.is_dir():
            return
        handle = os.open(path, os.O_RDWR)
    else:
        handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
