"""What programs copy arrives as they have it, programs paste what viewers offer, and none of them holds up VoXY."""

import asyncio
import itertools
import struct
import subprocess
from pathlib import Path

import pytest
from Xlib import X

from tests.programs import AT_ONCE_BYTES, Content, Paster, copying, pasting
from tests.sources.x11.support import Opened, listening, opened
from tests.xservers import XServer, client
from voxy.errors import SourceLost
from voxy.session.clips import HTML, PNG, TEXT, UNLIMITED, Clip, Mime
from voxy.session.events import Delivery, Key, Offer
from voxy.sources.base import ClipChanged
from voxy.sources.x11 import requestor
from voxy.sources.x11.input import InputQueue

WORDS = "ñ é ß あ 漢 🙂"
LONG = (WORDS + " and more.\n") * 30_000
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000


async def copied(desktop: Opened, most_bytes: int = UNLIMITED) -> Clip:
    """The next thing that is copied."""
    async with asyncio.timeout(15):
        await desktop.until_told(lambda event: isinstance(event, ClipChanged))
        desktop.told.clear()
        return await desktop.source.fetch_clip(most_bytes)


async def offer(desktop: Opened, **parts: bytes) -> None:
    """Paste what a viewer has, all at once."""
    names: dict[str, Mime] = {"text": TEXT, "html": HTML, "png": PNG}
    clip = Clip({names[name]: data for name, data in parts.items()})
    offered = Offer(tuple(clip.parts))
    await desktop.source.inject(offered)
    await desktop.source.inject(Delivery(offered, clip))


async def until_owned(server: XServer, paster: Paster) -> None:
    async with asyncio.timeout(5):
        while paster.display.get_selection_owner(paster.atom("CLIPBOARD")) == X.NONE:
            await asyncio.sleep(0.01)


class TestCopying:
    @pytest.mark.parametrize("text", [WORDS, LONG], ids=["short", "1 MB"])
    async def test_text_of_a_real_program(self, server: XServer, tmp_path: Path, text: str) -> None:
        file = tmp_path / "copied.txt"
        file.write_text(text, encoding="utf-8")
        async with opened(server) as desktop:
            with client(server, "xclip", "-i", "-selection", "clipboard", "-quiet", str(file)):
                assert (await copied(desktop)).parts == {TEXT: text.encode()}

    async def test_all_types_but_pictures_of_text(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text=WORDS, html=f"<b>{WORDS}</b>", png=IMAGE) as copier:
                assert (await copied(desktop)).parts == {TEXT: WORDS.encode(), HTML: f"<b>{WORDS}</b>".encode()}
                assert copier.asked == ["TARGETS", "UTF8_STRING", "text/html"]
            with copying(server, png=IMAGE):
                assert (await copied(desktop)).parts == {PNG: IMAGE}

    @pytest.mark.parametrize(
        ("contents", "text"),
        [
            ({"STRING": "ñ é ß".encode("latin-1")}, "ñ é ß"),
            ({"STRING": "ñ é ß".encode("latin-1"), "TARGETS": b""}, "ñ é ß"),
            ({"text/plain;charset=utf-8": "a\r\nb\0"}, "a\nb"),
            ({"UTF8_STRING": b"a\xffb"}, "a\ufffdb"),
        ],
        ids=["Latin-1", "no TARGETS", "line ends", "no UTF-8"],
    )
    async def test_text_as_programs_have_it(self, server: XServer, contents: dict, text: str) -> None:
        async with opened(server) as desktop:
            with copying(server, **contents):
                assert (await copied(desktop)).parts == {TEXT: text.encode()}

    async def test_html_in_utf_16(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, html=WORDS.encode("utf-16")):
                assert (await copied(desktop)).parts == {HTML: WORDS.encode()}

    async def test_what_is_no_image_is_left_out(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, png=b"<svg/>"):
                assert (await copied(desktop)).parts == {}

    async def test_nothing_is_asked_for_unasked(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text="secret") as copier:
                await desktop.until_told(lambda event: isinstance(event, ClipChanged))
                await asyncio.wait_for(desktop.grab(), 5)
                assert copier.asked == []

    @pytest.mark.parametrize("is_incremental", [False, True])
    async def test_what_is_too_large_is_left_out(self, server: XServer, is_incremental: bool) -> None:
        async with opened(server) as desktop:
            with copying(server, text=LONG if is_incremental else "x" * 150_000) as copier:
                assert await copied(desktop, 100_000) == Clip({}, is_too_large=True)
                assert copier.sent_bytes <= 2 * AT_ONCE_BYTES

    async def test_the_newest_is_fetched(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text=Content(b"", is_silent=True)):
                await desktop.until_told(lambda event: isinstance(event, ClipChanged))
                older = asyncio.create_task(desktop.source.fetch_clip(UNLIMITED))
                desktop.told.clear()
                with copying(server, text="newer"):
                    assert (await copied(desktop)).parts == {TEXT: b"newer"}
                with pytest.raises(asyncio.CancelledError):
                    await older


