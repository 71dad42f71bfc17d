"""Chaos: a machine moves to and fro between two real agents, and at a random moment something is killed or cut.

python -m tests.vm.chaos --moves 200 --seed 1

After each move the guest runs on one side, or what VoXY says is done, and nothing else, and then it does. Its disk is
compared each time with what it must be after all the writes that the guest has seen completed.
"""

import argparse
import asyncio
import contextlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.line import Line
from tests.vm.journeys import top
from tests.vm.machines import small
from tests.vm.tick import check_disk, count, make_image, wait_count
from voxy.errors import GuestLost, MachineError
from voxy.vm.engine import Guest, RunFolder
from voxy.vm.identity import Identity
from voxy.vm.state import Move, State
from voxy.vm.store import Machine, Store

VOXY = str(Path(sys.executable).parent / "voxy")
FAULTS = ("nothing", "QEMU there", "QEMU here", "agent there", "agent here", "mover", "line cut", "line stalled")
MOMENTS = ("anywhere", "in flight", "at the commit")
_COMMAND_S = 120.0
_RUNS_S = 20.0
_ADVICES_MOST = 6
_STALL_S = 2.0
_SECOND_SHARE, _SECOND_S = 0.25, 1.0
"""Of so many moves, a second thing goes wrong so soon."""

_ADVICE = re.compile(r"voxy vm (move|start) (\w+)(?: ([\w.-]+))?")
_MERGED_EVERY = 25
"""Moves after which the layers are merged, as somebody would who reads that they are many."""

_DATA = "write -z 1M 4M"
"""Where the guest writes: it counts from 1 again when it is started again."""


class Broken(Exception):
    """What must never be."""


@dataclass
class Side:
    """One host: its folder, its agent, and the line on which the other reaches it."""

    name: str
    folder: Path
    port: int = 0
    code: str = ""
    agent: asyncio.subprocess.Process | None = None
    line: Line = field(init=False)

    @property
    def machine(self) -> Machine:
        return Store(self.folder).open("desk")

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder / "machines/desk/run")

    @property
    def peer(self) -> str:
        """The other, as it is called here."""
        (known,) = Identity(self.folder).known()
        return known.name

    async def start_agent(self) -> None:
        command = (VOXY, "vm", "agent", "--listen", f"127.0.0.1:{self.port}", "--state-dir", str(self.folder))
        log = (self.folder / "agent.log").open("ab")
        with log:
            self.agent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        assert self.agent.stdout
        self.code = ""
        while not self.code:
            said = (await asyncio.wait_for(self.agent.stdout.readline(), _COMMAND_S)).decode()
            assert said, f"the agent of {self.name} has ended: {(self.folder / 'agent.log').read_text()[-500:]}"
            if found := re.search(r"Listening on .*:(\d+)", said):
                self.port = int(found[1])
            if found := re.search(r"--code (\S+)", said):
                self.code = found[1]

    async def end_agent(self) -> None:
        """kill -9, and wait."""
        if self.agent and self.agent.returncode is None:
            self.agent.kill()
        if self.agent:
            await self.agent.communicate()

    async def voxy(self, *arguments: str) -> tuple[int, str]:
        """What a person says on this host; the exit status and all that is answered."""
        process = await self.start(*arguments)
        said, _ = await asyncio.wait_for(process.communicate(), _COMMAND_S)
        assert process.returncode is not None
        return process.returncode, said.decode().strip()

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        command = (VOXY, "vm", *arguments, "--state-dir", str(self.folder))
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)

    async def counted(self, checks: bool = False) -> int | None:
        """How far the guest has counted, where it runs here; where asked, its disk is compared with that."""
        if self.run.pid() is None or self.machine.layers.state.role != "owner":
            return None  # one that waits for its memory has never run, and its agent talks to it
        try:
            async with await Guest.attach("desk", self.run) as guest:
                if not (await guest.monitor.execute("query-status"))["running"]:
                    return None
                if not checks:
                    return await count(guest)
                await guest.monitor.execute("stop")
                seen = await count(guest)
                check_disk(await self._written(guest), seen)
                await guest.monitor.execute("cont")
                await asyncio.wait_for(wait_count(guest, seen + 2), _RUNS_S)
                return seen
        except GuestLost:
            return None

    async def _written(self, guest: Guest) -> Path:
        """The layer that QEMU writes to, by its own word: a freeze that was broken off may not have said it yet."""
        names = [str(block.get("node-name", "")) for block in await guest.monitor.execute("query-blockstats")]
        (stem,) = (name.removeprefix("layer-") for name in names if name.startswith("layer-"))
        return self.machine.layers.folder / f"{stem}.qcow2"


