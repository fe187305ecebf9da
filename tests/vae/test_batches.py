"""Running a model over crops: any number of them, bounded memory, and no wrong input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError
from detector.types import Reconstruction
from detector.vae.batches import MAX_PIXELS, reconstruct

CPU = torch.device("cpu")


class Halver:
    """Halves the brightness; every field tells where it came from. Remembers the batches it met."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, pixels: Tensor) -> Reconstruction:
        assert torch.is_inference_mode_enabled()
        assert pixels.dtype == torch.float32
        self.batches.append(len(pixels))
        code = pixels.mean(dim=(2, 3), keepdim=True)
        return Reconstruction(pixels / 2, code, logvar=-code, kl=code[:, 0], hidden=pixels)


def crops(count: int, side: int = 8) -> Tensor:
    return torch.rand((count, 3, side, side), generator=torch.Generator().manual_seed(1))


def test_sub_batches_change_nothing_but_memory() -> None:
    pixels, halver = crops(10, side=128), Halver()
    result = reconstruct(halver, pixels, CPU, stride=8)
    assert max(halver.batches) * 128 * 128 <= MAX_PIXELS
    assert sum(halver.batches) == 20
    assert len(halver.batches) > 2
    torch.testing.assert_close(result.pixels, pixels / 2)
    torch.testing.assert_close(result.mean, pixels.mean(dim=(2, 3), keepdim=True))
    assert result.nll is None
    assert result.second is not None
    torch.testing.assert_close(result.second.pixels, pixels / 4)
    assert result.second.second is None


def test_one_pass_when_one_is_asked_for() -> None:
    halver = Halver()
    assert reconstruct(halver, crops(2), CPU, 8, second_pass=False).second is None
    assert halver.batches == [2]


def test_a_crop_larger_than_the_bound_goes_alone() -> None:
    halver, side = Halver(), 512
    assert side**2 > MAX_PIXELS
    reconstruct(halver, torch.zeros(2, 3, side, side), CPU, 8, second_pass=False)
    assert halver.batches == [1, 1]


def test_no_crop_gives_no_reconstruction_of_the_right_shape() -> None:
    result = reconstruct(Halver(), np.empty((0, 3, 16, 16), np.float32), CPU, 8)
    assert result.pixels.shape == (0, 3, 16, 16)
    assert result.hidden is not None
    assert result.hidden.shape == (0, 3, 16, 16)
    assert result.second is not None
    assert result.second.mean.shape == (0, 3, 1, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_as_good_as_tensors(dtype: type[np.floating]) -> None:
    pixels = crops(3)
    result = reconstruct(Halver(), pixels.numpy().astype(dtype), CPU, 8, second_pass=False)
    torch.testing.assert_close(result.pixels, pixels / 2)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (torch.zeros(1, 3, 12, 12), "multiple of 8, got 12"),
        (torch.zeros(1, 3, 16, 8), "expected shape"),
        (torch.zeros(1, 1, 8, 8), "expected shape"),
        (torch.zeros(3, 8, 8), "expected shape"),
        (torch.zeros(1, 3, 0, 0), "multiple of 8, got 0"),
        (torch.full((1, 3, 8, 8), 255.0), r"\[0, 1\], got 255 to 255"),
        (torch.full((1, 3, 8, 8), -0.1), r"\[0, 1\], got -0\.1"),
        (torch.full((1, 3, 8, 8), torch.nan), r"\[0, 1\], got nan"),
    ],
)
def test_wrong_pixels_are_refused(pixels: Tensor, says: str) -> None:
    halver = Halver()
    with pytest.raises(ShapeError, match=says):
        reconstruct(halver, pixels, CPU, 8)
    assert halver.batches == []
