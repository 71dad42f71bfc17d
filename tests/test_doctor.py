"""What is missing or unsafe is said in a line each, with the remedy, and nothing else is."""

import dataclasses
import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from voxy.cli import cli
from voxy.config import Config
from voxy.doctor import Finding, Host, examine
from voxy.tls import self_signed

WELL = Host(
    python=(3, 11, 2),
    has_module=lambda name: True,
    which=lambda name: f"/usr/bin/{name}",
    has_font=lambda language: True,
    has_display=lambda number: True,
    is_root=False,
)
NOW = datetime.datetime.now(datetime.UTC).timestamp()


def lacking(*names: str) -> dict[str, Any]:
    return {"which": lambda name: None if name in names else name}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "voxy"


def found(config: Config | None = None, file: Path | None = None, **host: Any) -> list[tuple[str, str]]:
    """The level and the check of each finding; each is one line for people."""
    findings = examine(config or Config(), dataclasses.replace(WELL, **host), file)
    for finding in findings:
        assert str(finding).count("\n") == 0
        assert str(finding).endswith(".")
        assert finding.says[0].isupper() or finding.says.startswith("--")
    return [(finding.level, finding.check) for finding in findings]


def test_of_what_is_well_nothing_is_said() -> None:
    assert found() == []
    for config in (
        Config(display=":1"),
        Config(vm="desk"),
        Config.load({"listen": "0.0.0.0:80", "tls": "self-signed"}, {}, None),
        Config.load({"listen": "0.0.0.0:80", "trusted_proxy": "10.0.0.1"}, {}, None),
        Config.load({"embed_origin": "https://portal.example,http://localhost:3000"}, {}, None),
        Config.load({"listen": "unix:/run/voxy.sock", "host_name": "*"}, {}, None),
    ):
        assert found(config) == []


@pytest.mark.parametrize(
    ("host", "finding"),
    [
        ({"python": (3, 10, 4)}, ("fault", "python")),
        ({"has_module": lambda name: name != "av"}, ("advice", "packages")),
        (lacking("Xvnc"), ("advice", "display")),
        (lacking("Xvnc", "Xvfb"), ("fault", "display")),
        (lacking("openbox"), ("advice", "display")),
        (lacking("xterm"), ("fault", "display")),
        ({"has_font": lambda language: False}, ("fault", "fonts")),
        ({"has_font": lambda language: language == "en"}, ("advice", "fonts")),
        ({"is_root": True}, ("advice", "user")),
        ({"now": 0.0}, ("fault", "clock")),
    ],
)
def test_what_the_machine_lacks(host: dict[str, Any], finding: tuple[str, str]) -> None:
    assert found(**host) == [finding]


@pytest.mark.parametrize(
    ("said", "host", "finding"),
    [
        ({"display": ":7"}, {"has_display": lambda number: number != "7"}, ("fault", "display")),
        ({"display": ":7.1"}, {"has_display": lambda number: number != "7"}, ("fault", "display")),
        ({"vm": "desk"}, {"has_module": lambda name: name == "av"}, ("fault", "packages")),
        ({"vm": "desk"}, lacking("qemu-img"), ("fault", "qemu")),
        ({"command": "'"}, {}, ("fault", "display")),
        ({"listen": "0.0.0.0:80"}, {}, ("fault", "listen")),
        ({"metrics_listen": "0.0.0.0:80"}, {}, ("advice", "listen")),
        ({"host_name": "*", "insecure": "true"}, {}, ("fault", "host-name")),
        ({"trusted_proxy": "0.0.0.0/0"}, {}, ("fault", "proxy")),
        ({"trusted_proxy": "10.0.0.1,::/0"}, {}, ("fault", "proxy")),
        ({"embed_origin": "http://portal.example"}, {}, ("fault", "embed-origin")),
        ({"token_file": "/nowhere/token"}, {}, ("fault", "files")),
        ({"rules": "/nowhere/rules.toml"}, {}, ("fault", "rules")),
        ({"audit": "/nowhere/audit.jsonl"}, {}, ("fault", "audit")),
    ],
)
def test_what_the_configuration_asks_for(said: dict[str, str], host: dict[str, Any], finding: tuple[str, str]) -> None:
    assert found(Config.load(said, {}, None), **host) == [finding]


