"""One frozen Config: defaults < TOML file < VOXY_* environment < flags, all from the one table of fields below."""

import dataclasses
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

from voxy.errors import ConfigError


class Listen(NamedTuple):
    """Where to listen; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `127.0.0.1:8080`, `[::1]:8080` or `0.0.0.0:80`."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 65535:
            raise ValueError("use ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080")
        if host.startswith("[") != (":" in host):
            raise ValueError("put an IPv6 address in brackets, such as [::1]:8080")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixListen(NamedTuple):
    """The path of a unix socket to listen on."""

    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `unix:/run/voxy.sock`."""
        kind, _, path = text.partition(":")
        if kind != "unix" or not path.startswith("/") or len(path.encode()) > _UNIX_PATH_BYTES:
            raise ValueError("use unix:/PATH of 90 bytes at most, such as unix:/run/voxy.sock")
        return cls(path)

    @property
    def is_loopback(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"unix:{self.path}"


class Peers(NamedTuple):
    """Networks, and whoever reaches a unix socket if `has_unix`."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    has_unix: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `127.0.0.1`, `10.1.0.0/16,fd00::/8` or `unix`."""
        names = _parse_names(text)
        try:
            return cls(tuple(ipaddress.ip_network(name) for name in names if name != "unix"), "unix" in names)
        except ValueError:
            raise ValueError("use addresses, networks or unix, such as 127.0.0.1 or 10.1.0.0/16") from None

    def __contains__(self, address: object) -> bool:
        """Whether this is one of them; an empty address is a unix socket's peer."""
        if not address:
            return self.has_unix
        try:
            peer = ipaddress.ip_address(str(address).partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.networks)

    def __str__(self) -> str:
        return ",".join([*map(str, self.networks), *(["unix"] if self.has_unix else [])])


class ByteLimit(int):
    """How many bytes something may have; 0 for none."""

    _UNITS: ClassVar = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    UNLIMITED: ClassVar = 2**53 - 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `off`, `unlimited`, `65536`, `64K`, `16M` or `1G`."""
        number = text.rstrip("KMGkmg")
        unit = cls._UNITS.get(text[len(number) :].upper())
        if text in ("off", "unlimited"):
            return cls(0 if text == "off" else cls.UNLIMITED)
        if not number.isdecimal() or unit is None or int(number) * unit > cls.UNLIMITED:
            raise ValueError("use off, unlimited or a number of bytes, such as 65536, 64K or 16M")
        return cls(int(number) * unit)

    def __str__(self) -> str:
        if self in (0, self.UNLIMITED):
            return "unlimited" if self else "off"
        name, unit = next((name, unit) for name, unit in reversed(self._UNITS.items()) if self % unit == 0)
        return f"{self // unit}{name}"


ACCESS_FILE = "access.sqlite"
"""The name of the file of users, sessions and invitations, in the folder of the state."""


def state_folder(said: str, environment: Mapping[str, str]) -> Path:
    """Where VoXY keeps what is its own: users and sessions, its certificate."""
    if said:
        return Path(said).expanduser()
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "voxy"


def _parse_listen(text: str) -> Listen | UnixListen:
    return UnixListen.parse(text) if text.startswith("unix:") else Listen.parse(text)


def _parse_base_path(text: str) -> str:
    path = text.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", path):
        raise ValueError("use a path of letters, digits and -._~ that begins with a slash, such as /desktops")
    return path


def _parse_tls(text: str) -> str:
    if text not in ("off", "self-signed"):
        raise ValueError("use off or self-signed")
    return text


def _parse_size(text: str) -> str:
    width, cross, height = text.partition("x")
    if not cross or not all(side.isdecimal() and 0 < int(side) <= 16384 for side in (width, height)):
        raise ValueError("use WIDTHxHEIGHT in pixels, such as 1920x1080")
    return text


def _parse_auth(text: str) -> str:
    if text not in ("token", "none"):
        raise ValueError("use token or none")
    return text


def _parse_resize(text: str) -> str:
    if text not in ("auto", "follow", "fit", "actual"):
        raise ValueError("use auto, follow, fit or actual")
    return text


def _parse_fps(text: str) -> float:
    if not 1 <= float(text) <= 240:
        raise ValueError("use a number from 1 to 240")
    return float(text)


def _parse_switch(text: str) -> bool:
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except KeyError:
        raise ValueError("use true or false") from None


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.lower().replace(",", " ").split() if name)


def _parse_origins(text: str) -> tuple[str, ...]:
    """Origins as browsers say them."""
    return tuple(_origin(name) for name in _parse_names(text))


def _origin(text: str) -> str:
    found = re.fullmatch(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", text)
    if not found:
        raise ValueError("use origins without a wildcard: scheme, name and port, such as https://portal.example")
    scheme, name, port = found.groups()
    return f"{scheme}://{name}" + (f":{port}" if port and port != {"http": "80", "https": "443"}[scheme] else "")


def _parse_level(text: str) -> str:
    if text not in ("debug", "info", "warning", "error"):
        raise ValueError("use debug, info, warning or error")
    return text


_UNIX_PATH_BYTES = 90
"""Linux takes 107; the file under its temporary name has to fit as well."""
_LISTEN = Listen("127.0.0.1", 8080)
_CLIPBOARD = ByteLimit.parse("16M")


def _option(default: Any, parse: Callable[[str], Any], purpose: str, example: str, merge: bool = False) -> Any:
    """A field; with `merge` its flag can be said more than once."""
    return field(default=default, metadata={"parse": parse, "purpose": purpose, "example": example, "merge": merge})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of `voxy serve`; each is a flag, a VOXY_ variable and a key of the file."""

    display: str = _option("", str, "Serve this X display; without it, a private desktop is started.", ":1")
    vnc: str = _option("", str, "Serve what this VNC server shows: HOST:PORT or unix:/path.", "127.0.0.1:5900")
    vnc_user: str = _option("", str, "Who logs in there, where it asks for a name.", "alice")
    vnc_password_file: str = _option(
        "", str, "File with the password for it; or set VOXY_VNC_PASSWORD.  It is never an option.", "~/.vnc-password"
    )
    vnc_ca: str = _option("", str, "PEM file with the certificate that it, or who signed it, must have.", "desk.pem")
    vnc_server_key: str = _option(
        "", str, "SHA-256, in hex, of the key that it must prove to have (RSA-AES).", "9f86d081884c7d65"
    )
    vnc_insecure: bool = _option(
        False, _parse_switch, "Let it have a password where others could read it, and any certificate.", "true"
    )
    vm: str = _option("", str, "Serve the screen of this machine, see voxy vm; it may be started and stopped.", "desk")
    size: str = _option(
        "1920x1080", _parse_size, "Size of the private desktop, at its start where it follows a window.", "1366x768"
    )
    resize: Literal["auto", "follow", "fit", "actual"] = _option(
        "auto",
        _parse_resize,
        "follow: the desktop takes the size of the browser's window; fit: it is shown smaller where it doesn't fit; "
        "actual: pixel for pixel; auto: follow, but fit with --display.  Each browser may choose another.",
        "fit",
    )
    command: str = _option("xterm", str, "What the private desktop starts with.", "xterm -e htop")
    listen: Listen | UnixListen = _option(
        _LISTEN,
        _parse_listen,
        "Address and port to listen on, or unix:/PATH; port 0 is any free one.  A socket from systemd goes before it.",
        "[::1]:8080",
    )
    base_path: str = _option(
        "", _parse_base_path, "Path under which everything is, where a proxy has other sites beside it.", "/desktops"
    )
    trusted_proxy: Peers = _option(
        Peers(),
        Peers.parse,
        "Addresses or networks of proxies that are believed who asks, by X-Forwarded-* or Forwarded; unix for whoever "
        "reaches a unix socket.",
        "10.1.0.0/16",
        merge=True,
    )
    tls: Literal["off", "self-signed"] = _option(
        "off", _parse_tls, "self-signed: HTTPS with a certificate that VoXY makes and keeps.", "self-signed"
    )
    tls_cert: str = _option(
        "", str, "PEM file of a certificate and its chain, for HTTPS; read anew if changed.", "d.pem"
    )
    tls_key: str = _option("", str, "PEM file of its key, where that is another file.", "d.key")
    metrics_listen: Listen | UnixListen | None = _option(
        None, _parse_listen, "Where to serve /metrics and the health without a token.", "127.0.0.1:9100"
    )
    auth: str = _option(
        "token", _parse_auth, "token: the printed URL carries a key; none: everybody may come in.", "none"
    )
    token_file: str = _option(
        "", str, "File with the key, where it shall stay the same; or set VOXY_TOKEN.  It is never an option.", "key"
    )
    state_dir: str = _option(
        "", str, "Folder of users, sessions, machines and the certificate that VoXY made.", "/var/lib/voxy"
    )
    insecure: bool = _option(False, _parse_switch, "Allow --auth none on addresses that others can reach.", "true")
    host_name: tuple[str, ...] = _option(
        (), _parse_names, "Names by which browsers call this machine, beside its own.", "desk.example.org", merge=True
    )
    embed_origin: tuple[str, ...] = _option(
        (),
        _parse_origins,
        "Origins whose pages may have the desktop inside of them.",
        "https://portal.example",
        merge=True,
    )
    view_only: bool = _option(False, _parse_switch, "Let everybody look on, and nobody do anything.", "true")
    max_fps: float = _option(60.0, _parse_fps, "Updates a second at the most.", "30")
    clipboard_in: ByteLimit = _option(
        _CLIPBOARD, ByteLimit.parse, "What browsers may paste at a time: off, unlimited or bytes.", "1M"
    )
    clipboard_out: ByteLimit = _option(
        _CLIPBOARD, ByteLimit.parse, "What browsers get of what is copied: off, unlimited or bytes.", "off"
    )
    log_level: str = _option("warning", _parse_level, "How much to tell on standard error.", "info")

    @classmethod
    def load(cls, flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None) -> Self:
        """The settings of all places together; ConfigError names what can't be used and where it was said."""
        values: dict[str, Any] = {}
        for name, (text, where) in _gather(flags, environment, file).items():
            parse = next(f for f in dataclasses.fields(cls) if f.name == name).metadata["parse"]
            try:
                values[name] = parse(text)
            except ValueError as error:
                raise ConfigError(f"{where} can't be “{text}”: {_advice(error)}.") from None
        config = cls(**values)
        config._check()
        return config

    def _check(self) -> None:
        named = [flag for flag, value in (("--display", self.display), ("--vnc", self.vnc), ("--vm", self.vm)) if value]
        if len(named) > 1:
            raise ConfigError(f"{' and '.join(named[:2])} both name what to serve: choose one.")
        if "*" in self.host_name and not isinstance(self.listen, UnixListen) and not self.insecure:
            raise ConfigError(
                "--host-name “*” answers to any name, so that foreign pages could get in: "
                "use it with --listen unix:/PATH behind a proxy, or name the names."
            )
        if self.tls_key and not self.tls_cert:
            raise ConfigError("--tls-key is the key of a certificate: name that with --tls-cert.")
        if self.tls_cert and self.tls != "off":
            raise ConfigError("--tls-cert and --tls self-signed both name a certificate: choose one.")
        if self.auth == "none" and not self.listen.is_loopback and not self.insecure:
            raise ConfigError(
                f"--auth none would let everybody use this desktop at {self.listen}: "
                "listen on 127.0.0.1, use --auth token, or say --insecure if you mean it."
            )


def _advice(error: ValueError) -> str:
    text = str(error)
    return "use a number" if text.startswith("could not convert") else text


def _gather(flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None) -> dict[str, tuple[str, str]]:
    """For each field that is set: its text, and how a person finds the place where it is."""
    names = [f.name for f in dataclasses.fields(Config)]
    found: dict[str, tuple[str, str]] = {}
    for key, value in (_read(file) if file else {}).items():
        name = key.replace("-", "_")
        if name not in names:
            known = ", ".join(n.replace("_", "-") for n in names)
            raise ConfigError(f"“{key}” in {file} is not an option: use one of {known}.")
        found[name] = (_to_text(value), f"“{key}” in {file}")
    for name in names:
        variable = f"VOXY_{name.upper()}"
        if variable in environment:
            found[name] = (environment[variable], variable)
        if name in flags:
            found[name] = (flags[name], f"--{name.replace('_', '-')}")
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The file {file} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file {file} is not TOML: {error}.") from None


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
