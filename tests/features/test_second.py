"""The encoder's view of the error and the second pass, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector.features import second
from detector.types import Reconstruction

ZERO = torch.zeros(1, 1, 2, 2)


def flat(value: float) -> torch.Tensor:
    return torch.full((1, 3, 4, 4), value)


def statistics(maps: torch.Tensor | None) -> torch.Tensor:
    assert maps is not None
    return maps[0].double().mean(dim=(1, 2))


def test_second_pass_by_hand() -> None:
    """x = 0.5, x1 = 0.4, x2 = 0.35: errors 0.1 and 0.05 of one sign."""
    made = Reconstruction(flat(0.4), ZERO, second=Reconstruction(flat(0.35), ZERO))
    got = second.second_pass_statistics(statistics(second.second_pass_maps(flat(0.5), made)))
    assert got["log_abs"] == pytest.approx(np.log(0.05 + second.FLOOR))
    assert got["ratio"] == pytest.approx(np.log(0.5), abs=0.01)
    assert got["correlation"] == pytest.approx(1)


def test_a_fixed_point_has_the_smallest_ratio() -> None:
    made = Reconstruction(flat(0.4), ZERO, second=Reconstruction(flat(0.4), ZERO))
    got = second.second_pass_statistics(statistics(second.second_pass_maps(flat(0.5), made)))
    assert got["log_abs"] == pytest.approx(np.log(second.FLOOR))
    assert got["correlation"] == 0


def test_perceptual_distance_by_hand() -> None:
    """(3, 4) and (4, 3) have the unit vectors (.6, .8) and (.8, .6): a squared distance of 0.08, one strength."""
    hidden, other = (torch.tensor(v)[None, :, None, None].expand(1, 2, 2, 2) for v in ([3.0, 4.0], [4.0, 3.0]))
    made = Reconstruction(
        flat(0.0), ZERO, hidden=hidden, second=Reconstruction(flat(0.0), ZERO, hidden=torch.as_tensor(other))
    )
    got = second.perceptual_statistics(statistics(second.perceptual_maps(made)))
    assert got["log_distance"] == pytest.approx(np.log(0.08), abs=1e-4)
    assert got["strength"] == pytest.approx(0, abs=1e-6)


def test_perceptual_distance_does_not_know_strength_but_tells_it() -> None:
    hidden = torch.rand(1, 5, 2, 2) + 0.1
    made = Reconstruction(flat(0.0), ZERO, hidden=hidden, second=Reconstruction(flat(0.0), ZERO, hidden=2 * hidden))
    got = second.perceptual_statistics(statistics(second.perceptual_maps(made)))
    assert got["log_distance"] == pytest.approx(np.log(second.LATENT_FLOOR), abs=1e-3)
    assert got["strength"] == pytest.approx(np.log(2), abs=1e-4)


def test_latent_shift_by_hand() -> None:
    mean = torch.full((1, 4, 2, 2), 2.0)
    made = Reconstruction(flat(0.0), mean, second=Reconstruction(flat(0.0), 1.5 * mean))
    got = second.latent_shift_statistics(statistics(second.latent_shift_maps(made)))
    assert got["ratio"] == pytest.approx(np.log(0.5), abs=1e-5)


def test_nothing_comes_from_nothing() -> None:
    single = Reconstruction(flat(0.4), ZERO)
    assert second.second_pass_maps(flat(0.5), single) is None
    assert second.latent_shift_maps(single) is None
    assert second.perceptual_maps(single) is None
