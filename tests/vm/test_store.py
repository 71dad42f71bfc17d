import asyncio
import json
import random
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.vm.machines import make, running, small
from tests.vm.tick import DISK_BYTES, check_disk, count, make_image, wait_count
from voxy.errors import GuestLost, MachineError
from voxy.vm import images, sparse, state
from voxy.vm.layers import Layers
from voxy.vm.state import Boundary, Freezing, Layer, Merging, Peer, State
from voxy.vm.store import Machine, Store

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]


ALWAYS = 12 << 20
"""A place that every generation writes, and the guest doesn't."""


def again(machine: Machine) -> Machine:
    """The same machine as another process finds it."""
    return Store(machine.folder.parent.parent).open(machine.name)


def top(machine: Machine) -> Path:
    return machine.layers.folder / machine.layers.state.active


def write(path: Path, offset: int, value: int, length: int = 4096) -> None:
    """Write to a layer as a guest would."""
    command = f"write -q -P {value} {offset} {length}"
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", command, str(path)], check=True, capture_output=True)


def has(path: Path, offset: int, value: int, length: int = 4096) -> bool:
    command = f"read -q -P {value} {offset} {length}"
    result = subprocess.run(["qemu-io", "-f", "qcow2", "-r", "-c", command, str(path)], capture_output=True, text=True)
    return result.returncode == 0 and "verification failed" not in result.stdout


def is_clean(path: Path) -> None:
    """Assert that there is nothing to be said about a layer, not even unused space."""
    subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", str(path)], check=True, capture_output=True)


def as_raw(path: Path) -> bytes:
    raw = path.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(path), str(raw)], check=True, capture_output=True)
    return raw.read_bytes()


async def generations(machine: Machine, number: int) -> None:
    """Freeze so often, with generation n having written n at n × 64 KiB and at ALWAYS."""
    with machine.lock():
        for _ in range(number):
            n = machine.layers.state.next_generation
            write(top(machine), n << 16, n)
            write(top(machine), ALWAYS, n)
            await machine.layers.freeze(None)
        await machine.layers.seal()


def numbers(machine: Machine) -> list[int]:
    return [layer.ends.generation for layer in machine.layers.state.frozen if layer.ends]


# Making


