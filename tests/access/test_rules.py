"""What the configuration allows, disallows and denies, and how that is read anew."""

import logging
import os
from pathlib import Path

import pytest

from voxy.access.rules import Rule, Rules, RulesFile
from voxy.config import Config
from voxy.errors import ConfigError
from voxy.session.permissions import CONTROLLER, OWNER, VIEWER, Permission, Person

KEYBOARD, RESIZE, STATUS = Permission.KEYBOARD, Permission.RESIZE, Permission.STATUS


def alice(role: Permission = CONTROLLER, *groups: str) -> Person:
    return Person("alice", role, frozenset(groups))


def test_without_rules_people_may_what_they_came_in_with() -> None:
    for role in (VIEWER, CONTROLLER, OWNER):
        assert Rules().permissions_of(alice(role, "staff")) == role


def test_a_name_goes_before_groups_and_groups_before_all() -> None:
    rules = Rules(Rule(disallow=KEYBOARD), {"staff": Rule(allow=KEYBOARD)}, {"alice": Rule(disallow=KEYBOARD)})
    assert KEYBOARD not in rules.permissions_of(Person("bob", CONTROLLER))
    assert KEYBOARD in rules.permissions_of(Person("bob", CONTROLLER, frozenset({"staff"})))
    assert KEYBOARD not in rules.permissions_of(alice(CONTROLLER, "staff"))


def test_of_the_same_disallow_goes_before_allow() -> None:
    rules = Rules(groups={"staff": Rule(allow=STATUS), "night": Rule(disallow=STATUS)})
    assert STATUS in rules.permissions_of(alice(VIEWER, "staff"))
    assert STATUS not in rules.permissions_of(alice(OWNER, "night", "staff"))
    assert KEYBOARD not in Rules(Rule(allow=KEYBOARD, disallow=KEYBOARD)).permissions_of(alice())


@pytest.mark.parametrize(
    "rules",
    [
        Rules(Rule(deny=RESIZE), {"staff": Rule(allow=OWNER)}, {"alice": Rule(allow=OWNER)}),
        Rules(Rule(allow=OWNER), {"staff": Rule(deny=RESIZE)}, {"alice": Rule(allow=OWNER)}),
        Rules(Rule(allow=OWNER), {"staff": Rule(allow=OWNER)}, {"alice": Rule(allow=OWNER, deny=RESIZE)}),
    ],
    ids=["all", "group", "name"],
)
def test_deny_is_final_of_whomever_it_is_said(rules: Rules) -> None:
    assert rules.permissions_of(alice(OWNER, "staff")) == OWNER & ~RESIZE


def test_whoever_has_no_name_is_in_no_table_of_persons() -> None:
    rules = Rules(persons={"": Rule(allow=OWNER)})
    assert rules.permissions_of(Person("", VIEWER)) == VIEWER


@pytest.mark.parametrize(
    ("of_all", "of_one", "may"),
    [
        (Rules(Rule(allow=STATUS)), Rules(Rule(disallow=STATUS)), False),
        (Rules(Rule(disallow=STATUS)), Rules(Rule(allow=STATUS)), True),
        (Rules(persons={"alice": Rule(allow=STATUS)}), Rules(Rule(disallow=STATUS)), True),
        (Rules(Rule(deny=STATUS)), Rules(persons={"alice": Rule(allow=STATUS)}), False),
        (Rules(persons={"alice": Rule(allow=STATUS)}), Rules(Rule(deny=STATUS)), False),
    ],
    ids=["one goes before all", "either way", "but a name before that", "deny of all is final", "deny of one too"],
)
def test_what_is_said_for_a_desktop_goes_before_what_is_said_for_all(of_all: Rules, of_one: Rules, may: bool) -> None:
    assert (STATUS in of_all._replace(for_desktop=of_one).permissions_of(alice(VIEWER))) is may


def test_servers_that_share_a_file_have_the_rules_of_their_own_desktops(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        f'{TABLES}[rules.desktops.lab.groups.staff]\ndeny = ["keyboard"]\n'
        '[rules.desktops.":1".default]\nallow = ["controller"]\n',
        encoding="utf-8",
    )
    somebody = Person("bob", VIEWER, frozenset({"staff"}))
    assert KEYBOARD not in RulesFile(file, "lab").rules.permissions_of(somebody)
    assert KEYBOARD in RulesFile(file, ":1").rules.permissions_of(somebody)
    guest = Person("", VIEWER)
    assert [KEYBOARD in RulesFile(file, name).rules.permissions_of(guest) for name in (":1", "lab", "other")] == [
        True,
        False,
        False,
    ]
    # Also by whoever shows another desktop.
    file.write_text('[rules.desktops.lab.default]\ndeny = ["keybord"]', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"in \[rules.desktops.lab.default\] “keybord” is no permission"):
        RulesFile(file, ":1")


TABLES = """
[rules.default]
disallow = ["resize"]
[rules.groups.staff]
allow = ["controller", "status"]
[rules.persons."alice@example.org"]
deny = ["clipboard_out"]
"""


def write(file: Path, text: str) -> None:
    """As most editors do it: a new file in its place."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)


def test_tables_of_the_configuration_are_read(tmp_path: Path) -> None:
    file = tmp_path / "voxy.toml"
    file.write_text(f"max-fps = 30\n{TABLES}", encoding="utf-8")
    config = Config.load({}, {}, file)
    assert (config.max_fps, config.rules) == (30.0, str(file))
    rules = RulesFile(Path(config.rules)).rules
    assert rules.default == Rule(disallow=RESIZE)
    assert rules.groups == {"staff": Rule(allow=CONTROLLER | STATUS)}
    assert rules.persons == {"alice@example.org": Rule(deny=Permission.CLIPBOARD_OUT)}


def test_rules_can_be_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "voxy.toml").write_text('rules = "rules.toml"', encoding="utf-8")
    assert Config.load({}, {}, tmp_path / "voxy.toml").rules == "rules.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"has no table \[rules\]"),
        ("rules = 3", "Expected `object`"),
        ("[rules.persons.alice]\nalow = []", "unknown field `alow`"),
        ("[rules.person.alice]\nallow = []", "unknown field `person`"),
        ('[rules.default]\nallow = "view"', "Expected `array`"),
        (
            '[rules.groups.staff]\ndeny = ["keybord"]',
            r"in \[rules.groups.staff\] “keybord” is no permission",
        ),
        ("[rules", "Expected"),
        ("\udcff", "utf-8"),
    ],
)
def test_mistakes_are_named_at_the_start_and_change_nothing_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, says: str
) -> None:
    file, bad = tmp_path / "rules.toml", tmp_path / "bad.toml"
    bad.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=says) as raised:
        RulesFile(bad)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
    file.write_text(TABLES, encoding="utf-8")
    rules = RulesFile(file)
    before = rules.rules, rules.version
    os.replace(bad, file)
    with caplog.at_level(logging.WARNING):
        assert (rules.rules, rules.version) == before
        assert (rules.rules, rules.version) == before
    (record,) = caplog.records
    assert record.message.endswith("The rules before it stay.")
    write(file, TABLES.replace("resize", "keyboard"))
    assert rules.rules.default == Rule(disallow=KEYBOARD)
    assert rules.version == before[1] + 1


def test_a_file_that_is_gone_leaves_its_rules(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "rules.toml"
    with pytest.raises(ConfigError, match=r"can't be read from .*: No such file"):
        RulesFile(file)
    file.write_text(TABLES, encoding="utf-8")
    rules = RulesFile(file)
    file.unlink()
    assert rules.rules.default == Rule(disallow=RESIZE)
    assert len(caplog.records) == 1
