"""One frozen Config: defaults < TOML file < VOXY_* environment < flags, all from the one table of fields below."""

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from voxy.errors import ConfigError
from voxy.values import ROLES, ByteLimit, Listen, Peers, UnixListen, is_loopback_name, parse_names

ACCESS_FILE = "access.sqlite"
"""The name of the file of users, sessions and invitations, in the folder of the state."""


def state_folder(said: str, environment: Mapping[str, str]) -> Path:
    """Where VoXY keeps what is its own: users and sessions, its certificate."""
    if said:
        return Path(said).expanduser()
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "voxy"


def _parse_listen(text: str) -> Listen | UnixListen:
    return UnixListen.parse(text) if text.startswith("unix:") else Listen.parse(text)


def _one_of(*words: str) -> Callable[[str], str]:
    """What reads one of these words, and no others."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"use {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


def _parse_base_path(text: str) -> str:
    path = text.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", path):
        raise ValueError("use a path of letters, digits and -._~ that begins with a slash, such as /desktops")
    return path


def _parse_size(text: str) -> str:
    width, cross, height = text.partition("x")
    if not cross or not all(side.isdecimal() and 0 < int(side) <= 16384 for side in (width, height)):
        raise ValueError("use WIDTHxHEIGHT in pixels, such as 1920x1080")
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


def _parse_origins(text: str) -> tuple[str, ...]:
    """Origins as browsers say them."""
    return tuple(_origin(name) for name in parse_names(text))


def _origin(text: str) -> str:
    found = re.fullmatch(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", text)
    if not found:
        raise ValueError("use origins without a wildcard: scheme, name and port, such as https://portal.example")
    scheme, name, port = found.groups()
    return f"{scheme}://{name}" + (f":{port}" if port and port != {"http": "80", "https": "443"}[scheme] else "")


def _parse_header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise ValueError("use the name of a header, such as Remote-User")
    return text


def _parse_url(text: str) -> str:
    """An address whose parts browsers and VoXY read alike."""
    place = urlsplit(text)
    if place.scheme not in ("http", "https") or not place.hostname or place.username or place.fragment or "\\" in text:
        raise ValueError("use an address such as https://desk.example/")
    return text


def _parse_safe_url(text: str) -> str:
    if urlsplit(_parse_url(text)).scheme != "https" and not is_loopback_name(urlsplit(text).hostname or ""):
        raise ValueError("use an address with https:// where others could read along")
    return text


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
        _one_of("auto", "follow", "fit", "actual"),
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
        "off",
        _one_of("off", "self-signed"),
        "self-signed: HTTPS with a certificate that VoXY makes and keeps.",
        "self-signed",
    )
    tls_cert: str = _option(
        "", str, "PEM file of a certificate and its chain, for HTTPS; read anew if changed.", "d.pem"
    )
    tls_key: str = _option("", str, "PEM file of its key, where that is another file.", "d.key")
    metrics_listen: Listen | UnixListen | None = _option(
        None, _parse_listen, "Where to serve /metrics and the health without a token.", "127.0.0.1:9100"
    )
    auth: str = _option(
        "token", _one_of("token", "none"), "token: the printed URL carries a key; none: everybody may come in.", "none"
    )
    auth_header: str = _option(
        "", _parse_header, "Header in which a trusted proxy says who asks; that one needs no token.", "Remote-User"
    )
    auth_groups_header: str = _option("", _parse_header, "Header with the groups of whoever asks.", "Remote-Groups")
    auth_logout: str = _option("", _parse_url, "Where the proxy's session ends.", "https://auth.example/logout")
    auth_role: str = _option(
        "controller",
        _one_of(*ROLES),
        "What those may do for whom a proxy, a portal or a provider vouches and says no more: none (what the rules "
        "allow), viewer, controller or owner.",
        "viewer",
    )
    launch_key: str = _option(
        "", str, "File with the public key, or the secret, of a portal that signs launch tickets (JWT).", "portal.pem"
    )
    launch_audience: str = _option("voxy", str, "For whom launch tickets are to be.", "desk.example")
    launch_issuer: str = _option("", str, "Who has to have issued them.", "https://portal.example")
    verify_url: str = _option(
        "", _parse_safe_url, "Service that is asked who comes by a ticket.", "https://portal.example/verify"
    )
    public_url: str = _option(
        "", _parse_url, "Address of the page as browsers have it, for --oidc-issuer.", "https://desk.example/"
    )
    oidc_issuer: str = _option(
        "", _parse_safe_url, "OpenID provider at which people sign in.", "https://id.example/realms/main"
    )
    oidc_client: str = _option("", str, "As which client VoXY is known there.", "voxy")
    oidc_secret_file: str = _option("", str, "File with the client's secret, if it has one.", "oidc-secret")
    oidc_name_claim: str = _option("preferred_username", str, "Claim with the name of who signs in.", "email")
    oidc_groups_claim: str = _option("groups", str, "Claim with the groups.", "roles")
    token_file: str = _option(
        "", str, "File with the key, where it shall stay the same; or set VOXY_TOKEN.  It is never an option.", "key"
    )
    state_dir: str = _option(
        "", str, "Folder of users, sessions, machines and the certificate that VoXY made.", "/var/lib/voxy"
    )
    insecure: bool = _option(False, _parse_switch, "Allow --auth none on addresses that others can reach.", "true")
    host_name: tuple[str, ...] = _option(
        (), parse_names, "Names by which browsers call this machine, beside its own.", "desk.example.org", merge=True
    )
    embed_origin: tuple[str, ...] = _option(
        (),
        _parse_origins,
        "Origins whose pages may have the desktop inside of them.",
        "https://portal.example",
        merge=True,
    )
    rules: str = _option(
        "",
        str,
        "TOML file with the tables [rules] of who may do what, read anew when it changes; or they are in that of "
        "--config.",
        "rules.toml",
    )
    audit: str = _option(
        "", str, "File for the audit: who came in and did what, as lines of JSON.", "/var/log/voxy.jsonl"
    )
    view_only: bool = _option(False, _parse_switch, "Let everybody look on, and nobody do anything.", "true")
    max_fps: float = _option(60.0, _parse_fps, "Updates a second at the most.", "30")
    clipboard_in: ByteLimit = _option(
        _CLIPBOARD, ByteLimit.parse, "What browsers may paste at a time: off, unlimited or bytes.", "1M"
    )
    clipboard_out: ByteLimit = _option(
        _CLIPBOARD, ByteLimit.parse, "What browsers get of what is copied: off, unlimited or bytes.", "off"
    )
    log_level: str = _option(
        "warning", _one_of("debug", "info", "warning", "error"), "How much to tell on standard error.", "info"
    )

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
        if self.auth_header and self.trusted_proxy == Peers():
            raise ConfigError("--auth-header lets in whom a proxy names: name that proxy with --trusted-proxy.")
        if self.oidc_issuer and not (self.oidc_client and self.public_url):
            raise ConfigError("--oidc-issuer takes --oidc-client and --public-url too: the provider has to know both.")
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
        # The tables are read where they are, so that they can change while sessions run.
        text = str(file) if name == "rules" and isinstance(value, dict) else _to_text(value)
        found[name] = (text, f"“{key}” in {file}")
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
