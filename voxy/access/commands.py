"""`voxy user`, `voxy invite`, `voxy session`: who may come in. A server that runs heeds changes within two seconds."""

import datetime
import os
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voxy.config import ACCESS_FILE, state_folder
from voxy.errors import AccessError
from voxy.values import ROLES

if TYPE_CHECKING:
    from voxy.access.store import Invitation, Store

_UNITS_S = {"m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 365 * 86400


def _state_dir(function: Any) -> Any:
    return click.option(
        "--state-dir",
        envvar="VOXY_STATE_DIR",
        help="Folder of users and sessions, the server's.  [default: ~/.local/state/voxy]",
    )(function)


def _store(folder: str | None) -> "Store":
    # Not sooner: servers that nobody signs in to by name do without.
    from voxy.access.store import Store

    return Store(state_folder(folder or "", os.environ) / ACCESS_FILE)


def _password_file(function: Any) -> Any:
    return click.option(
        "--password-file", type=click.Path(path_type=Path), help="Read the password from the first line of this file."
    )(function)


def _password(file: Path | None) -> str:
    """Never from the command line, which others can see."""
    if file is None:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(f"The password can't be read from {file}: {error}.") from None


def _hashed(file: Path | None) -> str:
    from voxy.access.passwords import Passwords

    return Passwords().hash(_password(file))


@click.group()
def user() -> None:
    """Who may sign in with a name and a password."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="controller", show_default=True, help="What the user may do.")
@click.option("--group", multiple=True, help="A group that the user belongs to; repeatable.")
@_password_file
@_state_dir
def add_user(name: str, role: str, group: tuple[str, ...], password_file: Path | None, state_dir: str | None) -> None:
    """Let somebody sign in; the password is asked for."""
    with _store(state_dir) as store:
        store.add_user(name, _hashed(password_file), role, group)


@user.command("passwd")
@click.argument("name")
@_password_file
@_state_dir
def change_password(name: str, password_file: Path | None, state_dir: str | None) -> None:
    """Change somebody's password, and end where the old one opened."""
    with _store(state_dir) as store:
        store.change_user(name, password=_hashed(password_file))


@user.command("role")
@click.argument("name")
@click.argument("new", type=click.Choice(ROLES))
@_state_dir
def change_role(name: str, new: str, state_dir: str | None) -> None:
    """Change what somebody may do."""
    with _store(state_dir) as store:
        store.change_user(name, role=new)


@user.command("groups")
@click.argument("name")
@click.argument("group", nargs=-1)
@_state_dir
def change_groups(name: str, group: tuple[str, ...], state_dir: str | None) -> None:
    """Have somebody belong to these groups, and to no others."""
    with _store(state_dir) as store:
        store.set_groups(name, group)


@user.command("remove")
@click.argument("name")
@_state_dir
def remove_user(name: str, state_dir: str | None) -> None:
    """Let somebody in no more."""
    with _store(state_dir) as store:
        store.remove_user(name)


@user.command("list")
@_state_dir
def list_users(state_dir: str | None) -> None:
    """Show who may sign in."""
    with _store(state_dir) as store:
        for each in store.users():
            click.echo(f"{each.name:24} {each.role:10} {' '.join(sorted(each.groups))}".rstrip())


@user.command("sign-out")
@click.argument("name")
@_state_dir
def sign_out(name: str, state_dir: str | None) -> None:
    """End where somebody has come in; he may come again."""
    with _store(state_dir) as store:
        click.echo(f"{store.end_sessions(name)} ended")


@click.group()
def session() -> None:
    """Who has come in, in which browser."""


@session.command("list")
@_state_dir
def list_sessions(state_dir: str | None) -> None:
    """Show the sessions that last; of those by the printed URL also ones whose token has changed since."""
    with _store(state_dir) as store:
        for each in store.sessions(time.time()):
            who, until = _printable(each.who) or "(by token)", _until(each.ends_at)
            click.echo(f"{each.id}  {who:24} {each.role:10}  until {until}  {each.origin}".rstrip())


@session.command("revoke")
@click.argument("number")
@_state_dir
def revoke_session(number: str, state_dir: str | None) -> None:
    """End one; its windows close."""
    with _store(state_dir) as store:
        store.end_session_of(number)


@click.group(invoke_without_command=True)
@click.option(
    "--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What whoever comes by it may do."
)
@click.option("--for", "lasting", default="2h", show_default=True, help="How long: 30m, 2h or 7d.")
@click.option("--times", type=click.IntRange(1), help="How often it can be used.  [default: as often as one likes]")
@click.option("--note", default="", help="Whom it is for; others see it.")
@click.option("--url", envvar="VOXY_URL", help="Where browsers find the desktop.  [default: this machine, port 8080]")
@_state_dir
@click.pass_context
def invite(context: click.Context, /, lasting: str, url: str | None, state_dir: str | None, **said: Any) -> None:
    """Print a link that lets somebody in for a while, and its QR code.

    The link is as good as a password: whoever has it comes in.
    """
    if context.invoked_subcommand:
        return
    seconds = _seconds(lasting)
    with _store(state_dir) as store:
        number, secret = store.invite(said["role"], time.time() + seconds, said["times"], said["note"])
    link = f"{(url or f'http://{socket.gethostname()}:8080/').rstrip('/')}/#invite={secret}"
    click.echo(link)
    _show_code(link)
    click.echo(f"Invitation {number}: {said['role']}, for {lasting}. To end it: voxy invite revoke {number}")


@invite.command("list")
@_state_dir
def list_invitations(state_dir: str | None) -> None:
    """Show the invitations that last."""
    with _store(state_dir) as store:
        for each in store.invitations(time.time()):
            click.echo(_line(each))


@invite.command()
@click.argument("number", type=int)
@_state_dir
def revoke(number: int, state_dir: str | None) -> None:
    """End an invitation; whoever came in by it is out."""
    with _store(state_dir) as store:
        store.revoke(number)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise AccessError(f"“{text}” is no time that an invitation can last: use 30m, 2h or 7d, a year at most.")
    return seconds


def _line(each: "Invitation") -> str:
    until = _until(each.ends_at)
    left = "" if each.times_left is None else f", {each.times_left} left"
    return f"{each.id:4}  {each.role:10}  until {until}  used {each.used}{left}  {_printable(each.note)}".rstrip()


def _printable(text: str) -> str:
    """A name that others chose, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _until(ends_at: float) -> str:
    return datetime.datetime.fromtimestamp(ends_at).strftime("%Y-%m-%d %H:%M")


def _show_code(link: str) -> None:
    import segno

    segno.make(link, error="m").terminal(compact=True)
