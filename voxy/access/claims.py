"""Claims: who somebody is, where somebody else vouches for it: a proxy, a portal, an identity provider."""

from collections.abc import Iterable
from typing import NamedTuple

from voxy.errors import AuthError
from voxy.session.permissions import ROLES

_NAME_MOST, _GROUPS_MOST = 128, 256
"""Characters of a name, and groups, that are believed."""

ROLE = "controller"
"""What somebody may do of whom nothing is said."""


class Claims(NamedTuple):
    """By which name others see somebody, what he may do but for the rules, and where he belongs."""

    name: str
    role: str = ROLE
    groups: frozenset[str] = frozenset()


def read_claims(name: object, role: object = ROLE, groups: object = ()) -> Claims:
    """What is said of somebody, in whatever form; AuthError 401 for what nobody is called.

    Groups are a list, or names with commas or spaces between them.
    """
    if not isinstance(name, str) or not is_name(name):
        raise AuthError("Who vouches for you gives no name that can be shown: have its settings checked.", 401)
    if not isinstance(role, str) or role not in ROLES:
        raise AuthError(f"Who vouches for you says that you are something other than {', '.join(ROLES)}.", 401)
    named = groups.replace(",", " ").split() if isinstance(groups, str) else groups
    if not isinstance(named, Iterable):
        raise AuthError("Who vouches for you doesn't say the groups as a list of names.", 401)
    believed = [group for group in named if isinstance(group, str) and is_name(group)]
    return Claims(name, role, frozenset(believed[:_GROUPS_MOST]))


def is_name(text: str) -> bool:
    """Whether that can be shown and written down as a name."""
    return text == text.strip() and 0 < len(text) <= _NAME_MOST and text.isprintable()
