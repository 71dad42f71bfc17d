"""`voxy vm …`: machines on the command line."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxy.config import state_folder
from voxy.errors import GuestLost, MachineError
from voxy.vm import programs
from voxy.vm.sizes import UNITS, shown

if TYPE_CHECKING:
    # What speaks to QEMU is imported when it is needed: `voxy serve` does without.
    from voxy.vm.engine import Guest
    from voxy.vm.store import Machine, Store

_SMALLEST_DISK_BYTES = 1 << 20

_MANY_LAYERS = 96
"""Layers with which QEMU takes a second longer to start; the time grows with the square of their number."""


class _Bytes(click.ParamType[int]):
    """A number of bytes: 512M, 20G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,15})([KMGT]?)", str(value).upper())
        if not found:
            self.fail(f"“{value}” is no size: use bytes, or such as 512M or 20G.", param, ctx)
        return int(found[1]) * UNITS[found[2]]


def open_store(folder: str) -> "Store":
    """The machines of the state in `folder`, or else the user's; MachineError where what speaks to QEMU is missing."""
    try:
        from voxy.vm.store import Store
    except ModuleNotFoundError as error:
        raise MachineError(f"Machines need {error.name}, which is not there: pip install 'voxy[vm]'.") from None
    return Store(state_folder(folder, os.environ))


state_dir = click.option(
    "--state-dir",
    "folder",
    default="",
    envvar="VOXY_STATE_DIR",
    help="Folder of VoXY's state, with the machines.  [default: ~/.local/state/voxy]",
)
name_ = click.argument("name")
qemu_ = click.option(
    "--qemu", default=programs.SYSTEM, show_default=True, envvar="VOXY_QEMU", help="QEMU's program, by name or path."
)


@click.group()
def vm() -> None:
    """Machines that can travel: QEMU guests with disks in generations."""


def on_layers(machine: "Machine", host: str = "") -> str:
    """What is to be done about a machine of very many layers, on the host where it lives; or nothing."""
    layers = len(machine.layers.state.chain)
    if layers < _MANY_LAYERS:
        return ""
    few = f"For few, on {host}" if host else "For few"
    return f"It has {layers} layers here, and starts more slowly with each. {few}: voxy vm merge {machine.name}"


@vm.command()
@name_
@click.option("--disk", type=_Bytes(), help="Size of its disk; that of the image without it.  Example: --disk 20G")
@click.option("--memory", type=_Bytes(), default="2G", show_default=True, help="Its memory.  Example: --memory 512M")
@click.option("--cpus", default=1, show_default=True, help="How many CPUs it has.")
@click.option(
    "--from", "image", type=click.Path(path_type=Path), help="What its disk begins with: any image of QEMU's."
)
@click.option("--machine", help="QEMU's machine type, with its version.  Example: --machine pc-q35-5.1")
@click.option("--cpu", help="Its CPU model, by name.  Example: --cpu Westmere-v1")
@state_dir
def create(
    name: str, disk: int | None, memory: int, cpus: int, image: Path | None, folder: str, **model: str | None
) -> None:
    """Make a machine that every host with QEMU can run."""
    asyncio.run(_create(open_store(folder), name, disk, (memory, cpus, model), image))


async def _create(
    store: "Store", name: str, disk: int | None, made_of: tuple[int, int, dict[str, str | None]], image: Path | None
) -> None:
    from voxy.vm import images
    from voxy.vm.spec import Spec

    if disk is None and image is None:
        raise MachineError("A machine needs a disk: say how large, as in --disk 20G, or from which image, with --from.")
    memory, cpus, model = made_of
    given = {key: value for key, value in model.items() if value is not None}
    size = disk if disk is not None else await images.virtual_bytes(Path(image or ""))
    if size < _SMALLEST_DISK_BYTES:
        raise MachineError(f"A disk of {size} bytes is too small: use {_SMALLEST_DISK_BYTES} or more.")
    spec = Spec.new(size, memory >> 20, cpus, **given)
    machine = await store.create(name, spec, image)
    click.echo(f"{name} is made: {spec.machine}, {spec.cpu}, {shown(size)} of disk. Start it: voxy vm start {name}")
    click.echo(f"Its disk is in {machine.layers.folder}.", err=True)


@vm.command()
@name_
@qemu_
@state_dir
def start(name: str, qemu: str, folder: str) -> None:
    """Start a machine; it runs on when this command has ended."""
    machine = open_store(folder).open(name)

    async def run() -> None:
        from voxy.vm.engine import Qemu

        with machine.lock():
            await (await machine.start(await Qemu.find(qemu))).close()

    asyncio.run(run())
    click.echo(f"{name} runs. See it: voxy serve --vm {name}")
    if advice := on_layers(machine):
        click.echo(advice)


@vm.command()
@name_
@click.option("--timeout", default=60.0, show_default=True, help="Seconds that its system has to shut down.")
@click.option("--kill", is_flag=True, help="End it at once, whatever it does.")
@state_dir
def stop(name: str, timeout: float, kill: bool, folder: str) -> None:
    """Press a machine's power button; after a while, switch it off."""
    store = open_store(folder)
    if kill:
        # Without a look at the machine's state: that may be what can't be read.
        click.echo(f"{name} is stopped (killed)." if store.run_folder(name).kill() else f"{name} doesn't run.")
        return
    machine = store.open(name)
    click.echo(f"{name} is stopped ({_with_guest(machine, lambda guest: guest.stop(timeout))}).")


