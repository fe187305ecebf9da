"""Grids: sizes, and that each shows what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector.errors import UsageError
from detector.vae import grids
from detector.vae.config import VaeConfig
from detector.vae.model import FaceVae


def model(kind: str = "vae") -> FaceVae:
    torch.manual_seed(0)
    config = VaeConfig(kind, 32, 4, (16, 24), (1, 1), (1, 1), latent=8, codebook=32)  # type: ignore[arg-type]
    made = FaceVae(config).eval()
    made.start_from(torch.rand(16, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3))
    return made


def test_tiles_stand_in_reading_order() -> None:
    pictures = torch.stack([torch.full((3, 4, 4), value) for value in (0.0, 0.2, 0.4)])
    grid = grids.tile(pictures, columns=2)
    assert grid.shape == (10, 10, 3)
    assert [grid[0, 0, 0], grid[0, 6, 0], grid[6, 0, 0], grid[6, 6, 0]] == [0, 51, 102, 255]


def test_reconstructions_show_crop_copy_and_error() -> None:
    crops = torch.rand(2, 3, 32, 32)
    grid = grids.reconstructions(model(), crops)
    assert grid.shape == (3 * 34 - 2, 2 * 34 - 2, 3)
    np.testing.assert_array_equal(grid[:32, :32], (crops[0] * 255).round().byte().permute(1, 2, 0).numpy())


@pytest.mark.parametrize("kind", ["ae", "vae", "hierarchical", "vq-vae"])
def test_samples_of_one_seed_are_the_same_samples(kind: str) -> None:
    first, again, other = (grids.samples(model(kind), 4, columns=2, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (66, 66, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_interpolation_goes_from_one_to_the_other() -> None:
    first, second = torch.rand(2, 3, 32, 32)
    made = model()
    grid = grids.interpolate(made, first, second, steps=3)
    ends = grids.reconstructions(made, torch.stack([first, second]))[34:66]
    np.testing.assert_allclose(grid[:32, :32].astype(int), ends[:, :32], atol=1)
    np.testing.assert_allclose(grid[:32, 68:].astype(int), ends[:, 34:], atol=1)


def test_traversal_moves_one_channel_a_row_and_stands_still_in_the_middle() -> None:
    grid = grids.traverse(model(), torch.rand(3, 32, 32), channels=2, steps=3)
    assert grid.shape == (66, 100, 3)
    np.testing.assert_array_equal(grid[:32, 34:66], grid[34:66, 34:66])
    assert (grid[:32, :32] != grid[:32, 68:]).any()


@pytest.mark.parametrize("kind", ["ae", "vq-vae"])
def test_without_a_posterior_there_is_nothing_to_traverse(kind: str) -> None:
    with pytest.raises(UsageError, match=kind):
        grids.traverse(model(kind), torch.rand(3, 32, 32))
