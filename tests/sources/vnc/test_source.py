"""VncSource in front of real servers: the framebuffer equals their screen, and what is typed arrives."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.support import paint, screen
from tests.pictures import photograph, text
from tests.programs import pasting
from tests.sources.told import check_told
from tests.sources.vnc.servers import GREETING, SIZE, qemu, tigervnc, tigervnc_by_socket, x11vnc
from tests.xservers import XServer
from voxy.blocks import Size
from voxy.errors import SourceLost, SourceUnavailable
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.clips import TEXT, Clip
from voxy.session.events import Delivery, Key, Offer, Resize, Wheel
from voxy.sources import watch
from voxy.sources.base import ClipChanged, SizingChanged, SourceEvent, SourceState, StateChanged
from voxy.sources.vnc import Address, Credentials, VncSource, source
from voxy.sources.vnc.encodings import COPY_RECT, HEXTILE, RAW, TIGHT, ZRLE

WORDS = "ñ é ß あ 漢 🙂"


@dataclass
class Opened:
    """A source that is open, with what it told."""

    source: VncSource
    framebuffer: Framebuffer = field(default_factory=lambda: Framebuffer(Size(1, 1)))
    told: list[SourceEvent] = field(default_factory=list)

    async def until_shows(self, wanted: Callable[[], Pixels]) -> None:
        """Grab until the framebuffer is what the server shows."""

        def is_same() -> bool:
            pixels = wanted()
            rows, columns = pixels.shape
            back = self.framebuffer.back
            return back.shape[0] >= rows and back.shape[1] >= columns and bool((back[:rows, :columns] == pixels).all())

        async with asyncio.timeout(10):
            while not await asyncio.to_thread(is_same):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await self.source.grab(self.framebuffer)

    async def until_told(self, kind: type[SourceEvent]) -> SourceEvent:
        async with asyncio.timeout(5):
            while not (found := [event for event in self.told if isinstance(event, kind)]):
                await asyncio.sleep(0.01)
        return found[-1]


@contextlib.asynccontextmanager
async def opened(address: str, credentials: Credentials | None = None) -> AsyncIterator[Opened]:
    opened = Opened(VncSource(Address.parse(address), credentials or Credentials()))
    await opened.source.open(opened.told.append)
    try:
        yield opened
    finally:
        await opened.source.close()


async def until_equal(desktop: Opened, server: XServer, pixels: Pixels, left: int = 0, top: int = 0) -> None:
    await asyncio.to_thread(paint, server, pixels, left, top)
    await desktop.until_shows(lambda: screen(server))


@pytest.mark.parametrize("encoding", [RAW, HEXTILE, ZRLE, TIGHT], ids=["raw", "hextile", "zrle", "tight"])
async def test_tigervnc_in_each_encoding(encoding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_NEAR", (encoding, COPY_RECT, RAW))
    with tigervnc_by_socket() as server:
        async with opened(server.address) as desktop:
            for pixels in (text(SIZE), photograph(SIZE), text(Size(300, 200))):
                await until_equal(desktop, server.x, pixels)


async def test_x11vnc() -> None:
    with x11vnc() as server:
        async with opened(server.address) as desktop:
            for pixels in (text(SIZE), photograph(Size(400, 300))):
                await until_equal(desktop, server.x, pixels)


async def test_tigervnc_by_a_port_with_a_size_of_the_windows() -> None:
    with tigervnc() as server:
        async with opened(server.address) as desktop:
            await until_equal(desktop, server.x, text(SIZE))
            sizing = await desktop.until_told(SizingChanged)
            assert sizing == SizingChanged("")
            for size in (Size(640, 480), Size(1300, 900)):
                await desktop.source.inject(Resize(size.width, size.height, 1.0))
                async with asyncio.timeout(5):
                    while desktop.framebuffer.back.shape[0] < size.height or screen(server.x).shape != size[::-1]:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(0.2):
                                await desktop.source.grab(desktop.framebuffer)
                await until_equal(desktop, server.x, text(size))


async def test_what_is_told_is_all_that_changes() -> None:
    with tigervnc(SIZE) as server:
        async with opened(server.address) as desktop:
            await check_told(desktop.source, server.x, SIZE)


async def test_copies_go_both_ways(tmp_path: Path) -> None:
    with tigervnc() as server:
        async with opened(server.address) as desktop:
            file = tmp_path / "copied"
            file.write_text(WORDS)
            await asyncio.to_thread(server.x.run, "xsel", "-b", "-i", stdin=file)
            await desktop.until_told(ClipChanged)
            clip = await desktop.source.fetch_clip(1000)
            assert clip.parts == {TEXT: WORDS.encode()}
            assert (await desktop.source.fetch_clip(3)).is_too_large
            offer = Offer((TEXT,))
            await desktop.source.inject(offer)
            await desktop.source.inject(Delivery(offer, Clip({TEXT: f"{WORDS}\nagain".encode()})))
            with pasting(server.x) as program:
                async with asyncio.timeout(5):
                    while await asyncio.to_thread(program.paste, "UTF8_STRING") != f"{WORDS}\nagain".encode():
                        await asyncio.sleep(0.05)


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no qemu-system-x86_64")
async def test_a_machine_boots_is_typed_into_and_changes_its_size() -> None:
    with qemu() as machine:
        async with opened(machine.address) as desktop:

            async def until_written(words: str) -> None:
                async with asyncio.timeout(20):
                    while words not in await asyncio.to_thread(machine.text):
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(0.1):
                                await desktop.source.grab(desktop.framebuffer)

            await until_written(GREETING.decode().strip())
            await desktop.until_shows(machine.screen)
            assert desktop.source._hands.takes_places
            # A German keyboard: what is written on the keys is not what the machine makes of their places.
            for character, code in zip("yz", ("KeyZ", "KeyY"), strict=True):
                for is_down in (True, False):
                    await desktop.source.inject(Key(ord(character), code, is_down))
            # Text without keys, with what a keyboard needs for it.
            for character in "Hi!":
                for is_down in (True, False):
                    await desktop.source.inject(Key(ord(character), "", is_down))
            await until_written("zyHi!")
            await desktop.until_shows(machine.screen)
            before = machine.screen().shape
            for is_down in (True, False):
                await desktop.source.inject(Key(0xFF09, "Tab", is_down))
            async with asyncio.timeout(10):
                while (await asyncio.to_thread(machine.screen)).shape == before:
                    await asyncio.sleep(0.05)
            await desktop.until_shows(machine.screen)


async def test_who_is_not_there_is_said() -> None:
    for address in ("127.0.0.1:1", "unix:/nowhere/rfb"):
        with pytest.raises(SourceUnavailable, match="There is no VNC server"):
            await VncSource(Address.parse(address), Credentials()).open(print)


async def test_who_was_never_there_does_not_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_PING_S", "_ANSWER_S"):
        monkeypatch.setattr(watch, name, 0.05)
    told: list[SourceEvent] = []
    absent = VncSource(Address(path="/nowhere/rfb"), Credentials())
    with pytest.raises(SourceUnavailable):
        await absent.open(told.append)
    with pytest.raises(SourceLost):
        await absent.grab(Framebuffer(SIZE))
    await absent.close()
    await asyncio.sleep(0.3)
    assert told == []


async def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_OPEN_S", 0.2)

    # The system takes the connection; nobody ever speaks.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceUnavailable, match="doesn't answer"):
            await VncSource(Address.parse(address), Credentials()).open(print)


async def test_a_server_that_hangs_is_told_and_one_that_dies_is_lost() -> None:
    with tigervnc() as server:
        async with opened(server.address) as desktop:
            await until_equal(desktop, server.x, text(SIZE))
            waiting = asyncio.create_task(desktop.source.grab(desktop.framebuffer))
            server.x.stop()
            state = await desktop.until_told(StateChanged)
            assert isinstance(state, StateChanged)
            assert state.state is SourceState.STALLED
            server.x.resume()
            async with asyncio.timeout(5):
                while desktop.told[-1] != StateChanged(SourceState.LIVE):
                    await asyncio.sleep(0.02)
            server.x.kill()
            with contextlib.suppress(SourceLost):
                await asyncio.wait_for(waiting, 5)
            with pytest.raises(SourceLost):
                await asyncio.wait_for(desktop.source.grab(desktop.framebuffer), 5)
            with pytest.raises(SourceLost):
                await desktop.source.inject(Wheel(1, 1, 0, 120))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("desk:5901", Address("desk", 5901)),
        ("desk", Address("desk", 5900)),
        ("[::1]:5900", Address("::1", 5900)),
        ("unix:/run/vnc", Address(path="/run/vnc")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", [":5900", "desk:", "desk:0", "desk:99999", "unix:", "desk:5900:1x", "::1", "::1:5900"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"use|name"):
        Address.parse(text)
