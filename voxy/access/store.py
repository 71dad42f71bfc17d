"""Store: users, sessions and invitations in SQLite. Secrets are kept as hashes, which open nothing."""

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from voxy.errors import AccessError

SESSION_S = 30 * 24 * 3600.0
_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
_BUSY_S = 5.0

_MIGRATIONS = (
    """
    CREATE TABLE user (name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE invitation (
        id INTEGER PRIMARY KEY AUTOINCREMENT, secret BLOB NOT NULL UNIQUE, role TEXT NOT NULL, note TEXT NOT NULL,
        ends_at REAL NOT NULL, times_left INTEGER, used INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE session (
        secret BLOB PRIMARY KEY, who TEXT NOT NULL, role TEXT NOT NULL, ends_at REAL NOT NULL,
        user TEXT REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,
        invitation INTEGER REFERENCES invitation (id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_user ON session (user);
    CREATE INDEX session_invitation ON session (invitation);
    """,
)
"""Each brings the tables from its number to the next; what has been released is never changed."""


class User(NamedTuple):
    name: str
    role: str


class Session(NamedTuple):
    """Somebody who has come in: by what name others see him, and what he may do."""

    who: str
    role: str


class Invitation(NamedTuple):
    """`times_left` is None where it can be used as often as one likes."""

    id: int
    role: str
    note: str
    ends_at: float
    times_left: int | None
    used: int


class Store:
    """All times are seconds since 1970, which is passed in as `now`. Each call takes effect at once, or raises."""

    def __init__(self, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate(file)
        except (OSError, sqlite3.Error) as error:
            raise AccessError(f"The users and sessions in {file} can't be read: {error}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _migrate(self, file: Path) -> None:
        with self._changing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise AccessError(f"{file} is of a newer VoXY: update this one, or name another --state-dir.")
            for script in _MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A change that is whole or isn't there; others wait for it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise AccessError(f"The users and sessions can't be written: {error}.") from None

    @property
    def version(self) -> tuple[int, int]:
        """Another one after each change, whoever made it."""
        with closing(self._db.execute("PRAGMA data_version")) as cursor:
            return int(cursor.fetchone()[0]), self._db.total_changes

    # Users

    def add_user(self, name: str, password: str, role: str) -> None:
        """`password` is its hash. AccessError for a name that is taken, or that is none."""
        if not _NAME.fullmatch(name):
            raise AccessError(f"“{name}” is no name for a user: use letters, digits and .@+-_, 64 at most.")
        with self._changing() as db:
            if db.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchone():
                raise AccessError(f"There is a user “{name}” already: use voxy user passwd, or another name.")
            db.execute("INSERT INTO user VALUES (?, ?, ?)", (name, password, role))

    def change_user(self, name: str, password: str | None = None, role: str | None = None) -> None:
        """Whoever came in by this name is out."""
        with self._changing() as db:
            sql = "UPDATE user SET password = coalesce(?, password), role = coalesce(?, role) WHERE name = ?"
            _one(db.execute(sql, (password, role, name)).rowcount, name)
            db.execute("DELETE FROM session WHERE user = ?", (name,))

    def remove_user(self, name: str) -> None:
        """Whoever came in by this name is out."""
        with self._changing() as db:
            _one(db.execute("DELETE FROM user WHERE name = ?", (name,)).rowcount, name)

    def users(self) -> list[User]:
        return [User(*row) for row in self._db.execute("SELECT name, role FROM user ORDER BY name")]

    def password_of(self, name: str) -> tuple[str, str] | None:
        """The hash and the role; None for a user who isn't there."""
        row = self._db.execute("SELECT password, role FROM user WHERE name = ?", (name,)).fetchone()
        return (row[0], row[1]) if row else None

    # Sessions

    def open_session(self, who: str, role: str, now: float, user: str | None = None) -> str:
        """The secret of a new session."""
        with self._changing() as db:
            return _open(db, who, role, now + SESSION_S, now, user=user)

    def session(self, secret: str, now: float) -> Session | None:
        sql = "SELECT who, role FROM session WHERE secret = ? AND ends_at > ?"
        row = self._db.execute(sql, (hash_of(secret), now)).fetchone()
        return Session(*row) if row else None

    def end_session(self, secret: str) -> None:
        with self._changing() as db:
            db.execute("DELETE FROM session WHERE secret = ?", (hash_of(secret),))

    def end_sessions(self, who: str) -> int:
        """End all of somebody; how many they were."""
        with self._changing() as db:
            return db.execute("DELETE FROM session WHERE who = ?", (who,)).rowcount

    # Invitations

    def invite(self, role: str, ends_at: float, times: int | None = None, note: str = "") -> tuple[int, str]:
        """The number and the secret of a new invitation."""
        secret = secrets.token_urlsafe(24)
        with self._changing() as db:
            sql = "INSERT INTO invitation (secret, role, note, ends_at, times_left) VALUES (?, ?, ?, ?, ?)"
            return int(db.execute(sql, (hash_of(secret), role, note, ends_at, times)).lastrowid or 0), secret

    def accept(self, secret: str, now: float) -> str | None:
        """The secret of the session that an invitation gives, as long as that lasts; None for none."""
        with self._changing() as db:
            row = db.execute(
                "UPDATE invitation SET used = used + 1, times_left = times_left - 1 "
                "WHERE secret = ? AND ends_at > ? AND (times_left IS NULL OR times_left > 0) "
                "RETURNING id, role, note, ends_at, used",
                (hash_of(secret), now),
            ).fetchone()
            if not row:
                return None
            number, role, note, ends_at, used = row
            return _open(db, f"{note or 'guest'} {number}.{used}", role, ends_at, now, invitation=number)

    def invitations(self, now: float) -> list[Invitation]:
        """Those that haven't ended, the oldest first."""
        sql = "SELECT id, role, note, ends_at, times_left, used FROM invitation WHERE ends_at > ? ORDER BY id"
        return [Invitation(*row) for row in self._db.execute(sql, (now,))]

    def revoke(self, number: int) -> None:
        """Whoever came in by it is out."""
        with self._changing() as db:
            if not db.execute("DELETE FROM invitation WHERE id = ?", (number,)).rowcount:
                raise AccessError(f"There is no invitation {number}: voxy invite list shows those there are.")


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _open(
    db: sqlite3.Connection,
    who: str,
    role: str,
    ends_at: float,
    now: float,
    user: str | None = None,
    invitation: int | None = None,
) -> str:
    secret = secrets.token_urlsafe(32)
    db.execute("DELETE FROM session WHERE ends_at <= ?", (now,))
    db.execute("DELETE FROM invitation WHERE ends_at <= ?", (now,))
    db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", (hash_of(secret), who, role, ends_at, user, invitation))
    return secret


def _one(count: int, name: str) -> None:
    if not count:
        raise AccessError(f"There is no user “{name}”: voxy user list shows those there are.")
