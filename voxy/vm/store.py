"""Store: the machines of this host, by name."""

import asyncio
import contextlib
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from voxy.errors import GuestLost, MachineBusy, MachineError
from voxy.vm import images, state
from voxy.vm.engine import Guest, Qemu, RunFolder
from voxy.vm.flight import take_back
from voxy.vm.layers import Layers, recover
from voxy.vm.locks import held
from voxy.vm.spec import Spec
from voxy.vm.state import State

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_ASK_AGAIN_S = 0.05
_ROOM_BYTES = 64 << 20
"""What a host's disk must have left over after an image has been copied to it."""


class Machine:
    """A machine of this host: its description, its layers, and where it runs."""

    def __init__(self, folder: Path, spec: Spec, layers: Layers) -> None:
        self.name = folder.name
        self.folder = folder
        self.spec = spec
        self.layers = layers
        self.run = RunFolder(folder / "run")

    @property
    def is_running(self) -> bool:
        return self.run.pid() is not None

    async def start(self, qemu: Qemu) -> Guest:
        """Start it; MachineError says why it can't be. The lock is held."""
        self.check_move()
        if self.is_running:
            async with self.guest():
                raise MachineError(f"{self.name} runs already.")
        await self.layers.settle(None)
        if self.layers.state.role != "owner":
            raise MachineError(
                f"{self.name} may run on another host: start it there, or say voxy vm claim {self.name} "
                "when you know that it never will again."
            )
        for file in self.layers.state.chain:
            if not (self.layers.folder / file).is_file():
                raise MachineError(
                    f"The layer {file} of {self.name} is missing: put it back into {self.layers.folder}."
                )
        # A QEMU that ends by itself removes its pid file; one that is killed can't.
        if self.run.pid_file.exists():
            await self.layers.mend()
        return await Guest.start(qemu, self.spec, self.name, self.layers.disk(), self.run)

    def check_move(self) -> None:
        """MachineError where it was told to go, and whether it did is not known."""
        if (move := self.layers.state.move) and move.phase == "committing":
            raise MachineError(
                f"{self.name} was told to go to {move.peer}, and no answer came: voxy vm move {self.name} {move.peer} "
                f"asks again; if {move.peer} is gone for ever, voxy vm claim {self.name}."
            )

    @asynccontextmanager
    async def guest(self) -> AsyncIterator[Guest | None]:
        """The guest, where it runs, after what was left undone has been settled. The lock is held."""
        guest: Guest | None = None
        with contextlib.suppress(GuestLost):
            guest = await Guest.attach(self.name, self.run) if self.is_running else None
        if guest is None and self.is_running:
            raise GuestLost(f"The QEMU of {self.name} doesn't answer: stop it with voxy vm stop --kill {self.name}.")
        try:
            await self.layers.settle(guest)
            if guest and (move := self.layers.state.move) and move.phase == "copying":
                # Who moved it was killed, maybe while the guest was halted for its last step.
                await take_back(guest)
                self.layers.save(move=None)
            yield guest
        finally:
            if guest:
                await guest.close()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Only one at a time changes a machine; MachineBusy where another does now."""
        with _locked(self.folder):
            # Another may have changed it between the reading and the lock.
            self.layers.state = state.load(self.folder / "state.json", self.name)
            yield

    @asynccontextmanager
    async def lock_within(self, seconds: float) -> AsyncIterator[None]:
        """As `lock`, but MachineBusy only where another still holds it after so long."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self.lock())
                    break
                except MachineBusy:
                    if clock() >= until:
                        raise
                await asyncio.sleep(_ASK_AGAIN_S)
            yield


