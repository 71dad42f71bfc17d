"""`voxy vm agent`, `pair`, `peers`, `move` and `sync`: machines between hosts, on the command line."""

import asyncio
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from voxy.config import state_folder
from voxy.errors import MachineError
from voxy.values import Listen
from voxy.vm.cli import name_, on_layers, open_store, qemu_, state_dir, vm
from voxy.vm.progress import Progress
from voxy.vm.report import Report
from voxy.vm.sizes import shown

if TYPE_CHECKING:
    from voxy.vm.move import Departure


@vm.command()
@click.option("--listen", default="0.0.0.0:8443", show_default=True, help="Address and port for other hosts.")
@qemu_
@state_dir
def agent(listen: str, qemu: str, folder: str) -> None:
    """Let hosts that are paired move machines here, until Ctrl+C."""
    store, address = open_store(folder), _address(listen)

    async def run() -> None:
        from voxy.vm.agent import Agent
        from voxy.vm.identity import Identity

        stopping = asyncio.Event()
        if sys.platform != "win32":  # there, Ctrl+C ends the loop
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        served = Agent(store, Identity(state_folder(folder, os.environ)), qemu)
        runner, port = await served.start(address.host, port=address.port)
        try:
            click.echo(f"Listening on {address._replace(port=port)}.")
            click.echo("To pair another host with this one, say there within ten minutes:")
            click.echo(f"voxy vm pair {socket.gethostname()}:{port} --code {served.new_code()}")
            await stopping.wait()
        finally:
            await runner.cleanup()

    asyncio.run(run())


@vm.command()
@click.argument("address")
@click.option("--code", prompt="The code that the agent there shows", help="What the agent there shows.")
@state_dir
def pair(address: str, code: str, folder: str) -> None:
    """Know the host whose agent listens at ADDRESS, and be known there; once."""
    open_store(folder)
    from voxy.vm.identity import Identity
    from voxy.vm.peer import pair

    where = _address(address if address.rpartition(":")[2].isdecimal() else f"{address}:8443")
    known = asyncio.run(pair(Identity(state_folder(folder, os.environ)), where, code))
    click.echo(f"{known.name} is known now. Move a machine there: voxy vm move NAME {known.name}")


@vm.command()
@state_dir
def peers(folder: str) -> None:
    """Show the hosts that are known."""
    open_store(folder)
    from voxy.vm.identity import Identity

    for known in Identity(state_folder(folder, os.environ)).known():
        click.echo(f"{known.name:24} {known.address or 'address not known':24} {known.id[:16]}")


_quiet = click.option("--quiet", is_flag=True, help="Don't show how far it is.")


@vm.command()
@name_
@click.argument("peer")
@_quiet
@state_dir
def move(name: str, peer: str, quiet: bool, folder: str) -> None:
    """Move a machine to another host, running or not; only what that one lacks is sent.

    Ctrl+C leaves it on this host, at any time before the other one has been told to take it.
    """
    sent = _depart(name, peer, folder, quiet, is_sync=False)
    told = f"{shown(sent.bytes)} in {sent.layers} layers were sent" if sent else "it had arrived before"
    if sent and sent.halted_s:
        told += f", and it stood still for {sent.halted_s:.2f} s"
    click.echo(f"{name} lives on {peer} now; {told}.")
    if advice := on_layers(open_store(folder).open(name), peer):
        click.echo(advice)


@vm.command()
@name_
@click.argument("peer")
@_quiet
@state_dir
def sync(name: str, peer: str, quiet: bool, folder: str) -> None:
    """Send ahead what another host lacks, so that a move is short; the machine may run meanwhile."""
    sent = _depart(name, peer, folder, quiet, is_sync=True)
    click.echo(f"{peer} has generation {sent.at.generation} of {name}; {shown(sent.bytes)} were sent.")


def _depart(name: str, peer: str, folder: str, is_quiet: bool, is_sync: bool) -> Any:
    machine = open_store(folder).open(name)
    report = Report(None if is_quiet else sys.stderr)

    async def run() -> Any:
        from voxy.vm.identity import Identity
        from voxy.vm.move import Departure
        from voxy.vm.peer import PeerClient

        identity = Identity(state_folder(folder, os.environ))
        with machine.lock():
            async with PeerClient(identity, identity.peer(peer), machine.spec.uuid) as client:
                departure = Departure(machine, client, Progress(report.tell, report.note))
                _let_signals_stop(departure, report, name, peer)
                return await (departure.sync() if is_sync else departure.move())

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        click.echo(f"Stopped: {name} stays on this host. What {peer} has got needn't be sent again.", err=True)
        sys.exit(130)
    finally:
        report.close()


def _let_signals_stop(departure: "Departure", report: Report, name: str, peer: str) -> None:
    """Have Ctrl+C and its like end a departure as long as it can be taken back, and in no other way than that.

    Until the loop ends: who is impatient must not break off how the rest is put in order.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task
    was_told = False

    def stop() -> None:
        nonlocal was_told
        report.close()
        if departure.stage == "here" and not task.cancelling():
            click.echo(f"Stopping; {name} stays on this host.", err=True)
            task.cancel()
        elif departure.stage == "told" and not task.cancelling():
            if was_told:
                task.cancel()
            else:
                click.echo(f"{peer} has been told to take {name}: waiting for its answer, or Ctrl+C again.", err=True)
            was_told = True

    if sys.platform != "win32":  # there, Ctrl+C cancels the task whatever its stage
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)


def _address(text: str) -> Listen:
    try:
        return Listen.parse(text)
    except ValueError as error:
        raise MachineError(f"“{text}” is no address: {error}.") from None


commands = vm
"""All of `voxy vm`."""
