"""Tracks: scenarios by hand, boxes as (x, y) of their middle with a size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.faces import Tracker
from detector.faces.tracks import MAX_HIDDEN, MAX_MISSED
from detector.types import Face, Pixels


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


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600), st.integers(20, 300)), max_size=5, unique=True),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_faces_changes_nothing(frames, random) -> None:  # type: ignore[no-untyped-def]
    one, other = Tracker(), Tracker()
    for index, places in enumerate(frames):
        shuffled = random.sample(places, len(places))
        given_ = dict(zip(places, ids(one, index, *(face(*place) for place in places)), strict=True))
        assert dict(zip(shuffled, ids(other, index, *(face(*place) for place in shuffled)), strict=True)) == given_


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=4), max_size=12), st.data())
def test_a_number_that_is_gone_never_comes_again(frames: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    """Over cuts and over gaps: within a shot a number has one life, and every new one is the next."""
    tracker, index, shot, last = Tracker(), 0, 0, -1
    for places in frames:
        before = last
        index, cut = index + data.draw(st.integers(1, 9)), data.draw(st.booleans())
        shot += cut
        for one in tracker.update([face(*place) for place in places], index, shot=shot):
            assert one.track is not None
            assert one.track > before or not cut, "nobody is followed over a cut"
            last = max(last, one.track)
        assert last - before <= len(places)


def test_a_cut_ends_tracks_even_where_a_face_is_at_the_same_place() -> None:
    tracker = Tracker()
    tracker.update([face(100, 100)], 0, shot=0)

    assert tracker.update([face(100, 100)], 1, shot=1)[0].track == 1


def test_two_who_cross_are_not_swapped() -> None:
    """Side by side at 12 px a frame, in opposite directions, one a little above the other."""
    tracker = Tracker()
    numbered = [ids(tracker, n, face(100 + 12 * n, 100), face(400 - 12 * n, 110)) for n in range(25)]

    assert numbered == [[0, 1]] * 25


def test_two_who_cross_while_one_hides_the_other_are_not_swapped() -> None:
    tracker = Tracker()
    for n in range(25):
        hidden = 10 <= n <= 14
        seen = [face(100 + 12 * n, 100)] + ([] if hidden else [face(400 - 12 * n, 105)])
        assert ids(tracker, n, *seen) == ([0] if hidden else [0, 1])


COLOURS = {"red": (200, 40, 40), "blue": (40, 60, 200)}


def scene(*people: tuple[str, float, float]) -> tuple[Pixels, list[Face]]:
    """A grey room with people of one colour each, at x y."""
    pixels = np.full((400, 600, 3), 128, np.uint8)
    for colour, x, y in people:
        pixels[int(y) - 80 : int(y) + 80, int(x) - 80 : int(x) + 80] = COLOURS[colour]
    return pixels, [face(x, y) for _, x, y in people]


def test_two_who_stop_where_they_meet_and_turn_back_are_told_apart_by_their_looks() -> None:
    """Place and speed say that they crossed; their looks say that they did not."""
    tracker, index = Tracker(), 0
    for x in (100, 130, 160):
        pixels, faces = scene(("red", x, 200), ("blue", 500 - x, 200))
        assert [one.track for one in tracker.update(faces, index, pixels)] == [0, 1]
        index += 1
    index += 4
    pixels, faces = scene(("blue", 320, 200), ("red", 120, 200))
    assert [one.track for one in tracker.update(faces, index, pixels)] == [1, 0]


@pytest.mark.parametrize(("colour", "number"), [("red", 0), ("blue", 1)])
def test_after_long_only_who_looks_the_same_comes_back(colour: str, number: int) -> None:
    tracker = Tracker()
    pixels, faces = scene(("red", 300, 200))
    for index in (0, 1):
        tracker.update(faces, index, pixels)
    tracker.update([], 2 + MAX_MISSED + 3, np.full_like(pixels, 128))
    pixels, faces = scene((colour, 310, 200))

    assert tracker.update(faces, MAX_HIDDEN - 2, pixels)[0].track == number


def test_a_box_outside_the_picture_has_no_look_and_keeps_its_number() -> None:
    pixels: Pixels = np.zeros((50, 50, 3), np.uint8)
    tracker = Tracker()

    assert [tracker.update([face(400, 400)], n, pixels)[0].track for n in range(3)] == [0, 0, 0]
