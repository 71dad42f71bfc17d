import asyncio
import os
import shutil
import ssl
import struct
import subprocess
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from tests.vm.hosts import Host, host, introduce
from tests.vm.machines import running, small
from tests.vm.tick import check_disk, wait_count
from voxy.errors import MachineError
from voxy.vm import arrival, freight
from voxy.vm.agent import Agent
from voxy.vm.arrival import Commit, Offer
from voxy.vm.freight import Record
from voxy.vm.identity import Identity, Known
from voxy.vm.peer import PeerClient, PeerGone, PeerRefused, pair
from voxy.vm.progress import Phase, Progress
from voxy.vm.state import Boundary, Layer, State
from voxy.vm.store import Machine
from voxy.vm.zstandard import zstd

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]


def top(machine: Machine) -> Path:
    return machine.layers.folder / machine.layers.state.chain[-1]


def write(machine: Machine, offset: int, value: int, length: int = 65536) -> None:
    """Write as a guest would."""
    command = f"write -q -P {value} {offset} {length}"
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", command, str(top(machine))], check=True, capture_output=True)


def write_from(machine: Machine, offset: int, source: Path) -> None:
    """Write what a file has."""
    command = f"write -q -s {source} {offset} {source.stat().st_size}"
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", command, str(top(machine))], check=True, capture_output=True)


async def same_disk(one: Machine, other: Machine) -> bool:
    command = ("qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2", str(top(one)), str(top(other)))
    return await (await asyncio.create_subprocess_exec(*command)).wait() == 0


def roles(*hosts: Host) -> list[str]:
    return [each.machine().layers.state.role for each in hosts]


# Moving


async def test_a_machine_goes_there_and_back_and_only_differences_travel(a: Host, b: Host) -> None:
    async with running(a.machine()) as guest:
        await wait_count(guest, 40)
        await guest.stop(within_s=0)
    first = await a.move("desk", b)
    assert roles(a, b) == ["copy", "owner"]
    assert await same_disk(a.machine(), b.machine())
    async with running(b.machine()) as guest:
        seen = await wait_count(guest, 8)
        await guest.stop(within_s=0)
    second = await b.move("desk", a)
    assert roles(a, b) == ["owner", "copy"]
    assert await same_disk(a.machine(), b.machine())
    assert first
    assert second
    assert second.layers == 1
    assert second.bytes < first.bytes
    for each in (a, b):
        assert await each.machine().layers.verify(is_running=False) == []
    async with running(a.machine()) as guest:
        assert await wait_count(guest, 4) >= 4
    assert seen >= 8


async def test_the_machine_is_the_same_there(a: Host, b: Host) -> None:
    await a.move("desk", b)
    assert b.machine().spec.digest == a.machine().spec.digest
    assert b.machine().layers.state.history == a.machine().layers.state.history
    assert b.machine().layers.state.epoch == a.machine().layers.state.epoch == 2


async def test_where_it_was_it_is_not_started(a: Host, b: Host) -> None:
    await a.move("desk", b)
    with a.machine().lock(), pytest.raises(MachineError, match="may run on another host"):
        await a.machine().start(None)  # type: ignore[arg-type]
    with pytest.raises(MachineError, match="lives on another host"):
        await a.move("desk", b)


async def test_of_three_hosts_one_is_left_behind_and_catches_up(a: Host, b: Host, tmp_path: Path) -> None:
    async with host(tmp_path, "c") as c:
        await introduce(a, b, c)
        await a.move("desk", b)
        write(b.machine(), 12 << 20, 1)
        await b.move("desk", c)
        write(c.machine(), 13 << 20, 2)
        with c.machine().lock():
            await c.machine().layers.merge(None)
        sent = await c.move("desk", a)
        assert roles(a, b, c) == ["owner", "copy", "copy"]
        assert sent
        assert await same_disk(a.machine(), c.machine())
        write(a.machine(), 14 << 20, 3)
        await a.move("desk", b)
        assert await same_disk(a.machine(), b.machine())
        assert await b.machine().layers.verify(is_running=False) == []


