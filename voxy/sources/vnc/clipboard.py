"""The clipboard of a VNC server: text, in UTF-8 with the extended clipboard (rfbproto.rst), in Latin-1 without."""

import struct
import zlib

from voxy.session.clips import TEXT, Clip
from voxy.session.events import Delivery
from voxy.sources.vnc import requests
from voxy.sources.vnc.inflate import Inflate

_TEXT = 1
_CAPS, _REQUEST, _PEEK, _NOTIFY, _PROVIDE = (1 << bit for bit in (24, 25, 26, 27, 28))
_MOST_BYTES = 16 << 20


class Clipboard:
    """Says what to send; `is_fresh` tells that somebody copied on the desktop, and `text` what, once it is there."""

    def __init__(self) -> None:
        self._is_extended = False
        self._is_asked = False
        self._ours = ""
        self.text: str | None = None
        self.is_fresh = False

    def paste(self, delivery: Delivery) -> bytes:
        """Have the desktop paste what a viewer delivered."""
        data = delivery.clip.parts.get(TEXT) if delivery.clip else None
        if data is None:
            return b""
        self._ours = data.decode()
        if self._is_extended:
            return requests.extended_clipboard(_NOTIFY | _TEXT)
        return requests.cut_text(self._ours)

    def fetch(self) -> bytes:
        """Ask for what was copied, unless it is there."""
        if not self._is_extended or self.text is not None:
            return b""
        self._is_asked = True
        return requests.extended_clipboard(_REQUEST | _TEXT)

    def take_text(self, text: str) -> None:
        """The server sends what was copied, as it has always done."""
        if not self._is_extended:
            self.text, self.is_fresh = text, True

    def take(self, flags: int, payload: bytes) -> bytes:
        """Take a message of the extended clipboard; what to answer."""
        if flags & _CAPS:
            self._is_extended = True
            ours = _CAPS | _REQUEST | _PEEK | _NOTIFY | _PROVIDE | _TEXT
            return requests.extended_clipboard(ours, struct.pack(">I", _MOST_BYTES))
        if flags & _REQUEST and flags & _TEXT:
            return self._provide()
        if flags & _PEEK:
            return requests.extended_clipboard(_NOTIFY | (_TEXT if self._ours else 0))
        if flags & _NOTIFY and flags & _TEXT:
            self.text, self.is_fresh = None, True
        if flags & _PROVIDE and flags & _TEXT:
            # What is small comes without being asked for.
            self.is_fresh, self._is_asked = not self._is_asked, False
            self.text = _unpack(payload)
        return b""

    def clip(self, most_bytes: int) -> Clip:
        """What was copied last."""
        data = (self.text or "").encode()
        if len(data) > most_bytes:
            return Clip({}, is_too_large=True)
        return Clip({TEXT: data} if data else {})

    def _provide(self) -> bytes:
        data = self._ours.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\0"
        return requests.extended_clipboard(_PROVIDE | _TEXT, zlib.compress(struct.pack(">I", len(data)) + data))


def _unpack(payload: bytes) -> str:
    data = Inflate().at_most(payload, _MOST_BYTES)
    size = int.from_bytes(data[:4])
    return data[4 : 4 + size].rstrip(b"\0").decode("utf-8", "replace").replace("\r\n", "\n")
