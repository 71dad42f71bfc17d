"""SECURITY.md names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_each_test_that_is_named_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    files = set(re.findall(r"\]\(([\w/.]+)\)", text))
    code = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 10
    assert {name for name in named if f"def {name}(" not in code} == set()
