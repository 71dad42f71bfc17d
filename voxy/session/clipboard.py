"""One viewer's side of the clipboard: clips on their way in and out, piece by piece. No socket, no clock."""

from collections.abc import Iterator
from itertools import chain

from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.clips import Clip, Mime, clean
from voxy.session.events import Delivery, Offer

FromClipboard = wire.Clipboard | wire.Notice | wire.Clip | wire.ClipAck | wire.ClipChunk | wire.ClipGone


class ViewerClipboard:
    """Gathers what the viewer has to paste, and cuts up what it gets. Nothing is taken or given before `greet`."""

    def __init__(self) -> None:
        self._greeting: wire.Clipboard | None = None
        self._notice: wire.Notice | None = None
        self._limits = wire.Clipboard(0, 0)
        self.is_open = False
        self._offer: Offer | None = None
        self._last: Offer | None = None
        """What the viewer and the desktop have in common."""
        self._gone: wire.ClipGone | None = None
        self._expected: list[wire.Part] = []
        self._missing = 0
        self._gathered = bytearray()
        self._owed_ack = 0
        self._begun: wire.Clip | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._piece = b""
        self._inflight = 0

    def limit(self, takes: int, gives: int) -> None:
        """Take and give clips of up to so many bytes from now on; 0 for none."""
        before, self._limits = self._limits, wire.Clipboard(takes, gives)
        if self.is_open and before != self._limits:
            self._greeting = self._limits
        if not gives:
            self._begun, self._pieces, self._piece = None, iter(()), b""

    def greet(self) -> None:
        """The viewer is there, and knows what a clipboard is: tell it its limits."""
        self.is_open = True
        self._greeting = self._limits

    # In

    def receive(self, message: wire.Clip | wire.ClipChunk | wire.ClipAck) -> list[Offer | Delivery]:
        """Take a message; ProtocolError for content that isn't what was announced."""
        match message:
            case wire.Clip(parts):
                return [*self.abandon(), *self._begin(parts)]
            case wire.ClipChunk(data):
                return self._gather(data)
            case wire.ClipAck(size):
                self._inflight = max(0, self._inflight - size)
        return []

    def pass_over(self, message: wire.Clip | wire.ClipChunk) -> None:
        """Count content that may not be pasted and forget it: what the viewer sends once it may is understood."""
        if isinstance(message, wire.Clip):
            self._expected, self._missing = [], sum(part.size for part in message.parts)
        else:
            self._missing = max(0, self._missing - len(message.data))
            self._owed_ack += len(message.data)

    def abandon(self) -> list[Offer | Delivery]:
        """Whoever waits for what isn't complete waits in vain."""
        offer, self._offer = self._offer, None
        self._gathered = bytearray()
        return [Delivery(offer, None)] if offer else []

    def replaced(self, offer: Offer | None) -> None:
        """Note that the desktop has this offer from now on, or nothing: a viewer that has something else is told."""
        if self._last and self._last is not offer:
            self._last, self._gone = None, wire.ClipGone()

    def _begin(self, parts: list[wire.Part]) -> list[Offer | Delivery]:
        self._expected = parts
        self._missing = sum(part.size for part in parts)
        most = self._limits.takes
        if not parts or not most or not self.is_open:
            return []
        if self._missing > most:
            self.say(wire.Notice("paste_too_large", most))
            return []
        self._offer = self._last = Offer(tuple(part.mime for part in parts))
        return [self._offer] if self._missing else [self._offer, *self._complete()]

    def _gather(self, data: bytes) -> list[Offer | Delivery]:
        if len(data) > self._missing:
            raise ProtocolError("a clip that is longer than was announced")
        self._missing -= len(data)
        self._owed_ack += len(data)
        if not self._offer:
            return []
        self._gathered += data
        return [] if self._missing else self._complete()

    def _complete(self) -> list[Offer | Delivery]:
        offer, self._offer = self._offer, None
        assert offer
        parts: dict[Mime, bytes] = {}
        start = 0
        try:
            for part in self._expected:
                content = clean(part.mime, bytes(self._gathered[start : start + part.size]))
                start += part.size
                if content is not None:
                    parts[part.mime] = content
        except UnicodeDecodeError as error:
            raise ProtocolError("a clip whose text is not UTF-8") from error
        self._gathered = bytearray()
        return [Delivery(offer, Clip(parts))]

    # Out

    def give(self, clip: Clip) -> None:
        """Send this; what is still on its way of an older one stops."""
        self._last = Offer(tuple(clip.parts))
        self._begun = wire.Clip([wire.Part(kind, len(data)) for kind, data in clip.parts.items()])
        self._pieces = chain.from_iterable(map(_cut, clip.parts.values()))
        self._piece = b""

    def say(self, notice: wire.Notice) -> None:
        """Tell the person at the viewer."""
        self._notice = notice

    @property
    def has_message(self) -> bool:
        """Whether there is something to say that needs no room on the line."""
        return bool(self._greeting or self._notice or self._gone or self._owed_ack or self._begun)

    def take(self, window_bytes: int) -> FromClipboard | None:
        """The next message; of content not more than a window at a time is on its way without an acknowledgement."""
        if self._greeting:
            greeting, self._greeting = self._greeting, None
            return greeting
        if self._owed_ack:
            size, self._owed_ack = self._owed_ack, 0
            return wire.ClipAck(size)
        if self._gone:
            gone, self._gone = self._gone, None
            return gone
        if self._begun:
            begun, self._begun = self._begun, None
            return begun
        if self._notice:
            notice, self._notice = self._notice, None
            return notice
        return self._take_chunk(max(window_bytes, wire.CLIP_CHUNK_BYTES))

    def _take_chunk(self, window_bytes: int) -> wire.ClipChunk | None:
        self._piece = self._piece or next(self._pieces, b"")
        if not self._piece or self._inflight + len(self._piece) > window_bytes:
            return None
        piece, self._piece = self._piece, b""
        self._inflight += len(piece)
        return wire.ClipChunk(piece)


def _cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + wire.CLIP_CHUNK_BYTES] for at in range(0, len(data), wire.CLIP_CHUNK_BYTES))
