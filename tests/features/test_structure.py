"""SSIM against scikit-image; the error beside the picture's own complexity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from detector.features import structure
from detector.features.local import luma, smooth
from detector.types import Crops, Reconstruction

from .conftest import Vae


def test_smooth_is_the_mean_over_the_window_inside_the_picture() -> None:
    values = torch.arange(100.0).reshape(1, 10, 10)
    got = smooth(values)
    assert got[0, 5, 5] == pytest.approx(values[0, 2:9, 2:9].mean().item())
    assert got[0, 0, 9] == pytest.approx(values[0, :4, 6:].mean().item())


def test_ssim_is_that_of_scikit_image(crops: Crops, vae: Vae) -> None:
    made = vae(crops)
    pixels = torch.from_numpy(crops.pixels)
    got = structure.structure_maps(pixels, made)[:, 0].double().numpy()
    for row, (x, y) in enumerate(zip(luma(pixels).numpy(), luma(made.pixels).numpy(), strict=True)):
        mean, expected = structural_similarity(x.astype(float), y.astype(float), data_range=1.0, full=True)
        np.testing.assert_allclose(got[row, 3:-3, 3:-3], expected[3:-3, 3:-3], atol=2e-3)
        assert got[row, 3:-3, 3:-3].mean() == pytest.approx(mean, abs=1e-4)


def test_a_blur_takes_contrast_and_an_inversion_takes_structure(crops: Crops, vae: Vae) -> None:
    pixels, made = torch.from_numpy(crops.pixels), vae(crops)
    blurred = structure.structure_maps(pixels, made).mean(dim=(0, 2, 3))
    assert blurred[1] < 0.98
    inverted = structure.structure_maps(pixels, replace(made, pixels=1 - pixels)).mean(dim=(0, 2, 3))
    assert inverted[1] == pytest.approx(1, abs=1e-3)
    assert inverted[2] < 0


def complexity(pixels: Tensor, error: Tensor) -> dict[str, float]:
    made = Reconstruction(pixels - error, mean=torch.zeros(1, 1, 1, 1))
    means = structure.complexity_maps(pixels, made)[0].double().mean(dim=(1, 2))
    return {name: float(value) for name, value in structure.complexity_statistics(means).items()}


def test_complexity_by_hand() -> None:
    """Grey stripes of 0.4 and 0.6 with an error of 0.05 everywhere."""
    stripes = torch.where(torch.arange(64) % 2 == 0, 0.4, 0.6).expand(1, 3, 64, 64)
    got = complexity(stripes, torch.full((1, 3, 64, 64), 0.05))
    expected = np.log(0.05 + structure.FLOOR) - np.log(0.1 + structure.FLOOR)
    assert got["ratio"] == pytest.approx(expected, abs=0.02)
    assert got["local_ratio"] == pytest.approx(expected, abs=0.02)


def test_errors_in_the_complex_half_correlate_and_leave_the_flat_half() -> None:
    half = torch.arange(64) < 32
    stripes = torch.where(half & (torch.arange(64) % 2 == 0), 0.4, 0.6).expand(1, 3, 64, 64)
    error = torch.where(half, 0.05, 0.0).expand(1, 3, 64, 64)
    there, elsewhere = complexity(stripes, error), complexity(stripes, 0.05 - error)
    assert there["correlation"] > 0.9
    assert elsewhere["correlation"] < -0.9
    assert there["flat"] < np.log(0.005)
    assert elsewhere["flat"] == pytest.approx(np.log(0.05), abs=0.1)


def test_more_contrast_with_the_same_error_is_a_smaller_ratio(crops: Crops) -> None:
    pixels = torch.from_numpy(crops.pixels[:1])
    error = torch.full_like(pixels, 0.02)
    plain, soft = complexity(pixels, error), complexity(0.25 + pixels / 4, error)
    assert plain["ratio"] < soft["ratio"] - 1
    assert plain["local_ratio"] < soft["local_ratio"] - 0.7
