"""`make bench`: measures VoXY beside its neighbours, and writes a table, pictures and the numbers to build/bench/.

It asserts nothing: times are of one machine and one hour. Compare within one run.
"""

import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from tests.bench.cases import SCENES, Case, Failure, Line, Result
from tests.bench.measure import measure
from tests.bench.peers import PEERS
from tests.bench.plot import draw_scaling, draw_scenes
from tests.bench.processes import NotStarted
from tests.bench.report import Outcome, to_markdown
from voxy.blocks import Size

_FOLDER = Path("build/bench")


def _list_of(parse: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Read values with commas between them; `none` is none at all."""

    def parse_all(text: str) -> list[Any]:
        try:
            return [] if text == "none" else [parse(word) for word in text.split(",")]
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return parse_all


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    known = tuple(names)

    def parse(name: str) -> str:
        if name not in known:
            raise ValueError(f"{name} is not one of {', '.join(known)}")
        return name

    return parse


def _parse_size(text: str) -> Size:
    width, cross, height = text.partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal():
        raise click.BadParameter(f"{text} is not a size such as 1920x1080")
    return Size(int(width), int(height))


@click.command(context_settings={"show_default": True})
@click.option("--scenes", type=_list_of(_one_of(SCENES)), default=",".join(SCENES), help="What is shown; or none.")
@click.option("--peers", type=_list_of(_one_of(PEERS)), default=",".join(PEERS), help="Who shows it.")
@click.option("--lines", type=_list_of(Line.parse), default="fast,8/20,2/50", help="fast, or Mbit/s and ms each way.")
@click.option("--seconds", type=click.FloatRange(min=1), default=8, help="How long each is shown.")
@click.option("--size", type=_parse_size, default="1920x1080", help="Size of the screen.")
@click.option(
    "--scaling",
    type=_list_of(_parse_size),
    default="1280x720,1920x1080,3840x2160",
    help="Sizes on which typing is compared, over the first of the lines; or none.",
)
def main(
    scenes: list[str], peers: list[str], lines: list[Line], seconds: float, size: Size, scaling: list[Size]
) -> None:
    """Measure VoXY beside its neighbours, each scene over each line."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Ends as by Ctrl-C, so that all that was started is ended, and what was measured is kept.
        signal.signal(number, signal.default_int_handler)
    absent = [f"{PEERS[peer].title}: {gap} is not installed" for peer in peers if (gap := PEERS[peer].missing)]
    for gap in absent:
        click.echo(f"Skipped: {gap}", err=True)
    present = [peer for peer in peers if not PEERS[peer].missing]
    cases = [Case(peer, scene, size, line, seconds) for line, scene, peer in product(lines, scenes, present)]
    sizes = [Case(peer, "echo", each, line, seconds) for line, each, peer in product(lines[:1], scaling, present)]
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(_measured([*cases, *sizes]))
    finally:
        _write(outcomes[: len(cases)], outcomes[len(cases) :], absent)


def _measured(cases: list[Case]) -> Iterator[Outcome]:
    logs = _FOLDER / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        for number, case in enumerate(cases, 1):
            click.echo(f"{number} of {len(cases)}: {case}", err=True)
            try:
                yield measure(case, playwright, logs)
            except (NotStarted, PlaywrightError) as error:
                reason = str(error).partition("\n")[0]
                click.echo(f"    {reason}", err=True)
                yield Failure(case, reason)


def _write(outcomes: list[Outcome], scaling: list[Outcome], absent: list[str]) -> None:
    if not outcomes and not scaling:
        return
    about = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {sys.version.partition(' ')[0]}."
    report = to_markdown(about, outcomes, scaling, absent)
    (_FOLDER / "report.md").write_text(report)
    everything = [dataclasses.asdict(outcome) for outcome in [*outcomes, *scaling]]
    (_FOLDER / "results.json").write_text(json.dumps(everything, indent=1))
    for draw, group, name in ((draw_scenes, outcomes, "scenes.png"), (draw_scaling, scaling, "scaling.png")):
        if results := [outcome for outcome in group if isinstance(outcome, Result)]:
            draw(results, _FOLDER / name)
    click.echo(f"{report}\nWritten to {_FOLDER}/: {', '.join(sorted(path.name for path in _FOLDER.glob('*.*')))}")


if __name__ == "__main__":
    main()
