"""Is one detector's AUC above another's on the same faces? The test of DeLong et al. (1988), also for grouped faces."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from detector.benchmark.measures.metrics import Groups, Labels, Scores
from detector.errors import UsageError

_NONE = 1e-15
"""A standard error below this is rounding: the scores themselves show no variation."""
_HALF_WIDTH = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class DeLong:
    """Two AUCs on the same faces, and what their difference may be.

    Where both rank all faces alike, the difference and its error are 0, and p is 1. Where the AUCs differ and the
    estimated error is 0 all the same (one perfect, the other constant), nothing is known of the error: z, p and the
    interval are NaN.

    Attributes:
        one, other: AUC of each, in [0, 1].
        standard_error: of `difference`, at least 0.
    """

    one: float
    other: float
    standard_error: float

    @property
    def difference(self) -> float:
        """`one` less `other`, in [-1, 1]; positive where `one` is better."""
        return self.one - self.other

    @property
    def z(self) -> float:
        """The difference in standard errors; normal if the true AUCs are equal and there are many groups."""
        if self.standard_error > 0:
            return self.difference / self.standard_error
        return 0.0 if abs(self.difference) < _NONE else nan

    @property
    def p(self) -> float:
        """Two-sided: how often equal AUCs would differ by as much, in [0, 1]."""
        return erfc(abs(self.z) / sqrt(2))

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the 95 % interval of the difference; by the normal law, so they can lie beyond -1 and 1."""
        half = nan if isnan(self.z) else _HALF_WIDTH * self.standard_error
        return self.difference - half, self.difference + half

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.difference:+.3f} ({low:+.3f} to {high:+.3f}), p = {self.p:.2g}"


def delong(labels: Labels, one: Scores, other: Scores, groups: Groups | None = None) -> DeLong:
    """Compare the AUCs of two detectors on the same faces (DeLong et al. 1988, Biometrics 44:837).

    The placements of a face are found by midranks, in O(N log N) (Sun & Xu 2014, IEEE SPL 21:1389). Without `groups`
    every row counts as independent, as in the paper: pass one row a clip, of people who are in one clip only. Frames
    of one clip, and clips of one person, are not independent: with `groups` the variance is that of Obuchowski (1997,
    Biometrics 53:567, clustered ROC data), which is DeLong's where every group has one row.

    Args:
        labels: (N,) 1 for synthetic.
        one, other: (N,) scores, higher is more synthetic.
        groups: (N,) identity or source clip; None where every row is its own.

    Raises:
        UsageError: a score is NaN, or fewer than two groups hold a fake or a real face.
    """
    _, group = np.unique(np.arange(len(labels)) if groups is None else groups, return_inverse=True)
    _check(labels, one, other, group)
    (first, first_pull), (second, second_pull) = _placed(labels, one), _placed(labels, other)
    error = sqrt(_variance(labels, first_pull - second_pull, group))
    return DeLong(first, second, error if error > _NONE else 0.0)


def _placed(labels: Labels, scores: Scores) -> tuple[float, Scores]:
    """AUC, and (N,) how far each face pulls it up, the sum over each class being 0.

    A fake's placement is the share of real faces that it beats, a real face's the share of fakes that beat it, ties
    half: V10 and V01 of DeLong et al. The pull is the placement less the AUC, over the size of the class.
    """
    fake = labels == 1
    place, fakes, reals = np.empty(len(labels)), fake.sum(), (~fake).sum()
    ranks = rankdata(scores)
    place[fake] = (ranks[fake] - rankdata(scores[fake])) / reals
    place[~fake] = 1 - (ranks[~fake] - rankdata(scores[~fake])) / fakes
    auc = float(place[fake].mean())
    return auc, (place - auc) / np.where(fake, fakes, reals)


def _variance(labels: Labels, pull: Scores, group: npt.NDArray[np.int64]) -> float:
    """S10 / m + S01 / n + 2 S11 / (m n) of Obuchowski, of a difference: her sums are linear in the placements."""
    fake, real = (np.bincount(group, pull * (labels == label)) for label in (1, 0))
    fakes, reals = (len(np.unique(group[labels == label])) for label in (1, 0))
    return float(_few(fakes) * fake @ fake + _few(reals) * real @ real + 2 * _few(group.max() + 1) * fake @ real)


def _few(count: int) -> float:
    """What makes a variance over few groups unbiased."""
    return count / (count - 1)


def _check(labels: Labels, one: Scores, other: Scores, group: npt.NDArray[np.int64]) -> None:
    if missing := int((np.isnan(one) | np.isnan(other)).sum()):
        raise UsageError(
            f"expected two scores for every face, {missing} of {len(labels)} lack one; leave these faces out of both"
        )
    for label, kind in ((1, "synthetic"), (0, "real")):
        count = len(np.unique(group[labels == label]))
        if count < 2:
            raise UsageError(f"expected two groups or more with {kind} faces, got {count}; a variance needs as many")
