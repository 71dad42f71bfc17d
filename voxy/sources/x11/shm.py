"""SysV shared memory for MIT-SHM, by ctypes: the standard library knows only POSIX's."""

import ctypes
import os

import numpy as np
from numpy.typing import NDArray

_IPC_PRIVATE, _IPC_RMID = 0, 0
_MODE = 0o600

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
_libc.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_libc.shmdt.argtypes = (ctypes.c_void_p,)
_libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)


class SharedMemory:
    """A private segment of `size` bytes, gone with the last process that has it once `forget` was called."""

    def __init__(self, size: int) -> None:
        self.id = _libc.shmget(_IPC_PRIVATE, size, _MODE)
        if self.id < 0:
            raise _error()
        address = _libc.shmat(self.id, None, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            error = _error()
            self.forget()
            raise error
        self._address: int | None = address
        self.pixels: NDArray[np.uint32] = np.ctypeslib.as_array(
            ctypes.cast(address, ctypes.POINTER(ctypes.c_uint32)), (size // 4,)
        )

    def forget(self) -> None:
        """Remove the segment's name: nothing is left behind however this process ends."""
        _libc.shmctl(self.id, _IPC_RMID, None)

    def close(self) -> None:
        """Unmap; `pixels` must not be used any more."""
        if self._address is not None:
            self.pixels = np.empty(0, dtype=np.uint32)
            _libc.shmdt(self._address)
            self._address = None


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
