"""From crops to probabilities: many faces, of many frames and files, in one pass through the VAEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from detector.errors import FeatureContractError
from detector.faces import concat_crops
from detector.features import compute_features
from detector.score.look import Sight
from detector.types import Array, Crops, FaceReport, FeatureTable, RegionEvidence

if TYPE_CHECKING:
    from detector.classify import FaceClassifier
    from detector.vae import Reconstructor


@dataclass(frozen=True, eq=False)
class Judged:
    """A sight after judgement: a report for each of its faces, and what the first VAE made of its crops.

    Attributes:
        sight: what was looked at.
        faces: one report a face, in the order of `Sight.faces`.
        reconstruction: (N, 3, S, S) float32 in [0, 1], for the N crops of the sight.
    """

    sight: Sight
    faces: tuple[FaceReport, ...]
    reconstruction: Array


@dataclass(frozen=True, eq=False)
class Judge:
    """The VAEs and the classifier that was fitted on their features.

    Raises:
        FeatureContractError: the classifier was fitted with other weights of a VAE.
    """

    reconstructors: tuple[Reconstructor, ...]
    classifier: FaceClassifier

    def __post_init__(self) -> None:
        have = {model.name: model.version for model in self.reconstructors}
        if have != dict(self.classifier.versions):
            raise FeatureContractError(
                f"the classifier was fitted with {_listed(self.classifier.versions)}, these are {_listed(have)}; "
                "use the weights that it was fitted with, or fit a classifier with these"
            )

    def __call__(self, sights: Sequence[Sight]) -> list[Judged]:
        """Judge all faces of the sights in one batch."""
        crops, owners = _gather(sights)
        probability: dict[tuple[int, int], float] = {}
        evidence: dict[tuple[int, int], tuple[RegionEvidence, ...]] = {}
        seen = np.empty_like(crops.pixels)
        if len(crops):
            table, seen = self._features(crops)
            probability = dict(zip(owners, self.classifier.probability(table).tolist(), strict=True))
            evidence = dict(zip(owners, self.classifier.evidence(table), strict=True))
        ends = np.cumsum([len(sight.crops) for sight in sights])
        return [
            Judged(
                sight,
                tuple(
                    _face_report(sight, row, probability.get((index, row)), evidence.get((index, row), ()))
                    for row in range(len(sight.faces))
                ),
                seen[end - len(sight.crops) : end],
            )
            for index, (sight, end) in enumerate(zip(sights, ends, strict=True))
        ]

    def _features(self, crops: Crops) -> tuple[FeatureTable, Array]:
        """The features of every face by every VAE, and the first VAE's reconstruction of every crop."""
        made = [model(crops.pixels) for model in self.reconstructors]
        tables = [
            compute_features(crops, reconstruction, model.name)
            for model, reconstruction in zip(self.reconstructors, made, strict=True)
        ]
        return reduce(FeatureTable.join, tables), made[0].pixels.cpu().numpy()


def _gather(sights: Sequence[Sight]) -> tuple[Crops, list[tuple[int, int]]]:
    """All crops in one batch, with faces counted through; and for each face its sight and its row there."""
    parts: list[Crops] = []
    owners: list[tuple[int, int]] = []
    for index, sight in enumerate(sights):
        rows, renumbered = np.unique(sight.crops.faces, return_inverse=True)
        parts.append(replace(sight.crops, faces=renumbered.astype(np.int64) + len(owners)))
        owners += [(index, int(row)) for row in rows]
    return concat_crops(parts, parts[0].size), owners


def _face_report(sight: Sight, row: int, probability: float | None, regions: tuple[RegionEvidence, ...]) -> FaceReport:
    face = sight.faces[row]
    x0, y0, x1, y1 = (round(float(value), 1) for value in face.box)
    return FaceReport(
        box=(x0, y0, x1, y1),
        confidence=face.confidence,
        probability=probability,
        reason=sight.reasons[row],
        regions=regions,
        time_s=sight.frame.time_s,
        track=face.track,
    )


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "none"
