"""The KL term against a hand-computed case, Torch's own formula and Monte Carlo."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from detector.errors import ShapeError
from detector.vae.posterior import kl_bits


def test_by_hand() -> None:
    mean = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    logvar = torch.tensor([0.0, math.log(4.0)]).reshape(1, 2, 1, 1)
    nats = 0.5 * 1.0 + 0.5 * (4.0 - 1.0 - math.log(4.0))
    assert kl_bits(mean, logvar).item() == pytest.approx(nats / math.log(2))


def test_agrees_with_torch_at_every_position() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 3, 5, 4, 6, generator=generator)
    reference = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=1) / math.log(2)
    torch.testing.assert_close(kl_bits(mean, logvar), reference)


@given(st.floats(-30, 20), st.floats(-100, 100))
def test_never_negative(logvar: float, mean: float) -> None:
    assert kl_bits(torch.full((1, 1, 1, 1), mean), torch.full((1, 1, 1, 1), logvar)).item() >= 0


def test_the_prior_costs_nothing() -> None:
    zeros = torch.zeros(2, 4, 3, 3)
    assert torch.equal(kl_bits(zeros, zeros), torch.zeros(2, 3, 3))


def test_close_to_the_prior_no_digit_is_lost() -> None:
    tiny = torch.full((1, 1, 1, 1), 1e-3)
    assert kl_bits(torch.zeros(1, 1, 1, 1), tiny).item() == pytest.approx(1e-6 / 4 / math.log(2), rel=1e-3)


def test_shapes_must_agree() -> None:
    with pytest.raises(ShapeError, match="logvar"):
        kl_bits(torch.zeros(1, 4, 2, 2), torch.zeros(1, 3, 2, 2))
