"""One viewer's clips: what is gathered of what it sends, and what it is sent, piece by piece."""

import pytest

from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.clipboard import FromClipboard, ViewerClipboard
from voxy.session.clips import HTML, PNG, TEXT, UNLIMITED, Clip, Mime
from voxy.session.events import Delivery, Offer

WORDS = "ñ é ß あ 漢 🙂".encode()
IMAGE = b"\x89PNG\r\n\x1a\n..."


def clipboard_of(takes: int = 1000) -> ViewerClipboard:
    clipboard = ViewerClipboard()
    clipboard.limit(takes, 1000)
    clipboard.greet()
    assert clipboard.take(0) == wire.Clipboard(takes, 1000)
    return clipboard


def clip(**sizes: int) -> wire.Clip:
    names: dict[str, Mime] = {"text": TEXT, "html": HTML, "png": PNG}
    return wire.Clip([wire.Part(names[name], size) for name, size in sizes.items()])


def messages(clipboard: ViewerClipboard, window_bytes: int = 0) -> list[FromClipboard]:
    found = []
    while message := clipboard.take(window_bytes):
        found.append(message)
    return found


class TestIn:
    def test_an_offer_comes_before_its_content(self) -> None:
        clipboard = clipboard_of()
        (offer,) = clipboard.receive(clip(text=len(WORDS), html=3))
        assert isinstance(offer, Offer)
        assert offer.types == (TEXT, HTML)
        # A piece ends in the middle of a character, and of a part.
        assert clipboard.receive(wire.ClipChunk(WORDS[:1])) == []
        (delivery,) = clipboard.receive(wire.ClipChunk(WORDS[1:] + b"<b>"))
        assert delivery == Delivery(offer, Clip({TEXT: WORDS, HTML: b"<b>"}))

    def test_what_was_taken_is_acknowledged(self) -> None:
        clipboard = clipboard_of()
        clipboard.receive(clip(text=5))
        clipboard.receive(wire.ClipChunk(b"abc"))
        clipboard.receive(wire.ClipChunk(b"de"))
        assert clipboard.has_message
        assert messages(clipboard) == [wire.ClipAck(5)]
        assert not clipboard.has_message

    def test_nothing_is_a_clip_too(self) -> None:
        offer, delivery = clipboard_of().receive(clip(text=0))
        assert delivery == Delivery(offer, Clip({TEXT: b""}))

    def test_a_new_clip_takes_the_place_of_one_that_is_not_complete(self) -> None:
        clipboard = clipboard_of()
        (first,) = clipboard.receive(clip(text=5))
        clipboard.receive(wire.ClipChunk(b"ab"))
        gone, second = clipboard.receive(clip(text=2))
        assert gone == Delivery(first, None)
        assert clipboard.receive(wire.ClipChunk(b"cd")) == [Delivery(second, Clip({TEXT: b"cd"}))]

    def test_a_viewer_that_leaves_lets_nobody_wait(self) -> None:
        clipboard = clipboard_of()
        (offer,) = clipboard.receive(clip(text=5))
        assert clipboard.abandon() == [Delivery(offer, None)]
        assert clipboard.abandon() == []

    def test_what_is_too_large_is_told_and_not_kept(self) -> None:
        clipboard = clipboard_of(2048)
        assert clipboard.receive(clip(text=1024, html=1025)) == []
        (notice,) = messages(clipboard)
        assert notice == wire.Notice("paste_too_large", 2048)
        assert clipboard.receive(wire.ClipChunk(b"x" * 2049)) == []
        (offer,) = clipboard.receive(clip(text=2048))
        assert isinstance(offer, Offer)

    def test_nothing_is_taken_where_pasting_is_off(self) -> None:
        clipboard = clipboard_of(0)
        assert clipboard.receive(clip(text=3)) == []
        assert clipboard.receive(wire.ClipChunk(b"abc")) == []

    @pytest.mark.parametrize("data", [b"abcd", b"a\xffb"], ids=["too long", "not UTF-8"])
    def test_what_was_not_announced_is_refused(self, data: bytes) -> None:
        clipboard = clipboard_of()
        clipboard.receive(clip(text=3))
        with pytest.raises(ProtocolError):
            clipboard.receive(wire.ClipChunk(data))

    def test_chunks_of_nothing_are_refused(self) -> None:
        with pytest.raises(ProtocolError):
            clipboard_of().receive(wire.ClipChunk(b"a"))

    def test_line_ends_and_images_are_put_right(self) -> None:
        clipboard = clipboard_of()
        clipboard.receive(clip(text=6, png=len(IMAGE)))
        (delivery,) = clipboard.receive(wire.ClipChunk(b"a\r\nb\0c" + IMAGE))
        assert isinstance(delivery, Delivery)
        assert delivery.clip == Clip({TEXT: b"a\nbc", PNG: IMAGE})
        clipboard.receive(clip(png=3))
        (delivery,) = clipboard.receive(wire.ClipChunk(b"GIF"))
        assert isinstance(delivery, Delivery)
        assert delivery.clip == Clip({})


class TestOut:
    def test_content_goes_in_pieces_within_the_window(self) -> None:
        clipboard = clipboard_of()
        size = 3 * wire.CLIP_CHUNK_BYTES + 5
        clipboard.give(Clip({TEXT: WORDS, PNG: b"x" * size}))
        window = 2 * wire.CLIP_CHUNK_BYTES
        begun, *chunks = messages(clipboard, window)
        assert begun == clip(text=len(WORDS), png=size)
        assert [len(chunk.data) for chunk in chunks if isinstance(chunk, wire.ClipChunk)] == [
            len(WORDS),
            wire.CLIP_CHUNK_BYTES,
        ]
        clipboard.receive(wire.ClipAck(len(WORDS) + wire.CLIP_CHUNK_BYTES))
        assert len(messages(clipboard, window)) == 2
        clipboard.receive(wire.ClipAck(UNLIMITED))
        assert messages(clipboard, window) == [wire.ClipChunk(b"x" * 5)]

    def test_a_piece_goes_on_the_narrowest_line(self) -> None:
        clipboard = clipboard_of()
        clipboard.give(Clip({TEXT: b"x" * 2 * wire.CLIP_CHUNK_BYTES}))
        assert len(messages(clipboard, 1)) == 2

    def test_a_viewer_is_told_when_the_desktop_has_something_else_than_it(self) -> None:
        clipboard, other = clipboard_of(), Offer((TEXT,))
        clipboard.replaced(other)
        assert messages(clipboard) == []
        (own,) = clipboard.receive(clip(text=1))
        assert isinstance(own, Offer)
        clipboard.replaced(own)
        assert messages(clipboard) == []
        clipboard.replaced(other)
        assert messages(clipboard) == [wire.ClipGone()]
        clipboard.give(Clip({}))
        clipboard.replaced(None)
        assert messages(clipboard) == [wire.ClipGone(), clip()]

    def test_the_newest_takes_the_place_of_older_ones(self) -> None:
        clipboard = clipboard_of()
        clipboard.give(Clip({TEXT: b"x" * 2 * wire.CLIP_CHUNK_BYTES}))
        clipboard.take(1 << 20), clipboard.take(1 << 20)
        clipboard.give(Clip({TEXT: b"new"}))
        assert messages(clipboard, 1 << 20) == [clip(text=3), wire.ClipChunk(b"new")]
