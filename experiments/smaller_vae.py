"""Should a smaller VAE be the embedded one?

    DETECTOR_MODELS=../shared/models python experiments/smaller_vae.py experiments/default.toml VAE.safetensors

Held-out folds of train and val under the strict history; nothing of the test split is read. The shipped recipe
(logistic, 400 axes) is fitted on the features of `face-vae` and on those of the other VAE, each with the backbone
beside it and alone. Another draw of folds moves such figures by hundredths,
so everything is repeated for several draws and averaged; intervals are from one paired bootstrap over groups. Writes
``smaller-vae.md``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detector import config
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.measures.families import MEAN, Drawn, drawn_blind, drawn_known
from detector.benchmark.measures.held_out import NOTHING, Recipe, fold_scores
from detector.benchmark.study.ablation import Ablation, Change, columns, known_rows
from detector.benchmark.study.material import fit_rows, load_tools
from detector.benchmark.study.study import Study
from detector.benchmark.tables import table

DRAWS = 5
CHANGES = {"VAE and backbone": Change(), "VAE alone": Change(keep=("face-vae.*",))}
FIGURES = ("met", "left out")


def main(path: Path, other: Path) -> None:
    """Measure both and write the table."""
    study = config.load(Study, path)
    ours = fit_rows(study, load_tools(study))
    theirs_study = replace(study, reconstructors=(f"face-vae:{other}",))
    theirs = fit_rows(theirs_study, load_tools(theirs_study))
    lines = []
    for name, change in CHANGES.items():
        one, two = (_averaged(rows, study, change) for rows in (ours, theirs))
        for figure in FIGURES:
            a, b = one[figure], two[figure]
            estimates = [str(drawn.estimates()[MEAN]) for drawn in (a, b, b.less(a))]
            lines.append([f"{name}, {figure}", *estimates])
    report = study.report / "smaller-vae.md"
    report.write_text(table(["features", "face-vae", other.parent.name, "difference"], lines) + "\n")
    print(report.read_text())


def _averaged(rows: Extract, study: Study, change: Change) -> dict[str, Drawn]:
    """Met and left out, each the mean over the draws of the folds."""
    values = columns(rows, change)
    known = known_rows(rows, change, Ablation(study, {}, measured=("strict",)))
    found: dict[str, list[Drawn]] = {figure: [] for figure in FIGURES}
    for seed in tqdm(range(DRAWS), desc="folds"):
        recipe = Recipe("logistic", study.classifier.strength or 1000.0, axes=400, seed=seed)
        held = fold_scores(values, known, recipe, (NOTHING, *known.families))
        found["met"].append(drawn_known(held))
        found["left out"].append(drawn_blind(held))
    return {figure: _mean(drawn) for figure, drawn in found.items()}


def _mean(draws: list[Drawn]) -> Drawn:
    return Drawn(
        draws[0].names,
        np.mean([one.values for one in draws], axis=0),
        np.mean([one.resampled for one in draws], axis=0),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
