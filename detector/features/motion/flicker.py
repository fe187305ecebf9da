"""How the error changes from frame to frame: its flicker, its order in time, and the rim of the face that breathes.

A generator that makes frame after frame decides anew what the finest pixels are: what a VAE leaves of them then changes
more than the picture does (Zheng et al. 2021, Exploring temporal coherence for more general video face forgery
detection; Wang et al. 2023, AltFreezing for more general video face forgery detection, name flicker and discontinuity
as the artefacts of time). A codec flickers too, with its key frames: what is told is relative to the picture's change.
"""

from __future__ import annotations

import torch
from torch import Tensor

from detector.features.local import correlation, log
from detector.features.motion.batch import MAX_GAP_S, Batch, change, earlier, later
from detector.features.motion.pooling import ROWS, Series
from detector.features.residual import FLOOR

LEAST_PAIRS, LEAST_ORDER, LEAST_RIM = 2, 4, 3


def flicker_maps(batch: Batch) -> Tensor:
    """Of each pair of neighbours: |change| of the error and of the picture, the error's squares and product, and the
    products of both changes: (B, P, 8, S, S)."""
    before, after = earlier(batch.error, batch.step), later(batch.error, batch.step)
    error, picture = after - before, change(batch.picture, batch.step)
    products = (before * before, after * after, before * after, error * picture, error * error, picture * picture)
    return torch.stack([error.abs(), picture.abs(), *products], dim=2)


def flicker_moments(series: Series) -> Tensor:
    """The means of the maps, and the square of the error's change in each region."""
    return torch.cat([series.values, series.values[..., :1].square()], dim=-1)


def flicker_statistics(means: Tensor) -> dict[str, Tensor]:
    """How much the error changes between neighbours.

    Returns:
        ``log_abs``: log of the mean |change| of the error; ``ratio``: that less the log of the picture's;
        ``persistence``: correlation of the error with its neighbour's, 1 for a frozen one, 0 for noise;
        ``follows``: correlation of the error's change with the picture's;
        ``bursts``: log of the spread of the change over time over its mean: some frames jump.
    """
    error, picture, before, after, product, both, error2, picture2, square = means.unbind(-1)
    return {
        "log_abs": log(error, FLOOR),
        "ratio": log(error, FLOOR) - log(picture, FLOOR),
        "persistence": correlation(product, before, after),
        "follows": correlation(both, error2, picture2),
        "bursts": log(square - error.square(), FLOOR**2) / 2 - log(error, FLOOR),
    }


def shuffle_maps(batch: Batch) -> Tensor:
    """Mean squared differences at each pixel, of the error and then of the picture: (B, 1, 6, S, S).

    Three of each: between neighbours, between every other frame (the clip at twice its pace), and between any two
    frames: what neighbours would differ by if the frames were shuffled, the mean over all orders.
    """
    parts = []
    for values in (batch.error, batch.picture):
        length = values.shape[1]
        parts += [_mean_square(batch, values, batch.step), _mean_square(batch, values, 2 * batch.step)]
        parts.append(values.var(dim=1, correction=0) * (2 * length / max(length - 1, 1)))
    return torch.stack(parts, dim=1)[:, None]


def _mean_square(batch: Batch, values: Tensor, step: int) -> Tensor:
    """(B, S, S): the mean square of the change over a step, of the pairs that are no further apart than they should."""
    near = change(batch.times, step) <= MAX_GAP_S * step / batch.step
    squares = change(values, step).square() * near[..., None, None]
    return squares.sum(dim=1) / near.sum(dim=1)[:, None, None]


def shuffle_statistics(means: Tensor) -> dict[str, Tensor]:
    """The order of time in the error: how much smoother it is than its frames in any order.

    Returns:
        ``order``: log of the mean squared change between neighbours over that of the shuffled clip. That is von
            Neumann's ratio (1941, Distribution of the ratio of the mean square successive difference to the
            variance) over its mean for independent frames: 0 for them, the more negative the smoother;
        ``pace``: log of the mean squared change between neighbours over that at twice the pace: 0 for independent
            frames, -log 2 for a random walk, -log 4 for a steady motion;
        ``order_excess``, ``pace_excess``: the same less the picture's own.
    """
    error, error_fast, error_any, picture, picture_fast, picture_any = (log(m, FLOOR**2) for m in means.unbind(-1))
    order, pace = error - error_any, error - error_fast
    return {
        "order": order,
        "pace": pace,
        "order_excess": order - (picture - picture_any),
        "pace_excess": pace - (picture - picture_fast),
    }


def boundary_maps(batch: Batch) -> Tensor:
    """The squared error of each frame: (B, T, 1, S, S)."""
    return batch.error.square()[:, :, None]


def boundary_moments(series: Series) -> Tensor:
    """The log energy of the error in a region over that inside the face (cheeks), and outside (background)."""
    energy = log(series.values[..., 0], FLOOR**2)
    inside = energy[..., [ROWS["right_cheek"], ROWS["left_cheek"]]].mean(dim=-1, keepdim=True)
    contrasts = torch.stack([energy - inside, energy - energy[..., ROWS["background"], None]], dim=-1)
    return torch.cat([contrasts, contrasts.square(), series.squared_changes(contrasts)], dim=-1)


def boundary_statistics(means: Tensor) -> dict[str, Tensor]:
    """The rim, where a pasted face ends (Li et al. 2020, Face X-ray for more general face forgery detection), in time.

    Returns:
        ``inside``, ``outside``: log energy of the error on the rim over the cheeks', and over the background's;
        ``inside_breath``, ``outside_breath``: how much that varies over time, its standard deviation;
        ``inside_flutter``, ``outside_flutter``: its root mean square change between neighbours.
    """
    mean, square, squared_change, pairs = (part.unbind(-1) for part in means.chunk(4, dim=-1))
    told: dict[str, Tensor] = {}
    for i, side in enumerate(("inside", "outside")):
        told[side] = mean[i]
        told[f"{side}_breath"] = (square[i] - mean[i].square()).clamp_min(0).sqrt()
        told[f"{side}_flutter"] = (squared_change[i] / pairs[i]).sqrt()
    return told
