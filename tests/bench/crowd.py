"""What others on the same desktop cost a viewer: `make bench-crowd`.

One honest viewer types, and it is measured how long each key takes to the update that shows what it did: alone, beside
one that moves its pointer as fast as it can, beside one that turns its wheel so, and beside one that never reads. The
conditions take turns, so that what the machine does meanwhile counts for all of them alike.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
from Xlib import X
from Xlib.display import Display

from tests.bench.analysis import percentile
from tests.e2e.support import serving
from tests.stack import HELLO
from tests.xservers import xvfb
from voxy.blocks import Size

CONDITIONS = ("alone", "flood", "turns", "mute")
_SETTLE_S = 0.5
_FLOODED_S = 2.0
"""Until the burst that anybody may have is over."""
_POINTER = 16


def echo() -> None:
    """An X client that paints a spot with each key, as an editor does; runs until its display goes."""
    display = Display()
    screen = display.screen()
    window = screen.root.create_window(0, 0, 400, 300, 0, screen.root_depth, event_mask=X.KeyPressMask)
    window.change_attributes(override_redirect=True, background_pixel=0)
    window.map()
    display.sync()
    window.set_input_focus(X.RevertToParent, X.CurrentTime)
    context = window.create_gc()
    display.sync()
    print("ready", flush=True)
    for count in range(1 << 30):
        while display.next_event().type != X.KeyPress:
            pass
        context.change(foreground=(count + 1) * 0x10307 & 0xFFFFFF)
        window.fill_rectangle(context, 40, 40, 12, 20)
        display.flush()


def flood(url: str, is_turning: bool = False) -> None:
    """Send motions of the pointer, or turns of the wheel, as fast as they are taken."""

    async def run() -> None:
        async with viewing(url) as socket:
            reader = asyncio.create_task(_read(socket))
            print("ready", flush=True)
            for count in range(1 << 30):
                if is_turning:
                    await socket.send_json({"type": "wheel", "x": count % 600, "y": 9, "dx": 0, "dy": 120})
                else:
                    await socket.send_bytes(struct.pack("<BHHB", _POINTER, count % 600, count // 600 % 400, 0))
            reader.cancel()

    asyncio.run(run())


def turn(url: str) -> None:
    """Turn the wheel as fast as that is taken."""
    flood(url, is_turning=True)


def mute(url: str) -> None:
    """Say hello, and read nothing ever."""

    async def run() -> None:
        async with viewing(url):
            print("ready", flush=True)
            await asyncio.sleep(3600)

    asyncio.run(run())


async def measure(url: str, keys: int) -> list[float]:
    """Milliseconds from each of so many keys to the update that came of it."""
    found = []
    async with viewing(url) as socket:
        await _drain(socket)
        for _ in range(keys):
            began = time.perf_counter()
            await socket.send_json({"type": "key", "key": "a", "code": "KeyA", "down": True})
            await socket.send_json({"type": "key", "key": "a", "code": "KeyA", "down": False})
            await _next_update(socket)
            found.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(random.uniform(0.01, 0.03))
            await _drain(socket, 0.0)
    return found


@contextlib.asynccontextmanager
async def viewing(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A viewer's socket, that has said hello."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}stream", origin=url.rstrip("/"), max_msg_size=0) as socket,
    ):
        await socket.send_json(HELLO)
        yield socket


async def _next_update(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        message = await socket.receive(timeout=10)
        if message.type is aiohttp.WSMsgType.BINARY:
            return await socket.send_json({"type": "ack", "seq": int.from_bytes(message.data[6:10], "little")})


async def _drain(socket: aiohttp.ClientWebSocketResponse, quiet_s: float = _SETTLE_S) -> None:
    """Take what comes until nothing does for so long."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(quiet_s + 0.001):
                await _next_update(socket)


async def _read(socket: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(TimeoutError):
        while True:
            await _next_update(socket)


@contextlib.contextmanager
def _other(what: str, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[None]:
    """A process of its own that does this, ready when the context is entered."""
    command = [sys.executable, "-m", "tests.bench.crowd", "--be", what, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n", f"{what} did not start"
            yield
        finally:
            process.kill()


async def compare(rounds: int, keys: int) -> dict[str, list[list[float]]]:
    """For each condition and round, the latencies of its keys."""
    found: dict[str, list[list[float]]] = {condition: [] for condition in CONDITIONS}
    with xvfb(Size(640, 480)) as server, _other("echo", environment=server.environment):
        for number in range(rounds):
            # Each condition is the first as often as the others.
            first = number % len(CONDITIONS)
            for condition in CONDITIONS[first:] + CONDITIONS[:first]:
                # A server of its own: what a flood has left in its connection is taken when it is long gone.
                async with serving("--display", server.display, "--auth", "none") as served:
                    beside = contextlib.nullcontext() if condition == "alone" else _other(condition, served.url)
                    with beside:
                        await asyncio.sleep(_SETTLE_S if condition == "alone" else _FLOODED_S)
                        found[condition].append(await measure(served.url, keys))
    return found


def report(found: dict[str, list[list[float]]]) -> str:
    """A line for each condition: of all its keys, and how each round's 95th percentile compares with alone."""
    lines = []
    for condition, rounds in found.items():
        of_all = [latency for each in rounds for latency in each]
        ratios = [
            (percentile(each, 0.95) or 0) / (percentile(alone, 0.95) or 1)
            for each, alone in zip(rounds, found["alone"], strict=True)
        ]
        median, ninety_five = percentile(of_all, 0.5), percentile(of_all, 0.95)
        lines.append(
            f"{condition:6} {len(of_all)} keys  p50 {median:.2f} ms  p95 {ninety_five:.2f} ms  "
            f"p95 to alone, median of rounds {statistics.median(ratios):.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print, or be one of those beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--be", choices=("echo", *CONDITIONS[1:]), help=argparse.SUPPRESS)
    parser.add_argument("url", nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.be == "echo":
        echo()
    elif options.be:
        beside = {"flood": flood, "turns": turn, "mute": mute}
        beside[options.be](options.url)
    else:
        print(report(asyncio.run(compare(options.rounds, options.keys))))


if __name__ == "__main__":
    main()
