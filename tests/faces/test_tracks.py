"""Tracks: scenarios by hand, boxes as (x, y) of their middle with a size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.faces import Tracker
from detector.faces.tracks import MAX_MISSED
from detector.types import Face


def face(x: float, y: float, size: float = 100) -> Face:
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)
    return Face(box, np.full((5, 2), (x, y), np.float32), 1.0)


def ids(tracker: Tracker, index: int, *faces: Face) -> list[int | None]:
    return [one.track for one in tracker.update(faces, index)]


def test_someone_who_moves_slowly_keeps_the_number() -> None:
    tracker = Tracker()

    assert [ids(tracker, n, face(100 + 10 * n, 100)) for n in range(5)] == [[0]] * 5


def test_someone_who_moves_fast_keeps_the_number_without_an_overlap() -> None:
    tracker = Tracker()

    assert ids(tracker, 0, face(100, 100)) == [0]
    assert ids(tracker, 1, face(150, 150)) == [0]


def test_two_people_keep_their_numbers_whatever_their_order() -> None:
    tracker = Tracker()

    assert ids(tracker, 0, face(100, 100), face(300, 100)) == [0, 1]
    assert ids(tracker, 1, face(305, 100), face(95, 100)) == [1, 0]


def test_two_people_side_by_side_are_paired_by_the_better_overlap() -> None:
    tracker = Tracker()

    assert ids(tracker, 0, face(100, 100), face(180, 100)) == [0, 1]
    assert ids(tracker, 1, face(175, 100), face(255, 100)) == [1, 2]


def test_a_newcomer_gets_a_new_number() -> None:
    tracker = Tracker()

    assert ids(tracker, 0, face(100, 100)) == [0]
    assert ids(tracker, 1, face(400, 100), face(101, 100)) == [1, 0]


def test_a_face_missed_for_a_while_comes_back_as_itself() -> None:
    tracker = Tracker()
    ids(tracker, 0, face(100, 100))
    for index in range(1, MAX_MISSED + 1):
        assert ids(tracker, index) == []

    assert ids(tracker, MAX_MISSED + 1, face(105, 100)) == [0]


def test_a_face_missed_for_too_long_comes_back_as_someone_new() -> None:
    tracker = Tracker()
    ids(tracker, 0, face(100, 100))
    for index in range(1, MAX_MISSED + 2):
        ids(tracker, index)

    assert ids(tracker, MAX_MISSED + 2, face(100, 100)) == [1]


def test_frames_far_apart_count_by_their_own_step() -> None:
    tracker = Tracker()

    assert [ids(tracker, 300 * n, face(100 + n, 100)) for n in range(4)] == [[0]] * 4


def test_a_cut_starts_new_tracks() -> None:
    tracker = Tracker()
    ids(tracker, 0, face(100, 100), face(300, 100))

    assert ids(tracker, 1, face(200, 400, 60), face(500, 400, 60)) == [2, 3]


def test_another_size_at_a_place_nearby_is_someone_else() -> None:
    tracker = Tracker()
    ids(tracker, 0, face(100, 100, 200))

    assert ids(tracker, 1, face(120, 100, 40)) == [1]


def test_a_tracker_takes_frames_in_order() -> None:
    tracker = Tracker()
    tracker.update([], 3)

    with pytest.raises(UsageError, match="above 3, got 3"):
        tracker.update([], 3)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600), st.integers(20, 300)), max_size=6), max_size=8
    )
)
def test_nobody_shares_a_number_and_faces_stay_as_they_were(frames: list[list[tuple[int, int, int]]]) -> None:
    tracker = Tracker()
    for index, places in enumerate(frames):
        faces = [face(*place) for place in places]
        tracked = tracker.update(faces, index)

        assert len({one.track for one in tracked}) == len(faces)
        assert all(after.box is before.box for before, after in zip(faces, tracked, strict=True))
