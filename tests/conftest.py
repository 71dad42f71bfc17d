"""What tests have in common: nothing of theirs is left in the home of whoever runs them; and who asks a server."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.stack import TOKEN, Stack, running


@pytest.fixture(scope="session", autouse=True)
def state() -> Iterator[None]:
    """A folder of their own for users, sessions and certificates."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_STATE_HOME", folder)
        yield


@pytest.fixture
async def locked() -> AsyncIterator[Stack]:
    """A server that takes nobody without the token."""
    async with running(token=TOKEN) as stack:
        yield stack


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies, of an address without a name too."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session
