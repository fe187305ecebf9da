"""The spectrum of flicker in Hz, against sines and noise of known frequency and slope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.motion.clips import SIDE, a_clip, told, with_error

THIRD_OCTAVE = 2 ** (1 / 6)


def flickering(course: np.ndarray, fps: float, seed: int = 0) -> dict[str, float]:
    """The spectrum of an error that goes up and down as `course` says, each pixel by its own amount."""
    pattern = np.random.default_rng(seed).normal(0, 1, (1, 3, SIDE, SIDE))
    clip = a_clip(np.full((len(course), 3, SIDE, SIDE), 0.5), fps)
    return told(clip, with_error(clip, course[:, None, None, None] * pattern), "flicker_spectrum")


@pytest.mark.parametrize(("fps", "hertz"), [(25, 3.0), (25, 9.0), (30, 5.0), (60, 20.0), (240, 80.0), (12, 4.0)])
def test_a_sine_has_its_peak_at_its_frequency(fps: float, hertz: float) -> None:
    time = np.arange(64) / fps
    got = flickering(0.05 * np.sin(2 * np.pi * hertz * time), fps)
    for region in ("mouth", "whole"):
        assert hertz / THIRD_OCTAVE**1.2 < got[f"{region}.peak_hz"] < hertz * THIRD_OCTAVE**1.2
        assert got[f"{region}.peak"] > 1


@settings(max_examples=10, deadline=None)
@given(st.floats(2.5, 10), st.integers(0, 99))
def test_a_frame_that_was_dropped_moves_no_peak(hertz: float, seed: int) -> None:
    keep = np.sort(np.random.default_rng(seed).choice(64, 60, replace=False))
    time = np.arange(64)[keep] / 25
    clip = a_clip(np.full((60, 3, SIDE, SIDE), 0.5))
    clip = replace(clip, times_s=time)
    error = np.broadcast_to((0.05 * np.sin(2 * np.pi * hertz * time))[:, None, None, None], clip.pixels.shape)
    got = told(clip, with_error(clip, error), "flicker_spectrum")["whole.peak_hz"]
    assert hertz / THIRD_OCTAVE**1.3 < got < hertz * THIRD_OCTAVE**1.3


def test_frames_played_at_twice_the_rate_flicker_twice_as_fast() -> None:
    course = 0.05 * np.sin(2 * np.pi * np.arange(64) / 8)
    slow, fast = (flickering(course, fps)["whole.peak_hz"] for fps in (25, 50))
    assert fast == pytest.approx(2 * slow)


def test_noise_is_flat_and_a_random_walk_falls_by_two() -> None:
    rng = np.random.default_rng(0)
    clip = a_clip(np.full((64, 3, SIDE, SIDE), 0.5))
    noise = rng.normal(0, 0.02, clip.pixels.shape)
    white, walk = (told(clip, with_error(clip, e), "flicker_spectrum") for e in (noise, np.cumsum(noise, axis=0)))
    assert white["whole.slope"] == pytest.approx(0, abs=0.15)
    assert white["whole.high"] == pytest.approx(0, abs=0.1)
    assert walk["whole.slope"] == pytest.approx(-2, abs=0.35)
    assert walk["whole.high"] < -2


def test_white_noise_has_the_same_power_per_hertz_in_every_common_band_at_any_rate() -> None:
    """So a clip of 50 frames a second has the share of one of 25: faster bands are left out of it."""
    rng = np.random.default_rng(1)
    for fps in (25, 50, 100):
        clip = a_clip(np.full((96, 3, SIDE, SIDE), 0.5), fps)
        got = told(clip, with_error(clip, rng.normal(0, 0.02, clip.pixels.shape)), "flicker_spectrum")
        assert got["whole.high"] == pytest.approx(0, abs=0.1)


def test_what_only_fast_clips_show_is_in_no_slope() -> None:
    """Noise with a strong line at 30 Hz, filmed at 100 frames a second."""
    rng, clip = np.random.default_rng(2), a_clip(np.full((96, 3, SIDE, SIDE), 0.5), 100)
    line = 0.2 * np.sin(2 * np.pi * 30 * clip.times_s)[:, None, None, None]
    got = told(clip, with_error(clip, line + rng.normal(0, 0.02, clip.pixels.shape)), "flicker_spectrum")
    assert got["whole.slope"] == pytest.approx(0, abs=0.2)
    assert got["whole.peak_hz"] == pytest.approx(30, rel=THIRD_OCTAVE - 1)


def test_a_still_error_has_no_peak() -> None:
    got = flickering(np.full(32, 0.05), 25)
    assert got["whole.slope"] == pytest.approx(0, abs=1e-3)
    assert got["whole.peak"] == pytest.approx(0, abs=1e-3)


def test_at_one_frame_a_second_nothing_is_told() -> None:
    assert np.isnan(list(flickering(np.random.default_rng(0).normal(0, 1, 64), 1).values())).all()
