"""Are the fakes of an adversarially taught decoder worth training with?

    DETECTOR_MODELS=../shared/models python experiments/adversarial_fakes.py experiments/ablation.toml

The pictures, histories, base fit and folds are those of the config. What its makers make with a VAE is made once more
with the weights of `adversarial_decoder.py`, of the same pictures under the same histories, and is fitted in place of
theirs, or beside them; made fakes weigh a tenth of all fakes whatever their number. Writes ``adversarial.csv`` into the
config's report folder and a run into MLflow, and prints the table. Nothing of the test split is read.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from adversarial_decoder import WEIGHTS

from detector import config, tracking
from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.extract import Extract, concat, extract
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.measures.families import Drawn, drawn_blind, drawn_known
from detector.benchmark.measures.held_out import NOTHING, Bools, Known, Recipe, fold_scores
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.ablation import Ablation, Change, columns, known_rows
from detector.benchmark.study.made import made_samples, with_makers
from detector.benchmark.study.material import fit_rows, in_turn, load_tools, split
from detector.benchmark.study.study import Study
from detector.benchmark.tables import table
from detector.types import MADE

OF_VAES = tuple(MADE + name for name in ("round-trip", "round-trip-region", "vae-sample"))
BASE, ALONE = "base", "no generator met"
HEAD = ("row", "features", "fitted", "figure", "family", "AUC", "low", "high")


@dataclass(frozen=True, eq=False)
class Measured:
    """One row of the table: how much was fitted, and AUC by figure, with its resamples."""

    features: int
    fitted: int
    drawn: Mapping[str, Drawn]


def adversarial_rows(study: Study, tools: Tools) -> Extract:
    """The features of what the makers that use a VAE make with the adversarial decoder alone."""
    chosen = split(load_dataset(study.dataset, study.data), study).fit
    tools = with_makers(tools, chosen, replace(study, fakes_reconstructors=(f"face-vae:{WEIGHTS}",)))
    turns = in_turn((*chosen, *made_samples(chosen, study)), study)
    wanted = [(drawn, [sample for sample in some if sample.generator in OF_VAES]) for drawn, some in turns]
    return concat([extract(some, drawn, tools, study.work, study.seed) for drawn, some in wanted])


def fitted(rows: Extract, known: Known, adversarial: Bools) -> dict[str, Bools]:
    """Row of the table to (N,) what it fits."""
    of_vaes, made = np.isin(rows.origins, OF_VAES), np.char.startswith(rows.origins, MADE)
    alone = known.trains & (made | (rows.labels == 0))
    fakes = {
        BASE: ~adversarial,
        "adversarial in place of the other VAEs": ~of_vaes | adversarial,
        "adversarial beside them": np.full(len(made), True),
        "without fakes of VAEs": ~of_vaes,
    }
    some = {name: known.trains & kept for name, kept in fakes.items()}
    return some | {f"{ALONE}: {name}": alone & kept for name, kept in fakes.items()}


def measured(rows: Extract, adversarial: Bools, ablation: Ablation, change: Change) -> Iterator[tuple[str, Measured]]:
    """Every row of the table, each fitted and scored by the same folds."""
    values, known = columns(rows, change), known_rows(rows, change, ablation)
    recipe = Recipe(change.candidate, change.strength, change.axes, change.one_class, ablation.folds)
    for name, trains in fitted(rows, known, adversarial).items():
        left_out = (NOTHING,) if name.startswith(ALONE) else (NOTHING, *known.families)
        held = fold_scores(values, replace(known, trains=trains), recipe, left_out)
        drawn = {"met": drawn_known(held), "left out": drawn_blind(held)}
        yield name, Measured(values.shape[1], int(trains.sum()), drawn)


def against_base(found: Mapping[str, Measured]) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Row -> figure -> family -> AUC, and beside each figure the paired difference to the base of its kind."""
    return {
        name: {
            key: drawn.estimates()
            for figure, mine in one.drawn.items()
            for base in [found[f"{ALONE}: {BASE}" if name.startswith(ALONE) else BASE]]
            for key, drawn in ((figure, mine), (f"{figure}, less base", mine.less(base.drawn[figure])))
        }
        for name, one in found.items()
    }


def main(path: Path) -> None:
    ablation = config.load(Ablation, path)
    tools = replace(load_tools(ablation.study), baselines=())
    base, theirs = fit_rows(ablation.study, tools), adversarial_rows(ablation.study, tools)
    rows = concat([base, theirs])
    adversarial = np.arange(len(rows.samples)) >= len(base.samples)
    found: dict[str, Measured] = {}
    with tracking.start("ablation", "adversarial", {"decoder": str(WEIGHTS)}, ablation.study.store) as run:
        for name, one in measured(rows, adversarial, ablation, ablation.changes()["base"]):
            found[name] = one
            print(f"{name}: {one.fitted} rows fitted", flush=True)
        figures = against_base(found)
        run.artifact(write(figures, found, ablation.report / "adversarial.csv"))
    head = ("row", "fitted", *next(iter(figures.values())))
    lines = [(name, found[name].fitted, *(e["mean"] for e in one.values())) for name, one in figures.items()]
    print(table(head, lines))


def write(
    figures: Mapping[str, Mapping[str, Mapping[str, Estimate]]], found: Mapping[str, Measured], path: Path
) -> Path:
    """One line a figure."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for name, one in figures.items():
            counts = (name, found[name].features, found[name].fitted)
            for figure, families in one.items():
                for family, e in families.items():
                    writer.writerow([*counts, figure, family, *(f"{v:.4f}" for v in (e.value, e.low, e.high))])
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
