"""Small faces with the reconstruction that a made-up VAE gives: a blur in pixels, random codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.faces.crops import crop_faces
from detector.types import Crops, Face, Frame, Reconstruction

Vae = Callable[[Crops], Reconstruction]


def blur(pixels: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)


def codes(pixels: Tensor, second: Reconstruction | None) -> Reconstruction:
    """Every field, each a function of the crop alone: the stride is 8 and the decoder believes in a blur."""
    n, _, size, _ = pixels.shape
    code = F.avg_pool2d(pixels, 8)
    mean = torch.cat([code - 0.5, code**2], dim=1)
    logvar = -1 - 2 * mean.abs()
    error = (pixels - blur(pixels)).abs().mean(dim=1)
    return Reconstruction(
        pixels=blur(pixels),
        mean=mean,
        logvar=logvar,
        kl=((mean**2 + logvar.exp() - 1 - logvar) / 2).sum(dim=1) / np.log(2),
        nll=2 + 20 * error,
        entropy=(3 + pixels.mean(dim=1)).reshape(n, size, size),
        hidden=F.avg_pool2d(torch.cat([pixels, pixels**2, 1 - pixels], dim=1), 4),
        second=second,
    )


@pytest.fixture(scope="session")
def vae() -> Vae:
    def reconstruct(crops: Crops) -> Reconstruction:
        pixels = torch.from_numpy(crops.pixels)
        return codes(pixels, codes(blur(pixels), None))

    return reconstruct


@pytest.fixture(scope="session")
def crops(astronaut_frame: Frame, astronaut_face: Face) -> Crops:
    """Two faces of crops of 64 px: the astronaut's in four tiles and a whole view, and half of it in a single one."""
    small = Face(astronaut_face.box * np.float32(0.5), astronaut_face.landmarks * np.float32(0.5), 1.0)
    frame = Frame(np.ascontiguousarray(astronaut_frame.pixels[::2, ::2]))
    one, other = crop_faces(astronaut_frame, [astronaut_face], 64), crop_faces(frame, [small], 64)
    columns = [np.concatenate([getattr(part, c) for part in (one, other)]) for c in ("pixels", "landmarks", "boxes")]
    faces = np.array([3] * len(one) + [7] * len(other))
    return Crops(*columns, faces, np.append(one.whole, other.whole), np.append(one.native, other.native))