async def test_what_is_sent_ahead_is_not_sent_again_and_the_guest_runs_meanwhile(a: Host, b: Host) -> None:
    machine = a.machine()
    async with running(machine) as guest:
        await wait_count(guest, 40)
        await guest.monitor.close()
        first = await a.sync("desk", b)
    assert roles(a, b) == ["owner", "copy"]
    sent = await a.move("desk", b)
    assert sent
    assert first.layers == 2
    assert sent.layers == 1
    assert await same_disk(a.machine(), b.machine())


async def test_a_disk_that_was_moved_after_kill_9_has_all_that_was_acknowledged(a: Host, b: Host) -> None:
    async with running(a.machine()) as guest:
        seen = await wait_count(guest, 30)
        guest.kill()
        await guest.wait_end(30)
    await a.move("desk", b)
    assert check_disk(top(b.machine()), seen) >= seen


async def test_rollback_on_one_host_takes_the_others_copy_back_too(a: Host, b: Host) -> None:
    write(a.machine(), 12 << 20, 1)
    await a.sync("desk", b)
    with a.machine().lock():
        machine = a.machine()
        await machine.layers.rollback(1)
    write(a.machine(), 13 << 20, 2)
    await a.move("desk", b)
    assert await same_disk(a.machine(), b.machine())
    assert [layer.ends.generation for layer in b.machine().layers.state.frozen if layer.ends] == [1, 3]


async def test_another_machine_of_that_name_is_left_alone(a: Host, b: Host) -> None:
    other = await b.store.create("desk", small(), None)
    with pytest.raises(PeerRefused, match="b refused: it has another machine called desk"):
        await a.move("desk", b)
    assert a.machine().layers.state.move is None
    assert b.machine().spec == other.spec


async def test_an_owner_takes_no_other_in(a: Host, b: Host) -> None:
    await a.move("desk", b)
    machine = a.machine()
    with machine.lock():
        await machine.layers.claim()
    with pytest.raises(PeerRefused, match="it lives there too"):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "owner"]


async def test_a_move_from_where_it_was_long_ago_is_refused(a: Host, b: Host, tmp_path: Path) -> None:
    async with host(tmp_path, "c") as c:
        await introduce(a, b, c)
        folder = a.machine().folder
        shutil.copytree(folder, tmp_path / "backup")
        await a.move("desk", b)
        await b.move("desk", c)
        # The first host is put back to what it was before.
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "backup", folder)
        with pytest.raises(PeerRefused, match="the one here is an older one"):
            await a.move("desk", b)
        assert roles(b, c) == ["copy", "owner"]


# Faults


async def test_a_move_to_a_host_that_is_down_changes_nothing(a: Host, tmp_path: Path) -> None:
    async with host(tmp_path, "b") as b:
        await introduce(a, b)
    with pytest.raises(PeerGone, match=r"b at 127\.0\.0\.1:.* doesn't answer"):
        await a.move("desk", b)
    assert a.machine().layers.state.role == "owner"
    async with running(a.machine()) as guest:
        await wait_count(guest, 1)


