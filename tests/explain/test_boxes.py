"""What the annotated picture promises: everything is said, beside its face, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.explain import annotate
from detector.explain.style import ABSTAINED, FAKE, REAL, compared, probability
from detector.types import FaceReport, Frame, Pixels


def face(
    box: tuple[float, float, float, float], probability: float | None = 0.9, reason: str | None = None
) -> FaceReport:
    return FaceReport(box, confidence=1.0, probability=probability, reason=reason)


def black(height: int, width: int) -> Frame:
    return Frame(np.zeros((height, width, 3), np.uint8))


def count(pixels: Pixels, colour: tuple[int, int, int]) -> int:
    return int((pixels == np.array(colour, np.uint8)).all(axis=-1).sum())


@pytest.mark.parametrize("side", [24, 200, 512, 3000])
def test_same_size_and_the_input_stays_as_it_was(side: int) -> None:
    frame = black(side, side * 2)
    annotated = annotate(frame, [face((side * 0.3, side * 0.3, side * 0.6, side * 0.7))], 0.5)
    assert annotated.shape == frame.pixels.shape
    assert annotated.dtype == np.uint8
    assert annotated.any()
    assert not frame.pixels.any()


def test_lines_and_text_grow_with_the_picture() -> None:
    def share(side: int) -> float:
        box = (side * 0.3, side * 0.3, side * 0.6, side * 0.7)
        return count(annotate(black(side, side), [face(box)], 0.5), FAKE) / side**2

    assert share(3000) == pytest.approx(share(800), rel=0.15)


def test_pixels_away_from_the_box_and_its_label_stay(astronaut_frame: Frame) -> None:
    annotated = annotate(astronaut_frame, [face((178, 63, 268, 176))], 0.5)
    changed = (annotated != astronaut_frame.pixels).any(axis=-1)
    assert changed[63:176, 178:268].any()
    changed[63 - 45 : 176, 178 : 178 + 140] = False
    assert not changed.any()


def test_the_inside_of_a_box_stays(astronaut_frame: Frame) -> None:
    annotated = annotate(astronaut_frame, [face((178, 63, 268, 176))], 0.5)
    np.testing.assert_array_equal(annotated[68:171, 183:263], astronaut_frame.pixels[68:171, 183:263])


@pytest.mark.parametrize(
    ("score", "threshold", "colour"),
    [(0.9, 0.5, FAKE), (0.5, 0.5, FAKE), (0.49, 0.5, REAL), (None, 0.5, ABSTAINED), (0.9, None, ABSTAINED)],
)
def test_the_verdict_decides_the_colour(
    score: float | None, threshold: float | None, colour: tuple[int, int, int]
) -> None:
    annotated = annotate(black(300, 300), [face((100, 100, 200, 200), score)], threshold)
    counts = {candidate: count(annotated, candidate) for candidate in (FAKE, REAL, ABSTAINED)}
    assert counts.pop(colour) > 500
    assert not any(counts.values())


def test_the_colours_differ_in_blue_and_are_dark_enough_for_white_text() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        share = np.array(colour) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    assert REAL[2] - FAKE[2] > 128
    for colour in (FAKE, REAL, ABSTAINED):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_an_abstention_tells_its_reason_and_is_dashed() -> None:
    box = (100.0, 100.0, 200.0, 200.0)
    small, blurry = (
        annotate(black(300, 300), [face(box, None, reason)], 0.5) for reason in ("too_small", "too_blurry")
    )
    assert (small != blurry).any()
    top = small[100, 100:200]
    assert 20 < count(top, ABSTAINED) < 80


@pytest.mark.parametrize("corner", [(-40, -30), (430, -30), (-40, 430), (430, 430), (480, 200)])
def test_text_never_leaves_the_picture(corner: tuple[int, int]) -> None:
    """At a border the label has as many px as in the middle: none of it is cut off."""
    x, y = corner

    def label(box: tuple[int, int, int, int]) -> int:
        annotated = annotate(black(512, 512), [face(box)], 0.5)
        annotated[max(0, box[1]) : box[3], max(0, box[0]) : box[2]] = 0
        return int(annotated.any(axis=-1).sum())

    assert label((x, y, x + 100, y + 110)) == label((200, 200, 300, 310))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.tuples(*[st.floats(-300, 600)] * 4),
            st.one_of(st.none(), st.floats(0, 1)),
            st.sampled_from([None, "too_small"]),
        ),
        max_size=6,
    ),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_any_boxes_on_any_picture(
    faces: list[tuple[tuple[float, float, float, float], float | None, str | None]], height: int, width: int
) -> None:
    reports = [face(*row) for row in faces]
    first, second = (annotate(black(height, width), reports, 0.5) for _ in range(2))
    assert first.shape == (height, width, 3)
    assert first.any() == bool(reports)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shift", [(60, 0), (-60, 0), (30, 10), (120, 5)])
def test_the_label_of_a_neighbour_does_not_cover_that_of_the_more_suspicious_face(shift: tuple[int, int]) -> None:
    x, y = shift
    fake, real = face((180, 150, 230, 210), 0.9), face((180 + x, 150 + y, 230 + x, 210 + y), 0.1)
    alone = annotate(black(400, 400), [fake], 0.5)
    together = annotate(black(400, 400), [real, fake], 0.5)
    label = alone.any(axis=-1)
    label[150:210, 180:230] = False
    np.testing.assert_array_equal(together[label], alone[label])


def test_no_faces_no_change(astronaut_frame: Frame) -> None:
    np.testing.assert_array_equal(annotate(astronaut_frame, [], 0.5), astronaut_frame.pixels)


@pytest.mark.parametrize(
    ("value", "threshold", "text"),
    [
        (0.93, 0.41, "0.93 ≥ 0.41"),
        (0.03, 0.41, "0.03 < 0.41"),
        (0.409, 0.411, "0.409 < 0.411"),
        (0.4101, 0.4102, "0.4101 < 0.4102"),
        (0.5, 0.5, "0.50 ≥ 0.50"),
        (0.9971, 0.41, "0.997 ≥ 0.41"),
    ],
)
def test_a_comparison_never_reads_as_false(value: float, threshold: float, text: str) -> None:
    assert compared(value, threshold) == text


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.50"), (0.9962, "0.996"), (0.001, "0.001"), (1.0, "1.000")])
def test_near_certainty_is_not_rounded_to_it(value: float, text: str) -> None:
    assert probability(value) == text