class TestBadOwners:
    @pytest.fixture
    def _hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(requestor, "_ANSWER_S", 0.3)
        monkeypatch.setattr(requestor, "_FETCH_S", 1.0)

    @pytest.mark.usefixtures("_hurry")
    @pytest.mark.parametrize("silent", ["TARGETS", "UTF8_STRING", "text/html"])
    async def test_one_that_never_answers(self, server: XServer, silent: str) -> None:
        contents: dict[str, Content | str] = {"UTF8_STRING": "text", "text/html": "html"}
        contents[silent] = Content(b"", is_silent=True)
        async with opened(server) as desktop:
            with copying(server, **contents):
                clip = await copied(desktop)
                assert clip.parts == ({TEXT: b"text"} if silent == "text/html" else {})

    @pytest.mark.usefixtures("_hurry")
    async def test_one_that_stops_in_the_middle(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text=Content(b"", pieces=[b"first", None])), listening(server) as listener:
                fetch = asyncio.create_task(copied(desktop))
                # Keys go on meanwhile.
                await desktop.source.inject(Key(0x61, "KeyA", True))
                await listener.take(1, X.KeyPress)
                await desktop.source.inject(Key(0x61, "KeyA", False))
                assert (await fetch).parts == {}

    async def test_endless_pieces(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text=Content(b"", pieces=itertools.repeat(b"x" * 1000))) as copier:
                assert (await copied(desktop, 1_000_000)) == Clip({}, is_too_large=True)
                assert copier.sent_bytes < 1_100_000

    @pytest.mark.usefixtures("_hurry")
    async def test_one_that_never_ends(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text=Content(b"", pieces=itertools.repeat(b"x"))):
                assert await copied(desktop) == Clip({})

    async def test_one_that_lies_about_its_length(self, server: XServer) -> None:
        for claimed in (0, 0xFFFFFFFF):
            async with opened(server) as desktop:
                content = Content(b"", pieces=[b"short"], claimed_size=claimed)
                with copying(server, text=content):
                    assert (await copied(desktop)).parts == {TEXT: b"short"}

    async def test_one_that_goes(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text="text"):
                await desktop.until_told(lambda event: isinstance(event, ClipChanged))
            assert (await desktop.source.fetch_clip(UNLIMITED)).parts == {}