class Store:
    """The machines in `folder`, each in one of its own name."""

    def __init__(self, folder: Path) -> None:
        self._machines = folder / "machines"

    def names(self) -> list[str]:
        if not self._machines.is_dir():
            return []
        return sorted(path.name for path in self._machines.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())

    def open(self, name: str) -> Machine:
        """The machine of that name; MachineError where there is none, or its files can't be read."""
        folder = self._folder(name)
        spec = _read_spec(folder, name)
        return Machine(folder, spec, Layers(folder, name, spec.disk_bytes, state.load(folder / "state.json", name)))

    def run_folder(self, name: str) -> RunFolder:
        """Where the machine of that name runs; its other files need not be readable."""
        return RunFolder(self._folder(name) / "run")

    async def create(self, name: str, spec: Spec, image: Path | None) -> Machine:
        """A new machine whose disk is empty or begins as `image`; all of it is there in the end, or nothing."""
        if not _NAME.fullmatch(name):
            raise MachineError(f"“{name}” can't name a machine: use up to 32 of a to z, 0 to 9, - and _.")
        folder = self._machines / name
        if folder.exists():
            raise _taken(name)
        if image:
            self._check_image(image, await images.virtual_bytes(image), spec)
        self._make_folder()
        with self._part() as part:
            await _fill(part, spec, image)
            try:
                part.rename(folder)
            except OSError:
                raise _taken(name) from None
        state.sync(self._machines)
        machine = self.open(name)
        with machine.lock():
            await machine.layers.seal()
        return machine

    def adopt(self, name: str, spec: Spec) -> Machine:
        """The machine that `spec` describes, whatever its name here; without layers yet, if it is new to this host."""
        if own := self._name_of(spec.uuid):
            machine = self.open(own)
            if machine.spec.digest != spec.digest:
                raise MachineError(f"its {own} is the same machine with other devices: they can't be one")
            return machine
        if not _NAME.fullmatch(name):
            raise MachineError(f"“{name}” can't name a machine there")
        self._make_folder()
        with self._part() as part:
            state.write_whole(part / "spec.json", spec.serialize())
            state.save(part / "state.json", State("copy", "", 1))
            try:
                part.rename(self._machines / name)
            except OSError:
                raise MachineError(f"it has another machine called {name}") from None
        return self.open(name)

    def find(self, uuid: str) -> Machine:
        """The machine of that UUID; MachineError where there is none."""
        if own := self._name_of(uuid):
            return self.open(own)
        raise MachineError("it doesn't know this machine")

    def _name_of(self, uuid: str) -> str:
        for name in self.names():
            with contextlib.suppress(MachineError):
                if _read_spec(self._machines / name, name).uuid == uuid:
                    return name
        return ""

    async def recover(self, name: str) -> State:
        """Make the state of a machine anew from its layers, and keep the file that couldn't be read."""
        folder = self._folder(name)
        _read_spec(folder, name)
        with _locked(folder):
            if self.run_folder(name).pid() is not None:
                raise MachineError(f"{name} runs: stop it first, with voxy vm stop --kill {name}.")
            told = await recover(folder, name)
            with contextlib.suppress(FileNotFoundError):
                (folder / "state.json").rename(folder / "state.json.broken")
            state.save(folder / "state.json", told)
        return told

    def _folder(self, name: str) -> Path:
        folder = self._machines / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            had = ", ".join(self.names())
            raise MachineError(
                f"There is no machine “{name}” here: " + (f"there are {had}." if had else "create it first.")
            )
        return folder

    def _make_folder(self) -> None:
        try:
            self._machines.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MachineError(f"{self._machines} can't be made ({error.strerror}): use another --state-dir.") from None

    def _check_image(self, image: Path, image_bytes: int, spec: Spec) -> None:
        if image_bytes > spec.disk_bytes:
            raise MachineError(f"{image} is a disk of {image_bytes} bytes: say --disk {image_bytes} or more.")
        folder = next(path for path in (self._machines, *self._machines.parents) if path.exists())
        free, needed = shutil.disk_usage(folder).free, images.used_bytes(image) + _ROOM_BYTES
        if free < needed:
            raise MachineError(f"The disk of this host is too full for {image}: {needed - free} bytes more are needed.")

    @contextmanager
    def _part(self) -> Iterator[Path]:
        """A folder for what is being made, which is gone in the end unless it has got another name."""
        part = self._machines / f".new-{secrets.token_hex(6)}"
        # Its lock is beside it: on Windows, a folder with an open file in it can't be renamed.
        lock = part.with_suffix(".lock")
        with ExitStack() as stack:
            with _locked(self._machines, is_patient=True):
                self._sweep()
                (part / "layers").mkdir(mode=0o700, parents=True)
                stack.callback(lock.unlink)
                stack.enter_context(held(lock))
            try:
                yield part
            finally:
                shutil.rmtree(part, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a creation left that was killed; one that goes on holds its lock."""
        for left in self._machines.glob(".new-*"):
            lock = left.with_suffix(".lock")
            if left != lock:
                with contextlib.suppress(BlockingIOError), held(lock):
                    shutil.rmtree(left)
                    lock.unlink()


async def _fill(folder: Path, spec: Spec, image: Path | None) -> None:
    """Make a machine's files: its first generation is what it begins with."""
    first, active = state.new_file(), state.new_file()
    layers = folder / "layers"
    if image:
        await images.convert(image, layers / first, spec.disk_bytes)
    else:
        await images.create_empty(layers / first, spec.disk_bytes)
    await images.create_overlay(layers / active, first, spec.disk_bytes)
    state.write_whole(folder / "spec.json", spec.serialize())
    state.save(folder / "state.json", State("owner", first, 1).freeze(active))
    await asyncio.to_thread(state.sync, layers)


def _read_spec(folder: Path, name: str) -> Spec:
    try:
        return Spec.parse((folder / "spec.json").read_bytes())
    except (OSError, MachineError) as error:
        raise MachineError(f"The description of {name} in {folder / 'spec.json'} can't be read: {error}") from None


def _taken(name: str) -> MachineError:
    return MachineError(f"There is a machine “{name}” already: choose another name.")


@contextmanager
def _locked(folder: Path, is_patient: bool = False) -> Iterator[None]:
    """Hold the lock of a folder, which ends with this process however it ends."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / "lock", is_patient))
        except BlockingIOError:
            name = folder.name
            raise MachineBusy(f"Something else is being done with {name} now: try again when it is done.") from None
        yield
