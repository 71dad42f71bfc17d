"""Guesses: how long who guessed wrong has to wait. No clock; `now` is passed in, by a clock that never jumps."""

import ipaddress
from collections import OrderedDict
from typing import NamedTuple

_FREE_FOR_NAME, _FREE_FOR_ALL = 5, 20
"""Wrong guesses that cost nothing: of one name from one place, and of all names from there."""

_FIRST_S, _MOST_S = 1.0, 300.0
_FORGOTTEN_S = 3600.0
_KEPT_MOST = 8192


class _Wrong(NamedTuple):
    times: int
    until: float
    at: float


class Guesses:
    """Counts for each place apart, so that nobody can keep somebody else out by guessing for him."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[tuple[str, str], _Wrong] = OrderedDict()

    def wait(self, name: str, address: str, now: float) -> float:
        """Seconds until a guess is heard again; 0 for now."""
        return max(0.0, *(self._of(key, now).until - now for key, _ in _keys(name, address)))

    def wrong(self, name: str, address: str, now: float) -> None:
        for key, free in _keys(name, address):
            times = self._of(key, now).times + 1
            wait_s = min(_MOST_S, _FIRST_S * 2.0 ** min(times - free - 1, 20)) if times > free else 0.0
            self._wrong[key] = _Wrong(times, now + wait_s, now)
            self._wrong.move_to_end(key)
        while len(self._wrong) > _KEPT_MOST:
            self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        self._wrong.pop((name, place_of(address)), None)

    def _of(self, key: tuple[str, str], now: float) -> _Wrong:
        wrong = self._wrong.get(key)
        return wrong if wrong and now < wrong.at + _FORGOTTEN_S else _Wrong(0, now, now)


def _keys(name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    place = place_of(address)
    return ((name, place), _FREE_FOR_NAME), (("", place), _FREE_FOR_ALL)


def place_of(address: str) -> str:
    """Where an address belongs: one of IPv6 is anybody's who has the network of 64 bits around it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
