"""The candidate pipelines. Each holds everything that learns, so that nothing leaks from one fold into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Candidate:
    """A family of pipelines.

    Attributes:
        make: (strength of the regularisation, seed) -> an unfitted pipeline whose last step is called ``model``.
        strengths: the strengths that are worth trying.
    """

    make: Callable[[float, int], Pipeline]
    strengths: tuple[float, ...]


def logistic(strength: float, seed: int) -> Pipeline:
    """Logistic regression with an L2 penalty of weight `strength`."""
    return _pipeline(LogisticRegression(C=1 / strength, max_iter=2000, random_state=seed))


def boosting(strength: float, seed: int) -> Pipeline:
    """Shallow gradient-boosted trees; `strength` is the L2 penalty of the leaves."""
    return _pipeline(_trees(strength, seed))


def average(strength: float, seed: int) -> Pipeline:
    """The mean probability of `logistic` and `boosting`."""
    members = [
        ("logistic", LogisticRegression(C=1 / strength, max_iter=2000, random_state=seed)),
        ("boosting", _trees(strength, seed)),
    ]
    return _pipeline(VotingClassifier(members, voting="soft"))


def gaussian(strength: float, seed: int) -> Pipeline:
    """The density of real faces: a Gaussian on the principal axes, with `strength` added to each variance."""
    density = GaussianMixture(1, covariance_type="full", reg_covar=strength, random_state=seed)
    return _pipeline(density, PCA(0.95, svd_solver="full"))


TWO_CLASS: dict[str, Candidate] = {
    "logistic": Candidate(logistic, (30.0, 100.0, 300.0, 1000.0)),
    "boosting": Candidate(boosting, (10.0,)),
    "average": Candidate(average, (100.0, 300.0)),
}
ONE_CLASS: dict[str, Candidate] = {"gaussian": Candidate(gaussian, (0.01, 0.1, 1.0))}


def _trees(strength: float, seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=150,
        max_leaf_nodes=8,
        max_features=0.2,
        l2_regularization=strength,
        early_stopping=False,
        random_state=seed,
    )


def _pipeline(model: Any, *between: Any) -> Pipeline:
    steps = [
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
        *[(type(step).__name__.lower(), step) for step in between],
        ("model", model),
    ]
    return Pipeline(steps)
