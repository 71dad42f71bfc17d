"""VoXY's wire protocol, version 5: every message, its parser and its serializer (an Update's is in update.py).

One WebSocket message is one whole message. Numbers in binary messages are little-endian and unsigned; a block is
its index in the grid of 64×64 blocks, row by row; a screen has at most 16384×16384 pixels. `tests/data/wire.json`
has golden messages that the tests of both sides read.

Opening
    The viewer opens `stream` (a WebSocket beside the page) and sends Hello as its first message, within 10 s. The
    server answers Welcome, then State and Cursor, then updates as they come.

Server to viewer, binary
    Update    u8 type = 1, u8 zero, u16 width, u16 height, u32 seq, then operations to the end of the message.
              The size is the screen's; where it differs from the last, the viewer starts from a black screen of the
              new size. All operations of an update are painted together; `seq` grows from update to update (not by
              one) and is acknowledged after the paint.
      Copy    u8 kind = 1, u16 left, u16 top, u16 width, u16 height, u16 x, u16 y
              Copy that rect of what is shown to (x, y). Copies come first in an update, one after the other.
      Fill    u8 kind = 2, u8 red, u8 green, u8 blue, u16 count, count × u16 block
              Paint the blocks with one colour.
      Recall  u8 kind = 3, u32 number, u16 count, count × u16 block, count × u16 place
              Paint the blocks from that image, which is kept or came earlier in this update: a place counts its blocks.
      Atlas   u8 kind = 4, u8 encoding (1 PNG, 2 JPEG), u16 columns, u16 count, u32 number, u32 length,
              count × u16 block, length bytes of image
              The image holds the blocks row by row, `columns` to a row. PNG is exact; a block that came as JPEG is
              replaced by an exact one when it has rested. If the number isn't 0, the viewer keeps the image.
      Patches u8 kind = 5, u8 encoding (1 PNG), u16 count, u32 length,
              count × (u16 left, u16 top, u16 width, u16 height), length bytes of image
              The image is as wide as the widest rect and holds the rects one below the other, from its left edge.
      Deflated u8 kind = 6, u8 form (0 colours, 1 indexed), u16 count, u32 length,
              count × (u16 left, u16 top, u16 width, u16 height), length bytes of a zlib stream (RFC 1950)
              The stream is u8 red, u8 green, u8 blue for each pixel. Indexed it is a u8 for each two, the first in its
              upper four bits, and then the palette up to the last colour that has a pixel, each as u8 red, u8 green,
              u8 blue. Draw the rects, which have no more pixels than the screen: those of the first row by row, then
              the next's.
      Video   u8 kind = 7, u8 codec (1 H.264 in Annex B, 2 VP8), u8 stream (0…3), u8 flags (bit 0: key),
              u16 left, u16 top, u16 width, u16 height, u32 length, length (1 at least) bytes of chunk
              Draw the one frame that the chunk decodes to on the rect. The frame is as large as the rect, each side
              rounded up to an even number: what is beyond the rect is not drawn. A chunk needs all chunks of its
              stream before it, back to the last key one, with which the stream begins anew, perhaps in another size.

    Keeping   A viewer says in its hello how many bytes of images it keeps, at four bytes a pixel. After an update those
              go whose Atlas or Recall is longest ago, until the rest take no more. The server counts alike.

    ClipChunk u8 type = 2, 1 to 65535 bytes: the next of the last `clip`

Server to viewer, text: JSON objects with a `type`
    welcome   protocol, version, name: by which this server knows the desktop; token: by which this viewer may resume;
              resumed: whether it did. If not, it begins anew and forgets all images. Acknowledged at once, as seq 0
    state     state: live, stalled (the source doesn't answer) or lost (it is gone; VoXY tries again); reason
    cursor    id; x, y: the hot spot; png: the shape in base64, or null where it has been sent before. Both sides
              keep the 32 shapes used last. An empty png hides the pointer.
    pong      id: of the ping
    times     seq: the last update that was acknowledged; where its time went, in ms: grab_ms (from the change on the
              screen to its pixels), diff_ms (to know what changed), encode_ms (from the plan of the update to its
              bytes), send_ms (to the socket), ack_ms (to the acknowledgement: line, decoding and paint); exact: the
              share of the blocks shown that are exact. Only where asked for by `statistics`
    clipboard takes, gives: bytes that a clip from and for this viewer may have; 0 for none, 2^53 - 1 where there is no
              limit. Once, after the welcome, to viewers with the capability clipboard; others get none of its messages
    notice    code: what a person should know (paste_too_large, copy_too_large); limit: the bytes that are allowed
    title     title: what the desktop calls itself, once that is known, and whenever it changes
    place     host: on which the machine runs whose screen this is, empty where that isn't known; to: the one that it
              moves to, empty where it doesn't; is_near: host is this server's own. Whenever that changes, to viewers
              with the capability place; not from desktops that stay where they are
    people    count: viewers that look at the desktop, this one among them
    may       permissions: the names of what this viewer may do now: view, pointer, keyboard, clipboard_in,
              clipboard_out, resize, control, take_control, status. After the welcome and whenever it changes, to
              viewers with the capability may. Messages that ask for more are passed over
    control   people: who looks on: id; name, none where that isn't known; me: this viewer; may_hold: may have control;
              holds: alone may act now, while nobody does all may; asks: for control, the first one is next; kind:
              person or program; reason. After the welcome and whenever it changes, to viewers with the capability
              control
    size      mode: how this desktop is shown where nobody has chosen otherwise: follow (it takes the size of the
              window), fit (it is shown smaller where it doesn't fit) or actual (pixel for pixel); can_follow: whether
              it takes the size of this viewer's window if asked to by `window`; if not, reason: a sentence for people.
              After the welcome and whenever it changes, to viewers with the capability size, as is the next; mode
              is follow only where can_follow is true
    monitors  monitors: those that the screen is divided into: name; x, y, width, height: in the screen's pixels;
              primary. Whenever they change; not from desktops that know no monitors
    clip_gone the desktop no longer has what this viewer pasted or got last: to be pasted it has to be sent anew
    clip, clip_ack
              as below

Viewer to server, binary
    Pointer   u8 type = 16, u16 x, u16 y, u8 buttons (bit 0 left, 1 middle, 2 right, 3 back, 4 forward)
    Motion    u8 type = 18, i16 dx, i16 dy, u8 buttons: the pointer went that far, wherever the desktop has it
    ClipChunk u8 type = 17, 1 to 65535 bytes: the next of the last `clip`

Viewer to server, text: JSON objects with a `type`
    hello     protocol; capabilities: names of what the browser can (secure-context, touch, clipboard, size, may,
              control, and the codecs that it decodes: h264, vp8; unknown ones are ignored); hidden; keeps: bytes of
              images, 1 GiB at the most; resume: where the viewer goes on, or null: token: of the last welcome; seq: the
              last update that was painted, of which nothing is lost; images: whether those that were kept are there
              (not after a reload)
    ack       seq: all updates to this one are painted; decode_ms: how long its images took to decode
    key       key, code: as the DOM's KeyboardEvent has them; down. Without a key it is whatever the desktop has there
    text      text: 1 to 256 characters to be typed one after the other, as an input method, dictation or an on-screen
              keyboard made them
    wheel     x, y; dx, dy: 120 is a notch, right and down are positive
    release   all keys and buttons that are held go up: the page lost the focus
    view      hidden: nothing is sent to a hidden page, and the desktop doesn't follow its window
    quality   level: auto (what the line carries), exact (nothing lossy, no video) or light (as few bytes as can be)
    window    width, height: of the window that shows the desktop, in device pixels, 1 to 16384; scale: device pixels
              to a CSS pixel; follow: whether the desktop is to take that size (false takes an earlier wish back);
              lead: whether that was chosen just now, here. Of several viewers that are followed the first one leads,
              until it is hidden, leaves or is followed no more, or another one takes the lead. Who was hidden says its
              window again, and comes last
    ask_control, take_control
              kind: person or program; reason: for people; seconds: for how long, 3600 at the most. Who asks gets
              control if nobody has it, and waits otherwise; who takes it has it at once. Who has it and asks again
              renews it
    give_control
              to: the id of who has it from now on; from who has it
    leave_control
              it is held, or waited for, no more: the first of those who wait is next
    statistics
              on: `times` are wanted, one for each acknowledgement, until they are no more; off at first
    ping      id: answered at once. While a key or button is held the viewer sends something at least every
              500 ms: after 1.5 s without a word the server lets go of what it holds

Resuming
    A viewer whose connection broke, or that was loaded anew with the picture it had, names the token of its last
    welcome. If the server still knows what it has (10 min, on the same desktop), only the rest comes. A token serves
    once; a connection that is still open with it is closed.

Clipboard, either way
    clip      parts: of what was copied, each with its mime (text/plain and text/html in UTF-8, image/png) and its size
              in bytes. The parts follow one after the other in ClipChunks, with other messages between them; a
              new clip takes the place of one that isn't complete. From the server also without parts: something was
              copied that this viewer doesn't get. A key that comes after a viewer's clip pastes that clip and no other:
              the desktop waits for its chunks
    clip_ack  size: bytes of chunks taken since the last one. At most 256 KiB are on their way to the server

Close codes
    1001 the server ends · 1009 a message of over 64 KiB · 4400 malformed, unknown or out of place ·
    4401 the session has ended · 4406 another version of the protocol · 4408 no hello in time, or nothing read for 30 s
    4409 the same viewer has come back by another connection
"""

