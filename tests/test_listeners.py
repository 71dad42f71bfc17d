"""Unix sockets come and go cleanly, and what systemd opened is used."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from voxy.config import Config
from voxy.errors import ConfigError
from voxy.listeners import activated, is_loopback, listening
from voxy.values import Peers, UnixListen


def test_unix_socket_is_for_user_and_group_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "voxy.sock"
    with listening(UnixListen(str(path))) as listener:
        assert path.is_socket()
        assert path.stat().st_mode & 0o777 == 0o660
        assert is_loopback(listener)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert list(tmp_path.iterdir()) == []


def test_socket_that_nobody_listens_on_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "voxy.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.is_socket()
    with listening(UnixListen(str(path))), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_socket_of_another_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "voxy.sock"
    with listening(UnixListen(str(path))):
        with pytest.raises(ConfigError, match="another program"), listening(UnixListen(str(path))):
            pass
        assert path.is_socket()


def test_what_took_the_place_of_the_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "voxy.sock"
    with listening(UnixListen(str(path))):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_file_that_is_no_socket_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "voxy.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="no socket"), listening(UnixListen(str(path))):
        pass
    assert path.read_text() == "precious"


def test_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--listen"), listening(UnixListen(str(tmp_path / "none" / "voxy.sock"))):
        pass


def test_sockets_of_another_process_are_not_taken() -> None:
    assert activated({}) == []
    assert activated({"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}) == []


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
from voxy.listeners import activated
os.environ["LISTEN_PID"] = str(os.getpid())
found = activated(os.environ)
print([listener.getsockname()[1] for listener in found], os.get_inheritable(3))
"""


def test_sockets_from_systemd_are_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = subprocess.run(
            [sys.executable, "-c", ACTIVATE, str(listener.fileno())],
            env={**os.environ, "LISTEN_FDS": "1"},
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.stdout == f"[{listener.getsockname()[1]}] False\n", done.stderr


@pytest.mark.parametrize("text", ["unix:", "unix:relative", "unix:/" + "x" * 100])
def test_unix_paths_that_can_not_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--listen"):
        Config.load({"listen": text}, {}, None)


@pytest.mark.parametrize(
    ("given", "path"), [("/desktops", "/desktops"), ("/a/b/", "/a/b"), ("/", ""), ("", ""), ("/~me/x.y", "/~me/x.y")]
)
def test_base_paths_are_read(given: str, path: str) -> None:
    assert Config.load({"base_path": given}, {}, None).base_path == path


@pytest.mark.parametrize("text", ["desktops", "//evil", "/a//b", "/a/../b", "/a?b", "/a b", "/%2e", "/\\evil", "/."])
def test_base_paths_that_lead_astray_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--base-path"):
        Config.load({"base_path": text}, {}, None)


def test_peers_are_read() -> None:
    peers = Peers.parse("10.1.0.0/16, ::1 unix")
    assert "10.1.2.3" in peers
    assert "::ffff:10.1.2.3" in peers
    assert "::1" in peers
    assert "" in peers
    assert "10.2.0.1" not in peers
    assert "desk.example" not in peers
    assert "" not in Peers.parse("::1")
    with pytest.raises(ValueError, match="networks"):
        Peers.parse("desk.example")
