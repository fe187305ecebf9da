"""Many changes against one base, each measured alike: `detector train ablation CONFIG.toml`.

Features are extracted once. Every row of the table fits a classifier on some of their columns and rows, and scores the
same faces: by folds of train and val with every family met and with each left out, and val by a fit on train alone.
A row that was measured is read from its file, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detector import tracking
from detector.benchmark.extraction.code import code_digest
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.families import drawn_blind, drawn_known
from detector.benchmark.measures.held_out import NOTHING, Known, Recipe, fold_scores, split_scores
from detector.benchmark.study.ablation_report import Row, write_ablation
from detector.benchmark.study.material import crew_for, fit_rows, load_tools
from detector.benchmark.study.study import Study
from detector.config import parse
from detector.errors import ConfigError
from detector.types import MADE, Array

CODE = (
    "classify/models.py",
    "benchmark/measures/held_out.py",
    "benchmark/measures/families.py",
    "benchmark/measures/metrics.py",
)
"""What a measured row depends on beside features and config."""
ALL = ("*",)


@dataclass(frozen=True)
class Change:
    """One row of the table: what is fitted, and how. Every list holds patterns with ``*``.

    Attributes:
        approach: the table of features: "detector" for ours, or a baseline.
        keep, drop: names of features, ``model.view.kind.region.statistic``; what is kept and not dropped is used.
        made: which of the fakes made on the spot are fitted, by the name of their maker; none for no such fakes.
        histories: which histories are fitted.
        sources: which real sources and generators are fitted.
        candidate, strength, axes, one_class: see `Recipe`.
    """

    approach: str = OURS
    keep: tuple[str, ...] = ALL
    drop: tuple[str, ...] = ()
    made: tuple[str, ...] = ALL
    histories: tuple[str, ...] = ALL
    sources: tuple[str, ...] = ALL
    candidate: str = "logistic"
    strength: float = 100.0
    axes: int = 0
    one_class: float = 0.0


@dataclass(frozen=True)
class Ablation:
    """What is compared.

    Attributes:
        study: which pictures, histories, models and made fakes; its `held_out` must be "test", and nothing of that is
            read.
        base: what every row starts from.
        rows: name -> what differs from the base.
        measured: the histories of the faces that are scored; none for all.
        folds: of the cross-validation.
        name: of the run.
        report: folder of the tables.
    """

    study: Study
    rows: Mapping[str, Mapping[str, object]]
    base: Change = Change()
    measured: tuple[str, ...] = ()
    folds: int = 5
    name: str = "ablation"
    report: Path = Path("reports/accuracy")

    def __post_init__(self) -> None:
        if self.study.held_out != "test":
            raise ConfigError(
                f"study.held_out: expected 'test', so that train and val fit, got {self.study.held_out!r}"
            )
        if strangers := [name for name in self.measured if name not in self.study.histories]:
            raise ConfigError(f"measured: no such history: {strangers[0]!r}; known: {', '.join(self.study.histories)}")
        self.changes()

    def changes(self) -> dict[str, Change]:
        """Every row by its name, the base first; `ConfigError` for a row that says what no row can."""
        rows = {"base": {}, **self.rows}
        return {name: parse(Change, {**asdict(self.base), **row}, f"rows.{name!r}") for name, row in rows.items()}


def ablate(ablation: Ablation, tools: Tools | None = None) -> Path:
    """Measure every row that is not measured yet; the path of the table.

    Args:
        ablation: what to compare.
        tools: the models to use instead of those that the study names.
    """
    study = ablation.study
    with crew_for(study) if tools is None else nullcontext() as crew:
        rows = fit_rows(study, tools or load_tools(study), crew)
    facts = {"data": str(study.data), "rows": len(rows.samples), "features": ", ".join(study.reconstructors)}
    features = _features_digest(rows)
    found: list[Row] = []
    with tracking.start("ablation", ablation.name, facts, study.store) as run:
        for name, change in tqdm(ablation.changes().items(), desc="rows"):
            found.append(_row(name, change, ablation, rows, features, run))
            for path in write_ablation(ablation.report, ablation.name, found):
                run.artifact(path)
    return ablation.report / f"{ablation.name}.md"


def _row(name: str, change: Change, ablation: Ablation, rows: Extract, features: str, run: tracking.Run) -> Row:
    """One row, measured now or read from its file."""
    words = [features, json.dumps(asdict(change), sort_keys=True), str(ablation.folds), *ablation.measured]
    key = hashlib.sha256("\n".join([*words, code_digest(*CODE)]).encode()).hexdigest()[:24]
    path = ablation.study.work / "rows" / f"{key}.json"
    if path.exists():
        return Row.read(name, path)
    row = _measured(name, change, ablation, rows)
    changed = {one: value for one, value in asdict(change).items() if value != asdict(ablation.base)[one]}
    with tracking.start("ablation", name, changed, ablation.study.store, parent=run) as part:
        part.metrics(row.scalars())
    path.parent.mkdir(parents=True, exist_ok=True)
    row.write(path)
    return row


def _measured(name: str, change: Change, ablation: Ablation, rows: Extract) -> Row:
    values = columns(rows, change)
    known = known_rows(rows, change, ablation)
    recipe = Recipe(change.candidate, change.strength, change.axes, change.one_class, ablation.folds)
    left_out = (NOTHING, *known.families)
    folds = fold_scores(values, known, recipe, left_out)
    val = np.array([sample.split == "val" for sample in rows.samples])
    held = split_scores(values, known, recipe, val, left_out)
    return Row(
        name,
        values.shape[1],
        int(known.trains.sum()),
        known=drawn_known(folds).estimates(),
        blind=drawn_blind(folds).estimates(),
        val_known=drawn_known(held).estimates(),
        val_blind=drawn_blind(held).estimates(),
    )


def columns(rows: Extract, change: Change) -> Array:
    if change.approach not in rows.tables:
        raise ConfigError(f"approach: expected one of {', '.join(rows.tables)}, got {change.approach!r}")
    table = rows.tables[change.approach]
    places = [i for i, name in enumerate(table.names) if _fits(name, change.keep) and not _fits(name, change.drop)]
    if not places:
        raise ConfigError(f"keep {change.keep}, drop {change.drop}: no feature is left, e.g. of {table.names[0]}")
    return np.ascontiguousarray(table.values[:, places])


def known_rows(rows: Extract, change: Change, ablation: Ablation) -> Known:
    """What is fitted and what counts; made fakes, and sources that only train, never count."""
    origins, histories = rows.origins.tolist(), rows.histories.tolist()
    made = np.array([origin.startswith(MADE) for origin in origins])
    wanted = [
        _fits(origin.removeprefix(MADE), change.made if of_us else change.sources) and _fits(history, change.histories)
        for origin, history, of_us in zip(origins, histories, made.tolist(), strict=True)
    ]
    aside = np.isin([sample.source for sample in rows.samples], list(ablation.study.train_only))
    shown = np.isin(histories, list(ablation.measured or ablation.study.histories))
    return Known(rows.labels, rows.groups, rows.origins, np.array(wanted), ~made & ~aside & shown)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _features_digest(rows: Extract) -> str:
    """Of everything that a row is measured on."""
    state = hashlib.sha256()
    for name, table in rows.tables.items():
        state.update("\n".join((name, *table.names)).encode())
        state.update(np.ascontiguousarray(table.values).tobytes())
    for column in (rows.labels.astype(np.str_), rows.groups, rows.origins, rows.histories):
        state.update("\n".join(column.tolist()).encode())
    return state.hexdigest()
