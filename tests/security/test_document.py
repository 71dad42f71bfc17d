"""SECURITY.md names, for each attack that this field has met, tests that there are."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROWS = {*range(1, 38), *range(40, 43)}
"""Of the list of attacks; 38 and 39 are about fleets, which aren't built."""


def rows() -> Iterator[tuple[set[int], str, str]]:
    """The numbers of each row of the table of attacks, its defence, and what it says of tests."""
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"\d+(, \d+)*", cells[0]):
            yield {int(number) for number in cells[0].split(", ")}, cells[2], cells[3]


def named_in(cell: str) -> Iterator[tuple[str, str]]:
    """Each test that a row names, and the file that it says it is in."""
    names: list[str] = []
    for name, file in re.findall(r"`(test_\w+)`|\]\(([\w/.]+)\)", cell):
        if name:
            names.append(name)
        elif names:
            yield from ((each, file) for each in names)
            names = []
    # Said to be in no file, or after its file.
    yield from ((name, "") for name in names)


def test_each_attack_has_a_defence_and_a_named_test() -> None:
    table = list(rows())
    assert set().union(*(numbers for numbers, _, _ in table)) == ROWS
    assert [numbers for numbers, defence, _ in table if not defence] == []
    assert [numbers for numbers, _, cell in table if not list(named_in(cell))] == []


def test_each_test_that_is_named_is_in_the_file_that_is_linked() -> None:
    missing = []
    for numbers, _, cell in rows():
        for name, file in named_in(cell):
            code = (ROOT / file).read_text(encoding="utf-8") if file else ""
            if not re.search(rf"^\s*(async )?def {name}\(", code, re.MULTILINE):
                missing.append((numbers, name, file))
    assert missing == []


def test_each_file_that_is_linked_is_there() -> None:
    linked = set(re.findall(r"\]\(([\w/.]+)\)", (ROOT / "SECURITY.md").read_text(encoding="utf-8")))
    assert len(linked) > 20
    assert {file for file in linked if not (ROOT / file).is_file()} == set()
