"""The audit: whatever others put into it, a line stays a line, and a flood a few of them."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from voxy.access import audit as audit_module
from voxy.access.audit import Audit
from voxy.errors import ConfigError

NOTE = {"what": "login", "desktop": ":0", "address": "192.0.2.1", "decision": "refused 401"}


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_control_characters_and_lengths_make_no_second_line(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    name = 'a\r\n{"who":"root"}\x1b[2J\x7f\x85\u2028\u202e\udc80' + "x" * 10_000
    with closing(Audit(file)) as audit:
        audit.note(0.0, who=name, **NOTE)
        audit.note(1.5, who="bob", **NOTE)
    data = file.read_bytes()
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in data)
    first, second = lines(file)
    assert first["who"] == name[:200]
    assert second == {"at": "1970-01-01T00:00:01.500+00:00", "who": "bob", **NOTE}


def test_files_are_rotated_and_stay_their_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "_MOST_BYTES", 1000)
    with closing(Audit(tmp_path / "audit.jsonl")) as audit:
        for number in range(100):
            audit.note(0.0, who=f"alice{number}", **NOTE)
    files = list(tmp_path.iterdir())
    assert len(files) == 6
    assert all(file.stat().st_size <= 1000 and file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_of_many_of_a_kind_the_first_is_written_and_the_others_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with closing(Audit(file)) as audit:
        for tenth in range(600):
            audit.note(tenth / 10, who="alice", **NOTE)
            audit.note(tenth / 10, who="alice", **NOTE | {"address": "192.0.2.2"})
            audit.note(tenth / 10, who="ben", **NOTE | {"decision": "allowed"})
        audit.note(60.0, who="alice", **NOTE)
    written = lines(file)
    assert [(line["who"], line["address"]) for line in written[:3]] == [
        ("alice", "192.0.2.1"),
        ("alice", "192.0.2.2"),
        ("ben", "192.0.2.1"),
    ]
    assert sum(line["who"] == "ben" for line in written) == 20
    assert (written[-1]["who"], written[-1]["left_out"]) == ("alice", 599)


def test_memory_of_what_was_written_is_bounded(tmp_path: Path) -> None:
    with closing(Audit(tmp_path / "audit.jsonl")) as audit:
        for number in range(5000):
            audit.note(0.0, who="", **NOTE | {"address": f"10.0.{number >> 8}.{number & 255}"})
        assert len(audit._kinds) == 4096


def test_without_a_file_nothing_is_kept() -> None:
    audit = Audit()
    audit.note(0.0, who="alice", **NOTE)
    assert not audit._kinds
    audit.close()


def test_a_file_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose another file"):
        Audit(tmp_path / "none" / "audit.jsonl")


def test_a_full_disk_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "audit.jsonl"
    os.symlink("/dev/full", file)
    with closing(Audit(file)) as audit:
        audit.note(0.0, who="alice", **NOTE)
    assert "make room" in caplog.text
