"""The field's figures, each with an interval from resampled groups.

Every metric takes labels (N,) with 1 for synthetic and scores (N,), higher is more synthetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_curve

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Groups = npt.NDArray[np.str_]
Metric = Callable[[Labels, Scores], float]


def auc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve: how likely a fake scores above a real face, ties half.

    Counted directly, because scikit-learn's takes a hundred times as long and the bootstrap calls it often.
    """
    real, fake = np.sort(scores[labels == 0]), scores[labels == 1]
    beaten = np.searchsorted(real, fake, "left") + np.searchsorted(real, fake, "right")
    return float(beaten.mean() / 2 / len(real))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Mean precision over the recalls; depends on the share of fakes."""
    return float(average_precision_score(labels, scores))


def equal_error_rate(labels: Labels, scores: Scores) -> float:
    """Where the ROC curve, linear between its points, has as many false alarms as misses."""
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    excess = fpr + tpr - 1  # false alarms less misses: from -1 up to 1, never falling
    return float(np.interp(0.0, excess, fpr))


def tpr_at(labels: Labels, scores: Scores, fpr: float) -> float:
    """The largest share of fakes found while at most a share `fpr` of real faces is flagged.

    Counted directly, as `auc` is.
    """
    real, fake = np.sort(scores[labels == 0])[::-1], scores[labels == 1]
    allowed = int(fpr * len(real) + 1e-9)  # a product that should be whole must not be rounded down
    return 1.0 if allowed >= len(real) else float((fake > real[allowed]).mean())


def accuracy_at(labels: Labels, scores: Scores, threshold: float) -> float:
    """The share of faces on their side of a threshold; what is on it counts as fake. Depends on the share of fakes."""
    return float(((scores >= threshold) == (labels == 1)).mean())


def balanced_accuracy_at(labels: Labels, scores: Scores, threshold: float) -> float:
    """The mean of the shares of fakes and of real faces on their side of a threshold; what is on it counts as fake."""
    right = (scores >= threshold) == (labels == 1)
    return float(right[labels == 1].mean() + right[labels == 0].mean()) / 2


def brier(labels: Labels, scores: Scores) -> float:
    """Mean squared error of probabilities."""
    return float(brier_score_loss(labels, scores))


def calibration_error(labels: Labels, scores: Scores, bins: int = 10) -> float:
    """Expected calibration error of probabilities, in `bins` of equal width (Naeini et al. 2015)."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    excess = np.bincount(place, weights=labels - scores, minlength=bins)
    return float(np.abs(excess).sum() / len(scores))


METRICS: dict[str, Metric] = {
    "AUC": auc,
    "AP": average_precision,
    "EER": equal_error_rate,
    "TPR@FPR 0.1%": partial(tpr_at, fpr=0.001),
    "TPR@FPR 1%": partial(tpr_at, fpr=0.01),
    "TPR@FPR 5%": partial(tpr_at, fpr=0.05),
    "Brier": brier,
    "ECE": calibration_error,
}


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; its ends are NaN where there is too little to resample."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def estimate(
    metric: Metric, labels: Labels, scores: Scores, groups: Groups, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """A metric with its percentile bootstrap interval (Efron & Tibshirani 1993, section 13.3).

    Whole groups are drawn, because the faces of one are not independent; within each class, so that no resample
    lacks one. Where every class has one group only, each resample is the data again and tells nothing: the ends are
    then NaN.

    Args:
        metric: what is estimated.
        labels: (N,) 1 for synthetic.
        scores: (N,).
        groups: (N,) identity or source clip.
        resamples: how many.
        seed: of the resampling; with one seed and the same faces, two estimates are paired.
    """
    values = [metric(labels[rows], scores[rows]) for rows in resampled(groups, labels, resamples, seed)]
    return Estimate(metric(labels, scores), *_interval(values, labels, groups))


def difference(
    metric: Metric, labels: Labels, one: Scores, other: Scores, groups: Groups, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """How much better `one` is than `other` on the same faces, with its interval from the same resamples."""
    values = [
        metric(labels[rows], one[rows]) - metric(labels[rows], other[rows])
        for rows in resampled(groups, labels, resamples, seed)
    ]
    return Estimate(metric(labels, one) - metric(labels, other), *_interval(values, labels, groups))


def _interval(values: list[float], labels: Labels, groups: Groups) -> tuple[float, float]:
    _, group = np.unique(groups, return_inverse=True)
    if max(map(len, _strata(group, labels))) < 2:
        return np.nan, np.nan
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def resampled(groups: Groups, kinds: Labels | Groups, resamples: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each resample: whole groups with replacement, among those that have rows of the same kinds.

    Args:
        groups: (N,) identity or source clip.
        kinds: (N,) of which each resample keeps some of every one: labels, or origins.
        resamples: how many.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(groups, return_inverse=True)
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group)
    starts = np.cumsum(counts) - counts
    strata = _strata(group, kinds)
    for _ in range(resamples):
        picked = np.concatenate([stratum[rng.integers(0, len(stratum), len(stratum))] for stratum in strata])
        lengths = counts[picked]
        shift = starts[picked] - (np.cumsum(lengths) - lengths)
        yield order[np.repeat(shift, lengths) + np.arange(lengths.sum())]


def _strata(group: npt.NDArray[np.int64], kinds: Labels | Groups) -> list[npt.NDArray[np.int64]]:
    """The numbers of the groups that have rows of the same kinds."""
    _, kind = np.unique(kinds, return_inverse=True)
    has = np.zeros((group.max() + 1, kind.max() + 1), np.bool_)
    has[group, kind] = True
    _, stratum = np.unique(has, axis=0, return_inverse=True)
    return [np.flatnonzero(stratum.ravel() == number) for number in range(stratum.max() + 1)]
