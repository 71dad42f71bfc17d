"""Keys to X servers, from the file that $XAUTHORITY names (Xau(3))."""

import os
import secrets
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_INTERNET, _LOCAL, _WILD = 0, 256, 65535
_COOKIE = b"MIT-MAGIC-COOKIE-1"


class Entry(NamedTuple):
    family: int
    address: bytes
    number: bytes
    name: bytes
    data: bytes


def find_key(host_address: str, number: int) -> tuple[bytes, bytes]:
    """Name and data of the key for a display, ("", "") if there is none; `host_address` is "" for a local one.

    python-xlib's own search knows neither entries for any host, nor an empty file.
    """
    for entry in _entries(_file()):
        is_for_display = entry.number in (b"", str(number).encode())
        if entry.name == _COOKIE and is_for_display and _is_for_host(entry, host_address):
            return entry.name, entry.data
    return b"", b""


def write_key(file: Path) -> None:
    """Write a file with a new key, that only this user can read, for any display of this machine."""
    key = secrets.token_bytes(16)
    entries = (Entry(_LOCAL, socket.gethostname().encode(), b"", _COOKIE, key), Entry(_WILD, b"", b"", _COOKIE, key))
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        for family, *fields in entries:
            stream.write(struct.pack(">H", family))
            stream.writelines(struct.pack(">H", len(data)) + data for data in fields)


def _is_for_host(entry: Entry, host_address: str) -> bool:
    if entry.family == _WILD:
        return True
    # ssh forwards a display on localhost, and stores its key as that of a local one.
    if entry.family == _LOCAL and host_address in ("", "127.0.0.1", "::1"):
        return entry.address == socket.gethostname().encode()
    return entry.family == _INTERNET and "." in host_address and entry.address == socket.inet_aton(host_address)


def _file() -> Path:
    return Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")


def _entries(file: Path) -> Iterator[Entry]:
    """The entries of a file; none if it can't be read, and those before the break of a broken one."""
    try:
        data = file.read_bytes()
    except OSError:
        return
    offset = 0
    while offset + 2 <= len(data):
        (family,) = struct.unpack_from(">H", data, offset)
        offset += 2
        fields = []
        for _ in range(4):
            length = int.from_bytes(data[offset : offset + 2], "big")
            fields.append(data[offset + 2 : offset + 2 + length])
            offset += 2 + length
        if offset <= len(data):
            yield Entry(family, *fields)
