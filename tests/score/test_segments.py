"""When a person looks fake, and how well that is known: by hand, and for any clip."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.score.segments import LEAST_SIGHTINGS, WINDOW_S, follow, segments
from detector.types import FaceReport, Segment


def found(probabilities: list[float], step_s: float, threshold: float = 0.4) -> list[Segment]:
    times = step_s * np.arange(len(probabilities))
    return list(segments(times, np.array(probabilities, np.float64), threshold))


def seen(*probabilities: float | None) -> list[FaceReport]:
    return [FaceReport((0, 0, 9, 9), 1.0, value, time_s=row / 2, track=1) for row, value in enumerate(probabilities)]


@pytest.mark.parametrize("step_s", [1 / 240, 1 / 30, 0.31, 1.0, 60.0])
@pytest.mark.parametrize("threshold", [0.11, 0.5, 0.89])
def test_the_edges_are_where_the_fake_begins_and_ends(step_s: float, threshold: float) -> None:
    """At any rate and any threshold between the two levels: a mean over the window would move them."""
    count = max(12, round(2 / step_s))
    [segment] = found([0.1] * count + [0.9] * count + [0.1] * count, step_s, threshold)
    assert segment.from_s == pytest.approx(count * step_s)
    assert segment.to_s == pytest.approx((2 * count - 1) * step_s)
    assert (segment.probability, segment.frames) == (pytest.approx(0.9), count)


def test_one_odd_frame_neither_makes_nor_breaks_a_segment() -> None:
    assert found([0.1] * 5 + [0.9] + [0.1] * 5, 0.5) == []
    [segment] = found([0.9] * 5 + [0.1] + [0.9] * 5, 0.5)
    assert (segment.from_s, segment.to_s, segment.frames) == (0.0, 5.0, 11)
    assert segment.probability == pytest.approx((10 * 0.9 + 0.1) / 11)


def test_the_beginning_and_the_end_of_a_clip_count() -> None:
    assert [(one.from_s, one.to_s) for one in found([0.9] * 4 + [0.1] * 6 + [0.9] * 3, 1.0)] == [(0, 3), (10, 12)]


def test_whoever_was_away_for_long_has_two_segments() -> None:
    times = np.array([0, 1, 2, 3, 30, 31, 32, 33], np.float64)
    both = list(segments(times, np.full(8, 0.9), 0.4))
    assert [(one.from_s, one.to_s) for one in both] == [(0, 3), (30, 33)]


@given(
    st.lists(st.floats(0, 1), max_size=60),
    st.sampled_from([1 / 60, 0.2, 0.7, 5.0]),
    st.floats(0.01, 0.99),
)
def test_segments_are_apart_long_enough_and_at_the_threshold(
    values: list[float], step: float, threshold: float
) -> None:
    told = found(values, step, threshold)
    for one in told:
        assert one.frames >= LEAST_SIGHTINGS
        assert one.probability >= threshold
        assert one.to_s - one.from_s == pytest.approx((one.frames - 1) * step)
    assert all(before.to_s < after.from_s for before, after in pairwise(told))
    if values and min(values) >= threshold and len(values) >= LEAST_SIGHTINGS:
        assert [one.frames for one in told] == [len(values)]
    if values and max(values) < threshold:
        assert told == []


def test_a_window_is_never_less_than_three_sightings() -> None:
    """Two seconds apart, as over a minute of video: a second around each would hold it alone."""
    assert WINDOW_S < 2.0
    assert found([0.1, 0.1, 0.9, 0.1, 0.9, 0.1, 0.1], 2.0) == []


def test_few_frames_make_a_wide_interval() -> None:
    """One frame of 0.5: the lower end m has (0.5 / m) averaged over the stakes at 20; more frames, never wider."""
    widths = []
    for count in (1, 3, 10, 32, 300):
        person = follow(standing(0.5), seen(*[0.5] * count), 0.4, True)
        assert person.interval is not None
        low, high = person.interval
        assert low <= 0.5 <= high
        assert low + high == pytest.approx(1, abs=1e-4)
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.9
    assert widths[-1] < 0.03


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = rng.beta(0.6, 1.4, 8)
        interval = follow(standing(float(values.mean())), seen(*values), 0.4, True).interval
        assert interval is not None
        held += interval[0] <= 0.3 <= interval[1]
    assert held >= 180


def standing(value: float | None) -> FaceReport:
    return FaceReport((0, 0, 9, 9), 1.0, value, track=1)


def test_a_person_is_told_by_number_frames_and_times() -> None:
    person = follow(standing(0.8), seen(0.8, None, 0.8), 0.4, True)
    assert (person.number, person.frames, person.first_s, person.last_s) == (2, 2, 0.0, 1.0)
    assert (person.verdict, person.segments) == ("fake", ())
    assert follow(standing(0.8), seen(0.8), 0.4, False).verdict is None
    nothing = follow(standing(None), seen(None, None), None, False)
    assert (nothing.frames, nothing.interval, nothing.verdict, nothing.segments) == (0, None, None, ())
    assert (nothing.first_s, nothing.last_s) == (0.0, 0.5)
