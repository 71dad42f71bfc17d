"""Access: people who sign in by name, or by an invitation, as the store of users and sessions has them."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voxy.errors import AuthError
from voxy.session.permissions import ROLES, VIEWER, Person

if TYPE_CHECKING:
    from voxy.access.store import Store

_AT_ONCE = 2
"""Passwords that are compared at a time: each takes 64 MB for 50 ms."""

_WAITING_MOST = 32
"""Passwords that may wait for that; more are told to come again."""


class Access:
    """Heeds the store in `file` from the time that there is one; without it nobody has a name."""

    def __init__(self, file: Path | None = None) -> None:
        # Late, so that servers without users do without.
        self._file = file
        self._opened: Store | None = None
        self._comparing = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    @property
    def _store(self) -> "Store | None":
        if self._opened is None and self._file and self._file.exists():
            from voxy.access.guesses import Guesses
            from voxy.access.passwords import Passwords
            from voxy.access.store import Store

            self._opened, self._passwords, self._guesses = Store(self._file), Passwords(), Guesses()
        return self._opened

    def close(self) -> None:
        if self._opened:
            self._opened.close()

    @property
    def has_users(self) -> bool:
        return bool(self._store and self._store.users())

    @property
    def version(self) -> object:
        """Another one after each change that may put somebody out."""
        return self._store.version if self._store else None

    def person(self, secret: str) -> Person | None:
        """Who has come in with this session; None for one that has ended or never was."""
        session = self._store.session(secret, time.time()) if self._store and secret else None
        return Person(session.who, ROLES.get(session.role, VIEWER)) if session else None

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """The secret of a new session; AuthError 401 for a wrong name or password, 429 after too many of them."""
        store = self._store
        if not store:
            raise AuthError("Nobody signs in here by name: open the URL that voxy serve printed.", 401)
        if wait_s := self._guesses.wait(name, address, time.monotonic()):
            raise _later(wait_s)
        if self._waiting >= _WAITING_MOST:
            raise _later(1.0)
        kept, role = store.password_of(name) or (None, "")
        self._waiting += 1
        try:
            async with self._comparing:
                is_right = await asyncio.to_thread(self._passwords.matches, kept, password)
        finally:
            self._waiting -= 1
        if not is_right:
            self._guesses.wrong(name, address, time.monotonic())
            raise AuthError("The name or the password is not right.", 401)
        self._guesses.right(name, address)
        return store.open_session(name, role, time.time(), user=name)

    def accept(self, invitation: str) -> str:
        """The secret of the session that an invitation gives; AuthError 401 for one that has ended."""
        session = self._store.accept(invitation, time.time()) if self._store else None
        if session is None:
            raise AuthError("This invitation has ended: ask for another.", 401)
        return session

    def end(self, secret: str) -> None:
        if self._store:
            self._store.end_session(secret)


def _later(wait_s: float) -> AuthError:
    seconds = max(1, round(wait_s))
    return AuthError(f"Too many wrong passwords: try again in {seconds} s.", 429, retry_after=seconds)
