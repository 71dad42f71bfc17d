"""What a viewer may do: the one gate, by the type of message."""

from enum import Flag, auto

from voxy.session import wire
from voxy.session.events import Pointer


class Permission(Flag):
    """One bit for each thing that a viewer may be allowed."""

    VIEW = auto()
    POINTER = auto()
    KEYBOARD = auto()


VIEWER = Permission.VIEW
CONTROLLER = Permission.VIEW | Permission.POINTER | Permission.KEYBOARD

_NEEDED: dict[type, Permission] = {
    wire.Hello: Permission.VIEW,
    wire.Ack: Permission.VIEW,
    wire.View: Permission.VIEW,
    wire.Statistics: Permission.VIEW,
    wire.Ping: Permission.VIEW,
    wire.Release: Permission.VIEW,
    wire.Key: Permission.KEYBOARD,
    wire.Wheel: Permission.POINTER,
    Pointer: Permission.POINTER,
}


def allows(permissions: Permission, message: wire.FromViewer) -> bool:
    """Whether a viewer with `permissions` may send `message`; a type without a rule is a KeyError."""
    return _NEEDED[type(message)] in permissions
