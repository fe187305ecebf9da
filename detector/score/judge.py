"""From crops to probabilities: many faces, of many frames and files, in one pass through the VAEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np

from detector.errors import FeatureContractError
from detector.faces import concat_crops, crop_faces
from detector.score.look import Sight
from detector.types import VIEWS, Array, Crops, FaceReport, FeatureTable, RegionEvidence, View

if TYPE_CHECKING:
    from detector.classify import FaceClassifier
    from detector.features import Backbone
    from detector.vae import Reconstructor


@dataclass(frozen=True, eq=False)
class Judged:
    """A sight after judgement.

    Attributes:
        sight: what was looked at.
        faces: one report a face, in the order of `Sight.faces`.
        crops: what the VAEs saw of the faces that could be judged; `Crops.faces` counts `Sight.faces`.
        reconstruction: (N, 3, S, S) float32 in [0, 1], what the first VAE made of the crops.
    """

    sight: Sight
    faces: tuple[FaceReport, ...]
    crops: Crops
    reconstruction: Array


@dataclass(frozen=True, eq=False)
class Judge:
    """The VAEs and the classifier that was fitted on their features.

    Attributes:
        reconstructors: the VAEs; the first one's reconstruction is the one that is shown.
        classifier: turns their features into a probability.
        classifier_version: the first 12 hex digits of its file's SHA-256.
        backbone: the network that looks at the faces too, where the classifier was fitted with one.

    Raises:
        FeatureContractError: the classifier was fitted with other weights of a VAE.
    """

    reconstructors: tuple[Reconstructor, ...]
    classifier: FaceClassifier
    classifier_version: str
    backbone: Backbone | None = None

    def __post_init__(self) -> None:
        have = versions(self.reconstructors, self.backbone)
        if have != dict(self.classifier.versions):
            raise FeatureContractError(
                f"the classifier was fitted with {_listed(self.classifier.versions)}, these are {_listed(have)}; "
                "use the weights that it was fitted with, or fit a classifier with these"
            )

    @property
    def models(self) -> dict[str, str]:
        """Every model that a probability depends on, with its version."""
        return {**self.classifier.versions, "classifier": self.classifier_version}

    @cached_property
    def views(self) -> tuple[View, ...]:
        """What the VAEs look at: the views that the classifier was fitted on."""
        return views_in(self.classifier.names, [model.name for model in self.reconstructors])

    def __call__(self, sights: Sequence[Sight]) -> list[Judged]:
        """Judge all usable faces of the sights in one batch."""
        crops = cut(sights, self.reconstructors[0].size)
        seen = crops.of(self.views)
        made, probabilities, evidence = self._judge(crops)
        starts = np.cumsum([0, *(len(sight.usable) for sight in sights)])
        return [
            _judged(sight, start, seen, made, probabilities, evidence)
            for sight, start in zip(sights, starts.tolist(), strict=False)
        ]

    def _judge(self, crops: Crops) -> tuple[Array, list[float], list[tuple[RegionEvidence, ...]]]:
        """The first VAE's reconstruction of what it sees; the probability and the evidence of every face."""
        if not len(crops):
            return crops.pixels, [], []
        table, made = describe(crops, self.reconstructors, self.backbone, self.views)
        return made, self.classifier.probability(table).tolist(), self.classifier.evidence(table)


def cut(sights: Sequence[Sight], size: int) -> Crops:
    """The crops of all usable faces, numbered from 0 through all sights."""
    parts = [crop_faces(sight.frame, [sight.faces[row] for row in sight.usable], size) for sight in sights]
    starts = np.cumsum([0, *(len(sight.usable) for sight in sights)])
    return concat_crops(
        [replace(part, faces=part.faces + start) for part, start in zip(parts, starts, strict=False)], size
    )


def views_in(names: Sequence[str], models: Sequence[str]) -> tuple[View, ...]:
    """The views that features, ``model.view.kind.region.statistic``, of some VAEs are of; all where there are none."""
    found = {view for model, view in (name.split(".", 2)[:2] for name in names) if model in models}
    return tuple(view for view in VIEWS if view in found) or VIEWS


def versions(reconstructors: Sequence[Reconstructor], backbone: Backbone | None) -> dict[str, str]:
    """The models that features depend on, name -> version."""
    own = {} if backbone is None else {backbone.name: backbone.version}
    return {model.name: model.version for model in reconstructors} | own


def describe(
    crops: Crops,
    reconstructors: Sequence[Reconstructor],
    backbone: Backbone | None = None,
    views: Sequence[View] = VIEWS,
) -> tuple[FeatureTable, Array]:
    """Let every VAE reconstruct the crops.

    Args:
        crops: of some faces.
        reconstructors: the VAEs.
        backbone: if given, what it sees in the faces is told too.
        views: what the VAEs look at.

    Returns:
        the features of every face by every model, side by side; and what the first VAE made of `Crops.of` the views.
    """
    from detector.features import compute_features, compute_perception

    seen = crops.of(views)
    made = [model(seen.pixels) for model in reconstructors]
    tables = [
        compute_features(seen, reconstruction, model.name, views=views)
        for model, reconstruction in zip(reconstructors, made, strict=True)
    ]
    if backbone is not None:
        tables.append(compute_perception(crops, backbone, made[0].pixels.device))
    return reduce(FeatureTable.join, tables), made[0].pixels.cpu().numpy()


def unjudged(sight: Sight) -> Judged:
    """A sight without a usable face: there is nothing to judge, so no model is needed."""
    crops = concat_crops([], 1)
    return Judged(sight, _reports(sight, [], []), crops, crops.pixels)


def _judged(
    sight: Sight,
    start: int,
    seen: Crops,
    made: Array,
    probabilities: Sequence[float],
    evidence: Sequence[tuple[RegionEvidence, ...]],
) -> Judged:
    """What is said of a sight whose usable faces have the numbers from `start` on in a batch."""
    own = (seen.faces >= start) & (seen.faces < start + len(sight.usable))
    crops = seen.where(own)
    faces = np.array(sight.usable, np.int64)[crops.faces - start]
    return Judged(
        sight, _reports(sight, probabilities[start:], evidence[start:]), replace(crops, faces=faces), made[own]
    )


def _reports(
    sight: Sight, probabilities: Sequence[float], evidence: Sequence[tuple[RegionEvidence, ...]]
) -> tuple[FaceReport, ...]:
    """A report for each face; the usable ones take the first probabilities, in their order."""
    judged = dict(zip(sight.usable, zip(probabilities, evidence, strict=True), strict=False))
    return tuple(_face_report(sight, row, *judged.get(row, (None, ()))) for row in range(len(sight.faces)))


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
