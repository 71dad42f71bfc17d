"""Rules: what the configuration lets people do beside, or instead of, what they came in with."""

import logging
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from voxy.errors import ConfigError
from voxy.session.permissions import Permission, Person, permissions_named

logger = logging.getLogger(__name__)

_NONE = Permission(0)


class Rule(NamedTuple):
    """What is said of somebody; `deny` is final, whatever else allows it."""

    allow: Permission = _NONE
    disallow: Permission = _NONE
    deny: Permission = _NONE


class Rules(NamedTuple):
    """What is said of all, of groups and of persons by name.

    What is said of a person goes before what is said of the groups, and that before what is said of all; of the same,
    what is said for one desktop before what is said for all of them, and `disallow` before `allow`.
    """

    default: Rule = Rule()
    groups: Mapping[str, Rule] = {}
    persons: Mapping[str, Rule] = {}
    for_desktop: "Rules | None" = None
    """What is said for this desktop alone."""

    def permissions_of(self, person: Person) -> Permission:
        """All that `person`, who came in with some permissions, may do."""
        permissions, denied = person.permissions, _NONE
        for rules in self._levels(person):
            allowed = disallowed = _NONE
            for rule in rules:
                allowed |= rule.allow
                disallowed |= rule.disallow
                denied |= rule.deny
            permissions = (permissions | allowed) & ~disallowed
        return permissions & ~denied

    def _levels(self, person: Person) -> Iterator[list[Rule]]:
        both = [self, self.for_desktop] if self.for_desktop else [self]
        for rules in both:
            yield [rules.default]
        for rules in both:
            yield [rules.groups[group] for group in person.groups if group in rules.groups]
        for rules in both:
            # Whoever came by the token has no name, and nobody is called nothing.
            yield [rules.persons[person.name]] if person.name and person.name in rules.persons else []


class RulesFile:
    """The rules for a desktop in a TOML file, read anew when it changes; without a file there are none.

    ConfigError for a mistake at the start; later one is logged, and the rules before it stay.
    """

    def __init__(self, file: Path | None = None, desktop: str = "") -> None:
        self._file, self._desktop = file, desktop
        self._stamp = self._stat()
        self._rules = _read(file, desktop) if file else Rules()
        self.version = 0
        """Another one after each change."""

    @property
    def rules(self) -> Rules:
        self.refresh()
        return self._rules

    def refresh(self) -> int:
        """Read the file if it has changed; the version of what there is now."""
        if self._file and (stamp := self._stat()) != self._stamp:
            self._stamp = stamp
            try:
                self._rules = _read(self._file, self._desktop)
            except ConfigError as error:
                logger.warning("! %s The rules before it stay.", error)
            else:
                self.version += 1
        return self.version

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._file.stat() if self._file else None
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()


class _SaidRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: tuple[str, ...] = ()
    disallow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class _SaidForOne(msgspec.Struct, forbid_unknown_fields=True):
    default: _SaidRule = _SaidRule()
    groups: dict[str, _SaidRule] = {}
    persons: dict[str, _SaidRule] = {}


class _Said(_SaidForOne, forbid_unknown_fields=True):
    desktops: dict[str, _SaidForOne] = {}


def _read(file: Path, desktop: str) -> Rules:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        if "rules" not in tables:
            raise ConfigError(f"The rules can't be read from {file}: it has no table [rules].")
        said = msgspec.convert(tables["rules"], _Said)
        # All of them, so that a mistake is named by whichever of the servers that share the file starts first.
        desktops = {name: _rules(tables, f"desktops.{name}.") for name, tables in said.desktops.items()}
        return _rules(said)._replace(for_desktop=desktops.get(desktop))
    except OSError as error:
        raise ConfigError(f"The rules can't be read from {file}: {error.strerror}.") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(f"The rules can't be read from {file}: {' '.join(str(error).split())}.") from None


def _rules(said: _SaidForOne, where: str = "") -> Rules:
    return Rules(
        _rule(said.default, f"{where}default"),
        {name: _rule(rule, f"{where}groups.{name}") for name, rule in said.groups.items()},
        {name: _rule(rule, f"{where}persons.{name}") for name, rule in said.persons.items()},
    )


def _rule(said: _SaidRule, where: str) -> Rule:
    try:
        return Rule(*(permissions_named(names) for names in (said.allow, said.disallow, said.deny)))
    except ValueError as error:
        raise ValueError(f"in [rules.{where}] {error}") from None
