"""The command line, and the one place where the parts are put together."""

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from voxy import __version__
from voxy.access.commands import invite, session, user
from voxy.config import Config
from voxy.errors import ConfigError, VoxyError
from voxy.values import Peers
from voxy.vm.travel import commands


def main() -> None:
    """Run `voxy`; an error for people is one sentence on standard error and exit status 2."""
    try:
        status = cli.main(standalone_mode=False, prog_name="voxy")
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        _fail(f"{_sentence(error.format_message())} See {context.command_path if context else 'voxy serve'} --help.")
    except VoxyError as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    else:
        sys.exit(status if isinstance(status, int) else 0)


def _fail(sentence: str) -> None:
    click.echo(f"voxy: {sentence}", err=True)
    sys.exit(2)


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="voxy", message="%(prog)s %(version)s")
def cli() -> None:
    """A desktop in any web browser, with nothing installed there."""


_config_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    envvar="VOXY_CONFIG",
    help="Read options from this TOML file.  Example: --config voxy.toml",
)


@cli.command(context_settings={"max_content_width": 110})
@_config_option
def serve(file: Path | None, **flags: Any) -> None:
    """Serve a desktop and print the URL that opens it.

    Each option can also be a variable (VOXY_MAX_FPS=30) or a key of the file (max-fps = 30).
    """
    config = _config(file or _default_file(), flags)
    from voxy.serve import serve

    asyncio.run(serve(config))


@cli.command(context_settings={"max_content_width": 110})
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def doctor(file: Path | None, as_json: bool, **flags: Any) -> int:
    """Say what is missing or unsafe, and the remedy; the options are those of voxy serve.

    The exit status is 1 with a fault, else 0.
    """
    from voxy.doctor import Finding, Host, examine

    file = file or _default_file()
    try:
        findings = examine(_config(file, flags), Host(), file)
    except ConfigError as error:
        findings = [Finding("fault", "configuration", str(error).rstrip("."), "voxy serve --help has the options")]
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(map(str, findings)) or "Nothing is missing or unsafe.")
    return int(any(finding.level == "fault" for finding in findings))


def _config(file: Path | None, flags: dict[str, Any]) -> Config:
    said = {name: _said(value) for name, value in flags.items() if value not in (None, ())}
    return Config.load(said, os.environ, file)


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if value is True else str(value)


def _default_file() -> Path | None:
    """The user's own file, where there is one."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    file = Path(folder) / "voxy" / "voxy.toml"
    return file if file.is_file() else None


def _add_options(command: click.Command) -> None:
    """Make a flag of each field of Config."""
    for entry in dataclasses.fields(Config):
        flag = f"--{entry.name.replace('_', '-')}"
        is_switch = isinstance(entry.default, bool)
        example = flag if is_switch else f"{flag} {_quoted(entry.metadata['example'])}"
        default = "" if is_switch or entry.default in ("", (), None, Peers()) else f"  [default: {entry.default}]"
        shown: dict[str, Any] = {"is_flag": True, "default": None} if is_switch else {"metavar": entry.name.upper()}
        shown |= {"multiple": True} if entry.metadata["merge"] else {}
        click.option(flag, entry.name, help=f"{entry.metadata['purpose']}{default}  Example: {example}", **shown)(
            command
        )


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text else text


_add_options(serve)
_add_options(doctor)
cli.add_command(user)
cli.add_command(invite)
cli.add_command(session)
cli.add_command(commands)