@vm.command("list")
@state_dir
def list_(folder: str) -> None:
    """Show the machines of this host."""
    store = open_store(folder)
    for name in store.names():
        try:
            machine = store.open(name)
        except MachineError as error:
            click.echo(f"{name:16} broken   {error}")
            continue
        layers, spec = machine.layers.state, machine.spec
        generations = sum(1 for layer in layers.frozen if layer.ends)
        sizes = f"{shown(spec.memory_mib << 20)} of memory, {shown(spec.disk_bytes)} of disk"
        click.echo(f"{name:16} {_status(machine):8} {sizes}, {generations} generations")


@vm.command()
@name_
@state_dir
def info(name: str, folder: str) -> None:
    """Show what a machine is made of."""
    from voxy.vm.images import used_bytes

    machine = open_store(folder).open(name)
    spec, layers = machine.spec, machine.layers
    used = sum(used_bytes(path) for path in layers.folder.glob("*.qcow2"))
    told = {
        "status": _status(machine),
        "machine": f"{spec.machine}, {spec.cpu}, {spec.cpus} CPU, {shown(spec.memory_mib << 20)} of memory",
        "disk": f"{shown(spec.disk_bytes)}, of which {shown(used)} here in {len(layers.state.chain)} layers",
        "devices": ", ".join(f"{device.id} ({device.driver})" for device in spec.devices),
        "uuid": spec.uuid,
        "hash": spec.digest,
        "screen": str(machine.run.socket("vnc")),
        "folder": str(machine.folder),
    }
    for key, value in told.items():
        click.echo(f"{key:8} {value}")


@vm.command()
@name_
@state_dir
def generations(name: str, folder: str) -> None:
    """Show the states of the disk to which a machine can go back."""
    layers = open_store(folder).open(name).layers
    at = {peer.at.id: peer.name for peer in layers.state.peers.values()}
    for layer in layers.state.frozen:
        if layer.ends:
            peer = f"  {at[layer.ends.id]} stands here" if layer.ends.id in at else ""
            click.echo(f"{layer.ends.generation:4}  {shown((layers.folder / layer.file).stat().st_size):>9}{peer}")
    click.echo(f"{layers.state.next_generation:4}  {'written':>9}")


@vm.command()
@name_
@state_dir
def freeze(name: str, folder: str) -> None:
    """End a generation: keep the disk as it is now, also while the machine runs."""
    machine = open_store(folder).open(name)

    async def work(guest: "Guest | None") -> int:
        ended = await machine.layers.freeze(guest)
        await machine.layers.seal()
        return ended.generation

    click.echo(f"{name} has generation {_locked(machine, work)} now.")


@vm.command()
@name_
@state_dir
def verify(name: str, folder: str) -> int:
    """Compare each layer with its checksum; status 1 where one is damaged."""
    machine = open_store(folder).open(name)
    faults = _locked(machine, lambda guest: machine.layers.verify(guest is not None))
    for fault in faults:
        click.echo(f"The layer {fault.file} {fault.sentence}.")
    if not faults:
        click.echo(f"All {len(machine.layers.state.chain)} layers of {name} are as they should be.")
    return 1 if faults else 0


@vm.command()
@name_
@click.argument("generation", type=int)
@click.option("--yes", is_flag=True, help="Don't ask.")
@state_dir
def rollback(name: str, generation: int, yes: bool, folder: str) -> None:
    """Take the disk of a machine that is stopped back to a generation."""
    machine = open_store(folder).open(name)
    if not yes:
        click.confirm(f"All that {name} has written after generation {generation} will be gone. Go on?", abort=True)

    async def work(guest: "Guest | None") -> None:
        if guest:
            raise MachineError(f"{name} runs: stop it first.")
        await machine.layers.rollback(generation)

    _locked(machine, work)
    click.echo(f"{name} is at generation {generation} again.")


@vm.command()
@name_
@state_dir
def merge(name: str, folder: str) -> None:
    """Make one layer of those that no other host needs apart, also while the machine runs."""
    machine = open_store(folder).open(name)
    fewer = _locked(machine, machine.layers.merge)
    click.echo(f"{name} has {len(machine.layers.state.chain)} layers now, {fewer} fewer.")


@vm.command()
@name_
@state_dir
def recover(name: str, folder: str) -> None:
    """Make the state of a machine anew from its layers, where it can't be read."""
    told = asyncio.run(open_store(folder).recover(name))
    click.echo(f"{name} has {len(told.chain)} layers. If it lives on this host: voxy vm claim {name}")


@vm.command()
@name_
@click.option("--yes", is_flag=True, help="Don't ask.")
@state_dir
def claim(name: str, yes: bool, folder: str) -> None:
    """Say that a machine lives here, and on no other host."""
    machine = open_store(folder).open(name)
    if not yes:
        click.confirm(f"If {name} runs on another host as well, the two will differ for ever. Go on?", abort=True)

    async def work(_: "Guest | None") -> None:
        await machine.layers.claim()

    _locked(machine, work)
    click.echo(f"{name} lives here now. Start it: voxy vm start {name}")


def _locked(machine: "Machine", work: "Callable[[Guest | None], Awaitable[Any]]") -> Any:
    """Do something with a machine, alone, and with its guest where it runs."""

    async def run() -> Any:
        with machine.lock():
            async with machine.guest() as guest:
                return await work(guest)

    return asyncio.run(run())


def _with_guest(machine: "Machine", work: "Callable[[Guest], Awaitable[Any]]") -> Any:
    async def run(guest: "Guest | None") -> Any:
        if guest is None:
            raise GuestLost(f"{machine.name} doesn't run.")
        return await work(guest)

    return _locked(machine, run)


def _status(machine: "Machine") -> str:
    if machine.is_running:
        return "running"
    return "stopped" if machine.layers.state.role == "owner" else machine.layers.state.role
