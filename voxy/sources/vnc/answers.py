"""What a VNC server says (RFC 6143, section 7.6, and rfbproto.rst): pixels go to the screen, all else is told."""

import struct
from dataclasses import dataclass
from typing import TypeAlias

from voxy.blocks import Rect
from voxy.errors import SourceLost
from voxy.sources.base import Cursor
from voxy.sources.vnc import requests
from voxy.sources.vnc.cursors import read_cursor
from voxy.sources.vnc.encodings import Decoders
from voxy.sources.vnc.screen import Screen
from voxy.sources.vnc.steps import Flow, Read

_MOST_TEXT = 16 << 20
_MOST_NAME, _MOST_SHOWN_NAME = 1 << 16, 256
_MOST_WHOLE_SCREENS = 64
"""How often one update may paint the whole screen over: a server that wants more keeps us from all others' work."""
_SKIPPED_BYTES = 1 << 20

_CURSORS = (requests.CURSOR, requests.X_CURSOR, requests.ALPHA_CURSOR)


@dataclass(frozen=True, slots=True)
class Updated:
    """An update is whole."""


@dataclass(frozen=True, slots=True)
class Resized:
    """The screen has another size; `reason` and `status` are those of ExtendedDesktopSize, 0 without it."""

    reason: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Can:
    """The server can what this pseudo encoding is for."""

    encoding: int


@dataclass(frozen=True, slots=True)
class PointerIs:
    """Whether the server takes ways of the pointer from now on, or places."""

    is_relative: bool


@dataclass(frozen=True, slots=True)
class Named:
    """The desktop is called something else now."""

    name: str


@dataclass(frozen=True, slots=True)
class FenceAsked:
    flags: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ContinuousEnded:
    """No more updates come without being asked for; the first time it says that they could."""


@dataclass(frozen=True, slots=True)
class TextCut:
    """Somebody copied Latin-1 text on the desktop."""

    text: str


@dataclass(frozen=True, slots=True)
class ClipboardSaid:
    """A message of the extended clipboard."""

    flags: int
    payload: bytes


Told: TypeAlias = (
    Updated | Resized | Can | PointerIs | Named | FenceAsked | ContinuousEnded | TextCut | ClipboardSaid | Cursor
)


class Answers:
    """Reads a server's messages, one after the other."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._decoders = Decoders()
        self._cursors = 0

    def read(self) -> Flow[list[Told]]:
        """The next message."""
        (kind,) = yield Read(1)
        match kind:
            case 0:
                return (yield from self._read_update())
            case 1:
                # Colours of a map, which a true-colour format doesn't have.
                (count,) = struct.unpack(">3xH", (yield Read(5)))
                yield from _skip(6 * count)
                return []
            case 2:
                return []
            case 3:
                return (yield from _read_text())
            case 150:
                return [ContinuousEnded()]
            case 248:
                flags, length = struct.unpack(">3xIB", (yield Read(8)))
                if length > 64:
                    raise SourceLost("The VNC server sends a fence with more than it may carry.")
                return [FenceAsked(flags, (yield Read(length)))]
        raise SourceLost(f"The VNC server says something unknown (message {kind}).")

    def _read_update(self) -> Flow[list[Told]]:
        (count,) = struct.unpack(">xH", (yield Read(3)))
        told: list[Told] = []
        cursor: list[Told] = []
        painted = 0
        for _ in range(count):
            *place, encoding = struct.unpack(">HHHHi", (yield Read(12)))
            if encoding == requests.LAST_RECT:
                break
            rect = Rect(*place)
            if encoding in _CURSORS:
                # Only the last is ever shown; 65535 of four megabytes each would be kept otherwise.
                self._cursors += 1
                cursor = [(yield from read_cursor(encoding, rect, self._cursors))]
            else:
                painted += rect.area if self._decoders.get(encoding) else 0
                if painted > _MOST_WHOLE_SCREENS * Rect.of(self._screen.size).area:
                    raise SourceLost("The VNC server paints the same again and again in one update.")
                told += yield from self._read_rect(rect, encoding)
        return [*told, *cursor, Updated()]

    def _read_rect(self, rect: Rect, encoding: int) -> Flow[list[Told]]:
        if decoder := self._decoders.get(encoding):
            self._screen.begin(rect)
            yield from decoder(self._screen, rect)
            self._screen.note(rect)
            return []
        match encoding:
            case requests.DESKTOP_SIZE:
                return self._resize(rect, Resized())
            case requests.EXTENDED_DESKTOP_SIZE:
                (screens,) = struct.unpack(">Bxxx", (yield Read(4)))
                yield Read(16 * screens)
                return [*self._resize(rect, Resized(rect.x, rect.y)), Can(encoding)]
            case requests.DESKTOP_NAME:
                return [Named((yield from read_name()))]
            case requests.QEMU_KEYS:
                return [Can(encoding)]
            case requests.QEMU_POINTER:
                return [PointerIs(is_relative=not rect.x)]
            case _:
                raise SourceLost(f"The VNC server packs a rect in way {encoding}, which it wasn't offered.")
        return []

    def _resize(self, rect: Rect, told: Resized) -> list[Told]:
        if told.status == 0 and (rect.width, rect.height) != self._screen.size:
            self._screen.resize(rect.width, rect.height)
        return [told]


def read_name() -> Flow[str]:
    """What the desktop is called, in one line that a window's title can hold."""
    (length,) = struct.unpack(">I", (yield Read(4)))
    if length > _MOST_NAME:
        raise SourceLost(f"The VNC server says that its name has {length} bytes, where {_MOST_NAME} are the most.")
    name = (yield Read(length)).decode("utf-8", "replace")
    return "".join(character for character in name if character.isprintable())[:_MOST_SHOWN_NAME]


def _read_text() -> Flow[list[Told]]:
    (length,) = struct.unpack(">3xi", (yield Read(7)))
    size = abs(length)
    if size > _MOST_TEXT:
        yield from _skip(size)
        return []
    data = yield Read(size)
    if length >= 0:
        return [TextCut(data.decode("latin-1"))]
    if size < 4:
        raise SourceLost("The VNC server says nothing about its clipboard.")
    return [ClipboardSaid(int.from_bytes(data[:4], "big"), data[4:])]


def _skip(size: int) -> Flow[None]:
    while size:
        size -= len((yield Read(min(size, _SKIPPED_BYTES))))
