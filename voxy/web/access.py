"""Access: people who sign in by name, or by an invitation, as the store of users and sessions has them."""

import asyncio
import functools
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voxy.access.claims import Claims
from voxy.access.guesses import Guesses
from voxy.errors import AccessError, AuthError
from voxy.session.permissions import ROLES, Permission, Person

if TYPE_CHECKING:
    from voxy.access.launch import Launch
    from voxy.access.passwords import Passwords
    from voxy.access.store import Store

logger = logging.getLogger(__name__)

PASS_S = 24 * 3600.0
"""How long a page of another origin keeps what it got, and whoever somebody else vouched for is in."""

_AT_ONCE = 2
"""Passwords that are compared at a time: each takes 64 MB for 50 ms."""

_WAITING_MOST = 32
"""Passwords that may wait for that; more are told to come again."""


class Access:
    """Heeds the store in `file` from the time that there is one; without it nobody has a name.

    Sessions are kept there too; where that can't be, or without a file, they end with the server.
    """

    def __init__(self, file: Path | None = None) -> None:
        # Late, so that servers without users do without.
        self._file = file
        self._opened: Store | None = None
        self._guesses = Guesses()
        self._comparing = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    @property
    def _store(self) -> "Store | None":
        if self._opened is None and self._file and self._file.exists():
            from voxy.access.store import Store

            self._opened = Store(self._file)
        return self._opened

    def _keeping(self) -> "Store":
        """The store, which is made if there is none."""
        if store := self._store:
            return store
        from voxy.access.store import Store

        try:
            self._opened = Store(self._file)
        except AccessError as error:
            logger.warning("! %s Sessions end with the server.", error)
            self._opened = Store(None)
        return self._opened

    @functools.cached_property
    def _passwords(self) -> "Passwords":
        from voxy.access.passwords import Passwords

        return Passwords()

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

    def knows(self, name: str) -> bool:
        """Whether there is a user of this name."""
        return bool(self._store and self._store.password_of(name))

    def census(self) -> frozenset[tuple[str, str]]:
        """Whoever may come in, by name, and what lets him."""
        if not self._store:
            return frozenset()
        users = ((each.name, " ".join(["user", each.role, *sorted(each.groups)])) for each in self._store.users())
        invited = self._store.invitations(time.time())
        return frozenset([*users, *((each.note, f"invitation {each.id} {each.role}") for each in invited)])

    def person(self, secret: str, origin: str, proof: bytes) -> Person | None:
        """Who has come in with this session; None for one that has ended or is another origin's or token's."""
        session = self._store.session(secret, time.time()) if self._store and secret else None
        if not session or session.origin not in ("", origin) or session.proof not in (None, proof):
            return None
        return Person(session.who, ROLES.get(session.role, Permission(0)), session.groups)

    def admit(self, permissions: Permission, proof: bytes, origin: str = "") -> str:
        """The secret of a new session of somebody without a name, who has shown what `proof` is of.

        With an origin it is a pass, for pages of that.
        """
        role = next(name for name, preset in ROLES.items() if preset == permissions)
        lasting = {"lasts_s": PASS_S} if origin else {}
        return self._keeping().open_session("", role, time.time(), origin=origin, proof=proof, **lasting)

    def welcome(self, claims: Claims, origin: str = "") -> str:
        """The secret of a new session, for a day, of somebody whom another vouches for; for pages of an origin."""
        store, now = self._keeping(), time.time()
        return store.open_session(claims.name, claims.role, now, PASS_S, groups=claims.groups, origin=origin)

    def launch(self, launch: "Launch", origin: str = "") -> str:
        """The same for whom a launch ticket names; AuthError 401 for one that has been used."""
        if not self._keeping().spend(launch.number, launch.ends_at, time.time()):
            raise AuthError("The launch ticket has been used: open the desktop from the portal again.", 401)
        return self.welcome(launch.claims, origin)

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
