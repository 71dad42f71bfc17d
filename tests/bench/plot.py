"""Results as pictures: bars for each scene and line, and lines over the size of the screen."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator

from tests.bench.cases import SCENES, Result
from tests.bench.peers import PEERS

_COLOURS = dict(zip(PEERS, ("#0b6e99", "#5aa9c9", "#e08e2b", "#8a9a5b", "#b0578d", "#8c8c8c"), strict=True))
_INK, _GRID = "#333333", "#dddddd"
_LOWEST_MBIT_S = 0.001
"""What a logarithmic axis shows of nothing."""


class Metric(NamedTuple):
    """One row of the picture."""

    title: str
    value_of: Callable[[Result], float | None]
    is_log: bool = True


_METRICS = (
    Metric("key to pixel, p50, ms", lambda result: result.key_p50_ms),
    Metric("age of the shown frame, p50, ms", lambda result: result.age_p50_ms),
    Metric("whole frames/s", lambda result: result.frames_s if SCENES[result.case.scene].fps else None, is_log=False),
    Metric("Mbit/s", lambda result: max(result.mbit_s, _LOWEST_MBIT_S)),
)
_SCALING = (
    Metric("key to pixel, p50, ms", lambda result: result.key_p50_ms, is_log=False),
    Metric("server ms per update", lambda result: result.server_ms_per_frame, is_log=False),
)


def draw_scenes(results: Sequence[Result], path: Path) -> None:
    """A row of panels for each metric, a column for each line; in each panel, bars of all peers for each scene."""
    lines = list(dict.fromkeys(result.case.line for result in results))
    scenes = [scene for scene in SCENES if any(result.case.scene == scene for result in results)]
    figure, panels = _panels(len(_METRICS), len(lines), width_in=max(4.5, 0.95 * len(scenes)), height_in=2.9)
    for metric, row in zip(_METRICS, panels, strict=True):
        for line, panel in zip(lines, row, strict=True):
            _draw_bars(panel, metric, scenes, [result for result in results if result.case.line == line])
            if metric is _METRICS[0]:
                panel.set_title(str(line), fontsize=13, fontweight="bold", pad=12)
        row[0].set_ylabel(metric.title, fontsize=11)
        _share_height(row, metric.is_log)
    _save(figure, _peers(results), path)


def draw_scaling(results: Sequence[Result], path: Path) -> None:
    """What the same small change costs on screens of different sizes."""
    figure, panels = _panels(1, len(_SCALING), width_in=6, height_in=4)
    sizes = sorted({result.case.size for result in results})
    for metric, panel in zip(_SCALING, panels[0], strict=True):
        for peer in _peers(results):
            of_peer = {result.case.size: metric.value_of(result) for result in results if result.case.peer == peer}
            points = [(sizes.index(size), value) for size, value in sorted(of_peer.items()) if value is not None]
            panel.plot(
                [at for at, _ in points],
                [value for _, value in points],
                marker="o",
                linewidth=3 if peer == "voxy" else 1.8,
                color=_COLOURS[peer],
            )
            for point in points:
                panel.annotate(_short(point[1]), point, (0, 7), textcoords="offset points", ha="center", color=_INK)
        panel.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        panel.set_xlim(-0.4, len(sizes) - 0.6)
        panel.set_ylim(0, panel.get_ylim()[1] * 1.1)
        panel.set_title(f"typing: {metric.title}", fontsize=12)
    _save(figure, _peers(results), path)


def _draw_bars(panel: Axes, metric: Metric, scenes: Sequence[str], results: Sequence[Result]) -> None:
    """For each scene a group of bars, one for each peer, at the same place whether measured or not."""
    values = {(result.case.scene, result.case.peer): metric.value_of(result) for result in results}
    peers = _peers(results)
    width = 0.84 / max(1, len(peers))
    for number, peer in enumerate(peers):
        bars = [(at, value) for at, scene in enumerate(scenes) if (value := values.get((scene, peer))) is not None]
        places = [at + (number - (len(peers) - 1) / 2) * width for at, _ in bars]
        drawn = panel.bar(places, [value for _, value in bars], width * 0.94, color=_COLOURS[peer])
        panel.bar_label(drawn, [_short(value) for _, value in bars], fontsize=8, rotation=90, padding=3, color=_INK)
    panel.set_xticks(range(len(scenes)), scenes)
    panel.set_xlim(-0.5, len(scenes) - 0.5)


def _share_height(row: Sequence[Axes], is_log: bool) -> None:
    """Give a metric the same axis on all lines, with room above the bars for their labels."""
    heights = [bar.get_height() for panel in row for bar in panel.patches if isinstance(bar, Rectangle)]
    drawn = [height for height in heights if height > 0] or [1.0]
    highest, lowest = max(drawn), min(drawn)
    for panel in row:
        if not is_log:
            panel.set_ylim(0, max(highest, 1) * 1.25)
            continue
        floor = 10.0 ** math.floor(math.log10(lowest))
        panel.set_yscale("log")
        panel.set_ylim(floor, highest * (highest / floor) ** 0.25)
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if highest / floor < 1000 else (1.0,)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.minorticks_off()


def _short(value: float) -> str:
    if value <= _LOWEST_MBIT_S:
        return "0"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _peers(results: Sequence[Result]) -> list[str]:
    shown = {result.case.peer for result in results}
    return [peer for peer in PEERS if peer in shown]


def _panels(rows: int, columns: int, width_in: float, height_in: float) -> tuple[Figure, list[list[Axes]]]:
    figure, panels = plt.subplots(
        rows, columns, figsize=(width_in * columns, height_in * rows), squeeze=False, layout="constrained"
    )
    for panel in panels.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(_INK)
        panel.tick_params(colors=_INK)
        panel.grid(axis="y", color=_GRID)
        panel.set_axisbelow(True)
    return figure, panels.tolist()


def _save(figure: Figure, peers: Sequence[str], path: Path) -> None:
    handles = [Patch(color=_COLOURS[peer], label=PEERS[peer].title) for peer in peers]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, fontsize=12)
    figure.savefig(path, dpi=110, facecolor="white")
    plt.close(figure)
