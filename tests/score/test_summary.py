"""One answer for a file: the most suspicious person, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.faces import crop_faces, tracks
from detector.score.judge import Judged
from detector.score.look import Sight
from detector.score.summary import LONGEST_ABSENCE, Summary
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


def film(shots: list[list[float]]) -> list[Judged]:
    """A clip of shots with one person each, of these probabilities, far apart."""
    frames: list[list[tuple[float | None, str | None, int | None]]] = []
    for track, shot in enumerate(shots):
        frames += [[(probability, None, track)] for probability in shot] + [[]] * LONGEST_ABSENCE
    return [judged(time_s, *faces) for time_s, faces in enumerate(frames)]


@given(st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=1, max_size=4), min_size=1, max_size=8))
def test_the_frame_that_is_shown_is_kept_and_hardly_another(shots: list[list[float]]) -> None:
    """That of the highest mean, wherever in the film; of all others but the last, no frame is held."""
    summary, means = Summary("a.mp4"), [sum(shot) / len(shot) for shot in shots]
    for one in film(shots):
        summary.add(one)
        assert sum(person.exhibit is not None for person in summary.persons.values()) <= 2
    shown = max(range(len(shots)), key=lambda track: (means[track], track))
    assert summary.exhibit is not None
    assert summary.exhibit.faces[0].track == shown
    assert summary.exhibit.faces[0].probability == max(shots[shown])


def test_no_tracker_waits_longer_for_somebody() -> None:
    assert all(vars(tracks)[name] < LONGEST_ABSENCE for name in ("MAX_MISSED", "MAX_HIDDEN") if name in vars(tracks))


def test_two_who_share_the_frame_that_is_shown_are_both_pictured() -> None:
    summary = Summary("a.mp4")
    summary.add(both := judged(0, (0.9, None, 0), (0.8, None, 1)))
    for time_s in range(1, 3 * LONGEST_ABSENCE):
        summary.add(judged(time_s, (0.1, None, 2)))
    assert [person.exhibit is both for person in summary.persons.values()] == [True, True, False]


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