import struct
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from voxy.blocks.geometry import MAX_SIDE
from voxy.errors import ProtocolError
from voxy.session.clips import UNLIMITED, Mime
from voxy.session.events import Motion, Pointer
from voxy.session.quality import Level

PROTOCOL = 5
MAX_MESSAGE_BYTES = 64 * 1024
CLIP_CHUNK_BYTES = 48 * 1024
CURSORS_KEPT = 32
WELCOME_SEQ = 0

CLOSE_MALFORMED = 4400
CLOSE_SESSION_ENDED = 4401
CLOSE_OTHER_VERSION = 4406
CLOSE_TOO_SLOW = 4408
CLOSE_RESUMED = 4409

Coordinate = Annotated[int, Meta(ge=0, le=65535)]
Side = Annotated[int, Meta(ge=1, le=MAX_SIDE)]
Mode: TypeAlias = Literal["follow", "fit", "actual"]
Notches = Annotated[int, Meta(ge=-12000, le=12000)]
Name = Annotated[str, Meta(max_length=64)]
ClipBytes = Annotated[int, Meta(ge=0, le=UNLIMITED)]


class Message(msgspec.Struct, forbid_unknown_fields=True, tag_field="type"):
    """A JSON message; the tag is the class' name in lower case."""

    def serialize(self) -> str:
        return msgspec.json.encode(self).decode()


