"""`voxy vm` as people use it: what it prints, its status, and what is there afterwards."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vm.machines import small
from tests.vm.tick import check_disk, make_image
from voxy.vm.cli import on_layers
from voxy.vm.engine import RunFolder
from voxy.vm.store import Store

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64"),
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img"),
]

VOXY = str(Path(sys.executable).parent / "voxy")
Run = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for machines, in which none runs on in the end."""
    yield tmp_path / "vm"
    for run in (tmp_path / "vm").glob("machines/*/run"):
        RunFolder(run).kill()


@pytest.fixture
def voxy(folder: Path) -> Run:
    """Run `voxy vm …`; what it printed, or for another status than 0, `status: what it said is wrong`."""

    def run(*arguments: str, **environment: str) -> str:
        result = subprocess.run(
            [VOXY, "vm", *arguments, "--state-dir", str(folder)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=50,
            stdin=subprocess.DEVNULL,
        )
        if result.returncode:
            return f"{result.returncode}: {result.stderr.strip()}{result.stdout.strip()}"
        return result.stdout.strip()

    return run


@pytest.fixture
def desk(voxy: Run, tmp_path: Path) -> str:
    image = make_image(tmp_path / "image")
    assert voxy("create", "desk", "--memory", "32M", "--from", str(image)).startswith("desk is made: pc-q35-7.2")
    return "desk"


def test_a_machine_from_its_making_to_its_end(voxy: Run, desk: str, folder: Path) -> None:
    assert re.fullmatch(r"desk +stopped +32 MiB of memory, 16 MiB of disk, 1 generations", voxy("list"))
    assert voxy("start", desk) == "desk runs. See it: voxy serve --vm desk"
    assert "running" in voxy("list")
    assert voxy("freeze", desk) == "desk has generation 2 now."
    assert [line.split()[0] for line in voxy("generations", desk).splitlines()] == ["1", "2", "3"]
    assert voxy("verify", desk) == "All 3 layers of desk are as they should be."
    assert voxy("rollback", desk, "1", "--yes") == "2: voxy: desk runs: stop it first."
    assert voxy("merge", desk) == "desk has 2 layers now, 1 fewer."
    assert voxy("stop", desk, "--timeout", "0") == "desk is stopped (quit)."
    assert voxy("stop", desk) == "2: voxy: desk doesn't run."
    assert voxy("rollback", desk, "2", "--yes") == "desk is at generation 2 again."
    assert voxy("verify", desk) == "All 2 layers of desk are as they should be."
    told = dict(line.split(maxsplit=1) for line in voxy("info", desk).splitlines())
    assert told["status"] == "stopped"
    assert told["screen"] == f"unix:{folder}/machines/desk/run/vnc.sock"
    assert re.fullmatch("[0-9a-f]{64}", told["hash"])


def test_a_name_that_is_taken(voxy: Run, desk: str) -> None:
    assert voxy("create", desk, "--disk", "16M") == ("2: voxy: There is a machine “desk” already: choose another name.")


def test_a_machine_that_runs_already(voxy: Run, desk: str) -> None:
    voxy("start", desk)
    assert voxy("start", desk) == "2: voxy: desk runs already."


def test_of_two_starts_at_once_one_is_refused(desk: str, folder: Path) -> None:
    command = [VOXY, "vm", "start", desk, "--state-dir", str(folder)]
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            for _ in range(2)
        ]
        said = sorted("".join(process.communicate(timeout=50)) for process in both)
    assert sorted(process.returncode for process in both) == [0, 2]
    assert said[0].startswith("desk runs. See it")
    assert re.match(r"voxy: (Something else is being done with desk now|desk runs already)", said[1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", "desk"), "A machine needs a disk: say how large"),
        (("create", "desk", "--disk", "big"), "“big” is no size"),
        (("create", "desk", "--disk", "1000"), "is too small"),
        (("create", "desk", "--disk", "16M", "--memory", "1K"), "can't have 0 MiB of memory"),
        (("create", "desk", "--from", "/nowhere.qcow2"), "There is no image /nowhere.qcow2"),
        (("create", "desk", "--disk", "16M", "--machine", "q35"), "name one with its version"),
        (("create", "desk", "--disk", "16M", "--cpu", "host"), "is that of the host"),
        (("create", "../x", "--disk", "16M"), "can't name a machine"),
        (("start", "desk"), "There is no machine “desk” here: create it first."),
        (("start",), "See voxy vm start --help."),
    ],
)
def test_what_cant_be_done_is_one_sentence(arguments: tuple[str, ...], sentence: str, voxy: Run, folder: Path) -> None:
    said = voxy(*arguments)
    assert said.startswith("2: voxy: ")
    assert sentence in said
    assert "\n" not in said
    assert not list(folder.glob("machines/*/state.json"))