class Chaos:
    """The two sides, and what is done to them."""

    def __init__(self, here: Side, there: Side, chance: random.Random) -> None:
        self.sides = (here, there)
        self._chance = chance
        self._took_s = 3.0
        self._acknowledged = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()

    async def move(self, source: Side, target: Side) -> Side:
        """One move with one fault; where the guest is then."""
        fault, moment = self._chance.choice(FAULTS), self._chance.choice(MOMENTS)
        second = self._chance.choice(FAULTS) if self._chance.random() < _SECOND_SHARE else "nothing"
        self._acknowledged = await source.counted() or 0
        started = time.monotonic()
        mover = await source.start("move", "desk", source.peer)
        end = asyncio.create_task(mover.communicate())
        await self._wait_for(moment, source, end)
        was_in_time = not end.done()
        await self._do(fault, source, target, mover)
        if second != "nothing":
            await asyncio.sleep(self._chance.uniform(0, _SECOND_S))
            await self._do(second, source, target, mover)
        said, _ = await asyncio.wait_for(end, _COMMAND_S)
        if fault == second == "nothing":
            self._took_s = time.monotonic() - started
            if mover.returncode:
                raise Broken(f"without a fault the move failed: {said.decode()}")
        for side in self.sides:
            if side.agent and side.agent.returncode is not None:
                await side.start_agent()
        after, outcome = await self._settle(source, target, said.decode().strip())
        names = " and ".join(sorted({fault, second} - {"nothing"})) or "nothing"
        name = names if was_in_time else f"{names}, after the end"
        self.outcomes[name, outcome] += 1
        print(f"{source.name} to {target.name}, {name} {moment}: {outcome}", flush=True)
        return after

    async def merge(self, side: Side) -> None:
        """Merge the layers under the guest that runs."""
        layers = len(side.machine.layers.state.chain)
        status, said = await side.voxy("merge", "desk")
        if status or len(side.machine.layers.state.chain) >= layers:
            raise Broken(f"{layers} layers can't be merged: {said}")
        if await side.counted(checks=True) is None:
            raise Broken("it doesn't run after a merge")
        print(f"{side.name}: {said}", flush=True)

    async def _wait_for(self, moment: str, source: Side, end: "asyncio.Task[object]") -> None:
        phases = {"in flight": ("copying",), "at the commit": ("committing",)}.get(moment)
        if phases:
            while not end.done() and _phase(source) not in phases:
                await asyncio.sleep(0.002)
        span_s = {"anywhere": self._took_s, "in flight": self._took_s / 2}.get(moment, 0.1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(end), self._chance.uniform(0, span_s))

    async def _do(self, fault: str, source: Side, target: Side, mover: asyncio.subprocess.Process) -> None:
        match fault:
            case "QEMU there":
                target.run.kill()
            case "QEMU here":
                source.run.kill()
            case "agent there":
                await target.end_agent()
            case "agent here":
                await source.end_agent()
            case "mover" if mover.returncode is None:
                mover.kill()
            case "line cut":
                target.line.cut()
            case "line stalled":
                with target.line.stalled():
                    await asyncio.sleep(_STALL_S)

    async def _settle(self, source: Side, target: Side, said: str) -> tuple[Side, str]:
        """Do what VoXY says until the guest runs on one side and neither side waits for anything."""
        steps: list[str] = []
        for _ in range(_ADVICES_MOST):
            seen = {side.name: await side.counted(checks=True) for side in self.sides}
            running = [side for side in self.sides if seen[side.name] is not None]
            if len(running) > 1:
                raise Broken(f"it runs on both sides, at {seen}")
            if running and all(_is_at_rest(side) for side in self.sides):
                if not any("start" in step for step in steps) and (seen[running[0].name] or 0) < self._acknowledged:
                    raise Broken(f"the guest had counted to {self._acknowledged}, and is at {seen}")
                outcome = "it arrived" if running[0] is target else "it stayed"
                return running[0], ", ".join([outcome, *steps])
            # The last advice, or what anybody would ask who wants the machine to run.
            on, advice = self._advice(source, target, said)
            steps.append(f"said {advice[0]} {'there' if on is target else 'here'}")
            if advice[0] == "start":
                await self._check_stopped(on)
            status, said = await on.voxy(*advice)
            steps[-1] += f" ({status})"
        raise Broken(f"it runs nowhere after {', '.join(steps)}: {said}")

    def _advice(self, source: Side, target: Side, said: str) -> tuple[Side, tuple[str, ...]]:
        if found := _ADVICE.search(said):
            on = target if "it lives there" in said and found[1] == "start" else source
            return on, tuple(word for word in found.groups() if word)
        return (target if "on another host" in said else source), ("start", "desk")

    async def _check_stopped(self, side: Side) -> None:
        """Compare the disk of a machine that was killed and can be started, and have it empty for a new beginning."""
        machine, told = side.machine, side.machine.layers.state
        if side.run.pid() is not None or told.role != "owner" or (told.move and told.move.phase == "committing"):
            return
        async with machine.lock_within(_COMMAND_S):  # an agent may still be at it
            await machine.layers.settle(None)  # which layer was written to is known then
        image = top(machine)
        check_disk(image, self._acknowledged)
        _empty(image)
        self._acknowledged = 0


