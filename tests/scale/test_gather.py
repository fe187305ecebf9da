"""Rows of frames to reports of files, in whatever order they come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.scale.gather import Gather
from detector.scale.wire import End, Row, Told
from detector.types import FaceReport, Report, TimelinePoint

MODELS = {"face-vae": "1", "classifier": "2"}


def told(number: int, probability: float, track: int) -> Row:
    face = FaceReport((0, 0, 9, 9), 1.0, probability, time_s=number / 2, track=track)
    return Row(Told("clip", number, number / 2, (face,), 0.7, MODELS), 0.25)


CLIP = [told(0, 0.2, 1), told(1, 0.4, 1), told(2, 0.6, 1), told(3, 0.9, 2)]
END = Row(End("clip", 4, "video", ("odd",), None, {"yunet": "3"}), 1.0)


def reports(rows: list[Row]) -> list[Report]:
    gather = Gather()
    return [report for row in rows if (report := gather.take(row)) is not None]


@settings(deadline=None)
@given(st.permutations([*CLIP, END]))
def test_a_clip_has_one_report_in_any_order(rows: list[Row]) -> None:
    repeated = [rows[0], *rows] if isinstance(rows[0].message, Told) else rows
    [report] = reports(repeated)
    assert (report.path, report.media, report.status, report.verdict) == ("clip", "video", "ok", "real")
    assert report.fake_probability == pytest.approx(0.4), "track 2 was seen once: it decides nothing"
    assert report.timeline == tuple(TimelinePoint(n / 2, p) for n, p in enumerate((0.2, 0.4, 0.6, 0.9)))
    assert report.models == {"yunet": "3", **MODELS}
    assert (report.warnings, report.threshold) == (("odd",), 0.7)
    assert report.elapsed_s == 2.0, "its computing time: four frames of 0.25 s and 1 s of looking"


def test_a_file_waits_for_its_last_frame() -> None:
    assert reports([*CLIP[:-1], END]) == []
    assert reports(CLIP) == []


def test_what_could_not_be_looked_at_needs_no_frame() -> None:
    [report] = reports([CLIP[0], Row(End("clip", 1, "video", ("it ends early",), "truncated"))])
    assert (report.status, report.reason, report.warnings) == ("error", "truncated", ("it ends early",))
    assert (report.faces, report.models, report.timeline) == ((), {}, ())


def test_nobody_in_it_is_no_error() -> None:
    empty = Row(Told("wall", 0, 0.0, ()))
    small = Row(Told("crowd", 0, 0.0, (FaceReport((0, 0, 9, 9), 1.0, None, "too_small"),)))
    wall, crowd = reports(
        [empty, Row(End("wall", 1, "image", (), None, {"y": "3"})), small, Row(End("crowd", 1, "image"))]
    )
    assert (wall.status, wall.reason, wall.models) == ("abstained", "no_face", {"y": "3"})
    assert (crowd.status, crowd.reason) == ("abstained", "too_small")


def test_what_the_models_fail_on_says_so() -> None:
    [report] = reports([Row(Told("clip", 0, 0.0, (), failure="RuntimeError: no")), Row(End("clip", 1, "image"))])
    assert (report.status, report.reason, report.warnings) == ("error", "failed", ("RuntimeError: no",))
