"""What the face network should say about a scene, and how far from it it is.

As in TTFNet (Liu et al., "Training-time-friendly network for real-time object detection", AAAI 2020): every
cell near the middle of a face learns its box, weighted by a Gaussian, which converges fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from detector.faces.network import STRIDE, decode
from detector.faces.pyramid import BOX, LANDMARKS
from detector.faces.scenes import Scene
from detector.types import Array

SPREAD = 0.09
"""Standard deviation of the peak over a face, in box sides (0.54 / 6 in the paper)."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What the maps of N scenes should be.

    Attributes:
        heat: (N, h, w) in [0, 1], 1 in the cell of each face's middle, a Gaussian around it.
        asked: (N, h, w), 0 where any score is right.
        boxes: (N, 4, h, w) and
        landmarks: (N, 10, h, w), px, those of the face whose peak is highest there.
        weight: (N, h, w), how much box and landmarks count; sums to 1 over each face.
    """

    heat: Tensor
    asked: Tensor
    boxes: Tensor
    landmarks: Tensor
    weight: Tensor


def batch(scenes: Sequence[Scene]) -> tuple[Tensor, Targets]:
    """Scenes of one side as pixels (N, 3, S, S) in [0, 1] and targets."""
    pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes])).permute(0, 3, 1, 2) / 255
    maps = [_targets(scene) for scene in scenes]
    return pixels, Targets(*(torch.from_numpy(np.stack(part)) for part in zip(*maps, strict=True)))


def _targets(scene: Scene) -> tuple[Array, Array, Array, Array, Array]:
    cells = len(scene.pixels) // STRIDE
    centres = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    heat, weight = np.zeros((2, cells, cells), np.float32)
    boxes, landmarks = np.zeros((4, cells, cells), np.float32), np.zeros((10, cells, cells), np.float32)
    for face in scene.faces:
        peak = _peak(face, centres)
        mine = (peak > heat) & (peak > 0.05)
        weight[mine] = peak[mine] / peak[mine].sum()
        boxes[:, mine], landmarks[:, mine] = face[BOX, None], face[LANDMARKS, None]
        heat = np.maximum(heat, peak)
    asked = np.ones_like(heat)
    for x0, y0, x1, y1 in scene.open:
        inside = ((centres >= y0) & (centres < y1))[:, None] & ((centres >= x0) & (centres < x1))
        asked[inside & (heat < 0.05)] = 0
    return heat, asked, boxes, landmarks, weight


def _peak(face: Array, centres: Array) -> Array:
    """A Gaussian over the box, 1 in the cell of its middle; cells next to it at least e^-2 for small faces."""
    x, y = (face[:2] + face[2:4]) / 2
    column, row = (centres[np.clip(int(v // STRIDE), 0, len(centres) - 1)] for v in (x, y))
    width, height = (np.maximum(SPREAD * v, STRIDE / 2) for v in face[2:4] - face[:2])
    peak: Array = np.exp(
        -(((centres - column) / width) ** 2)[None] / 2 - (((centres - row) / height) ** 2)[:, None] / 2
    ).astype(np.float32)
    return peak


def loss(raw: Tensor, targets: Targets) -> dict[str, Tensor]:
    """The losses of raw maps (N, 15, h, w), by name; their sum is what is minimised."""
    scores, boxes, landmarks = decode(raw)
    faces = targets.weight.sum().clamp(min=1)
    side = (targets.boxes[:, 2:] - targets.boxes[:, :2]).mean(dim=1, keepdim=True).clamp(min=1)
    distance = functional.smooth_l1_loss(landmarks / side, targets.landmarks / side, beta=0.02, reduction="none")
    return {
        "score": focal(scores, targets.heat, targets.asked) / faces,
        "box": 5 * ((1 - giou(boxes, targets.boxes)) * targets.weight).sum() / faces,
        "landmarks": 10 * (distance.mean(dim=1) * targets.weight).sum() / faces,
    }


def focal(scores: Tensor, heat: Tensor, asked: Tensor) -> Tensor:
    """The penalty-reduced focal loss of logits against peaks (TTFNet, eq. 2), summed."""
    probability = scores.sigmoid()
    peak = (heat >= 1).float()
    hit = peak * (1 - probability) ** 2 * functional.logsigmoid(scores)
    miss = (1 - peak) * (1 - heat) ** 4 * probability**2 * functional.logsigmoid(-scores)
    return -((hit + miss) * asked).sum()


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes (N, 4, h, w), cell by cell, in [-1, 1] (Rezatofighi et al., CVPR 2019, alg. 1)."""
    both = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1).clamp(min=1e-6)
    union = ((a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - both).clamp(min=1e-6)
    return both / union - (hull - union) / hull
