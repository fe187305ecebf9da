"""The block spectrum against NumPy, known noise and planted traces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features import spectrum
from detector.types import Reconstruction


def noise(side: int = 64, seed: int = 0) -> Tensor:
    return torch.randn(1, side, side, generator=torch.Generator().manual_seed(seed))


def statistics(image: Tensor) -> dict[str, float]:
    means = spectrum.block_power(image)[0].double().mean(dim=(1, 2))
    return {name: float(value) for name, value in spectrum.spectrum_statistics(means).items()}


def test_a_block_is_numpy_s_windowed_fft() -> None:
    image = noise()
    hann = np.sin(np.pi * (np.arange(16) + 0.5) / 16) ** 2
    window = hann[:, None] * hann
    block = image[0, 12:28, 20:36].numpy() * window
    expected = np.abs(np.fft.rfft2(block)) ** 2 / (window**2).sum()
    got = spectrum.block_power(image)[0, :, 2, 3].reshape(16, 9)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


def test_white_noise_is_flat_at_its_variance() -> None:
    image = 0.5 * noise(512)
    power = spectrum.block_power(image)[0].mean(dim=(1, 2))
    torch.testing.assert_close(power, torch.full_like(power, 0.25), atol=0.04, rtol=0)
    got = statistics(image)
    assert all(abs(got[name]) < 0.05 for name in got if name != "peak")
    assert got["peak"] < 0.15


def test_a_blur_makes_the_slope_steep() -> None:
    soft = F.avg_pool2d(F.avg_pool2d(noise(130), 3, 1, 1), 3, 1, 1)[:, 1:-1, 1:-1]
    assert statistics(soft)["slope"] < -1.5
    assert statistics(soft)["band_1"] > 0.5 > 0 > statistics(soft)["band_8"]


def test_the_shares_are_of_the_mean_power() -> None:
    got = statistics(noise())
    shares = [np.exp(got[name]) for name in (*(f"band_{k}" for k in range(1, 9)), "band_corner")]
    assert np.mean(shares) == pytest.approx(1)


def test_the_shape_does_not_know_the_level() -> None:
    one, other = statistics(noise()), statistics(0.1 * noise())
    assert all(one[name] == pytest.approx(other[name], abs=0.02) for name in one)


@pytest.mark.parametrize("period", [2, 4])
def test_a_grid_of_a_period_shows_on_its_line(period: int) -> None:
    image = noise(128)
    comb = (torch.arange(128) % period == 0).float()
    grid = comb[:, None] + comb[None, :]
    plain, marked = statistics(image), statistics(image + 2 * (grid - grid.mean()))
    assert marked[f"grid_{period}"] > plain[f"grid_{period}"] + 0.1
    assert marked["peak"] > plain["peak"] + 1


def test_nearest_neighbour_upsampling_shows_on_the_lines_of_eight() -> None:
    blocks = noise(16).repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)
    assert abs(statistics(noise(128))["grid_8"]) < 0.1
    assert abs(statistics(blocks)["grid_8"]) > 0.3


def test_vertical_stripes_are_horizontal_frequencies() -> None:
    stripes = noise(64)[:, :1, :].expand(1, 64, 64) + 0.1 * noise(64, seed=1)
    assert statistics(stripes)["tilt"] > 0.1
    assert statistics(stripes.transpose(1, 2))["tilt"] == pytest.approx(-statistics(stripes)["tilt"], abs=1e-3)


def test_a_block_weighs_every_pixel_once() -> None:
    hann = np.sin(np.pi * (np.arange(16) + 0.5) / 16) ** 2
    np.testing.assert_allclose(hann[:8] + hann[8:], 1)


def transfer(pixels: Tensor, made: Tensor) -> dict[str, float]:
    reconstruction = Reconstruction(made, mean=made[:, :, :1, :1])
    means = spectrum.transfer_maps(pixels, reconstruction)[0].double().mean(dim=(1, 2))
    return {name: float(value) for name, value in spectrum.transfer_statistics(means).items()}


def test_transfer_of_a_scaled_picture_by_hand() -> None:
    """A VAE that gives back 0.8 of every pixel leaves 0.2: powers of 0.64 and 0.04 in every band."""
    pixels = noise(64)[:, None].expand(1, 3, 64, 64)
    got = transfer(pixels, 0.8 * pixels)
    assert {name: value for name, value in got.items() if name.startswith("made")} == pytest.approx(
        {f"made_{k}": np.log(0.64) for k in (1, 3, 5, 7)}, abs=1e-3
    )
    assert [got["error_4"], got["error_corner"]] == pytest.approx([np.log(0.04)] * 2, abs=1e-3)


def test_transfer_of_a_blur_loses_the_fine_and_keeps_the_coarse() -> None:
    pixels = noise(64)[:, None].expand(1, 3, 64, 64)
    got = transfer(pixels, F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="reflect"), 3, 1))
    assert got["error_1"] < -2 < -1 < got["error_8"] < 0.5
    assert got["made_1"] > -0.5 > -2 > got["made_7"]
