"""A fitted classifier: probability, evidence by region, and one file to keep it in."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.classify.budgets import NONE, Budgets, HeldOut, held_out
from detector.classify.evidence import Reference, group_by_region
from detector.errors import FeatureContractError, ShapeError, WeightsError
from detector.types import Array, FeatureTable, RegionEvidence

Column = npt.NDArray[np.float64]

TRUSTED = (
    "detector.classify.models.Committee",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""What a saved pipeline may hold beside the types that skops trusts by itself. It is fixed here and not read from the
file: a file that brings anything else is refused before any of it is built."""


@dataclass(frozen=True, eq=False)
class FaceClassifier:
    """One scikit-learn pipeline with everything that is needed to read its answer.

    Attributes:
        pipeline: imputation, scaling and the model. Two-class models give `decision_function`; a one-class model is a
            density of real faces and gives `score_samples`.
        names: the features that it was fitted on, in order: a table with others is refused.
        slope, intercept: the calibration; log-odds of "synthetic" = slope * raw score + intercept, at even prior odds.
        threshold: a face is called fake from this probability on.
        fpr: the false-positive rate on held-out real faces that the threshold was derived from.
        reference: what the features of real faces look like.
        versions: the models that made the features, name -> version.
        about: what a person should know of the fit: data, mode, candidate chosen, figures.
        real: the held-out real faces that the threshold was derived from; none in files from before they were kept.
    """

    pipeline: Any
    names: tuple[str, ...]
    slope: float
    intercept: float
    threshold: float
    fpr: float
    reference: Reference
    versions: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    real: HeldOut = NONE

    @cached_property
    def regions(self) -> dict[str, npt.NDArray[np.int64]]:
        """Each region and the columns of its features, in the order of `names`."""
        return group_by_region(self.names)

    def probability(self, table: FeatureTable) -> Column:
        """How likely each face is synthetic.

        Args:
            table: N rows of the features that the classifier was fitted on.

        Returns:
            (N,) float64 in [0, 1]; higher is more synthetic. With a one-class model that met no fakes at all it is the
            (smoothed) share of held-out real faces that look more ordinary than this one.

        Raises:
            FeatureContractError: the table's names or their order are others.
        """
        self._check(table.names)
        return _sigmoid(self._log_odds(table.values))

    def evidence(self, table: FeatureTable) -> list[tuple[RegionEvidence, ...]]:
        """What each region contributes to each face's score, the strongest first.

        The contribution is the change of the log-odds when this region's features are replaced by the median of real
        faces (occlusion; Zeiler and Fergus 2014, section 2, on features instead of pixels). Regions that no crop
        showed say nothing and are left out.

        Args:
            table: N rows of the features that the classifier was fitted on.

        Returns:
            for each face, one `RegionEvidence` per region.
        """
        self._check(table.names)
        if not len(table):
            return []
        contributions = self._contributions(table.values)
        return [
            self.reference.describe(row, self.names, self.regions, changes)
            for row, changes in zip(table.values, contributions, strict=True)
        ]

    def threshold_for(self, fpr: float) -> float:
        """The threshold that keeps to another false-positive rate, as `Budgets.threshold_for`; `threshold` for its own.

        Raises:
            UsageError: the held-out real faces are too few to vouch for the rate; the message names the smallest one.
        """
        return Budgets(self.threshold, self.fpr, self.real).threshold_for(fpr)

    def _contributions(self, values: Array) -> Column:
        """(N, R): log-odds as it is less log-odds with one region made ordinary, all in one batch."""
        occluded = [values]
        for columns in self.regions.values():
            ordinary = values.copy()
            ordinary[:, columns] = self.reference.median[columns]
            occluded.append(ordinary)
        log_odds = self._log_odds(np.concatenate(occluded)).reshape(len(occluded), len(values))
        return np.asarray((log_odds[0] - log_odds[1:]).T)

    def _log_odds(self, values: Array) -> Column:
        return self.slope * raw_scores(self.pipeline, values) + self.intercept

    def _check(self, names: Sequence[str]) -> None:
        if tuple(names) == self.names:
            return
        missing, unknown = sorted(set(self.names) - set(names)), sorted(set(names) - set(self.names))
        complaint = f"missing {_some(missing)}; unknown {_some(unknown)}" if missing or unknown else "another order"
        raise FeatureContractError(
            f"the classifier was fitted on {len(self.names)} features, these are {len(names)}: {complaint}; "
            "use the reconstructors that it was fitted with, or fit a classifier on these"
        )

    def save(self, path: Path) -> None:
        """Write everything into one skops file: no pickle."""
        import skops.io

        plain = {
            "names": self.names,
            "slope": self.slope,
            "intercept": self.intercept,
            "threshold": self.threshold,
            "fpr": self.fpr,
            "versions": dict(self.versions),
            "about": dict(self.about),
            "real": self.real.plain(),
        }
        content = {
            "pipeline": self.pipeline,
            "median": self.reference.median,
            "spread": self.reference.spread,
            "plain": json.dumps(plain),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        skops.io.dump(content, path, compression=zipfile.ZIP_DEFLATED)

    @classmethod
    def load(cls, path: Path) -> FaceClassifier:
        """Read what `save` wrote.

        Raises:
            WeightsError: there is no such file, it is damaged, or it holds a type that no classifier of ours has.
        """
        content = _read(path)
        try:
            plain = json.loads(content["plain"])
            reference = Reference(np.asarray(content["median"]), np.asarray(content["spread"]))
            names, real = tuple(plain.pop("names")), held_out(plain.pop("real", None))
            return cls(pipeline=content["pipeline"], names=names, reference=reference, real=real, **plain)
        except (KeyError, TypeError, ValueError, ShapeError) as error:
            raise WeightsError(f"{path}: not a classifier of this package ({error}); fit it again") from error


def raw_scores(pipeline: Any, values: Array) -> Column:
    """(N,) uncalibrated scores, higher is more synthetic: a margin, or minus the log density of real faces."""
    if hasattr(pipeline, "score_samples"):
        return -np.asarray(pipeline.score_samples(values), np.float64)
    return np.asarray(pipeline.decision_function(values), np.float64)


def _read(path: Path) -> dict[str, Any]:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        content: dict[str, Any] = skops.io.load(path, trusted=list(TRUSTED))
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file; `make train` fits one") from error
    except UntrustedTypesFoundException as error:
        raise WeightsError(f"{path}: refused, it holds types that no classifier of ours has: {error}") from error
    except Exception as error:  # a damaged file can fail anywhere inside skops, NumPy or zipfile
        raise WeightsError(f"{path}: damaged or not a skops file ({error}); fetch or fit it again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: not a classifier of this package; fit it again")
    return content


def _sigmoid(x: Column) -> Column:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), np.float64)


def _some(names: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit]) or "none"
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
