"""What the feature kinds share: luma, windows, neighbours, and logs that stay finite."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, the weights that JPEG uses."""

GREY_LEVEL = 1 / 255
WINDOW = 7


def luma(pixels: Tensor) -> Tensor:
    """(N, 3, S, S) RGB to (N, S, S)."""
    red, green, blue = pixels.unbind(1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def smooth(values: Tensor) -> Tensor:
    """The mean of (N, S, S) over a 7 x 7 window; at the border, over the part of it that is inside."""
    inside = _sums(_sums(values.new_ones(1, *values.shape[-2:]), -1), -2)
    return _sums(_sums(values, -1), -2) / inside


def _sums(values: Tensor, axis: int) -> Tensor:
    """Sums of each position with its three neighbours on either side along an axis; what lies outside is 0.

    Seven terms in four additions, 1 + 2 + 4: shorter than a product with a band matrix, which is mostly zeros.
    """
    half, length = WINDOW // 2, values.shape[axis]
    one = F.pad(values, (half, half) if axis == -1 else (0, 0, half, half))
    two = one.narrow(axis, 0, length + 5) + one.narrow(axis, 1, length + 5)
    four = two.narrow(axis, 0, length) + two.narrow(axis, 2, length)
    return four + two.narrow(axis, 4, length) + one.narrow(axis, 6, length)


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
