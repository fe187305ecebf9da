"""Likelihood features by hand, and the code length beside a real codec."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import norm, spearmanr
from torch import Tensor

from detector.features import likelihood
from detector.types import Pixels, Reconstruction

GREY = torch.full((1, 3, 8, 8), 0.5)


def statistics(maps: Tensor | None) -> Tensor:
    assert maps is not None
    return maps[0].double().mean(dim=(1, 2))


def test_kl_by_hand() -> None:
    kl = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])
    got = likelihood.kl_statistics(statistics(likelihood.kl_maps(Reconstruction(GREY, GREY, kl=kl))))
    assert got["log_mean"] == pytest.approx(np.log(2), abs=1e-4)
    assert got["spread"] == pytest.approx(np.log(0.5), abs=1e-4)


def test_posterior_by_hand() -> None:
    """Two units: the prior itself, and one with mu 2 and variance 1/4."""
    mean = torch.tensor([0.0, 2.0])[None, :, None, None].expand(1, 2, 2, 2)
    logvar = torch.tensor([0.0, math.log(0.25)])[None, :, None, None].expand(1, 2, 2, 2)
    made = Reconstruction(GREY, mean, logvar)
    got = likelihood.posterior_statistics(statistics(likelihood.posterior_maps(made)))
    expected = -np.mean([norm.logpdf(0), norm.logpdf(2)]) / np.log(2)
    assert got["prior"] == pytest.approx(expected)
    assert got["logvar"] == pytest.approx(math.log(0.25) / 2)
    assert got["log_abs"] == pytest.approx(0, abs=1e-3)


def test_likelihood_and_coding_by_hand() -> None:
    """A flat picture costs a codec nothing: the excess is all of the NLL."""
    nll, entropy = torch.full((1, 8, 8), 3.0), torch.full((1, 8, 8), 2.0)
    made = Reconstruction(GREY - 8 / 255, GREY, nll=nll, entropy=entropy)
    got = likelihood.likelihood_statistics(statistics(likelihood.likelihood_maps(GREY, made)))
    assert got["nll"] == got["excess"] == 3
    got = likelihood.coding_statistics(statistics(likelihood.coding_maps(GREY, made)))
    assert got["gap"] == 1
    assert got["entropy"] == 2
    assert got["gap_spread"] == pytest.approx(0, abs=1e-6)
    assert got["standardised"] == pytest.approx(np.log(2), abs=1e-4)


def test_elbo_spreads_the_kl_over_the_pixels_that_it_pays_for() -> None:
    """8 x 8 px of 3 channels and 2 x 2 latents: 48 dimensions each, so 96 bits are 2 bits per dimension."""
    made = Reconstruction(GREY, GREY, nll=torch.full((1, 8, 8), 3.0), kl=torch.full((1, 2, 2), 96.0))
    got = likelihood.elbo_statistics(statistics(likelihood.elbo_maps(made)))
    assert got["bits"] == pytest.approx(5)
    assert got["kl_share"] == pytest.approx(0.4)


def test_code_length_of_a_checkerboard_by_hand() -> None:
    """West and north are 8 grey levels off, both on the same side: so is their median with any plane."""
    place = torch.arange(16)
    board = 0.5 + ((place[:, None] + place) % 2 * 2.0 - 1) * 4 / 255
    length = likelihood.code_length(board.expand(1, 3, 16, 16))
    torch.testing.assert_close(length, torch.full_like(length, math.log2(1 + 2 * math.e * 8)))


def test_a_ramp_along_an_axis_is_foreseen_and_a_diagonal_one_is_a_step_off() -> None:
    ramp = torch.arange(16)[None, :].float().expand(16, 16) / 255
    assert likelihood.code_length(ramp.expand(1, 3, 16, 16)).max() == pytest.approx(0, abs=1e-4)
    diagonal = (ramp + ramp.T).expand(1, 3, 16, 16)
    assert likelihood.code_length(diagonal).mean() == pytest.approx(math.log2(1 + 2 * math.e), abs=1e-4)


def test_code_length_orders_pictures_as_png_does(astronaut: Pixels) -> None:
    crops = [astronaut[y : y + 64, x : x + 64] for y in range(0, 512, 64) for x in range(0, 512, 64)]
    ours = likelihood.code_length(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255).mean(dim=(1, 2))
    theirs = [len(cv2.imencode(".png", crop)[1]) for crop in crops]
    assert spearmanr(ours.numpy(), theirs).statistic > 0.85


def test_a_flat_picture_has_no_length() -> None:
    assert likelihood.code_length(GREY).abs().max() == 0


def test_nothing_comes_from_nothing() -> None:
    plain = Reconstruction(GREY, GREY)
    assert likelihood.kl_maps(plain) is None
    assert likelihood.posterior_maps(plain) is None
    assert likelihood.likelihood_maps(GREY, plain) is None
    assert likelihood.coding_maps(GREY, plain) is None
    assert likelihood.elbo_maps(plain) is None
