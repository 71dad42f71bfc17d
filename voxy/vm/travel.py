"""`voxy vm agent`, `pair`, `peers`, `move` and `sync`: machines between hosts, on the command line."""

import asyncio
import os
import signal
import socket
from typing import Any

import click

from voxy.config import state_folder
from voxy.errors import MachineError
from voxy.values import Listen
from voxy.vm.cli import name_, open_store, state_dir, vm
from voxy.vm.progress import Progress
from voxy.vm.sizes import shown


@vm.command()
@click.option("--listen", default="0.0.0.0:8443", show_default=True, help="Address and port for other hosts.")
@state_dir
def agent(listen: str, folder: str) -> None:
    """Let hosts that are paired move machines here, until Ctrl+C."""
    store, address = open_store(folder), _address(listen)

    async def run() -> None:
        from voxy.vm.agent import Agent
        from voxy.vm.identity import Identity

        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        served = Agent(store, Identity(state_folder(folder, os.environ)))
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


@vm.command()
@name_
@click.argument("peer")
@state_dir
def move(name: str, peer: str, folder: str) -> None:
    """Move a machine to another host, running or not; only what that one lacks is sent."""
    sent = _depart(name, peer, folder, is_sync=False)
    told = f"{shown(sent.bytes)} in {sent.layers} layers were sent" if sent else "it had arrived before"
    click.echo(f"{name} lives on {peer} now; {told}.")


@vm.command()
@name_
@click.argument("peer")
@state_dir
def sync(name: str, peer: str, folder: str) -> None:
    """Send ahead what another host lacks, so that a move is short; the machine may run meanwhile."""
    sent = _depart(name, peer, folder, is_sync=True)
    click.echo(f"{peer} has generation {sent.at.generation} of {name}; {shown(sent.bytes)} were sent.")


def _depart(name: str, peer: str, folder: str, is_sync: bool) -> Any:
    machine = open_store(folder).open(name)

    async def run() -> Any:
        from voxy.vm.identity import Identity
        from voxy.vm.move import Departure
        from voxy.vm.peer import PeerClient

        identity = Identity(state_folder(folder, os.environ))
        with machine.lock():
            async with PeerClient(identity, identity.peer(peer), machine.spec.uuid) as client:
                departure = Departure(machine, client, Progress())
                return await (departure.sync() if is_sync else departure.move())

    return asyncio.run(run())


def _address(text: str) -> Listen:
    try:
        return Listen.parse(text)
    except ValueError as error:
        raise MachineError(f"“{text}” is no address: {error}.") from None


commands = vm
"""All of `voxy vm`."""
