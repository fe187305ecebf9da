"""False-positive budgets: the threshold that keeps to a stated rate, as held-out real faces tell it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.errors import UsageError, WeightsError
from detector.types import check_shape

Column = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]

_EXACT = 1e-9  # a product that should be whole must not be rounded up


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Real faces with their probabilities by a model that saw nothing of their groups.

    Attributes:
        probability: (N,) in [0, 1].
        groups: (N,) the number of the identity, source clip or picture; no two sources share one.
        sources: (N,) data set.
        weights: (N,) how much each row counts; only their proportions matter.
    """

    probability: Column
    groups: Labels
    sources: Words
    weights: Column

    def __post_init__(self) -> None:
        for name in ("groups", "sources", "weights"):
            check_shape(f"HeldOut.{name}", getattr(self, name), self.probability.shape)

    @classmethod
    def of(
        cls,
        probability: Sequence[float] | Column,
        groups: Sequence[object] | Words | Labels,
        sources: Sequence[str] | Words,
        weights: Sequence[float] | Column | None = None,
    ) -> HeldOut:
        """The columns, with numbers for the names of the groups; without weights, every row counts the same."""
        values = np.asarray(probability, np.float64)
        numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
        rows = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
        return cls(values, np.asarray(numbers, np.int64), np.asarray(sources, np.str_), rows)

    def __len__(self) -> int:
        return len(self.probability)

    @cached_property
    def parts(self) -> dict[str, HeldOut]:
        """The rows of each source."""
        return {str(source): self._of(source) for source in np.unique(self.sources)}

    def _of(self, source: str) -> HeldOut:
        rows = self.sources == source
        return HeldOut(self.probability[rows], self.groups[rows], self.sources[rows], self.weights[rows])

    @cached_property
    def count(self) -> int:
        """How many independent faces these are worth: the groups, fewer where some weigh more than others."""
        if not len(self):
            return 0
        evenness = self.weights.sum() / (self.weights.max() * len(self))
        return int(len(np.unique(self.groups)) * evenness + _EXACT)

    def bound(self, fpr: float) -> float | None:
        """The probability that at most a share `fpr` of new faces like these exceeds; None where they are too few.

        With n faces of one weight it is the ceil((n + 1)(1 - fpr))-th smallest (split conformal prediction; Lei et al.
        2018, equation 5). With several rows a group, n counts groups and the rank is that share of the rows. With
        weights, the rank is that share of the weight, as if the new face had the largest weight of all (Tibshirani et
        al. 2019, equation 7, never looser).
        """
        if not self.count or (level := np.ceil((self.count + 1) * (1 - fpr) - _EXACT) / self.count) > 1:
            return None
        order = np.argsort(self.probability, kind="stable")
        reached = np.cumsum(self.weights[order])
        rank = int(np.searchsorted(reached, level * reached[-1] - _EXACT))
        return float(self.probability[order[rank]])

    def threshold(self, fpr: float) -> float:
        """The smallest threshold that keeps to a false-positive rate on new faces of every source.

        It is just above the largest `bound` of each source and of all together: at most a share `fpr` of new faces
        like these lies on or above it, on average over samples, however small n is. A source that is too small for a
        bound counts only in the whole.

        Returns:
            a threshold in (0, 1]; faces at or above it are called fake. 1 where even the whole is too small.
        """
        bounds = [part.bound(fpr) for part in (self, *self.parts.values())]
        found = [bound for bound in bounds if bound is not None]
        return above(max(found)) if found else 1.0

    def plain(self) -> dict[str, list[Any]]:
        """The columns as lists, for JSON."""
        return {name: getattr(self, name).tolist() for name in ("probability", "groups", "sources", "weights")}


NONE = HeldOut.of([], [], [])
"""No faces: of a classifier from before they were kept."""


@dataclass(frozen=True, eq=False)
class Budgets:
    """What of a fitted classifier tells which threshold a budget needs.

    Attributes:
        threshold: its own.
        fpr: the rate that its own was derived from.
        real: held-out real faces.
    """

    threshold: float
    fpr: float
    real: HeldOut = NONE

    @cached_property
    def counted(self) -> list[HeldOut]:
        """All faces together, and each source that the classifier's own threshold listens to."""
        return [self.real, *(part for part in self.real.parts.values() if part.bound(self.fpr) is not None)]

    @property
    def smallest(self) -> float:
        """The smallest budget that every counted source can vouch for: 1 / (n + 1) of the one with the fewest."""
        return 1 / (min(part.count for part in self.counted) + 1)

    def threshold_for(self, fpr: float) -> float:
        """The threshold that keeps to a false-positive rate, by the rule of `HeldOut.threshold`.

        It never rises as `fpr` grows: the sources that count are the same for every budget, those that count for the
        classifier's own.

        Args:
            fpr: the share of real faces that may lie on or above the threshold, in (0, 1).

        Raises:
            UsageError: a budget that the held-out faces are too few for, or no budget at all.
        """
        if not 0 < fpr < 1:
            raise UsageError(f"fpr: expected a share between 0 and 1, got {fpr:g}")
        if fpr == self.fpr:
            return self.threshold
        if not len(self.real):
            raise UsageError(
                f"fpr: the classifier keeps no held-out faces, so the only budget it can tell is its own, "
                f"{self.fpr:g}; got {fpr:g}: name a probability instead, or fit the classifier again"
            )
        bounds = [part.bound(fpr) for part in self.counted]
        found = [bound for bound in bounds if bound is not None]
        if len(found) < len(bounds):
            raise UsageError(
                f"fpr: the smallest budget that the held-out real faces can vouch for is {_up(self.smallest)}, "
                f"got {fpr:g}: take that, or name a probability"
            )
        return above(max(found))


def read_budgets(path: Path) -> Budgets:
    """The budgets of a saved classifier, without building its pipeline: neither skops nor scikit-learn is imported.

    A skops file is an archive with a ``schema.json``; the plain part of ours is one JSON text in it.

    Raises:
        WeightsError: there is no such file, or it is no classifier of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            schema = json.loads(archive.read("schema.json"))
        plain = json.loads(json.loads(schema["content"]["plain"]["content"]))
        return Budgets(plain["threshold"], plain["fpr"], held_out(plain.get("real")))
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file; `make train` fits one") from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a classifier of this package ({error}); fit it again") from error


def held_out(plain: Mapping[str, Sequence[Any]] | None) -> HeldOut:
    """What `HeldOut.plain` gave; `NONE` of nothing."""
    return HeldOut.of(**plain) if plain else NONE


def above(bound: float) -> float:
    """Just above: what lies on the bound itself stays below the threshold."""
    return float(np.nextafter(bound, 2))


def _up(share: float) -> str:
    """A share with three digits, rounded up: a budget that may be copied."""
    digits = 2 - int(np.floor(np.log10(share)))
    return f"{np.ceil(share * 10**digits - _EXACT) / 10**digits:.{digits}f}"
