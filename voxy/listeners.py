"""Listening sockets: an address and port, a unix socket, or those that systemd has opened already."""

import contextlib
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from voxy.errors import ConfigError
from voxy.values import Listen, UnixListen

_BACKLOG = 256
_FIRST_ACTIVATED_FD = 3
_UNIX_MODE = 0o660
"""Who may connect: the user, and the group, which the proxy may be in."""


@contextlib.contextmanager
def listening(listen: Listen | UnixListen) -> Iterator[socket.socket]:
    """A socket that listens there; ConfigError says why it can't. A unix socket's file is removed at the end."""
    try:
        listener = _bind_unix(listen) if isinstance(listen, UnixListen) else _bind(listen)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"Can't listen on {listen} ({reason}): choose another with --listen.") from None
    with listener:
        if not isinstance(listen, UnixListen):
            yield listener
            return
        own = os.stat(listen.path)
        try:
            yield listener
        finally:
            # Another VoXY may have taken the place meanwhile.
            with contextlib.suppress(OSError):
                if os.path.samestat(own, os.stat(listen.path)):
                    os.unlink(listen.path)


def activated(environment: Mapping[str, str]) -> list[socket.socket]:
    """The sockets that systemd has opened for this process (sd_listen_fds(3)); none without socket activation."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(environment.get("LISTEN_FDS", "0"))
    listeners = []
    for number in range(_FIRST_ACTIVATED_FD, _FIRST_ACTIVATED_FD + count):
        os.set_inheritable(number, False)
        listener = socket.socket(fileno=number)
        if listener.type != socket.SOCK_STREAM or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise ConfigError("systemd gave a socket that doesn't listen for connections: use ListenStream=.")
        listener.setblocking(False)
        listeners.append(listener)
    return listeners


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    name = listener.getsockname()
    return listener.family == socket.AF_UNIX or ipaddress.ip_address(name[0]).is_loopback


def _bind(listen: Listen) -> socket.socket:
    family, *_, address = socket.getaddrinfo(*listen, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=_BACKLOG)


def _bind_unix(listen: UnixListen) -> socket.socket:
    """Bind under another name and move the file to its place: at no time has it other permissions, or is it missing."""
    path = Path(listen.path)
    _refuse_what_is_used(path)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(new))
        new.chmod(_UNIX_MODE)
        listener.listen(_BACKLOG)
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        listener.close()
        raise
    return listener


def _refuse_what_is_used(path: Path) -> None:
    """ConfigError if the path is not free, nor a socket that nobody listens on any more."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"Can't listen on unix:{path}: there is a file that is no socket; choose another path.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(ConnectionRefusedError):
            probe.connect(str(path))
            raise ConfigError(f"Can't listen on unix:{path}: another program does; end it or choose another path.")
