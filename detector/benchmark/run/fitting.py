"""Classifiers that are fitted on what a benchmark extracts; each is fitted once, and kept by all that it depends on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from detector.benchmark.extraction.code import code_digest, digest
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.measures.metrics import Scores
from detector.classify import ClassifierConfig, FaceClassifier, fit_classifier
from detector.classify.balance import strata

FOLDS = 5
CODE = ("classify", "benchmark/measures/held_out.py")

Bools = npt.NDArray[np.bool_]


def fitted(table: str, how: ClassifierConfig, rows: Extract, folder: Path) -> FaceClassifier:
    """A classifier of the features of one table of some rows.

    Args:
        table: the name of the features.
        how: how to fit.
        rows: what is fitted.
        folder: where fitted ones are kept.
    """
    path = folder / f"{key_of(table, how, rows)}.skops"
    if not path.exists():
        classifier = fit_classifier(rows.tables[table], rows.labels, rows.groups, rows.origins, how)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        classifier.save(unfinished)
        unfinished.rename(path)
    return FaceClassifier.load(path)  # always as it was kept: the first run gives what every later one does


def fitted_scores(table: str, how: ClassifierConfig, folder: Path, fit: Extract, rows: Extract) -> Scores:
    """Probabilities by a classifier that was fitted on other rows: `fit`, or the other folds of `rows` itself."""
    if fit.samples:
        return fitted(table, how, fit, folder).probability(rows.tables[table])
    scores = np.full(len(rows.samples), np.nan)
    for train, test in _folds(rows):
        classifier = fitted(table, how, rows.where(train), folder)
        scores[test] = classifier.probability(rows.where(test).tables[table])
    return scores


def kept_scores(path: Path, make: Callable[[], Mapping[str, Scores]]) -> dict[str, Scores]:
    """Scores by name, made once and kept in a file that is written whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        made = make()
        with unfinished.open("wb") as file:
            np.savez(file, names=np.array(list(made), np.str_), scores=np.array(list(made.values())))
        unfinished.rename(path)
    with np.load(path, allow_pickle=False) as kept:
        return dict(zip(kept["names"].tolist(), kept["scores"], strict=True))


def key_of(table: str, how: ClassifierConfig, *parts: Extract) -> str:
    """What stands for the features of some rows, what they are, how they are fitted, and the code that fits."""
    columns = [
        hashlib.sha256(np.ascontiguousarray(column).tobytes()).hexdigest()
        for rows in parts
        for column in (rows.tables[table].values, rows.labels, rows.groups, rows.origins)
    ]
    return digest(table, str(how), *columns, code_digest(*CODE))


def _folds(rows: Extract) -> Iterator[tuple[Bools, Bools]]:
    """(N,) whether a row is fitted, and whether it is scored, `FOLDS` times; a group is on one side only."""
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for _, test in splitter.split(rows.labels, strata(rows.labels, rows.origins, FOLDS), rows.groups):
        scored = np.zeros(len(rows.labels), np.bool_)
        scored[test] = True
        yield ~scored, scored
