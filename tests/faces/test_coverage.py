"""Found, missed and made up, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detector.faces.coverage import compare
from detector.types import Array


def rows(*boxes: tuple[float, float, float, float]) -> Array:
    candidates = np.zeros((len(boxes), 15), np.float32)
    for row, box in zip(candidates, boxes, strict=True):
        row[:4], row[4:14] = box, np.tile(box[:2], 5)
    return candidates


NOBODY = rows()


def test_found_missed_and_false() -> None:
    known = rows((0, 0, 10, 10), (50, 0, 60, 10))
    match = compare(rows((0, 0, 10, 9), (80, 0, 90, 10)), known, NOBODY[:, :4], 0.4)

    assert match.found.tolist() == [True, False]
    assert match.false == 1
    assert match.errors.tolist() == [0.0]


def test_a_doubtful_place_is_not_false() -> None:
    match = compare(rows((0, 0, 10, 10)), NOBODY, np.array([[0, 0, 10, 12]], np.float32), 0.4)

    assert match.false == 0


def test_the_error_is_in_box_sides() -> None:
    found = rows((0, 0, 10, 20))
    found[0, 4:14:2] += 2
    match = compare(found, rows((0, 0, 10, 20)), NOBODY[:, :4], 0.4)

    assert match.errors.tolist() == pytest.approx([0.1])


@pytest.mark.parametrize("known", [NOBODY, rows((0, 0, 5, 5))])
def test_nothing_found(known: Array) -> None:
    match = compare(NOBODY, known, NOBODY[:, :4], 0.4)

    assert not match.found.any()
    assert match.false == 0
    assert len(match.errors) == 0


def test_everything_made_up() -> None:
    assert compare(rows((0, 0, 5, 5), (9, 9, 12, 12)), NOBODY, NOBODY[:, :4], 0.4).false == 2
