"""How `voxy serve` begins and ends: bad command lines, private desktops, and what is left behind (nothing)."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import VOXY, Served, canvas, eventually, open_page, serving, until_connection


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VOXY, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=15
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve", "--display", ":987"], ":987"),
        (["serve", "--display", "nonsense"], "nonsense"),
        (["serve", "--frobnicate"], "--frobnicate"),
        (["serve", "--listen", "here"], "--listen"),
        (["serve", "--max-fps", "many"], "--max-fps"),
        (["serve", "--listen", "0.0.0.0:0", "--auth", "none"], "--insecure"),
        (["serve", "--command", "no-such-program"], "no-such-program"),
        (["serve", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (["frobnicate"], "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_sentence_and_status_2(arguments: list[str], named: str) -> None:
    done = run(*arguments, *(["--listen", "127.0.0.1:0"] if arguments[:2] == ["serve", "--display"] else []))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_key_of_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "voxy.toml"
    file.write_text("speed = 9\n")
    done = run("serve", VOXY_CONFIG=str(file))
    assert done.returncode == 2
    assert "speed" in done.stderr


def test_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("serve", "--listen", address)
    assert done.returncode == 2
    assert address in done.stderr
    assert done.stderr.count("\n") == 1


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("voxy ")
    text = run("serve", "--help").stdout
    flags = [line.split()[0] for line in text.splitlines() if line.startswith("  --")]
    assert {"--display", "--size", "--command", "--listen", "--auth", "--max-fps", "--insecure"} <= set(flags)
    assert text.count("Example:") >= len(flags)


def children_of(served: Served, *names: str) -> list[psutil.Process]:
    """The processes that VoXY started and that still run; only those with one of `names`, if any are given."""
    found = []
    for child in psutil.Process(served.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if not names or child.name() in names:
                found.append(child)
    return found


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended within a moment; a zombie has, though nobody has asked for its status."""
    alive = psutil.wait_procs(processes, timeout=0.5)[1]
    return [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def traces(display: str) -> list[Path]:
    """What an X server on `display` leaves behind if it doesn't tidy up."""
    number = display.removeprefix(":")
    paths = (Path(f"/tmp/.X11-unix/X{number}"), Path(f"/tmp/.X{number}-lock"))
    return [path for path in paths if path.exists()]


def segments(*makers: int) -> list[str]:
    """The shared memory that these processes made and left, a line for each segment."""
    said = subprocess.run(["ipcs", "-m", "-p"], capture_output=True, text=True, check=True).stdout
    lines = (line.split() for line in said.splitlines())
    return [number for number, _, maker, _ in (line for line in lines if len(line) == 4) if maker in map(str, makers)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
async def test_private_desktop_is_shown_and_ends_with_voxy(context: BrowserContext, number: signal.Signals) -> None:
    async with serving("--auth", "none", "--size", "800x600", "--resize", "fit") as served:
        page = await open_page(context, served.url)
        for names in (("Xvnc", "Xvfb"), ("openbox",), ("xterm",)):
            await eventually(lambda names=names: asyncio.to_thread(children_of, served, *names), 5, f"{names} runs")
        children = children_of(served)
        makers = served.process.pid, *(child.pid for child in children)
        environment = children_of(served, "xterm")[0].environ()
        display, authority = environment["DISPLAY"], Path(environment["XAUTHORITY"])
        assert traces(display)

        async def is_drawn() -> bool:
            return len(set((await canvas(page)).ravel().tolist())) > 8

        await eventually(is_drawn, 5, "the terminal is seen")
        assert (await canvas(page)).shape == (600, 800)
        served.process.send_signal(number)
        assert await asyncio.wait_for(served.process.wait(), 2) == 0
    assert not running(children)
    assert not traces(display)
    assert not authority.parent.exists()
    assert not segments(*makers)


async def test_private_desktop_ends_even_when_voxy_is_killed() -> None:
    process = await asyncio.create_subprocess_exec(
        VOXY, "serve", "--listen", "127.0.0.1:0", "--size", "640x480", stdout=subprocess.PIPE
    )
    assert process.stdout
    await asyncio.wait_for(process.stdout.readline(), 15)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    await process.wait()

    async def is_over() -> bool:
        return not await asyncio.to_thread(running, children)

    await eventually(is_over, 5, "all have ended")


async def test_program_and_server_of_a_private_desktop_are_started_again(context: BrowserContext) -> None:
    async with serving("--auth", "none", "--size", "640x480") as served:
        page = await open_page(context, served.url)

        for names in (("xterm",), ("Xvnc", "Xvfb")):
            await eventually(lambda names=names: asyncio.to_thread(children_of, served, *names), 5, f"{names} runs")
            (old,) = children_of(served, *names)
            old.kill()

            async def is_new(names: tuple[str, ...] = names, old: psutil.Process = old) -> bool:
                return [p for p in children_of(served, *names) if p.pid != old.pid] != []

            await eventually(is_new, 10, f"{names} runs again")
        await until_connection(page, "live")

        async def is_drawn() -> bool:
            return len(set((await canvas(page)).ravel().tolist())) > 8

        await eventually(is_drawn, 10, "the terminal is seen again")


async def test_nobody_gets_to_a_private_desktop_without_its_key() -> None:
    async with serving("--size", "640x480") as served:
        (server,) = children_of(served, "Xvnc", "Xvfb")
        command = server.cmdline()
        authority = Path(command[command.index("-auth") + 1])
        for path in (authority, authority.parent):
            assert os.stat(path).st_mode & 0o077 == 0
        assert not [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]


async def test_without_an_x_server_the_demo_is_served(context: BrowserContext, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    async with serving("--auth", "none", "--size", "800x600", environment=environment) as served:
        page = await open_page(context, served.url)
        assert (await canvas(page)).shape == (600, 800)