async def test_a_layer_that_was_cut_off_goes_on_where_it_was(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    image = a.folder / "noise"
    image.write_bytes(os.urandom(6 << 20))
    write_from(a.machine(), 6 << 20, image)
    offsets: list[int] = []
    real = PeerClient.send

    async def cut(self: PeerClient, move: str, layer: Layer, path: Path, offset: int, progress: Progress) -> int:
        offsets.append(offset)
        if layer.bytes < 2 << 20 or offset:
            return await real(self, move, layer, path, offset, progress)

        def tear(told: Progress) -> None:
            if told.done_bytes > 4 << 20:
                raise OSError("the line was cut")

        torn = Progress(tear)
        torn.enter(Phase.LAYERS, layer.bytes)
        return await real(self, move, layer, path, offset, torn)

    with monkeypatch.context() as patched:
        patched.setattr(PeerClient, "send", cut)
        with pytest.raises(PeerGone):
            await a.move("desk", b)
        assert roles(a, b) == ["owner", "copy"]
        await until_idle(b)
        offsets.clear()
        sent = await a.move("desk", b)
    assert offsets[0] >= 3 << 20
    assert sent
    assert sent.bytes < 4 << 20
    assert await same_disk(a.machine(), b.machine())


async def until_idle(on: Host) -> None:
    """Wait until a host has noticed, a moment later, that nothing comes any more."""
    for _ in range(100):
        if not arrival_is_busy(on):
            break
        await asyncio.sleep(0.02)


def arrival_is_busy(on: Host) -> bool:
    try:
        with on.machine().lock():
            return False
    except MachineError:
        return True


async def test_a_layer_with_other_bytes_is_not_taken(a: Host, b: Host) -> None:
    machine = a.machine()
    path = machine.layers.folder / machine.layers.state.frozen[0].file
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(MachineError, match=r"has other bytes than when it was frozen: voxy vm verify desk says"):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]
    assert b.machine().layers.state.frozen == ()
    path.write_bytes(good)
    await a.move("desk", b)
    assert await same_disk(a.machine(), b.machine())


async def test_a_layer_that_changed_on_the_way_is_not_taken(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = freight._record

    def spoil(path: Path, step: freight._Step) -> Record:
        record = real(path, step)
        if step.start:
            return record
        load = bytearray(zstd.decompress(record.wire[17:]))
        load[-1] ^= 1
        packed = zstd.compress(load)
        head = struct.pack(">BIIQ", 2, len(packed), len(load), step.end - step.start)
        return Record(head + packed, record.data_bytes)

    with monkeypatch.context() as patched:
        patched.setattr(freight, "_record", spoil)
        with pytest.raises(PeerRefused, match="a layer arrived with other bytes than were sent"):
            await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]
    assert b.machine().layers.state.frozen == ()
    await a.move("desk", b)
    assert await same_disk(a.machine(), b.machine())


async def test_a_layer_that_was_truncated_here_is_said(a: Host, b: Host) -> None:
    machine = a.machine()
    layer = machine.layers.state.frozen[0]
    path = machine.layers.folder / layer.file
    good = path.read_bytes()
    path.write_bytes(good[:-4096])
    sentence = f"The layer {layer.file} of desk has {layer.bytes - 4096} bytes instead of {layer.bytes}: voxy vm verify"
    with pytest.raises(MachineError, match=sentence):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]
    path.write_bytes(good)
    await a.move("desk", b)
    assert await same_disk(a.machine(), b.machine())


async def test_a_layer_larger_than_the_disk_is_not_taken(a: Host, b: Host) -> None:
    machine = a.machine()
    layer = machine.layers.state.frozen[0]
    path = machine.layers.folder / layer.file
    with path.open("ab") as file:
        file.truncate(1 << 30)
    machine.layers.save(frozen=(msgspec.structs.replace(layer, bytes=1 << 30),))
    with pytest.raises(PeerRefused, match="a layer of 1073741824 bytes is none of this machine's"):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]


async def test_a_full_disk_there_is_said_and_nothing_is_lost(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival.Arrival, "_part", lambda self, layer: Path("/dev/full"))
    monkeypatch.setattr(arrival.Arrival, "arrived_bytes", lambda self, layer: 0)
    with pytest.raises(PeerRefused, match="its disk can't take the layer"):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]