class Welcome(Message, tag="welcome"):
    protocol: int
    version: str
    name: str
    token: str
    resumed: bool


class State(Message, tag="state"):
    state: Literal["live", "stalled", "lost"]
    reason: str = ""


class Cursor(Message, tag="cursor"):
    id: int
    x: int
    y: int
    png: bytes | None


class Pong(Message, tag="pong"):
    id: int


class Times(Message, tag="times"):
    seq: int
    grab_ms: float
    diff_ms: float
    encode_ms: float
    send_ms: float
    ack_ms: float
    exact: float


class Resume(msgspec.Struct, forbid_unknown_fields=True):
    """Where a viewer goes on."""

    token: Name
    seq: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    images: bool


class Clipboard(Message, tag="clipboard"):
    takes: int
    gives: int


class Sizing(Message, tag="size"):
    mode: Mode
    can_follow: bool
    reason: str = ""


class Monitor(msgspec.Struct):
    name: str
    x: int
    y: int
    width: int
    height: int
    primary: bool


class Monitors(Message, tag="monitors"):
    monitors: list[Monitor]


class Notice(Message, tag="notice"):
    code: Literal["paste_too_large", "copy_too_large"]
    limit: int


class Title(Message, tag="title"):
    title: str


class Place(Message, tag="place"):
    host: str
    to: str
    is_near: bool


class People(Message, tag="people"):
    count: int


class May(Message, tag="may"):
    permissions: list[str]


Kind: TypeAlias = Literal["person", "program"]


