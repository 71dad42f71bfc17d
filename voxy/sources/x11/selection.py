"""What the owner and the requestor of a selection share (ICCCM 2): names, targets, windows, properties."""

from typing import NamedTuple

from Xlib import X
from Xlib.protocol import request

from voxy.session.clips import HTML, PNG, TEXT, Mime
from voxy.sources.x11.connection import Connection

INCR_CHUNK_BYTES = 3 << 16
"""Of one property; every server takes requests of 256 KiB."""

_UTF8_TARGETS = ("UTF8_STRING", "text/plain;charset=utf-8")
TEXT_TARGETS = (*_UTF8_TARGETS, "STRING", "TEXT", "text/plain")
"""Names under which programs have text, the best first."""

TARGETS_OF: dict[Mime, tuple[str, ...]] = {TEXT: TEXT_TARGETS, HTML: ("text/html",), PNG: ("image/png",)}


class Atoms:
    """The numbers that a server gives to names, each asked for once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        if name not in self._numbers:
            answer = request.InternAtom(display=self._connection, name=name, only_if_exists=False)
            self._numbers[name] = int(answer.atom)
        return self._numbers[name]


class Property(NamedTuple):
    """A piece of a property: its type (0 if there is none), its format, its data, and how many bytes come after it."""

    kind: int
    format: int
    data: bytes
    after: int


def create_window(connection: Connection) -> int:
    """A window that is never shown, which hears of its properties."""
    window = int(connection.allocate_resource_id())
    request.CreateWindow(
        display=connection,
        depth=0,
        wid=window,
        parent=connection.root,
        x=-1,
        y=-1,
        width=1,
        height=1,
        border_width=0,
        window_class=X.InputOnly,
        visual=X.CopyFromParent,
        attrs={"event_mask": X.PropertyChangeMask},
    )
    return window


def get_property(connection: Connection, window: int, name: int, at: int, most_bytes: int) -> Property:
    """Read a piece of a property, and delete it when that was the last; `at` and `most_bytes` are multiples of 4."""
    answer = request.GetProperty(
        display=connection,
        delete=True,
        window=window,
        property=name,
        type=X.AnyPropertyType,
        long_offset=at // 4,
        long_length=most_bytes // 4,
    )
    form, data = answer.value or (0, b"")
    return Property(int(answer.property_type), form, bytes(data), int(answer.bytes_after))


def atoms_in(found: Property) -> list[int]:
    """The atoms in a property of them."""
    return list(memoryview(found.data).cast("I")) if found.format == 32 else []
