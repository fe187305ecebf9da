"""The figures of a report as pictures: AUC by condition, reliability, and families left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import ALL, Answers
from detector.benchmark.measures.metrics import Estimate, Scores
from detector.benchmark.study.figures import COMPARED, Figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73")
"""Of Okabe & Ito (2008), which colour-blind people tell apart; each comes with its own marker."""
MARKERS = "osD"
BINS = 10
CHANCE = 0.5


def draw_figures(figures: Figures, folder: Path) -> tuple[Path, ...]:
    """Write ``robustness.png``, ``reliability.png`` and ``families.png``; their paths."""
    from matplotlib import style
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in figures.aucs[OURS] if name != ALL]
    drawn = {
        "robustness": (4.4 * min(len(names), 2), 3.6 * -(-len(names) // 2), _robustness),
        "reliability": (5.4, 5.2, _reliability),
        "families": (9.0, 4.2, _families),
    }
    paths = []
    for name, (width, height, draw) in drawn.items():
        with style.context("default"):
            figure = Figure(figsize=(width, height), dpi=120)
            figure.set_layout_engine("constrained")
            draw(figure, figures)
            paths.append(folder / f"{name}.png")
            figure.savefig(paths[-1])
    return tuple(paths)


def _robustness(figure: Figure, figures: Figures) -> None:
    """One panel a family and one for their mean; conditions of one kind are joined by a line."""
    names = [name for name in figures.aucs[OURS] if name != ALL]
    panels = figure.subplots(-(-len(names) // 2), min(len(names), 2), squeeze=False, sharex=True, sharey=True)
    conditions = list(figures.conditions)
    for name, axes in zip(names, panels.flat, strict=False):
        for approach, colour, marker in zip(COMPARED, COLOURS, MARKERS, strict=True):
            found = [figures.conditions[condition][approach][name] for condition in conditions]
            _bands(axes, conditions, found, colour, marker, approach)
        axes.set_title(name, fontsize="medium")
        axes.set_xticks(range(len(conditions)), conditions, rotation=60, ha="right", fontsize="small")
        _auc_axis(axes)
    for axes in panels.flat[len(names) :]:
        axes.set_axis_off()
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(COMPARED), frameon=False, fontsize="small")


def _bands(
    axes: Axes, conditions: Sequence[str], found: Sequence[Estimate], colour: str, marker: str, label: str
) -> None:
    values, low, high = (np.array([getattr(one, end) for one in found]) for end in ("value", "low", "high"))
    axes.plot([], [], color=colour, marker=marker, label=label)
    for run in _runs(conditions):
        axes.plot(run, values[run], color=colour, marker=marker, markersize=4, linewidth=1.5)
        if len(run) > 1:
            axes.fill_between(run, low[run], high[run], color=colour, alpha=0.15, linewidth=0)
        else:
            axes.vlines(run, low[run], high[run], color=colour, alpha=0.3, linewidth=4)


def _runs(conditions: Sequence[str]) -> Iterator[list[int]]:
    """Places of neighbours that begin with the same word, e.g. "JPEG 95" and "JPEG 75"."""
    run: list[int] = []
    for place, name in enumerate(conditions):
        if run and conditions[run[-1]].split()[0] != name.split()[0]:
            yield run
            run = []
        run.append(place)
    yield run


def _reliability(figure: Figure, figures: Figures) -> None:
    """In bins of equal width: mean probability, share of fakes with its interval, and how many faces there are."""
    axes, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    for approach, colour, marker in zip(COMPARED, COLOURS, MARKERS, strict=True):
        mean, share, count = reliability(figures.protocol, approach)
        error = 1.96 * np.sqrt(np.maximum(share * (1 - share), 0.25 / count) / count)
        ece = figures.summary[approach]["ECE"].value
        label = f"{approach}: ECE {ece:.3f}"
        axes.errorbar(mean, share, error, color=colour, marker=marker, markersize=4, linewidth=1.2, label=label)
        counts = np.histogram(figures.protocol.probability[approach], BINS, (0, 1))[0]
        below.stairs(counts, np.linspace(0, 1, BINS + 1), color=colour, linewidth=1)
    axes.set(ylabel="share that is fake", xlim=(0, 1), ylim=(-0.03, 1.03))
    figure.legend(loc="outside upper center", frameon=False, fontsize="small")
    below.set(xlabel="probability of “fake”", ylabel="faces")
    for one in (axes, below):
        one.spines[["right", "top"]].set_visible(False)


def reliability(answers: Answers, approach: str) -> tuple[Scores, Scores, Scores]:
    """Of every bin that has faces: their mean probability, the share of fakes, and how many there are."""
    probability = answers.probability[approach]
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    some = np.flatnonzero(count)
    mean = np.bincount(place, weights=probability, minlength=BINS)[some] / count[some]
    share = np.bincount(place, weights=answers.labels, minlength=BINS)[some] / count[some]
    return mean, share, count[some].astype(np.float64)


def _families(figure: Figure, figures: Figures) -> None:
    """Bars from chance to the AUC on held-out folds: families met (light) and left out (dark), sources left out."""
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, figures.folds.known, 0.35)
    _bars(left, figures.folds.blind, 1.0)
    _bars(right, figures.folds.sources, 1.0)
    left.set_title("families: met (light), left out (dark)", fontsize="medium")
    right.set_title("real sources left out", fontsize="medium")
    left.set_ylabel("AUC on held-out folds")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(COMPARED), frameon=False, fontsize="small")


def _bars(axes: Axes, found: Mapping[str, Mapping[str, Estimate]], alpha: float) -> None:
    names, width = list(found[OURS]), 0.8 / len(COMPARED)
    for number, (approach, colour) in enumerate(zip(COMPARED, COLOURS, strict=True)):
        places = np.arange(len(names)) + (number - (len(COMPARED) - 1) / 2) * width
        values = np.array([found[approach][name].value for name in names])
        ends = np.array([[found[approach][name].low, found[approach][name].high] for name in names]).T
        label = approach if alpha == 1 else None
        axes.bar(places, values - CHANCE, width * 0.9, CHANCE, color=colour, alpha=alpha, label=label)
        axes.vlines(places, *ends, color="0.2", linewidth=1, alpha=alpha)
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right", fontsize="small")
    _auc_axis(axes)


def _auc_axis(axes: Axes) -> None:
    axes.set_ylim(0.3, 1.01)
    axes.axhline(CHANCE, color="0.4", linewidth=1, linestyle=":")
    axes.grid(axis="y", linewidth=0.5, alpha=0.5)
    axes.spines[["right", "top"]].set_visible(False)
