"""The two pictures of the study of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.benchmark.video_study.ablation import Result

if TYPE_CHECKING:
    from detector.benchmark.video_study.report import Filmed

SHOWN = ("motion", "frames + motion")
"""Rows that are drawn beside the base."""
HELD = ("met", "generator held out")


def draw_families(results: Mapping[str, Result], base: str, path: Path) -> None:
    """AUC by generator, with intervals: one panel with every generator met, one with each held out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    rows = [name for name in (base, *SHOWN) if name in results]
    for place, held in enumerate(HELD, 1):
        axes = figure.add_subplot(1, 2, place, title=held, xlabel="AUC", xlim=(0.3, 1.02))
        for number, name in enumerate(rows):
            found = results[name].estimates(held)
            heights = np.arange(len(found)) + 0.2 * (number - (len(rows) - 1) / 2)
            middle = np.array([one.value for one in found.values()])
            ends = np.array([[one.value - one.low, one.high - one.value] for one in found.values()])
            axes.errorbar(middle, heights, xerr=ends.clip(0).T, fmt="o", markersize=4, capsize=2, label=name)
            axes.set_yticks(np.arange(len(found)), list(found))
        axes.axvline(0.5, color="0.6", linewidth=0.8, linestyle="--")
        axes.invert_yaxis()
    names = figure.axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=len(rows), frameon=False, fontsize=8)
    figure.savefig(path)


def draw_pair(filmed: Filmed, pair: Sequence[str], path: Path, fps: float = 25.0) -> None:
    """The score of every piece of an original and its swap over time, one panel a row."""
    from matplotlib.figure import Figure

    rows = [
        name for name in filmed.scores if not name.startswith("alarm") and name in (*SHOWN, *list(filmed.scores)[:1])
    ]
    figure = Figure(figsize=(9, 2.8), dpi=120, layout="constrained")
    for place, name in enumerate(rows, 1):
        axes = figure.add_subplot(1, len(rows), place, title=name, xlabel="s")
        for clip, mark in zip(pair, ("o-", "s-"), strict=True):
            inside = filmed.clips == clip
            axes.plot(filmed.starts[inside] / fps, filmed.scores[name][inside], mark, markersize=4, label=clip)
        axes.axhline(0, color="0.6", linewidth=0.8, linestyle="--")
    figure.axes[0].set_ylabel("deviations above real made clips")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path)
