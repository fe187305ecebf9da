"""Probabilities of known faces -> the figures that a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from detector.benchmark.measures.families import drawn_known
from detector.benchmark.measures.held_out import NOTHING, HeldOut
from detector.benchmark.measures.metrics import (
    METRICS,
    Estimate,
    Groups,
    Labels,
    Scores,
    auc,
    difference,
    estimate,
    tpr_at,
)

ALL = "all"
"""The name of the row that has every generator."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What several approaches said of the same faces.

    Attributes:
        labels: (N,) 1 for synthetic.
        groups: (N,) identity or source clip.
        origins: (N,) generator of a fake, source of a real face.
        probability: approach to its (N,) probabilities of "synthetic".
    """

    labels: Labels
    groups: Groups
    origins: Groups
    probability: Mapping[str, Scores]

    @property
    def generators(self) -> list[str]:
        """Every generator, and `ALL`."""
        return [*np.unique(self.origins[self.labels == 1]).tolist(), ALL]

    def where(self, keep: npt.NDArray[np.bool_]) -> Answers:
        """The faces where (N,) `keep` holds."""
        probability = {name: scores[keep] for name, scores in self.probability.items()}
        return Answers(self.labels[keep], self.groups[keep], self.origins[keep], probability)

    def held(self, approach: str) -> HeldOut:
        """What one approach said."""
        return HeldOut(self.labels, self.groups, self.origins, {NOTHING: self.probability[approach]})

    def against(self, generator: str) -> npt.NDArray[np.bool_]:
        """(N,) the faces of a generator and all real ones."""
        if generator == ALL:
            return np.full(len(self.labels), True)
        return np.asarray((self.labels == 0) | (self.origins == generator), np.bool_)


@dataclass(frozen=True)
class Rate:
    """A share of `count` faces, with its exact 95 % interval (Clopper & Pearson 1934)."""

    hits: int
    count: int

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends."""
        found = binomtest(self.hits, self.count).proportion_ci()
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits} of {self.count}, {self.hits / self.count:.3f} ({low:.3f} to {high:.3f})"


def auc_of(answers: Answers, approach: str, generator: str) -> Estimate:
    """AUC of one generator, or `ALL`, against all real faces."""
    rows = answers.against(generator)
    return estimate(auc, answers.labels[rows], answers.probability[approach][rows], answers.groups[rows])


def aucs(answers: Answers, approach: str) -> dict[str, Estimate]:
    """AUC of each generator against all real faces, their mean, and `ALL` in one."""
    return drawn_known(answers.held(approach)).estimates() | {ALL: auc_of(answers, approach, ALL)}


def gains(answers: Answers, approach: str, control: str) -> dict[str, Estimate]:
    """By how much `aucs` of an approach are above those of a control, on the same faces."""
    drawn = drawn_known(answers.held(approach)).less(drawn_known(answers.held(control)))
    one, other = answers.probability[approach], answers.probability[control]
    return drawn.estimates() | {ALL: difference(auc, answers.labels, one, other, answers.groups)}


def found_at(answers: Answers, approach: str, fpr: float) -> dict[str, Estimate]:
    """The share of each generator's fakes that is found while at most a share `fpr` of real faces is flagged."""
    metric = partial(tpr_at, fpr=fpr)
    return {
        generator: estimate(
            metric, answers.labels[rows], answers.probability[approach][rows], answers.groups[rows], resamples=300
        )
        for generator in answers.generators
        for rows in [answers.against(generator)]
    }


def summary(answers: Answers, approach: str) -> dict[str, Estimate]:
    """Every metric over all faces."""
    probability = answers.probability[approach]
    return {
        name: estimate(metric, answers.labels, probability, answers.groups, resamples=300)
        for name, metric in METRICS.items()
    }


def flagged(answers: Answers, approach: str, threshold: float) -> dict[str, Rate]:
    """The share of the faces of each source and generator that a threshold calls fake; real sources first."""
    fake = answers.probability[approach] >= threshold
    order = sorted(set(zip(answers.labels.tolist(), answers.origins.tolist(), strict=True)))
    return {
        origin: Rate(int(fake[rows].sum()), int(rows.sum()))
        for label, origin in order
        for rows in [(answers.origins == origin) & (answers.labels == label)]
    }
