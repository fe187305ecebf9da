"""Named features of a face -> the probability that it is synthetic, and which region says so.

`fit_classifier` chooses, fits and calibrates one scikit-learn pipeline; `FaceClassifier` keeps it together with the
feature names that it was fitted on, its decision threshold, and what real faces look like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.classify.classifier import FaceClassifier

if TYPE_CHECKING:
    from detector.classify.fit import ClassifierConfig, fit_classifier, held_out_scores

__all__ = ["ClassifierConfig", "FaceClassifier", "fit_classifier", "held_out_scores"]


def __getattr__(name: str) -> object:
    """Import what fits, and scikit-learn with it, when it is first asked for: who only reads budgets needs neither."""
    if name not in __all__:
        raise AttributeError(f"module 'detector.classify' has no attribute {name!r}")
    from detector.classify import fit

    return getattr(fit, name)
