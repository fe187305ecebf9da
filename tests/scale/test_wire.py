"""What workers tell each other arrives as it was, to the last bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detector.scale.wire import End, Row, Seen, Told, Unfit, from_table, receive_sight, send_sight, to_table
from detector.score.look import Sight
from detector.types import Face, FaceReport, Frame, RegionEvidence

coordinates = st.floats(-1e5, 1e5, width=32)
faces = st.builds(
    Face,
    arrays(np.float32, 4, elements=coordinates),
    arrays(np.float32, (5, 2), elements=coordinates),
    st.floats(0, 1),
    st.none() | st.integers(0, 99),
)
pixels = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)).flatmap(lambda shape: arrays(np.uint8, shape))


@settings(deadline=None)
@given(pixels, st.lists(st.tuples(faces, st.none() | st.just("too_small")), max_size=3), st.floats(0, 1e6))
def test_a_sight_arrives_to_the_last_bit(
    pixels: np.ndarray, seen: list[tuple[Face, str | None]], time_s: float
) -> None:
    sight = Sight(Frame(pixels, time_s, 7), tuple(face for face, _ in seen), tuple(reason for _, reason in seen))
    [row] = from_table(to_table([send_sight("a b/ü.jpg", 3, sight, 0.5)]))
    assert isinstance(row.message, Seen)
    assert (row.message.path, row.message.number, row.seconds) == ("a b/ü.jpg", 3, 0.5)
    assert row.pixels is not None
    came = receive_sight(row.message, row.pixels)
    np.testing.assert_array_equal(came.frame.pixels, pixels)
    assert (came.frame.time_s, came.frame.index, came.reasons) == (time_s, 7, sight.reasons)
    for one, other in zip(came.faces, sight.faces, strict=True):
        np.testing.assert_array_equal(one.box, other.box)
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
        assert one.box.dtype == one.landmarks.dtype == np.float32
        assert (one.confidence, one.track) == (other.confidence, other.track)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_messages_arrive_whole_and_in_their_order(number: float) -> None:
    face = FaceReport((0.1, 2, 3, 4.5), 0.9, number, regions=(RegionEvidence("eyes", number, "eyes: odd"),), track=2)
    sent = [
        Row(Told("a", 1, 0.25, (face,), number, {"face-vae": "1"}), 0.1),
        Row(End("a", 2, "video", ("odd",), None, {"yunet": "2"}), 0.2),
        Row(Unfit("no weights", False)),
    ]
    assert list(from_table(to_table(sent))) == sent
    assert list(from_table(to_table([]))) == []


def test_a_row_that_is_made_again_has_the_size_that_it_had() -> None:
    """Ray repeats the work of a dead worker and goes on where its blocks end: they must end at the same rows."""
    quick, slow = (to_table([Row(End("a", 1, "image"), seconds)]) for seconds in (0.1, 1234.56789))
    assert quick.nbytes == slow.nbytes
