"""Evenly spaced means: over the whole clip, by time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.media import Sampling
from detector.media.sampling import pick

clips = st.lists(st.floats(0.001, 10), min_size=1, max_size=200).map(lambda d: np.concatenate([[0.0], np.cumsum(d)]))
samplings = st.one_of(
    st.integers(1, 300).map(lambda n: Sampling(frames=n)),
    st.floats(0.01, 100).map(lambda r: Sampling(fps=r)),
    st.just(Sampling(every=True)),
)


@given(clips, samplings)
def test_picked_frames_are_in_the_clip_once_and_in_order(edges: np.ndarray, sampling: Sampling) -> None:
    numbers = pick(edges[:-1], edges[-1], sampling)
    assert 1 <= len(numbers) <= len(edges) - 1
    assert numbers[0] >= 0
    assert numbers[-1] < len(edges) - 1
    assert (np.diff(numbers) > 0).all()


@given(st.integers(1, 5000), st.integers(1, 100), st.sampled_from([23.976, 25.0, 29.97, 30.0, 60.0]))
def test_at_a_constant_rate_they_are_evenly_spaced_and_reach_both_ends(count: int, wanted: int, rate: float) -> None:
    numbers = pick(np.arange(count) / rate, count / rate, Sampling(frames=wanted))
    assert len(numbers) == min(count, wanted)
    assert numbers[0] <= count / wanted
    assert numbers[-1] >= count - 1 - count / wanted
    if wanted < count:
        assert np.ptp(np.diff(np.append(numbers, numbers[-1] + count // wanted))) <= 1


@given(clips, st.integers(1, 64))
def test_each_is_on_the_screen_in_the_middle_of_its_span(edges: np.ndarray, wanted: int) -> None:
    numbers = set(pick(edges[:-1], edges[-1], Sampling(frames=wanted)).tolist())
    middles = (np.arange(wanted) + 0.5) * edges[-1] / wanted
    sure = np.abs(edges[:, None] - middles).min(axis=0) > 1e-3  # a frame that starts on the tick may be either
    shown = np.searchsorted(edges, middles[sure], side="right") - 1
    assert set(shown.tolist()) <= numbers


def test_by_hand() -> None:
    starts = np.array([0.0, 0.1, 0.2, 5.0, 9.0])
    assert pick(starts, 10.0, Sampling(frames=5)).tolist() == [2, 3, 4]  # at 1, 3, 5, 7 and 9 s
    assert pick(starts, 10.0, Sampling(fps=0.5)).tolist() == [0, 2, 3]  # at 0, 2, 4, 6 and 8 s
    assert pick(np.arange(10) / 10, 1.0, Sampling(fps=10)).tolist() == list(range(10))
    assert pick(np.array([3.0]), 3.0, Sampling()).tolist() == [0]


def test_the_default_is_32_frames() -> None:
    assert Sampling().frames == 32
    assert Sampling(fps=2.0).frames is None
    assert Sampling() == Sampling(frames=32)


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 3, "fps": 1.0},
        {"frames": 3, "every": True},
        {"frames": 0},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"fps": float("inf")},
    ],
)
def test_impossible_samplings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Sampling(**wrong)  # type: ignore[arg-type]
