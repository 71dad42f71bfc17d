"""Values that options have: where to listen, whom to believe, how many bytes, who one is."""

import ipaddress
from typing import ClassVar, NamedTuple, Self

ROLES = ("none", "viewer", "controller", "owner")
"""What people may be; `session.permissions` knows what each may do."""

_UNIX_PATH_BYTES = 90
"""Linux takes 107; the file under its temporary name has to fit as well."""


def is_loopback_name(host: str) -> bool:
    """Whether a name or an address is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        return is_loopback_name(self.host)

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
        names = parse_names(text)
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


def parse_names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.lower().replace(",", " ").split() if name)
