"""What Jupyter is told leads to a VoXY that starts."""

import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from voxy.cli import cli
from voxy.config import Config
from voxy.values import Peers, UnixListen


def test_jupyter_finds_a_command_that_voxy_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = entry_points(group="jupyter_serverproxy_servers", name="voxy")
    told = found.load()()
    assert told["unix_socket"] is True
    program, *options = [part.replace("{unix_socket}", "/run/jupyter/socket") for part in told["command"]]
    assert program == sys.executable
    configured: list[Config] = []

    async def serve(config: Config) -> None:
        configured.append(config)

    monkeypatch.setattr("voxy.serve.serve", serve)
    done = CliRunner().invoke(cli, options[options.index("serve") :])
    assert done.exit_code == 0, done.output
    assert configured[0].listen == UnixListen("/run/jupyter/socket")
    assert configured[0].trusted_proxy == Peers(has_unix=True)
