"""Asking: VoXY's own questions to services that say who people are, whose answers are JSON."""

from collections.abc import Container
from typing import Any

import aiohttp
import msgspec

from voxy.errors import AuthError

_ANSWER_S = 5.0
"""Seconds for a whole answer."""

_ANSWER_MOST = 1 << 16


async def ask(who: str, method: str, url: str, refusals: Container[int], refusal: str, **more: Any) -> Any:
    """What `who`, as people call the service, answers: bounded, without cookies, by no proxy of the environment.

    No redirect is followed. AuthError 401 with the sentence `refusal` for a status among `refusals`, 502 for anything
    else that is no answer.
    """
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
        try:
            async with session.request(method, url, allow_redirects=False, **more) as answer:
                if answer.status in refusals:
                    raise AuthError(refusal, 401)
                if answer.status != 200:
                    raise AuthError(f"The {who} answers with {answer.status}: have it checked.", 502)
                return await _read_json(answer)
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise AuthError(f"The {who} can't be reached: try again when it is there.", 502) from None
        except msgspec.DecodeError:
            raise AuthError(f"The {who}'s answer is not JSON: have it checked.", 502) from None


async def _read_json(answer: aiohttp.ClientResponse) -> Any:
    data = await answer.content.read(_ANSWER_MOST + 1)
    while data and len(data) <= _ANSWER_MOST and (more := await answer.content.read(_ANSWER_MOST)):
        data += more
    if len(data) > _ANSWER_MOST:
        raise msgspec.DecodeError("too long")
    return msgspec.json.decode(data)
