"""The commands that say who may come in."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from voxy.access.passwords import Passwords
from voxy.access.store import Store
from voxy.cli import cli
from voxy.errors import AccessError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def run(folder: Path, *arguments: str, said: str | None = None) -> Result:
    result = CliRunner().invoke(cli, [*arguments, "--state-dir", str(folder)], input=said)
    if isinstance(result.exception, AccessError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_users_come_and_go(folder: Path, tmp_path: Path) -> None:
    run(folder, "user", "add", "alice", "--role", "owner", said="correct horse\ncorrect horse\n")
    with Store(folder / "access.sqlite") as store:
        kept, role = store.password_of("alice") or ("", "")
        assert role == "owner"
        assert Passwords().matches(kept, "correct horse")
        (tmp_path / "password").write_text("battery staple\nand more\n")
        run(folder, "user", "passwd", "alice", "--password-file", str(tmp_path / "password"))
        assert Passwords().matches((store.password_of("alice") or ("",))[0], "battery staple")
    run(folder, "user", "role", "alice", "viewer")
    assert run(folder, "user", "list").output.split() == ["alice", "viewer"]
    run(folder, "user", "groups", "alice", "staff", "night+shift")
    assert run(folder, "user", "list").output.split() == ["alice", "viewer", "night+shift", "staff"]
    run(folder, "user", "groups", "alice")
    assert run(folder, "user", "list").output.split() == ["alice", "viewer"]
    assert run(folder, "user", "sign-out", "alice").output == "0 ended\n"
    run(folder, "user", "remove", "alice")
    assert run(folder, "user", "list").output == ""
    with pytest.raises(AccessError, match="no user “alice”"):
        run(folder, "user", "remove", "alice")


def test_a_user_whose_group_can_not_be_is_not_added(folder: Path) -> None:
    with pytest.raises(AccessError, match="“a b” is no name for a group"):
        run(folder, "user", "add", "alice", "--group", "staff", "--group", "a b", said="correct horse\n" * 2)
    assert run(folder, "user", "list").output == ""
    run(folder, "user", "add", "alice", "--group", "staff", said="correct horse\n" * 2)
    assert run(folder, "user", "list").output.split() == ["alice", "controller", "staff"]


def test_a_password_is_never_shown_or_taken_from_the_command(folder: Path) -> None:
    result = run(folder, "user", "add", "alice", said="correct horse\ncorrect horse\n")
    assert "horse" not in result.output
    assert CliRunner().invoke(cli, ["user", "add", "bob", "--password", "x"]).exit_code != 0


def test_an_invitation_is_a_link_and_a_code(folder: Path) -> None:
    said = ["invite", "--for", "30m", "--times", "2", "--note", "Ben", "--url", "https://desk.example/a/"]
    lines = run(folder, *said).output.splitlines()
    link, _, secret = lines[0].partition("#invite=")
    assert link == "https://desk.example/a/"
    assert sum("█" in line for line in lines) > 10
    with Store(folder / "access.sqlite") as store:
        assert store.accept(secret, time.time())
        assert store.accept(secret, time.time() + 1801) is None
    listed = run(folder, "invite", "list").output
    assert "viewer" in listed
    assert listed.rstrip().endswith("used 1, 1 left  Ben")
    run(folder, "invite", "revoke", "1")
    assert run(folder, "invite", "list").output == ""


def test_sessions_are_listed_and_revoked(folder: Path) -> None:
    with Store(folder / "access.sqlite") as store:
        secret = store.open_session("Ben\x1b[2J\n 1.1", "viewer", time.time())
        store.open_session("", "owner", time.time(), origin="https://portal.example", proof=b"proof")
    by_token, ben = run(folder, "session", "list").output.splitlines()
    assert by_token.split()[1:4] == ["(by", "token)", "owner"]
    assert by_token.endswith("https://portal.example")
    assert "  Ben�[2J� 1.1 " in ben
    run(folder, "session", "revoke", ben.split()[0])
    assert run(folder, "session", "list").output.splitlines() == [by_token]
    with Store(folder / "access.sqlite") as store:
        assert store.session(secret, time.time()) is None
    with pytest.raises(AccessError, match="no session feed"):
        run(folder, "session", "revoke", "feed")


@pytest.mark.parametrize("lasting", ["", "2", "0h", "h", "-1h", "366d", "2 h", "2w"])
def test_what_is_no_time_is_said(folder: Path, lasting: str) -> None:
    with pytest.raises(AccessError, match="use 30m, 2h or 7d"):
        run(folder, "invite", "--for", lasting)
