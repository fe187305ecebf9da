"""Results -> the charts of a report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import det_curve, roc_curve

from detector.benchmark.histories.disturbances import DISTURBANCES
from detector.benchmark.measures.metrics import Labels, Scores
from detector.benchmark.report.document import Chart
from detector.benchmark.report.drawing import Line, drawn, label, legend
from detector.benchmark.run.results import ByName, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = 0.5
BINS = 10
UNDISTURBED = "none"
MARKED = 8
"""So many points of a curve carry its marker."""
TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
SQUARE = (4.8, 5.0)
PANELS = 3
"""Beside each other."""


def roc(results: Results) -> tuple[Chart, ...]:
    """Fakes found by false alarms; nothing where a class is missing."""
    curves = list(_scored(results))
    if not curves:
        return ()
    aucs = ", ".join(f"{name} {_auc(results, name)}" for name, _, _, _ in curves)
    alt = f"ROC curves: the share of fakes that is found against the share of false alarms. AUC: {aucs}."
    return (Chart("roc", alt, SQUARE, partial(_roc, results=results)),)


def _roc(figure: Figure, results: Results) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for name, line, labels, scores in _scored(results):
        fpr, tpr, _ = roc_curve(labels, scores)
        _curve(axes, fpr, tpr, line, f"{label(name)}, AUC {_auc(results, name)}")
    axes.set(xlabel="false alarms", ylabel="fakes found", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid()
    legend(figure, axes)


def det(results: Results) -> tuple[Chart, ...]:
    """Misses by false alarms, both on the axis of a normal deviate (Martin et al. 1997)."""
    if not any(_scored(results)):
        return ()
    alt = (
        "Detection error tradeoff: the share of fakes that is missed against the share of false alarms, on axes of "
        "normal deviates; lower and further left is better. The curves are those of the ROC chart."
    )
    return (Chart("det", alt, SQUARE, partial(_det, results=results)),)


def _det(figure: Figure, results: Results) -> None:
    axes = figure.subplots()
    places = norm.ppf(TICKS)
    axes.plot(places[[0, -1]], places[[-1, 0]], color="0.6", linewidth=1)
    for name, line, labels, scores in _scored(results):
        fpr, fnr, _ = det_curve(labels, scores)
        ends = TICKS[0] / 2, 1 - TICKS[0] / 2  # 0 and 1 lie infinitely far out
        _curve(axes, norm.ppf(np.clip(fpr, *ends)), norm.ppf(np.clip(fnr, *ends)), line, label(name))
    names = [f"{100 * tick:g} %" for tick in TICKS]
    axes.set_xticks(places, names, fontsize="small")
    axes.set_yticks(places, names, fontsize="small")
    span = places[[0, -1]]
    axes.set(xlabel="false alarms", ylabel="fakes missed", xlim=span, ylim=span, aspect="equal")
    axes.grid()
    legend(figure, axes)


def _curve(axes: Axes, x: Scores, y: Scores, line: Line, name: str) -> None:
    axes.plot(x, y, **line, label=name, linewidth=1.6, markersize=4.5, markevery=max(1, len(x) // MARKED))


def _scored(results: Results) -> Iterator[tuple[str, Line, Labels, Scores]]:
    """Of each approach that is drawn: its line, and the labels and scores of the clips that it gave one."""
    for name, line in drawn(results).items():
        scores = results.clips.probability[name]
        has = ~np.isnan(scores)
        if len(np.unique(results.clips.labels[has])) == 2:
            yield name, line, results.clips.labels[has], scores[has]


def _auc(results: Results, name: str) -> str:
    found = next(entry.metrics.get("AUC") for entry in results.entries if entry.name == name)
    return f"{found.value:.3f}" if found else "unknown"


def reliability(results: Results) -> tuple[Chart, ...]:
    """Of the faces with each probability, how many are fake; of those approaches that give probabilities."""
    said = {entry.name for entry in results.entries if "ECE" in entry.metrics}
    shown = [curve for curve in _scored(results) if curve[0] in said]
    if not shown:
        return ()
    names = ", ".join(name for name, _, _, _ in shown)
    alt = f"Reliability of {names}: the share of clips that is fake in each tenth of the probability, and how many."
    return (Chart("reliability", alt, (4.8, 5.6), partial(_reliability, shown=shown)),)


def _reliability(figure: Figure, shown: Sequence[tuple[str, Line, Labels, Scores]]) -> None:
    axes, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for name, line, labels, scores in shown:
        share, mean = calibration_curve(labels, scores, n_bins=BINS)
        axes.plot(mean, share, **line, label=label(name), linewidth=1.4, markersize=5)
        counts, edges = np.histogram(scores, BINS, (0, 1))
        below.stairs(counts, edges, color=line["color"], linestyle=line["linestyle"], linewidth=1.4)
    axes.set(ylabel="share that is fake", xlim=(-0.01, 1.01), ylim=(-0.03, 1.03))
    below.set(xlabel="probability of “fake”", ylabel="clips")
    axes.grid()
    legend(figure, axes)


def robustness(results: Results) -> tuple[Chart, ...]:
    """AUC by kind and level of disturbance, each from the undisturbed faces on; nothing without a disturbance."""
    kinds = _kinds([name for name in results.robustness if name != UNDISTURBED])
    if not kinds:
        return ()
    alt = f"AUC by level of disturbance, one panel each: {', '.join(kinds)}. The table has every figure."
    size = (3.1 * min(PANELS, len(kinds)), 2.7 * -(-len(kinds) // PANELS) + 0.5)
    return (Chart("robustness", alt, size, partial(_robustness, results=results, kinds=kinds)),)


def _kinds(names: Sequence[str]) -> dict[str, list[str]]:
    """By kind, the disturbances of all its levels: "JPEG" -> "JPEG 95", "JPEG 60"."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition(" ")[0], []).append(name)
    return kinds


