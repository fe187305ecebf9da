"""Fit a classifier's probabilities, and its threshold, to faces that people judged.

The pipeline stays as it is; only the sigmoid and the threshold change, so the order of faces stays too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from detector.classify.budgets import HeldOut
from detector.classify.classifier import FaceClassifier
from detector.classify.platt import Figures, Judged, Sigmoid, cross_validated, figures, platt
from detector.errors import UsageError

LEAST = 20
"""Faces of each class that must be judged, so that every fold of the cross-validation has some."""
REVIEWED = "reviewed"
"""The source that judged real faces have among the held-out ones."""


@dataclass(frozen=True, eq=False)
class Recalibration:
    """What came of it.

    Attributes:
        classifier: with the new calibration and threshold.
        sigmoid: from old to new probabilities.
        before, after: the old probabilities, and new ones by folds that did not see the face.
        flagged_before, flagged_after: share of the judged faces on or above the threshold, (real, synthetic), each
            counting as many uploads as it stands for. After: on the faces that the threshold came from.
    """

    classifier: FaceClassifier
    sigmoid: Sigmoid
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
    sigmoid = platt(faces)
    new = replace(faces, probability=sigmoid(faces.probability))
    real = _join(replace(classifier.real, probability=sigmoid(classifier.real.probability)), _reviewed(new))
    changed = replace(
        classifier,
        slope=sigmoid.slope * classifier.slope,
        intercept=sigmoid.slope * classifier.intercept + sigmoid.intercept,
        threshold=real.threshold(fpr),
        fpr=fpr,
        real=real,
        about={**classifier.about, **_about(faces, sigmoid), **(about or {})},
    )
    return Recalibration(
        changed,
        sigmoid,
        figures(faces.probability, faces),
        figures(cross_validated(faces), faces),
        _flagged(faces, classifier.threshold),
        _flagged(new, changed.threshold),
    )


def _reviewed(faces: Judged) -> HeldOut:
    real = faces.of(faces.labels == 0)
    weights = real.weights / real.weights.mean()
    return HeldOut.of(real.probability, np.arange(len(real)), [REVIEWED] * len(real), weights)


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
            f"ones are worth {reviewed.count} (fewer than they are, where some stand for many uploads and others for "
            "one); review more of those that were drawn at random, or take a larger share"
        )


def _about(faces: Judged, sigmoid: Sigmoid) -> dict[str, str]:
    fakes = int(faces.labels.sum())
    return {
        "recalibrated on": f"{len(faces) - fakes} real and {fakes} synthetic pictures that people judged",
        "recalibrated by": f"new log-odds = {sigmoid.slope:.4f} * old log-odds {sigmoid.intercept:+.4f}",
    }


def _flagged(faces: Judged, threshold: float) -> tuple[float, float]:
    real, fake = (faces.of(faces.labels == label) for label in (0, 1))
    return _share_above(real, threshold), _share_above(fake, threshold)


def _share_above(faces: Judged, threshold: float) -> float:
    return float(np.average(faces.probability >= threshold, weights=faces.weights))
