"""AUC by family, and its mean over the families, with intervals from one set of resampled groups for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.benchmark.measures.held_out import NOTHING, Bools, HeldOut
from detector.benchmark.measures.metrics import Estimate, Labels, Scores, auc, resampled

MEAN = "mean"
"""The name of the mean over the families, each counting the same."""
RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Drawn:
    """AUCs of K targets as they are, and on each of R resamples.

    Attributes:
        names: (K,) families, or sources.
        values: (K,) the AUCs.
        resampled: (R, K) the same on resampled groups; with the same faces and seed, two of these are paired.
    """

    names: tuple[str, ...]
    values: Scores
    resampled: Scores

    def estimates(self) -> dict[str, Estimate]:
        """Of each target, and of their mean."""
        low, high = np.quantile(self.resampled, [0.025, 0.975], axis=0)
        found = {
            name: Estimate(float(value), float(one), float(other))
            for name, value, one, other in zip(self.names, self.values, low, high, strict=True)
        }
        low, high = np.quantile(self.resampled.mean(axis=1), [0.025, 0.975])
        return {**found, MEAN: Estimate(float(self.values.mean()), float(low), float(high))}

    def less(self, other: Drawn) -> Drawn:
        """The paired differences to another approach on the same faces."""
        return Drawn(self.names, self.values - other.values, self.resampled - other.resampled)


def drawn_known(held: HeldOut, resamples: int = RESAMPLES) -> Drawn:
    """AUC of every family against all real faces, by models that met all of them."""
    return _drawn(held, dict.fromkeys(_names(held, 1), NOTHING), 1, resamples)


def drawn_blind(held: HeldOut, resamples: int = RESAMPLES) -> Drawn:
    """AUC of every family against all real faces, by models that met nothing of that family (LOFO)."""
    return _drawn(held, _left_out(held, 1), 1, resamples)


def drawn_sources(held: HeldOut, resamples: int = RESAMPLES) -> Drawn:
    """AUC of all fakes against the real faces of every source, by models that met nothing of that source."""
    return _drawn(held, _left_out(held, 0), 0, resamples)


def _left_out(held: HeldOut, label: int) -> dict[str, str]:
    """Each target, and what scores it: where nothing of it could be fitted, the models of everything never met it."""
    return {name: name if name in held.scores else NOTHING for name in _names(held, label)}


def _names(held: HeldOut, label: int) -> list[str]:
    return [str(name) for name in np.unique(held.origins[held.labels == label])]


def _drawn(held: HeldOut, scored_by: Mapping[str, str], label: int, resamples: int) -> Drawn:
    targets = {name: (held.labels != label) | (held.origins == name) for name in scored_by}
    scores = {name: held.scores[by] for name, by in scored_by.items()}
    everything = np.arange(len(held.labels))
    rows = resampled(held.groups, held.origins, resamples, seed=0)
    return Drawn(
        tuple(targets),
        _aucs(held.labels, scores, targets, everything),
        np.array([_aucs(held.labels, scores, targets, some) for some in rows]),
    )


def _aucs(
    labels: Labels, scores: Mapping[str, Scores], targets: Mapping[str, Bools], rows: npt.NDArray[np.int64]
) -> Scores:
    found = []
    for name, inside in targets.items():
        some = rows[inside[rows]]
        found.append(auc(labels[some], scores[name][some]))
    return np.array(found)