async def test_a_machine_begins_with_the_image_as_its_first_generation(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    assert numbers(machine) == [1]
    assert (await images.info(top(machine), layer=True))["virtual-size"] == DISK_BYTES
    said = await images.info(machine.layers.folder / machine.layers.state.frozen[0].file, layer=True)
    assert said["format-specific"]["data"]["extended-l2"] is True
    assert as_raw(top(machine)) == (tmp_path / "desk.raw").read_bytes()


async def test_a_disk_can_be_larger_than_the_image_but_not_smaller(tmp_path: Path) -> None:
    image, store = make_image(tmp_path / "image"), Store(tmp_path / "state")
    larger = await store.create("larger", msgspec.structs.replace(small(), disk_bytes=2 * DISK_BYTES), image)
    assert (await images.info(top(larger), layer=True))["virtual-size"] == 2 * DISK_BYTES
    with pytest.raises(MachineError, match=f"say --disk {DISK_BYTES} or more"):
        await store.create("smaller", msgspec.structs.replace(small(), disk_bytes=DISK_BYTES // 2), image)
    assert store.names() == ["larger"]


async def test_an_empty_disk_needs_no_image(tmp_path: Path) -> None:
    machine = await Store(tmp_path).create("empty", small(), None)
    assert has(top(machine), ALWAYS, 0)


async def test_a_name_is_given_once(tmp_path: Path) -> None:
    await make(tmp_path)
    with pytest.raises(MachineError, match="There is a machine “desk” already"):
        await make(tmp_path)


async def test_of_two_that_make_the_same_machine_at_once_one_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = await asyncio.gather(*(store.create("desk", small(), None) for _ in range(2)), return_exceptions=True)
    assert sum(isinstance(result, Machine) for result in made) == 1
    assert sum(isinstance(result, MachineError) for result in made) == 1
    assert store.names() == ["desk"]
    assert not list((tmp_path / "machines").glob(".new-*"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "Desk", "-x", "x" * 33])
async def test_a_name_that_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="can't name a machine"):
        await Store(tmp_path).create(name, small(), None)


async def test_what_is_no_image_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    with pytest.raises(MachineError, match="There is no image"):
        await store.create("desk", small(), tmp_path / "nothing")
    (tmp_path / "cut.qcow2").write_bytes(b"QFI\xfb\0\0\0\3")
    with pytest.raises(MachineError, match="qemu-img info failed"):
        await store.create("desk", small(), tmp_path / "cut.qcow2")
    assert store.names() == []


async def test_a_machine_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    await make(tmp_path)
    with pytest.raises(MachineError, match="There is no machine “disk” here: there are desk"):
        Store(tmp_path / "state").open("disk")


async def test_what_a_killed_creation_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "machines" / ".new-123"
    left.mkdir(parents=True)
    (left / "layers").mkdir()
    await Store(tmp_path).create("desk", small(), None)
    assert not left.exists()


# Generations


async def test_a_generation_keeps_what_was_there_and_rollback_brings_it_back(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 3)
    assert numbers(machine) == [1, 2, 3, 4]
    assert has(top(machine), ALWAYS, 4)
    with machine.lock():
        await machine.layers.rollback(3)
    machine = again(machine)
    assert has(top(machine), ALWAYS, 3)
    assert has(top(machine), 3 << 16, 3)
    assert has(top(machine), 4 << 16, 0)
    assert len(list(machine.layers.folder.glob("*.qcow2"))) == len(machine.layers.state.chain) == 4
    assert await machine.layers.verify(is_running=False) == []


async def test_a_number_is_never_given_to_another_generation(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 2)
    with machine.lock():
        await machine.layers.rollback(1)
    await generations(machine, 1)
    assert numbers(machine) == [1, 4]


async def test_rollback_says_which_generations_there_are(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 1)
    with machine.lock(), pytest.raises(MachineError, match="no generation 7: choose one of 1, 2"):
        await machine.layers.rollback(7)


async def test_a_running_guest_is_frozen_and_writes_on(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        for _ in range(3):
            seen = await wait_count(guest, await count(guest) + 8)
            with machine.lock():
                await machine.layers.freeze(guest)
        seen = await wait_count(guest, await count(guest) + 8)
        with machine.lock():
            await machine.layers.seal()
            assert await machine.layers.verify(is_running=True) == []
        await guest.monitor.execute("stop")
        seen = await count(guest)
        await guest.stop(within_s=0)
    assert numbers(machine) == [1, 2, 3, 4]
    # The guest was stopped between a write and its counting, at the most.
    assert check_disk(top(machine), seen) - seen in (0, 1)
    assert await machine.layers.verify(is_running=False) == []


async def test_a_frozen_layer_never_changes_again(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        await wait_count(guest, 8)
        with machine.lock():
            await machine.layers.freeze(guest)
            await machine.layers.seal()
        digests = {layer.file: layer.sha256 for layer in machine.layers.state.frozen}
        await wait_count(guest, await count(guest) + 8)
    assert {file: str(await sparse.checksum(machine.layers.folder / file)) for file in digests} == digests


# Merging


@pytest.mark.parametrize("is_live", [False, True])
async def test_merged_layers_have_what_they_had(is_live: bool, tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 4)
    if is_live:
        async with running(machine) as guest:
            await wait_count(guest, 8)
            with machine.lock():
                assert await machine.layers.merge(guest) == 4
            seen = await wait_count(guest, await count(guest) + 8)
        check_disk(top(machine), seen)
    else:
        with machine.lock():
            assert await machine.layers.merge(None) == 4
        assert has(top(machine), ALWAYS, 5)
    machine = again(machine)
    assert numbers(machine) == [5]
    assert all(has(top(machine), n << 16, n) for n in range(2, 6))
    assert {path.name for path in machine.layers.folder.glob("*.qcow2")} == set(machine.layers.state.chain)
    assert all(layer.sha256 for layer in machine.layers.state.frozen)
    assert await machine.layers.verify(is_running=False) == []


@pytest.mark.parametrize("is_live", [False, True])
async def test_merge_crosses_no_generation_at_which_a_peer_stands(is_live: bool, tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 5)
    at = machine.layers.state.history[2]
    with machine.lock():
        machine.layers.save(peers={"b7": Peer("laptop", at)})
    if is_live:
        async with running(machine) as guest:
            with machine.lock():
                await machine.layers.merge(guest)
            with machine.lock():
                await machine.layers.freeze(guest)
    else:
        with machine.lock():
            await machine.layers.merge(None)
            await machine.layers.freeze(None)
    assert numbers(machine) == [3, 6, 7]
    common, layers = machine.layers.state.missing_for((at,))
    assert common == at
    assert [layer.ends.generation for layer in layers if layer.ends] == [6, 7]
    with machine.lock():
        await machine.layers.rollback(3)
    assert has(top(machine), ALWAYS, 3)
    assert has(top(machine), 4 << 16, 0)


async def test_nothing_to_merge_changes_nothing(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    before = machine.layers.state
    with machine.lock():
        assert await machine.layers.merge(None) == 0
    assert machine.layers.state == before


# What a peer lacks

A, B, C, D = (Boundary(n, f"id{n}") for n in range(1, 5))
STATE = State("owner", "top", 5, tuple(Layer(f"l{b.generation}", b) for b in (A, B, C, D)), (A, B, C, D))


@pytest.mark.parametrize(
    ("history", "common", "files"),
    [
        ((), None, ["l1", "l2", "l3", "l4"]),
        ((A,), A, ["l2", "l3", "l4"]),
        ((A, B, C), C, ["l4"]),
        ((A, B, C, D), D, []),
        # It went on by itself after B, so its own 3rd generation is another.
        ((A, B, Boundary(3, "other"), Boundary(9, "other9")), B, ["l3", "l4"]),
        ((Boundary(1, "stranger"),), None, ["l1", "l2", "l3", "l4"]),
    ],
)
def test_a_peer_lacks_what_came_after_the_last_that_both_had(
    history: tuple[Boundary, ...], common: Boundary | None, files: list[str]
) -> None:
    found, layers = STATE.missing_for(history)
    assert found == common
    assert [layer.file for layer in layers] == files


def test_a_peer_whose_generation_was_merged_away_gets_the_whole_layer() -> None:
    merged = msgspec.structs.replace(STATE, frozen=(Layer("l1", A), Layer("l2", D)))
    common, layers = merged.missing_for((A, B))
    assert common == B
    assert [layer.file for layer in layers] == ["l2"]


# Crashes


async def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    machine, chance = await make(tmp_path, rate=8), random.Random(7)
    for _ in range(4):
        async with running(machine) as guest:
            freezing = asyncio.create_task(_freeze_on(machine, guest))
            await wait_count(guest, 4)
            await asyncio.sleep(chance.random() * 0.4)
            seen = await count(guest)
            guest.kill()
            await guest.wait_end(30)
            with pytest.raises(GuestLost):
                await freezing
        machine = again(machine)
        with machine.lock():
            await machine.layers.settle(None)
            check_disk(top(machine), seen)
            assert await machine.layers.verify(is_running=False) == []
            await machine.layers.mend()
            for file in machine.layers.state.chain:
                is_clean(machine.layers.folder / file)
            # From here the guest counts from zero: it begins with the disk of its first day.
            await machine.layers.rollback(1)


async def _freeze_on(machine: Machine, guest: object) -> None:
    while True:
        with machine.lock():
            await machine.layers.freeze(guest)  # type: ignore[arg-type]


async def test_a_freeze_cut_off_after_the_guest_went_over_is_finished(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        with machine.lock():
            before = machine.layers.state
            await machine.layers.freeze(guest)
            file = machine.layers.state.active
            # As the state was when the program was killed, just before it said so.
            state.save(machine.folder / "state.json", msgspec.structs.replace(before, doing=Freezing(file)))
        await guest.monitor.close()
        machine = again(machine)
        with machine.lock():
            async with machine.guest() as other:
                assert other
                assert machine.layers.state.active == file
                assert numbers(machine) == [1, 2]
                seen = await wait_count(other, await count(other) + 8)
    check_disk(top(machine), seen)


async def test_the_same_freeze_is_finished_when_the_guest_was_killed_as_well(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        with machine.lock():
            before = machine.layers.state
            await machine.layers.freeze(guest)
            file = machine.layers.state.active
            state.save(machine.folder / "state.json", msgspec.structs.replace(before, doing=Freezing(file)))
        seen = await wait_count(guest, await count(guest) + 8)
    machine = again(machine)
    async with running(machine):
        assert machine.layers.state.active == file
        is_clean(machine.layers.folder / machine.layers.state.frozen[-1].file)
    check_disk(top(machine), seen)


async def test_a_freeze_cut_off_before_the_guest_went_over_is_taken_back(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        with machine.lock():
            active = machine.layers.state.active
            machine.layers.save(doing=Freezing("half.qcow2"))
            (machine.layers.folder / "half.qcow2").write_bytes(b"QFI")
        await guest.monitor.close()
        machine = again(machine)
        with machine.lock():
            async with machine.guest() as other:
                assert other
                assert machine.layers.state.active == active
                assert machine.layers.state.doing is None
                seen = await wait_count(other, await count(other) + 8)
    assert not (machine.layers.folder / "half.qcow2").exists()
    check_disk(top(machine), seen)


async def test_an_overlay_that_was_cut_while_it_was_made_is_dropped(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    with machine.lock():
        active = machine.layers.state.active
        machine.layers.save(doing=Freezing("half.qcow2"))
        (machine.layers.folder / "half.qcow2").write_bytes(top(machine).read_bytes()[:70000])
        await machine.layers.settle(None)
    assert machine.layers.state.active == active
    assert not (machine.layers.folder / "half.qcow2").exists()


async def test_a_merge_cut_off_at_any_step_is_finished(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 3)
    files = machine.layers.state.chain
    step = Merging(files[0], files[3], files[4])
    folder = machine.layers.folder
    saved = tmp_path / "saved"
    with machine.lock():
        torn = (Layer(files[0], None), *machine.layers.state.frozen[1:])
        machine.layers.save(doing=step, frozen=torn)
    shutil.copytree(machine.folder, saved)
    for done in range(3):
        shutil.rmtree(machine.folder)
        shutil.copytree(saved, machine.folder)
        if done > 0:
            await images.commit(folder / step.top, folder / step.into)
        if done > 1:
            await images.set_backing(folder / step.above, step.into)
        machine = again(machine)
        with machine.lock():
            await machine.layers.settle(None)
            await machine.layers.seal()
        assert numbers(machine) == [4]
        assert all(has(top(machine), n << 16, n) for n in range(2, 5))
        assert await machine.layers.verify(is_running=False) == []


async def test_a_live_merge_goes_on_without_the_one_who_began_it(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 3)
    async with running(machine) as guest:
        with machine.lock():
            before = machine.layers.state
            await machine.layers.merge(guest)
            files = before.chain
            step = Merging(files[0], files[3], files[4])
            torn = (Layer(files[0], None), *before.frozen[1:])
            state.save(machine.folder / "state.json", msgspec.structs.replace(before, doing=step, frozen=torn))
        await guest.monitor.close()
        machine = again(machine)
        with machine.lock():
            async with machine.guest() as other:
                assert other
                assert numbers(machine) == [4]
                seen = await wait_count(other, await count(other) + 8)
    check_disk(top(machine), seen)


# Damage


async def test_a_state_cut_anywhere_is_said_with_what_is_still_there(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    whole = (machine.folder / "state.json").read_bytes()
    for length in range(0, len(whole), 7):
        (machine.folder / "state.json").write_bytes(whole[:length])
        with pytest.raises(MachineError, match="2 layers are still there: voxy vm recover desk"):
            again(machine)


async def test_a_state_is_made_anew_from_the_layers(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 3)
    before = machine.layers.state
    (machine.folder / "state.json").write_bytes(b'{"role":"ow')
    told = await Store(tmp_path / "state").recover("desk")
    assert told == msgspec.structs.replace(before, role="unclaimed")
    assert (machine.folder / "state.json.broken").read_bytes() == b'{"role":"ow'
    machine = again(machine)
    assert has(top(machine), ALWAYS, 4)
    with machine.lock(), pytest.raises(MachineError, match=r"may run on another host.*voxy vm claim desk"):
        await machine.start(None)  # type: ignore[arg-type]


async def test_recovery_names_a_layer_that_is_missing(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 1)
    file = machine.layers.state.frozen[0].file
    (machine.layers.folder / file).unlink()
    with pytest.raises(MachineError, match=f"The layer {file} of desk is missing"):
        await Store(tmp_path / "state").recover("desk")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("flip", "other bytes than when it was frozen"), ("cut", "bytes instead of"), ("remove", "is missing")],
)
async def test_a_damaged_layer_is_found(damage: str, sentence: str, tmp_path: Path) -> None:
    machine = await make(tmp_path)
    await generations(machine, 1)
    path = machine.layers.folder / machine.layers.state.frozen[0].file
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-1000] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-1000])
    else:
        path.unlink()
    faults = await machine.layers.verify(is_running=False)
    assert path.name in {fault.file for fault in faults}
    assert any(sentence in fault.sentence for fault in faults)


async def test_a_machine_with_a_missing_layer_is_not_started(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    (machine.layers.folder / machine.layers.state.frozen[0].file).unlink()
    with machine.lock(), pytest.raises(MachineError, match="is missing: put it back"):
        await machine.start(None)  # type: ignore[arg-type]


async def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = await make(tmp_path)
    program = tmp_path / "bin" / "qemu-img"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'qemu-img: x: No space left on device' >&2\nexit 1\n")
    program.chmod(0o755)
    before = machine.layers.state
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with machine.lock(), pytest.raises(MachineError, match="The disk of this host is full: make room"):
        await machine.layers.freeze(None)
    assert machine.layers.state == before
    assert json.loads((machine.folder / "state.json").read_bytes())["active"] == before.active


# One at a time


async def test_only_one_at_a_time_changes_a_machine(tmp_path: Path) -> None:
    machine = await make(tmp_path)
    with (
        machine.lock(),
        pytest.raises(MachineError, match="Something else is being done with desk now"),
        again(machine).lock(),
    ):
        pass


async def test_a_copy_has_nothing_to_freeze(tmp_path: Path) -> None:
    layers = Layers(tmp_path, "desk", DISK_BYTES, State("copy", "", 2, (Layer("l1", A),), (A,)))
    with pytest.raises(MachineError, match="a copy of desk only"):
        await layers.freeze(None)