def test_without_qemu_it_says_what_to_install(voxy: Run, desk: str, tmp_path: Path) -> None:
    assert "There is no qemu-system-x86_64 on this host: install it" in voxy("start", desk, PATH=str(tmp_path))
    assert "There is no qemu-img on this host: install it" in voxy("freeze", desk, PATH=str(tmp_path))


def test_a_damaged_layer_is_status_1(voxy: Run, desk: str, folder: Path) -> None:
    state = json.loads((folder / "machines/desk/state.json").read_bytes())
    path = folder / "machines/desk/layers" / state["frozen"][0]["file"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert voxy("verify", desk) == f"1: The layer {path.name} has other bytes than when it was frozen."


def test_a_state_that_was_cut_is_made_anew(voxy: Run, desk: str, folder: Path) -> None:
    (folder / "machines/desk/state.json").write_bytes(b'{"role":')
    assert "desk             broken   The state of desk" in voxy("list")
    assert "voxy vm recover desk" in voxy("start", desk)
    assert voxy("recover", desk) == "desk has 2 layers. If it lives on this host: voxy vm claim desk"
    assert "may run on another host" in voxy("start", desk)
    assert voxy("claim", desk, "--yes") == "desk lives here now. Start it: voxy vm start desk"
    assert voxy("start", desk).startswith("desk runs")


async def test_who_has_very_many_layers_is_told_what_to_do(tmp_path: Path) -> None:
    machine = await Store(tmp_path).create("desk", small(), None)
    assert on_layers(machine) == ""
    with machine.lock():
        for _ in range(94):
            await machine.layers.freeze(None)
    said = "It has 96 layers here, and starts more slowly with each. For few, on laptop: voxy vm merge desk"
    assert on_layers(machine, "laptop") == said
    with machine.lock():
        await machine.layers.merge(None)
    assert on_layers(machine) == ""


def test_nothing_is_dropped_without_a_yes(voxy: Run, desk: str, folder: Path) -> None:
    before = (folder / "machines/desk/state.json").read_bytes()
    assert voxy("rollback", desk, "1").startswith("130: ")
    assert (folder / "machines/desk/state.json").read_bytes() == before


def test_a_qemu_that_hangs_can_be_ended(voxy: Run, desk: str, folder: Path) -> None:
    voxy("start", desk)
    run = RunFolder(folder / "machines/desk/run")
    pid = run.pid()
    assert pid
    os.kill(pid, signal.SIGSTOP)
    assert voxy("stop", "--kill", desk) == "desk is stopped (killed)."
    assert run.pid() is None
    assert voxy("stop", "--kill", desk) == "desk doesn't run."
    assert voxy("start", desk).startswith("desk runs")


def test_a_machine_that_was_stopped_has_all_that_it_wrote(voxy: Run, desk: str, folder: Path) -> None:
    voxy("start", desk)
    voxy("freeze", desk)
    state = json.loads((folder / "machines/desk/state.json").read_bytes())
    active = folder / "machines/desk/layers" / state["active"]
    before = active.stat().st_size
    for _ in range(400):
        if active.stat().st_size > before:
            break
        time.sleep(0.05)
    assert voxy("stop", desk, "--timeout", "0") == "desk is stopped (quit)."
    assert check_disk(active, acknowledged=1) > 0


def test_a_machine_goes_to_another_host_by_command(voxy: Run, desk: str, folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    command = [VOXY, "vm", "agent", "--listen", "127.0.0.1:0", "--state-dir", str(there)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout
        try:
            port = re.fullmatch(r"Listening on 127\.0\.0\.1:(\d+)\.", agent.stdout.readline().strip())
            agent.stdout.readline()
            code = re.search(r"--code (\S+)$", agent.stdout.readline())
            assert port
            assert code
            said = voxy("pair", f"127.0.0.1:{port[1]}", "--code", code[1])
            peer = said.split()[0]
            assert said == f"{peer} is known now. Move a machine there: voxy vm move NAME {peer}"
            assert voxy("peers").startswith(peer)
            assert re.match(rf"{peer} has generation 2 of desk; .* were sent\.", voxy("sync", desk, peer))
            assert f"{peer} stands here" in voxy("generations", desk)
            assert re.match(rf"desk lives on {peer} now; .* in 1 layers were sent\.", voxy("move", desk, peer))
            assert "may run on another host" in voxy("start", desk)
            assert voxy("move", desk, peer) == ("2: voxy: desk lives on another host: move it from there.")
            assert voxy("move", desk, "nobody").startswith("2: voxy: No host “nobody” is known")
        finally:
            agent.send_signal(signal.SIGTERM)
    assert agent.returncode == 0
    moved = json.loads((there / "machines/desk/state.json").read_bytes())
    assert moved["role"] == "owner"
