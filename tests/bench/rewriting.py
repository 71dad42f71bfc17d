"""Rewriting: random bytes to random blocks of a machine's disk that is stopped, over NBD, as a guest would write."""

import os
import random
import socket
import struct
import subprocess
import time
from pathlib import Path

BLOCK_BYTES = 4096
_MAGIC, _OPTION_MAGIC, _REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x67446698
_REQUEST_MAGIC = 0x25609513
_FIXED_NEWSTYLE, _EXPORT_NAME = 1, 1
_WRITE, _DISCONNECT, _FLUSH = 1, 2, 3
_HANDSHAKE_BYTES = 8 + 8 + 2
_EXPORT_BYTES = 8 + 2 + 124
_REPLY_BYTES = 16
_WAITING_MOST = 64


def rewrite(image: Path, first: int, disk_bytes: int, count: int, seed: int) -> None:
    """Write `count` different blocks at or after the byte `first`."""
    blocks = random.Random(seed).sample(range(first // BLOCK_BYTES, disk_bytes // BLOCK_BYTES), count)
    path = image.with_suffix(".nbd")
    server = subprocess.Popen(["qemu-nbd", "-f", "qcow2", "-k", str(path), "--cache=unsafe", str(image)])
    try:
        with _connected(path) as line:
            waiting = 0
            for block in sorted(blocks):
                offset = block * BLOCK_BYTES
                request = struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _WRITE, offset, offset, BLOCK_BYTES)
                line.sendall(request + os.urandom(BLOCK_BYTES))
                waiting += 1
                if waiting == _WAITING_MOST:
                    _take_replies(line, waiting)
                    waiting = 0
            _take_replies(line, waiting)
            line.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _FLUSH, 0, 0, 0))
            _take_replies(line, 1)
            line.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _DISCONNECT, 0, 0, 0))
    finally:
        server.wait(60)


def _connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    for _ in range(500):
        try:
            line.connect(str(path))
            break
        except OSError:
            time.sleep(0.02)
    magic, option, _ = struct.unpack(">QQH", _read(line, _HANDSHAKE_BYTES))
    assert (magic, option) == (_MAGIC, _OPTION_MAGIC), "no NBD server"
    line.sendall(struct.pack(">I", _FIXED_NEWSTYLE) + struct.pack(">QII", _OPTION_MAGIC, _EXPORT_NAME, 0))
    _read(line, _EXPORT_BYTES)
    return line


def _take_replies(line: socket.socket, count: int) -> None:
    for _ in range(count):
        magic, error, _ = struct.unpack(">IIQ", _read(line, _REPLY_BYTES))
        assert (magic, error) == (_REPLY_MAGIC, 0), f"NBD error {error}"


def _read(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = line.recv(size - len(data))
        assert piece, "the NBD server has ended"
        data += piece
    return data
