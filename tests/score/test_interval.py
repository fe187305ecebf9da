"""The interval of a mean: it holds as often as it says, of whatever kind the clip is and whenever one stops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from detector.media.sampling import refine
from detector.score.interval import mean_interval

Track = npt.NDArray[np.float64]
ERROR = 0.1
LOOKS = (1, 2, 4, 8, 16, 24, 40, 60)
CLIPS = 100


def sigmoid(value: Track) -> Track:
    return np.asarray(1 / (1 + np.exp(-value)), np.float64)


def wandering(rng: np.random.Generator, count: int) -> Track:
    """An AR(1) process, from white to one that hardly moves."""
    rho = float(rng.choice([0.0, 0.9, 0.99, 0.999]))
    noise = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.normal(size=count))
    return sigmoid(3 * rng.normal() + 2 * (noise + rng.normal() * rho ** np.arange(count)))


def two_valued(rng: np.random.Generator, count: int) -> Track:
    return np.where(wandering(rng, count) > 0.5, 0.99, 0.01)


def burst(rng: np.random.Generator, count: int) -> Track:
    """A stretch of the clip is fake."""
    start, share = rng.integers(count), rng.uniform(0.03, 0.4)
    return np.where(np.roll(np.arange(count) < share * count, start), 0.98, 0.05)


def rare(rng: np.random.Generator, count: int) -> Track:
    return (rng.random(count) < rng.uniform(0, 0.1)).astype(np.float64)


def trend(rng: np.random.Generator, count: int) -> Track:
    return np.linspace(*rng.random(2), count)


def periodic(rng: np.random.Generator, count: int) -> Track:
    """In step with evenly spaced looks."""
    return 0.5 + 0.5 * np.sin(2 * np.pi * rng.integers(1, 64) * np.arange(count) / count + rng.uniform(0, 7))


@pytest.mark.parametrize(
    ("kind", "order"),
    [*((kind, "refining") for kind in (wandering, two_valued, burst, rare, trend, periodic)), (rare, "random")],
)
def test_nine_of_ten_hold_at_every_look_at_once(kind: Callable[..., Track], order: str) -> None:
    """Missed once among all looks counts as missed: so it holds whenever one stops, for whatever reason."""
    rng, missed = np.random.default_rng(7), 0
    for _ in range(CLIPS):
        count = int(rng.choice([60, 600, 5000]))
        track: Track = np.roll(kind(rng, count), rng.integers(count))
        keys = np.arange(0, count, 3)
        looks = rng.permutation(count) if order == "random" else refine(np.arange(count) / 30, count / 30, keys)
        drawn = track[looks[: LOOKS[-1]]]
        ends = [mean_interval(drawn[:seen].tolist(), count, ERROR) for seen in LOOKS]
        missed += any(not low - 1e-9 <= track.mean() <= high + 1e-9 for low, high in ends)
    assert missed <= ERROR * CLIPS


def test_the_check_can_fail() -> None:
    """The textbook's interval of mean and deviation, looked at ten times, does not hold for rare frames."""
    rng, missed = np.random.default_rng(7), 0
    for _ in range(CLIPS):
        track = rare(rng, 5000)
        drawn = track[rng.permutation(5000)]
        reach = [1.645 * drawn[:seen].std() / np.sqrt(seen) for seen in LOOKS]
        missed += any(abs(drawn[:seen].mean() - track.mean()) > far for seen, far in zip(LOOKS, reach, strict=True))
    assert missed > 3 * ERROR * CLIPS


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 1000))
def test_it_holds_the_mean_of_what_was_seen_and_mirrors(values: list[float], more: int) -> None:
    low, high = mean_interval(values, len(values) + more, ERROR)
    mirrored = mean_interval([1 - value for value in values], len(values) + more, ERROR)
    assert 0 <= low <= np.mean(values) <= high <= 1
    np.testing.assert_allclose(mirrored, (1 - high, 1 - low), atol=1e-5)


def test_all_values_leave_no_doubt() -> None:
    assert mean_interval([0.2, 0.4, 0.9], 3, ERROR) == pytest.approx((0.5, 0.5))


def test_more_looks_tell_more() -> None:
    widths = [high - low for low, high in (mean_interval([0.3] * seen, 10_000, ERROR) for seen in (1, 4, 16, 64, 256))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.1


def test_one_bettor_by_hand() -> None:
    """One value of 1 in a large clip: who bets c against m has 1 + c (1 - m) / m; the mean of all c reaches 20 at m."""
    low, high = mean_interval([1.0], 10**9, ERROR)
    assert high == 1.0
    mean_stake = 0.525
    assert low == pytest.approx(mean_stake / (mean_stake + 19), abs=2e-6)
