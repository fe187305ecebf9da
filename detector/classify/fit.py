"""Choose, fit and calibrate a classifier; derive its threshold from a stated false-positive rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from detector.classify.balance import balanced, strata
from detector.classify.budgets import HeldOut
from detector.classify.classifier import Column, FaceClassifier, raw_scores
from detector.classify.evidence import Reference
from detector.classify.models import DEFAULT, ONE_CLASS, TWO_CLASS, Candidate
from detector.errors import ConfigError, ShapeError, UnknownNameError
from detector.types import MADE, Array, FeatureTable

Labels = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]


@dataclass(frozen=True)
class ClassifierConfig:
    """How to fit.

    Attributes:
        mode: "two-class" learns real against fake; "one-class" learns the density of real faces alone.
        candidates: which pipelines to try; None stands for all of the mode but the slow ones.
        strength: of their regularisation; None tries those that each candidate names.
        folds: of the grouped cross-validation that chooses and calibrates.
        fpr: the share of real faces that may be called fake.
        seed: of everything random.
    """

    mode: Literal["two-class", "one-class"] = "two-class"
    candidates: tuple[str, ...] | None = None
    strength: float | None = None
    folds: int = 5
    fpr: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fpr < 1:
            raise ConfigError(f"fpr: expected a share between 0 and 1, got {self.fpr}")
        for name in self.candidates or ():
            if name not in self.registry:
                raise UnknownNameError(f"{self.mode} classifier", name, self.registry)

    @property
    def tried(self) -> tuple[str, ...]:
        """The candidates that are tried."""
        return self.candidates or (tuple(ONE_CLASS) if self.mode == "one-class" else DEFAULT)

    @property
    def registry(self) -> dict[str, Candidate]:
        """The candidates of the mode."""
        return ONE_CLASS if self.mode == "one-class" else TWO_CLASS


def fit_classifier(
    table: FeatureTable,
    labels: Sequence[int] | Labels,
    groups: Sequence[str] | Words,
    sources: Sequence[str] | Words,
    config: ClassifierConfig | None = None,
    versions: Mapping[str, str] | None = None,
) -> FaceClassifier:
    """Choose a pipeline by grouped cross-validation, calibrate it on the held-out folds, fit it on all rows.

    Every row gets a score from a model that saw nothing of the row's group. On these scores the candidates compete (by
    AUC, each generator counting the same), a sigmoid is fitted (Platt 1999, at even prior odds), and the threshold is
    set (`HeldOut.threshold`). The pipeline that is kept is fitted on all rows. Fakes that we make ourselves (`MADE`)
    are fitted, but neither choose nor calibrate where there are others.

    One-class mode fits on the real rows alone. Its sigmoid is fitted against the fakes where there are any; without
    one, it is the logistic law through the ranks of the held-out real faces.

    Args:
        table: N rows of features.
        labels: (N,) 1 for synthetic.
        groups: (N,) identity or source clip; a group never is on both sides of a fold.
        sources: (N,) the real data set or the generator of each row.
        config: how to fit.
        versions: the models that made the features, name -> version; kept with the classifier.

    Raises:
        ShapeError: the columns differ in length, or a class that the mode needs has too few groups.
    """
    config = config or ClassifierConfig()
    data = _data(table, labels, groups, sources, config)
    best = _best(data, config)
    slope, intercept = _calibrate(best.scores, data)
    probability = 1 / (1 + np.exp(-(slope * best.scores + intercept)))
    real = data.labels == 0
    held_out = HeldOut.of(probability[real], data.groups[real], data.sources[real])
    return FaceClassifier(
        pipeline=best.fit(np.arange(len(data.labels))),
        names=table.names,
        slope=slope,
        intercept=intercept,
        threshold=held_out.threshold(config.fpr),
        fpr=config.fpr,
        reference=Reference.of(data.values[real]),
        versions=dict(versions or {}),
        about={
            "mode": config.mode,
            "candidate": best.name,
            "strength": f"{best.strength:g}",
            "cross-validated AUC, mean over generators": f"{best.merit:.4f}",
            "real faces": _counts(data.sources[real]),
            "synthetic faces": _counts(data.sources[~real]),
        },
        real=held_out,
    )


def held_out_scores(
    table: FeatureTable,
    labels: Sequence[int] | Labels,
    groups: Sequence[str] | Words,
    sources: Sequence[str] | Words,
    config: ClassifierConfig,
) -> Column:
    """(N,) uncalibrated scores, each by a model that saw nothing of the row's group; arguments as `fit_classifier`'s.

    Of the candidates and strengths that the config names, the best one's.
    """
    return _best(_data(table, labels, groups, sources, config), config).scores


def threshold_at(probability: Column, groups: Words, sources: Words, fpr: float) -> float:
    """`HeldOut.threshold` of the columns of real faces: (N,) probability, identity or source clip, data set."""
    return HeldOut.of(probability, groups, sources).threshold(fpr)


@dataclass(frozen=True, eq=False)
class _Data:
    """The columns of a fit: values (N, F), labels, groups and sources (N,)."""

    values: Array
    labels: Labels
    groups: Words
    sources: Words

    def check(self, config: ClassifierConfig) -> None:
        lengths = {len(self.values), len(self.labels), len(self.groups), len(self.sources)}
        if len(lengths) != 1:
            raise ShapeError(f"expected one label, group and source per row, got lengths {sorted(lengths)}")
        needed = (0, 1) if config.mode == "two-class" else (0,)
        for label in needed:
            if (count := len(np.unique(self.groups[self.labels == label]))) < config.folds:
                raise ShapeError(f"expected at least {config.folds} groups with label {label}, got {count}")

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """(N,) what chooses and calibrates: not the fakes that we make ourselves, where there are others."""
        others = ~np.char.startswith(self.sources.astype(np.str_), MADE)
        return others if (others & (self.labels == 1)).any() else np.full(len(self.labels), True)

    def folds(self, config: ClassifierConfig) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        splitter = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
        kinds = strata(self.labels, self.sources, config.folds)
        return splitter.split(self.values, kinds, self.groups)  # type: ignore[no-any-return]


class _Trial:
    """One candidate at one strength, with the scores of its held-out folds."""

    def __init__(self, name: str, strength: float, config: ClassifierConfig, data: _Data) -> None:
        self.name, self.strength, self._config, self._data = name, strength, config, data
        self.scores = np.empty(len(data.labels), np.float64)
        for train, test in data.folds(config):
            self.scores[test] = raw_scores(self.fit(train), data.values[test])

    def fit(self, rows: npt.NDArray[np.int64]) -> Any:
        """The pipeline, fitted on these rows."""
        data, pipeline = self._data, self._config.registry[self.name].make(self.strength, self._config.seed)
        # Seen once under load and not again: the floating-point flag "invalid" after a product of finite matrices.
        # Scikit-learn refuses input that is not finite, and `merit` scores that are not: nothing wrong can pass.
        with np.errstate(invalid="ignore"):
            if self._config.mode == "one-class":
                return pipeline.fit(data.values[rows[data.labels[rows] == 0]])
            weights = balanced(data.labels[rows], data.sources[rows])
            return pipeline.fit(data.values[rows], data.labels[rows], model__sample_weight=weights)

    @property
    def merit(self) -> float:
        """AUC against all real faces, mean over the generators; without a fake, minus the mean score of the reals."""
        data, real = self._data, self._data.labels == 0
        generators = np.unique(data.sources[~real & data.counted])
        if not len(generators):
            return -float(self.scores.mean())
        parts = [real | (data.sources == generator) for generator in generators]
        return float(np.mean([roc_auc_score(data.labels[part], self.scores[part]) for part in parts]))


def _data(
    table: FeatureTable,
    labels: Sequence[int] | Labels,
    groups: Sequence[str] | Words,
    sources: Sequence[str] | Words,
    config: ClassifierConfig,
) -> _Data:
    data = _Data(table.values, np.asarray(labels, np.int64), np.asarray(groups), np.asarray(sources))
    data.check(config)
    return data


def _best(data: _Data, config: ClassifierConfig) -> _Trial:
    """The candidate and strength with the highest merit."""
    trials = [
        _Trial(name, strength, config, data)
        for name in config.tried
        for strength in ((config.strength,) if config.strength else config.registry[name].strengths)
    ]
    return max(trials, key=lambda trial: trial.merit)


def _calibrate(scores: Column, data: _Data) -> tuple[float, float]:
    """Slope and intercept from raw score to log-odds."""
    if data.labels.any():
        rows = data.counted
        labels, weights = data.labels[rows], balanced(data.labels[rows], data.sources[rows])
        sigmoid = LogisticRegression(C=1e6).fit(scores[rows, None], labels, sample_weight=weights)
        return float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
    rank = (np.argsort(np.argsort(scores)) + 0.5) / len(scores)
    slope, intercept = np.polyfit(scores, np.log(rank / (1 - rank)), 1)
    return float(slope), float(intercept)


def _counts(sources: Words) -> str:
    return ", ".join(f"{source} {count}" for source, count in zip(*np.unique(sources, return_counts=True), strict=True))
