"""Would more data help, and more numbers a face? Held-out AUC over the share of the pictures that are fitted.

    DETECTOR_MODELS=../shared/models python experiments/learning_curve.py experiments/ablation.toml

The pictures, the fit and the folds are those of the config's base; what is scored stays the same whatever is fitted.
One curve for all features, one for the VAE's, one for those of its whole-face view: three sizes of model. Writes
``learning.csv`` and ``learning.png`` into the config's report folder, and a run into MLflow.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detector import config, tracking
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.measures.families import MEAN, drawn_blind, drawn_known
from detector.benchmark.measures.held_out import NOTHING, Bools, Recipe, fold_scores
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.ablation import Ablation, columns, known_rows
from detector.benchmark.study.material import fit_rows, load_tools

SHARES = (0.125, 0.25, 0.5, 1.0)
SIZES = {
    "all features": ("*",),
    "the VAE's features": ("face-vae.*",),
    "the VAE's, whole-face view": ("face-vae.whole.*",),
}
HEAD = ("features", "share", "pictures", "figure", "AUC", "low", "high")
Line = tuple[str, float, int, str, Estimate]


def inside(rows: Extract, share: float) -> Bools:
    """(N,) the rows of a share of the groups, the same groups in every larger share."""
    place = {name: int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 for name in set(rows.groups.tolist())}
    return np.array([place[name] < share for name in rows.groups.tolist()])


def curve(ablation: Ablation, rows: Extract, title: str, share: float) -> list[Line]:
    """Mean AUC with the family met and left out, of a fit on a share of the pictures."""
    change = replace(ablation.changes()["base"], keep=SIZES[title])
    everything, kept = known_rows(rows, change, ablation), inside(rows, share)
    known = replace(everything, trains=everything.trains & kept)
    recipe = Recipe(change.candidate, change.strength, change.axes, change.one_class, ablation.folds)
    held = fold_scores(columns(rows, change), known, recipe, (NOTHING, *known.families))
    pictures = len({sample.path for sample, fits in zip(rows.samples, known.trains, strict=True) if fits})
    figures = {"met": drawn_known(held), "left out": drawn_blind(held)}
    return [(title, share, pictures, name, drawn.estimates()[MEAN]) for name, drawn in figures.items()]


def draw(lines: list[Line], path: Path) -> None:
    """AUC over the number of pictures: one colour a set of features, a dashed line where the family was left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for title, colour in zip(SIZES, ("#0072b2", "#e69f00", "#009e73"), strict=True):
        for name, dashes in (("met", "-"), ("left out", "--")):
            some = [line for line in lines if (line[0], line[3]) == (title, name)]
            count, found = [line[2] for line in some], [line[4] for line in some]
            axes.plot(
                count, [e.value for e in found], dashes, color=colour, marker="o", label=f"{title}: family {name}"
            )
            axes.fill_between(count, [e.low for e in found], [e.high for e in found], color=colour, alpha=0.1)
    counts = sorted({line[2] for line in lines})
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("pictures that may be fitted")
    axes.set_ylabel("AUC on held-out folds, mean over families")
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(alpha=0.3)
    figure.savefig(path)


def main(path: Path) -> None:
    """Measure, write, draw."""
    ablation = config.load(Ablation, path)
    rows = fit_rows(ablation.study, load_tools(ablation.study))
    with tracking.start("learning-curve", ablation.name, {"shares": SHARES}, ablation.study.store) as run:
        lines = [
            line
            for title, share in tqdm([(title, share) for title in SIZES for share in SHARES])
            for line in curve(ablation, rows, title, share)
        ]
        table, picture = ablation.report / "learning.csv", ablation.report / "learning.png"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEAD)
            writer.writerows(
                [*line[:4], *(f"{v:.4f}" for v in (line[4].value, line[4].low, line[4].high))] for line in lines
            )
        draw(lines, picture)
        run.artifact(table)
        run.artifact(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
