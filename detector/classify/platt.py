"""Calibration on faces that people judged: a sigmoid on the log-odds, and how good probabilities are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import StratifiedKFold

from detector.classify.budgets import Column, Labels
from detector.errors import UsageError
from detector.types import check_shape

PRIOR = np.array([[1.0, 0.5], [0.0, 1.0]])
"""Mean and standard deviation of the slope, then of the intercept: what is believed before the first label."""
FOLDS = 5
_EDGE = 1e-15  # a probability of exactly 0 or 1 has no log-odds


@dataclass(frozen=True, eq=False)
class Judged:
    """Faces with the classifier's probability and a person's word; no picture twice.

    Attributes:
        probability: (N,) in [0, 1].
        labels: (N,) 1 for synthetic.
        weights: (N,) how many uploads each stands for.
    """

    probability: Column
    labels: Labels
    weights: Column

    def __post_init__(self) -> None:
        for name in ("labels", "weights"):
            check_shape(f"Judged.{name}", getattr(self, name), self.probability.shape)

    def __len__(self) -> int:
        return len(self.probability)

    def of(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Judged:
        """These rows."""
        return Judged(self.probability[rows], self.labels[rows], self.weights[rows])

    @property
    def even(self) -> Column:
        """(N,) weights with which both classes count the same, as for the classifier's probabilities: even odds.

        Their sum is Kish's effective number of faces, (Σw)² / Σw²: one that stands for 100 does not say 100 times as
        much.
        """
        weights = self.weights.copy()
        for label in np.unique(self.labels):
            weights[self.labels == label] /= weights[self.labels == label].sum()
        return np.asarray(weights * weights.sum() / (weights @ weights))


@dataclass(frozen=True)
class Figures:
    """How good probabilities are, at even odds; the lower, the better.

    Attributes:
        ece: expected calibration error, ten bins of equal width (Naeini et al. 2015).
        brier: mean squared error.
        log_loss: mean negative log-likelihood, nats.
    """

    ece: float
    brier: float
    log_loss: float


@dataclass(frozen=True)
class Sigmoid:
    """New log-odds = slope * old log-odds + intercept."""

    slope: float
    intercept: float

    def __call__(self, probability: Column) -> Column:
        """(N,) new probabilities of the old ones."""
        return np.asarray(expit(self.slope * log_odds(probability) + self.intercept), np.float64)


def log_odds(probability: Column) -> Column:
    """(N,) of probabilities; finite for 0 and 1 too."""
    return np.asarray(logit(np.clip(probability, _EDGE, 1 - _EDGE)), np.float64)


def platt(faces: Judged) -> Sigmoid:
    """The slope a and intercept b with which sigmoid(a * log-odds + b) fits the labels best (Platt 1999, equation 1).

    It is the maximum of the posterior with the weights of `Judged.even` and independent normal priors, `PRIOR`, around
    a = 1 and b = 0: few labels change little. The posterior is log-concave, so the maximum is the only one.

    Raises:
        UsageError: a is not positive: the labels contradict the probabilities.
    """
    columns, weights = np.column_stack([log_odds(faces.probability), np.ones(len(faces))]), faces.even
    signs, (mean, deviation) = 2.0 * faces.labels - 1, PRIOR.T

    def loss(line: Column) -> tuple[float, Column]:
        margins, pull = signs * (columns @ line), (line - mean) / deviation
        gradient = pull / deviation - columns.T @ (weights * signs * expit(-margins))
        return float(pull @ pull / 2 - weights @ log_expit(margins)), gradient

    def curvature(line: Column) -> npt.NDArray[np.float64]:
        spread = weights * expit(columns @ line) * expit(-(columns @ line))
        return np.asarray((columns.T * spread) @ columns + np.diag(deviation**-2))

    found = minimize(loss, mean, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-6})
    slope, intercept = found.x.tolist()
    if slope <= 0:
        raise UsageError(
            "the labels contradict the probabilities: what people found synthetic has the lower ones. Look at the "
            "labels and at how the faces were chosen; if both are right, this classifier is of no use here"
        )
    return Sigmoid(slope, intercept)


def cross_validated(faces: Judged) -> Column:
    """(N,) the new probability of every face, by a fit that did not see it."""
    found = np.empty(len(faces))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(faces.labels, faces.labels):
        found[test] = platt(faces.of(train))(faces.probability[test])
    return found


def figures(probability: Column, faces: Judged, bins: int = 10) -> Figures:
    """How good (N,) probabilities are for the faces."""
    weights, clipped = faces.even, np.clip(probability, _EDGE, 1 - _EDGE)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    excess = np.bincount(place, weights=weights * (faces.labels - probability), minlength=bins)
    return Figures(
        ece=float(np.abs(excess).sum() / weights.sum()),
        brier=float(brier_score_loss(faces.labels, probability, sample_weight=weights)),
        log_loss=float(log_loss(faces.labels, clipped, sample_weight=weights)),
    )
