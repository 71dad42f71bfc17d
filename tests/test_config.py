import dataclasses
from pathlib import Path

import pytest

from voxy.config import Config, state_folder
from voxy.errors import ConfigError
from voxy.values import ByteLimit, Listen


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "voxy.toml"
    file.write_text('size = "800x600"\nmax-fps = 10\ncommand = "xeyes"\nauth = "none"\n')
    config = Config.load({"max_fps": "30"}, {"VOXY_MAX_FPS": "20", "VOXY_COMMAND": "xclock"}, file)
    assert (config.max_fps, config.command, config.size, config.auth) == (30.0, "xclock", "800x600", "none")
    assert config.listen == ("127.0.0.1", 8080)


def test_every_field_has_purpose_and_an_example_that_parses() -> None:
    for entry in dataclasses.fields(Config):
        assert entry.metadata["purpose"].endswith(".")
        entry.metadata["parse"](entry.metadata["example"])


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("localhost:0", "localhost", 0, True),
        ("desk.example:80", "desk.example", 80, False),
    ],
)
def test_listen_is_read(text: str, host: str, port: int, loopback: bool) -> None:
    listen = Listen.parse(text)
    assert (listen.host, listen.port, listen.is_loopback) == (host, port, loopback)
    assert str(listen) == text


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ("off", 0, "off"),
        ("0", 0, "off"),
        ("unlimited", 2**53 - 1, "unlimited"),
        ("16M", 16 << 20, "16M"),
        ("64k", 65536, "64K"),
        ("1000", 1000, "1000"),
        ("2048M", 2 << 30, "2G"),
    ],
)
def test_byte_limits_are_read(text: str, number: int, shown: str) -> None:
    limit = ByteLimit.parse(text)
    assert limit == number
    assert str(limit) == shown


@pytest.mark.parametrize("text", ["", "M", "1T", "1MM", "-1", "1.5M", "9007199254740992", "OFF"])
def test_byte_limits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="use off, unlimited or a number"):
        ByteLimit.parse(text)


@pytest.mark.parametrize("text", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:80", "a:65536"])
def test_listen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"use|put"):
        Listen.parse(text)


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "named"),
    [
        ({"listen": "nowhere"}, {}, "", "--listen"),
        ({}, {"VOXY_MAX_FPS": "fast"}, "", "VOXY_MAX_FPS"),
        ({}, {}, "speed = 3", "speed"),
        ({}, {}, "max-fps = 0", "max-fps"),
        ({}, {}, "max-fps = ", "TOML"),
        ({"size": "0x0"}, {}, "", "--size"),
        ({"auth": "password"}, {}, "", "--auth"),
        ({"auth": "none", "listen": "0.0.0.0:80"}, {}, "", "--insecure"),
        ({"clipboard_in": "much"}, {}, "", "--clipboard-in"),
        ({"host_name": "*"}, {}, "", "--host-name"),
        ({"trusted_proxy": "proxy.example"}, {}, "", "--trusted-proxy"),
        ({"tls": "on"}, {}, "", "--tls"),
        ({"tls_key": "d.key"}, {}, "", "--tls-cert"),
        ({"tls_cert": "d.pem", "tls": "self-signed"}, {}, "", "--tls"),
        ({}, {"VOXY_CLIPBOARD_OUT": "-1"}, "", "VOXY_CLIPBOARD_OUT"),
        ({}, {}, "clipboard-out = 1.5", "clipboard-out"),
        ({"insecure": "perhaps"}, {}, "", "--insecure"),
    ],
)
def test_mistakes_are_named_in_one_sentence(
    tmp_path: Path, flags: dict[str, str], environment: dict[str, str], toml: str, named: str
) -> None:
    file = tmp_path / "voxy.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        Config.load(flags, environment, file)
    sentence = str(caught.value)
    assert named in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml"):
        Config.load({}, {}, tmp_path / "nothing.toml")


def test_auth_none_is_allowed_on_loopback_or_with_insecure() -> None:
    assert Config.load({"auth": "none", "listen": "[::1]:80"}, {}, None).auth == "none"
    assert Config.load({"auth": "none", "listen": "0.0.0.0:80", "insecure": "true"}, {}, None).insecure


def test_own_files_are_where_the_system_wants_them(tmp_path: Path) -> None:
    assert state_folder("", {"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "voxy"
    assert state_folder("", {}) == Path.home() / ".local" / "state" / "voxy"
    assert state_folder("~/desks", {"XDG_STATE_HOME": str(tmp_path)}) == Path.home() / "desks"
