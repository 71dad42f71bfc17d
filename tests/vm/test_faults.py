"""What goes wrong on a machine's way: it is said in a sentence, the guest runs on where it was, nothing is lost."""

import asyncio
import contextlib
import datetime
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from tests.vm.hosts import Host, host, introduce
from tests.vm.journeys import check_stopped, roles, started, until_counted
from tests.vm.line import line
from tests.vm.machines import small
from tests.vm.test_flight import pytestmark
from tests.vm.tick import make_image
from voxy.errors import MachineError
from voxy.vm import agent, flight, freight, identity, peer
from voxy.vm.arrival import Commit, Offer, Step
from voxy.vm.flight import Flight
from voxy.vm.identity import Identity, Known
from voxy.vm.peer import PeerClient, PeerGone, PeerRefused
from voxy.vm.progress import Phase, Progress
from voxy.vm.state import Boundary

__all__ = ["pytestmark"]


async def check_goes_on(a: Host, b: Host) -> None:
    """The guest runs on the first host, alone; and once the fault is mended it moves, with all that it ever wrote."""
    assert roles(a)[0] == "owner"
    assert a.machine().layers.state.move is None
    await until_counted(a, 8)
    assert await a.move("desk", b)
    assert roles(a, b) == ["copy", "owner"]
    await until_counted(b, 8)
    await check_stopped(b)


# A disk that is full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB, of memory."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


@contextlib.asynccontextmanager
async def noisy(folder: Path, there: Path) -> AsyncIterator[tuple[Host, Host]]:
    """A machine whose disk can't be compressed on one host, and another host on the disk `there`."""
    image = make_image(folder / "image")
    with image.open("r+b") as file:
        file.seek(6 << 20)
        file.write(os.urandom(8 << 20))
    async with host(folder, "a") as a, host(there, "b") as b:
        await a.store.create("desk", small(), image)
        await introduce(a, b)
        yield a, b


async def test_a_disk_there_that_is_full_takes_nothing_and_later_the_rest(tmp_path: Path, small_disk: Path) -> None:
    async with noisy(tmp_path, small_disk) as (a, b), started(a, b):
        with pytest.raises(PeerRefused, match=r"its disk can't take the layer \(No space left on device\): make room"):
            await a.move("desk", b)
        enlarge(small_disk)
        await check_goes_on(a, b)


