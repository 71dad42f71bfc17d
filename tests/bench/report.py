"""Results as Markdown: a table for each line and size, and one that compares sizes."""

from collections.abc import Callable, Iterable, Sequence

from tests.bench.cases import Failure, Result
from tests.bench.peers import PEERS

Outcome = Result | Failure

_Column = tuple[str, Callable[[Result], float | None], int]
_COLUMNS: tuple[_Column, ...] = (
    ("key p50 ms", lambda result: result.key_p50_ms, 0),
    ("key p95 ms", lambda result: result.key_p95_ms, 0),
    ("age p50 ms", lambda result: result.age_p50_ms, 0),
    ("age p95 ms", lambda result: result.age_p95_ms, 0),
    ("frames/s", lambda result: result.frames_s, 1),
    ("Mbit/s", lambda result: result.mbit_s, 2),
    ("cores", lambda result: result.cores, 2),
    ("PSS MB", lambda result: result.pss_mb, 0),
)
_SCALING_COLUMNS: tuple[_Column, ...] = (
    ("key p50 ms", lambda result: result.key_p50_ms, 1),
    ("key p95 ms", lambda result: result.key_p95_ms, 1),
    ("server ms per update", lambda result: result.server_ms_per_frame, 2),
    ("kB per update", lambda result: result.mbit_s * 125 / result.frames_s if result.frames_s else None, 2),
    ("PSS MB", lambda result: result.pss_mb, 0),
)
_ON_TIGERVNC = ("voxy-vnc", "tigervnc")
_VNC_COLUMNS: tuple[_Column, ...] = (
    ("key p50 ms", lambda result: result.key_p50_ms, 0),
    ("frames/s", lambda result: result.frames_s, 1),
    ("Mbit/s", lambda result: result.mbit_s, 2),
    ("cores", lambda result: result.cores, 2),
)
_LEGEND = """\
key: from a key press to its letter on the page. age: how old a frame is when the page first shows all of it. frames/s:
those shown whole. Mbit/s: sent to the browser. cores, PSS: of the peer's programs and its X server together. A key that
was never answered counts as answered when its measurement ended."""


def to_markdown(about: str, outcomes: Sequence[Outcome], scaling: Sequence[Outcome], absent: Sequence[str]) -> str:
    """The whole report; `about` says where and when it was made, `absent` who was not measured, and why."""
    parts = ["# VoXY and its neighbours", about, _LEGEND]
    parts += ["\n".join(f"- Not measured: {line}" for line in absent)] if absent else []
    for heading, group in _grouped(outcomes, lambda outcome: f"{outcome.case.line}, {outcome.case.size}"):
        parts += [f"## {heading}", _table("scene", lambda outcome: outcome.case.scene, _COLUMNS, group)]
    vnc = [outcome for outcome in outcomes if outcome.case.peer in _ON_TIGERVNC]
    if {outcome.case.peer for outcome in vnc} == set(_ON_TIGERVNC):
        for heading, group in _grouped(vnc, lambda outcome: f"vnc: the same TigerVNC, {outcome.case.line}"):
            parts += [f"## {heading}", _table("scene", lambda outcome: outcome.case.scene, _VNC_COLUMNS, group)]
    if scaling:
        parts += [
            f"## Typing on screens of different sizes, {scaling[0].case.line}",
            _table("size", lambda outcome: str(outcome.case.size), _SCALING_COLUMNS, scaling),
        ]
    return "\n\n".join(parts) + "\n"


def _grouped(
    outcomes: Iterable[Outcome], heading_of: Callable[[Outcome], str]
) -> Iterable[tuple[str, Sequence[Outcome]]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(heading_of(outcome), []).append(outcome)
    return groups.items()


def _table(
    first: str, name_of: Callable[[Outcome], str], columns: Sequence[_Column], outcomes: Sequence[Outcome]
) -> str:
    rows = [[first, "peer", *(title for title, _, _ in columns)]]
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            values = [outcome.reason.replace("|", "/"), *[""] * (len(columns) - 1)]
        else:
            values = [_number(value_of(outcome), digits) for _, value_of, digits in columns]
        rows.append([name_of(outcome), PEERS[outcome.case.peer].title, *values])
    return _aligned(rows)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table that is as readable in a terminal as it is on a page; two columns of words, then numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(f"{cell:{'<' if at < 2 else '>'}{widths[at]}}" for at, cell in enumerate(row)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) if at < 2 else "-" * (width + 1) + ":" for at, width in enumerate(widths))
    return "\n".join([lines[0], f"{rule}|", *lines[1:]])
