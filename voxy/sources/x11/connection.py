"""Connection: python-xlib's protocol layer on a socket of our own, for one thread."""

import contextlib
import logging
import socket
from typing import Any, NoReturn

from Xlib import error
from Xlib.protocol import display, event, request, rq
from Xlib.support import unix_connect

from voxy.errors import SourceUnavailable
from voxy.sources.x11.authority import find_key

logger = logging.getLogger(__name__)

_CONNECT_S = 3.0
"""Seconds that a server has to take the connection and to greet."""

_READ_BYTES = 1 << 16

Closed = error.ConnectionClosedError
"""The server has gone, or `shut` was called."""


class Connection(display.Display):  # type: ignore[misc]  # python-xlib has no types
    """One connection to an X server. Opening raises SourceUnavailable; later a lost one raises `Closed`.

    It replaces python-xlib's input and output, which calls select() (and so fails past 1,024 descriptors), leaves
    the socket open when the greeting fails, copies a big reply once for each piece that arrives, and shares the
    numbers of events among all servers. Windows are plain numbers.
    """

    def __init__(self, name: str) -> None:
        self.socket = _connect(name)
        self._reset_state()
        try:
            self.socket.settimeout(_CONNECT_S)
            self._greet(name)
            self.socket.settimeout(None)
        except (Closed, TimeoutError):
            self.socket.close()
            raise SourceUnavailable(f"The X server at display {name} takes connections and doesn't answer.") from None
        except BaseException:
            self.socket.close()
            raise
        self.screen = self.info.roots[self.default_screen]
        self.root = int(self.screen.root)

    def _reset_state(self) -> None:
        """What Display.__init__ sets, which also connects and so can't be called."""
        # Requests come from one thread, and python-xlib's locks do nothing unless its `threaded` module is imported.
        for lock in ("socket_error", "event_queue_read", "event_queue_write", "request_queue", "send_recv"):
            setattr(self, f"{lock}_lock", display.lock.allocate_lock())
        self.event_wait_lock = self.request_wait_lock = self.resource_id_lock = display.lock.allocate_lock()
        self.socket_error: Exception | None = None
        self.event_queue: list[Any] = []
        self.request_queue: list[tuple[Any, bool]] = []
        self.sent_requests: list[Any] = []
        self.request_serial = 1
        self.event_waiting = self.request_waiting = 0
        self.recv_packet_len = 0
        self.data_recv = b""
        self.resource_ids: dict[int, None] = {}
        self.last_resource_id = 0
        self.resource_classes: dict[str, Any] = {}
        self.error_handler = _note_error
        # Not python-xlib's, which belong to all connections: servers number their extensions differently.
        self.error_classes = error.xerror_class.copy()
        self.event_classes = event.event_class.copy()
        self.extension_major_opcodes: dict[str, int] = {}

    def _greet(self, name: str) -> None:
        key_name, key = find_key(_address_of(self.socket), _parse(name)[1])
        greeting = display.ConnectionSetupRequest(
            self,
            byte_order=0x6C,
            protocol_major=11,
            protocol_minor=0,
            auth_prot_name=key_name,
            auth_prot_data=key,
        )
        if greeting.status != 1:
            reason = bytes(greeting.reason[:]).decode("latin-1").strip(" \n\0").rstrip(".")
            if "uthoriz" in reason or "COOKIE" in reason:
                raise SourceUnavailable(
                    f"The X server at display {name} refuses VoXY: set XAUTHORITY to the file with its key."
                )
            raise SourceUnavailable(f"The X server at display {name} refuses VoXY: {reason}.")
        self.info = greeting
        self.default_screen = min(_parse(name)[2], len(greeting.roots) - 1)

    # Extensions

    def has_extension(self, name: str) -> bool:
        """Whether the server has it; if so, its requests can be made, and `first_event` is known."""
        if name not in self.extension_major_opcodes:
            found = request.QueryExtension(display=self, name=name)
            if found.present:
                self.set_extension_major(name, found.major_opcode)
                self.first_events = {**getattr(self, "first_events", {}), name: found.first_event}
        return name in self.extension_major_opcodes

    def name_event(self, extension: str, offset: int, kind: type[rq.Event]) -> None:
        """Have events of an extension parsed as `kind`."""
        self.add_extension_event(self.first_events[extension] + offset, kind)

    def ask(self, kind: type[Any], extension: str, **fields: Any) -> Any:
        """Make a request of an extension."""
        return kind(display=self, opcode=self.extension_major_opcodes[extension], **fields)

    def sync(self) -> None:
        """Wait until the server has done all that was asked of it."""
        request.GetInputFocus(display=self)

    # Input and output

    def take_events(self, is_readable: bool) -> list[Any]:
        """What has arrived, without waiting: with answers to requests, or, where the socket is readable, by itself."""
        if is_readable:
            self.send_and_recv(recv=True)
        taken, self.event_queue = self.event_queue, []
        return taken

    def send_with_file(self, descriptor: int) -> None:
        """Send what waits, and a file's descriptor with it."""
        if data := self._take_unsent():
            try:
                socket.send_fds(self.socket, [data], [descriptor])
            except OSError as failure:
                self._lose(failure)

    def send_and_recv(
        self, flush: bool = False, event: bool = False, request: int | None = None, recv: bool = False
    ) -> None:
        """Send what waits; then read what is there (`recv`), until a reply (`request`), or nothing (`flush`)."""
        self.send_recv_lock.release()
        if data := self._take_unsent():
            try:
                self.socket.sendall(data)
            except TimeoutError:
                raise
            except OSError as failure:
                self._lose(failure)
        if request is not None:
            while not self._read(request):
                pass
        elif recv:
            self._read(None)

    def _take_unsent(self) -> bytes:
        if self.socket_error:
            raise self.socket_error
        if not self.request_queue:
            return b""
        self.sent_requests += [queued for queued, is_awaited in self.request_queue if is_awaited]
        data = b"".join(queued._binary for queued, _ in self.request_queue)
        self.request_queue.clear()
        return data

    def _read(self, request: int | None) -> bool:
        """Read once, and parse; True if the reply to `request` was in it. Waits only if there is such a request."""
        try:
            data = self.socket.recv(_READ_BYTES, 0 if request is not None else socket.MSG_DONTWAIT)
            pieces = [self.data_recv[:], data]
            missing = self.recv_packet_len - len(pieces[0]) - len(data)
            while data and missing > 0:
                data = self.socket.recv(missing)
                pieces.append(data)
                missing -= len(data)
        except BlockingIOError:
            return False
        except TimeoutError:
            raise
        except OSError as failure:
            self._lose(failure)
        if not data:
            self._lose("end of data")
        self.data_recv = b"".join(pieces)
        return bool(self.parse_response(request))

    def _lose(self, why: object) -> NoReturn:
        self.socket_error = Closed(str(why))
        raise self.socket_error

    def shut(self) -> None:
        """End the connection under a thread that waits for the server; from any thread."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket_error = self.socket_error or Closed("closed")
        self.socket.close()


def _note_error(failure: object, _: object) -> None:
    logger.debug("! %s", failure)


def _parse(name: str) -> tuple[str, int, int]:
    """Host, display number and screen of a display's name; the host is "" for a unix socket."""
    try:
        _, protocol, host, number, screen = unix_connect.get_display(name or None)
    except error.DisplayNameError:
        raise SourceUnavailable(f"“{name}” is not the name of a display: use one such as :1.") from None
    return ("" if protocol == "unix" or host == "unix" else host or ""), number, screen


