"""X programs that copy and paste, as they should and as they shouldn't, each on a connection of its own."""

import asyncio
import contextlib
import os
import queue
import select
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import display as protocol
from Xlib.protocol import event as xevent

from tests.xservers import XServer

GREY = 0x777777
WAIT_S = 10
AT_ONCE_BYTES = 200_000
"""A request of python-xlib has no more than 256 KiB."""


def connect(server: XServer) -> Display:
    """python-xlib's own connection. It keeps what events are called for all servers in one table; here each has its."""
    protocol.Display.event_classes = xevent.event_class.copy()
    display = Display(server.display)
    display.display.event_classes = protocol.Display.event_classes
    return display


@dataclass
class Content:
    """What a program has for one target: the bytes, and the pieces in which they go if that isn't all at once."""

    data: bytes
    type: str = ""
    pieces: Iterable[bytes | None] = ()
    """None among them is one that never comes."""
    claimed_size: int = 0
    is_silent: bool = False
    """Whether it never answers."""


@dataclass
class Copier:
    """A program that owns the clipboard and answers by its `contents`; what it was asked for is in `asked`."""

    display: Display
    contents: dict[str, Content]
    asked: list[str] = field(default_factory=list)
    has_lost: threading.Event = field(default_factory=threading.Event)
    sent_bytes: int = 0
    pieces: dict[tuple[int, int], tuple[int, Iterator[bytes | None]]] = field(default_factory=dict)

    def own(self) -> None:
        self.window = self.display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        self.window.set_selection_owner(self.atom("CLIPBOARD"), X.CurrentTime)
        self.display.sync()

    def atom(self, name: str) -> int:
        return int(self.display.intern_atom(name))

    def take(self, event: Any) -> None:
        if event.type == X.SelectionClear:
            self.has_lost.set()
        elif event.type == X.SelectionRequest:
            self.answer(event)
        elif event.type == X.PropertyNotify and event.state == X.PropertyDelete:
            self.send_piece(event.window, event.atom)

    def answer(self, event: Any) -> None:
        target = self.display.get_atom_name(event.target)
        self.asked.append(target)
        content = self.contents.get(target)
        if content and content.is_silent:
            return
        has_answer = True
        if target == "TARGETS" and content is None:
            event.requestor.change_property(event.property, Xatom.ATOM, 32, [self.atom(name) for name in self.contents])
        elif content is None or not (content.data or content.pieces):
            has_answer = False
        elif content.pieces:
            event.requestor.change_attributes(event_mask=X.PropertyChangeMask, onerror=lambda *_: True)
            self.pieces[event.requestor.id, event.property] = event.target, iter(content.pieces)
            event.requestor.change_property(event.property, self.atom("INCR"), 32, [content.claimed_size])
        else:
            event.requestor.change_property(event.property, self.atom(content.type or target), 8, content.data)
        notice = xevent.SelectionNotify(
            time=event.time,
            requestor=event.requestor,
            selection=event.selection,
            target=event.target,
            property=event.property if has_answer else X.NONE,
        )
        event.requestor.send_event(notice, onerror=lambda *_: True)
        self.display.flush()

    def send_piece(self, window: Any, name: int) -> None:
        target, pieces = self.pieces.get((window.id, name), (X.NONE, iter([None])))
        piece = next(pieces, b"")
        if piece is None:
            return
        if not piece:
            del self.pieces[window.id, name]
        self.sent_bytes += len(piece)
        window.change_property(name, target, 8, piece, onerror=lambda *_: True)
        self.display.flush()


@contextlib.contextmanager
def copying(server: XServer, **contents: Content | bytes | str) -> Iterator[Copier]:
    """A program that has copied these contents, by target; `html` and `png` stand for theirs, text for UTF8_STRING."""
    display = connect(server)
    copier = Copier(display, _contents(contents))
    copier.own()
    with _serving(display, copier.take):
        yield copier


def _contents(contents: dict[str, Content | bytes | str]) -> dict[str, Content]:
    names = {"text": "UTF8_STRING", "html": "text/html", "png": "image/png"}
    return {names.get(name, name): _content(content) for name, content in contents.items()}


def _content(content: Content | bytes | str) -> Content:
    if isinstance(content, Content):
        return content
    data = content.encode() if isinstance(content, str) else content
    return Content(data) if len(data) <= AT_ONCE_BYTES else Content(b"", pieces=cut(data))


def cut(data: bytes) -> list[bytes]:
    return [data[at : at + AT_ONCE_BYTES] for at in range(0, len(data), AT_ONCE_BYTES)]


@contextlib.contextmanager
def _serving(display: Display, take: Callable[[Any], None]) -> Iterator[None]:
    """Run a thread that takes events until the context ends."""
    reading, writing = os.pipe()

    def run() -> None:
        while True:
            # Before waiting too: some may have come with the answer to a request.
            while display.pending_events():
                take(display.next_event())
            if reading in select.select([display, reading], [], [])[0]:
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        os.write(writing, b"x")
        thread.join(WAIT_S)
        display.close()
        os.close(reading)
        os.close(writing)


