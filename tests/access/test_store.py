"""What is kept of users, sessions and invitations, by whoever changes it and however that ends."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from voxy.access.passwords import Passwords
from voxy.access.store import SESSION_S, Invitation, Store, User
from voxy.errors import AccessError

NOW = 1_800_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "access.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    with Store(file) as store:
        yield store


def test_nobody_else_may_read_it(store: Store, file: Path) -> None:
    store.add_user("alice", "hash", "owner")
    for path in file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


class TestUsers:
    def test_come_and_go(self, store: Store) -> None:
        store.add_user("bob", "hash of bob", "viewer")
        store.add_user("alice@example.org", "hash", "owner")
        assert store.users() == [User("alice@example.org", "owner"), User("bob", "viewer")]
        assert store.password_of("bob") == ("hash of bob", "viewer")
        store.change_user("bob", role="controller")
        assert store.password_of("bob") == ("hash of bob", "controller")
        store.remove_user("bob")
        assert store.password_of("bob") is None

    @pytest.mark.parametrize("name", ["", " alice", "a b", "a\nb", "../a", "-a", "a" * 65, "<b>"])
    def test_what_is_no_name_is_refused(self, store: Store, name: str) -> None:
        with pytest.raises(AccessError, match="is no name"):
            store.add_user(name, "hash", "viewer")

    def test_errors_say_what_to_do(self, store: Store) -> None:
        store.add_user("alice", "hash", "owner")
        with pytest.raises(AccessError, match="already: use voxy user passwd"):
            store.add_user("alice", "hash", "owner")
        for call in (store.remove_user, store.change_user):
            with pytest.raises(AccessError, match="no user “nobody”"):
                call("nobody")

    @pytest.mark.parametrize("change", ["password", "role", "removal"])
    def test_what_changes_ends_the_sessions(self, store: Store, change: str) -> None:
        store.add_user("alice", "hash", "owner")
        secret = store.open_session("alice", "owner", NOW, user="alice")
        assert (session := store.session(secret, NOW))
        assert (session.who, session.role) == ("alice", "owner")
        match change:
            case "password":
                store.change_user("alice", password="other")
            case "role":
                store.change_user("alice", role="viewer")
            case _:
                store.remove_user("alice")
        assert store.session(secret, NOW) is None


class TestSessions:
    def test_end_by_themselves_or_sooner(self, store: Store) -> None:
        first, second = (store.open_session("somebody", "viewer", NOW) for _ in range(2))
        assert store.session(first, NOW + SESSION_S - 1)
        assert store.session(first, NOW + SESSION_S) is None
        store.end_session(first)
        assert store.session(first, NOW) is None
        assert store.session(second, NOW)
        assert store.end_sessions("somebody") == 1
        assert store.session(second, NOW) is None
        assert store.session("", NOW) is None

    def test_are_listed_and_ended_by_number(self, store: Store) -> None:
        store.add_user("alice", "hash", "owner", ["staff"])
        first = store.open_session("alice", "owner", NOW, user="alice", groups=["of elsewhere"])
        second = store.open_session("", "viewer", NOW, lasts_s=60, origin="https://portal.example", proof=b"proof")
        listed = store.sessions(NOW)
        assert [(each.who, each.role, each.origin) for each in listed] == [
            ("", "viewer", "https://portal.example"),
            ("alice", "owner", ""),
        ]
        assert listed[1].groups == {"staff", "of elsewhere"}
        assert listed == [store.session(second, NOW), store.session(first, NOW)]
        assert [each.who for each in store.sessions(NOW + 60)] == ["alice"]
        store.end_session_of(listed[1].id)
        assert store.sessions(NOW) == listed[:1]
        for number in (listed[1].id, "", "%", listed[0].id[:4]):
            with pytest.raises(AccessError, match="voxy session list"):
                store.end_session_of(number)

    def test_of_those_by_tokens_the_newest_are_kept(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("voxy.access.store._PROVEN_MOST", 3)
        alice = store.open_session("alice", "owner", NOW)
        secrets = [store.open_session("", "owner", NOW + n, proof=b"proof") for n in range(5)]
        assert [bool(store.session(secret, NOW)) for secret in secrets] == [False, False, True, True, True]
        assert store.session(alice, NOW)

    def test_secrets_are_not_kept(self, store: Store, file: Path) -> None:
        secret = store.open_session("somebody", "viewer", NOW)
        _, invitation = store.invite("viewer", NOW + 60)
        kept = b"".join(path.read_bytes() for path in file.parent.iterdir())
        assert secret.encode() not in kept
        assert invitation.encode() not in kept

    def test_others_changes_are_noticed(self, store: Store, file: Path) -> None:
        before = store.version
        assert store.version == before
        with Store(file) as other:
            secret = other.open_session("somebody", "viewer", NOW)
        assert store.version != before
        assert store.session(secret, NOW)


class TestInvitations:
    def test_let_in_for_as_long_and_as_often_as_they_say(self, store: Store) -> None:
        number, secret = store.invite("viewer", NOW + 60, times=2, note="Ben")
        sessions = [store.accept(secret, NOW) for _ in range(3)]
        assert sessions[2] is None
        assert [(one.who, one.role) for one in store.sessions(NOW)] == [("Ben 1.1", "viewer"), ("Ben 1.2", "viewer")]
        assert store.session(sessions[0] or "", NOW + 60) is None
        assert store.invitations(NOW) == [Invitation(number, "viewer", "Ben", NOW + 60, 0, 2)]
        assert store.invitations(NOW + 60) == []
        assert store.accept(store.invite("viewer", NOW)[1], NOW) is None
        assert store.accept("wrong", NOW) is None

    def test_are_revoked_with_all_that_came_by_them(self, store: Store) -> None:
        number, secret = store.invite("controller", NOW + 60)
        session = store.accept(secret, NOW) or ""
        store.revoke(number)
        assert store.session(session, NOW) is None
        assert store.accept(secret, NOW) is None
        with pytest.raises(AccessError, match="voxy invite list"):
            store.revoke(number)

    def test_one_of_a_hundred_at_once_gets_the_only_place(self, file: Path) -> None:
        with Store(file) as store:
            _, secret = store.invite("viewer", NOW + 60, times=1)
        got: list[str | None] = []

        def accept() -> None:
            with Store(file) as mine:
                got.extend(mine.accept(secret, NOW) for _ in range(10))

        threads = [threading.Thread(target=accept) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 100
        assert sum(each is not None for each in got) == 1


def test_what_was_said_to_be_kept_is_there_after_a_kill(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from voxy.access.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(10**6): store.add_user(f'user{n}', 'hash', 'viewer'); print(n, flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    last = [int(process.stdout.readline()) for _ in range(50)][-1]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Store(file) as store:
        assert len(store.users()) > last


def test_a_file_that_is_none_or_newer_is_said(tmp_path: Path) -> None:
    broken, newer = tmp_path / "broken", tmp_path / "newer"
    broken.write_bytes(b"this is no database at all, and long enough to be one" * 20)
    with pytest.raises(AccessError, match="can't be"):
        Store(broken)
    Store(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(AccessError, match="newer VoXY"):
        Store(newer)


def test_passwords() -> None:
    passwords = Passwords()
    kept = passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, "correct horse")
    assert not passwords.matches(kept, "correct horsf")
    assert not passwords.matches(None, "correct horse")
    assert not passwords.matches(None, "nobody has this one")
    assert not passwords.matches("nonsense", "correct horse")
    for wrong in ("", "1234567", "x" * 1025):
        with pytest.raises(AccessError, match="8 to 1024"):
            passwords.hash(wrong)
