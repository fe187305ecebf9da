"""From clips and their reconstructions to one row of named numbers per clip, or per track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from detector.errors import UnknownNameError
from detector.features.motion.batch import Made, batches
from detector.features.motion.kinds import MOTION
from detector.features.motion.pooling import numbers, summed
from detector.types import Clip, FeatureTable

VIEW = "clip"
"""The view in the names of what is told of clips."""


def compute_motion(
    clips: Sequence[Clip],
    reconstructions: Sequence[Made],
    model: str,
    kinds: Sequence[str] | None = None,
    rows: Literal["clips", "tracks"] = "clips",
) -> FeatureTable:
    """Describe each clip by how it, and what a VAE made of it, go from frame to frame.

    Args:
        clips: at least one, of any lengths, rates and sizes; those alike are looked at together.
        reconstructions: in the order of the clips: of a frame-wise model one `Reconstruction` of T crops a clip, of a
            model of clips `ClipReconstruction`s of one or several each. The work is done on their device.
        model: the first part of every name.
        kinds: which of `MOTION`; None for all.
        rows: what has a row: each clip; or each track, in the order of their numbers, all its clips together.

    Returns:
        names ``model.clip.kind.region.statistic``, with region one of `REGIONS` or "whole". Values are finite, or NaN
        for a region that is not shown and for a clip with fewer frames than the kind's `MotionFeature.least`, or whose
        frames are further than `MAX_GAP_S` apart.

    Raises:
        UnknownNameError: a kind that is not in `MOTION`.
        ShapeError: reconstructions of other clips.
    """
    chosen = _choose(kinds)
    sums = _sums(clips, reconstructions, chosen)
    tracks = np.array([clip.track for clip in clips])
    owners = np.unique(tracks) if rows == "tracks" else np.arange(len(clips))
    members = torch.from_numpy((tracks if rows == "tracks" else owners) == owners[:, None]).double()
    columns: dict[str, Tensor] = {}
    for kind in chosen:
        told = numbers(MOTION[kind], torch.tensordot(members, sums[kind], dims=1))
        columns |= {f"{model}.{VIEW}.{kind}.{name}": value for name, value in told.items()}
    stacked = torch.stack(list(columns.values()), dim=1) if columns else torch.empty(len(owners), 0)
    return FeatureTable(stacked.float().numpy(), tuple(columns))


def _choose(kinds: Sequence[str] | None) -> tuple[str, ...]:
    for kind in kinds or ():
        if kind not in MOTION:
            raise UnknownNameError("kind of motion", kind, MOTION)
    return tuple(MOTION) if kinds is None else tuple(kinds)


def _sums(clips: Sequence[Clip], made: Sequence[Made], kinds: Sequence[str]) -> dict[str, Tensor]:
    """Each kind's sums (N, G, 1 + M), clip by clip."""
    order: list[int] = []
    parts: dict[str, list[Tensor]] = {kind: [] for kind in kinds}
    with torch.no_grad():
        for members, batch in batches(clips, made):
            order += members
            for kind in kinds:
                parts[kind].append(summed(MOTION[kind], batch))
    back = torch.tensor(order).argsort()
    return {kind: torch.cat(sums)[back] for kind, sums in parts.items()}
