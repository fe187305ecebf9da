"""What the members of the VAE family came to: a table and a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.vae_study.separation import Separation

_MARKDOWN = {
    "model": "model",
    "bits_per_dim": "bits/dim",
    "psnr": "PSNR, dB",
    "crops_per_second": "crops/s",
    "met": "AUC, met",
    "left out": "AUC, left out",
    "instead": "instead of face-vae: met, left out",
    "beside": "beside face-vae: met, left out",
}


@dataclass(frozen=True, eq=False)
class Row:
    """One set of features.

    Attributes:
        name: of the model.
        explained: bits_per_dim (-ELBO) and psnr in dB on held-out real faces, as far as it has them.
        speed: crops of 128 px a second of one core, both passes.
        alone: what its features tell.
        base: what those of the embedded VAE tell; None where that is the same.
        added: what both tell together.
    """

    name: str
    explained: Mapping[str, Estimate]
    speed: float
    alone: Separation
    base: Separation | None = None
    added: Separation | None = None

    @cached_property
    def figures(self) -> dict[str, Estimate]:
        """Every figure with an interval, by name."""
        figures = dict(self.explained)
        figures |= {f"met {name}": value for name, value in self.alone.met.items()}
        figures |= {f"left out {name}": value for name, value in self.alone.left_out.items()}
        for words, told in (("instead", self.alone), ("beside", self.added)):
            if self.base is not None and told is not None:
                figures[f"{words} met"], figures[f"{words} left out"] = told.beyond(self.base)
        return figures

    @property
    def scalars(self) -> dict[str, float]:
        """The figures by names that MLflow takes."""
        return {name: value.value for name, value in self.figures.items()} | {"crops_per_second": self.speed}


def write_family(rows: Sequence[Row], folder: Path) -> Path:
    """Write ``table.md``, ``figures.csv`` and ``family.png``; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.md"
    lines = [" | ".join(_MARKDOWN.values()), "|".join(["---"] * len(_MARKDOWN)), *(_line(row) for row in rows)]
    table.write_text("".join(f"| {line} |\n" for line in lines), encoding="utf-8")
    with (folder / "figures.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["model", "figure", "value", "low_95", "high_95"])
        for row in rows:
            out.writerow([row.name, "crops_per_second", f"{row.speed:.2f}", "", ""])
            for name, value in row.figures.items():
                out.writerow([row.name, name, *(f"{x:.4f}" for x in (value.value, value.low, value.high))])
    _draw(rows, folder / "family.png")
    return table


def _line(row: Row) -> str:
    figures = row.figures
    cells = [
        row.name,
        _cell(figures.get("bits_per_dim"), 3, interval=False),
        _cell(figures.get("psnr"), 1, interval=False),
        f"{row.speed:.0f}",
        _cell(figures["met mean"], 3),
        _cell(figures["left out mean"], 3),
        *(
            ", ".join(_cell(figures.get(f"{words} {kind}"), 3, sign="+") for kind in ("met", "left out"))
            for words in ("instead", "beside")
        ),
    ]
    return " | ".join(cells)


def _cell(value: Estimate | None, digits: int, sign: str = "", interval: bool = True) -> str:
    if value is None:
        return "–"
    numbers = [f"{x:{sign}.{digits}f}" for x in (value.value, value.low, value.high)]
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})" if interval else numbers[0]


def _draw(rows: Sequence[Row], path: Path) -> None:
    """Mean AUC over bits per dimension and over PSNR, left out and met."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    for axes, (term, label) in zip(
        figure.subplots(1, 2, sharey=True),
        {"bits_per_dim": "bits per dimension, val", "psnr": "PSNR of the mean picture, dB, val"}.items(),
        strict=True,
    ):
        _scatter(axes, [row for row in rows if term in row.explained], term)
        axes.set(xlabel=label, ylabel="mean AUC over three generators")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    figure.savefig(path, dpi=120)


def _scatter(axes: Axes, rows: Sequence[Row], term: str) -> None:
    for kind, colour in (("met", "tab:blue"), ("left out", "tab:orange")):
        points = [(row.explained[term].value, row.figures[f"{kind} mean"], row.name) for row in rows]
        for x, y, name in points:
            axes.errorbar(x, y.value, [[y.value - y.low], [y.high - y.value]], color=colour, alpha=0.35)
            axes.annotate(name, (x, y.value), xytext=(4, 3), textcoords="offset points", fontsize=7)
        axes.scatter([x for x, _, _ in points], [y.value for _, y, _ in points], color=colour, label=kind, zorder=3)
