"""Which key of the file is taken for which display."""

import socket
import struct
from pathlib import Path

import pytest

from voxy.sources.x11.authority import find_key

NAME = b"MIT-MAGIC-COOKIE-1"
LOCAL, INTERNET, WILD = 256, 0, 65535
NONE = (b"", b"")


def entry(family: int, address: bytes, number: bytes, data: bytes, name: bytes = NAME) -> bytes:
    fields = (address, number, name, data)
    return struct.pack(">H", family) + b"".join(struct.pack(">H", len(field)) + field for field in fields)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "authority"))
    return tmp_path / "authority"


def test_the_key_for_the_display(file: Path) -> None:
    here = socket.gethostname().encode()
    file.write_bytes(
        entry(LOCAL, b"elsewhere", b"7", b"a")
        + entry(LOCAL, here, b"8", b"b")
        + entry(LOCAL, here, b"7", b"c", name=b"XDM-AUTHORIZATION-1")
        + entry(LOCAL, here, b"7", b"d")
        + entry(INTERNET, bytes([10, 0, 0, 1]), b"7", b"e")
        + entry(WILD, b"", b"", b"f")
    )
    assert find_key("", 7) == (NAME, b"d")
    assert find_key("127.0.0.1", 7) == (NAME, b"d")
    assert find_key("10.0.0.1", 7) == (NAME, b"e")
    assert find_key("fe80::1", 9) == (NAME, b"f")


@pytest.mark.parametrize("content", [b"", b"\x01", entry(WILD, b"", b"", b"key")[:-1], b"\xff" * 20])
def test_a_broken_file_holds_no_key(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert find_key("", 7) == NONE


def test_no_file_holds_no_key(file: Path) -> None:
    assert not file.exists()
    assert find_key("", 7) == NONE
