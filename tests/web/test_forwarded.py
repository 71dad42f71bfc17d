"""Proxies are believed only if they are trusted, and only in what the nearest of them wrote."""

import pytest
from multidict import CIMultiDict

from voxy.errors import AuthError
from voxy.values import Peers
from voxy.web.forwarded import Asked, read_forwarded

TRUSTED = Peers.parse("127.0.0.1 10.0.0.0/8 2001:db8::/32")
BROWSER = "192.0.2.7"


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({}, Asked()),
        ({"X-Forwarded-For": BROWSER}, Asked(BROWSER)),
        ({"X-Forwarded-For": f"6.6.6.6, {BROWSER}"}, Asked(BROWSER)),
        ({"X-Forwarded-For": f"6.6.6.6, {BROWSER}, 10.0.0.9"}, Asked(BROWSER)),
        ({"X-Forwarded-For": "10.0.0.1, 10.0.0.9"}, Asked("10.0.0.1")),
        ({"X-Forwarded-For": "evil, 10.0.0.9"}, Asked("10.0.0.9")),
        ({"X-Forwarded-For": f"{BROWSER}:4711"}, Asked(BROWSER)),
        ({"X-Forwarded-For": "[2001:db9::1]:80"}, Asked("2001:db9::1")),
        ({"X-Forwarded-For": "2001:db9::1"}, Asked("2001:db9::1")),
        ({"X-Forwarded-For": "<script>"}, Asked()),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example"}, Asked(None, "https", "desk.example")),
        (
            {"X-Forwarded-Proto": "http, https", "X-Forwarded-Host": "evil, d.example"},
            Asked(None, "https", "d.example"),
        ),
        ({"Forwarded": f"for={BROWSER};proto=https;host=d.example"}, Asked(BROWSER, "https", "d.example")),
        ({"Forwarded": f'for=6.6.6.6, For="{BROWSER}:80";Proto=HTTPS'}, Asked(BROWSER, "https")),
        ({"Forwarded": 'for="[2001:db9::1]:80"; host="d.example:8443"'}, Asked("2001:db9::1", None, "d.example:8443")),
        ({"Forwarded": f'for="a,b;for=6.6.6.6", for={BROWSER}'}, Asked(BROWSER)),
        ({"Forwarded": "for=_hidden, for=10.0.0.1"}, Asked("10.0.0.1")),
        ({"Forwarded": ""}, Asked()),
    ],
)
def test_nearest_proxy_is_believed(headers: dict[str, str], asked: Asked) -> None:
    assert read_forwarded(CIMultiDict(headers), TRUSTED) == asked


def test_headers_that_are_there_twice_are_one_list() -> None:
    headers = CIMultiDict([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", BROWSER)])
    assert read_forwarded(headers, TRUSTED).remote == BROWSER


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "ftp"},
        {"Forwarded": "proto=x"},
        {"Forwarded": "for=1.1.1.1", "X-Forwarded-For": "1.1.1.1"},
    ],
)
def test_contradictions_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(AuthError) as caught:
        read_forwarded(CIMultiDict(headers), TRUSTED)
    assert caught.value.status == 400