def _robustness(figure: Figure, results: Results, kinds: Mapping[str, Sequence[str]]) -> None:
    panels = figure.subplots(-(-len(kinds) // PANELS), min(PANELS, len(kinds)), squeeze=False, sharey=True)
    start = [UNDISTURBED] if UNDISTURBED in results.robustness else []
    measured = {name for row in results.robustness.values() for name in row}  # not every approach is put through it
    lines = {name: line for name, line in drawn(results).items() if name in measured}
    for axes, (kind, names) in zip(panels.flat, kinds.items(), strict=False):
        shown = [*start, *names]
        for place, (approach, line) in enumerate(lines.items()):
            _band(axes, [results.robustness[name] for name in shown], approach, line, 0.05 * place)
        axes.set_xticks(range(len(shown)), [name.partition(" ")[2] or name for name in shown], fontsize="small")
        axes.set(title=kind, xlabel=DISTURBANCES[kind].unit if kind in DISTURBANCES else "", ylim=_span(results))
        axes.axhline(CHANCE, color="0.6", linewidth=1)
        axes.grid(axis="y")
    for axes in panels.flat[len(kinds) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("AUC")
    legend(figure, panels[0, 0])


def _band(axes: Axes, rows: Sequence[ByName], approach: str, line: Line, shift: float) -> None:
    """The line of an approach over its interval, a little aside so that intervals of others show."""
    found = [row.get(approach) for row in rows]
    value, low, high = ([getattr(one, end) if one else np.nan for one in found] for end in ("value", "low", "high"))
    places = np.arange(len(rows)) + shift
    axes.plot(places, value, **line, label=label(approach), linewidth=1.5, markersize=4.5)
    axes.fill_between(places, low, high, color=line["color"], alpha=0.1, linewidth=0)
    axes.vlines(places, low, high, color=line["color"], alpha=0.5, linewidth=1)


def _span(results: Results) -> tuple[float, float]:
    """Of AUC: from below the lowest interval, but at least from below chance, to 1."""
    ends = [found.low for row in results.robustness.values() for name, found in row.items() if name in drawn(results)]
    return float(np.floor(10 * np.nanmin([*ends, CHANCE - 0.05])) / 10), 1.02


def importance(results: Results) -> tuple[Chart, ...]:
    """What each region adds to the log-odds, the most telling on top."""
    if not results.importance:
        return ()
    ordered = sorted(results.importance.items(), key=lambda item: item[1])
    alt = f"Bars: the region that says most is {ordered[-1][0]}, the least {ordered[0][0]}. The table has every figure."
    return (Chart("importance", alt, (4.8, 0.8 + 0.3 * len(ordered)), partial(_bars, ordered=ordered)),)


def _bars(figure: Figure, ordered: Sequence[tuple[str, float]]) -> None:
    axes = figure.subplots()
    names = [re.sub("_", " ", label(name)) for name, _ in ordered]
    axes.barh(range(len(ordered)), [value for _, value in ordered], height=0.65, color="#0072b2")
    axes.set_yticks(range(len(ordered)), names)
    axes.set_xlabel("mean absolute contribution to the log-odds")
    axes.grid(axis="x")