class Somebody(msgspec.Struct):
    id: int
    name: str
    me: bool
    may_hold: bool
    holds: bool
    asks: bool
    kind: Kind
    reason: str


class Control(Message, tag="control"):
    people: list[Somebody]


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    mime: Mime
    size: ClipBytes


class Clip(Message, tag="clip"):
    parts: Annotated[list[Part], Meta(max_length=3)]


class ClipAck(Message, tag="clip_ack"):
    size: ClipBytes


class ClipGone(Message, tag="clip_gone"):
    pass


class ClipChunk(msgspec.Struct):
    """A piece of the last clip, either way."""

    data: bytes

    def serialize(self) -> bytes:
        return bytes([_CLIP_CHUNK_TYPE]) + self.data


class Hello(Message, tag="hello"):
    protocol: Annotated[int, Meta(ge=0)]
    capabilities: Annotated[list[Name], Meta(max_length=32)] = []
    hidden: bool = False
    keeps: Annotated[int, Meta(ge=0, le=1 << 30)] = 0
    resume: Resume | None = None


class Ack(Message, tag="ack"):
    seq: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    decode_ms: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


class Key(Message, tag="key"):
    key: Name
    code: Name
    down: bool


class Text(Message, tag="text"):
    text: Annotated[str, Meta(min_length=1, max_length=256)]


class Wheel(Message, tag="wheel"):
    x: Coordinate
    y: Coordinate
    dx: Notches
    dy: Notches


class Release(Message, tag="release"):
    pass


class View(Message, tag="view"):
    hidden: bool


class Quality(Message, tag="quality"):
    level: Level


class Window(Message, tag="window"):
    width: Side
    height: Side
    scale: Annotated[float, Meta(gt=0, le=64)]
    follow: bool = True
    lead: bool = False


class Statistics(Message, tag="statistics"):
    on: bool


class Ping(Message, tag="ping"):
    id: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]


class AskControl(Message, tag="ask_control"):
    kind: Kind = "person"
    reason: Annotated[str, Meta(max_length=200)] = ""
    seconds: Annotated[float, Meta(ge=1, le=3600)] = 600.0


class TakeControl(Message, tag="take_control"):
    kind: Kind = "person"
    reason: Annotated[str, Meta(max_length=200)] = ""
    seconds: Annotated[float, Meta(ge=1, le=3600)] = 600.0


class GiveControl(Message, tag="give_control"):
    to: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]


class LeaveControl(Message, tag="leave_control"):
    pass


TextFromViewer: TypeAlias = (
    Hello
    | Ack
    | Key
    | Text
    | Wheel
    | Release
    | View
    | Quality
    | Window
    | Statistics
    | Ping
    | Clip
    | ClipAck
    | AskControl
    | TakeControl
    | GiveControl
    | LeaveControl
)
FromViewer: TypeAlias = TextFromViewer | Pointer | Motion | ClipChunk

_text_decoder = msgspec.json.Decoder(TextFromViewer)
_POINTER = struct.Struct("<BHHB")
_MOTION = struct.Struct("<BhhB")
_POINTER_TYPE, _MOTION_TYPE = 16, 18
_ALL_BUTTONS = 0b11111
_CLIP_CHUNK_TYPE, _CLIP_CHUNK_IN_TYPE = 2, 17


def parse(data: str | bytes) -> FromViewer:
    """The message that a viewer sent; ProtocolError for anything that isn't exactly one."""
    if isinstance(data, str):
        try:
            message: TextFromViewer = _text_decoder.decode(data)
            return message
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            raise ProtocolError(f"a message that can't be understood: {error}") from error
    if len(data) > 1 and data[0] == _CLIP_CHUNK_IN_TYPE:
        return ClipChunk(data[1:])
    if len(data) != _POINTER.size or data[0] not in (_POINTER_TYPE, _MOTION_TYPE):
        raise ProtocolError("a binary message that is not a pointer message")
    is_motion = data[0] == _MOTION_TYPE
    _, x, y, buttons = (_MOTION if is_motion else _POINTER).unpack(data)
    if buttons & ~_ALL_BUTTONS:
        raise ProtocolError("a pointer message with buttons that don't exist")
    return Motion(x, y, buttons) if is_motion else Pointer(x, y, buttons)
