"""How the regions of a face move against the head that they are on.

Amerini et al. 2019, Deepfake video detection through optical flow based CNN, look for the motion that no face makes in
the flow between frames; Yang et al. 2019, Exposing deep fakes using inconsistent head poses, compare what the middle of
a face says about the head with what its outline says. We do both by region. The flow is that of OpenCV's dense inverse
search (Kroeger et al. 2016, Fast optical flow using dense inverse search): it gave the same bits on 1 to 16 threads,
and no motion at all for a picture that stands still. Farneback's is as repeatable, and more exact when the picture is
mirrored, but it moves where nothing does.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features.local import correlation, log
from detector.features.motion.batch import Batch, change, earlier, later, steadied, unfold
from detector.features.motion.pooling import Series
from detector.features.regions import REGIONS, TEMPLATE
from detector.features.residual import FLOOR as ERROR_FLOOR

LEAST = 2
RIGID = ("nose", "right_cheek", "left_cheek", "forehead")
"""What moves with the skull, more than eyes, mouth and jaw do."""
FLOOR = 0.02
"""Eye distances per second: what the flow's own noise comes to on a face of some 40 px between the eyes."""
SMALLEST = 12
"""The side of the smallest picture that OpenCV's flow takes, px."""


def region_motion_maps(batch: Batch) -> Tensor:
    """The flow between neighbours and what the head's motion leaves of it, in eye distances per second: (B, P, 11, S,
    S).

    Squared speed; squared difference to the similarity motion of the landmarks; difference to that of the rigid
    regions' flow (x, y, squared); the flow itself and that similarity motion (x, y); and the absolute change of the
    picture, as it is and after the flow was undone.
    """
    flow, place = _flow(batch), _positions(batch)
    marks = torch.complex(*steadied(batch.landmarks).unbind(-1))
    before = earlier(marks, batch.step)
    by_marks = _similarity(before, change(marks, batch.step), torch.ones_like(before.real), place)
    head = _similarity(place.expand_as(flow).flatten(2), flow.flatten(2), _rigid(batch).flatten(2), place)
    scale = 1 / (_eye_distance(before) * change(batch.times, batch.step)).float()[..., None, None]
    own, rest = (flow - head) * scale, (flow - by_marks) * scale
    flow_, head_ = flow * scale, head * scale
    still, moved = change(batch.picture, batch.step).abs(), _unexplained(batch, flow)
    parts = (flow_.abs().square(), rest.abs().square(), own.real, own.imag, own.abs().square())
    return torch.stack([*parts, flow_.real, flow_.imag, head_.real, head_.imag, still, moved], dim=2)


def region_motion_moments(series: Series) -> Tensor:
    """The means of the maps, and the squares and the product of each region's own mean motions."""
    x, y = series.values[..., 2], series.values[..., 3]
    flow, head = (torch.complex(series.values[..., i], series.values[..., i + 1]) for i in (5, 7))
    products = [x.square() + y.square(), flow.abs().square(), head.abs().square(), (flow * head.conj()).real]
    return torch.cat([series.values, torch.stack(products, dim=-1)], dim=-1)


def region_motion_statistics(means: Tensor) -> dict[str, Tensor]:
    """How a region moves, with the head and without; logs of root mean squares, in eye distances per second.

    Returns:
        ``speed``: of the flow; ``against_landmarks``: of what the similarity motion of the five landmarks leaves of
        it (a detector's jitter is in this one); ``against_head``: of the region's mean motion after that of nose,
        cheeks and forehead; ``inner``: of what is left of the flow when that is taken off too;
        ``coupling``: correlation over time of the region's mean motion with the head's there, in [-1, 1];
        ``unexplained``: log of the picture's mean |change| after the flow was undone over that before.
    """
    speed, rest, own, still, moved = (means[..., i] for i in (0, 1, 4, 9, 10))
    mean, flow, head, product = means[..., 11:].unbind(-1)
    return {
        "speed": log(speed, FLOOR**2) / 2,
        "against_landmarks": log(rest, FLOOR**2) / 2,
        "against_head": log(mean, FLOOR**2) / 2,
        "inner": log(own - mean, FLOOR**2) / 2,
        "coupling": correlation(product, flow, head),
        "unexplained": log(moved, ERROR_FLOOR) - log(still, ERROR_FLOOR),
    }


def _flow(batch: Batch) -> Tensor:
    """Where each pixel is in the neighbour, less where it was, in px: (B, P, S, S) complex, x + iy."""
    count, length, _, size = batch.picture.shape
    grey = (batch.picture.clamp(0, 1) * 255).round().byte().cpu().numpy()
    flow = np.zeros((count, max(length - batch.step, 0), size, size, 2), np.float32)
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for clip, pair in np.ndindex(flow.shape[:2] if size >= SMALLEST else (0, 0)):
        flow[clip, pair] = search.calc(grey[clip, pair], grey[clip, pair + batch.step], None)
    return torch.complex(*torch.from_numpy(flow).to(batch.pixels.device).unbind(-1))


def _positions(batch: Batch) -> Tensor:
    """(S, S) complex, the centres of the pixels, x + iy in px."""
    centres = torch.arange(batch.pixels.shape[-1], device=batch.pixels.device) + 0.5
    return torch.complex(*torch.meshgrid(centres, centres, indexing="xy"))


def _similarity(points: Tensor, motion: Tensor, weights: Tensor, place: Tensor) -> Tensor:
    """The motion at `place` (S, S) of the similarity that fits that of weighted points (B, P, N) best: (B, P, S, S).

    Least squares of motion = a point + b in complex numbers, where 1 + a is turn and scale and b the shift.
    """
    weights = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    middle, shift = ((weights * part).sum(dim=-1, keepdim=True) for part in (points, motion))
    arm = points - middle
    spread = (weights * arm.abs().square()).sum(dim=-1, keepdim=True).clamp_min(1e-6)
    turn = (weights * arm.conj() * (motion - shift)).sum(dim=-1, keepdim=True) / spread
    return turn[..., None] * (place - middle[..., None]) + shift[..., None]


def _rigid(batch: Batch) -> Tensor:
    """(B, P, S, S), how much each pixel belongs to the rigid regions."""
    return batch.pair_masks[:, :, [REGIONS.index(region) for region in RIGID]].sum(dim=2)


def _eye_distance(marks: Tensor) -> Tensor:
    """The distance of the eyes in px, from the spread of all landmarks (B, P, 5): a face in profile has one too."""
    template = torch.complex(*torch.tensor(TEMPLATE, device=marks.device).unbind(-1))
    spread = [(m - m.mean(dim=-1, keepdim=True)).abs().square().sum(dim=-1).sqrt() for m in (marks, template)]
    return (spread[0] / spread[1]).clamp_min(1)


def _unexplained(batch: Batch, flow: Tensor) -> Tensor:
    """(B, P, S, S): |change| of the picture where the neighbour is looked up where the flow leads."""
    size = flow.shape[-1]
    grid = torch.view_as_real(2 * (_positions(batch) + flow) / size) - 1
    moved = later(batch.picture, batch.step)
    found = F.grid_sample(moved.flatten(0, 1)[:, None], grid.flatten(0, 1), "bilinear", "border", align_corners=False)
    return (unfold(found[:, 0], moved.shape[:2]) - earlier(batch.picture, batch.step)).abs()
