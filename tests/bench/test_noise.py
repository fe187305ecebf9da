"""Medians and their intervals."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bench.noise import Middle

TIMES = st.lists(st.floats(0.001, 1e3), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(1, 1, 1), (5, 1, 5), (6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15)],
)
def test_the_interval_is_that_of_the_sign_test(count: int, low: int, high: int) -> None:
    """Of n = 9, 2nd to 8th hold the median with 1 - 2 * 10 / 512 = 96 % by the binomial distribution."""
    found = Middle.of([float(value) for value in range(count, 0, -1)])
    assert (found.low, found.high) == (low, high)
    assert found.median == median(range(1, count + 1))


@given(TIMES)
def test_the_median_lies_between(values: list[float]) -> None:
    found = Middle.of(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_one_disturbance_moves_nothing_inside() -> None:
    quiet = Middle.of([1.0] * 9 + [1.1] * 9)
    assert Middle.of([1.0] * 9 + [1.1] * 8 + [500.0]) == quiet


def test_it_holds_the_truth_as_often_as_it_says() -> None:
    """On skewed noise, where mean plus or minus two errors would not."""
    rng = np.random.default_rng(0)
    found = [Middle.of(rng.lognormal(0, 1, 9).tolist()) for _ in range(300)]
    held = sum(one.low <= 1.0 <= one.high for one in found)
    assert held >= 0.92 * 300


def test_words() -> None:
    assert Middle(3.14159, 2.999, 3.5).words(1) == "3.1 (3.0 to 3.5)"