def test_everybody_at_an_open_address_is_two_faults() -> None:
    config = Config.load({"auth": "none", "insecure": "true", "listen": "0.0.0.0:80"}, {}, None)
    assert found(config) == [("fault", "listen"), ("fault", "listen")]


@pytest.mark.parametrize("option", ["token_file", "vnc_password_file", "audit"])
def test_secrets_that_others_may_read(tmp_path: Path, option: str) -> None:
    file = tmp_path / "a secret"
    file.write_text("secret")
    for mode, findings in ((0o600, []), (0o640, [("fault", "files")]), (0o604, [("fault", "files")])):
        file.chmod(mode)
        assert found(Config(**{option: str(file)})) == findings
    (finding,) = examine(Config(**{option: str(file)}), WELL)
    assert finding.remedy == f"chmod 600 '{file}'"


def test_a_state_that_others_may_read(state: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o700)
    file = state / "access.sqlite"
    file.touch(0o600)
    assert found() == []
    state.chmod(0o755)
    file.chmod(0o644)
    assert found() == [("fault", "state"), ("fault", "state")]


def test_a_state_that_can_not_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert found() == [("advice", "state")]


def test_what_others_may_write_says_who_may_do_what(tmp_path: Path) -> None:
    file = tmp_path / "voxy.toml"
    file.write_text("[rules.default]\ndeny = ['resize']\n")
    file.chmod(0o644)
    config = Config.load({}, {}, file)
    assert found(config, file) == []
    file.chmod(0o664)
    assert found(config, file) == [("fault", "rules"), ("fault", "configuration")]
    file.chmod(0o600)
    file.write_text("[rules.default]\ndeny = ['resise']\n")
    assert found(config, file) == [("fault", "rules")]


def test_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    self_signed(tmp_path, frozenset())
    config = Config(tls_cert=str(tmp_path / "self-signed.pem"), tls_key=str(tmp_path / "self-signed.key"))
    assert found(config) == []
    for days, word in ((800, "ends on"), (900, "has ended on")):
        (finding,) = examine(config, dataclasses.replace(WELL, now=NOW + days * 86400))
        assert (finding.level, finding.check) == ("fault", "certificate")
        assert word in finding.says
    (tmp_path / "self-signed.pem").write_text("nothing")
    assert found(config) == [("fault", "certificate")]


def test_faults_come_first() -> None:
    config = Config.load({"trusted_proxy": "0.0.0.0/0"}, {}, None)
    assert found(config, is_root=True, **lacking("openbox")) == [
        ("fault", "proxy"),
        ("advice", "display"),
        ("advice", "user"),
    ]


def test_the_command_prints_lines_or_json_and_tells_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxy.doctor.Host", lambda: WELL)
    run = CliRunner().invoke
    well = run(cli, ["doctor"], standalone_mode=False)
    assert (well.output, well.return_value) == ("Nothing is missing or unsafe.\n", 0)
    ill = run(cli, ["doctor", "--trusted-proxy", "0.0.0.0/0"], standalone_mode=False)
    says = "--trusted-proxy 0.0.0.0/0 believes everybody's word who asks"
    assert ill.output == f"fault   proxy        {says}: name the proxy's address.\n"
    assert ill.return_value == 1
    asked = run(cli, ["doctor", "--trusted-proxy", "0.0.0.0/0", "--json"], standalone_mode=False)
    assert [Finding(**each).says for each in json.loads(asked.output)] == [says]
    assert asked.return_value == 1
    wrong = run(cli, ["doctor", "--max-fps", "fast"], standalone_mode=False)
    assert wrong.output.startswith("fault   configuration --max-fps can't be “fast”")
    assert wrong.return_value == 1
