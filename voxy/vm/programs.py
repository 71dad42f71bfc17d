"""Programs: QEMU's, where they are on this host."""

import os
import shutil
import sys

SYSTEM = "qemu-system-x86_64"
IMAGE = "qemu-img"

_WINDOWS_FOLDERS = (r"C:\Program Files\qemu", r"C:\msys64\ucrt64\bin", r"C:\msys64\mingw64\bin")
"""Where its installers for Windows put QEMU, without saying so in PATH."""


def find(name: str) -> str | None:
    """The path of a program, or nothing."""
    found = shutil.which(name)
    if found is None and sys.platform == "win32":
        return shutil.which(name, path=os.pathsep.join(_WINDOWS_FOLDERS))
    return found