class Paster:
    """A program that pastes."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.window = display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask
        )

    def atom(self, name: str) -> int:
        return int(self.display.intern_atom(name))

    def ask(self, target: str, time: int = X.CurrentTime) -> None:
        self.window.convert_selection(self.atom("CLIPBOARD"), self.atom(target), self.atom("PASTED"), time)
        self.display.flush()

    def wait(self, kind: int) -> Any:
        while True:
            if not self.display.pending_events() and not select.select([self.display], [], [], WAIT_S)[0]:
                raise TimeoutError("the clipboard's owner doesn't answer")
            if self.display.pending_events() and (event := self.display.next_event()).type == kind:
                return event

    def paste(self, target: str) -> bytes | None:
        """The content as `target`; None if it is refused."""
        self.ask(target)
        return self.take()

    def take(self) -> bytes | None:
        """The answer to what was asked."""
        if self.wait(X.SelectionNotify).property == X.NONE:
            return None
        found = self.window.get_full_property(self.atom("PASTED"), X.AnyPropertyType)
        self.window.delete_property(self.atom("PASTED"))
        if found.property_type != self.atom("INCR"):
            self.type = self.display.get_atom_name(found.property_type)
            return found.value if isinstance(found.value, bytes) else found.value.tobytes()
        pieces = []
        while True:
            while self.wait(X.PropertyNotify).state != X.PropertyNewValue:
                pass
            found = self.window.get_full_property(self.atom("PASTED"), X.AnyPropertyType)
            if found is None:  # the announcement's own event
                continue
            self.window.delete_property(self.atom("PASTED"))
            if not found.value:
                return b"".join(pieces)
            pieces.append(found.value)

    def targets(self) -> set[str]:
        data = self.paste("TARGETS")
        assert data is not None
        return {self.display.get_atom_name(number) for number in struct.unpack(f"{len(data) // 4}I", data)}


@contextlib.contextmanager
def pasting(server: XServer) -> Iterator[Paster]:
    display = connect(server)
    try:
        yield Paster(display)
    finally:
        display.close()


class Editor(Copier):
    """A window with the focus that copies and pastes by keys: Control with C and V, Shift with Insert.

    It is grey once it has copied.
    """

    def open(self) -> None:
        self.pasted: queue.Queue[bytes | None] = queue.Queue()
        self.target = "UTF8_STRING"
        self.gathered: bytes | None = None
        self.window = self.display.screen().root.create_window(
            0, 0, 4000, 4000, 0, X.CopyFromParent, override_redirect=True, background_pixel=0xFFFFFF,
            event_mask=X.KeyPressMask | X.PropertyChangeMask | X.ExposureMask,
        )  # fmt: skip
        self.window.map()
        while self.display.next_event().type != X.Expose:
            pass
        self.window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self.display.sync()

    def take(self, event: Any) -> None:
        if event.type == X.KeyPress:
            self.press(self.display.keycode_to_keysym(event.detail, 0), event.state)
        elif event.type == X.SelectionNotify:
            self.receive(event)
        elif event.type == X.PropertyNotify and event.window == self.window:
            if self.gathered is not None and event.state == X.PropertyNewValue:
                self.gather()
        else:
            super().take(event)

    def press(self, keysym: int, state: int) -> None:
        is_paste = (keysym == 0x76 and state & X.ControlMask) or (keysym == 0xFF63 and state & X.ShiftMask)
        if is_paste:
            self.window.convert_selection(
                self.atom("CLIPBOARD"), self.atom(self.target), self.atom("PASTED"), X.CurrentTime
            )
        elif keysym == 0x63 and state & X.ControlMask:
            self.window.set_selection_owner(self.atom("CLIPBOARD"), X.CurrentTime)
            self.window.change_attributes(background_pixel=GREY)
            self.window.clear_area()
        self.display.flush()

    def receive(self, event: Any) -> None:
        if event.property == X.NONE:
            self.pasted.put(None)
            return
        found = self.window.get_full_property(event.property, X.AnyPropertyType)
        if found.property_type == self.atom("INCR"):
            self.gathered = b""
        else:
            self.pasted.put(found.value)
        self.window.delete_property(event.property)
        self.display.flush()

    def gather(self) -> None:
        assert self.gathered is not None
        found = self.window.get_full_property(self.atom("PASTED"), X.AnyPropertyType)
        if found is None:
            return
        self.window.delete_property(self.atom("PASTED"))
        self.display.flush()
        self.gathered += found.value
        if not found.value:
            self.pasted.put(self.gathered)
            self.gathered = None

    async def next_paste(self) -> bytes | None:
        return await asyncio.to_thread(self.pasted.get, timeout=WAIT_S)

    def copies(self, **contents: Content | bytes | str) -> None:
        """What Control and C copy from now on."""
        self.contents = _contents(contents)


@contextlib.contextmanager
def editing(server: XServer) -> Iterator[Editor]:
    display = connect(server)
    editor = Editor(display, {})
    editor.open()
    with _serving(display, editor.take):
        yield editor
