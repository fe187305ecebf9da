"""Where on a face a pixel lies: soft masks from five landmarks.

A mask is a function of position in a frame that is fixed to the face (origin between the eyes, the eyes one
unit apart, y down the face), so that a crop may show any part of a face, at any angle.
"""

from __future__ import annotations

import torch
from torch import Tensor

from detector.errors import ShapeError

REGIONS = (
    "right_eye",
    "left_eye",
    "nose",
    "mouth",
    "right_cheek",
    "left_cheek",
    "forehead",
    "jaw",
    "background",
)
"""The regions whose masks sum to one. Right and left are the person's own; `jaw` is the rim of the face from
temple to temple by way of the chin, where a pasted face ends; `background` is hair and all else."""

WHOLE = "whole"
"""All regions together: no mask of its own, but the sum of the others."""

TEMPLATE = ((-0.5, 0.0), (0.5, 0.0), (0.0, 0.57), (-0.41, 1.16), (0.41, 1.16))
"""Where the five landmarks of an upright frontal face lie in the face's own frame."""

ANCHORS = {
    "right_eye": (-0.5, -0.05, 0.30, 0.22),
    "left_eye": (0.5, -0.05, 0.30, 0.22),
    "nose": (0.0, 0.40, 0.22, 0.36),
    "mouth": (0.0, 1.16, 0.44, 0.24),
    "right_cheek": (-0.62, 0.68, 0.30, 0.36),
    "left_cheek": (0.62, 0.68, 0.30, 0.36),
    "forehead": (0.0, -0.62, 0.66, 0.34),
}
"""Centre x, y and width x, y of the regions that are blobs."""

HALF_WIDTHS = (0.15, 0.8)
"""How narrow and how wide half a face may be seen, from the nose to the middle of eye and mouth corner."""

OUTLINE = (0.0, 0.42, 1.12, 1.52)
"""The ellipse that a face fills: centre x, y and half axes x, y."""

RIM = 0.15
"""Half the width of the rim, as a fraction of the ellipse's radius."""


def region_masks(landmarks: Tensor, size: int) -> Tensor:
    """Soft masks of the regions of a face.

    The mask of region r is exp(-d_r / 2) / sum_k exp(-d_k / 2), with d_r the squared distance to the region in
    units of its width: a mixture's posterior, in which every pixel belongs to the regions in shares.

    Args:
        landmarks: (N, 5, 2) x y in crop px, in the order of `detector.types.LANDMARKS`; they may lie outside.
        size: S, the side of the crop in px.

    Returns:
        (N, R, S, S) in [0, 1], in the order of `REGIONS`; they sum to one at every pixel.

    Raises:
        ShapeError: landmarks of another shape.
    """
    if landmarks.ndim != 3 or landmarks.shape[1:] != (5, 2):
        raise ShapeError(f"landmarks: expected shape (*, 5, 2), got {tuple(landmarks.shape)}")
    x, y = face_coordinates(landmarks, size).unbind(-1)
    blobs = [((x - u) / a).square() + ((y - v) / b).square() for u, v, a, b in ANCHORS.values()]
    distances = torch.stack([*blobs, *_outline_distances(x, y)], dim=1)
    return torch.softmax(distances.mul_(-0.5), dim=1)


def face_coordinates(landmarks: Tensor, size: int) -> Tensor:
    """Where the centre of each pixel lies in the face's own frame: (N, S, S, 2), x y.

    Two steps: the similarity that takes the landmarks to `TEMPLATE`, then a scale for either half of the face,
    so that the half that is turned away is narrow and the other one wide.
    """
    centres = torch.arange(size, dtype=torch.float32, device=landmarks.device) + 0.5
    pixels = torch.complex(centres[None, :].expand(size, -1), centres[:, None].expand(-1, size))
    marks = torch.complex(*landmarks.float().unbind(-1))
    factor, shift = _similarity(marks, size)
    place = factor[:, None, None] * pixels + shift[:, None, None]
    return torch.stack([_straighten(place.real, (factor[:, None] * marks + shift[:, None]).real), place.imag], dim=-1)


def _similarity(marks: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Complex a, b of (N,) with a l + b close to the template t, for landmarks l as complex (N, 5).

    The rotation is the least-squares one (Umeyama 1991, without reflection), the scale the ratio of the spreads,
    which, unlike the least-squares scale, does not shrink where the landmarks fit badly (a face in profile).
    """
    template = torch.view_as_complex(torch.tensor(TEMPLATE, device=marks.device))
    middle, target = marks.mean(dim=1), template.mean()
    marks, template = marks - middle[:, None], template - target
    turn = (marks.conj() * template).sum(dim=1) + 1e-6
    spread = marks.abs().square().sum(dim=1).sqrt().clamp_min(1e-3 * size)
    factor = turn / turn.abs().clamp_min(1e-12) * (template.abs().square().sum().sqrt() / spread)
    return factor, target - factor * middle


def _straighten(x: Tensor, marks: Tensor) -> Tensor:
    """Scale x (N, S, S) on either side of the nose so that eyes and mouth corners, at `marks` (N, 5), are level."""
    right_eye, left_eye, nose, right_mouth, left_mouth = (mark[:, None, None] for mark in marks.unbind(1))
    right = (nose - (right_eye + right_mouth) / 2).clamp(*HALF_WIDTHS)
    left = ((left_eye + left_mouth) / 2 - nose).clamp(*HALF_WIDTHS)
    half = (TEMPLATE[1][0] + TEMPLATE[4][0]) / 2
    return (x - nose) * half / torch.where(x < nose, right, left)


def _outline_distances(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The squared distances to the rim of the face, which is open above the eyes, and to all outside it."""
    u, v, a, b = OUTLINE
    radius = (((x - u) / a).square() + ((y - v) / b).square()).sqrt()
    above = ((-0.15 - y) / 0.2).clamp_min(0)
    rim = ((radius - 1) / RIM).square() + above.square()
    outside = ((1 + 2 * RIM - radius) / RIM).clamp_min(0).square()
    return rim, outside