def _connect(name: str) -> socket.socket:
    host, number, _ = _parse(name)
    path = f"/tmp/.X11-unix/X{number}"
    try:
        if host:
            return socket.create_connection((host, 6000 + number), timeout=_CONNECT_S)
        return _connect_unix(path)
    except TimeoutError:
        raise SourceUnavailable(f"The X server at display {name} takes connections and doesn't answer.") from None
    except PermissionError:
        raise SourceUnavailable(f"The X server at display {name} is another user's: {path} may not be used.") from None
    except OSError as failure:
        logger.debug("= display %s: %s", name, failure)
        raise SourceUnavailable(
            f"There is no X server at display {name}: start one, or name another with --display."
        ) from None


def _connect_unix(path: str) -> socket.socket:
    """A connection by the socket's file, or else by its abstract twin (a container may share only the network)."""
    for address in (path, f"\0{path}"):
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.settimeout(_CONNECT_S)
            connecting.connect(address)
            return connecting
        except (FileNotFoundError, ConnectionRefusedError) as failure:
            connecting.close()
            refusal: OSError = failure
        except BlockingIOError:
            # A unix socket says so when its queue is full: the server takes no more connections.
            connecting.close()
            raise TimeoutError from None
        except BaseException:
            connecting.close()
            raise
    raise refusal


def _address_of(connected: socket.socket) -> str:
    """The address at the other end, "" for a unix socket."""
    return "" if connected.family == socket.AF_UNIX else str(connected.getpeername()[0])
