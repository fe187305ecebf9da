"""The table of an ablation: each row on disk for the next run, in Markdown for a person, in CSV for a program."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.tables import table

ByFamily = Mapping[str, Estimate]
FIGURES = {
    "known": "folds, family met",
    "blind": "folds, family left out",
    "val_known": "val, family met",
    "val_blind": "val, family left out",
}
"""Which figures a row has, and what they are called."""


@dataclass(frozen=True)
class Row:
    """What was measured of one change.

    Attributes:
        name: of the change.
        features: how many were used.
        fitted: how many rows of features could train.
        known, blind: AUC by family, and their `MEAN`, on held-out folds of train and val; with the family met and left
            out of the fit.
        val_known, val_blind: the same on val by a fit on train.
    """

    name: str
    features: int
    fitted: int
    known: ByFamily
    blind: ByFamily
    val_known: ByFamily
    val_blind: ByFamily

    def scalars(self) -> dict[str, float]:
        """Every figure by a name that MLflow takes."""
        return {
            f"{figure}.{family}": estimate.value
            for figure in FIGURES
            for family, estimate in getattr(self, figure).items()
        }

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.replace(path)

    @classmethod
    def read(cls, name: str, path: Path) -> Row:
        """What `write` wrote, under the name that the row has now."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        for figure in FIGURES:
            kept[figure] = {family: Estimate(**estimate) for family, estimate in kept[figure].items()}
        return cls(**{**kept, "name": name})


def write_ablation(folder: Path, name: str, rows: Sequence[Row]) -> tuple[Path, Path]:
    """Write the rows so far into ``NAME.md`` and ``NAME.csv``; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, numbers = folder / f"{name}.md", folder / f"{name}.csv"
    page.write_text(_page(name, rows), encoding="utf-8")
    _write_numbers(numbers, rows)
    return page, numbers


PAGE = """# Ablation

Command: `detector train ablation experiments/{name}.toml`; each row is a change against the first, and that config says
which. AUC, mean over the generator families, each counting the same, with its 95 % interval (bootstrap over groups).
"Folds": each face of train and val by models that saw nothing of its group; "val": by a fit on train alone. "Left out":
nothing of the family was fitted. Fakes that were made on the spot train and never count.

{means}

## By family, on held-out folds

{families}
"""


def _page(name: str, rows: Sequence[Row]) -> str:
    means = [
        [
            row.name,
            row.features,
            row.fitted,
            *(getattr(row, figure)[MEAN] for figure in FIGURES),
            *_change(row, rows[0]),
        ]
        for row in rows
    ]
    names = [family for family in rows[0].known if family != MEAN]
    families = [
        [row.name, *(f"{row.known[family].value:.3f} / {row.blind[family].value:.3f}" for family in names)]
        for row in rows
    ]
    head = ["row", "features", "fitted", *FIGURES.values(), "folds, met, less base", "folds, left out, less base"]
    return PAGE.format(
        name=name,
        means=table(head, means),
        families=table(["row", *(f"{family}: met / left out" for family in names)], families),
    )


def _change(row: Row, base: Row) -> list[str]:
    pairs = ((row.known, base.known), (row.blind, base.blind))
    return [f"{one[MEAN].value - other[MEAN].value:+.3f}" for one, other in pairs]


def _write_numbers(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "features", "fitted", "figure", "family", "auc", "low", "high"])
        for row in rows:
            for figure, title in FIGURES.items():
                for family, one in getattr(row, figure).items():
                    numbers = (f"{number:.4f}" for number in (one.value, one.low, one.high))
                    writer.writerow([row.name, row.features, row.fitted, title, family, *numbers])
