"""One answer for a file: the most suspicious person, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from detector.faces import crop_faces
from detector.score.judge import Judged
from detector.score.look import Sight
from detector.score.summary import Summary
from detector.types import Face, FaceReport, Frame


def judged(time_s: float, *faces: tuple[float | None, str | None, int | None]) -> Judged:
    """A judged frame with faces of (probability, reason, track)."""
    frame = Frame(np.zeros((8, 8, 3), np.uint8), time_s)
    box = np.array([0, 0, 4, 4], np.float32)
    known = tuple(Face(box, np.zeros((5, 2), np.float32), 0.9, track) for _, _, track in faces)
    reports = tuple(FaceReport((0, 0, 4, 4), 0.9, p, reason, (), time_s, track) for p, reason, track in faces)
    crops = crop_faces(frame, [], 8)
    return Judged(Sight(frame, known, tuple(reason for _, reason, _ in faces)), reports, crops, crops.pixels)


def test_the_most_suspicious_face_of_a_picture_decides() -> None:
    summary = Summary("a.jpg")
    summary.add(judged(0, (0.2, None, None), (0.9, None, None)))
    report = summary.verdict("image", 0.5)
    assert (report.status, report.verdict, report.fake_probability) == ("ok", "fake", 0.9)
    assert report.timeline == ()


def test_a_person_in_a_video_has_the_mean_of_the_frames_that_could_be_judged() -> None:
    summary = Summary("a.mp4")
    for time_s, probability in enumerate([0.2, None, 0.4]):
        summary.add(judged(time_s, (probability, None if probability else "too_blurry", 7)))
    report = summary.verdict("video", 0.5)
    assert report.fake_probability == pytest.approx(0.3)
    assert [face.track for face in report.faces] == [7]
    assert report.faces[0].time_s == 2, "the most suspicious sighting is shown"
    assert [point.probability for point in report.timeline] == [0.2, None, 0.4]


def test_a_glimpse_decides_nothing_beside_a_person_seen_throughout() -> None:
    summary = Summary("a.mp4")
    for time_s in range(4):
        glimpse = [(0.99, None, 2)] if time_s == 0 else []
        summary.add(judged(time_s, (0.1, None, 1), *glimpse))
    assert summary.verdict("video", 0.5).fake_probability == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("faces", "reason"),
    [([], "no_face"), ([(None, "too_small", None)], "too_small"), ([(None, "too_blurry", None)], "too_blurry")],
)
def test_no_usable_face_is_a_state_of_its_own(
    faces: list[tuple[float | None, str | None, int | None]], reason: str
) -> None:
    summary = Summary("a.jpg")
    summary.add(judged(0, *faces))
    report = summary.abstention("image")
    assert (report.status, report.reason, report.fake_probability, report.verdict) == ("abstained", reason, None, None)
