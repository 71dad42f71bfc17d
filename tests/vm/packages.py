"""Debian's packages, unpacked in a folder beside what is installed: nothing of the host is changed."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

BUILD = Path("build/packages").absolute()
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FETCH_S = 50.0


class Missing(Exception):
    """Why something can't be had here."""


def newer_qemu() -> Path:
    """A QEMU from Debian's backports, which is newer than the release's."""
    # Its firmware must be its own; what it needs else is what the release's needs too.
    folder = unpacked("-backports", "qemu-system-x86", "qemu-system-data", "seabios")
    return folder / "usr/bin/qemu-system-x86_64"


def kernel() -> Path:
    """The folder with Debian's kernel for guests, and its modules."""
    return unpacked("", "linux-image-cloud-amd64")


def unpacked(suite: str, *packages: str) -> Path:
    """The folder with the files of packages of this Debian's release, or of the suite beside it, such as -backports."""
    folder = BUILD / "-".join(packages)
    if not folder.exists():
        part = folder.with_suffix(f".part-{os.getpid()}")
        part.mkdir(parents=True)
        _Apt(part, suite).download(packages)
        for package in part.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, part / "files"], check=True)
        try:
            (part / "files").rename(folder)
        except OSError:
            assert folder.exists(), "another was quicker"
    return folder


class _Apt:
    """What Debian has in a suite, by lists in a folder: those of the host are left, and root isn't needed."""

    def __init__(self, folder: Path, suite: str) -> None:
        if not _KEYS.exists():
            raise Missing("this is no Debian")
        self._folder = folder
        self._suite = platform.freedesktop_os_release()["VERSION_CODENAME"] + suite
        (folder / "lists/partial").mkdir(parents=True)
        source = folder / "sources.list"
        source.write_text(f"deb [signed-by={_KEYS}] http://deb.debian.org/debian {self._suite} main\n")
        options = {"Etc::sourcelist": source, "Etc::sourceparts": "/dev/null", "State::Lists": folder / "lists"}
        options |= {"Cache": folder / "cache"}
        self._options = [*(f"-oDir::{key}={value}" for key, value in options.items()), "-oAPT::Sandbox::User="]
        self._run("apt-get", "-q", "update")

    def download(self, packages: Iterable[str]) -> None:
        """Fetch packages; of one that is only a name for the newest of its kind, that one."""
        for package in packages:
            said = self._run("apt-cache", "depends", "--important", package)
            versioned = re.findall(rf"Depends: ({package.removesuffix('-cloud-amd64')}-\d\S*)", said)
            self._run("apt-get", "-q", "download", *(versioned or [package]))

    def _run(self, program: str, *arguments: str) -> str:
        command = [program, *self._options, *arguments]
        options = {"cwd": self._folder, "check": True, "capture_output": True, "text": True, "timeout": _FETCH_S}
        try:
            return str(subprocess.run(command, **options).stdout)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, FileNotFoundError) as error:
            said = str(getattr(error, "stderr", "") or error).strip()
            raise Missing(f"{arguments[-1]} of {self._suite} can't be fetched: {said[-200:]}") from None
