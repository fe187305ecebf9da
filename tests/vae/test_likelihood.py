"""The discretized logistic against hand-computed values, its own sum, SciPy and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import logistic
from torch import Tensor

from detector.vae.likelihood import LEVELS, LOG_SCALE, Logistic, exact_entropy, log_mass, look_up_entropy, to_levels

ALL = torch.arange(LEVELS, dtype=torch.float64)
centres = st.floats(0, LEVELS - 1)
log_scales = st.floats(*LOG_SCALE)


def one_pixel(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)


def numbers(centre: float, log_scale: float) -> tuple[Tensor, Tensor]:
    return torch.tensor(centre, dtype=torch.float64), torch.tensor(log_scale, dtype=torch.float64)


@settings(deadline=None)  # the first call waits for Torch
@given(centres, log_scales)
def test_the_256_bins_sum_to_one(centre: float, log_scale: float) -> None:
    assert log_mass(ALL, *numbers(centre, log_scale)).exp().sum().item() == pytest.approx(1, abs=1e-9)


@settings(deadline=None)  # the first call waits for Torch
@given(st.integers(0, LEVELS - 1), centres, st.floats(0, LOG_SCALE[1]))
def test_each_bin_agrees_with_scipy(level: int, centre: float, log_scale: float) -> None:
    scale = math.exp(log_scale)
    top = 1.0 if level == LEVELS - 1 else logistic.cdf(level + 0.5, centre, scale)
    bottom = 0.0 if level == 0 else logistic.cdf(level - 0.5, centre, scale)
    ours = log_mass(torch.tensor(float(level), dtype=torch.float64), *numbers(centre, log_scale)).exp().item()
    assert ours == pytest.approx(top - bottom, rel=1e-6, abs=1e-12)


def test_by_hand() -> None:
    """At its own centre with s = 1: P = sigmoid(1/2) - sigmoid(-1/2) = 2 sigmoid(1/2) - 1 = 0.24491866."""
    assert log_mass(torch.tensor(100.0), torch.tensor(100.0), torch.tensor(0.0)).exp().item() == pytest.approx(
        0.24491866, rel=1e-6
    )


def test_far_tails_are_finite_and_have_gradients() -> None:
    centre = torch.zeros(LEVELS, requires_grad=True)
    log_scale = torch.full((LEVELS,), LOG_SCALE[0], requires_grad=True)
    log_p = log_mass(torch.arange(LEVELS).float(), centre, log_scale)
    log_p.sum().backward()
    assert torch.isfinite(log_p).all()
    # 250 levels away at s = e^-1.5, log P falls by 1/s for each level.
    assert (log_p[250] - log_p[251]).item() == pytest.approx(math.exp(1.5), rel=1e-3)
    assert centre.grad is not None
    assert log_scale.grad is not None
    assert torch.isfinite(centre.grad).all()
    assert torch.isfinite(log_scale.grad).all()


def test_channels_follow_the_channels_before_them() -> None:
    """mu = (100, 110, 120), a = 1, b = 1/2, c = 1/4 and x = (104, 116, 99), all by hand."""
    distribution = Logistic(one_pixel([100, 110, 120]), one_pixel([0, 0, 0]), one_pixel([1, 0.5, 0.25]))
    centre = distribution.centre(one_pixel([104, 116, 99])).flatten()
    assert centre.tolist() == [100, 110 + 1 * 4, 120 + 0.5 * 4 + 0.25 * 6]
    expected = [
        log_mass(torch.tensor(x), torch.tensor(m), torch.tensor(0.0)) for x, m in [(104.0, 100.0), (116.0, 114.0)]
    ]
    nll = distribution.nll(one_pixel([104, 116, 99])).flatten()
    assert nll[0].item() == pytest.approx(-expected[0].item() / math.log(2), rel=1e-5)
    assert nll[1].item() == pytest.approx(-expected[1].item() / math.log(2), rel=1e-5)


def test_the_mean_picture_is_the_mean() -> None:
    """Drawing channel after channel, as the links say, gives mu on average."""
    mean, scale, links = [100.0, 110.0, 120.0], math.exp(1.0), [0.9, -0.5, 0.7]
    rng = np.random.default_rng(0)
    red = rng.logistic(mean[0], scale, 200_000)
    green = rng.logistic(mean[1] + links[0] * (red - mean[0]), scale)
    blue = rng.logistic(mean[2] + links[1] * (red - mean[0]) + links[2] * (green - mean[1]), scale)
    pixels = Logistic(one_pixel(mean), one_pixel([1, 1, 1]), one_pixel(links)).pixels.flatten() * 255
    assert pixels.tolist() == pytest.approx([red.mean(), green.mean(), blue.mean()], abs=0.1)


def test_the_table_of_entropies_is_right() -> None:
    generator = torch.Generator().manual_seed(0)
    centre = torch.rand((2, 3, 48, 48), generator=generator) * 255
    log_scale = LOG_SCALE[0] + torch.rand((2, 3, 48, 48), generator=generator) * (LOG_SCALE[1] - LOG_SCALE[0])
    off = (look_up_entropy(centre, log_scale) - exact_entropy(centre, log_scale)).abs()
    assert off.max() < 0.01
    assert off.mean() < 0.001


def test_entropy_of_a_wide_logistic_is_the_closed_form() -> None:
    """ln s + 2 nats is the differential entropy of a logistic; bins of one level make it a discrete one."""
    entropy = exact_entropy(*numbers(127.5, math.log(5.0)))
    assert entropy.item() == pytest.approx((math.log(5.0) + 2) / math.log(2), abs=1e-3)


def test_nll_of_draws_is_the_entropy() -> None:
    """The coding-cost gap of a model that is right has expectation zero."""
    centre, log_scale = torch.tensor(90.3), torch.tensor(1.2)
    p = log_mass(torch.arange(LEVELS).float(), centre, log_scale).exp().double().numpy()
    draws = torch.from_numpy(np.random.default_rng(0).choice(LEVELS, 100_000, p=p / p.sum())).float()
    nll = -log_mass(draws, centre, log_scale).mean() / math.log(2)
    assert nll.item() == pytest.approx(exact_entropy(centre, log_scale).item(), abs=0.02)


def test_pixels_to_the_nearest_level() -> None:
    assert to_levels(torch.tensor([0.0, 0.5 / 255 - 1e-4, 1.6 / 255, 1.0])).tolist() == [0, 0, 2, 255]