async def test_a_disk_there_that_is_full_at_the_last_moment(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge(small_disk)
    real = PeerClient.prepare

    async def fill_up(self: PeerClient, step: Step) -> None:
        await real(self, step)
        with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    async with noisy(tmp_path, small_disk) as (a, b), started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(PeerClient, "prepare", fill_up)
            with pytest.raises(MachineError, match=r"The disk of desk didn't arrive: No space left on device\."):
                await a.move("desk", b)
        (small_disk / "ballast").unlink()
        await check_goes_on(a, b)


# A peer that hangs


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what takes a minute takes a second or two."""
    for name in ("_CONNECT_S", "_ANSWER_S", "_FORGET_S", "SILENCE_S"):
        monkeypatch.setattr(peer, name, 1.5)
    monkeypatch.setattr(freight, "SILENCE_S", 1.5)
    for name in ("_CONNECT_S", "_SILENCE_S", "_HALTED_SILENCE_S"):
        monkeypatch.setattr(flight, name, 1.5)


async def test_one_who_listens_and_says_nothing_is_not_waited_for(
    a: Host, b: Host, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        async with started(a, b):
            a.identity.learn(Known("b", b.identity.certificate, address))
            with pytest.raises(PeerGone, match=f"b at {address} says nothing any more"):
                await a.move("desk", b)
            a.identity.learn(Known("b", b.identity.certificate, str(b.address)))
            monkeypatch.undo()
            await check_goes_on(a, b)


@pytest.mark.parametrize("phase", [Phase.ASKING, Phase.LAYERS, Phase.DISK, Phase.MEMORY, Phase.HALTED])
async def test_a_line_that_falls_silent_is_not_waited_for(
    phase: Phase, a: Host, b: Host, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line(a, b, bytes_per_s=1e6) as slow, started(a, b):

        def hold(progress: Progress) -> None:
            if progress.phase is phase:
                slow.hold()

        with pytest.raises(MachineError, match=r"says nothing|takes nothing|taken nothing|arrive"):
            await a.move("desk", b, Progress(hold))
        await until_counted(a, 8)
        slow.let_go()
        slow.cut()
        slow.bytes_per_s = 1e9
        monkeypatch.undo()
        await until_dropped(b)
        await check_goes_on(a, b)


async def until_dropped(on: Host) -> None:
    """Wait until a host has noticed that nobody sends any more."""
    for _ in range(200 if on.store.names() else 0):
        with contextlib.suppress(MachineError), on.machine().lock():
            return
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("step", ["_mirror", "memory"])
async def test_a_qemu_there_that_hangs_is_not_waited_for(
    step: str, a: Host, b: Host, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def freeze() -> None:
        pid = b.store.run_folder("desk").pid()
        assert pid
        os.kill(pid, signal.SIGSTOP)

    real = Flight._mirror

    async def frozen(self: Flight, disk: Path) -> None:
        if step == "_mirror":
            freeze()
        await real(self, disk)
        if step == "memory":
            freeze()

    async with started(a, b):
        with monkeypatch.context() as patched:
            patched.setattr(Flight, "_mirror", frozen)
            with pytest.raises(MachineError, match=r"takes nothing of desk any more|has taken nothing|arrive"):
                await a.move("desk", b)
        monkeypatch.undo()
        await check_goes_on(a, b)


# Who asks for what can't be


async def test_of_two_moves_at_once_one_is_refused_and_one_arrives(a: Host, b: Host) -> None:
    async with started(a, b):
        results = await asyncio.gather(a.move("desk", b), a.move("desk", b), return_exceptions=True)
        refused = [result for result in results if isinstance(result, MachineError)]
        assert [str(error) for error in refused] == [
            "Something else is being done with desk now: try again when it is done."
        ]
        assert roles(a, b) == ["copy", "owner"]
        await until_counted(b, 8)
        await check_stopped(b)


async def test_a_move_waits_for_what_is_left_of_the_one_before(a: Host, b: Host) -> None:
    """Who moved it was killed, and the other host still starts its QEMU for that."""
    await a.sync("desk", b)

    async def is_busy() -> None:
        with b.machine().lock():
            busy.set()
            await asyncio.sleep(1)

    busy = asyncio.Event()
    async with started(a, b), asyncio.TaskGroup() as group:
        group.create_task(is_busy())
        await busy.wait()
        await a.move("desk", b)
        assert roles(a, b) == ["copy", "owner"]


async def test_a_machine_moves_to_another_host_only(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_PATIENCE_S", 0.2)
    async with started(a, b):
        with pytest.raises(MachineError, match="a is this host itself: name another"):
            a.identity.peer("a")
        # By another name and its own address, it meets its own lock.
        a.identity._peers.joinpath("self.json").write_bytes(
            msgspec.json.encode(Known("self", a.identity.certificate, str(a.address)))
        )
        async with a.departure("desk", a_as_peer(a)) as departure:
            with pytest.raises(MachineError):
                await departure.move()
        a.identity._peers.joinpath("self.json").unlink()
        await check_goes_on(a, b)


def a_as_peer(on: Host) -> Host:
    return Host("self", on.folder, on.store, on.identity, on.agent, on.port)


@pytest.mark.parametrize("hours", [-47, -1, 1, 47])
async def test_clocks_may_differ(hours: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(tmp_path, "a") as a:
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        with shifted(monkeypatch, hours):
            Identity(tmp_path / "b")
        async with host(tmp_path, "b") as b:
            await introduce(a, b)
            assert await a.move("desk", b)
            assert await b.move("desk", a)
            assert roles(a, b) == ["owner", "copy"]


async def test_clocks_that_differ_by_days_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(tmp_path, "a") as a:
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        with shifted(monkeypatch, 72):
            Identity(tmp_path / "b")
        async with host(tmp_path, "b") as b:
            a.identity.learn(Known("b", b.identity.certificate, str(b.address)))
            with pytest.raises(PeerRefused, match="The certificate of b is of another time: set the clocks of both"):
                await a.move("desk", b)
        assert a.machine().layers.state.role == "owner"


@contextlib.contextmanager
def shifted(monkeypatch: pytest.MonkeyPatch, hours: int) -> Iterator[None]:
    """A host whose clock goes wrong by so many hours makes its certificate."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda _: now), UTC=datetime.UTC)
    with monkeypatch.context() as patched:
        patched.setattr(identity, "datetime", clock)
        yield


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_state_that_was_cut_is_said_and_the_guest_runs_on(where: str, a: Host, b: Host) -> None:
    async with started(a, b):
        await a.sync("desk", b)
        path = (a if where == "here" else b).machine().folder / "state.json"
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2])
        with pytest.raises(MachineError, match=r"The state of desk in .* can't be read .*voxy vm recover desk"):
            await a.move("desk", b)
        assert a.store.run_folder("desk").pid()
        await until_counted(a, 8)
        path.write_bytes(good)
        await check_goes_on(a, b)


