import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vm.tick import DISK_BYTES, count, make_image, wait_count
from voxy.errors import GuestLost, MachineError
from voxy.vm.engine import Disk, Guest, Qemu, RunFolder
from voxy.vm.qmp import CommandRefused, Monitor
from voxy.vm.sockets import UnixSocket
from voxy.vm.spec import Spec

pytestmark = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64")

SPEC = Spec.new(DISK_BYTES, memory_mib=32)
WAIT_S = 30.0


def disk_of(image: Path) -> Disk:
    return Disk([{"driver": "raw", "node-name": "top", "file": {"driver": "file", "filename": str(image)}}], "top")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture
async def guest(tmp_path: Path, run: RunFolder) -> AsyncIterator[Guest]:
    image = make_image(tmp_path / "disk")
    async with await Guest.start(await Qemu.find(), SPEC, "desk", disk_of(image), run) as guest:
        try:
            yield guest
        finally:
            guest.kill()
            await guest.wait_end(WAIT_S)


async def test_a_guest_boots_and_writes_its_disk(guest: Guest) -> None:
    assert await wait_count(guest, 8) >= 8
    assert guest.run.pid() == guest.pid
    assert os.getsid(guest.pid) == guest.pid != os.getsid(0)
    assert (guest.run.folder / "vnc.sock").is_socket()


async def test_qemu_says_its_version_and_machines() -> None:
    qemu = await Qemu.find()
    assert qemu.version >= (5, 1)
    assert SPEC.machine in qemu.machines


async def test_a_missing_qemu_is_said_with_what_to_install() -> None:
    with pytest.raises(MachineError, match="no qemu-system-none on this host: install it"):
        await Qemu.find("qemu-system-none")


async def test_a_program_that_is_no_qemu_is_named() -> None:
    with pytest.raises(MachineError, match="is no QEMU"):
        await Qemu.find("echo")


async def test_a_qemu_too_old_for_the_machine_says_so(tmp_path: Path, run: RunFolder) -> None:
    qemu = Qemu("/bin/false", (2, 0), frozenset({"pc-q35-2.0"}))
    with pytest.raises(MachineError, match=r"QEMU 2\.0 of this host has no pc-q35-7\.2"):
        await Guest.start(qemu, SPEC, "desk", disk_of(tmp_path / "disk"), run)


async def test_what_qemu_says_before_it_ends_is_passed_on(tmp_path: Path, run: RunFolder) -> None:
    with pytest.raises(MachineError, match=r"desk didn't start: QEMU said .*No such file or directory"):
        await Guest.start(await Qemu.find(), SPEC, "desk", disk_of(tmp_path / "nothing"), run)
    assert run.pid() is None


async def test_a_machine_that_runs_is_not_started_again(guest: Guest, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="desk runs already"):
        await Guest.start(await Qemu.find(), SPEC, "desk", disk_of(tmp_path / "disk"), guest.run)
    assert await count(guest) >= 0


async def test_an_event_from_before_the_wait_is_found(guest: Guest) -> None:
    since = guest.monitor.cursor
    await guest.monitor.execute("stop")
    await guest.monitor.execute("cont")
    await guest.monitor.wait_event(lambda event: event.name == "RESUME", since, WAIT_S)
    # Both have come; each is still there to be found, in any order.
    found = await guest.monitor.wait_event(lambda event: event.name == "STOP", since, 0.001)
    assert (found.name, found.data) == ("STOP", {})


async def test_an_event_before_the_cursor_is_not_taken_for_a_new_one(guest: Guest) -> None:
    await guest.monitor.execute("stop")
    await guest.monitor.wait_event(lambda event: event.name == "STOP", 0, WAIT_S)
    with pytest.raises(TimeoutError):
        await guest.monitor.wait_event(lambda event: event.name == "STOP", guest.monitor.cursor, 0.05)


async def test_a_refused_command_says_why(guest: Guest) -> None:
    with pytest.raises(CommandRefused, match=r"The QEMU of desk refused blockdev-del: .*nothing"):
        await guest.monitor.execute("blockdev-del", {"node-name": "nothing"})


async def test_the_death_of_qemu_ends_waits_and_commands(guest: Guest) -> None:
    waiting = asyncio.create_task(guest.monitor.wait_event(lambda event: event.name == "NEVER", 0, WAIT_S))
    await asyncio.sleep(0)
    guest.kill()
    with pytest.raises(GuestLost, match="The QEMU of desk has ended"):
        await waiting
    with pytest.raises(GuestLost, match="The QEMU of desk has ended"):
        await guest.monitor.execute("query-status")
    await guest.wait_end(WAIT_S)
    assert guest.run.pid() is None


async def test_a_qemu_that_hangs_is_an_error_and_not_a_hang(guest: Guest) -> None:
    os.kill(guest.pid, signal.SIGSTOP)
    with pytest.raises(GuestLost, match="The QEMU of desk doesn't answer"):
        await guest.monitor.execute("query-status", within_s=0.1)


async def test_a_guest_runs_on_when_its_starter_lets_go(guest: Guest) -> None:
    await guest.monitor.close()
    async with await Guest.attach("desk", guest.run) as again:
        seen = await count(again)
        assert await wait_count(again, seen + 4) > seen


async def test_nothing_can_be_asked_of_a_guest_that_does_not_run(run: RunFolder) -> None:
    with pytest.raises(GuestLost, match="desk doesn't run"):
        await Guest.attach("desk", run)


async def test_a_guest_that_ignores_its_power_button_is_quit(guest: Guest) -> None:
    await wait_count(guest, 1)
    assert await guest.stop(within_s=0.2) == "quit"
    assert guest.run.pid() is None


async def test_after_kill_9_a_machine_starts_again(guest: Guest, tmp_path: Path) -> None:
    guest.kill()
    await guest.wait_end(WAIT_S)
    async with await Guest.start(await Qemu.find(), SPEC, "desk", disk_of(tmp_path / "disk"), guest.run) as again:
        await wait_count(again, 1)
        assert await again.stop(within_s=0) == "quit"


async def test_a_path_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / ("x" * 120))
    with pytest.raises(MachineError, match="too long for a socket: use a shorter --state-dir"):
        await Guest.start(await Qemu.find(), SPEC, "desk", disk_of(tmp_path / "disk"), run)


async def test_a_socket_that_is_no_qemu_is_an_error(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_unix_server(hang_up, tmp_path / "socket")
    async with server:
        with pytest.raises(GuestLost, match="broke off"):
            await Monitor.connect(UnixSocket(tmp_path / "socket"), "desk")
