"""Store: users, their groups, sessions and invitations in SQLite. Secrets are kept as hashes, which open nothing."""

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

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
    """
    CREATE TABLE membership (
        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE, of TEXT NOT NULL,
        PRIMARY KEY (user, of)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE session ADD COLUMN groups TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN origin TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN proof BLOB;
    """,
    """
    CREATE TABLE spent (number BLOB PRIMARY KEY, ends_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    """,
)
"""Each brings the tables from its number to the next; what has been released is never changed."""


_PROVEN_MOST = 4096
"""Sessions that are kept of those who came by a token or a ticket; past that those that end first go."""

_KEEP_NEWEST = """
    DELETE FROM session WHERE proof IS NOT NULL AND secret IN
    (SELECT secret FROM session WHERE proof IS NOT NULL ORDER BY ends_at DESC LIMIT -1 OFFSET ?)
"""
_ID = "lower(substr(hex(secret), 1, 12))"
_SESSIONS = f"SELECT {_ID}, who, role, ends_at, user, groups, origin, proof FROM session"


class User(NamedTuple):
    name: str
    role: str
    groups: frozenset[str] = frozenset()


class Session(NamedTuple):
    """Somebody who has come in: by what name others see him, what he may do, and where he belongs.

    It is good for pages of one origin, if there is one, and as long as VoXY knows the token that is hashed in `proof`.
    """

    id: str
    who: str
    role: str
    ends_at: float
    groups: frozenset[str] = frozenset()
    origin: str = ""
    proof: bytes | None = None


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

    def __init__(self, file: Path | None) -> None:
        """Without a file all is forgotten at the end."""
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            where = file or ":memory:"
            self._db = sqlite3.connect(where, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
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

    def _migrate(self, file: Path | None) -> None:
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

    def add_user(self, name: str, password: str, role: str, groups: Iterable[str] = ()) -> None:
        """`password` is its hash. AccessError for a name that is taken, or that is none."""
        if not _NAME.fullmatch(name):
            raise AccessError(f"“{name}” is no name for a user: use letters, digits and .@+-_, 64 at most.")
        with self._changing() as db:
            if db.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchone():
                raise AccessError(f"There is a user “{name}” already: use voxy user passwd, or another name.")
            db.execute("INSERT INTO user VALUES (?, ?, ?)", (name, password, role))
            _join(db, name, groups)

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
        rows = self._db.execute("SELECT name, role FROM user ORDER BY name").fetchall()
        return [User(name, role, self._groups(name)) for name, role in rows]

    def set_groups(self, name: str, groups: Iterable[str]) -> None:
        """Have a user belong to these groups alone; who came in by this name stays."""
        with self._changing() as db:
            _one(len(db.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchall()), name)
            db.execute("DELETE FROM membership WHERE user = ?", (name,))
            _join(db, name, groups)

    def _groups(self, name: str) -> frozenset[str]:
        return frozenset(group for (group,) in self._db.execute("SELECT of FROM membership WHERE user = ?", (name,)))

    def password_of(self, name: str) -> tuple[str, str] | None:
        """The hash and the role; None for a user who isn't there."""
        row = self._db.execute("SELECT password, role FROM user WHERE name = ?", (name,)).fetchone()
        return (row[0], row[1]) if row else None

    # Sessions

    def open_session(self, who: str, role: str, now: float, lasts_s: float = SESSION_S, **more: Any) -> str:
        """The secret of a new session, with what `more` of its columns are to have."""
        with self._changing() as db:
            return _open(db, who, role, now + lasts_s, now, **more)

    def session(self, secret: str, now: float) -> Session | None:
        rows = self._db.execute(f"{_SESSIONS} WHERE secret = ? AND ends_at > ?", (hash_of(secret), now)).fetchall()
        return self._to_session(*rows[0]) if rows else None

    def sessions(self, now: float) -> list[Session]:
        """Those that haven't ended, by name."""
        rows = self._db.execute(f"{_SESSIONS} WHERE ends_at > ? ORDER BY who, ends_at", (now,)).fetchall()
        return [self._to_session(*row) for row in rows]

    def _to_session(self, number: str, who: str, role: str, ends_at: float, *more: Any) -> Session:
        user, said, origin, proof = more
        groups = self._groups(user) | frozenset(filter(None, said.split("\n")))
        return Session(number, who, role, ends_at, groups, origin, proof)

    def end_session(self, secret: str) -> None:
        with self._changing() as db:
            db.execute("DELETE FROM session WHERE secret = ?", (hash_of(secret),))

    def end_session_of(self, number: str) -> None:
        """End the one that sessions() names so."""
        with self._changing() as db:
            if not db.execute(f"DELETE FROM session WHERE {_ID} = ?", (number.lower(),)).rowcount:
                raise AccessError(f"There is no session {number}: voxy session list shows those there are.")

    def end_sessions(self, who: str) -> int:
        """End all of somebody; how many they were."""
        with self._changing() as db:
            return db.execute("DELETE FROM session WHERE who = ?", (who,)).rowcount

    def spend(self, number: bytes, ends_at: float, now: float) -> bool:
        """Note that what is good once until `ends_at` was used; False where it had been."""
        with self._changing() as db:
            db.execute("DELETE FROM spent WHERE ends_at <= ?", (now,))
            return db.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (number, ends_at)).rowcount > 0

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
    groups: Iterable[str] = (),
    origin: str = "",
    proof: bytes | None = None,
) -> str:
    secret = secrets.token_urlsafe(32)
    db.execute("DELETE FROM session WHERE ends_at <= ?", (now,))
    db.execute("DELETE FROM invitation WHERE ends_at <= ?", (now,))
    row = (hash_of(secret), who, role, ends_at, user, invitation, "\n".join(sorted(groups)), origin, proof)
    db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute(_KEEP_NEWEST, (_PROVEN_MOST,))
    return secret


def _join(db: sqlite3.Connection, name: str, groups: Iterable[str]) -> None:
    for group in sorted(set(groups)):
        if not _NAME.fullmatch(group):
            raise AccessError(f"“{group}” is no name for a group: use letters, digits and .@+-_, 64 at most.")
        db.execute("INSERT INTO membership VALUES (?, ?)", (name, group))


def _one(count: int, name: str) -> None:
    if not count:
        raise AccessError(f"There is no user “{name}”: voxy user list shows those there are.")
