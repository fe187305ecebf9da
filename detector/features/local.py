"""What the feature kinds share: luma, windows, neighbours, and logs that stay finite."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, the weights that JPEG uses."""

GREY_LEVEL = 1 / 255
WINDOW = 7


def luma(pixels: Tensor) -> Tensor:
    """(N, 3, S, S) RGB to (N, S, S)."""
    red, green, blue = pixels.unbind(1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def smooth(values: Tensor, window: int = WINDOW) -> Tensor:
    """The mean of (N, S, S) over a window x window square; at the border, over the part of it that is inside."""
    place = torch.arange(values.shape[-1], device=values.device)
    band = ((place[:, None] - place[None, :]).abs() <= window // 2).to(values.dtype)
    band = band / band.sum(dim=1, keepdim=True)
    return band @ values @ band.T


def neighbour(values: Tensor, dy: int, dx: int) -> Tensor:
    """Each position's neighbour dy rows down and dx columns right, for (N, S, S).

    Where that lies outside, the neighbour on the opposite side stands in: a pair at the same distance.
    """
    for axis, step in ((-2, dy), (-1, dx)):
        far, rest = abs(step), values.shape[axis] - abs(step)
        ahead = values.narrow(axis, far, rest), values.narrow(axis, rest - far, far)
        back = values.narrow(axis, far, far), values.narrow(axis, 0, rest)
        values = torch.cat(ahead if step > 0 else back, dim=axis) if step else values
    return values


def log(values: Tensor, floor: float) -> Tensor:
    """Natural log of values >= 0, with `floor` added: nothing becomes log(floor), not minus infinity."""
    return torch.log(values.clamp_min(0) + floor)


def correlation(xy: Tensor, xx: Tensor, yy: Tensor) -> Tensor:
    """xy / sqrt(xx yy), and 0 where either is nothing."""
    return xy / (xx.clamp_min(0) * yy.clamp_min(0)).sqrt().clamp_min(1e-12)
