"""X requests that python-xlib lacks or gets wrong: MIT-SHM, and the regions and cursors of XFIXES.

Sources: the MIT-SHM protocol 1.2 and the XFIXES protocol 5.0 of X.Org.
"""

import struct

from Xlib.display import Display
from Xlib.protocol import rq

SHM, XFIXES = "MIT-SHM", "XFIXES"

_Z_PIXMAP = 2
_ALL_PLANES = 0xFFFFFFFF


class _ShmAttach(rq.Request):  # type: ignore[misc]  # python-xlib has no types
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(1),
        rq.RequestLength(),
        rq.Card32("segment"),
        rq.Card32("id"),
        rq.Card8("read_only"),
        rq.Pad(3),
    )


class _ShmDetach(rq.Request):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(2), rq.RequestLength(), rq.Card32("segment"))


class _ShmGetImage(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(4),
        rq.RequestLength(),
        rq.Card32("drawable"),
        rq.Int16("x"),
        rq.Int16("y"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Card32("plane_mask"),
        rq.Card8("format"),
        rq.Pad(3),
        rq.Card32("segment"),
        rq.Card32("offset"),
    )
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Card8("depth"),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card32("visual"),
        rq.Card32("size"),
        rq.Pad(16),
    )


class _SelectCursorInput(rq.Request):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(3), rq.RequestLength(), rq.Card32("window"), rq.Card32("mask"))


class _GetCursorImage(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(4), rq.RequestLength())
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Int16("x"),
        rq.Int16("y"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Card16("xhot"),
        rq.Card16("yhot"),
        rq.Card32("serial"),
        rq.Pad(8),
        rq.Binary("pixels"),
    )


class _CreateRegion(rq.Request):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(5), rq.RequestLength(), rq.Card32("region"))


class _FetchRegion(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(19), rq.RequestLength(), rq.Card32("region"))
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Int16("x"),
        rq.Int16("y"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Pad(16),
        rq.Binary("rects"),
    )


def _opcode(display: Display, extension: str) -> int:
    return int(display.display.get_extension_major(extension))


def register(display: Display, extension: str) -> bool:
    """Make the extension's requests usable; False where the server doesn't have it."""
    info = display.query_extension(extension)
    if info is None:
        return False
    display.display.set_extension_major(extension, info.major_opcode)
    return True


def shm_attach(display: Display, shmid: int) -> int:
    """Let the server attach a SysV segment; the X id of it. A server that can't answers with an error later."""
    segment = int(display.display.allocate_resource_id())
    _ShmAttach(display=display.display, opcode=_opcode(display, SHM), segment=segment, id=shmid, read_only=0)
    return segment


def shm_detach(display: Display, segment: int) -> None:
    _ShmDetach(display=display.display, opcode=_opcode(display, SHM), segment=segment)
    display.display.free_resource_id(segment)


def shm_get_image(
    display: Display, drawable: int, rect: tuple[int, int, int, int], segment: int, offset: int
) -> _ShmGetImage:
    """Have the pixels of `rect` written into the segment; they are there when the answer's `reply()` returns."""
    x, y, width, height = rect
    return _ShmGetImage(
        display=display.display,
        defer=True,
        opcode=_opcode(display, SHM),
        drawable=drawable,
        x=x,
        y=y,
        width=width,
        height=height,
        plane_mask=_ALL_PLANES,
        format=_Z_PIXMAP,
        segment=segment,
        offset=offset,
    )


def select_cursor_input(display: Display, window: int) -> None:
    """Have an event sent for each new shape of the pointer."""
    _SelectCursorInput(display=display.display, opcode=_opcode(display, XFIXES), window=window, mask=1)


def get_cursor_image(display: Display) -> _GetCursorImage:
    return _GetCursorImage(display=display.display, opcode=_opcode(display, XFIXES))


def create_region(display: Display) -> int:
    """A new, empty region; its X id."""
    region = int(display.display.allocate_resource_id())
    _CreateRegion(display=display.display, opcode=_opcode(display, XFIXES), region=region)
    return region


def fetch_region(display: Display, region: int) -> list[tuple[int, int, int, int]]:
    """The rects (x, y, width, height) of a region."""
    reply = _FetchRegion(display=display.display, opcode=_opcode(display, XFIXES), region=region)
    return list(struct.iter_unpack("=hhHH", bytes(reply.rects)))
