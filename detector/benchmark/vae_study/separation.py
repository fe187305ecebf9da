"""How well a linear classifier tells fakes by a table of features: of the generators it met, and of one it did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from detector.benchmark.datasets import origin
from detector.benchmark.measures.metrics import Estimate, Groups, Labels, Scores, auc, difference, estimate
from detector.classify.models import TWO_CLASS
from detector.types import FeatureTable, Sample

_FOLDS = 5
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Who:
    """What the N rows of a table are: labels (1 for synthetic), groups and origins, each (N,)."""

    labels: Labels
    groups: Groups
    origins: Groups

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Who:
        """Of the samples that the rows describe."""
        return cls(
            np.array([sample.label for sample in samples], np.int64),
            np.array([sample.group for sample in samples]),
            np.array([origin(sample) for sample in samples]),
        )

    @property
    def generators(self) -> list[str]:
        """Every generator."""
        return [str(name) for name in np.unique(self.origins[self.labels == 1])]

    def weights(self, rows: Rows) -> Scores:
        """Both classes weigh the same; inside a class, each origin does too."""
        weights = np.empty(len(rows))
        for label in (0, 1):
            mine = self.labels[rows] == label
            names, place, counts = np.unique(self.origins[rows][mine], return_inverse=True, return_counts=True)
            weights[mine] = len(rows) / 2 / len(names) / counts[place]
        return weights


@dataclass(frozen=True, eq=False)
class Separation:
    """Held-out scores of N faces, each by models that saw nothing of the face's group.

    Attributes:
        who: the faces.
        known: (N,) by models that met every generator.
        unseen: generator -> (N,) by models that met no fake of this one.
    """

    who: Who
    known: Scores
    unseen: dict[str, Scores]

    @cached_property
    def met(self) -> dict[str, Estimate]:
        """AUC of each generator against all real faces, met by the models; and their mean, as ``mean``."""
        return self._estimates(self._columns(dict.fromkeys(self.unseen, self.known)))

    @cached_property
    def left_out(self) -> dict[str, Estimate]:
        """The same where the models met none of its fakes."""
        return self._estimates(self._columns(self.unseen))

    def beyond(self, other: Separation) -> tuple[Estimate, Estimate]:
        """By how much the mean AUC is above that of `other` on the same faces: met, and left out."""
        knowns = [self._columns(dict.fromkeys(one.unseen, one.known)) for one in (self, other)]
        unseens = [self._columns(one.unseen) for one in (self, other)]
        labels, groups = self.who.labels, self.who.groups
        return (
            difference(_mean_auc, labels, knowns[0], knowns[1], groups),
            difference(_mean_auc, labels, unseens[0], unseens[1], groups),
        )

    def _columns(self, scores: dict[str, Scores]) -> Scores:
        """(N, 1 + G): which generator a row is of, and the scores that count for each; the bootstrap picks rows."""
        names = self.who.generators
        which = np.array([names.index(name) if name in names else -1 for name in self.who.origins], np.float64)
        return np.column_stack([which, *(scores[name] for name in names)])

    def _estimates(self, columns: Scores) -> dict[str, Estimate]:
        labels, groups = self.who.labels, self.who.groups
        found = {}
        for place, name in enumerate(self.who.generators):
            rows = (labels == 0) | (self.who.origins == name)
            found[name] = estimate(auc, labels[rows], columns[rows, 1 + place], groups[rows])
        return {**found, "mean": estimate(_mean_auc, labels, columns, groups)}


def separation(table: FeatureTable, who: Who, strength: float, seed: int = 0) -> Separation:
    """Grouped five-fold cross-validation with the logistic candidate; every generator left out in turn, too."""
    known = _scores(table, who, strength, seed, None)
    return Separation(who, known, {name: _scores(table, who, strength, seed, name) for name in who.generators})


def _scores(table: FeatureTable, who: Who, strength: float, seed: int, without: str | None) -> Scores:
    scores = np.empty(len(table), np.float64)
    for train, test in _folds(who, seed):
        met = train[who.origins[train] != without]
        pipeline = TWO_CLASS["logistic"].make(strength, seed)
        pipeline.fit(table.values[met], who.labels[met], model__sample_weight=who.weights(met))
        scores[test] = pipeline.decision_function(table.values[test])
    return scores


def _folds(who: Who, seed: int) -> Iterator[tuple[Rows, Rows]]:
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    return splitter.split(who.labels, who.origins, who.groups)  # type: ignore[no-any-return]


def _mean_auc(labels: Labels, columns: Scores) -> float:
    """The mean over generators of the AUC against all real faces; columns as `Separation` makes them.

    A resample may lack a generator of few fakes: the mean then is that of the others.
    """
    which, scores = columns[:, 0].astype(int), columns[:, 1:]
    parts = {place: (labels == 0) | (which == place) for place in np.unique(which[labels == 1])}
    return float(np.mean([auc(labels[rows], scores[rows, place]) for place, rows in parts.items()]))
