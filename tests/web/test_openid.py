"""Signing in at an OpenID provider: to it and back, and what of its answers isn't believed."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.provider import CLIENT, LyingProvider, lying_provider
from tests.stack import Stack, running
from voxy.access.openid import Client, is_safe
from voxy.web.openid import OpenId

PAGE = "http://desk.example/desktops/"


@contextlib.asynccontextmanager
async def desk(provider: LyingProvider, **client: Any) -> AsyncIterator[tuple[Stack, aiohttp.ClientSession]]:
    """VoXY that has people sign in at `provider`, and a browser."""
    openid = OpenId(Client(provider.issuer, CLIENT, PAGE, **client))
    async with running(token="the token that was printed", openid=openid) as stack:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(stack.url, cookie_jar=jar) as session:
            yield stack, session


async def go(session: aiohttp.ClientSession, path: str, **query: str) -> str:
    """Where the browser is sent."""
    async with session.get(path, params=query, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.headers["Location"]


async def begin(session: aiohttp.ClientSession) -> dict[str, str]:
    """What the browser takes along to the provider."""
    location = urlsplit(await go(session, "/sign-in"))
    return {name: values[0] for name, values in parse_qs(location.query).items()}


async def come_back(session: aiohttp.ClientSession, asked: dict[str, str], **more: str) -> str:
    code = f"{asked['nonce']} {asked['code_challenge']}"
    return await go(session, "/signed-in", **{"code": code, "state": asked["state"], **more})


async def session_of(session: aiohttp.ClientSession) -> dict[str, Any] | None:
    async with session.get("/session") as answer:
        return await answer.json() if answer.status == 200 else None


async def test_somebody_goes_to_the_provider_and_comes_back_as_himself() -> None:
    async with lying_provider(claims={"preferred_username": "alice", "groups": ["math"]}) as provider:
        async with desk(provider, role="viewer") as (_, session):
            asked = await begin(session)
            assert asked["response_type"] == "code"
            assert asked["redirect_uri"] == "http://desk.example/desktops/signed-in"
            assert asked["code_challenge_method"] == "S256"
            assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
            assert await come_back(session, asked) == "/"
            assert await session_of(session) == {"name": "alice", "may": ["view"], "cookie": True, "logout": ""}
        assert provider.asked[0]["client_id"] == CLIENT


async def test_a_client_with_a_secret_shows_it_in_the_head() -> None:
    async with lying_provider() as provider, desk(provider, secret="s:1 ü") as (_, session):
        assert await come_back(session, await begin(session)) == "/"
        assert "client_id" not in provider.asked[0]
        assert "s:1" not in str(provider.asked[0])


async def test_what_the_token_doesnt_say_is_asked_of_the_same_person() -> None:
    for sub, name in (("1234", "alice"), ("9999", "1234")):
        userinfo = {"sub": sub, "preferred_username": "alice"}
        async with lying_provider(userinfo=userinfo) as provider, desk(provider) as (_, session):
            await come_back(session, await begin(session))
            said = await session_of(session)
            assert said is not None
            assert said["name"] == name


async def test_the_providers_keys_may_change() -> None:
    async with lying_provider() as provider, desk(provider) as (stack, session):
        assert await come_back(session, await begin(session)) == "/"
        provider.key, provider.kid = ec.generate_private_key(ec.SECP256R1()), "second"
        assert stack.gate.openid is not None
        stack.gate.openid._keys_at -= 6.0
        assert await come_back(session, await begin(session)) == "/"
        provider.kid = "third"
        for _ in range(5):
            assert await come_back(session, await begin(session)) == "/#sign-in=refused"
        assert provider.keys_asked == 2, "asked for keys as often as somebody likes"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "http://127.0.0.1"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 4102444800, "exp": 4102444900},
        {"sub": None},
        {"preferred_username": "a\nb"},
        {"preferred_username": ["alice"]},
        {"groups": 7},
    ],
)
async def test_a_word_that_isnt_right_lets_nobody_in(claims: dict[str, Any]) -> None:
    async with lying_provider(claims=claims) as provider, desk(provider) as (_, session):
        assert await come_back(session, await begin(session)) == "/#sign-in=refused"
        assert await session_of(session) is None


def unsigned(said: dict[str, Any]) -> str:
    parts = [{"alg": "none", "kid": "first"}, said]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join(encoded) + "."


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        lambda said: jwt.encode(said, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "first"}),
        lambda said: jwt.encode(said, CLIENT * 20, "HS256", {"kid": "first"}),
        lambda said: "a.b.c",
        lambda said: "…",
    ],
)
async def test_a_word_that_isnt_signed_by_the_provider_lets_nobody_in(forge: Callable[[dict], str]) -> None:
    async with lying_provider() as provider, desk(provider) as (_, session):
        asked = await begin(session)
        said = jwt.decode(provider.sign(nonce=asked["nonce"]), options={"verify_signature": False})
        provider.token = forge(said)
        assert await come_back(session, asked) == "/#sign-in=refused"
        assert await session_of(session) is None


async def test_only_who_began_comes_back() -> None:
    async with lying_provider() as provider, desk(provider) as (stack, session):
        asked = await begin(session)
        async with aiohttp.ClientSession(stack.url) as other:
            # Somebody who is led here with another's answer would work at the other's desktop.
            assert await come_back(other, asked) == "/#sign-in=expired"
        assert await go(session, "/signed-in", code="1", state="another") == "/#sign-in=expired"
        async with aiohttp.ClientSession(stack.url) as forged:
            port = urlsplit(stack.url).port
            forged.cookie_jar.update_cookies({f"voxy-{port}-sign-in": "9999999999.mine"})
            assert await come_back(forged, asked) == "/#sign-in=expired"


async def test_an_answer_is_good_for_one_attempt() -> None:
    async with lying_provider() as provider, desk(provider) as (_, session):
        asked = await begin(session)
        assert await come_back(session, asked) == "/"
        assert await come_back(session, asked) == "/#sign-in=expired"


@pytest.mark.parametrize(
    "query", [{"error": "access_denied"}, {"error": "server_error", "code": "1"}, {"iss": "https://evil.example"}]
)
async def test_a_refusal_and_anothers_answer_let_nobody_in(query: dict[str, str]) -> None:
    async with lying_provider() as provider, desk(provider) as (_, session):
        assert await come_back(session, await begin(session), **query) == "/#sign-in=refused"
        assert provider.asked == []


async def test_a_provider_that_names_itself_does_so_always() -> None:
    discovery = {"authorization_response_iss_parameter_supported": True}
    async with lying_provider(discovery=discovery) as provider, desk(provider) as (_, session):
        asked = await begin(session)
        assert await come_back(session, asked) == "/#sign-in=refused"
        asked = await begin(session)
        assert await come_back(session, asked, iss=provider.issuer) == "/"


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://token.example/"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_is_another_or_leads_astray_is_not_used(discovery: dict[str, Any]) -> None:
    async with lying_provider(discovery=discovery) as provider, desk(provider) as (_, session):
        assert await go(session, "/sign-in") == "/#sign-in=unreachable"


async def test_a_provider_that_is_gone_is_told_of_and_others_still_come_in() -> None:
    async with lying_provider() as provider:
        pass
    async with desk(provider) as (stack, session):
        assert await go(session, "/sign-in") == "/#sign-in=unreachable"
        session.headers["Origin"] = stack.url
        async with session.post("/login", json={"token": "the token that was printed"}) as answer:
            assert answer.status == 204


async def test_the_page_learns_where_people_sign_in() -> None:
    async with lying_provider() as provider, desk(provider) as (_, session), session.get("/session") as answer:
        assert answer.headers["WWW-Authenticate"] == 'VoXY-Token, VoXY-OpenID realm="127.0.0.1"'
    async with running(token="t") as stack, aiohttp.ClientSession(stack.url) as session:
        for path in ("/sign-in", "/signed-in"):
            async with session.get(path, allow_redirects=False) as answer:
                assert answer.status == 404


@pytest.mark.parametrize(
    ("url", "issuer", "is_right"),
    [
        ("https://id.example/token", "https://id.example", True),
        ("http://id.example/token", "https://id.example", False),
        ("http://127.0.0.1:5/token", "http://127.0.0.1:5", True),
        ("http://evil.example/token", "http://127.0.0.1:5", False),
        ("http://127.0.0.1/token", "https://id.example", False),
        ("file:///etc/passwd", "https://id.example", False),
    ],
)
def test_nobody_reads_along(url: str, issuer: str, is_right: bool) -> None:
    assert is_safe(url, issuer) is is_right
