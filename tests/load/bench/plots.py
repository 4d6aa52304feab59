"""Pictures of a result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS: Final = ("#2f6f73", "#b9c9c9", "#d98e3f", "#8a5a83", "#5b7fb9", "#7d9a4a", "#c06262", "#8d8d8d")
mpl.rcParams.update(
    {
        "svg.hashsalt": "instroom",  # the same figures give the same file
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
    }
)


def grouped(
    path: Path,
    title: str,
    unit: str,
    groups: Sequence[str],
    bars: Mapping[str, Sequence[float | None]],
    goals: Sequence[float],
) -> None:
    """Bars side by side in each group, the group's goal a line across them."""
    figure, axes = _new(title, unit)
    width = 0.8 / len(bars)
    for number, (label, heights) in enumerate(bars.items()):
        places = [group - 0.4 + width * (number + 0.5) for group in range(len(groups))]
        drawn = axes.bar(places, [height or 0 for height in heights], width * 0.94, label=label, color=COLOURS[number])
        axes.bar_label(drawn, [f"{height:,.0f}" if height else "" for height in heights], fontsize=7, padding=1)
    for group, goal in enumerate(goals):
        axes.hlines(goal, group - 0.45, group + 0.45, colors="#a02020", linestyles="dashed", linewidth=1)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.1)
    axes.legend(frameon=False, fontsize=8, ncols=len(bars), loc="upper center", bbox_to_anchor=(0.5, -0.08))
    _save(figure, path)


def stacked(path: Path, title: str, unit: str, bars: Mapping[str, Mapping[str, float]]) -> None:
    """A bar for each of `bars`, of its named parts."""
    figure, axes = _new(title, unit)
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    below = [0.0] * len(bars)
    for number, name in enumerate(names):
        heights = [parts.get(name, 0.0) for parts in bars.values()]
        axes.bar(range(len(bars)), heights, 0.7, below, label=name, color=COLOURS[number % len(COLOURS)])
        below = [low + height for low, height in zip(below, heights, strict=True)]
    for place, height in enumerate(below):
        axes.text(place, height, f"{height:,.0f}", ha="center", va="bottom", fontsize=7)
    axes.set_xticks(range(len(bars)), list(bars), fontsize=7)
    axes.margins(y=0.1)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _save(figure, path)


def _new(title: str, unit: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(unit)
    axes.grid(axis="y", linewidth=0.4, color="#dddddd")
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})
