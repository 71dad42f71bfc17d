"""`voxy doctor`: what is missing or unsafe on this machine, for one configuration, and the remedy."""

import importlib.util
import os
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

import voxy
from voxy.access.rules import RulesFile
from voxy.config import ACCESS_FILE, Config, state_folder
from voxy.errors import ConfigError
from voxy.values import Listen, UnixListen, is_loopback_name

_RENEW_S = 30 * 86400.0
_LISTED_S = 5.0


class Finding(NamedTuple):
    """A `fault` is missing or unsafe; an `advice` is what one can live with."""

    level: Literal["fault", "advice"]
    check: str
    says: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.level:7} {self.check:12} {self.says}: {self.remedy}."


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _has_font(language: str) -> bool:
    try:
        listed = subprocess.run(["fc-list", f":lang={language}"], capture_output=True, timeout=_LISTED_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(listed.stdout.strip())


@dataclass(frozen=True)
class Host:
    """What the machine has; a test says something else."""

    python: tuple[int, ...] = tuple(sys.version_info[:3])
    has_module: Callable[[str], bool] = _has_module
    which: Callable[[str], str | None] = shutil.which
    has_font: Callable[[str], bool] = _has_font
    has_display: Callable[[str], bool] = lambda number: Path(f"/tmp/.X11-unix/X{number}").exists()
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    now: float = field(default_factory=time.time)
    built_at: float = field(default_factory=lambda: Path(voxy.__file__).stat().st_mtime)


Findings = Iterator[Finding]


def examine(config: Config, host: Host, file: Path | None = None) -> list[Finding]:
    """All that is to be said of a configuration, which may be in `file`; the faults first."""
    findings = [finding for check in _CHECKS for finding in check(config, host)]
    findings += _writable_by_others(file, "configuration") if file else []
    return sorted(findings, key=lambda finding: finding.level != "fault")


def _python(_: Config, host: Host) -> Findings:
    if host.python < (3, 11):
        version = ".".join(map(str, host.python))
        yield Finding("fault", "python", f"This is Python {version}", "use 3.11 or newer")


def _packages(config: Config, host: Host) -> Findings:
    if not host.has_module("av"):
        remedy = "pip install 'voxy[video]', where a line is to carry films"
        yield Finding("advice", "packages", "PyAV is not there, so that films go as pictures", remedy)
    if config.vm and not host.has_module("qemu.qmp"):
        yield Finding("fault", "packages", "--vm needs qemu.qmp, which is not there", "pip install 'voxy[vm]'")


def _qemu(config: Config, host: Host) -> Findings:
    for program in ("qemu-system-x86_64", "qemu-img") if config.vm else ():
        if not host.which(program):
            remedy = "apt install qemu-system-x86 qemu-utils"
            yield Finding("fault", "qemu", f"--vm needs {program}, which is not there", remedy)


def _display(config: Config, host: Host) -> Findings:
    name, _, number = config.display.rpartition(":")
    if config.display and not name and not host.has_display(number.partition(".")[0]):
        remedy = "start an X server there, or leave out --display for a private desktop"
        yield Finding("fault", "display", f"There is no X server on {config.display}", remedy)


def _private_desktop(config: Config, host: Host) -> Findings:
    if config.display or config.vnc or config.vm:
        return
    if not host.which("Xvnc"):
        remedy = "apt install tigervnc-standalone-server"
        if host.which("Xvfb"):
            yield Finding("advice", "display", "Xvfb can't become larger than it was at its start", remedy)
        else:
            yield Finding("fault", "display", "There is no X server for a private desktop", remedy)
    if not host.which("openbox"):
        says = "There is no window manager, so that windows can't be moved"
        yield Finding("advice", "display", says, "apt install openbox")
    if not (words := _words(config.command)) or not host.which(words[0]):
        remedy = "install it, or name another with --command"
        yield Finding("fault", "display", f"There is no program “{config.command}” to start", remedy)
    if not host.has_font("en"):
        yield Finding("fault", "fonts", "There are no fonts", "apt install fontconfig fonts-dejavu-core")
    elif not host.has_font("ja"):
        remedy = "apt install fonts-wqy-microhei"
        yield Finding("advice", "fonts", "There is no font for Chinese, Japanese and Korean", remedy)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _listening(config: Config, _: Host) -> Findings:
    has_tls = bool(config.tls_cert) or config.tls != "off"
    has_proxy = any(network.prefixlen for network in config.trusted_proxy.networks)
    if not config.listen.is_loopback and not has_tls and not has_proxy:
        remedy = "use --tls-cert or --tls self-signed, or listen on 127.0.0.1 behind a proxy"
        yield Finding("fault", "listen", f"Whoever reads the line to {config.listen} reads the desktop", remedy)
    if config.auth == "none" and not config.listen.is_loopback:
        yield Finding("fault", "listen", f"Everybody may use the desktop at {config.listen}", "use --auth token")
    if isinstance(config.metrics_listen, Listen) and not config.metrics_listen.is_loopback:
        remedy = "listen on an address that only what watches over it reaches"
        yield Finding("advice", "listen", f"Everybody may read the metrics at {config.metrics_listen}", remedy)


def _names(config: Config, _: Host) -> Findings:
    if "*" in config.host_name and not isinstance(config.listen, UnixListen):
        says = "--host-name “*” answers to any name, so that foreign pages could get in"
        yield Finding("fault", "host-name", says, "name the names")
    for network in config.trusted_proxy.networks:
        if network.prefixlen == 0:
            says = f"--trusted-proxy {network} believes everybody's word who asks"
            yield Finding("fault", "proxy", says, "name the proxy's address")
    for origin in config.embed_origin:
        if origin.startswith("http://") and not is_loopback_name(urlsplit(origin).hostname or ""):
            says = f"Whoever is on the line to {origin} can change its pages, and they have the desktop inside of them"
            yield Finding("fault", "embed-origin", says, f"serve it as https://{origin.removeprefix('http://')}")


def _secrets(config: Config, _: Host) -> Findings:
    for option, name in (
        ("--token-file", config.token_file),
        ("--vnc-password-file", config.vnc_password_file),
        ("--tls-key", config.tls_key or config.tls_cert),
        ("--audit", config.audit),
    ):
        file = Path(name).expanduser()
        mode = _mode(file) if name else None
        if mode is None and name and option != "--audit":
            yield Finding("fault", "files", f"{option} {file} can't be read", "make it, or name another")
        elif mode and mode & 0o077:
            remedy = f"chmod 600 {shlex.quote(str(file))}"
            yield Finding("fault", "files", f"Others may read {file}, which {option} names", remedy)


def _audit(config: Config, _: Host) -> Findings:
    file = Path(config.audit).expanduser()
    if config.audit and not os.access(file if file.exists() else file.parent, os.W_OK):
        yield Finding("fault", "audit", f"The audit can't be written to {file}", "make its folder, or name another")


def _state(config: Config, _: Host) -> Findings:
    folder = state_folder(config.state_dir, os.environ)
    for path, mode in ((folder, "700"), (folder / ACCESS_FILE, "600"), (folder / "self-signed.key", "600")):
        if (_mode(path) or 0) & 0o077:
            remedy = f"chmod {mode} {shlex.quote(str(path))}"
            yield Finding("fault", "state", f"Others may read {path}, where VoXY keeps what is its own", remedy)
    nearest = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not os.access(nearest, os.W_OK):
        remedy = "name another with --state-dir, or sessions end with the server"
        yield Finding("advice", "state", f"Nothing can be kept in {folder}", remedy)


def _rules(config: Config, _: Host) -> Findings:
    if not config.rules:
        return
    file = Path(config.rules).expanduser()
    yield from _writable_by_others(file, "rules")
    try:
        RulesFile(file)
    except ConfigError as error:
        yield Finding("fault", "rules", str(error).rstrip("."), "correct it, or VoXY doesn't start")


def _writable_by_others(file: Path, check: str) -> list[Finding]:
    if not (_mode(file) or 0) & 0o022:
        return []
    says = f"Others may write {file}, and so say who may do what"
    return [Finding("fault", check, says, f"chmod go-w {shlex.quote(str(file))}")]


def _certificate(config: Config, host: Host) -> Findings:
    if not config.tls_cert:
        return
    file = Path(config.tls_cert).expanduser()
    try:
        ends = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        yield Finding("fault", "certificate", f"There is no certificate in {file}", "name a PEM file with --tls-cert")
        return
    if ends.timestamp() < host.now + _RENEW_S:
        when = "has ended" if ends.timestamp() < host.now else "ends"
        says = f"The certificate in {file} {when} on {ends:%Y-%m-%d}"
        yield Finding("fault", "certificate", says, "renew it; VoXY reads it anew by itself")


def _clock(_: Config, host: Host) -> Findings:
    if host.now < host.built_at - 86400:
        says = f"The clock says {time.strftime('%Y-%m-%d', time.gmtime(host.now))}, which is before VoXY was installed"
        yield Finding("fault", "clock", says, "set it, as with timedatectl set-ntp true: sessions end by it")


def _user(_: Config, host: Host) -> Findings:
    if host.is_root:
        says = "VoXY runs as root, and so does a private desktop with all who may act there"
        yield Finding("advice", "user", says, "run it as a user of its own")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


_CHECKS: tuple[Callable[[Config, Host], Findings], ...] = (
    _python,
    _packages,
    _qemu,
    _display,
    _private_desktop,
    _listening,
    _names,
    _secrets,
    _audit,
    _state,
    _rules,
    _certificate,
    _clock,
    _user,
)
