"""Fit a classifier's probabilities, and its threshold, to faces that people judged.

The pipeline stays as it is; only the sigmoid and the threshold change, so the order of faces stays too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import StratifiedKFold

from detector.classify.budgets import Column, HeldOut
from detector.classify.classifier import FaceClassifier
from detector.errors import UsageError
from detector.types import check_shape

Labels = npt.NDArray[np.int64]

LEAST = 20
"""Faces of each class that must be judged, so that every fold of the cross-validation has some."""
PRIOR = np.array([[1.0, 0.5], [0.0, 1.0]])
"""Mean and standard deviation of the slope, then of the intercept: what is believed before the first label."""
REVIEWED = "reviewed"
"""The source that judged real faces have among the held-out ones."""
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
    def log_odds(self) -> Column:
        """(N,) of the probability."""
        return np.asarray(logit(np.clip(self.probability, _EDGE, 1 - _EDGE)), np.float64)

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


@dataclass(frozen=True, eq=False)
class Recalibration:
    """What came of it.

    Attributes:
        classifier: with the new calibration and threshold.
        slope, intercept: new log-odds = slope * old log-odds + intercept.
        before, after: the old probabilities, and new ones by folds that did not see the face.
        flagged_before, flagged_after: share of the judged faces on or above the threshold, (real, synthetic), each
            counting as many uploads as it stands for. After: on the faces that the threshold came from.
    """

    classifier: FaceClassifier
    slope: float
    intercept: float
    before: Figures
    after: Figures
    flagged_before: tuple[float, float]
    flagged_after: tuple[float, float]


def recalibrate(
    classifier: FaceClassifier, faces: Judged, fpr: float | None = None, about: Mapping[str, str] | None = None
) -> Recalibration:
    """Fit a sigmoid to the classifier's log-odds, and derive the threshold anew.

    The threshold is that of `HeldOut.threshold`, with the judged real faces as one more source of held-out real faces.
    The sigmoid does not change the order of faces, so it may be fitted on the same ones without weakening that.

    Args:
        classifier: as it gave the probabilities.
        faces: that people judged.
        fpr: of the new threshold; None is the classifier's.
        about: added to what the classifier says of itself.

    Raises:
        UsageError: too few faces of a class, a budget that the real ones cannot vouch for, or labels that contradict
            the probabilities.
    """
    fpr = classifier.fpr if fpr is None else fpr
    _check(classifier, faces, fpr)
    slope, intercept = platt(faces)
    mapped = _Sigmoid(slope, intercept)
    real = _join(mapped.held_out(classifier.real), mapped.reviewed(faces))
    changed = replace(
        classifier,
        slope=slope * classifier.slope,
        intercept=slope * classifier.intercept + intercept,
        threshold=real.threshold(fpr),
        fpr=fpr,
        real=real,
        about={**classifier.about, **_about(faces, slope, intercept), **(about or {})},
    )
    return Recalibration(
        changed,
        slope,
        intercept,
        figures(faces.probability, faces),
        figures(cross_validated(faces), faces),
        _flagged(faces, faces.probability, classifier.threshold),
        _flagged(faces, mapped(faces.probability), changed.threshold),
    )


def platt(faces: Judged) -> tuple[float, float]:
    """Slope a and intercept b with which sigmoid(a * log-odds + b) fits the labels best (Platt 1999, equation 1).

    It is the maximum of the posterior with the weights of `Judged.even` and independent normal priors, `PRIOR`, around
    a = 1 and b = 0: few labels change little. The posterior is log-concave, so the maximum is the only one.

    Raises:
        UsageError: a is not positive: the labels contradict the probabilities.
    """
    columns, weights = np.column_stack([faces.log_odds, np.ones(len(faces))]), faces.even
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
    return slope, intercept


def cross_validated(faces: Judged) -> Column:
    """(N,) the new probability of every face, by a fit that did not see it."""
    found = np.empty(len(faces))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(faces.labels, faces.labels):
        found[test] = _Sigmoid(*platt(faces.of(train)))(faces.probability[test])
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


@dataclass(frozen=True)
class _Sigmoid:
    slope: float
    intercept: float

    def __call__(self, probability: Column) -> Column:
        log_odds = logit(np.clip(probability, _EDGE, 1 - _EDGE))
        return np.asarray(expit(self.slope * log_odds + self.intercept), np.float64)

    def held_out(self, real: HeldOut) -> HeldOut:
        """The same faces with their new probabilities."""
        return replace(real, probability=self(real.probability))

    def reviewed(self, faces: Judged) -> HeldOut:
        """The judged real faces as held-out ones."""
        return _reviewed(replace(faces, probability=self(faces.probability)))


def _reviewed(faces: Judged) -> HeldOut:
    real = faces.of(faces.labels == 0)
    return HeldOut.of(
        real.probability, np.arange(len(real)), [REVIEWED] * len(real), real.weights / real.weights.mean()
    )


def _join(one: HeldOut, other: HeldOut) -> HeldOut:
    start = one.groups.max(initial=-1) + 1
    return HeldOut(
        np.concatenate([one.probability, other.probability]),
        np.concatenate([one.groups, other.groups + start]),
        np.concatenate([one.sources, other.sources]),
        np.concatenate([one.weights, other.weights]),
    )


def _check(classifier: FaceClassifier, faces: Judged, fpr: float) -> None:
    """Raise unless there are faces enough of both classes, not only doubtful ones, and real ones for the budget."""
    for label, word in enumerate(("real", "fake")):
        if (count := int((faces.labels == label).sum())) < LEAST:
            raise UsageError(f"expected at least {LEAST} different pictures labelled {word}, got {count}; review more")
    if (lowest := faces.probability.min()) >= 0.5:
        raise UsageError(
            f"every judged picture has a probability of {lowest:.2f} or more: they were chosen by it, and cannot tell "
            "how probable the others are. Let a policy's [audit] share send some to people at random"
        )
    if len(classifier.real):
        classifier.threshold_for(fpr)
    reviewed = _reviewed(faces)
    if reviewed.bound(fpr) is None:
        raise UsageError(
            f"fpr: {fpr:g} needs {int(np.ceil(1 / fpr - 1e-9)) - 1} real pictures, and the {len(reviewed)} reviewed "
            f"ones are worth {reviewed.count}, because some stand for many uploads and others for few; review more of "
            "those that were drawn at random, or take a larger share"
        )


def _about(faces: Judged, slope: float, intercept: float) -> dict[str, str]:
    fakes = int(faces.labels.sum())
    return {
        "recalibrated on": f"{len(faces) - fakes} real and {fakes} synthetic pictures that people judged",
        "recalibrated by": f"new log-odds = {slope:.4f} * old log-odds {intercept:+.4f}",
    }


def _flagged(faces: Judged, probability: Column, threshold: float) -> tuple[float, float]:
    real, fake = (
        float(np.average(probability[faces.labels == label] >= threshold, weights=faces.weights[faces.labels == label]))
        for label in (0, 1)
    )
    return real, fake
