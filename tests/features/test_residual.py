"""Statistics of a residual against hand-made cases and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.features import residual


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def means(maps: Tensor) -> Tensor:
    """The means over the whole of the only crop."""
    return maps[0].double().mean(dim=(1, 2))


def test_error_by_hand() -> None:
    error = torch.zeros(1, 3, 2, 2)
    error[0, 0] = torch.tensor([[0.1, -0.3], [0.1, -0.1]])
    error[0, 1] = 0.2
    got = residual.error_statistics(means(residual.error_maps(error)))
    assert got["signed_red"] == pytest.approx(-0.05)
    assert got["signed_green"] == pytest.approx(0.2)
    assert got["log_abs_red"] == pytest.approx(np.log(0.15 + residual.FLOOR))
    assert got["log_abs_blue"] == pytest.approx(np.log(residual.FLOOR))
    assert got["log_abs"] == pytest.approx(np.log(0.35 / 3 + residual.FLOOR))
    square = (0.03 + 0.04) / 3
    assert got["tail"] == pytest.approx(np.log(square + residual.FLOOR**2) / 2 - got["log_abs"].item())


def test_the_tail_of_gaussian_errors_is_known() -> None:
    got = residual.error_statistics(means(residual.error_maps(noise(1, 3, 256, 256))))
    assert got["tail"] == pytest.approx(np.log(np.sqrt(np.pi / 2)), abs=0.01)


def test_colour_is_the_correlation_coefficient() -> None:
    grey = noise(1, 1, 32, 32)
    error = 0.3 + grey * torch.tensor([1.0, -2.0, 0.5])[:, None, None] + noise(1, 3, 32, 32, seed=1)
    got = residual.colour_statistics(means(residual.colour_maps(error)))
    expected = np.corrcoef(error[0].flatten(1).numpy())
    assert got["red_green"] == pytest.approx(expected[0, 1], abs=1e-5)
    assert got["red_blue"] == pytest.approx(expected[0, 2], abs=1e-5)
    assert got["green_blue"] == pytest.approx(expected[1, 2], abs=1e-5)


def test_autocorrelation_of_stripes_by_hand() -> None:
    stripes = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(4).expand(1, 3, 16, 16)
    got = residual.autocorrelation_statistics(means(residual.autocorrelation_maps(stripes)[..., 4:-4]))
    assert got["v1"] == pytest.approx(1)
    assert got["v2"] == pytest.approx(1)
    assert got["h1"] == pytest.approx(0)
    assert got["d1"] == pytest.approx(0)
    assert got["h2"] == pytest.approx(-1)
    assert got["hv4"] == pytest.approx(1)


def test_autocorrelation_is_that_of_numpy_inside() -> None:
    error = noise(1, 1, 64, 64).expand(1, 3, 64, 64)
    error = error + error.roll(1, dims=-1)
    maps = residual.autocorrelation_maps(error)[0, :, 2:-2, 2:-2].double().mean(dim=(1, 2))
    got = residual.autocorrelation_statistics(maps)["h1"]
    grey = error[0, 0].numpy()
    inside, right, left = grey[2:-2, 2:-2], grey[2:-2, 3:-1], grey[2:-2, 1:-3]
    assert got == pytest.approx((inside * (right + left)).mean() / 2 / (inside**2).mean(), abs=1e-5)
    assert got == pytest.approx(0.5, abs=0.05)


def test_cooccurrence_of_a_checkerboard_by_hand() -> None:
    """Every pixel is one deviation from the mean, every neighbour of the other sign."""
    place = torch.arange(16)
    board = ((place[:, None] + place) % 2 * 2.0 - 1).expand(1, 3, 16, 16)
    got = residual.cooccurrence_statistics(means(residual.cooccurrence_maps(board)))
    assert got["opposite_11"] == pytest.approx(1)
    assert sum(got.values()) == pytest.approx(1)
    assert "opposite_22" not in got


def test_cooccurrence_of_columns_counts_both_directions() -> None:
    columns = (torch.arange(16) % 2 * 2.0 - 1).expand(1, 3, 16, 16)
    got = residual.cooccurrence_statistics(means(residual.cooccurrence_maps(columns)))
    assert got["opposite_11"] == pytest.approx(0.5)
    assert got["same_11"] == pytest.approx(0.5)


def test_cooccurrence_does_not_know_sign_scale_or_orientation() -> None:
    error = noise(1, 3, 32, 32)
    one = means(residual.cooccurrence_maps(error))
    for other in (-error, 3 * error, error.transpose(-1, -2)):
        torch.testing.assert_close(means(residual.cooccurrence_maps(other)), one, atol=2e-3, rtol=0)
    assert one.sum() == pytest.approx(1)
    assert (one > 0).all()


def test_cooccurrence_does_not_see_a_shift_of_the_colours() -> None:
    error = noise(1, 3, 32, 32)
    shifted = error + 2 + torch.linspace(0, 1, 32)
    got = [means(residual.cooccurrence_maps(e)) for e in (error, shifted)]
    torch.testing.assert_close(got[1], got[0], atol=0.02, rtol=0)