@pytest.mark.parametrize("is_before", [True, False])
async def test_without_an_answer_to_the_commit_it_runs_nowhere_until_asked(
    is_before: bool, a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PeerClient.commit

    async def cut(self: PeerClient, commit: Commit) -> None:
        if not is_before:
            await real(self, commit)
        raise PeerGone("b doesn't answer.")

    monkeypatch.setattr(PeerClient, "commit", cut)
    with pytest.raises(PeerGone, match=r"is not known, so it isn't started here: voxy vm move desk b asks again"):
        await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy" if is_before else "owner"]
    with a.machine().lock(), pytest.raises(MachineError, match="no answer came: voxy vm move desk b asks again"):
        await a.machine().start(None)  # type: ignore[arg-type]
    monkeypatch.setattr(PeerClient, "commit", real)
    assert await a.move("desk", b) is None
    assert roles(a, b) == ["copy", "owner"]
    assert await same_disk(a.machine(), b.machine())


async def test_a_commit_that_is_refused_is_taken_back(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: arrival.Arrival, *_: object) -> None:
        raise MachineError("generation 2 has not arrived")

    with monkeypatch.context() as patched:
        patched.setattr(arrival.Arrival, "commit", refuse)
        with pytest.raises(PeerRefused, match="has not arrived"):
            await a.move("desk", b)
    assert roles(a, b) == ["owner", "copy"]
    assert b.machine().layers.state.move is None
    await a.move("desk", b)
    assert roles(a, b) == ["copy", "owner"]


async def test_while_the_other_is_still_at_it_a_refusal_takes_nothing_back(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PeerClient.commit

    async def busy(self: PeerClient, commit: Commit) -> None:
        # As when the first request is still at work there, and holds the lock.
        with b.machine().lock():
            await real(self, commit)

    async def abort_while_busy(self: PeerClient, _: object) -> None:
        raise PeerRefused("b refused: Something else is being done with desk now.")

    with monkeypatch.context() as patched:
        patched.setattr(PeerClient, "commit", busy)
        patched.setattr(PeerClient, "abort", abort_while_busy)
        with pytest.raises(PeerGone, match="is not known"):
            await a.move("desk", b)
    assert a.machine().layers.state.move
    assert await a.move("desk", b) is None
    assert roles(a, b) == ["copy", "owner"]


async def test_a_commit_that_comes_late_is_refused(a: Host, b: Host) -> None:
    await a.sync("desk", b)
    machine = a.machine()
    tip = machine.layers.state.tip
    assert tip
    async with PeerClient(a.identity, a.identity.peer("b"), machine.spec.uuid) as client:
        with pytest.raises(PeerRefused, match="knows nothing of this move"):
            await client.commit(Commit("0" * 32, tip, machine.layers.state.history, 9))
    assert roles(a, b) == ["owner", "copy"]


async def test_a_layer_that_names_a_file_of_its_host_is_not_taken(a: Host, b: Host, tmp_path: Path) -> None:
    machine = a.machine()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(512))
    layer = machine.layers.state.frozen[0]
    path = machine.layers.folder / layer.file
    # A first layer that lies on something.
    command = ["qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", str(secret), "-F", "raw", str(path)]
    await (await asyncio.create_subprocess_exec(*command)).wait()
    machine.layers.save(frozen=(Layer(layer.file, layer.ends),))
    with pytest.raises(PeerRefused, match="names a file of its host"):
        await a.move("desk", b)
    assert b.machine().layers.state.frozen == ()


# Who may


async def test_hosts_that_are_paired_know_each_other(a: Host, b: Host) -> None:
    assert a.identity.peer("b").id == b.identity.id
    assert b.identity.peer("a").id == a.identity.id
    with pytest.raises(MachineError, match="No host “c” is known: pair with it first, or use b"):
        a.identity.peer("c")


async def test_a_wrong_code_pairs_nobody_and_five_end_it(a: Host, tmp_path: Path) -> None:
    stranger = Identity(tmp_path / "stranger")
    code = a.agent.new_code()
    for _ in range(5):
        with pytest.raises(PeerRefused, match="the code is another"):
            await pair(stranger, a.address, "AAAA-AAAA-AAAA")
    with pytest.raises(PeerRefused, match="used or is too old"):
        await pair(stranger, a.address, code)
    assert a.identity.known() == stranger.known() == []


async def test_a_code_is_good_once(a: Host, tmp_path: Path) -> None:
    code = a.agent.new_code()
    await pair(Identity(tmp_path / "one"), a.address, code.lower())
    with pytest.raises(PeerRefused, match="used or is too old"):
        await pair(Identity(tmp_path / "two"), a.address, code)


async def test_a_certificate_that_is_not_known_is_refused(a: Host, b: Host, tmp_path: Path) -> None:
    stranger = Identity(tmp_path / "stranger")
    known = stranger.learn(Known("a", a.identity.certificate, str(a.address)))
    async with PeerClient(stranger, known, a.machine().spec.uuid) as client:
        with pytest.raises(PeerGone, match="knows this host no more"):
            await client.offer(Offer("0" * 32, "desk", msgspec.Raw(a.machine().spec.serialize()), 1))


async def test_without_a_certificate_one_may_only_pair(a: Host) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=a.identity.certificate)
    async with aiohttp.ClientSession() as session:
        url = f"https://{a.address}/v1/machines/{a.machine().spec.uuid}/abort"
        async with session.post(url, data=b"{}", ssl=context) as response:
            assert response.status == 401


