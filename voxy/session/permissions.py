"""What a viewer may do: the one gate, by the type of message."""

import functools
from collections.abc import Iterable
from enum import Flag, auto
from typing import NamedTuple

from voxy.session import wire
from voxy.session.events import Motion, Pointer


class Permission(Flag):
    """One bit for each thing that a viewer may be allowed."""

    VIEW = auto()
    POINTER = auto()
    KEYBOARD = auto()
    CLIPBOARD_IN = auto()
    """Have the desktop paste what is copied in the browser."""
    CLIPBOARD_OUT = auto()
    """Get what is copied on the desktop."""
    RESIZE = auto()
    """Have the desktop take the size of the window."""

    CONTROL = auto()
    """Ask for control, hold it alone for a while, and give it to others."""
    TAKE_CONTROL = auto()
    """Take control from whoever holds it."""
    STATUS = auto()
    """See how the desktop and all its viewers fare."""


INPUT = Permission.POINTER | Permission.KEYBOARD
VIEWER = Permission.VIEW
CLIPBOARD = Permission.CLIPBOARD_IN | Permission.CLIPBOARD_OUT
CONTROLLER = Permission.VIEW | INPUT | CLIPBOARD | Permission.RESIZE | Permission.CONTROL
OWNER = ~Permission(0)
ROLES = {"none": Permission(0), "viewer": VIEWER, "controller": CONTROLLER, "owner": OWNER}
"""Presets by the names that people use; with none one may do what the rules allow."""


class Person(NamedTuple):
    """Who looks, by the name that others see; it is empty for whoever came by the token."""

    name: str
    permissions: Permission
    groups: frozenset[str] = frozenset()


ANYBODY = Person("", OWNER)

_NEEDED: dict[type, Permission] = {
    wire.Hello: Permission.VIEW,
    wire.Ack: Permission.VIEW,
    wire.View: Permission.VIEW,
    wire.Quality: Permission.VIEW,
    wire.Statistics: Permission.VIEW,
    wire.Ping: Permission.VIEW,
    wire.Release: Permission.VIEW,
    wire.Key: Permission.KEYBOARD,
    wire.Text: Permission.KEYBOARD,
    wire.Wheel: Permission.POINTER,
    Motion: Permission.POINTER,
    Pointer: Permission.POINTER,
    wire.Window: Permission.RESIZE,
    wire.Clip: Permission.CLIPBOARD_IN,
    wire.ClipChunk: Permission.CLIPBOARD_IN,
    wire.ClipAck: Permission.CLIPBOARD_OUT,
    wire.AskControl: Permission.CONTROL,
    wire.GiveControl: Permission.CONTROL,
    wire.LeaveControl: Permission.CONTROL,
    wire.TakeControl: Permission.TAKE_CONTROL,
}


def allows(permissions: Permission, message: wire.FromViewer) -> bool:
    """Whether a viewer with `permissions` may send `message`; a type without a rule is a KeyError."""
    return _NEEDED[type(message)] in permissions


def permissions_named(names: Iterable[str]) -> Permission:
    """What bits and roles of these names make together; ValueError for a name that is neither."""
    known = {bit.name.lower(): bit for bit in Permission if bit.name} | ROLES
    permissions = Permission(0)
    for name in names:
        if name not in known:
            raise ValueError(f"“{name}” is no permission, use {', '.join([*ROLES, *names_of(OWNER)])}")
        permissions |= known[name]
    return permissions


@functools.cache
def names_of(permissions: Permission) -> list[str]:
    """The bits by name, such as `clipboard_in`, in their order; not to be changed."""
    return [bit.name.lower() for bit in permissions if bit.name]
