"""What PrivateDisplay starts, keeps going, and leaves behind: nothing, however VoXY ends."""

import asyncio
import contextlib
import gc
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from voxy.blocks import Size
from voxy.errors import ConfigError, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer
from voxy.session.events import Resize
from voxy.sources.x11 import X11Source
from voxy.sources.x11.private import PrivateDisplay

SIZE = Size(640, 480)
STUBBORN = "trap '' HUP TERM INT; while :; do sleep 0.1; done"
OWNER = """
import asyncio, sys
from voxy.blocks import Size
from voxy.sources.x11.private import PrivateDisplay

async def main():
    async with PrivateDisplay(Size(640, 480), sys.argv[1]) as display:
        print(display.name, display.environment["XAUTHORITY"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(params=["Xvnc", "Xvfb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each X server in turn, as if it were the only one installed."""
    name: str = request.param
    monkeypatch.setattr("voxy.sources.x11.janitor.SERVERS", (name,))
    return name


def programs_of(display: PrivateDisplay, *names: str) -> list[psutil.Process]:
    """What runs on the desktop; only programs with one of `names`, if any are given."""
    return programs_with(display.environment["XAUTHORITY"], *names)


def programs_with(key: str, *names: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_named = not names or process.name() in names
            if is_named and process.environ().get("XAUTHORITY") == key and process.pid != os.getpid():
                found.append(process)
    return found


def traces(display: str, key: str) -> list[str]:
    """What is left of a desktop."""
    number = display.removeprefix(":")
    paths = [Path(f"/tmp/.X11-unix/X{number}"), Path(f"/tmp/.X{number}-lock"), Path(key).parent]
    return [str(path) for path in paths if path.exists()] + [str(process) for process in programs_with(key)]


def belongings() -> tuple[str | None, int, int]:
    """What this process has, and must have again afterwards."""
    # What tests before have left to the collector must not go in between.
    gc.collect()
    return os.environ.get("XAUTHORITY"), len(os.listdir("/proc/self/fd")), len(psutil.Process().children())


async def eventually(condition: Callable[[], Any], within_s: float = 5.0) -> Any:
    async with asyncio.timeout(within_s):
        while not (result := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.02)
        return result


async def test_starts_at_once_and_leaves_nothing(server: str) -> None:
    before = belongings()
    started_at = time.monotonic()
    async with PrivateDisplay(SIZE, "xterm") as display:
        took_s = time.monotonic() - started_at
        source = X11Source(display.name)
        assert await source.open(print) == SIZE
        await source.close()
        for name in (server, "openbox", "xterm"):
            await eventually(lambda name=name: programs_of(display, name))
        key = display.environment["XAUTHORITY"]
    assert traces(display.name, key) == []
    assert belongings() == before
    assert took_s < 2.0


async def test_nobody_comes_in_without_the_key(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with PrivateDisplay(SIZE, "sleep 60") as display:
        key = Path(display.environment["XAUTHORITY"])
        assert [path.stat().st_mode & 0o777 for path in (key, key.parent)] == [0o600, 0o700]
        (process,) = programs_of(display, server)
        sockets = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert sockets == []
        monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
        with pytest.raises(SourceUnavailable, match="refuses VoXY"):
            await X11Source(display.name).open(print)


async def test_screen_never_goes_dark(server: str) -> None:
    async with PrivateDisplay(SIZE, "sleep 60") as display:
        command = await asyncio.create_subprocess_exec(
            "xset", "q", env=display.environment, stdout=asyncio.subprocess.PIPE
        )
        said = (await command.communicate())[0].decode()
        assert "timeout:  0" in said
        assert "DPMS is Disabled" in said or "not have the DPMS" in said


async def test_screen_becomes_larger_and_smaller_than_it_started(server: str) -> None:
    async with PrivateDisplay(SIZE, "sleep 60") as display:
        source, framebuffer = X11Source(display.name), Framebuffer(Size(1, 1))
        assert await source.open(lambda _: None) == SIZE
        for size in (Size(1900, 1200), Size(400, 300)):
            await source.inject(Resize(*size, scale=1.0))
            async with asyncio.timeout(10):
                while framebuffer.size != size:
                    await source.grab(framebuffer)
                    framebuffer.adopt_size()
        await source.close()


@pytest.mark.parametrize("command", [f"sh -c {shlex.quote(STUBBORN)}", f"xterm -e sh -c {shlex.quote(STUBBORN)}"])
async def test_stubborn_programs_end_within_two_seconds(command: str) -> None:
    async with PrivateDisplay(SIZE, command) as display:
        await eventually(lambda: [p for p in programs_of(display, "sleep") if p.parent().name() == "sh"])
        key = display.environment["XAUTHORITY"]
        ends_at = time.monotonic()
    assert time.monotonic() - ends_at < 2
    assert traces(display.name, key) == []


async def test_daemons_end_too(tmp_path: Path) -> None:
    script = "setsid nohup sh -c 'sleep 61 & sleep 62' >/dev/null & exec sleep 63"
    async with PrivateDisplay(SIZE, f"sh -c {shlex.quote(script)}") as display:
        await eventually(lambda: len(programs_of(display, "sleep")) == 3)
        key = display.environment["XAUTHORITY"]
    assert traces(display.name, key) == []


@pytest.mark.parametrize("command", ["xterm", f"sh -c {shlex.quote(STUBBORN)}"])
async def test_all_ends_when_voxy_is_killed(command: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, command, stdout=subprocess.PIPE)
    assert process.stdout
    display, key = (await asyncio.wait_for(process.stdout.readline(), 10)).decode().split()
    await eventually(lambda: programs_with(key, "xterm", "sh"))
    process.kill()
    await process.wait()
    await eventually(lambda: not traces(display, key), 5)


async def test_a_hung_server_ends_too_and_leaves_no_socket(server: str) -> None:
    async with PrivateDisplay(SIZE, "sleep 60") as display:
        (process,) = programs_of(display, server)
        process.send_signal(signal.SIGSTOP)
        key = display.environment["XAUTHORITY"]
    assert traces(display.name, key) == []


async def test_a_killed_server_leaves_no_socket(server: str) -> None:
    async with PrivateDisplay(SIZE, "sleep 60") as display:
        (process,) = programs_of(display, server)
        process.kill()
        key = display.environment["XAUTHORITY"]
    assert traces(display.name, key) == []


async def running_anew(display: PrivateDisplay, name: str, old: psutil.Process) -> psutil.Process:
    return (await eventually(lambda: [p for p in programs_of(display, name) if p.pid != old.pid]))[0]


async def test_a_command_that_ends_is_started_again() -> None:
    async with PrivateDisplay(SIZE, "xterm") as display:
        (old,) = await eventually(lambda: programs_of(display, "xterm"))
        for _ in range(2):
            old.terminate()
            old = await running_anew(display, "xterm", old)


async def test_a_command_that_cannot_live_is_started_ever_more_seldom(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with PrivateDisplay(SIZE, f"sh -c 'echo started >>{log}'"):
        await asyncio.sleep(2)
    assert 2 <= len(log.read_text().splitlines()) <= 6


async def test_a_killed_server_comes_back_with_all_on_the_same_display(server: str) -> None:
    async with PrivateDisplay(SIZE, f"xterm -e sh -c {shlex.quote(STUBBORN)}") as display:
        before = display.name
        for _ in range(3):
            names = (server, "openbox", "xterm")
            old = {name: (await eventually(lambda name=name: programs_of(display, name)))[0] for name in names}
            old[server].kill()
            for name, process in old.items():
                await running_anew(display, name, process)
        assert display.name == before
        assert len(programs_of(display, "xterm")) == 1
        source = X11Source(before)
        assert await source.open(print) == SIZE
        await source.close()


async def test_without_a_window_manager_the_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "openbox" else which(name))
    async with PrivateDisplay(SIZE, "xterm") as display:
        await eventually(lambda: programs_of(display, "xterm"))
        assert not programs_of(display, "openbox")


async def test_programs_know_nothing_of_the_desktop_that_voxy_was_started_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("SESSION_MANAGER", "local/here:@/tmp/.ICE-unix/1")
    async with PrivateDisplay(SIZE, "xterm") as display:
        environment = (await eventually(lambda: programs_of(display, "xterm")))[0].environ()
        assert environment["DISPLAY"] == display.name
        assert not {"WAYLAND_DISPLAY", "SESSION_MANAGER"} & set(environment)


def test_says_which_server_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copy("/bin/true", tmp_path / "xterm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match=r"install Debian's tigervnc-standalone-server\.$"):
        PrivateDisplay(SIZE, "xterm")


@pytest.mark.parametrize("command", ["", "no-such-program -x", "xterm -e 'no end"])
def test_says_that_a_command_is_none(command: str) -> None:
    with pytest.raises(ConfigError, match="command"):
        PrivateDisplay(SIZE, command)


async def test_a_server_that_does_not_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "Xvnc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "Xvnc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder = tmp_path / "folders"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(SourceUnavailable, match="The X server Xvnc did not start"):
        async with PrivateDisplay(SIZE, "xterm"):
            pass
    assert os.listdir(folder) == []
