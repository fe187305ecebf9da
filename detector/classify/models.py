"""The candidate pipelines. Each holds everything that learns, so that nothing leaks from one fold into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from detector.types import Array

Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A family of pipelines.

    Attributes:
        make: (strength of the regularisation, seed) -> an unfitted pipeline whose last step is called ``model``.
        strengths: the strengths that are worth trying.
    """

    make: Callable[[float, int], Pipeline]
    strengths: tuple[float, ...]


class Committee(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of its members' margins, each divided by its standard deviation on the training data.

    Args:
        members: pipelines whose last step is called ``model`` and takes sample weights.
    """

    def __init__(self, members: tuple[Pipeline, ...] = ()) -> None:
        self.members = members

    def fit(self, x: Array, y: npt.NDArray[np.int64], sample_weight: Column) -> Committee:
        """Fit every member on the same rows."""
        self.classes_ = np.unique(y)
        self.members_ = [clone(member).fit(x, y, model__sample_weight=sample_weight) for member in self.members]
        self.scales_ = [float(np.std(member.decision_function(x))) for member in self.members_]
        return self

    def decision_function(self, x: Array) -> Column:
        """(N,) mean margin; higher is more synthetic."""
        margins = [
            member.decision_function(x) / scale for member, scale in zip(self.members_, self.scales_, strict=True)
        ]
        return np.asarray(np.mean(margins, axis=0), np.float64)


def logistic(strength: float, seed: int) -> Pipeline:
    """Logistic regression with an L2 penalty of weight `strength`."""
    return _pipeline(LogisticRegression(C=1 / strength, max_iter=2000, random_state=seed))


def kernel(strength: float, seed: int) -> Pipeline:
    """A support vector machine with a Gaussian kernel on the principal axes; `strength` weighs its margin."""
    return _pipeline(SVC(C=1 / strength, random_state=seed), PCA(0.97, svd_solver="full"))


def committee(strength: float, seed: int) -> Pipeline:
    """The mean margin of a strongly regularised logistic regression and of a kernel machine."""
    flat = Pipeline([("model", LogisticRegression(C=1 / 300, max_iter=2000, random_state=seed))])
    curved = Pipeline([("pca", PCA(0.97, svd_solver="full")), ("model", SVC(C=1 / strength, random_state=seed))])
    return _pipeline(Committee((flat, curved)))


def boosting(strength: float, seed: int) -> Pipeline:
    """Gradient boosting of shallow trees, the published control's; `strength` is the L2 penalty of their leaves.

    Its settings are fixed: early stopping would draw its own validation rows, and tear groups apart.
    """
    return _pipeline(
        HistGradientBoostingClassifier(
            learning_rate=0.08,
            max_iter=120,
            max_leaf_nodes=15,
            max_features=0.2,
            l2_regularization=strength,
            early_stopping=False,
            random_state=seed,
        )
    )


def gaussian(strength: float, seed: int) -> Pipeline:
    """The density of real faces: a Gaussian on the principal axes, with `strength` added to each variance."""
    density = GaussianMixture(1, covariance_type="full", reg_covar=strength, random_state=seed)
    return _pipeline(density, PCA(0.95, svd_solver="full"))


TWO_CLASS: dict[str, Candidate] = {
    "logistic": Candidate(logistic, (100.0, 1000.0)),
    "kernel": Candidate(kernel, (0.1, 0.3, 1.0)),
    "committee": Candidate(committee, (0.1, 0.3, 1.0)),
    "boosting": Candidate(boosting, (1.0,)),
}
DEFAULT = ("logistic", "kernel", "committee")
"""What is tried where nothing is named: boosting was no better on our features, and fifty times slower."""
ONE_CLASS: dict[str, Candidate] = {"gaussian": Candidate(gaussian, (0.01, 0.1, 1.0))}


def _pipeline(model: Any, *between: Any) -> Pipeline:
    steps = [
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
        *[(type(step).__name__.lower(), step) for step in between],
        ("model", model),
    ]
    return Pipeline(steps)
