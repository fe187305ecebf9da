"""Pictures of what a model has learnt, each an (H, W, 3) uint8 RGB grid."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from detector.errors import UsageError
from detector.types import Pixels
from detector.vae.model import FaceVae

_GAP = 2


def tile(pictures: Tensor, columns: int) -> Pixels:
    """(N, 3, S, S) pictures in [0, 1] row by row, on white."""
    count, _, height, width = pictures.shape
    rows = math.ceil(count / columns)
    grid = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8)
    cells = (pictures.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    for number, cell in enumerate(cells):
        y, x = number // columns * (height + _GAP), number % columns * (width + _GAP)
        grid[y : y + height, x : x + width] = cell
    return grid


@torch.inference_mode()
def reconstructions(model: FaceVae, crops: Tensor) -> Pixels:
    """Three rows: crops (N, 3, S, S), their reconstructions, and eight times the signed error around grey."""
    codes, _ = model.encode(crops)
    again = model.decode(codes.decodable).pixels
    return tile(torch.cat([crops, again, 0.5 + 8 * (crops - again)]), len(crops))


@torch.inference_mode()
def samples(model: FaceVae, count: int, columns: int = 8, temperature: float = 1.0, seed: int = 0) -> Pixels:
    """Decoded draws from the prior.

    A model that spends many bits on each crop has a prior that says little: its samples are textures, not faces.
    """
    side = model.config.size // model.config.reduction
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        code = model.bottleneck.prior((count, side, side), None, temperature)
    return tile(model.decode(code).pixels, columns)


@torch.inference_mode()
def interpolate(model: FaceVae, first: Tensor, second: Tensor, steps: int = 8) -> Pixels:
    """Two rows from crop `first` to crop `second`, each (3, S, S): through the code, and by fading the pixels."""
    codes, _ = model.encode(torch.stack([first, second]))
    share = torch.linspace(0, 1, steps, device=first.device).view(-1, 1, 1, 1)
    start, end = codes.decodable
    through_code = model.decode(start + share * (end - start)).pixels
    return tile(torch.cat([through_code, first + share * (second - first)]), steps)


@torch.inference_mode()
def traverse(model: FaceVae, crop: Tensor, channels: int = 6, steps: int = 7, reach: float = 3.0) -> Pixels:
    """One row for each of the latent channels of highest KL, moved everywhere from -reach to +reach about its mean.

    Args:
        model: a model with a prior.
        crop: (3, S, S), where the journey starts.
        channels: rows.
        steps: columns.
        reach: in prior standard deviations.

    Raises:
        UsageError: the model's latent has no channels with a KL of their own.
    """
    codes, _ = model.encode(crop[None])
    if codes.logvar is None:
        raise UsageError(f'a model of kind "{model.config.kind}" has no latent channels to traverse: take a VAE')
    dearest = codes.kl[0].mean((0, 2, 3)).topk(min(channels, codes.mean.shape[1])).indices
    moves = torch.linspace(-reach, reach, steps, device=crop.device)
    rows = []
    for channel in dearest.tolist():
        moved = codes.decodable.repeat(steps, 1, 1, 1)
        moved[:, channel] += moves.view(-1, 1, 1)
        rows.append(model.decode(moved).pixels)
    return tile(torch.cat(rows), steps)
