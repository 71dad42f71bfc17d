"""Debian's packages, unpacked in a folder beside what is installed: nothing of the host is changed."""

import os
import platform
import subprocess
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


def unpacked(suite: str, *packages: str) -> Path:
    """The folder with the files of packages of this Debian's release, or of the suite beside it, such as -backports."""
    folder = BUILD / "-".join(packages)
    if not folder.exists():
        part = folder.with_suffix(f".part-{os.getpid()}")
        part.mkdir(parents=True)
        for package in _fetched(suite, packages, part):
            subprocess.run(["dpkg", "-x", package, part / "files"], check=True)
        try:
            (part / "files").rename(folder)
        except OSError:
            assert folder.exists(), "another was quicker"
    return folder


def _fetched(suite: str, packages: tuple[str, ...], into: Path) -> list[Path]:
    if not _KEYS.exists():
        raise Missing("this is no Debian")
    name = platform.freedesktop_os_release()["VERSION_CODENAME"] + suite
    # Lists of its own: what the host knows of is left as it is, and root isn't needed.
    (into / "lists/partial").mkdir(parents=True)
    source = into / "sources.list"
    source.write_text(f"deb [signed-by={_KEYS}] http://deb.debian.org/debian {name} main\n")
    options = {"Etc::sourcelist": source, "Etc::sourceparts": "/dev/null", "State::Lists": into / "lists"}
    options |= {"Cache": into / "cache"}
    apt = ["apt-get", "-q", *(f"-oDir::{key}={value}" for key, value in options.items()), "-oAPT::Sandbox::User="]
    for command in (["update"], ["download", *packages]):
        try:
            subprocess.run([*apt, *command], cwd=into, check=True, capture_output=True, text=True, timeout=_FETCH_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, FileNotFoundError) as error:
            said = str(getattr(error, "stderr", "") or error).strip()
            raise Missing(f"{', '.join(packages)} of {name} can't be fetched: {said[-200:]}") from None
    return sorted(into.glob("*.deb"))
