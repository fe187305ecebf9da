"""Scores of faces that a model did not meet: of other groups, and of a family or a source that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from detector.benchmark.measures.metrics import Groups, Labels, Scores
from detector.classify.balance import balanced, strata
from detector.classify.models import ONE_CLASS, TWO_CLASS
from detector.types import MADE, Array

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
NOTHING = ""
"""The name of what is left out where nothing is."""


@dataclass(frozen=True)
class Recipe:
    """How to fit, with nothing left to choose.

    Attributes:
        candidate: an entry of `TWO_CLASS`, or of `ONE_CLASS`, which fits on real rows alone.
        strength: of its regularisation.
        axes: if not 0, so many principal axes stand for the features. They are those of the training rows of no family
            (real, and made on the spot), so that one reduction serves every family left out.
        one_class: weight of the one-class score in a stack with the two-class one; both are divided by their deviation
            on the training rows.
        folds, seed: of the cross-validation.
    """

    candidate: str = "logistic"
    strength: float = 100.0
    axes: int = 0
    one_class: float = 0.0
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of N rows.

    Attributes:
        labels: (N,) 1 for synthetic.
        groups: (N,) identity or source clip.
        origins: (N,) generator of a fake, source of a real face.
        trains: (N,) whether the row may be fitted.
        counts: (N,) whether it is scored.
    """

    labels: Labels
    groups: Groups
    origins: Groups
    trains: Bools
    counts: Bools

    @property
    def families(self) -> list[str]:
        """The generators that count."""
        return [str(name) for name in np.unique(self.origins[self.counts & (self.labels == 1)])]

    @property
    def sources(self) -> list[str]:
        """The real sources that count."""
        return [str(name) for name in np.unique(self.origins[self.counts & (self.labels == 0)])]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What of N rows counts, and its scores by what was left out of the fit; `NOTHING` is the name of nothing.

    Attributes:
        labels, groups, origins: (M,) of the M rows that count.
        scores: name of the origin left out -> (M,) scores by models that met neither the row's group nor that origin.
    """

    labels: Labels
    groups: Groups
    origins: Groups
    scores: Mapping[str, Scores] = field(default_factory=dict)


def fold_scores(values: Array, known: Known, recipe: Recipe, left_out: tuple[str, ...] = (NOTHING,)) -> HeldOut:
    """Score every row that counts on the fold that holds its group, once for each origin that is left out of the fit.

    Args:
        values: (N, F) features.
        known: of the rows.
        recipe: how to fit.
        left_out: origins of which nothing is fitted, each in its own turn; `NOTHING` for none.
    """
    scores = {name: np.full(len(known.labels), np.nan) for name in left_out}
    for train, test in _folds(known, recipe):
        for name, found in _fold(values, known, recipe, train, test, left_out):
            scores[name][test] = found
    return _counted(known, scores)


def split_scores(
    values: Array, known: Known, recipe: Recipe, held_out: Bools, left_out: tuple[str, ...] = (NOTHING,)
) -> HeldOut:
    """As `fold_scores`, but with one fold: the rows where (N,) `held_out` holds."""
    train, test = np.flatnonzero(known.trains & ~held_out), np.flatnonzero(known.counts & held_out)
    scores = {name: np.full(len(known.labels), np.nan) for name in left_out}
    for name, found in _fold(values, known, recipe, train, test, left_out):
        scores[name][test] = found
    inside = Known(known.labels, known.groups, known.origins, known.trains, known.counts & held_out)
    return _counted(inside, scores)


def _folds(known: Known, recipe: Recipe) -> Iterator[tuple[Rows, Rows]]:
    """Rows to fit and rows to score. A group, and what was made of it, is on one side only."""
    splitter = StratifiedGroupKFold(recipe.folds, shuffle=True, random_state=recipe.seed)
    kinds = np.where(np.char.startswith(known.origins.astype(np.str_), MADE), MADE, known.origins)
    for train, test in splitter.split(known.labels, strata(known.labels, kinds, recipe.folds), known.groups):
        yield train[known.trains[train]], test[known.counts[test]]


def _fold(
    values: Array, known: Known, recipe: Recipe, train: Rows, test: Rows, left_out: tuple[str, ...]
) -> Iterator[tuple[str, Scores]]:
    reduce = _reduction(values, known, recipe, train)
    fitted, scored = reduce(values[train]), reduce(values[test])
    for name in left_out:
        kept = known.origins[train] != name
        yield name, _scored(fitted[kept], known, train[kept], scored, recipe)


def _scored(fitted: Array, known: Known, train: Rows, scored: Array, recipe: Recipe) -> Scores:
    labels, origins = known.labels[train], known.origins[train]
    if recipe.candidate in ONE_CLASS:
        density = ONE_CLASS[recipe.candidate].make(recipe.strength, recipe.seed).fit(fitted[labels == 0])
        return _strangeness(density, fitted, scored)
    model = TWO_CLASS[recipe.candidate].make(recipe.strength, recipe.seed)
    with np.errstate(invalid="ignore"):  # a floating-point flag of products of finite matrices, seen under load
        model.fit(fitted, labels, model__sample_weight=balanced(labels, origins))
    margin = _margin(model, fitted, scored)
    if not recipe.one_class:
        return margin
    density = ONE_CLASS["gaussian"].make(ONE_CLASS["gaussian"].strengths[-1], recipe.seed).fit(fitted[labels == 0])
    return margin + recipe.one_class * _strangeness(density, fitted, scored)


def _margin(model: Any, fitted: Array, scored: Array) -> Scores:
    """In units of the deviation on the training rows: margins of several folds are pooled."""
    deviation = max(float(model.decision_function(fitted).std()), 1e-9)  # trees on few rows can say one thing of all
    return np.asarray(model.decision_function(scored) / deviation, np.float64)


def _strangeness(density: Any, fitted: Array, scored: Array) -> Scores:
    before = -density.score_samples(fitted)
    return np.asarray((-density.score_samples(scored) - before.mean()) / before.std(), np.float64)


def _reduction(values: Array, known: Known, recipe: Recipe, train: Rows) -> Callable[[Array], Array]:
    if not recipe.axes:
        return lambda part: part
    families = set(known.families)
    rows = train[[origin not in families for origin in known.origins[train].tolist()]]
    axes = min(recipe.axes, *values[rows].shape)
    steps = [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]
    reduce = Pipeline(
        [
            *((type(step).__name__, step) for step in steps),
            ("axes", PCA(axes, svd_solver="randomized", random_state=recipe.seed)),
        ]
    ).fit(values[rows])
    return lambda part: np.asarray(reduce.transform(part), np.float32)


def _counted(known: Known, scores: Mapping[str, Scores]) -> HeldOut:
    kept = known.counts
    return HeldOut(
        known.labels[kept], known.groups[kept], known.origins[kept], {name: s[kept] for name, s in scores.items()}
    )
