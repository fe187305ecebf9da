"""Stills in motion: smooth, within bounds, the same for the same randomness, and with a codec behind them."""

from __future__ import annotations

import numpy as np
import pytest

from detector.types import Pixels
from detector.vae.video.codec import through_codec
from detector.vae.video.motion import MovingStills, move, wander


def stills(count: int = 2, side: int = 64) -> Pixels:
    """Smooth pictures: waves of three colours."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(2 * np.pi * (k * x + (3 - k) * y) + row) for row in range(count) for k in range(3)]
    return np.asarray(127.5 + 100 * np.stack(waves).reshape(count, 3, side, side), np.uint8)


def test_a_way_is_smooth_and_within_bounds() -> None:
    way = wander(50, (4, 4, 2), np.random.default_rng(0))
    assert way.shape == (50, 4, 4, 2)
    assert np.abs(way).max() <= 1
    assert np.abs(np.diff(way, axis=0)).max() <= 2 * np.pi * 0.08
    assert way.std(0).min() > 0.05


def test_a_window_moves_little_from_frame_to_frame_and_stays_near_its_place() -> None:
    still = stills(1)[0].transpose(1, 2, 0)
    moved = move(still, 12, 48, np.random.default_rng(1))
    assert moved.shape == (12, 48, 48, 3)
    middle = still[8:56, 8:56].astype(np.float32)
    steps = np.abs(np.diff(moved, axis=0)).mean((1, 2, 3))
    assert steps.min() > 0
    assert steps.max() < 15
    assert np.abs(moved - middle).mean() < 60


def test_clips_have_their_shape_and_the_same_randomness_gives_the_same() -> None:
    source = MovingStills(stills(), 5, 32)
    first, again, other = (source(np.random.default_rng(seed), 3) for seed in (0, 0, 1))
    assert first.shape == (3, 5, 3, 32, 32)
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("crf", [16, 36])
def test_a_codec_gives_back_every_frame_in_order(crf: int) -> None:
    levels = np.arange(20, 240, 20)
    frames = np.broadcast_to(levels[:, None, None, None], (11, 32, 48, 3)).astype(np.uint8)
    decoded = through_codec(frames, crf)
    assert decoded.shape == frames.shape
    assert np.abs(decoded.mean((1, 2, 3)) - levels).max() < 8


def test_a_higher_rate_factor_loses_more_and_a_single_frame_works() -> None:
    frames = stills(1)[0].transpose(1, 2, 0)[None]
    noisy = np.clip(frames + np.random.default_rng(0).normal(0, 10, frames.shape), 0, 255).astype(np.uint8)
    fine, coarse = (np.abs(through_codec(noisy, crf).astype(float) - noisy).mean() for crf in (16, 40))
    assert 0 < fine < coarse
