"""Layers: a machine's disk on this host, one immutable file to a generation and one that is written.

Whatever is begun is said in the state first. So a crash at any moment, of QEMU or of this program, leaves either what
was before or something that `settle` finishes; nothing that a guest was told is written is in a file that is dropped.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from voxy.errors import MachineError
from voxy.vm import images, sparse, state
from voxy.vm.engine import Disk, Guest
from voxy.vm.qmp import CommandRefused, Event
from voxy.vm.state import Boundary, Freezing, Layer, Merging, State

_MERGE_S = 24 * 3600.0
_JOB = "merge"
_NODE_PREFIX = "layer-"
_QCOW2_BYTES = 64 << 20


class Sidecar(msgspec.Struct, frozen=True):
    """What stands beside a frozen layer, so that the layers alone say what they are."""

    ends: Boundary | None
    sha256: str
    bytes: int


class Fault(NamedTuple):
    """What is wrong with a layer, in a sentence."""

    file: str
    sentence: str


class Layers:
    """The layers of the machine `name` in `folder`. Who calls what changes them holds the machine's lock."""

    def __init__(self, folder: Path, name: str, disk_bytes: int, told: State) -> None:
        self.folder = folder / "layers"
        self._file = folder / "state.json"
        self._name = name
        self._disk_bytes = disk_bytes
        self.state = told

    @property
    def layer_most_bytes(self) -> int:
        """More than any layer's file can have, with what qcow2 keeps beside the disk's own bytes."""
        return self._disk_bytes * 2 + _QCOW2_BYTES

    @property
    def active_bytes(self) -> int:
        """What has been written since the last freeze, as it lies on this host's disk."""
        return images.used_bytes(self.folder / self.state.active)

    def save(self, **changes: Any) -> None:
        """Change the state, on disk and then here."""
        changed = msgspec.structs.replace(self.state, **changes)
        state.save(self._file, changed)
        self.state = changed

    def disk(self, top: str = "", next_top: str = "") -> Disk:
        """The whole disk for QEMU, with `top` to write to where that is another than the active layer.

        QEMU opens what it is told here, whatever the headers of the files say, and also `next_top`, to go over to.
        """
        nodes: list[dict[str, Any]] = []
        for file in (*self.state.chain, *([top] if top else [])):
            is_active = file == (top or self.state.active)
            nodes.append(self._node(file, nodes[-1]["node-name"] if nodes else None, is_active))
        name = nodes[-1]["node-name"]
        if next_top:
            nodes.append(self._node(next_top, None, is_active=True))
        return Disk(nodes, name)

    def _node(self, file: str, backing: str | None, is_active: bool) -> dict[str, Any]:
        inner = {"driver": "file", "filename": str(self.folder / file)}
        return {
            "driver": "qcow2",
            "node-name": _node_name(file),
            "read-only": not is_active,
            "file": inner,
            "backing": backing,
        }

    # Generations

    async def freeze(self, guest: Guest | None) -> Boundary:
        """End the generation; a guest that runs is held for milliseconds, and writes to a new layer from then on."""
        self._check_room_to_work()
        file, frozen = state.new_file(), self.state.active
        self.save(doing=Freezing(file))
        try:
            await self.put_over(frozen, file, guest)
        except MachineError:
            # Where QEMU is gone, the file may be the one that it wrote to last: this finds out.
            await self.settle(guest)
            raise
        self._frozen_into(file)
        return self.state.history[-1]

    async def put_over(self, below: str, file: str, guest: Guest | None) -> None:
        """Have a new layer `file` written from now on, and `below` no more."""
        await self.overlay(file, below)
        if guest:
            await guest.monitor.execute("blockdev-add", self._node(file, None, is_active=True))
            await self.go_over(below, file, guest)

    async def go_over(self, below: str, file: str, guest: Guest) -> None:
        """Have a guest write to the layer `file`, which its QEMU has open and empty, and no more to `below`."""
        said = {"node": _node_name(below), "overlay": _node_name(file)}
        await guest.monitor.execute("blockdev-snapshot", said)

    def _frozen_into(self, file: str) -> None:
        changed = self.state.freeze(file)
        state.save(self._file, changed)
        self.state = changed

    def _check_room_to_work(self) -> None:
        if not self.state.active:
            raise MachineError(f"This host has a copy of {self._name} only: do that on the host where it lives.")
        if self.state.doing:
            raise MachineError(f"Something was begun with {self._name} and not finished: start or stop it first.")

    async def seal(self) -> None:
        """Compute what is missing of the checksums of frozen layers, and write each beside its layer."""
        for number, layer in enumerate(self.state.frozen):
            path = self.folder / layer.file
            if layer.sha256 or layer.ends is None:
                continue
            sealed = msgspec.structs.replace(layer, sha256=str(await sparse.checksum(path)), bytes=path.stat().st_size)
            self._write_sidecar(sealed)
            self.save(frozen=(*self.state.frozen[:number], sealed, *self.state.frozen[number + 1 :]))

    def put_on_top(self, layer: Layer) -> None:
        """Have a layer from elsewhere, of which all is known, over all that is frozen."""
        assert layer.ends
        self._write_sidecar(layer)
        self.save(frozen=(*self.state.frozen, layer), history=(*self.state.history, layer.ends))

    def _write_sidecar(self, layer: Layer) -> None:
        said = Sidecar(layer.ends, layer.sha256, layer.bytes)
        state.write_whole(_sidecar(self.folder / layer.file), msgspec.json.encode(said))

    async def rollback(self, generation: int) -> None:
        """Take the disk of a machine that is stopped back to the end of `generation`; what came after is dropped."""
        self._check_room_to_work()
        ends = {layer.ends.generation: n for n, layer in enumerate(self.state.frozen, 1) if layer.ends}
        if generation not in ends:
            had = ", ".join(map(str, ends))
            raise MachineError(f"{self._name} has no generation {generation}: choose one of {had}.")
        kept, file = self.state.frozen[: ends[generation]], state.new_file()
        dropped = set(self.state.chain) - {layer.file for layer in kept}
        self.save(unused=(file,))
        await images.create_overlay(self.folder / file, kept[-1].file, self._disk_bytes)
        history = tuple(boundary for boundary in self.state.history if boundary.generation <= generation)
        self.save(frozen=kept, active=file, history=history, unused=tuple(dropped))
        self.drop_unused()

    async def claim(self) -> None:
        """Have the machine live on this host, from an epoch that no other has reached by itself."""
        if not self.state.active:
            file = state.new_file()
            self.save(unused=(file,))
            await self.overlay(file)
            self.save(active=file, unused=())
        self.save(role="owner", epoch=self.state.epoch + 1, move=None)

    # Merging

    async def merge(self, guest: Guest | None) -> int:
        """Write layers together, the guest running or not; how many fewer there are.

        The newest frozen generation stays one by itself, and so does each at which a known peer stands.
        """
        self._check_room_to_work()
        before = len(self.state.frozen)
        while step := next(self._mergeable(), None):
            frozen = tuple(
                # What is being written has no checksum, and is no generation that one could go back to.
                Layer(layer.file, None if layer.file == step.into else layer.ends)
                if layer.file in (step.into, step.above)
                else layer
                for layer in self.state.frozen
            )
            for layer in frozen:
                if not layer.sha256:
                    _sidecar(self.folder / layer.file).unlink(missing_ok=True)
            self.save(doing=step, frozen=frozen)
            await self._finish_merge(step, guest)
        await self.seal()
        return before - len(self.state.frozen)

    def _mergeable(self) -> Iterator[Merging]:
        """Runs of layers of which nobody needs any but the last."""
        needed = {peer.at.id for peer in self.state.peers.values()}
        chain, start = self.state.chain, 0
        for number, layer in enumerate(self.state.frozen):
            is_last = number == len(self.state.frozen) - 1
            if is_last or (layer.ends and layer.ends.id in needed):
                if number > start:
                    yield Merging(chain[start], layer.file, chain[number + 1])
                start = number + 1

    async def _finish_merge(self, step: Merging, guest: Guest | None) -> None:
        if guest:
            await self._merge_live(step, guest)
        elif await images.backing_of(self.folder / step.above) != step.into:
            await images.commit(self.folder / step.top, self.folder / step.into)
            await images.set_backing(self.folder / step.above, step.into)
        files = [layer.file for layer in self.state.frozen]
        first, last = files.index(step.into), files.index(step.top)
        merged = Layer(step.into, self.state.frozen[last].ends)
        frozen = (*self.state.frozen[:first], merged, *self.state.frozen[last + 1 :])
        self.save(doing=None, frozen=frozen, unused=tuple(files[first + 1 : last + 1]))
        self.drop_unused()

    async def _merge_live(self, step: Merging, guest: Guest) -> None:
        monitor = guest.monitor
        # In this order: a job that ended before it was asked for has changed the chain that is read after.
        jobs = await monitor.execute("query-block-jobs")
        if _node_name(step.top) in await _open_chain(guest):
            since = 0
            if not any(job["device"] == _JOB for job in jobs):
                since = monitor.cursor
                said = {"job-id": _JOB, "device": _node_name(self.state.active), "backing-file": step.into}
                said |= {"top-node": _node_name(step.top), "base-node": _node_name(step.into)}
                await monitor.execute("block-commit", said)
            ended = await monitor.wait_event(_ends_job, since, _MERGE_S)
            if "error" in ended.data:
                raise MachineError(f"The layers of {self._name} can't be merged: {ended.data['error']}.")
        nodes = {node["node-name"] for node in await monitor.execute("query-named-block-nodes", {"flat": True})}
        files = [layer.file for layer in self.state.frozen]
        # From the top down: each is held by the one above it.
        for file in reversed(files[files.index(step.into) + 1 : files.index(step.top) + 1]):
            if _node_name(file) in nodes:
                await monitor.execute("blockdev-del", {"node-name": _node_name(file)})

    # After a crash

    async def settle(self, guest: Guest | None) -> None:
        """Finish or take back what was begun when this program or QEMU was killed. `guest` is the one that runs."""
        match self.state.doing:
            case Freezing(file):
                if await self._is_written(file, guest):
                    self._frozen_into(file)
                else:
                    if guest:
                        with contextlib.suppress(CommandRefused):
                            await guest.monitor.execute("blockdev-del", {"node-name": _node_name(file)})
                    self.save(doing=None, unused=(*self.state.unused, file))
            case Merging() as step:
                await self._finish_merge(step, guest)
        self.drop_unused()

    async def mend(self) -> None:
        """Free what kill -9 left unused in the layers that may have been written then. No QEMU runs."""
        sealed = {layer.file for layer in self.state.frozen if layer.sha256}
        for file in self.state.chain:
            if file not in sealed:
                await images.mend(self.folder / file)

    async def _is_written(self, file: str, guest: Guest | None) -> bool:
        """Whether the guest writes to a layer. Where it doesn't run, an empty layer on top changes nothing."""
        if guest:
            return (await _open_chain(guest))[0] == _node_name(file)
        try:
            is_over = await images.backing_of(self.folder / file) == self.state.active
        except MachineError:
            return False
        return is_over and not await images.check(self.folder / file)

    async def overlay(self, file: str, below: str = "") -> None:
        """An empty layer `file` over another, or else over all that is frozen."""
        await images.create_overlay(self.folder / file, below or self.state.frozen[-1].file, self._disk_bytes)

    def drop_unused(self) -> None:
        """Remove the files that nothing needs any more."""
        if self.state.unused:
            for file in self.state.unused:
                _sidecar(self.folder / file).unlink(missing_ok=True)
                (self.folder / file).unlink(missing_ok=True)
            self.save(unused=())

    # Looking after

    async def verify(self, is_running: bool) -> list[Fault]:
        """What is wrong with the layers; checksums of all that is frozen, the structure of what is written."""
        faults: list[Fault] = []
        below = ""
        for file in self.state.chain:
            path = self.folder / file
            layer = next((layer for layer in self.state.frozen if layer.file == file), None)
            if not path.is_file():
                faults.append(Fault(file, "is missing"))
            elif layer and layer.sha256 and path.stat().st_size != layer.bytes:
                faults.append(Fault(file, f"has {path.stat().st_size} bytes instead of {layer.bytes}"))
            elif layer and layer.sha256 and str(await sparse.checksum(path)) != layer.sha256:
                faults.append(Fault(file, "has other bytes than when it was frozen"))
            elif not is_running and not (layer and layer.sha256) and (complaint := await images.check(path)):
                faults.append(Fault(file, f"is damaged: {complaint}"))
            elif (named := await images.backing_of(path)) != below:
                faults.append(Fault(file, f"lies on “{named}” by its own word, and on “{below}” by the state's"))
            below = file
        return faults


