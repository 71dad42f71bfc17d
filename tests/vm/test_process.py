"""What a host does that has neither unix sockets nor pidfds, as Windows: it is tried here with Linux's QEMU."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.vm.hosts import host, introduce
from tests.vm.journeys import check_stopped, roles, started, until_counted
from tests.vm.machines import WAIT_S, make, running, small
from tests.vm.tick import make_image, wait_count
from voxy.errors import GuestLost
from voxy.vm import engine, process
from voxy.vm.engine import Guest, Qemu
from voxy.vm.process import PortableProcess
from voxy.vm.sockets import LoopbackPort

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that lacks them."""
    monkeypatch.setattr(process, "Process", PortableProcess)
    monkeypatch.setattr(engine, "Process", PortableProcess)
    monkeypatch.setattr(engine, "has_unix_sockets", lambda: False)


async def test_a_guest_runs_is_found_again_and_ends(without: None, tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        await wait_count(guest, 4)
        assert isinstance(machine.run.socket("qmp"), LoopbackPort)
        assert not list(machine.run.folder.glob("*.sock"))
        await guest.monitor.close()
        async with await Guest.attach("desk", machine.run) as again:
            assert again.pid == guest.pid
            assert await again.stop(within_s=0) == "quit"
        await guest.wait_end(WAIT_S)
    assert machine.run.pid() is None
    with pytest.raises(GuestLost, match="desk doesn't run"):
        await Guest.attach("desk", machine.run)


async def test_after_kill_9_it_does_not_run_any_more(without: None, tmp_path: Path) -> None:
    machine = await make(tmp_path)
    async with running(machine) as guest:
        assert machine.run.kill()
        await guest.wait_end(WAIT_S)
        assert machine.run.pid_file.exists()
        assert machine.run.pid() is None
        assert not machine.run.kill()


def test_a_number_that_was_given_to_another_is_not_taken_for_qemu(tmp_path: Path) -> None:
    program = tmp_path / "qemu-like"
    program.symlink_to("/bin/sleep")
    pid_file = tmp_path / "pid"
    with subprocess.Popen([program, "60"]) as later:
        try:
            pid_file.write_text(f"{later.pid}\n")
            assert PortableProcess.find(pid_file) == later.pid
            # A file from before that process was there.
            os.utime(pid_file, (time.time() - 3600, time.time() - 3600))
            assert PortableProcess.find(pid_file) is None
        finally:
            later.kill()
    pid_file.write_text(f"{os.getpid()}\n")
    assert "qemu" not in Path(sys.executable).name
    assert PortableProcess.find(pid_file) is None
    pid_file.write_text("")
    assert PortableProcess.find(pid_file) is None


async def test_a_machine_moves_between_a_host_with_unix_sockets_and_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Qemu.find

    async def find(program: str = "") -> Qemu:
        found = await real()
        # The Windows build says that it has WHPX.
        return found if not program else Qemu(found.program, found.version, found.machines, frozenset({program}))

    monkeypatch.setattr(Qemu, "find", find)
    async with host(tmp_path, "a", qemu="tcg") as a, host(tmp_path, "b", qemu="whpx") as b:
        await introduce(a, b)
        await a.store.create("desk", small(), make_image(tmp_path / "image"))
        async with started(a, b):
            for source, target in ((a, b), (b, a)):
                assert await source.move("desk", target)
                assert roles(source, target) == ["copy", "owner"]
                await until_counted(target, 8)
                kind = target.machine().run.socket("qmp")
                assert isinstance(kind, LoopbackPort) == (target is b)
            await check_stopped(a)


_AS_ON_WINDOWS = """
import asyncio, importlib, pkgutil, shutil, subprocess, sys, types
from pathlib import Path
import voxy.vm
from tests.vm.machines import small

found = shutil.which("qemu-img")
names = [f"voxy.vm.{module.name}" for module in pkgutil.iter_modules(voxy.vm.__path__)]
for name in names:
    importlib.import_module(name)  # with what others need, as it is on this host
for name in names:
    del sys.modules[name]
    delattr(voxy.vm, name.rpartition(".")[2])
sys.platform = "win32"
sys.modules["fcntl"] = None
locked = []
msvcrt = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *said: locked.append(said))
sys.modules["msvcrt"] = msvcrt
subprocess.DETACHED_PROCESS, subprocess.CREATE_NEW_PROCESS_GROUP = 8, 512
for name in names:
    importlib.import_module(name)
from voxy.vm.process import Process, PortableProcess
from voxy.vm.sockets import has_unix_sockets
from voxy.vm.spec import Spec
from voxy.vm.store import Store

voxy.vm.programs.find = lambda name: found  # not as qemu-img.exe
assert Process is PortableProcess and not has_unix_sockets()

async def work() -> None:
    machine = await Store(Path(sys.argv[1])).create("desk", Spec.parse(small().serialize()), None)
    with machine.lock():
        await machine.layers.freeze(None)
        await machine.layers.seal()
        assert await machine.layers.verify(is_running=False) == []

asyncio.run(work())
assert locked
"""


def test_all_of_it_is_imported_and_keeps_disks_where_python_says_that_this_is_windows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _AS_ON_WINDOWS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
