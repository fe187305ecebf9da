"""A workshop of small stand-ins, so that every maker can be had without weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.fakes import Workshop
from detector.types import Array, Face, Frame, Reconstruction


class Coarse:
    """Reconstructs what is left of a picture at an eighth of its side; its code is that small picture."""

    name = "coarse"

    def __call__(self, pixels: Array, second_pass: bool = True) -> Reconstruction:
        assert not second_pass, "nobody needs it here"
        codes = F.avg_pool2d(torch.as_tensor(pixels), 8)
        return Reconstruction(self.decode(codes), codes)

    def decode(self, codes: Tensor) -> Tensor:
        return F.interpolate(codes, scale_factor=8, mode="bilinear").clamp(0, 1)


@pytest.fixture(scope="session")
def donor(astronaut_frame: Frame, astronaut_face: Face) -> tuple[Frame, Face]:
    """The astronaut in the mirror, in another light."""
    pixels = (astronaut_frame.pixels[:, ::-1] * np.array([0.7, 0.8, 0.9])).astype(np.uint8)
    width = pixels.shape[1]
    x0, y0, x1, y1 = astronaut_face.box
    marks = astronaut_face.landmarks[[1, 0, 2, 4, 3]] * np.array([-1, 1]) + np.array([width - 1, 0])
    box = np.array([width - 1 - x1, y0, width - 1 - x0, y1], np.float32)
    return Frame(pixels), replace(astronaut_face, box=box, landmarks=marks.astype(np.float32))


@pytest.fixture(scope="session")
def workshop(donor: tuple[Frame, Face]) -> Workshop:
    """All that any maker may need."""
    model = Coarse()
    return Workshop((model,), (donor,), ((model, model.decode),))
