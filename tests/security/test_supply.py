"""What VoXY is made of is known to the version, and the page is made of nothing else."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
EXAMPLE = "https://host/base/"
"""In what says how to embed it."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_is_locked_to_a_version() -> None:
    lines = (ROOT / "requirements.lock").read_text().split()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), lines
    locked = {normal(line.partition("==")[0]) for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    installed = [*project["dependencies"], *extras["video"], *extras["vm"], *extras["test"]]
    wanted = {normal(re.split(r"[<>=]", requirement)[0]) for requirement in installed}
    assert wanted - locked == set()


def test_what_the_tests_of_the_page_need_is_locked_by_its_hash() -> None:
    packages = json.loads((ROOT / "tests" / "js" / "package-lock.json").read_text())["packages"]
    assert len(packages) > 1
    assert {name for name, package in packages.items() if name and "integrity" not in package} == set()


@pytest.mark.parametrize("file", sorted((ROOT / "static").rglob("*.*")), ids=lambda file: file.name)
def test_no_file_of_the_page_names_another_site(file: Path) -> None:
    if file.suffix in (".html", ".css", ".js", ".json", ".svg", ".webmanifest"):
        named = set(re.findall(r"(?:https?|wss?):?//[\w.]+[^\s\"'`)>]*", file.read_text(encoding="utf-8")))
        assert {name for name in named - NAMESPACES if not name.startswith(EXAMPLE)} == set()
