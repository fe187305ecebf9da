"""Sums under masks: whatever the grid of a map, a constant has itself as its mean."""

from __future__ import annotations

import pytest
import torch

from detector.features import REGIONS
from detector.features.pooling import GROUPS, MIN_MASS, pool, regional_means


@pytest.mark.parametrize("side", [32, 16, 4])
def test_a_constant_is_its_own_mean_on_any_grid(side: int) -> None:
    masks = torch.softmax(torch.randn(2, len(REGIONS), 32, 32, generator=torch.Generator().manual_seed(0)), dim=1)
    sums = pool(torch.full((2, 1, side, side), 3.0), masks)
    means = regional_means(sums.double(), masks.sum(dim=(2, 3)).double())
    torch.testing.assert_close(means, torch.full_like(means, 3.0), atol=1e-5, rtol=0)


def test_a_group_is_the_mean_of_its_members_by_mass() -> None:
    mass = torch.full((1, len(REGIONS)), MIN_MASS, dtype=torch.float64)
    sums = mass[..., None].clone()
    sums[0, REGIONS.index("background")] *= 10
    means = dict(zip(GROUPS, regional_means(sums, mass)[0, :, 0].tolist(), strict=True))
    assert means["mouth"] == means["face"] == pytest.approx(1)
    assert means["background"] == pytest.approx(10)
    assert means["whole"] == pytest.approx(2)


def test_less_than_the_least_mass_is_no_value() -> None:
    mass = torch.full((1, len(REGIONS)), MIN_MASS - 1, dtype=torch.float64)
    means = regional_means(mass[..., None], mass)
    seen = dict(zip(GROUPS, (~means.isnan())[0, :, 0].tolist(), strict=True))
    assert [group for group, there in seen.items() if there] == ["whole", "face"]
