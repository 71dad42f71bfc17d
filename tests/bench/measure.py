"""Measures one case: X server, peer, line and scene are started, and a real Chromium shows the page."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, Playwright

from tests.bench.analysis import Window, key_latencies_ms, percentile, whole_frames
from tests.bench.cases import SCENES, Case, Line, Result
from tests.bench.peers import PEERS, Peer, Place
from tests.bench.processes import NotStarted, cpu_s, free_port, pss_mb, running
from tests.bench.stamp import CELL_PX, CELLS
from tests.xservers import XServer, xvfb, xvnc
from voxy.blocks import Size

_PROBE = f"({Path(__file__).with_name('probe.js').read_text()})({{cellPx: {CELL_PX}, cells: {CELLS}}})"
_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
_FIRST_FRAME_S = 20.0
_SETTLE_S = 2.0
_ANSWERS_S = 1.5
"""How long answers to the last keys are waited for."""


class Serving(NamedTuple):
    """A peer that serves: where to open it, and what of it costs."""

    url: str
    port: int
    pids: tuple[int, ...]


class Meter(NamedTuple):
    """What a peer has used so far."""

    at: float
    cpu_s: float
    sent_bytes: dict[str, int]

    @classmethod
    def read(cls, serving: Serving) -> "Meter":
        return cls(time.monotonic(), cpu_s(serving.pids), _sent_bytes(serving.port))


def measure(case: Case, playwright: Playwright, logs: Path) -> Result:
    """Measure a case; NotStarted says what did not come up."""
    with ExitStack() as stack:
        serving = stack.enter_context(_serving(case, logs))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_CHROMIUM)
        stack.callback(browser.close)
        width, height = case.size
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(_PROBE)
        page.goto(serving.url)
        _wait_for_frame(page)
        page.mouse.move(width // 2, height // 2)
        time.sleep(_SETTLE_S)
        return _watch(case, page, serving)


def _watch(case: Case, page: Page, serving: Serving) -> Result:
    """Type, or just look, for as long as the case says."""
    before, start = Meter.read(serving), _now(page)
    for wait_s in _pauses(case):
        if SCENES[case.scene].is_typed:
            page.keyboard.press("a")
        time.sleep(wait_s)
    after, end = Meter.read(serving), _now(page)
    memory_mb = pss_mb(serving.pids)
    time.sleep(_ANSWERS_S if SCENES[case.scene].is_typed else 0)
    window = Window(start, end, _now(page))
    samples = [(at, int(top), int(bottom)) for at, top, bottom in page.evaluate("__probe.samples")]
    keys = key_latencies_ms(samples, page.evaluate("__probe.keys"), window)
    frames = [frame for frame in whole_frames(samples) if start < frame.seen_at <= end]
    ages = [frame.age_ms for frame in frames] if SCENES[case.scene].fps else []
    seconds = after.at - before.at
    sent = sum(count - before.sent_bytes.get(name, 0) for name, count in after.sent_bytes.items())
    return Result(
        case,
        key_p50_ms=percentile(keys, 0.5),
        key_p95_ms=percentile(keys, 0.95),
        age_p50_ms=percentile(ages, 0.5),
        age_p95_ms=percentile(ages, 0.95),
        frames_s=len(frames) / seconds,
        mbit_s=sent * 8 / seconds / 1e6,
        cores=(after.cpu_s - before.cpu_s) / seconds,
        pss_mb=memory_mb,
    )


def _pauses(case: Case) -> Iterator[float]:
    """Pauses between keys, uneven so that they fall at all times of a frame, until the case's time is over."""
    end, number = time.monotonic() + case.seconds, 0
    while (left := end - time.monotonic()) > 0:
        yield min(left, 0.11 + 0.013 * (number % 7))
        number += 1


def _now(page: Page) -> float:
    return float(page.evaluate("performance.timeOrigin + performance.now()"))


def _wait_for_frame(page: Page) -> None:
    give_up_at = time.monotonic() + _FIRST_FRAME_S
    while not whole_frames([(at, int(top), int(bottom)) for at, top, bottom in page.evaluate("__probe.samples")]):
        if time.monotonic() > give_up_at:
            raise NotStarted(f"no whole frame was seen within {_FIRST_FRAME_S:g} s")
        time.sleep(0.1)


@contextlib.contextmanager
def _serving(case: Case, logs: Path) -> Iterator[Serving]:
    """Start all but the browser, in the order in which each needs what is before it."""
    peer, port, rfb_port = PEERS[case.peer], free_port(), free_port()
    with ExitStack() as stack:
        x_server = stack.enter_context(_x_server(peer, case.size, rfb_port))
        pids = [x_server.process.pid]
        for argv, listens_on in peer.commands(Place(x_server.display, port, rfb_port)):
            log = logs / f"{Path(argv[0]).name}.log"
            program = stack.enter_context(running(argv, x_server.environment, log))
            program.wait_for_port(listens_on)
            pids.append(program.pid)
        shown_port = stack.enter_context(_shaped(case.line, port, logs))
        scene = [sys.executable, "-m", "tests.bench.scene", case.scene, str(case.size)]
        stack.enter_context(running(scene, x_server.environment, logs / "scene.log")).wait_for_word("ready")
        yield Serving(f"http://127.0.0.1:{shown_port}/{peer.page}", port, tuple(pids))


def _x_server(peer: Peer, size: Size, rfb_port: int) -> contextlib.AbstractContextManager[XServer]:
    if peer.is_on_xvnc:
        return xvnc(size, None, "-rfbport", str(rfb_port), "-localhost", "-AlwaysShared")
    return xvfb(size)


@contextlib.contextmanager
def _shaped(line: Line, port: int, logs: Path) -> Iterator[int]:
    """The port at which `port` is reached over this line."""
    if not line.mbit_s:
        yield port
        return
    listen = free_port()
    command = [sys.executable, "-m", "tests.line", *map(str, (listen, port, line.mbit_s, line.delay_ms))]
    with running(command, os.environ, logs / "shaper.log") as shaper:
        shaper.wait_for_port(listen)
        yield listen


def _sent_bytes(port: int) -> dict[str, int]:
    """Bytes that were sent from this port on each connection that is open, by its other end."""
    command = ["ss", "-tinH", "state", "established", f"( sport = :{port} )"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: int(count) for name, count in re.findall(rf"\S+:{port}\s+(\S+).*?bytes_sent:(\d+)", said, re.DOTALL)}
