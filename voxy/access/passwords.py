"""Passwords, as argon2id keeps them."""

import argon2

from voxy.errors import AccessError

LEAST = 8
MOST = 1024
"""Characters of a password; more are no safer and take long."""


class Passwords:
    """Makes hashes and compares with them; either takes 50 ms and 64 MB, so not in an event loop."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """What to keep of a password; AccessError for one that is too short or too long."""
        if not LEAST <= len(password) <= MOST:
            raise AccessError(f"A password has {LEAST} to {MOST} characters: choose another.")
        return self._hasher.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether it is the right one. Without any kept it isn't, and takes as long: the time tells no names."""
        if kept is None:
            self._nobodys = self._nobodys or self._hasher.hash("nobody has this one")
        try:
            self._hasher.verify(kept or self._nobodys or "", password[:MOST])
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError):
            return False
        return kept is not None
