"""Memory shared with an X server: a file without a name that is handed to it."""

import fcntl
import mmap
import os
import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray
from Xlib import error

from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection


class ShmUnavailable(Exception):
    """The server and we can't share memory; the text says why."""


class SharedMemory:
    """`count` pixels that both sides see; nothing of it is left behind, however either side ends.

    A file, and no SysV segment: it reaches servers of other users and in other containers too. Raises ShmUnavailable.
    """

    def __init__(self, connection: Connection, count: int) -> None:
        if not connection.has_extension(requests.SHM):
            raise ShmUnavailable("the X server has no MIT-SHM")
        if connection.socket.family != socket.AF_UNIX:
            raise ShmUnavailable("the X server is reached through a network")
        version = connection.ask(requests.ShmQueryVersion, requests.SHM)
        if (version.major, version.minor) < (1, 2):
            raise ShmUnavailable("the X server's MIT-SHM is older than 1.2")
        self.has_pixmaps = bool(version.shared_pixmaps)
        self._connection = connection
        self.segment = connection.allocate_resource_id()
        try:
            self.pixels = self._attach(count)
        except OSError as failure:
            raise ShmUnavailable(f"no memory to share is to be had: {failure.strerror}") from None

    def _attach(self, count: int) -> NDArray[np.uint32]:
        file = os.memfd_create("voxy-x11", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(file, count * 4)
            # A file that the server could cut short would end whoever reads it.
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            mapped = mmap.mmap(file, count * 4)
            refusals: list[error.XError] = []
            self._connection.ask(
                requests.ShmAttachFd, requests.SHM, segment=self.segment, read_only=0, onerror=collector(refusals)
            )
            self._connection.send_with_file(file)
            self._connection.sync()
        finally:
            os.close(file)
        if refusals:
            raise ShmUnavailable(f"the X server can't share memory with VoXY ({type(refusals[0]).__name__})")
        # The file goes with the last array that looks into it.
        return np.frombuffer(mapped, dtype=np.uint32)

    def detach(self) -> None:
        """Have the server unmap it."""
        self._connection.ask(requests.ShmDetach, requests.SHM, segment=self.segment)
        self._connection.free_resource_id(self.segment)


def collector(refusals: list[error.XError]) -> Any:
    """An error handler that keeps the error."""

    def collect(failure: error.XError, _: object) -> int:
        refusals.append(failure)
        return 1

    return collect