class TestPasting:
    @pytest.mark.parametrize("text", [WORDS, LONG], ids=["short", "1 MB"])
    async def test_text_into_real_programs(self, server: XServer, text: str) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, text=text.encode())
                await until_owned(server, paster)
            for command in (("xclip", "-o", "-selection", "clipboard"), ("xsel", "-b", "-o")):
                pasted = await asyncio.to_thread(
                    subprocess.run, command, env=server.environment, capture_output=True, timeout=10
                )
                assert pasted.stdout.decode() == text

    async def test_every_target(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, text=WORDS.encode(), html=b"<b>x</b>")
                await until_owned(server, paster)
                names = {"UTF8_STRING", "STRING", "TEXT", "text/plain", "text/plain;charset=utf-8", "text/html"}
                assert await asyncio.to_thread(paster.targets) == names | {"TARGETS", "TIMESTAMP", "MULTIPLE"}
                for target in names - {"STRING", "text/html"}:
                    assert await asyncio.to_thread(paster.paste, target) == WORDS.encode()
                    assert paster.type == ("UTF8_STRING" if target == "TEXT" else target)
                assert await asyncio.to_thread(paster.paste, "STRING") == "ñ é ß ? ? ?".encode("latin-1")
                assert await asyncio.to_thread(paster.paste, "text/html") == b"<b>x</b>"
                assert await asyncio.to_thread(paster.paste, "image/png") is None
                assert await asyncio.to_thread(paster.paste, "TIMESTAMP") != b"\0\0\0\0"

    async def test_an_image(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, png=IMAGE)
                await until_owned(server, paster)
                assert await asyncio.to_thread(paster.paste, "image/png") == IMAGE

    async def test_several_targets_at_once(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, text=b"text", html=b"html")
                await until_owned(server, paster)
                asked = ("UTF8_STRING", "image/png", "text/html")
                pairs = [paster.atom(name) for target in asked for name in (target, f"FOR {target}")]
                paster.window.change_property(paster.atom("PASTED"), paster.atom("ATOM_PAIR"), 32, pairs)
                answer = await asyncio.to_thread(paster.paste, "MULTIPLE")
                assert answer == struct.pack("6I", *(0 if at == 3 else pair for at, pair in enumerate(pairs)))
                for target, data in (("UTF8_STRING", b"text"), ("text/html", b"html")):
                    found = paster.window.get_full_property(paster.atom(f"FOR {target}"), X.AnyPropertyType)
                    assert found.value == data

    async def test_a_key_pastes_what_was_offered_before_it_though_it_comes_later(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with copying(server, text="stale") as copier, pasting(server) as paster, listening(server) as listener:
                await copied(desktop)
                offered = Offer((TEXT,))
                await desktop.source.inject(offered)
                await desktop.source.inject(Key(0x76, "KeyV", True))
                await listener.take(1, X.KeyPress)
                assert copier.has_lost.wait(5)
                paster.ask("UTF8_STRING")
                assert {"UTF8_STRING", "TARGETS"} <= await asyncio.to_thread(Paster.targets, Paster(paster.display))
                await desktop.source.inject(Delivery(offered, Clip({TEXT: b"fresh"})))
                assert await asyncio.to_thread(paster.take) == b"fresh"
                await desktop.source.inject(Key(0x76, "KeyV", False))

    async def test_who_waits_in_vain_is_refused(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                offered = Offer((TEXT,))
                await desktop.source.inject(offered)
                await until_owned(server, paster)
                paster.ask("UTF8_STRING")
                await desktop.source.inject(Delivery(offered, None))
                assert await asyncio.to_thread(paster.take) is None

    async def test_a_program_that_copies_takes_over(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, text=b"from a viewer")
                await until_owned(server, paster)
                with copying(server, text="from a program"):
                    assert (await copied(desktop)).parts == {TEXT: b"from a program"}
                    assert await asyncio.to_thread(paster.paste, "UTF8_STRING") == b"from a program"

    async def test_what_a_viewer_offers_is_no_news(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as paster:
                await offer(desktop, text=b"text")
                await until_owned(server, paster)
                assert await asyncio.to_thread(paster.paste, "UTF8_STRING") == b"text"
                assert not any(isinstance(event, ClipChanged) for event in desktop.told)

    async def test_one_that_never_takes_its_pieces_holds_up_nobody(self, server: XServer) -> None:
        async with opened(server) as desktop:
            with pasting(server) as lazy, pasting(server) as paster:
                await offer(desktop, text=LONG.encode())
                await until_owned(server, paster)
                for _ in range(40):
                    lazy.ask("UTF8_STRING")
                assert await asyncio.to_thread(paster.paste, "UTF8_STRING") == LONG.encode()


def test_content_for_a_server_that_hangs_does_not_pile_up() -> None:
    queue = InputQueue()
    for number in range(100):
        offered = Offer((TEXT,))
        queue.put(offered)
        queue.put(Delivery(offered, Clip({TEXT: str(number).encode()})))
    taken = []
    while queue:
        taken.append(queue.take())
    assert [event.clip for event in taken if isinstance(event, Delivery)] == [Clip({TEXT: b"99"})]
    assert taken[-2] is offered


async def test_a_source_that_is_closed_has_no_clipboard(server: XServer) -> None:
    async with opened(server) as desktop:
        with copying(server, text=Content(b"", is_silent=True)):
            await desktop.until_told(lambda event: isinstance(event, ClipChanged))
            fetch = asyncio.create_task(desktop.source.fetch_clip(UNLIMITED))
            await asyncio.sleep(0)
            await desktop.source.close()
            with pytest.raises(SourceLost):
                await fetch
        with pytest.raises(SourceLost):
            await desktop.source.fetch_clip(UNLIMITED)
