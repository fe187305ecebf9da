"""Paths in the latent space that are known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.types import ClipReconstruction
from tests.features.motion.clips import SIDE, a_clip, blurred, lively, told

CLIP = a_clip(np.full((40, 3, SIDE, SIDE), 0.5))
AHEAD = torch.arange(40.0)[:, None, None, None]


def moving(latent: Tensor, kind: str) -> dict[str, float]:
    """The numbers of a path (T, C, 12, 12) over a grey clip."""
    return told(CLIP, replace(blurred(CLIP), mean=latent), kind)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_straight_path_does_not_turn() -> None:
    """One step of 0.1 in every channel at a time, from 1 on."""
    straight = (1 + 0.1 * AHEAD).expand(40, 4, 12, 12)
    got = moving(straight, "latent_acceleration")
    assert got["nose.turn"] == pytest.approx(1, abs=1e-5)
    assert got["whole.turn_excess"] == pytest.approx(1, abs=1e-5)
    drift = moving(straight, "identity_drift")
    assert drift["nose.trend"] == pytest.approx(1, abs=1e-4)
    length = np.sqrt(np.mean((1 + 0.1 * np.arange(40)) ** 2))
    assert drift["nose.speed"] == pytest.approx(np.log(0.1 / length), abs=1e-3)
    assert drift["nose.spread"] == pytest.approx(np.log(0.1 * np.sqrt((40**2 - 1) / 12) / length), abs=1e-3)


def test_noise_turns_back_halfway() -> None:
    """Successive differences of independent values: correlation -1/2; squared step twice the variance."""
    wild = 1 + 0.2 * noise(40, 4, 12, 12)
    assert moving(wild, "latent_acceleration")["whole.turn"] == pytest.approx(-0.5, abs=0.03)
    wandering = 1 + 0.2 * noise(40, 4, 1, 1, seed=1).expand(40, 4, 12, 12)
    drift = moving(wandering, "identity_drift")
    assert drift["mouth.jitter"] == pytest.approx(0, abs=0.35)
    assert drift["mouth.trend"] < 0.2


def test_a_path_that_stands_still() -> None:
    still = torch.ones(40, 4, 12, 12)
    assert moving(still, "latent_velocity")["nose.log"] == pytest.approx(np.log(1e-6), abs=1e-3)
    assert moving(still, "latent_acceleration")["nose.turn"] == 0
    drift = moving(still, "identity_drift")
    assert drift["nose.trend"] == pytest.approx(0, abs=1e-6)
    assert drift["nose.spread"] < -7


def test_the_velocity_by_hand() -> None:
    """A step of 0.2 about 1: sizes (1 and 1.2 in turn) of root mean square sqrt(1.22); bursts of equal steps: none."""
    steps = (1 + 0.2 * (AHEAD % 2)).expand(40, 4, 12, 12)
    got = moving(steps, "latent_velocity")
    assert got["whole.log"] == pytest.approx(np.log(0.2 / np.sqrt(1.22)), abs=1e-3)
    assert got["whole.bursts"] < -5


def test_the_step_is_told_against_that_of_the_picture() -> None:
    clip = lively(0)
    twice = replace(clip, pixels=0.5 + (clip.pixels - 0.5) * np.float32(0.5))
    made = blurred(clip)
    one, half = (told(c, made, "latent_velocity")["whole.ratio"] for c in (clip, twice))
    assert half - one == pytest.approx(np.log(2), abs=1e-3)


def test_latents_of_several_frames_are_taken_at_their_own_times() -> None:
    """Eight latents for forty frames 0.04 s apart are 0.22 s apart, and neighbours, for each holds five frames; where
    frames are no neighbours, latents are none."""
    latent = (1 + noise(8, 4, 12, 12)).transpose(0, 1)[None]
    made = ClipReconstruction(torch.from_numpy(CLIP.pixels)[None], latent)
    slow = replace(CLIP, times_s=CLIP.times_s * 10)
    assert np.isfinite(told(CLIP, made, "latent_velocity")["whole.log"])
    assert np.isnan(told(slow, made, "latent_velocity")["whole.log"])
    assert np.isfinite(told(slow, made, "identity_drift")["whole.spread"])