async def test_a_host_that_shows_another_certificate_is_not_talked_to(a: Host, b: Host, tmp_path: Path) -> None:
    other = Identity(tmp_path / "other")
    a.identity.learn(Known("other", other.certificate, str(b.address)))
    async with PeerClient(a.identity, a.identity.peer("other"), a.machine().spec.uuid) as client:
        with pytest.raises(PeerRefused, match="is not other: its certificate is another"):
            await client.offer(Offer("0" * 32, "desk", msgspec.Raw(a.machine().spec.serialize()), 1))


async def test_another_version_of_the_protocol_is_said(a: Host, b: Host) -> None:
    machine = a.machine()
    async with PeerClient(a.identity, a.identity.peer("b"), machine.spec.uuid) as client:
        for version in (1, 3, 5):
            offer = Offer("0" * 32, "desk", msgspec.Raw(machine.spec.serialize()), 1, protocol=version)
            said = rf"b refused: it speaks version 4 of the protocol, and this one version {version}: use the same VoXY"
            with pytest.raises(PeerRefused, match=said):
                await client.offer(offer)


async def test_what_another_version_says_need_not_be_understood(a: Host, b: Host) -> None:
    machine = a.machine()
    async with PeerClient(a.identity, a.identity.peer("b"), machine.spec.uuid) as client:
        with pytest.raises(PeerRefused, match="version 4 of the protocol, and this one version 9"):
            await client._request("POST", "offer", asyncio.timeout(9), data=b'{"machine":{},"protocol":9}')
        with pytest.raises(PeerRefused, match="can't read the request: use the same version of VoXY on both"):
            await client._request("POST", "offer", asyncio.timeout(9), data=b'{"machine":{},"protocol":4}')


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b'{"history":[],"parts":{}}', "c: it speaks version 1 of the protocol, and this one version 4: use the same"),
        (b'{"history":[],"parts":{},"protocol":7}', "c: it speaks version 7 of the protocol, and this one version 4"),
        (b"<html>", "c answers what can't be read: use the same VoXY on both"),
        (b" " * (2 << 20), "it answers more than 1048576 bytes"),
    ],
)
async def test_an_answer_of_another_version_is_said_too(
    said: bytes, sentence: str, a: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*_: object) -> web.Response:
        return web.Response(body=said)

    monkeypatch.setattr(Agent, "_offer", answer)
    async with host(tmp_path, "c") as c:
        await introduce(a, c)
        with pytest.raises(MachineError, match=sentence):
            await a.move("desk", c)
    assert a.machine().layers.state.role == "owner"
    assert a.machine().layers.state.move is None


async def test_a_host_cant_pair_with_itself(a: Host) -> None:
    with pytest.raises(MachineError, match="This is the host itself"):
        await pair(a.identity, a.address, a.agent.new_code())


def test_a_copy_whose_generations_are_unknown_gets_everything() -> None:
    only = Boundary(1, "x")
    common, layers = State("owner", "t", 2, (Layer("l", only),), (only,)).missing_for(())
    assert common is None
    assert len(layers) == 1