# Who may


async def test_a_certificate_that_is_not_known_is_refused_and_logged(
    a: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Identity(tmp_path / "stranger")
    known = stranger.learn(Known("a", a.identity.certificate, str(a.address)))
    async with PeerClient(stranger, known, a.machine().spec.uuid) as client:
        with pytest.raises(PeerGone, match="knows this host no more"):
            await client.abort(Step("0" * 32))
    assert "! refused a certificate that is not known: self-signed certificate" in caplog.text


async def test_a_commit_that_is_said_again_changes_nothing_and_is_refused_after_the_next(
    a: Host, b: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Commit] = []
    real = PeerClient.commit

    async def overhear(self: PeerClient, commit: Commit) -> None:
        said.append(commit)
        await real(self, commit)

    monkeypatch.setattr(PeerClient, "commit", overhear)
    async with started(a, b):
        await a.move("desk", b)
        async with client(a, b) as replaying:
            await replay(real, replaying, said[0], b)
            await until_counted(b, 8)
            await b.move("desk", a)
            await replay(real, replaying, said[0], b)
            assert caplog.text.count("! a said again that desk lives here: nothing was changed") == 2
            await a.move("desk", b)
            await b.move("desk", a)
            with pytest.raises(PeerRefused, match="b refused: it knows nothing of this move"):
                await real(replaying, said[0])
        assert roles(a, b) == ["owner", "copy"]
        assert not b.machine().is_running
        assert "/commit of 127.0.0.1: it knows nothing of this move" in caplog.text
        await until_counted(a, 8)
        await check_stopped(a)


async def replay(real: Callable[..., Awaitable[None]], by: PeerClient, commit: Commit, on: Host) -> None:
    before = on.machine().layers.state, on.machine().is_running
    await real(by, commit)
    assert (on.machine().layers.state, on.machine().is_running) == before


@contextlib.asynccontextmanager
async def client(on: Host, to: Host, uuid: str = "") -> AsyncIterator[PeerClient]:
    known = on.identity.peer(to.name)
    async with PeerClient(on.identity, known, uuid or on.machine().spec.uuid) as made:
        yield made


async def test_a_machine_under_another_ones_id_is_refused_and_logged(
    a: Host, b: Host, caplog: pytest.LogCaptureFixture
) -> None:
    other = await b.store.create("other", small(), None)
    commit = Commit("0" * 32, Boundary(9, "f" * 16), (), 9)
    async with client(a, b, other.spec.uuid) as asking:
        offer = Offer("0" * 32, "other", msgspec.Raw(a.machine().spec.serialize()), 9)
        with pytest.raises(PeerRefused, match="it can't read the request"):
            await asking.offer(offer)
        with pytest.raises(PeerRefused, match="it lives there too"):
            await asking.offer(msgspec.structs.replace(offer, spec=msgspec.Raw(other.spec.serialize())))
        with pytest.raises(PeerRefused, match="it knows nothing of this move"):
            await asking.commit(commit)
    async with client(a, b, "00000000-0000-4000-8000-000000000000") as asking:
        with pytest.raises(PeerRefused, match="it doesn't know this machine"):
            await asking.commit(commit)
    assert b.store.open("other").layers.state == other.layers.state
    assert "another machine" in caplog.text
    assert "it knows nothing of this move" in caplog.text
    assert "it doesn't know this machine" in caplog.text


async def test_another_host_cant_take_part_in_a_move(a: Host, b: Host, tmp_path: Path) -> None:
    async with host(tmp_path, "c") as c, client(a, b) as moving:
        await introduce(b, c)
        uuid = a.machine().spec.uuid
        move = "1" * 32
        await moving.offer(Offer(move, "desk", msgspec.Raw(a.machine().spec.serialize()), 1))
        async with client(c, b, uuid) as other:
            for ask in (
                lambda: other.commit(Commit(move, Boundary(9, "f" * 16), (), 9)),
                lambda: other.abort(Step(move)),
                lambda: other.prepare(Step(move)),
            ):
                with pytest.raises(PeerRefused, match="another host is moving this machine there"):
                    await ask()
        assert b.machine().layers.state.move
        assert b.machine().layers.state.move.peer == a.identity.id
