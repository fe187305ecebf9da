"""Frames alone against frames and time: every row of columns scored on the same held-out clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.benchmark.measures.families import Drawn, drawn_blind, drawn_known
from detector.benchmark.measures.held_out import NOTHING, HeldOut, Known, Recipe, fold_scores, split_scores
from detector.benchmark.measures.metrics import Estimate, auc, difference, estimate
from detector.benchmark.video_study.study import Rows
from detector.classify.balance import balanced
from detector.classify.models import TWO_CLASS
from detector.types import Array

HELD = ("met", "generator held out", "source held out", "both held out")
"""What the models that scored a clip never met, beside its photo: nothing, the generator of the fakes that are told
apart, all clips of its set, or both."""


@dataclass(frozen=True, eq=False)
class Result:
    """One row.

    Attributes:
        name: of the row.
        columns: how many were fitted.
        drawn: of each of `HELD` the AUC of every generator, and the same on resampled photos.
    """

    name: str
    columns: int
    drawn: Mapping[str, Drawn]

    def estimates(self, held: str) -> dict[str, Estimate]:
        """AUC of every generator, and their mean."""
        return self.drawn[held].estimates()

    def gain(self, other: Result, held: str) -> dict[str, Estimate]:
        """By how much it is above another row, on the same clips and resamples."""
        return self.drawn[held].less(other.drawn[held]).estimates()


def measured(name: str, values: Array, rows: Rows, recipe: Recipe) -> Result:
    """Score every clip by models that did not meet its photo, its generator, its source."""
    known = rows.known()
    left_out = (NOTHING, *known.families)
    folds = fold_scores(values, known, recipe, left_out)
    apart = by_source(values, rows, known, recipe)
    drawn = {
        "met": drawn_known(folds),
        "generator held out": drawn_blind(folds),
        "source held out": drawn_known(apart),
        "both held out": drawn_blind(apart),
    }
    return Result(name, values.shape[1], drawn)


def by_source(values: Array, rows: Rows, known: Known, recipe: Recipe) -> HeldOut:
    """Each set of photos, with the fakes made of them, by models of the other sets."""
    sources = np.array([sample.source for sample in rows.samples])
    left_out = (NOTHING, *known.families)
    parts = [split_scores(values, known, recipe, sources == source, left_out) for source in np.unique(sources)]
    return HeldOut(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.groups for part in parts]),
        np.concatenate([part.origins for part in parts]),
        {name: np.concatenate([part.scores[name] for part in parts]) for name in left_out},
    )


def transferred(fitted: Array, rows: Rows, scored: Array, recipe: Recipe) -> Array:
    """(M,) scores of other clips by a model of all rows, in deviations of the real ones above their mean."""
    known = rows.known()
    model = TWO_CLASS[recipe.candidate].make(recipe.strength, recipe.seed)
    model.fit(fitted, known.labels, model__sample_weight=balanced(known.labels, known.origins))
    own = model.decision_function(fitted)[known.labels == 0]
    return np.asarray((model.decision_function(scored) - own.mean()) / own.std())


BLOCK = 2
"""Pieces that follow one another and are drawn together: they are not independent."""


def pair_auc(scores: Array, fake: Array, starts: Array, length: int) -> Estimate:
    """How often a piece of a swap scores above one of its original; whole blocks of time are drawn, of both at once."""
    blocks = (starts // (length * BLOCK)).astype(np.str_)
    return estimate(auc, fake.astype(np.int64), np.asarray(scores, np.float64), blocks)


def pair_gain(one: Array, other: Array, fake: Array, starts: Array, length: int) -> Estimate:
    """By how much `pair_auc` of one row is above that of another."""
    blocks = (starts // (length * BLOCK)).astype(np.str_)
    return difference(auc, fake.astype(np.int64), np.asarray(one, np.float64), np.asarray(other, np.float64), blocks)