def _empty(image: Path) -> None:
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", _DATA, str(image)], check=True, capture_output=True)


def _state(side: Side) -> State | None:
    with contextlib.suppress(MachineError):
        return side.machine.layers.state
    return None


def _phase(side: Side) -> str:
    told = _state(side)
    return told.move.phase if told and told.move else ""


def _is_at_rest(side: Side) -> bool:
    """Whether the side has nothing to ask of a person. One that waits for a move that never comes is free to wait."""
    told = _state(side)
    move: Move | None = told.move if told else None
    return move is None or move.phase == "receiving"


@contextlib.asynccontextmanager
async def sides(folder: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Two hosts that know each other, and the machine running on the first."""
    here, there = Side("a", folder / "a"), Side("b", folder / "b")
    async with contextlib.AsyncExitStack() as stack:
        ports = {}
        for side in (here, there):
            side.folder.mkdir()
            await side.start_agent()
            stack.push_async_callback(side.end_agent)
            side.line = Line(side.port)
            ports[side.name] = await stack.enter_async_context(side.line.open())
        for one, other in ((here, there), (there, here)):
            status, said = await one.voxy("pair", f"127.0.0.1:{ports[other.name]}", "--code", other.code)
            assert status == 0, said
        await Store(here.folder).create("desk", small(), make_image(folder / "image"))
        for side in (here, there):
            stack.callback(side.run.kill)
        status, said = await here.voxy("start", "desk")
        assert status == 0, said
        yield here, there


async def run(moves: int, seed: int, limit_s: float = float("inf")) -> Counter[tuple[str, str]]:
    """So many moves, or those that fit into the time; Broken, or an assertion, when something is lost."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="voxy-chaos-", ignore_cleanup_errors=True) as folder:
        async with sides(Path(folder)) as (at, to):
            chaos = Chaos(at, to, random.Random(seed))
            try:
                for number in range(moves):
                    if time.monotonic() - began > limit_s:
                        break
                    if await chaos.move(at, to) is to:
                        at, to = to, at
                    if number % _MERGED_EVERY == _MERGED_EVERY - 1:
                        await chaos.merge(at)
            except BaseException:
                print(_told(at, to), flush=True)
                raise
            for side in (at, to):
                if faults := await side.machine.layers.verify(is_running=side is at):
                    raise Broken(f"{side.name}: {faults}")
            return chaos.outcomes


def _told(*sides: Side) -> str:
    lines = []
    for side in sides:
        log = (side.folder / "agent.log").read_text(encoding="utf-8").splitlines()[-12:]
        lines += [f"{side.name}: QEMU {side.run.pid()}, {_state(side)}", *log, side.run.last_words()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after the move amid which they pass")
    options = parser.parse_args()
    outcomes = asyncio.run(run(options.moves, options.seed, options.seconds))
    print(f"\n{sum(outcomes.values())} moves, seed {options.seed}: no write lost, and never on both sides.")
    for (fault, outcome), times in sorted(outcomes.items()):
        print(f"{times:4}  {fault}: {outcome}")


if __name__ == "__main__":
    main()