async def recover(folder: Path, name: str) -> State:
    """A state from the layers alone: their headers say which lies on which. Nobody knows where the machine lives."""
    layers = folder / "layers"
    below = {path.name: await images.backing_of(path) for path in sorted(layers.glob("*.qcow2"))}
    tops = sorted(set(below) - set(below.values()))
    if len(tops) != 1:
        raise MachineError(f"The layers of {name} have {len(tops)} tops ({', '.join(tops)}): keep one in {layers}.")
    chain = [tops[0]]
    while under := below[chain[0]]:
        if under not in below:
            raise MachineError(f"The layer {under} of {name} is missing in {layers}: put it back.")
        chain.insert(0, under)
    frozen = [_recovered(layers / file) for file in chain]
    # What is written has no checksum; a host that has a copy only has nothing that is written.
    active = frozen.pop().file if not frozen[-1].sha256 else ""
    history = tuple(layer.ends for layer in frozen if layer.ends)
    last = max((boundary.generation for boundary in history), default=0)
    return State("unclaimed", active, last + 1, tuple(frozen), history)


def _recovered(path: Path) -> Layer:
    try:
        said = msgspec.json.decode(_sidecar(path).read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return Layer(path.name, None)
    return Layer(path.name, said.ends, said.sha256, said.bytes)


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def _node_name(file: str) -> str:
    return f"{_NODE_PREFIX}{Path(file).stem}"


def _ends_job(event: Event) -> bool:
    is_end = event.name in ("BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED")
    return is_end and event.data.get("device") == _JOB


async def _open_chain(guest: Guest) -> list[str]:
    """The nodes of the guest's disk that QEMU has now, the top one first (how it writes their files varies)."""
    for block in await guest.monitor.execute("query-blockstats"):
        if str(block.get("node-name", "")).startswith(_NODE_PREFIX):
            nodes = []
            while block:
                nodes.append(block["node-name"])
                block = block.get("backing")
            return nodes
    raise MachineError(f"The QEMU of {guest.name} has no disk.")
