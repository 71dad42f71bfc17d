"""Memory shared with an X server: a file without a name that is handed to it, or else a SysV segment."""

import ctypes
import mmap
import os
import socket
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from Xlib import error

from voxy.sources.x11 import requests
from voxy.sources.x11.connection import Connection

_IPC_PRIVATE, _IPC_RMID = 0, 0
_MODE = 0o600

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
_libc.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_libc.shmdt.argtypes = (ctypes.c_void_p,)
_libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
_libc.shmctl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class ShmUnavailable(Exception):
    """The server and we can't share memory; the text says why."""


class SharedMemory:
    """Memory that the server writes pixels into; nothing of it is left behind, however either side ends."""

    def __init__(self, connection: Connection, segment: int, pixels: NDArray[np.uint32], sysv_address: int = 0) -> None:
        self._connection = connection
        self.segment = segment
        self.pixels = pixels
        self._sysv_address = sysv_address

    @classmethod
    def attach(cls, connection: Connection, count: int) -> Self:
        """Memory for `count` pixels; raises ShmUnavailable."""
        if not connection.has_extension(requests.SHM):
            raise ShmUnavailable("the X server has no MIT-SHM")
        if connection.socket.family != socket.AF_UNIX:
            raise ShmUnavailable("the X server is reached through a network")
        version = connection.ask(requests.ShmQueryVersion, requests.SHM)
        try:
            # Files first: they reach servers of other users and in other containers too, where SysV's segments don't.
            if (version.major, version.minor) >= (1, 2) and (shared := cls._by_file(connection, count)):
                return shared
            return cls._by_sysv(connection, count)
        except OSError as failure:
            raise ShmUnavailable(f"no memory to share is to be had: {failure.strerror}") from None

    @classmethod
    def _by_file(cls, connection: Connection, count: int) -> Self | None:
        file = os.memfd_create("voxy-x11", os.MFD_CLOEXEC)
        try:
            os.ftruncate(file, count * 4)
            mapped = mmap.mmap(file, count * 4)
            segment = connection.allocate_resource_id()
            refusals: list[Any] = []
            connection.ask(
                requests.ShmAttachFd, requests.SHM, segment=segment, read_only=0, onerror=_collector(refusals)
            )
            connection.send_with_file(file)
            connection.sync()
        finally:
            os.close(file)
        if refusals:
            mapped.close()
            return None
        return cls(connection, segment, np.frombuffer(mapped, dtype=np.uint32))

    @classmethod
    def _by_sysv(cls, connection: Connection, count: int) -> Self:
        shmid = _libc.shmget(_IPC_PRIVATE, count * 4, _MODE)
        if shmid < 0:
            raise _last_error()
        try:
            address = _libc.shmat(shmid, None, 0)
            if address in (None, ctypes.c_void_p(-1).value):
                raise _last_error()
            refusals: list[Any] = []
            segment = connection.allocate_resource_id()
            connection.ask(
                requests.ShmAttach,
                requests.SHM,
                segment=segment,
                shmid=shmid,
                read_only=0,
                onerror=_collector(refusals),
            )
            try:
                connection.sync()
            except BaseException:
                _libc.shmdt(address)
                raise
        finally:
            _libc.shmctl(shmid, _IPC_RMID, None)
        if refusals:
            _libc.shmdt(address)
            raise ShmUnavailable(f"the X server can't share memory with VoXY ({type(refusals[0]).__name__})")
        pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_uint32))
        return cls(connection, segment, np.ctypeslib.as_array(pointer, (count,)), address)

    def detach(self) -> None:
        """Have the server unmap it; then `close`."""
        self._connection.ask(requests.ShmDetach, requests.SHM, segment=self.segment)
        self._connection.free_resource_id(self.segment)
        self.close()

    def close(self) -> None:
        """Unmap it here; `pixels` must not be used any more."""
        # A mapped file goes with the last array that looks into it.
        self.pixels = np.empty(0, dtype=np.uint32)
        if self._sysv_address:
            _libc.shmdt(self._sysv_address)
            self._sysv_address = 0


def _collector(refusals: list[Any]) -> Any:
    """An error handler that keeps the error."""

    def collect(failure: error.XError, _: object) -> int:
        refusals.append(failure)
        return 1

    return collect


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
